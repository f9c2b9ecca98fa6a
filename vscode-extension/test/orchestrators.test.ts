// Hubs, orchestrators and vPLCs: what is shown of them, what is asked before something is destroyed, and where a token goes.

import assert from "node:assert/strict";
import { register } from "node:module";
import { suite, test } from "node:test";
import type { MarkdownString, ThemeColor, ThemeIcon, TreeItem } from "vscode";

import type { CommandName, Hub, HubChangedNotice, Orchestrator, Target, Vplc } from "../src/protocol.ts";
import { Secrets } from "../src/secrets.ts";
import type { Server, ServerState } from "../src/server.ts";
import type { Station } from "../src/station.ts";
import { BACK, EventEmitter, begin, boxes, clipboard, context, told } from "./editor.ts";

const standIn = new URL("editor.ts", import.meta.url).href;
const hook = `export const resolve = (name, context, next) => name === "vscode" ? { url: ${JSON.stringify(standIn)}, shortCircuit: true } : next(name, context);`;
register(`data:text/javascript,${encodeURIComponent(hook)}`);
const { addHubCommand, signOutOfHubCommand } = await import("../src/commands/hubs.ts");
const { connect } = await import("../src/commands/connect.ts");
const { enrolAgainCommand, enrolCommand } = await import("../src/commands/enrol.ts");
const { deleteOrchestratorCommand } = await import("../src/commands/orchestrators.ts");
const { createVplcCommand, deleteVplcCommand, renameVplcCommand } = await import("../src/commands/vplc.ts");
const { Connections } = await import("../src/connections.ts");
const { Hubs } = await import("../src/hubs.ts");
const { OrchestratorsTree } = await import("../src/orchestratorsTree.ts");
const { RuntimesTree } = await import("../src/runtimesTree.ts");

type Row = ReturnType<InstanceType<typeof OrchestratorsTree>["getChildren"]>[number];
type Answers = Partial<Record<CommandName, object | ((takes: Record<string, unknown>) => object)>>;

const TOKEN = "rung_abcdefghijklmnopqrstuvwxyz0123456789_-ABCDE";
const PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
const hour = (hours: number): string => new Date(Date.now() - hours * 3_600_000).toISOString();

const vplc = (name: string, part: Partial<Vplc> = {}): Vplc => ({
  id: `id-${name}`, name, state: "running", stateAt: hour(0), message: "", target: `plant/press hall/${name}`, address: `hub://plant.example:8444/press%20hall/${name}`, ...part,
});
const orchestrator = (part: Partial<Orchestrator> = {}): Orchestrator => ({
  id: "A1", name: "press hall", description: "", online: true, lastSeen: hour(0), revoked: null, certificate: { notAfter: hour(-24 * 300) },
  heartbeat: null, heartbeatAt: null, vplcs: [vplc("mixer")], ...part,
});
const hub = (part: Partial<Hub> = {}): Hub => ({
  name: "plant", address: "plant.example:8444", user: "chief", role: "owner", tenant: "works", signedIn: true, state: "online", message: null, ...part,
});

/** The real model behind a server that gives these answers. */
class Bench {
  readonly calls: { command: CommandName; takes: Record<string, unknown> }[] = [];
  readonly kept = new Map<string, string>();
  readonly states = new EventEmitter<ServerState>();
  readonly changes = new EventEmitter<HubChangedNotice>();
  readonly notices = new EventEmitter<object>();
  readonly answers: Answers;
  readonly station: Station;
  readonly tree: InstanceType<typeof OrchestratorsTree>;

  constructor(answers: Answers) {
    this.answers = { "rung.hubs": { hubs: [hub()] }, "rung.orchestrators": { orchestrators: [orchestrator()] }, "rung.targets": { targets: [] }, ...answers };
    const server = {
      state: "running",
      onDidChangeState: this.states.event,
      onConnectionState: this.notices.event,
      onHubChanged: this.changes.event,
      call: (command: CommandName, takes: Record<string, unknown>): Promise<object> => {
        this.calls.push({ command, takes });
        const answer = this.answers[command] ?? { ok: true };
        return Promise.resolve(typeof answer === "function" ? (answer as (takes: object) => object)(takes) : answer);
      },
    } as unknown as Server;
    const secrets = new Secrets({
      get: (key: string) => Promise.resolve(this.kept.get(key)),
      store: (key: string, value: string) => { this.kept.set(key, value); return Promise.resolve(); },
      delete: (key: string) => { this.kept.delete(key); return Promise.resolve(); },
    } as unknown as ConstructorParameters<typeof Secrets>[0]);
    const connections = new Connections(server);
    const hubs = new Hubs(server, connections, secrets);
    const log = (text: string): void => { told.push(`log ${text}`); };
    const output = { info: log, warn: log, error: log, debug: log };
    this.station = { server, secrets, connections, hubs, logs: { output } } as unknown as Station;
    this.tree = new OrchestratorsTree(hubs, connections);
  }

  static async with(answers: Answers): Promise<Bench> {
    const made = new Bench(answers);
    await made.station.hubs.refresh();
    await made.station.connections.refresh();
    return made;
  }

  of(command: CommandName): Record<string, unknown>[] {
    return this.calls.filter((call) => call.command === command).map(({ takes }) => takes);
  }

  /** The rows below those whose labels are given. */
  rows(...labels: string[]): { row: Row; item: TreeItem }[] {
    let rows = this.tree.getChildren();
    for (const label of labels) {
      const parent = rows.find((row) => this.tree.getTreeItem(row).label === label);
      assert.ok(parent, label);
      rows = this.tree.getChildren(parent);
    }
    return rows.map((row) => ({ row, item: this.tree.getTreeItem(row) }));
  }

  row(...labels: string[]): { row: Row; item: TreeItem } {
    const found = this.rows(...labels.slice(0, -1)).find(({ item }) => item.label === labels.at(-1));
    assert.ok(found, labels.join(" > "));
    return found;
  }

  end(): void {
    this.tree.dispose();
    this.station.hubs.dispose();
    this.station.connections.dispose();
  }
}

async function bench(answers: Answers, act: (bench: Bench) => Promise<void> | void): Promise<void> {
  const made = await Bench.with(answers);
  try {
    await act(made);
  } finally {
    made.end();
  }
}

const icon = ({ item }: { item: TreeItem }): string => (item.iconPath as ThemeIcon).id;
const colour = ({ item }: { item: TreeItem }): string | undefined => ((item.iconPath as ThemeIcon).color as (ThemeColor & { id: string }) | undefined)?.id;
const isDimmed = ({ item }: { item: TreeItem }): boolean => item.resourceUri?.scheme === "rung-remembered";
const tooltip = ({ item }: { item: TreeItem }): string => (item.tooltip as MarkdownString).value;

suite("the view of orchestrators", () => {
  test("shows who is signed in, what is online and what the agent measures", () =>
    bench({ "rung.orchestrators": { orchestrators: [orchestrator({ heartbeat: { cpu_usage: 12.4, memory_usage: 3.14, memory_total: 7.7 }, heartbeatAt: hour(0) })] } }, (made) => {
      assert.equal(made.row("plant").item.description, "chief · owner");
      const host = made.row("plant", "press hall");
      assert.equal(host.item.description, "CPU 12 % · 3.1/7.7 GB");
      assert.deepEqual([icon(host), colour(host), isDimmed(host)], ["circle-filled", "testing.iconPassed", false]);
      assert.equal(host.item.contextValue, "orchestrator.online.admin.owner");
      const machine = made.row("plant", "press hall", "mixer");
      assert.deepEqual([machine.item.description, machine.item.contextValue], ["not connected", "runtime.idle.vplc.admin"]);
      assert.equal(context.get("plc.hasHubs"), true);
    }));
  test("dims an orchestrator that is offline, with its age, and what was known of its vPLCs", () =>
    bench({ "rung.orchestrators": { orchestrators: [orchestrator({ online: false, lastSeen: hour(3), vplcs: [vplc("mixer", { stateAt: hour(50) })] })] } }, (made) => {
      const host = made.row("plant", "press hall");
      assert.equal(host.item.description, "offline · last seen 3 h ago");
      assert.ok(isDimmed(host));
      const machine = made.row("plant", "press hall", "mixer");
      assert.equal(machine.item.description, "last known: up");
      assert.ok(isDimmed(machine));
      assert.equal(machine.item.contextValue, "vplc.admin"); // there is no way to connect now
      assert.deepEqual(made.station.connections.reachable, []);
    }));
  test("opening rows asks nobody", () =>
    bench({}, (made) => {
      const before = made.calls.length;
      made.rows("plant", "press hall");
      assert.equal(made.calls.length, before);
    }));
  test("does not say what is true now while the hub does not answer, but keeps what it told", () =>
    bench({}, async (made) => {
      made.answers["rung.hubs"] = { hubs: [hub({ state: "offline", message: "It does not answer." })] };
      await made.station.hubs.refresh();
      assert.equal(made.row("plant").item.description, "offline · It does not answer.");
      const host = made.row("plant", "press hall");
      assert.equal(host.item.description, "not known · the hub does not answer");
      assert.ok(isDimmed(host));
      made.answers["rung.hubs"] = { hubs: [hub({ state: "signed-out", user: null, role: null, tenant: null })] };
      await made.station.hubs.refresh();
      assert.deepEqual(made.rows("plant"), []);
      assert.equal(made.row("plant").item.command?.command, "plc.signInToHub");
    }));
  test("has a look for each state of a vPLC", () => {
    const states: [Vplc["state"], string, string, string][] = [
      ["requested", "", "sync~spin", "requested…"],
      ["creating", "pulling_image", "sync~spin", "creating · pulling image"],
      ["running", "", "vm", "not connected"],
      ["stopped", "", "vm-outline", "container stopped"],
      ["deleting", "removing_networks", "sync~spin", "deleting · removing networks"],
      ["error", "No such image", "error", "error · No such image"],
      ["gone", "", "circle-slash", "gone: its host does not have it"],
    ];
    const vplcs = states.map(([state, message]) => vplc(state, { state, message }));
    return bench({ "rung.orchestrators": { orchestrators: [orchestrator({ vplcs })] } }, (made) => {
      for (const [state, , wanted, words] of states) {
        const row = made.row("plant", "press hall", state);
        assert.deepEqual([icon(row), row.item.description], [wanted, words]);
      }
      assert.match(tooltip(made.row("plant", "press hall", "error")), /<No such image>/);
    });
  });
  test("warns before a certificate ends, and says who was revoked", () => {
    const orchestrators = [
      orchestrator({ id: "A", name: "soon", certificate: { notAfter: hour(-24 * 12.5) } }),
      orchestrator({ id: "B", name: "over", certificate: { notAfter: hour(1) }, online: false, lastSeen: hour(1) }),
      orchestrator({ id: "C", name: "out", revoked: hour(1), online: false, lastSeen: null }),
    ];
    return bench({ "rung.orchestrators": { orchestrators } }, (made) => {
      assert.equal(made.row("plant", "soon").item.description, "online · certificate expires in 12 d");
      assert.equal(icon(made.row("plant", "soon")), "warning");
      assert.equal(made.row("plant", "over").item.description, "offline · last seen 1 h ago · certificate expired");
      assert.equal(made.row("plant", "out").item.description, "revoked · never connected");
    });
  });
  test("shows a connected vPLC as any machine, and not among the runtimes, too", () => {
    const target: Target = { name: "plant/press hall/mixer", address: "hub://plant.example:8444/press%20hall/mixer", state: "connected", plc: "RUNNING", runtime: "OpenPLC Runtime v4.1.4", inSync: true };
    return bench({ "rung.targets": { targets: [target] } }, (made) => {
      const row = made.row("plant", "press hall", "mixer");
      assert.equal(row.item.description, "RUN · in sync · v4.1.4");
      assert.equal(row.item.contextValue, "runtime.online.run.vplc.admin");
      assert.deepEqual(new RuntimesTree(made.station.connections).getChildren(), []);
      assert.equal(made.station.connections.active?.name, "plant/press hall/mixer");
      assert.equal(context.get("plc.hasConnections"), false);
    });
  });
  test("names and messages from elsewhere are text, on one line and of one size", () => {
    const name = `[x](command:y)\u202e\n${"z".repeat(200)}`;
    return bench({ "rung.orchestrators": { orchestrators: [orchestrator({ name, description: "**bold**", vplcs: [] })] } }, (made) => {
      const [host] = made.rows("plant");
      const label = typeof host?.item.label === "string" ? host.item.label : "";
      assert.ok(label.length <= 120 && !/[\n\u202e]/.test(label), label);
      assert.match(host === undefined ? "" : tooltip(host), /About: <\*\*bold\*\*>/);
    });
  });
  test("offers what a role may do, and nothing else", () =>
    bench({ "rung.hubs": { hubs: [hub({ role: "engineer" })] }, "rung.orchestrators": { orchestrators: [orchestrator({ vplcs: [] })] } }, (made) => {
      assert.equal(made.row("plant").item.contextValue, "hub.online");
      assert.equal(made.row("plant", "press hall").item.contextValue, "orchestrator.online");
      const [note] = made.rows("plant", "press hall");
      assert.deepEqual([note?.item.label, note?.item.command], ["No vPLC", undefined]);
    }));
});

suite("tokens", () => {
  test("are asked for hidden, go to the hub, and are kept in the secret store once it took them", async () => {
    begin({ texts: ["plant.example", "plant", TOKEN], rows: ["certificate file"], files: [PEM] });
    await bench({ "rung.signInToHub": { user: "chief", role: "owner", tenant: "works" } }, async (made) => {
      made.answers["rung.hubs"] = { hubs: [] };
      await made.station.hubs.refresh();
      made.answers["rung.addHub"] = () => {
        made.answers["rung.hubs"] = { hubs: [hub({ state: "signed-out" })] };
        return { ok: true };
      };
      await addHubCommand(made.station);
      assert.deepEqual(made.of("rung.addHub"), [{ name: "plant", address: "plant.example", ca: PEM }]);
      assert.deepEqual(made.of("rung.signInToHub"), [{ hub: "plant", token: TOKEN }]);
      assert.deepEqual([...made.kept.values()], [TOKEN]);
      assert.equal(boxes.at(-1)?.password, true);
      assert.ok(!told.some((text) => text.includes(TOKEN)));
      await signOutOfHubCommand(made.station, made.row("plant").row);
      assert.deepEqual([...made.kept.values()], []);
      assert.equal(made.of("rung.signOutOfHub").length, 1);
    });
  });
  test("that a hub refuses are not kept, those that it could not be asked about are", async () => {
    for (const [kind, kept] of [["credentials", []], ["unreachable", [TOKEN]]] as const) {
      await bench({ "rung.signInToHub": { error: { kind, message: "No.", hint: "" } } }, async (made) => {
        const failure = await made.station.hubs.signIn(hub(), TOKEN);
        assert.equal(failure?.kind, kind);
        assert.deepEqual([...made.kept.values()], kept);
      });
    }
  });
  test("are given again to a server that was started anew", () =>
    bench({ "rung.hubs": { hubs: [hub({ state: "signed-out" })] }, "rung.signInToHub": { user: "chief", role: "owner", tenant: "works" } }, async (made) => {
      await made.station.secrets.keepToken(hub(), TOKEN);
      made.states.fire("running");
      await new Promise((resume) => setTimeout(resume, 20));
      assert.deepEqual(made.of("rung.signInToHub"), [{ hub: "plant", token: TOKEN }]);
    }));
  test("of one hub are not for another of its name", async () => {
    await bench({ "rung.hubs": { hubs: [hub({ state: "signed-out", address: "other.example:8444" })] } }, async (made) => {
      await made.station.secrets.keepToken(hub(), TOKEN);
      made.states.fire("running");
      await new Promise((resume) => setTimeout(resume, 20));
      assert.deepEqual(made.of("rung.signInToHub"), []);
    });
  });
  test("are never sent by way of a private key that somebody chose as the certificate", async () => {
    begin({ texts: ["plant.example", "plant"], rows: ["certificate file"], files: [`${PEM}-----BEGIN PRIVATE KEY-----`] });
    await bench({ "rung.hubs": { hubs: [] } }, async (made) => {
      await addHubCommand(made.station);
      assert.deepEqual(made.of("rung.addHub"), []);
      assert.ok(told.some((text) => text.includes("private key")));
    });
  });
});

suite("enrolling", () => {
  const ticket = (id: string): object => ({ id, expiresAt: new Date(Date.now() + 300_000).toISOString(), command: `curl -fsS https://plant.example/install.sh | sudo sh -s -- ${id}` });
  test("shows the line, waits for the agent, and offers to create a vPLC", async () => {
    begin({ texts: ["oven", "by the door"], buttons: ["Copy and Wait"] });
    await bench({ "rung.enrol": ticket("SECRET-ID"), "rung.enrolment": { state: "online", orchestrator: "B2" } }, async (made) => {
      await enrolCommand(made.station, made.row("plant").row);
      assert.deepEqual(made.of("rung.enrol"), [{ hub: "plant", name: "oven", description: "by the door" }]);
      assert.match(clipboard.text, /SECRET-ID$/);
      assert.ok(told.includes("oven is online."));
      assert.ok(!told.some((text) => text.startsWith("log ") && text.includes("SECRET-ID")));
    });
  });
  test("enrols a known orchestrator again, and says what ends with that", async () => {
    begin({ buttons: ["Copy and Wait"] });
    const again = { ...ticket("ANOTHER-ID"), message: "The present certificate ends when the new one is issued." };
    await bench({ "rung.enrolAgain": again, "rung.enrolment": { state: "online", orchestrator: "A1" } }, async (made) => {
      const { row } = made.row("plant", "press hall");
      assert.equal(row.kind, "orchestrator");
      await enrolAgainCommand(made.station, row);
      assert.deepEqual(made.of("rung.enrol"), []);
      assert.deepEqual(made.of("rung.enrolAgain"), [{ hub: "plant", orchestrator: row.orchestrator.id }]);
      assert.match(clipboard.text, /ANOTHER-ID$/);
      assert.ok(told.some((text) => text.includes("The present certificate ends")));
    });
  });
  test("offers a new line when the first has expired", async () => {
    begin({ texts: ["oven", ""], buttons: ["Copy and Wait", "New Line", "Copy and Wait"] });
    let asked = 0;
    const answers: Answers = { "rung.enrol": () => ticket(`ID${++asked}`), "rung.enrolment": ({ id }) => ({ state: id === "ID1" ? "expired" : "online" }) };
    await bench(answers, async (made) => {
      await enrolCommand(made.station, made.row("plant").row);
      assert.equal(made.of("rung.enrol").length, 2);
      assert.match(clipboard.text, /ID2$/);
    });
  });
});

suite("creating a vPLC", () => {
  const offer: Answers = {
    "rung.interfaces": { interfaces: [{ name: "eth0", addresses: ["192.0.2.10"], subnet: "192.0.2.0/24", gateway: "192.0.2.1", dedicatedTo: null }] },
    "rung.serialDevices": { devices: [{ path: "/dev/ttyUSB0", device: "usb-FTDI_1", product: "FTDI" }, { path: "/dev/ttyS0", device: null, product: "" }] },
    "rung.createVplc": { ok: true, target: "plant/press hall/oven" },
  };
  test("asks for name, version, network and serial ports, and can go back", async () => {
    begin({ texts: ["oven", "v4.1.4", "192.0.2.50", "24", BACK, "255.255.255.0", "192.0.2.1", "192.0.2.2, 192.0.2.3"], rows: ["eth0", "Static", ["ttyUSB0"]] });
    await bench(offer, async (made) => {
      await createVplcCommand(made.station, made.row("plant", "press hall").row);
      assert.deepEqual(made.of("rung.createVplc"), [
        {
          hub: "plant",
          orchestrator: "A1",
          name: "oven",
          runtimeVersion: "v4.1.4",
          networks: [{ name: "veth0", parent: "eth0", mode: "static", ip: "192.0.2.50", subnet: "255.255.255.0", gateway: "192.0.2.1", dns: ["192.0.2.2", "192.0.2.3"] }],
          serial: [{ name: "serial0", device: "usb-FTDI_1", path: "/dev/ttyUSB0" }],
        },
      ]);
      assert.ok(told.some((text) => text.startsWith("oven is up on press hall")));
    });
  });
  test("asks no address of a network that gives one", async () => {
    begin({ texts: ["oven", "latest"], rows: ["eth0", "DHCP", []] });
    await bench(offer, async (made) => {
      await createVplcCommand(made.station, made.row("plant", "press hall").row);
      assert.deepEqual(made.of("rung.createVplc")[0]?.["networks"], [{ name: "veth0", parent: "eth0", mode: "dhcp" }]);
      assert.equal("runtimeVersion" in (made.of("rung.createVplc")[0] ?? {}), false);
    });
  });
  test("ends where the agent names no interface, with its reason", async () => {
    for (const [answer, reason] of [[{ error: { kind: "internal", message: "The network monitor is not there.", hint: "" } }, /monitor is not there/], [{ interfaces: [] }, /no network interface/]] as const) {
      begin({ texts: ["oven"] });
      await bench({ ...offer, "rung.interfaces": answer }, async (made) => {
        await createVplcCommand(made.station, made.row("plant", "press hall").row);
        assert.deepEqual([boxes, made.of("rung.createVplc")], [[], []]);
        assert.match(told.at(-1) ?? "", reason);
      });
    }
  });
  test("refuses what cannot be an address, a mask or a gateway", async () => {
    for (const [texts, reason] of [
      [["oven", "latest", "300.1.1.1"], /IPv4 address/],
      [["oven", "latest", "192.0.2.255", "24"], /broadcast/],
      [["oven", "latest", "192.0.2.50", "24", "198.51.100.1"], /not in the network/],
      [["mixer"], /already a vPLC/],
    ] as const) {
      begin({ texts: [...texts], rows: ["eth0", "Static"] });
      await bench(offer, async (made) => {
        await createVplcCommand(made.station, made.row("plant", "press hall").row);
        assert.deepEqual(made.of("rung.createVplc"), []);
        assert.match(told.at(-1) ?? "", reason);
      });
    }
  });
});

suite("deleting", () => {
  const named = { needsConfirmation: true, message: "This deletes mixer with its program.", type: "mixer" };
  const runs = { needsConfirmation: true, message: "The PLC of mixer is RUNNING.", type: null };
  const inTurn = (takes: Record<string, unknown>): object => (takes["typed"] === undefined ? named : takes["running"] === true ? { ok: true } : runs);
  test("a vPLC needs its name typed, and one more agreement while its PLC runs", async () => {
    begin({ texts: ["mixer"], buttons: ["Delete the vPLC"] });
    await bench({ "rung.deleteVplc": inTurn }, async (made) => {
      await deleteVplcCommand(made.station, made.row("plant", "press hall", "mixer").row);
      assert.deepEqual(made.of("rung.deleteVplc").map(({ typed, running }) => [typed, running]), [[undefined, undefined], ["mixer", undefined], ["mixer", true]]);
    });
  });
  test("nothing is deleted by another name, by Escape or by Enter", async () => {
    for (const [texts, buttons, asked] of [[["mixer2"], [], 1], [[undefined], [], 1], [["mixer"], [undefined], 2], [["mixer"], ["Copy Text", undefined], 2]] as const) {
      begin({ texts: [...texts], buttons: [...buttons] });
      await bench({ "rung.deleteVplc": inTurn }, async (made) => {
        await deleteVplcCommand(made.station, made.row("plant", "press hall", "mixer").row);
        const sent = made.of("rung.deleteVplc");
        assert.equal(sent.length, asked);
        assert.ok(sent.every(({ running }) => running === undefined));
      });
    }
  });
  test("a hub that asks the same again is not answered for ever", async () => {
    begin({ texts: ["mixer", "mixer"] });
    await bench({ "rung.deleteVplc": named }, async (made) => {
      await deleteVplcCommand(made.station, made.row("plant", "press hall", "mixer").row);
      assert.equal(made.of("rung.deleteVplc").length, 2);
    });
  });
  test("an orchestrator is uninstalled only if that was chosen", async () => {
    for (const [row, uninstall] of [["Only forget", false], ["Uninstall", true]] as const) {
      begin({ rows: [row] });
      await bench({}, async (made) => {
        await deleteOrchestratorCommand(made.station, made.row("plant", "press hall").row);
        assert.equal(made.of("rung.deleteOrchestrator")[0]?.["uninstall"], uninstall);
      });
    }
  });
  test("a row of something that is gone does nothing", async () => {
    begin({});
    await bench({}, async (made) => {
      const { row } = made.row("plant", "press hall", "mixer");
      made.answers["rung.orchestrators"] = { orchestrators: [] };
      await made.station.hubs.refresh();
      await deleteVplcCommand(made.station, row);
      assert.deepEqual(made.of("rung.deleteVplc"), []);
      assert.match(told.at(-1) ?? "", /not in the hub's list any more/);
    });
  });
});

suite("a vPLC", () => {
  const password = { username: "eng", password: "s3cret" };
  test("is connected by its names, with the password that was stored for it", () =>
    bench({ "rung.connect": { state: "connected" } }, async (made) => {
      begin({});
      const [machine] = made.station.connections.all;
      assert.ok(machine);
      await made.station.secrets.write(machine, password);
      assert.equal(await connect(made.station, machine), true);
      assert.deepEqual(made.of("rung.connect"), [{ target: "plant/press hall/mixer", ...password }]);
    }));
  test("asks for no password of its own when nobody is signed in to its hub", () =>
    bench({ "rung.connect": { error: { kind: "credentials", message: "Nobody is signed in to the hub plant.", hint: "Sign in." } } }, async (made) => {
      begin({});
      const [machine] = made.station.connections.all;
      assert.ok(machine);
      assert.equal(await connect(made.station, machine), false);
      assert.deepEqual(boxes, []);
      assert.match(told.at(-1) ?? "", /Nobody is signed in/);
    }));
  test("keeps its stored password under its new name", async () => {
    begin({ texts: ["blender"] });
    await bench({}, async (made) => {
      const before = made.row("plant", "press hall", "mixer").row;
      const [machine] = made.station.connections.all;
      assert.ok(machine);
      await made.station.secrets.write(machine, password);
      made.answers["rung.renameVplc"] = () => {
        const renamed = vplc("blender", { id: "id-mixer" });
        made.answers["rung.orchestrators"] = { orchestrators: [orchestrator({ vplcs: [renamed] })] };
        return { ok: true };
      };
      await renameVplcCommand(made.station, before);
      const [after] = made.station.connections.all;
      assert.ok(after);
      assert.deepEqual(await made.station.secrets.read(after), password);
      assert.equal(await made.station.secrets.read(machine), undefined);
    });
  });
});
