// The serial ports, the boards behind them, and where each connection stands, as the server last told.
//
// Invariant: nothing here is guessed. Of a board that is not connected nothing is shown that it told while it was.

import * as vscode from "vscode";

import { isFailure, type BoardStatus, type BoardType, type Failure, type Port } from "./protocol.ts";
import type { Server } from "./server.ts";

const TYPING_PAUSE_MS = 1500;

export class Boards implements vscode.Disposable {
  readonly #server: Server;
  readonly #changed = new vscode.EventEmitter<void>();
  readonly #subscriptions: readonly { dispose(): void }[];
  #all: readonly Port[] = [];
  #types: readonly BoardType[] = [];
  #active: string | undefined;
  #notices = 0;
  /** For each port the number of its latest notice, to tell news from what is older. */
  readonly #lastNotice = new Map<string, number>();
  #soon: NodeJS.Timeout | undefined;

  readonly onDidChange = this.#changed.event;

  constructor(server: Server) {
    this.#server = server;
    this.#subscriptions = [
      this.#changed,
      server.onBoardState((status) => { this.#notice(status); }),
      server.onBoardsChanged(() => void this.refresh()),
      server.onDidChangeState(() => { this.#set([]); }),
    ];
    this.#publish();
  }

  get all(): readonly Port[] {
    return this.#all;
  }

  /** Every board that a program can be built for. */
  get types(): readonly BoardType[] {
    return this.#types;
  }

  /** Those that a program can be downloaded to: the board is known, and the port can be opened. */
  get ready(): readonly Port[] {
    return this.#all.filter(({ chosen, problem, flashing }) => chosen !== null && problem === "" && !flashing);
  }

  get connected(): readonly Port[] {
    return this.#all.filter(({ state }) => state === "connected");
  }

  /** The board that the status bar shows: the one used last while it has something to show, else one that has. */
  get active(): Port | undefined {
    const shown = this.#all.filter(({ state, flashing, message }) => state !== "disconnected" || flashing || message !== null);
    return shown.find(({ port }) => port === this.#active) ?? shown[0];
  }

  find(port: string | undefined): Port | undefined {
    return this.#all.find((one) => one.port === port);
  }

  activate(port: string): void {
    this.#active = port;
    this.#publish();
  }

  /** Asks the server for all ports. */
  async refresh(): Promise<Failure | undefined> {
    const asked = this.#notices;
    const answer = await this.#server.call("rung.boards", {});
    if (isFailure(answer)) {
      return answer.error;
    }
    const isOld = (port: string): boolean => (this.#lastNotice.get(port) ?? 0) > asked;
    this.#types = answer.boards;
    this.#set(answer.ports.map((port) => merge(port, this.find(port.port), isOld(port.port))));
    return undefined;
  }

  /** Asks when the user has stopped typing: the program in the editor may now be another one than the board's. */
  refreshSoon(): void {
    clearTimeout(this.#soon);
    this.#soon = setTimeout(() => void this.refresh(), TYPING_PAUSE_MS);
  }

  #notice(status: BoardStatus): void {
    this.#lastNotice.set(status.port, ++this.#notices);
    const known = this.find(status.port);
    if (known === undefined) {
      void this.refresh();
    } else {
      this.#set(this.#all.map((port) => (port === known ? withoutGuesses({ ...known, ...status }) : port)));
    }
  }

  #set(all: readonly Port[]): void {
    this.#all = all;
    this.#publish();
  }

  #publish(): void {
    const keys: Record<string, string | boolean> = {
      hasPorts: this.#all.length > 0,
      anyAddedPort: this.#all.some(({ added }) => added),
      anyBoardConnected: this.connected.length > 0,
      anyBoardActive: this.#all.some(({ state }) => state !== "disconnected"),
      anyForced: this.#all.some(({ forced }) => forced.length > 0),
    };
    for (const [key, value] of Object.entries(keys)) {
      void vscode.commands.executeCommand("setContext", `plc.${key}`, value);
    }
    this.#changed.fire();
  }

  dispose(): void {
    clearTimeout(this.#soon);
    vscode.Disposable.from(...this.#subscriptions).dispose();
  }
}

/** What the server answered; a notice that came while it made up the answer is newer and stands. */
function merge(port: Port, known: Port | undefined, noticeIsNewer: boolean): Port {
  if (known === undefined || !noticeIsNewer) {
    return withoutGuesses(port);
  }
  const { state, flashing, md5, inSync, scanUs, scanMaxUs, overruns, faults, halted, forced, message, remedy } = known;
  return withoutGuesses({ ...port, state, flashing, md5, inSync, scanUs, scanMaxUs, overruns, faults, halted, forced, message, remedy });
}

/** A board that is not connected runs no program that we know, and holds nothing at a value that we know. */
function withoutGuesses(port: Port): Port {
  const unknown = { md5: null, inSync: null, scanUs: null, scanMaxUs: null, overruns: null, faults: null, halted: false, forced: [] };
  return port.state === "connected" ? port : { ...port, ...unknown };
}
