// The view "Serial Boards": one row for each serial port, by the name of its board; below it what is wrong with the port, or the variables.
//
// Invariant: while the view is not on the screen nothing is asked, and the server watches no ports for it.

import * as vscode from "vscode";

import type { Boards } from "./boards.ts";
import { BoardValues } from "./boardValues.ts";
import { forcedWord, overrunWord, plain, portName, portWords, variableWords } from "./boardWording.ts";
import { tooltipOf } from "./connectionRow.ts";
import type { BoardVariable, Port } from "./protocol.ts";
import type { Server } from "./server.ts";
import { microseconds, syncWord } from "./wording.ts";

/** With no more variables than these, all are shown at once. */
const FEW = 40;

interface PortRow {
  readonly kind: "port";
  readonly port: string;
}

/** What is below a name of the program: the instance of a program or of a function block, a structure, an array. */
interface GroupRow {
  readonly kind: "group";
  readonly port: string;
  readonly name: string;
}

export interface VariableRow {
  readonly kind: "variable";
  readonly port: string;
  readonly name: string;
}

/** A line of text below a port: what is wrong, and what to do. */
interface NoteRow {
  readonly kind: "note";
  readonly port: string;
  readonly icon: string;
  readonly text: string;
}

export type BoardRow = PortRow | GroupRow | VariableRow | NoteRow;

export class BoardsTree implements vscode.TreeDataProvider<BoardRow>, vscode.Disposable {
  readonly #boards: Boards;
  readonly #values: BoardValues;
  readonly #changed = new vscode.EventEmitter<BoardRow | undefined>();
  readonly #view: vscode.TreeView<BoardRow>;
  readonly #subscriptions: vscode.Disposable;
  /** The editor knows a row by its object, so each has one only. */
  readonly #rows = new Map<string, BoardRow>();
  /** What the user has opened and closed, by id; all others are as they come. */
  readonly #opened = new Map<string, boolean>();

  readonly onDidChangeTreeData = this.#changed.event;

  constructor(server: Server, boards: Boards) {
    this.#boards = boards;
    this.#view = vscode.window.createTreeView("plc.boards", { treeDataProvider: this, showCollapseAll: true });
    this.#values = new BoardValues(server, boards, () => this.#onScreen());
    let watching = false;
    const look = (): void => {
      const watch = this.#view.visible && server.state === "running" && vscode.workspace.isTrusted;
      if (watch !== watching) {
        watching = watch;
        if (server.state === "running") {
          void server.call("rung.watchPorts", { on: watch });
        }
        if (watch) {
          void boards.refresh();
        }
      }
    };
    const opened = (row: BoardRow, isOpen: boolean): void => {
      this.#opened.set(rowId(row), isOpen);
      this.#values.look();
    };
    this.#subscriptions = vscode.Disposable.from(
      this.#changed,
      this.#view,
      this.#values,
      this.#view.onDidChangeVisibility(look),
      this.#view.onDidExpandElement(({ element }) => { opened(element, true); }),
      this.#view.onDidCollapseElement(({ element }) => { opened(element, false); }),
      server.onDidChangeState(look),
      vscode.workspace.onDidGrantWorkspaceTrust(look),
      boards.onDidChange(() => { this.#changed.fire(undefined); }),
      this.#values.onDidChange(({ port, names }) => { this.#show(port, names); }),
    );
    look();
  }

  getChildren(parent?: BoardRow): BoardRow[] {
    switch (parent?.kind) {
      case undefined:
        return this.#boards.all.map(({ port }) => this.#row({ kind: "port", port }));
      case "port":
        return this.#belowPort(parent.port);
      case "group":
        return this.#named(parent.port, parent.name);
      case "variable":
      case "note":
        return [];
    }
  }

  /** Asked for by the editor before it shows a row that is not on the screen yet. */
  getParent(row: BoardRow): BoardRow | undefined {
    if (row.kind === "port") {
      return undefined;
    }
    const above = row.kind === "note" ? "" : parentName(row.name);
    return this.#row(above === "" ? { kind: "port", port: row.port } : { kind: "group", port: row.port, name: above });
  }

  getTreeItem(row: BoardRow): vscode.TreeItem {
    const port = this.#boards.find(row.port);
    const item = port === undefined ? new vscode.TreeItem("") : this.#item(row, port);
    // The editor opens and closes a row by itself only when it is a new one.
    item.id = rowId(row) + (row.kind === "port" ? (port?.state ?? "") : "");
    return item;
  }

  #item(row: BoardRow, port: Port): vscode.TreeItem {
    switch (row.kind) {
      case "port":
        return this.#portItem(row, port);
      case "group":
        return new vscode.TreeItem(lastName(row.name), this.#collapsible(row));
      case "variable":
        return variableItem(row, this.#values.find(row.port, row.name));
      case "note":
        return noteItem(row);
    }
  }

  #belowPort(name: string): BoardRow[] {
    const port = this.#boards.find(name);
    if (port === undefined) {
      return [];
    }
    if (port.state === "connected") {
      const failure = this.#values.failure(name);
      return failure === undefined ? this.#named(name, "") : [this.#row({ kind: "note", port: name, icon: "info", text: failure })];
    }
    const own = port.state === "error" || port.message !== null;
    const notes = own ? ([["error", port.message ?? ""], ["lightbulb", port.remedy]] as const) : ([["warning", port.problem], ["lightbulb", port.hint]] as const);
    return notes.filter(([, said]) => said !== "").map(([sign, said]) => this.#row({ kind: "note", port: name, icon: sign, text: said }));
  }

  /** The rows right below a name, groups where there is more below them. */
  #named(port: string, above: string): BoardRow[] {
    const below = new Map<string, BoardRow>();
    for (const { name } of this.#values.of(port) ?? []) {
      const next = nextName(name, above);
      if (next !== undefined && !below.has(next)) {
        below.set(next, this.#row({ kind: next === name ? "variable" : "group", port, name: next }));
      }
    }
    return [...below.values()];
  }

  /** The variables in open rows, for boards whose row is open, while the view is on the screen. */
  #onScreen(): Map<string, string[]> {
    const shown = new Map<string, string[]>();
    if (this.#view.visible) {
      for (const row of this.getChildren()) {
        if (this.#isOpen(row)) {
          shown.set(row.port, this.#openVariables(row));
        }
      }
    }
    return shown;
  }

  #openVariables(parent: BoardRow): string[] {
    return this.getChildren(parent).flatMap((row) => {
      if (row.kind === "variable") {
        return [row.name];
      }
      return row.kind === "group" && this.#isOpen(row) ? this.#openVariables(row) : [];
    });
  }

  #isOpen(row: BoardRow): boolean {
    const byItself = row.kind === "port" || (this.#values.of(row.port)?.length ?? 0) <= FEW;
    return this.#opened.get(rowId(row)) ?? byItself;
  }

  #collapsible(row: BoardRow): vscode.TreeItemCollapsibleState {
    return this.#isOpen(row) ? vscode.TreeItemCollapsibleState.Expanded : vscode.TreeItemCollapsibleState.Collapsed;
  }

  #show(port: string, names: readonly string[] | undefined): void {
    if (names === undefined) {
      this.#changed.fire(this.#row({ kind: "port", port }));
    }
    names?.forEach((name) => { this.#changed.fire(this.#row({ kind: "variable", port, name })); });
  }

  #row<Row extends BoardRow>(row: Row): Row {
    const known = this.#rows.get(rowId(row));
    if (known?.kind === row.kind && (row.kind !== "note" || known.kind !== "note" || known.text === row.text)) {
      return known as Row;
    }
    this.#rows.set(rowId(row), row);
    return row;
  }

  #portItem(row: PortRow, port: Port): vscode.TreeItem {
    const name = portName(port, this.#boards.types);
    const hasMore = !port.flashing && (port.state === "connected" || port.message !== null || port.problem !== "");
    const item = new vscode.TreeItem(name, hasMore ? this.#collapsible(row) : vscode.TreeItemCollapsibleState.None);
    item.description = portWords(port);
    item.iconPath = portIcon(port);
    item.contextValue = portContext(port);
    item.accessibilityInformation = { label: `${name}, ${port.state}, ${item.description}` };
    const type = this.#boards.types.find(({ name: known }) => known === port.chosen);
    item.tooltip = tooltipOf(name, [
      ["Port", port.port],
      ["Told by the system", plain(port.title)],
      ["Board", type === undefined ? "not chosen yet" : `${type.title} (${type.tried})`],
      ["Connection", port.state],
      ["Program", port.state === "connected" ? syncWord(port.inSync) || "not compared" : null],
      ["Program MD5", port.md5],
      ["Last scan", port.scanUs === null ? null : microseconds(port.scanUs)],
      ["Longest scan", port.scanMaxUs === null ? null : microseconds(port.scanMaxUs)],
      ["Overruns", overrunWord(port)],
      ["Faults", port.faults ? `${port.faults}: divisions by zero, indexes out of range and the like` : null],
      ["Held at a value", forcedWord(port) === "" ? null : port.forced.join(", ")],
      ["Reason", port.message === null ? port.problem : plain(port.message, 500)],
      ["What to do", port.remedy || port.hint],
    ]);
    return item;
  }

  dispose(): void {
    this.#subscriptions.dispose();
  }
}

function portIcon(port: Port): vscode.ThemeIcon {
  if (port.flashing || port.state === "connecting") {
    return new vscode.ThemeIcon("sync~spin");
  }
  if (port.state === "error") {
    return new vscode.ThemeIcon("error", new vscode.ThemeColor("testing.iconFailed"));
  }
  if (port.state === "connected") {
    const isWell = !port.halted && port.inSync !== false;
    return new vscode.ThemeIcon("circle-filled", new vscode.ThemeColor(isWell ? "testing.iconPassed" : "charts.yellow"));
  }
  return port.problem === "" ? new vscode.ThemeIcon("circuit-board") : new vscode.ThemeIcon("warning", new vscode.ThemeColor("charts.yellow"));
}

/** Read by the `when` clauses of package.json. */
function portContext(port: Port): string {
  const added = port.added ? ".added" : "";
  if (port.flashing) {
    return `port.busy${added}`;
  }
  const state = { connected: "online", connecting: "busy", error: "error", disconnected: port.problem === "" ? "idle" : "problem" }[port.state];
  return `port.${state}${port.forced.length > 0 ? ".forced" : ""}${added}`;
}

function variableItem(row: VariableRow, variable: BoardVariable | undefined): vscode.TreeItem {
  const item = new vscode.TreeItem(plain(lastName(row.name)));
  if (variable === undefined) {
    return item;
  }
  item.description = variableWords(variable);
  item.iconPath = variableIcon(variable);
  item.contextValue = `variable${variable.forceable ? ".forceable" : ""}${variable.forced ? ".held" : ""}`;
  item.tooltip = tooltipOf(variable.name, [
    ["Value", variable.value],
    ["Type", variable.type],
    ["Forced", variable.forced ? "held at this value until it is released" : null],
  ]);
  item.accessibilityInformation = { label: `${variable.name}, ${item.description}` };
  return item;
}

/** A bit is told by the shape of its icon as well as by its colour. */
function variableIcon({ type, value, forced }: BoardVariable): vscode.ThemeIcon {
  if (forced) {
    return new vscode.ThemeIcon("lock", new vscode.ThemeColor("charts.red"));
  }
  if (type !== "BOOL") {
    return new vscode.ThemeIcon("symbol-variable");
  }
  return value === "TRUE" ? new vscode.ThemeIcon("circle-large-filled", new vscode.ThemeColor("charts.green")) : new vscode.ThemeIcon("circle-large-outline");
}

function noteItem({ icon, text }: NoteRow): vscode.TreeItem {
  const item = new vscode.TreeItem(plain(text, 300));
  item.iconPath = new vscode.ThemeIcon(icon);
  item.tooltip = tooltipOf(text, []);
  item.contextValue = "note";
  return item;
}

function rowId(row: BoardRow): string {
  return JSON.stringify([row.port, row.kind, row.kind === "note" ? row.icon : row.kind === "port" ? "" : row.name]);
}

/** Where a name goes on: before its next member or element. */
function ends(name: string): number[] {
  return [...name.matchAll(/[.[]/g)].map(({ index }) => index).filter((index) => index > 0).concat(name.length);
}

/** The part of a name that is one step longer than what is above it; undefined when it is not below that. */
function nextName(name: string, above: string): string | undefined {
  if (above !== "" && !(name.startsWith(above) && /^[.[]/.test(name.slice(above.length)))) {
    return undefined;
  }
  const end = ends(name).find((index) => index > above.length);
  return end === undefined ? undefined : name.slice(0, end);
}

function parentName(name: string): string {
  const before = ends(name).filter((index) => index < name.length).at(-1);
  return before === undefined ? "" : name.slice(0, before);
}

function lastName(name: string): string {
  return name.slice(parentName(name).length).replace(/^\./, "");
}
