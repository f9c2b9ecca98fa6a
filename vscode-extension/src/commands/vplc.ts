// PLC: Create vPLC, Rename vPLC, Delete vPLC.
//
// Invariant: a vPLC that runs a program is deleted only after its name was typed and a second question was answered.

import * as vscode from "vscode";

import { nameProblem } from "../addresses.ts";
import type { Connection } from "../connections.ts";
import { showFailure } from "../failures.ts";
import { isOnline, type OrchestratorRow, type VplcRow } from "../hubs.ts";
import { cleaned } from "../hubWording.ts";
import { askSteps, type Choice, type Step } from "../multiStep.ts";
import { dottedMask, gatewayProblem, ipv4Problem, maskProblem, nameServers, nameServersProblem, prefixLength, versionProblem } from "../networks.ts";
import { isFailure, type FailureAnswer, type HostInterface, type NetworkWish, type SerialDevice, type SerialWish } from "../protocol.ts";
import type { Station } from "../station.ts";
import { withoutLinks } from "../wording.ts";
import { withAgreement } from "./agreement.ts";
import { connect } from "./connect.ts";
import { administered, chooseOrchestrator, chooseVplc } from "./rows.ts";
import type { TargetArgument } from "./target.ts";

/** What a host has to offer to a vPLC. */
interface Offer {
  readonly interfaces: readonly HostInterface[];
  readonly devices: readonly SerialDevice[];
}

export async function createVplcCommand(station: Station, argument: TargetArgument): Promise<void> {
  const row = await chooseOrchestrator(station, argument, "Create a vPLC on which orchestrator?", (one) => administered(one) && isOnline(one));
  if (row === undefined) {
    return;
  }
  const offer = await ask(station, row);
  if (isFailure(offer)) {
    showFailure(station, offer.error, () => createVplcCommand(station, row));
    return;
  }
  const answers = await askSteps(`Create vPLC on ${cleaned(row.orchestrator.name)}`, questions(row, offer));
  if (answers === undefined) {
    return;
  }
  const [name = "", version = "latest"] = answers;
  const takes = {
    ...place(row),
    name,
    ...(version === "latest" ? {} : { runtimeVersion: version }),
    networks: networks(answers),
    serial: serialPorts(answers, offer.devices),
  };
  const shown = { location: vscode.ProgressLocation.Notification, title: `Creating ${name}`, cancellable: true };
  const answer = await vscode.window.withProgress(shown, (progress, token) => {
    const report = (message: string | undefined): void => { progress.report(message === undefined ? {} : { message: cleaned(message) }); };
    return station.server.call("rung.createVplc", takes, { report, token });
  });
  await station.hubs.refresh();
  if (isFailure(answer)) {
    showFailure(station, answer.error);
    return;
  }
  station.logs.output.info(`Created the vPLC ${answer.target}.`);
  const button = "Connect";
  const message = `${name} is up on ${cleaned(row.orchestrator.name)}. It has no user and no program yet.`;
  const choice = await vscode.window.showInformationMessage(withoutLinks(message), button);
  const connection = station.connections.find(answer.target);
  if (choice === button && connection !== undefined) {
    await connect(station, connection);
  }
}

/** Asks the agent what there is. A vPLC without serial ports can be created even if it does not say which there are. */
async function ask(station: Station, row: OrchestratorRow): Promise<Offer | FailureAnswer> {
  const shown = { location: { viewId: "plc.orchestrators" } };
  const [interfaces, devices] = await vscode.window.withProgress(shown, () =>
    Promise.all([station.server.call("rung.interfaces", place(row)), station.server.call("rung.serialDevices", place(row))]),
  );
  if (isFailure(interfaces)) {
    return interfaces;
  }
  if (interfaces.interfaces.length === 0) {
    const message = `${cleaned(row.orchestrator.name)} has told no network interface, and a vPLC needs one.`;
    return { error: { kind: "internal", message, hint: "See that its network monitor runs: it is a container beside the agent." } };
  }
  if (isFailure(devices)) {
    station.logs.output.warn(`${devices.error.message} ${devices.error.hint}`);
  }
  return { interfaces: interfaces.interfaces, devices: isFailure(devices) ? [] : devices.devices };
}

/** Name, version, interface, mode, address, mask, gateway, name servers, serial ports: the order that `networks` and others rely on. */
function questions({ orchestrator }: OrchestratorRow, offer: Offer): (Step | Choice)[] {
  const taken = orchestrator.vplcs.map(({ name }) => name);
  const notStatic = (earlier: readonly string[]): boolean => earlier[3] !== "static";
  const chosen = (earlier: readonly string[]): HostInterface | undefined => offer.interfaces.find(({ name }) => name === earlier[2]);
  return [
    { prompt: "Name of the vPLC", placeholder: "mixer", problem: (text) => nameProblem(text, taken, "vPLC on this orchestrator") },
    { prompt: "Version of the OpenPLC runtime", initial: () => "latest", problem: versionProblem },
    {
      prompt: "Which network interface of the host is it to share? It gets an address of its own there",
      rows: () =>
        offer.interfaces.map((one) => ({
          label: cleaned(one.name),
          value: one.name,
          icon: "plug",
          description: cleaned([one.addresses[0], one.subnet].filter(Boolean).join(" in ")) || "no address now",
          ...(one.dedicatedTo === null ? {} : { detail: `in use: dedicated to ${cleaned(one.dedicatedTo)}` }),
        })),
    },
    {
      prompt: "Where does its address come from?",
      rows: () => [
        { label: "DHCP", value: "dhcp", icon: "broadcast", detail: "The network gives it an address" },
        { label: "Static", value: "static", icon: "pinned", detail: "Address, mask and gateway are typed here" },
      ],
    },
    { prompt: "IPv4 address", skip: notStatic, placeholder: "192.168.0.50", problem: ipv4Problem },
    {
      prompt: "Subnet mask",
      skip: notStatic,
      initial: (earlier) => maskOf(chosen(earlier)?.subnet ?? null),
      problem: (text, earlier) => maskProblem(text, earlier[4] ?? ""),
    },
    {
      prompt: "Gateway",
      skip: notStatic,
      initial: (earlier) => chosen(earlier)?.gateway ?? "",
      problem: (text, earlier) => gatewayProblem(text, earlier[4] ?? "", earlier[5] ?? ""),
    },
    { prompt: "Name servers, with commas between them (may stay empty)", skip: notStatic, problem: nameServersProblem },
    {
      prompt: "Serial ports that the vPLC is to have (none is usual)",
      skip: () => offer.devices.length === 0,
      many: true,
      rows: () => offer.devices.map((one) => ({ label: cleaned(one.path), value: one.path, description: cleaned(one.product) })),
    },
  ];
}

/** The mask of a network in the form `192.168.0.0/24`. */
function maskOf(subnet: string | null): string {
  const length = prefixLength(subnet?.split("/")[1] ?? "");
  return length === undefined ? "255.255.255.0" : dottedMask(length);
}

function networks(answers: readonly string[]): NetworkWish[] {
  const [, , parent = "", mode, ip = "", mask = "", gateway = "", dns = ""] = answers;
  if (mode !== "static") {
    return [{ name: "veth0", parent, mode: "dhcp" }];
  }
  return [{ name: "veth0", parent, mode, ip, subnet: dottedMask(prefixLength(mask) ?? 24), gateway, dns: nameServers(dns) }];
}

/** Each chosen port under the same name in the vPLC's /dev as on the host. */
function serialPorts(answers: readonly string[], devices: readonly SerialDevice[]): SerialWish[] {
  const paths = new Set((answers[8] ?? "").split("\n"));
  return devices
    .filter(({ path }) => paths.has(path))
    .map(({ path, device }, index) => ({ name: `serial${index}`, device: device ?? path, path: `/dev/${path.split("/").at(-1) ?? ""}` }));
}

/** The hub knows a machine by its name, so a new one means a new connection; the stored password goes along. */
export async function renameVplcCommand(station: Station, argument: TargetArgument): Promise<void> {
  const row = await chooseVplc(station, argument, "Rename which vPLC?", administered);
  if (row === undefined) {
    return;
  }
  const { hub, orchestrator, vplc } = row;
  const taken = orchestrator.vplcs.filter(({ id }) => id !== vplc.id).map(({ name }) => name);
  const answers = await askSteps(`Rename ${cleaned(vplc.name)}`, [
    { prompt: "New name of the vPLC. What runs in it goes on.", initial: () => vplc.name, problem: (text) => nameProblem(text, taken, "vPLC on this orchestrator") },
  ]);
  const name = answers?.[0];
  if (name === undefined || name === vplc.name) {
    return;
  }
  const before = owner(row);
  const kept = await station.secrets.read(before);
  await leave(station, row);
  const answer = await station.server.call("rung.renameVplc", { ...place(row), vplc: vplc.id, name });
  await station.hubs.refresh();
  if (isFailure(answer)) {
    showFailure(station, answer.error);
    return;
  }
  const after = station.hubs.vplcs.find((other) => other.hub.name === hub.name && other.vplc.id === vplc.id);
  if (kept !== undefined && after !== undefined) {
    await station.secrets.write(owner(after), kept);
    await station.secrets.forget(before);
  }
}

export async function deleteVplcCommand(station: Station, argument: TargetArgument): Promise<void> {
  const row = await chooseVplc(station, argument, "Delete which vPLC?", administered);
  if (row === undefined) {
    return;
  }
  const { vplc, orchestrator } = row;
  const title = `Delete ${cleaned(vplc.name)} on ${cleaned(orchestrator.name)}`;
  const call = (agreed: object): ReturnType<typeof station.server.call<"rung.deleteVplc">> =>
    station.server.call("rung.deleteVplc", { ...place(row), vplc: vplc.id, ...agreed });
  if (await withAgreement(station, title, "Delete the vPLC", call)) {
    await leave(station, row);
    await station.secrets.forget(owner(row));
    station.logs.output.info(`Deleted the vPLC ${row.name}.`);
  }
  await station.hubs.refresh();
}

/** Ends the connection to a vPLC, if there is one. */
export async function leave(station: Station, { name }: VplcRow): Promise<void> {
  const connection = station.connections.find(name);
  if (connection !== undefined && connection.state !== "disconnected") {
    await station.server.call("rung.disconnect", { target: name });
    await station.connections.refresh();
  }
}

function owner({ name, vplc }: VplcRow): Pick<Connection, "name" | "address"> {
  return { name, address: vplc.address };
}

function place({ hub, orchestrator }: Pick<OrchestratorRow, "hub" | "orchestrator">): { hub: string; orchestrator: string } {
  return { hub: hub.name, orchestrator: orchestrator.id };
}
