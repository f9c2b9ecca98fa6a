// What is sent to a machine, when, what is stored, and how it is told: connecting without encryption, users, downloads, logs.

import assert from "node:assert/strict";
import { register } from "node:module";
import { after, before, mock, suite, test } from "node:test";

import type { Connection } from "../src/connections.ts";
import type { CommandName } from "../src/protocol.ts";
import { Secrets } from "../src/secrets.ts";
import type { Station } from "../src/station.ts";
import { begin, boxes, told } from "./editor.ts";

const standIn = new URL("editor.ts", import.meta.url).href;
const hook = `export const resolve = (name, context, next) => name === "vscode" ? { url: ${JSON.stringify(standIn)}, shortCircuit: true } : next(name, context);`;
register(`data:text/javascript,${encodeURIComponent(hook)}`);
const { connect } = await import("../src/commands/connect.ts");
const { downloadCommand } = await import("../src/commands/download.ts");
const { Logs } = await import("../src/logs.ts");
const { manageUsersCommand } = await import("../src/commands/users.ts");

const PLAIN = { state: "needs-login", encrypted: false, message: "Everybody can read it.", hint: "Only in a network that you trust." };
const WEB = { name: "press", address: "http://10.0.0.7:8080", state: "disconnected", plc: null } as const;
const TLS = { ...WEB, address: "10.0.0.7:8443" } as const;

interface Call {
  command: CommandName;
  takes: Record<string, unknown>;
}

/** A station with one machine, whose server gives these answers in turn. */
async function station(machine: Connection, answers: object[], stored?: string): Promise<{ station: Station; calls: Call[]; secrets: Secrets }> {
  const kept = new Map<string, string>();
  const secrets = new Secrets({
    get: (key: string) => Promise.resolve(kept.get(key)),
    store: (key: string, value: string) => { kept.set(key, value); return Promise.resolve(); },
    delete: (key: string) => { kept.delete(key); return Promise.resolve(); },
  } as unknown as ConstructorParameters<typeof Secrets>[0]);
  if (stored !== undefined) {
    await secrets.write(machine, { username: "openplc", password: stored });
  }
  const calls: Call[] = [];
  const call = (command: CommandName, takes: Record<string, unknown>): Promise<object> => {
    calls.push({ command, takes });
    return Promise.resolve(command === "rung.disconnect" ? { ok: true } : (answers.shift() ?? { error: { kind: "lost", message: "No more answers.", hint: "" } }));
  };
  const made = {
    server: { call },
    secrets,
    connections: { all: [machine], connected: [machine], active: machine, activate: () => undefined, refresh: () => Promise.resolve(undefined), find: () => machine, setDownloading: () => undefined, onDidChange: () => ({ dispose: () => undefined }) },
    logs: { output: { info: () => undefined, warn: () => undefined, error: () => undefined, debug: () => undefined } },
  };
  return { station: made as unknown as Station, calls, secrets };
}

suite("connecting to what is not encrypted", () => {
  test("sends no stored password before the user agrees", async () => {
    begin({ buttons: [undefined] });
    const { station: made, calls } = await station(WEB, [PLAIN], "secret");
    assert.equal(await connect(made, WEB), false);
    assert.deepEqual(calls.map(({ command }) => command), ["rung.connect", "rung.disconnect"]);
    assert.ok(!JSON.stringify(calls).includes("secret"));
    assert.match(told[0] ?? "", /is not encrypted/);
  });
  test("sends the stored password after the user has agreed", async () => {
    begin({ buttons: ["Send Unencrypted"] });
    const { station: made, calls } = await station(WEB, [PLAIN, { state: "connected" }], "secret");
    assert.equal(await connect(made, WEB), true);
    assert.deepEqual(calls[1]?.takes, { target: "press", username: "openplc", password: "secret", allowPlain: true });
    assert.deepEqual(boxes, []);
  });
  test("asks for no password before the user agrees, and names the default account then", async () => {
    begin({ buttons: ["Copy Text", "Send Unencrypted"], texts: ["openplc", "openplc"] });
    const { station: made, calls, secrets } = await station(TLS, [PLAIN, { state: "connected" }]);
    assert.equal(await connect(made, TLS), true);
    assert.deepEqual(calls[0]?.takes, { target: "press" });
    assert.deepEqual(calls[1]?.takes, { target: "press", username: "openplc", password: "openplc", allowPlain: true });
    assert.equal(boxes[0]?.value, "openplc");
    assert.match(boxes[0].prompt, /default|new OpenPLC Runtime v3/);
    assert.equal((await secrets.read(TLS))?.password, "openplc");
  });
  test("goes on without encryption after a wrong password, and stores none", async () => {
    begin({ buttons: ["Send Unencrypted"], texts: ["openplc", "wrong", undefined] });
    const wrong = { state: "error", kind: "credentials", message: "Wrong.", hint: "" };
    const { station: made, calls, secrets } = await station(WEB, [PLAIN, wrong]);
    assert.equal(await connect(made, WEB), false);
    assert.equal(calls.at(-1)?.command, "rung.disconnect");
    assert.equal(await secrets.read(WEB), undefined);
  });
});

suite("users", () => {
  const users = { users: [{ id: 1, username: "openplc", role: null }, { id: 2, username: "other", role: null }], own: "openplc", roles: false };
  test("one's own new password takes the place of the stored one", async () => {
    begin({ rows: ["openplc", "Change Password", undefined], texts: ["secret", "new", "new"] });
    const { station: made, calls, secrets } = await station(TLS, [users, { ok: true, own: true }, users], "secret");
    await manageUsersCommand(made, "press");
    assert.deepEqual(calls[1], { command: "rung.changePassword", takes: { target: "press", username: "openplc", old: "secret", new: "new" } });
    assert.equal((await secrets.read(TLS))?.password, "new");
    assert.ok(boxes.every(({ password }) => password));
    assert.ok(!JSON.stringify(told).includes("new\""));
  });
  test("another user's new password is not stored, and a refusal changes nothing", async () => {
    begin({ rows: ["other", "Change Password", "openplc", "Change Password", undefined], texts: ["a", "b", "b", "c", "d", "d"] });
    const refused = { error: { kind: "credentials", message: "Refused.", hint: "" } };
    const { station: made, secrets } = await station(TLS, [users, { ok: true, own: false }, users, refused, users], "secret");
    await manageUsersCommand(made, "press");
    assert.equal((await secrets.read(TLS))?.password, "secret");
  });
  test("a new password that was mistyped is not sent", async () => {
    begin({ rows: ["openplc", "Change Password", undefined], texts: ["secret", "new", "now"] });
    const { station: made, calls } = await station(TLS, [users, users], "secret");
    await manageUsersCommand(made, "press");
    assert.ok(told.includes("This is not the same password."));
    assert.deepEqual(calls.map(({ command }) => command), ["rung.users", "rung.users"]);
  });
  test("a user is deleted only when the name was typed", async () => {
    begin({ rows: ["other", "Delete User", "other", "Delete User", undefined], texts: ["", "other"] });
    const { station: made, calls } = await station(TLS, [users, users, { ok: true }, users]);
    await manageUsersCommand(made, "press");
    assert.deepEqual(calls.filter(({ command }) => command === "rung.deleteUser").map(({ takes }) => takes), [{ target: "press", username: "other" }]);
  });
  test("a name from a machine is no link and no icon", async () => {
    const odd = { ...users, users: [{ id: 2, username: "$(x)[y](command:z)", role: null }] };
    begin({ rows: ["$ (x)[y]", "Delete User", undefined], texts: [undefined] });
    await manageUsersCommand((await station(TLS, [odd, odd])).station, "press");
    assert.equal(boxes[0]?.prompt, "Type $(x)[y] (command:z) to delete this user. It cannot be undone.");
  });
  test("what cannot be managed is a sentence and the end", async () => {
    begin({});
    const refused = { error: { kind: "too-old", message: "The users of press cannot be managed from here.", hint: "" } };
    const { station: made, calls } = await station(WEB, [refused]);
    await manageUsersCommand(made, "press");
    assert.equal(calls.length, 1);
    assert.match(told[0] ?? "", /cannot be managed/);
  });
});

suite("downloads", () => {
  before(() => { mock.timers.enable({ apis: ["setTimeout"] }); }); // how long a success is shown
  after(() => { mock.timers.reset(); });
  const online: Connection = { ...TLS, state: "connected", plc: "RUNNING" };
  const report = { ok: true, stage: "verify", plc: "RUNNING", verified: true, md5: "abc", error: null, diagnostics: [], note: null };
  const question = { needsConfirmation: true, message: "press runs. That program is not the one that this workspace downloaded last." };
  const confirmed = (calls: Call[]): unknown[] => calls.map(({ takes }) => takes["confirmed"]);
  test("that are verified end with a tick", async () => {
    begin({});
    await downloadCommand((await station(online, [report])).station, "press");
    assert.deepEqual(told, ["$(check) press: downloaded, RUN, verified: it is the program in the editor"]);
  });
  test("that could not be verified end with a warning that says why, and no tick", async () => {
    begin({});
    const note = "Not verified: Modbus TCP is disabled on press.";
    await downloadCommand((await station(online, [{ ...report, verified: false, md5: null, note }])).station, "press");
    assert.deepEqual(told, [`press: downloaded, RUN. ${note}`]);
  });
  test("that were not to be started have no tick either", async () => {
    begin({});
    await downloadCommand((await station(online, [{ ...report, plc: "STOPPED", verified: false, md5: null }])).station, "press");
    assert.deepEqual(told, ["$(info) press: downloaded, STOP, not started, so not verified"]);
  });
  test("replace another program only when the user says so", async () => {
    for (const [button, sent] of [["Stop and Download", [false, true]], ["Show Status", [false]], [undefined, [false]]] as const) {
      begin({ buttons: [button] });
      const { station: made, calls } = await station(online, [question, report]);
      await downloadCommand(made, "press");
      assert.deepEqual(confirmed(calls), sent);
      assert.equal(told[0], "Stop and Download (press)?");
    }
    begin({ buttons: ["Replace and Download"] });
    const { station: made, calls } = await station({ ...online, plc: "STOPPED" }, [question, report]);
    await downloadCommand(made, "press");
    assert.deepEqual(confirmed(calls), [false, true]);
  });
});

suite("a machine's log", () => {
  test("is written once, and a restart of the machine is marked in it", () => {
    begin({});
    const logs = new Logs(undefined as unknown as ConstructorParameters<typeof Logs>[0]);
    const entry = (id: number): { id: number; timestamp: string; level: string; message: string } => ({ id, timestamp: "T", level: "INFO", message: `line ${id}` });
    logs.append("press", [entry(1), entry(2)], true);
    logs.append("press", [entry(2), entry(3)]);
    logs.append("press", [entry(1)], true);
    assert.deepEqual(told.map((line) => line.slice(0, 14)), ["info T  line 1", "info T  line 2", "info T  line 3", "warn The runti", "info T  line 1"]);
  });
});
