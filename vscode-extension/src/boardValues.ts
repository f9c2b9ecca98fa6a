// The variables of the programs on connected boards, with the values of those that are on the screen.
//
// Invariants: only what is on the screen is asked for, and one question per board is under way at a time; a value is shown only as long as
// the board that told it is connected and runs the same program.

import * as vscode from "vscode";

import type { Boards } from "./boards.ts";
import { isFailure, type BoardVariable, type Port } from "./protocol.ts";
import type { Server } from "./server.ts";

const PERIOD_MS = 500;

/** What is known of one board's variables; `failure` says why there are none. */
interface Known {
  readonly md5: string | null;
  /** In the order of the program's own table. */
  variables: Map<string, BoardVariable>;
  failure: string | undefined;
  asking: boolean;
}

/** One variable of the program on a board, or a group of those whose names begin alike. */
export interface VariableChange {
  readonly port: string;
  /** The variables whose rows look different now; undefined when there are others than before. */
  readonly names: readonly string[] | undefined;
}

export class BoardValues implements vscode.Disposable {
  readonly #server: Server;
  readonly #boards: Boards;
  readonly #wanted: () => ReadonlyMap<string, readonly string[]>;
  readonly #changed = new vscode.EventEmitter<VariableChange>();
  readonly #subscriptions: vscode.Disposable;
  readonly #known = new Map<string, Known>();

  readonly onDidChange = this.#changed.event;

  /** `wanted` tells which variables are on the screen, by port; a port with none has its row on the screen. */
  constructor(server: Server, boards: Boards, wanted: () => ReadonlyMap<string, readonly string[]>) {
    this.#server = server;
    this.#boards = boards;
    this.#wanted = wanted;
    const timer = setInterval(() => { this.look(); }, PERIOD_MS);
    this.#subscriptions = vscode.Disposable.from(
      this.#changed,
      boards.onDidChange(() => { this.#forget(); }),
      new vscode.Disposable(() => { clearInterval(timer); }),
    );
  }

  /** The variables of a board's program; undefined while they are not known. */
  of(port: string): readonly BoardVariable[] | undefined {
    const known = this.#known.get(port);
    return known === undefined || known.variables.size === 0 ? undefined : [...known.variables.values()];
  }

  find(port: string, name: string): BoardVariable | undefined {
    return this.#known.get(port)?.variables.get(name);
  }

  /** Why the variables of a connected board are not shown. */
  failure(port: string): string | undefined {
    return this.#known.get(port)?.failure;
  }

  /** Asks for what is on the screen now. */
  look(): void {
    for (const [port, names] of this.#wanted()) {
      const row = this.#boards.find(port);
      if (row?.state === "connected" && !row.flashing) {
        void this.#ask(row, names);
      }
    }
  }

  async #ask(port: Port, names: readonly string[]): Promise<void> {
    let known = this.#known.get(port.port);
    if (known === undefined) {
      known = { md5: port.md5, variables: new Map(), failure: undefined, asking: false };
      this.#known.set(port.port, known);
    }
    const all = known.variables.size === 0;
    if (known.asking || (!all && names.length === 0) || (all && known.failure !== undefined)) {
      return;
    }
    known.asking = true;
    const answer = await this.#server.call("rung.boardVariables", { port: port.port, ...(all ? {} : { names: [...names] }) });
    known.asking = false;
    if (this.#known.get(port.port) !== known) {
      return; // what was asked for is gone
    }
    if (isFailure(answer)) {
      known.failure = answer.error.message;
      known.variables.clear();
      this.#changed.fire({ port: port.port, names: undefined });
      return;
    }
    const news = answer.variables.filter((one) => !isSame(one, known.variables.get(one.name)));
    news.forEach((one) => { known.variables.set(one.name, one); });
    if (all || news.length > 0) {
      this.#changed.fire({ port: port.port, names: all ? undefined : news.map(({ name }) => name) });
    }
  }

  /** Drops what was told by a board that is not connected any more, or that runs another program now. */
  #forget(): void {
    for (const [name, known] of this.#known) {
      const port = this.#boards.find(name);
      if (port?.state !== "connected" || port.md5 !== known.md5 || (known.failure !== undefined && port.inSync === true)) {
        this.#known.delete(name);
        this.#changed.fire({ port: name, names: undefined });
      }
    }
  }

  dispose(): void {
    this.#subscriptions.dispose();
  }
}

function isSame(one: BoardVariable, other: BoardVariable | undefined): boolean {
  return other?.value === one.value && other.forced === one.forced;
}
