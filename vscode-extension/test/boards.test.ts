// Serial boards: what is shown of them, what is asked and when, and what is asked before a machine is restarted or its program replaced.

import assert from "node:assert/strict";
import { register } from "node:module";
import { after, before, mock, suite, test } from "node:test";
import type { MarkdownString, ThemeIcon, TreeItem } from "vscode";

import { boardStatusWords, flashedWords, plain, portWords } from "../src/boardWording.ts";
import type { BoardStatus, BoardVariable, CommandName, FlashAnswer, Port } from "../src/protocol.ts";
import type { Server, ServerState } from "../src/server.ts";
import type { Station } from "../src/station.ts";
import { EventEmitter, begin, clipboard, context, told, view } from "./editor.ts";

const standIn = new URL("editor.ts", import.meta.url).href;
const hook = `export const resolve = (name, context, next) => name === "vscode" ? { url: ${JSON.stringify(standIn)}, shortCircuit: true } : next(name, context);`;
register(`data:text/javascript,${encodeURIComponent(hook)}`);
const { addPortCommand, boardLogCommand, connectBoardCommand, copyNoteCommand, disconnectBoardCommand } = await import("../src/commands/boards.ts");
const { downloadCommand } = await import("../src/commands/download.ts");
const { flashBoardCommand } = await import("../src/commands/flash.ts");
const { forceVariableCommand, releaseVariableCommand } = await import("../src/commands/variables.ts");
const { Boards } = await import("../src/boards.ts");
const { BoardsTree } = await import("../src/boardsTree.ts");
const { Logs } = await import("../src/logs.ts");

type Row = ReturnType<InstanceType<typeof BoardsTree>["getChildren"]>[number];
type Answers = Partial<Record<CommandName, object | ((takes: Record<string, unknown>) => object)>>;

const TYPES = [
  { name: "uno", title: "Arduino Uno", tried: "tried on an emulated chip, not on hardware" },
  { name: "nano-old", title: "Arduino Nano (old bootloader)", tried: "not tried on hardware" },
];
const MD5 = "0123456789abcdef0123456789abcdef";
const port = (part: Partial<Port> = {}): Port => ({
  port: "/dev/ttyACM0", board: null, state: "disconnected", flashing: false, md5: null, inSync: null, scanUs: null, scanMaxUs: null, overruns: null, faults: null, halted: false, forced: [],
  message: null, remedy: "", title: "Arduino Uno", boards: [{ name: "uno", title: "Arduino Uno" }], chosen: "uno", added: false, trouble: "", problem: "", hint: "", ...part,
});
const online = (part: Partial<Port> = {}): Port => port({ board: "uno", state: "connected", md5: MD5, inSync: true, scanUs: 412, scanMaxUs: 1500, overruns: 0, faults: 0, ...part });
const variable = (name: string, part: Partial<BoardVariable> = {}): BoardVariable => ({ name, type: "BOOL", value: "FALSE", forced: false, forceable: true, ...part });
const flashed = (part: Partial<FlashAnswer> = {}): FlashAnswer => ({
  ok: true, stage: "verify", verified: true, md5: MD5, size: "14 % of flash, 13 % of RAM", warnings: [], error: null, diagnostics: [], ...part,
});

/** The real model behind a server that gives these answers. */
class Bench {
  readonly calls: { command: CommandName; takes: Record<string, unknown> }[] = [];
  readonly states = new EventEmitter<ServerState>();
  readonly changes = new EventEmitter<undefined>();
  readonly notices = new EventEmitter<BoardStatus>();
  readonly answers: Answers;
  readonly station: Station;
  readonly tree: InstanceType<typeof BoardsTree>;
  readonly changedRows: (Row | undefined)[] = [];

  constructor(ports: Port[], answers: Answers) {
    this.answers = { "rung.boards": { ports, boards: TYPES }, ...answers };
    const server = {
      state: "running",
      onDidChangeState: this.states.event,
      onBoardsChanged: this.changes.event,
      onBoardState: this.notices.event,
      call: (command: CommandName, takes: Record<string, unknown>): Promise<object> => {
        this.calls.push({ command, takes });
        const answer = this.answers[command] ?? { ok: true };
        return Promise.resolve(typeof answer === "function" ? (answer as (takes: object) => object)(takes) : answer);
      },
    } as unknown as Server;
    const log = (text: string): void => { told.push(`log ${text}`); };
    const logs = new Logs({ info: log, warn: log, error: log, debug: log } as unknown as ConstructorParameters<typeof Logs>[0]);
    const boards = new Boards(server);
    this.station = { server, boards, logs, connections: { all: [] } } as unknown as Station;
    this.tree = new BoardsTree(server, boards);
    this.tree.onDidChangeTreeData((row) => { this.changedRows.push(row ?? undefined); });
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
    this.station.boards.dispose();
  }
}

async function bench(ports: Port[], answers: Answers, act: (bench: Bench) => Promise<void> | void): Promise<void> {
  view.visible = true;
  const made = new Bench(ports, answers);
  try {
    await settled();
    await act(made);
  } finally {
    made.end();
  }
}

/** Waits until what was begun has ended; the answers of these servers take no time. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) {
    await Promise.resolve();
  }
}

const icon = ({ item }: { item: TreeItem }): string => (item.iconPath as ThemeIcon).id;
const tooltip = ({ item }: { item: TreeItem }): string => (item.tooltip as MarkdownString).value;

before(() => { mock.timers.enable({ apis: ["setInterval", "setTimeout"] }); });
after(() => { mock.timers.reset(); });

suite("the list of serial ports", () => {
  test("names each port by its board, and says where it is", () =>
    bench([port(), port({ port: "/dev/ttyUSB0", title: "USB serial chip CH340", chosen: null })], {}, (made) => {
      const [uno, clone] = made.rows();
      assert.deepEqual([uno?.item.label, uno?.item.description], ["Arduino Uno", "disconnected · ttyACM0"]);
      assert.deepEqual([clone?.item.label, clone?.item.description], ["USB serial chip CH340", "choose its board · ttyUSB0"]);
      assert.equal(uno?.item.contextValue, "port.idle");
      assert.equal(context.get("plc.hasPorts"), true);
    }));
  test("says below a port why it cannot be opened, and what to do", () => {
    const problem = "You have no permission to open /dev/ttyACM0.";
    const hint = "Run: sudo usermod -aG dialout $USER";
    return bench([port({ trouble: "no permission", problem, hint })], {}, (made) => {
      const uno = made.row("Arduino Uno");
      assert.equal(uno.item.description, "disconnected · no permission · ttyACM0");
      assert.equal(uno.item.contextValue, "port.problem");
      assert.deepEqual(made.rows("Arduino Uno").map(({ item }) => item.label), [problem, hint]);
      return copyNoteCommand(made.station, made.row("Arduino Uno", hint).row).then(() => { assert.equal(clipboard.text, hint); });
    });
  });
  test("says of a connected board whether it runs the program here, and how long a scan takes", () =>
    bench([online()], { "rung.boardVariables": { md5: MD5, variables: [] } }, (made) => {
      const uno = made.row("Arduino Uno");
      assert.equal(uno.item.description, "in sync · scan 412 µs · ttyACM0");
      assert.equal(uno.item.contextValue, "port.online");
      assert.ok(tooltip(uno).includes("tried on an emulated chip"));
      assert.ok(tooltip(uno).includes("Longest scan: <1.5 ms>"));
    }));
  test("takes what a port says of itself as text", () => {
    assert.equal(plain("$(trash)\n  x"), "$ (trash) x");
    return bench([port({ title: "$(trash) [x](command:y)", chosen: null })], {}, (made) => {
      const [odd] = made.rows();
      assert.equal(odd?.item.label, "$ (trash) [x](command:y)");
      assert.ok(tooltip(odd).startsWith("**<"));
    });
  });
  test("is watched by the server only while it is on the screen", () =>
    bench([port()], {}, async (made) => {
      view.show(false);
      const asked = made.calls.length;
      mock.timers.tick(60_000);
      await settled();
      assert.equal(made.calls.length, asked, "nothing is asked while hidden");
      view.show(true);
      assert.deepEqual(made.of("rung.watchPorts"), [{ on: true }, { on: false }, { on: true }]);
    }));
  test("is asked for anew when ports come and go", () =>
    bench([port()], {}, async (made) => {
      made.answers["rung.boards"] = { ports: [], boards: TYPES };
      made.changes.fire(undefined);
      await settled();
      assert.deepEqual(made.rows(), []);
      assert.equal(context.get("plc.hasPorts"), false);
    }));
});

suite("a board that is unplugged", () => {
  const values = { md5: MD5, variables: [variable("MAIN.GREEN", { value: "TRUE" })] };
  test("has no values, no scan time and no word of its program at once", () =>
    bench([online({ forced: ["MAIN.GREEN"] })], { "rung.boardVariables": values }, async (made) => {
      mock.timers.tick(500);
      await settled();
      assert.equal(made.row("Arduino Uno", "MAIN", "GREEN").item.description, "TRUE");
      assert.equal(context.get("plc.anyForced"), true);
      made.notices.fire({ ...online(), state: "disconnected", message: "The board is gone.", remedy: "Plug it in again." });
      const uno = made.row("Arduino Uno");
      assert.equal(uno.item.description, "disconnected · ttyACM0");
      assert.deepEqual(made.rows("Arduino Uno").map(({ item }) => item.label), ["The board is gone.", "Plug it in again."]);
      assert.ok(!tooltip(uno).includes(MD5));
      assert.equal(context.get("plc.anyForced"), false);
      assert.equal(context.get("plc.anyBoardConnected"), false);
      const asked = made.of("rung.boardVariables").length;
      mock.timers.tick(5000);
      await settled();
      assert.equal(made.of("rung.boardVariables").length, asked);
    }));
  test("is not shown as connected by an answer that is older than the news", () =>
    bench([online()], { "rung.boardVariables": values }, async (made) => {
      let answer: (() => void) | undefined;
      const late = new Promise<object>((resolve) => { answer = () => { resolve({ ports: [online()], boards: TYPES }); }; });
      made.answers["rung.boards"] = () => late;
      const refreshed = made.station.boards.refresh();
      made.notices.fire({ ...online(), state: "disconnected", message: "gone" });
      answer?.();
      await refreshed;
      assert.equal(made.row("Arduino Uno").item.description, "disconnected · ttyACM0");
    }));
  test("is an item of the status bar that says so", () => {
    const lost = port({ message: "gone" });
    assert.equal(boardStatusWords(lost, "Arduino Uno").text, "$(debug-disconnect) Arduino Uno");
    assert.equal(boardStatusWords(online(), "Arduino Uno").text, "$(circuit-board) Arduino Uno ▸ RUN");
    assert.equal(boardStatusWords(online({ inSync: false }), "Arduino Uno").text, "$(circuit-board) Arduino Uno ▸ PROGRAM DIFFERS");
    assert.equal(boardStatusWords(online({ halted: true }), "Arduino Uno").text, "$(circuit-board) Arduino Uno ▸ WATCHDOG");
    assert.match(boardStatusWords(online({ forced: ["A"] }), "Arduino Uno").text, /lock/);
    assert.equal(portWords(port({ state: "error", message: "no answer" })), "error · no answer · ttyACM0");
    assert.equal(portWords(port({ flashing: true })), "downloading… · ttyACM0");
  });
});

suite("variables", () => {
  const all = [variable("LIMIT", { type: "INT", value: "3" }), variable("MAIN.GREEN"), variable("MAIN.T.ET", { type: "TIME", value: "T#0s" }), variable("MAIN.A[1]"), variable("MAIN.A[2]")];
  const answer = (takes: Record<string, unknown>): object => {
    const names = takes["names"] as string[] | undefined;
    return { md5: MD5, variables: all.filter(({ name }) => names?.includes(name) ?? true) };
  };
  test("stand below the names that they belong to", () =>
    bench([online()], { "rung.boardVariables": answer }, async (made) => {
      mock.timers.tick(500);
      await settled();
      assert.deepEqual(made.rows("Arduino Uno").map(({ item }) => item.label), ["LIMIT", "MAIN"]);
      assert.deepEqual(made.rows("Arduino Uno", "MAIN").map(({ item }) => item.label), ["GREEN", "T", "A"]);
      assert.deepEqual(made.rows("Arduino Uno", "MAIN", "A").map(({ item }) => item.label), ["[1]", "[2]"]);
      const [below] = made.rows("Arduino Uno", "MAIN", "T");
      assert.ok(below);
      assert.equal(made.tree.getParent(below.row), made.row("Arduino Uno", "MAIN", "T").row);
    }));
  test("are asked for only while their rows are open", () =>
    bench([online()], { "rung.boardVariables": answer }, async (made) => {
      mock.timers.tick(500);
      await settled();
      mock.timers.tick(500);
      await settled();
      const names = (): unknown => made.of("rung.boardVariables").at(-1)?.["names"];
      assert.deepEqual(names(), ["LIMIT", "MAIN.GREEN", "MAIN.T.ET", "MAIN.A[1]", "MAIN.A[2]"]);
      view.open(made.row("Arduino Uno", "MAIN").row, false);
      await settled();
      assert.deepEqual(names(), ["LIMIT"]);
      view.open(made.row("Arduino Uno").row, false);
      const asked = made.calls.length;
      mock.timers.tick(5000);
      await settled();
      assert.equal(made.calls.length, asked);
    }));
  test("are folded at first where there are many", () => {
    const many = Array.from({ length: 60 }, (_, index) => variable(`MAIN.V${index}`));
    return bench([online()], { "rung.boardVariables": { md5: MD5, variables: many } }, async (made) => {
      mock.timers.tick(500);
      await settled();
      assert.equal(made.row("Arduino Uno", "MAIN").item.collapsibleState, 1);
      const asked = made.calls.length;
      mock.timers.tick(2000);
      await settled();
      assert.equal(made.calls.length, asked, "what is folded is not asked for");
      view.open(made.row("Arduino Uno", "MAIN").row, true);
      await settled();
      assert.equal((made.of("rung.boardVariables").at(-1)?.["names"] as string[]).length, 60);
    });
  });
  test("change one row each", () =>
    bench([online()], { "rung.boardVariables": answer }, async (made) => {
      mock.timers.tick(500);
      await settled();
      made.changedRows.length = 0;
      all[1] = variable("MAIN.GREEN", { value: "TRUE" });
      mock.timers.tick(500);
      await settled();
      const green = made.row("Arduino Uno", "MAIN", "GREEN");
      assert.deepEqual(made.changedRows, [green.row]);
      assert.equal(green.item.description, "TRUE");
      assert.equal(icon(green), "circle-large-filled");
    }));
  test("of another program are not shown, with the reason", () => {
    const refused = { error: { kind: "not-ours", message: "The board runs another program.", hint: "" } };
    return bench([online({ inSync: false })], { "rung.boardVariables": refused }, async (made) => {
      mock.timers.tick(500);
      await settled();
      mock.timers.tick(5000);
      await settled();
      assert.deepEqual(made.rows("Arduino Uno").map(({ item }) => item.label), ["The board runs another program."]);
      assert.equal(made.of("rung.boardVariables").length, 1, "it is not asked again until something changes");
    });
  });
  test("are forced with a value that the user gave, and released", () =>
    bench([online()], { "rung.boardVariables": answer }, async (made) => {
      mock.timers.tick(500);
      await settled();
      begin({ rows: ["TRUE"] });
      await forceVariableCommand(made.station, made.row("Arduino Uno", "MAIN", "GREEN").row);
      assert.deepEqual(made.of("rung.forceBoardVariable"), [{ port: "/dev/ttyACM0", name: "MAIN.GREEN", value: "TRUE" }]);
      begin({ texts: ["T#5s"] });
      await forceVariableCommand(made.station, made.row("Arduino Uno", "MAIN", "T", "ET").row);
      assert.equal(made.of("rung.forceBoardVariable")[1]?.["value"], "T#5s");
      begin({ texts: [undefined], rows: [undefined] });
      await forceVariableCommand(made.station, made.row("Arduino Uno", "LIMIT").row);
      assert.equal(made.of("rung.forceBoardVariable").length, 2, "Escape forces nothing");
      all[1] = variable("MAIN.GREEN", { forced: true });
      await releaseVariableCommand(made.station, made.row("Arduino Uno", "MAIN", "GREEN").row);
      assert.deepEqual(made.of("rung.releaseBoardVariable"), [{ port: "/dev/ttyACM0", name: "MAIN.GREEN" }]);
    }));
});

suite("connecting", () => {
  const question = { needsConfirmation: true, message: "Opening /dev/ttyACM0 restarts the program of the Arduino Uno." };
  const asking = (takes: Record<string, unknown>): object => (takes["confirmed"] === true ? online() : question);
  test("to a board that restarts asks first", () =>
    bench([port()], { "rung.connectBoard": asking }, async (made) => {
      begin({ buttons: [undefined] });
      await connectBoardCommand(made.station, "/dev/ttyACM0");
      assert.deepEqual(made.of("rung.connectBoard").map((takes) => takes["confirmed"]), [false]);
      assert.ok(told.includes(`detail ${question.message}`));
      begin({ buttons: ["Copy Text", "Connect"] });
      await connectBoardCommand(made.station, made.row("Arduino Uno").row);
      assert.deepEqual(made.of("rung.connectBoard").at(-1), { port: "/dev/ttyACM0", uri: "file:///work/Main.st", confirmed: true });
    }));
  test("asks for the board where it is not known, and keeps it", () =>
    bench([port({ chosen: null, boards: [{ name: "nano-old", title: "" }] })], {}, async (made) => {
      begin({ rows: ["Nano (old"] });
      await connectBoardCommand(made.station, "/dev/ttyACM0");
      assert.deepEqual(made.of("rung.chooseBoard"), [{ port: "/dev/ttyACM0", board: "nano-old" }]);
      assert.equal(made.of("rung.connectBoard").length, 1);
      begin({ rows: [undefined] });
      await connectBoardCommand(made.station, "/dev/ttyACM0");
      assert.equal(made.of("rung.connectBoard").length, 1, "Escape connects nothing");
    }));
  test("to a board that has gone takes no other in its place", () =>
    bench([port({ port: "/dev/ttyACM1" })], {}, async (made) => {
      begin({});
      await connectBoardCommand(made.station, { kind: "port", port: "/dev/ttyACM0" });
      await flashBoardCommand(made.station, "/dev/ttyACM0");
      assert.deepEqual([made.of("rung.connectBoard"), made.of("rung.flashBoard")], [[], []]);
      assert.ok(told.includes("/dev/ttyACM0 is not there any more. Nothing was done."));
    }));
  test("that fails says why, and the log of what came is kept line by line", () =>
    bench([online()], { "rung.disconnectBoard": { error: { kind: "busy", message: "In use.", hint: "Wait." } }, "rung.boardLog": { entries: [{ id: 1, level: "INFO", message: "hello" }], last: 1 } }, async (made) => {
      begin({});
      await disconnectBoardCommand(made.station, "/dev/ttyACM0");
      assert.ok(told.includes("In use. Wait."));
      await boardLogCommand(made.station, "/dev/ttyACM0");
      await boardLogCommand(made.station, "/dev/ttyACM0");
      assert.deepEqual(made.of("rung.boardLog"), [{ port: "/dev/ttyACM0" }, { port: "/dev/ttyACM0", after: 1 }]);
      assert.equal(told.filter((line) => line === "info hello").length, 1);
    }));
  test("a port is added by its name, and its board chosen", () => {
    const added = port({ port: "rfc2217://10.0.0.9:2217", chosen: null, added: true });
    return bench([port()], {}, async (made) => {
      begin({ texts: ["/dev/ttyACM0"] });
      await addPortCommand(made.station);
      assert.ok(told.includes("This port is in the list already."));
      begin({ texts: [added.port], rows: ["Arduino Uno"] });
      made.answers["rung.boards"] = { ports: [port(), added], boards: TYPES };
      await addPortCommand(made.station);
      assert.deepEqual(made.of("rung.addPort"), [{ port: added.port }]);
      assert.deepEqual(made.of("rung.chooseBoard"), [{ port: added.port, board: "uno" }]);
    });
  });
});

suite("downloading", () => {
  const questions = ["While Arduino Uno is written, its program stops and its outputs go off. Continue?", "It runs somebody else's program. Continue?"];
  test("asks what the server asks, one question after the other, and goes on only with a button", () => {
    let asked = 0;
    const flash = (): object => (asked < 2 ? { needsConfirmation: true, message: questions[asked++] } : flashed());
    return bench([port()], { "rung.flashBoard": flash }, async (made) => {
      begin({ buttons: ["Download", "Download"] });
      await flashBoardCommand(made.station, "/dev/ttyACM0");
      assert.deepEqual(made.of("rung.flashBoard").map((takes) => takes["confirmed"]), [false, true, true]);
      assert.deepEqual(made.of("rung.flashBoard")[0], { port: "/dev/ttyACM0", board: "uno", uri: "file:///work/Main.st", confirmed: false });
      assert.ok(questions.every((question) => told.includes(`detail ${question}`)));
      assert.ok(told.includes("$(check) Arduino Uno: downloaded and verified. 14 % of flash, 13 % of RAM"));
      asked = 1;
      begin({ buttons: [undefined] });
      await flashBoardCommand(made.station, "/dev/ttyACM0");
      assert.equal(made.of("rung.flashBoard").length, 4, "Escape downloads nothing");
    });
  });
  test("from the editor's title bar goes to the board of a user who has no other machine", () =>
    bench([port(), port({ port: "/dev/ttyS0", chosen: null })], { "rung.flashBoard": flashed() }, async (made) => {
      begin({ rows: ["Arduino Uno"] });
      await downloadCommand(made.station, undefined);
      assert.equal(made.of("rung.flashBoard")[0]?.["port"], "/dev/ttyACM0");
    }));
  test("that was not verified, or has warnings, gets no tick", () =>
    bench([port()], { "rung.flashBoard": flashed({ warnings: ["RAM is 95 % full."] }) }, async (made) => {
      begin({});
      await flashBoardCommand(made.station, "/dev/ttyACM0");
      assert.ok(!told.some((line) => line.includes("$(check)")));
      assert.ok(told.some((line) => line.endsWith("of RAM. RAM is 95 % full.") && !line.startsWith("log")));
      assert.match(flashedWords("Uno", flashed({ verified: false, size: null })), /not verified/);
    }));
  test("that failed says what the board is left with", () => {
    const error = { kind: "lost", message: "Unplugged half-way. The board has no program now.", hint: "Plug it in and download again." };
    return bench([port()], { "rung.flashBoard": flashed({ ok: false, verified: false, error }) }, async (made) => {
      begin({});
      await flashBoardCommand(made.station, "/dev/ttyACM0");
      assert.ok(told.includes(`${error.message} ${error.hint}`));
    });
  });
});
