// What the user reads: the status bar, the fingerprint, the log, and what may be typed.

import assert from "node:assert/strict";
import { suite, test } from "node:test";

import { addressProblem, nameProblem, suggestedName } from "../src/addresses.ts";
import { firstThatDoes, isNewEnough, pathCandidates, rejectionText } from "../src/interpreters.ts";
import { isFailure, needsConfirmation, type Found, type StatusAnswer, type TaskTiming } from "../src/protocol.ts";
import { noAnswer } from "../src/serverFailures.ts";
import {
  deployLogEntry,
  duration,
  fingerprintLines,
  foundAddress,
  foundWords,
  logLine,
  roleWord,
  runtimeWord,
  runtimeWords,
  statusRows,
  statusWords,
  withoutIcons,
  withoutLinks,
  type Machine,
} from "../src/wording.ts";

const machine: Machine = { name: "line3", address: "192.168.0.10:8443", state: "connected", plc: "RUNNING" };

suite("the status bar", () => {
  test("has exactly four looks", () => {
    assert.equal(statusWords(undefined).text, "$(debug-disconnect) PLC");
    assert.equal(statusWords({ ...machine, state: "disconnected" }).text, "$(debug-disconnect) PLC");
    assert.equal(statusWords({ ...machine, state: "connecting" }).text, "$(sync~spin) PLC: line3…");
    assert.equal(statusWords(machine).text, "$(plug) line3 ▸ RUN");
    assert.equal(statusWords({ ...machine, state: "error" }).text, "$(error) PLC: line3 Error");
  });
  test("shows the machine's own state as a suffix", () => {
    assert.equal(statusWords({ ...machine, plc: "STOPPED" }).text, "$(plug) line3 ▸ STOP");
    assert.equal(statusWords({ ...machine, plc: "EMPTY" }).text, "$(plug) line3 ▸ NO PROGRAM");
    assert.equal(statusWords({ ...machine, plc: "ERROR" }).text, "$(plug) line3 ▸ ERROR");
    assert.equal(statusWords({ ...machine, plc: null }).text, "$(plug) line3");
  });
  test("is read aloud without icons", () => {
    const words = statusWords({ ...machine, runtime: "OpenPLC Runtime v4.1.4", inSync: false });
    assert.equal(words.label, "PLC: connected to line3, RUN, OpenPLC Runtime v4.1.4, program differs.");
  });
  test("gives the reason of an error in its tooltip", () => {
    assert.match(statusWords({ ...machine, state: "error", message: "It does not answer." }).tooltip, /It does not answer/);
  });
});

suite("fingerprints", () => {
  const digits = "0123456789abcdef".repeat(4);
  test("stand in pairs on two lines, in the form of openssl", () => {
    const [first, second] = fingerprintLines(digits).split("\n");
    assert.equal(first, "01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF");
    assert.equal(second, first);
  });
  test("look the same in whatever form they come", () => {
    assert.equal(fingerprintLines(`SHA256:${digits}`), fingerprintLines(digits));
    assert.equal(fingerprintLines(fingerprintLines(digits)), fingerprintLines(digits));
  });
});

suite("logs and status", () => {
  test("a log line has the machine's own time", () => {
    assert.equal(logLine({ message: "started", timestamp: "2024-05-01T10:00:00" }), "2024-05-01T10:00:00  started");
    assert.equal(logLine({ message: "started", timestamp: 0 }), "1970-01-01T00:00:00.000Z  started");
    assert.equal(logLine({ message: "started" }), "started");
  });
  test("a line of the compile log keeps its level", () => {
    assert.deepEqual(deployLogEntry("[WARNING] slow disk"), { level: "WARNING", message: "slow disk" });
    assert.deepEqual(deployLogEntry("Main.st:3: error"), { level: "INFO", message: "Main.st:3: error" });
  });
  const task: TaskTiming = {
    name: "task0", scan_count: 7, overruns: 1,
    scan_time_min: 12, scan_time_avg: 15.4, scan_time_max: 2100,
    cycle_time_min: 19_900, cycle_time_avg: 0, cycle_time_max: 20_100,
    cycle_latency_min: null, cycle_latency_avg: null, cycle_latency_max: null,
  };
  const status: StatusAnswer = {
    state: "connected", plc: "RUNNING", version: "v4.1.4", runtime: "OpenPLC Runtime v4.1.4", encrypted: true,
    md5: "abc", tasks: [], inSync: true, since: 3725, switch: "run",
  };
  const program = (part: Partial<StatusAnswer>): string | undefined =>
    new Map(statusRows(machine, { ...status, inSync: null, md5: null, ...part })).get("Program");
  test("the status names state, program, runtime, connection and the times of each task", () => {
    assert.deepEqual(statusRows(machine, { ...status, tasks: [task] }), [
      ["Machine", "RUN"],
      ["Mode switch", "RUN"],
      ["Program", "in sync with the editor"],
      ["Program MD5", "abc"],
      ["Runtime", "OpenPLC Runtime v4.1.4"],
      ["Address", "192.168.0.10:8443"],
      ["Connected for", "1 h 2 min"],
      ["Task task0", "7 scans, 1 overrun"],
      ["Task task0: scan time", "12 µs / 15 µs / 2.1 ms (min / average / max)"],
      ["Task task0: cycle time", "19.9 ms / – / 20.1 ms (min / average / max)"],
    ]);
  });
  test("a program that was not compared has its reason", () => {
    assert.equal(program({ inSync: false, md5: "abc" }), "another program than in the editor");
    assert.equal(program({ md5Unread: "Modbus TCP is disabled." }), "not readable: Modbus TCP is disabled.");
    assert.equal(program({ plc: "EMPTY" }), "none");
    assert.match(program({ md5: "abc" }) ?? "", /^not compared/);
    assert.match(program({}) ?? "", /^not readable/);
  });
  test("a program whose name is known is called by it", () => {
    assert.deepEqual(
      statusRows(machine, { ...status, program: "press $(x)" }).filter(([label]) => label === "Program name"),
      [["Program name", withoutIcons("press $(x)")]],
    );
  });
  test("a task that was not measured says so", () => {
    const nothing = Object.fromEntries(Object.keys(task).map((key) => [key, null])) as unknown as TaskTiming;
    assert.deepEqual(statusRows(machine, { ...status, tasks: [{ ...nothing, name: "t" }] }).at(-1), ["Task t", "not measured yet"]);
  });
  test("durations are told in their two largest units", () => {
    assert.deepEqual([0, 59, 60, 3600, 90_061].map(duration), ["0 s", "59 s", "1 min", "1 h", "1 d 1 h"]);
  });
});

suite("runtimes", () => {
  const web = { runtime: "OpenPLC Runtime v3", version: "v3", encrypted: false };
  const found: Found = { host: "192.168.0.10", port: 8443, version: "v4.1.4", hostname: "press", project: null, recovery: false };
  test("are named with what they are", () => {
    assert.equal(runtimeWords({ runtime: "OpenPLC Runtime v4.1.4", version: "v4.1.4", encrypted: true }), "OpenPLC Runtime v4.1.4");
    assert.equal(runtimeWord({ runtime: "OpenPLC Runtime v4.1.4", version: "v4.1.4", encrypted: true }), "v4.1.4");
    assert.equal(runtimeWords(web), "OpenPLC Runtime v3 (web pages, not encrypted)");
    assert.equal(runtimeWord(web), "v3 (not encrypted)");
    assert.equal(runtimeWord({}), "");
  });
  test("that are not encrypted show it in the status bar", () => {
    assert.equal(statusWords({ ...machine, ...web }).text, "$(plug) line3 ▸ RUN $(unlock)");
    assert.match(statusWords({ ...machine, ...web }).tooltip, /not encrypted/);
  });
  test("that were found say where, which and under which name they are saved", () => {
    assert.equal(foundWords(found, undefined), "192.168.0.10:8443 · v4.1.4");
    assert.equal(foundWords({ ...found, project: "Conveyor" }, "line3"), "saved as line3 · 192.168.0.10:8443 · v4.1.4 · project Conveyor");
    assert.match(foundWords({ ...found, version: "", recovery: true }, undefined), /bootloader/);
    assert.equal(foundAddress({ ...found, host: "fe80::1" }), "[fe80::1]:8443");
  });
  test("have users, some with roles", () => {
    assert.equal(roleWord({ id: 1, username: "a", role: "admin" }, true), "administrator");
    assert.equal(roleWord({ id: 1, username: "a", role: "user" }, true), "ordinary user");
    assert.equal(roleWord({ id: 1, username: "a", role: "constructor" }, true), "constructor");
    assert.equal(roleWord({ id: 1, username: "a", role: "admin" }, false), "");
  });
  test("put no icons into lists by their names", () => {
    assert.equal(withoutIcons("$(check) ok $5"), "$ (check) ok $5");
  });
});

suite("notifications", () => {
  test("what a machine says holds no link that could be clicked", () => {
    assert.equal(withoutLinks("Failed. [Fix it](command:plc.stop) or [read](https://x)"), "Failed. [Fix it] (command:plc.stop) or [read] (https://x)");
    assert.equal(withoutLinks("a[0](1)](2"), "a[0] (1)] (2");
    assert.equal(withoutLinks("line3 is as it was (stopped)."), "line3 is as it was (stopped).");
  });
});

suite("addresses", () => {
  for (const good of ["plc", "192.168.0.10", "192.168.0.10:8443", "plc.example.org:1", "[fe80::1]:8443", "::1", "https://plc:8443/"]) {
    test(`"${good}" is accepted`, () => { assert.equal(addressProblem(good), undefined); });
  }
  for (const bad of ["", "  ", "a b", "plc:0", "plc:65536", "plc:port", "ftp://plc", "plc/path", "admin:secret@plc", "https://"]) {
    test(`"${bad}" is refused`, () => { assert.notEqual(addressProblem(bad), undefined); });
  }
  test("a name is offered", () => {
    assert.equal(suggestedName("line3.factory.example:8443"), "line3");
    assert.equal(suggestedName("192.168.0.10:8443"), "192.168.0.10");
    assert.equal(suggestedName("[fe80::1]:8443"), "fe80--1");
  });
  test("a name is not given twice", () => {
    assert.notEqual(nameProblem("Line3", ["line3"]), undefined);
    assert.equal(nameProblem("line4", ["line3"]), undefined);
    assert.notEqual(nameProblem("../etc", []), undefined);
  });
});

suite("the interpreter", () => {
  test("is at least 3.10", () => {
    assert.equal(isNewEnough("3.10.0"), true);
    assert.equal(isNewEnough("3.9.18"), false);
    assert.equal(isNewEnough("4.0.0"), true);
  });
  test("is looked for under the names of each system", () => {
    assert.deepEqual(pathCandidates("win32").map(({ program }) => program), ["python", "py", "python3"]);
    assert.equal(pathCandidates("linux")[0]?.program, "python3");
  });
  test("that is missing is named in the message", async () => {
    const found = await firstThatDoes([{ program: "no-such-python", args: ["-3"], origin: "PATH" }], ".");
    assert.ok(Array.isArray(found));
    assert.equal(rejectionText(found), "no-such-python -3 not found");
  });
});

suite("answers of the server", () => {
  test("say of what was not answered what is not known then", () => {
    assert.match(noAnswer("rung.createUser").error.message, /Whether the machine's users were changed is not known/);
    assert.match(noAnswer("rung.stop").error.message, /What the machine does now is not known/);
    assert.doesNotMatch(noAnswer("rung.targets").error.message, /not known/);
  });
  test("a failure, a question and a deploy report are told apart", () => {
    const failure = { error: { kind: "refused", message: "", hint: "" } };
    const report = { ok: false, stage: "check", plc: null, verified: false, md5: null, error: failure.error, diagnostics: [] };
    assert.equal(isFailure(failure), true);
    assert.equal(isFailure(report), false);
    assert.equal(needsConfirmation({ needsConfirmation: true, message: "" }), true);
    assert.equal(needsConfirmation(report), false);
  });
});
