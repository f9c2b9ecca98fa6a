// The saved machines, the vPLCs of the hubs, and where each connection stands, as the server last told.
//
// Invariant: nothing here is guessed. A state changes only because the server said so; without a server there is none.

import * as vscode from "vscode";

import { isFailure, type ConnectionStateNotice, type Failure, type Target } from "./protocol.ts";
import type { Server } from "./server.ts";
import type { Machine } from "./wording.ts";

const TYPING_PAUSE_MS = 1500;

/** A machine that can be shown: what the server knows, and why it is in the error state. */
export interface Connection extends Machine {
  readonly username?: string | null | undefined;
  readonly snapshots?: boolean | undefined;
  /** A vPLC that a hub lists, so that it has its row there; `reachable` while its orchestrator is online. */
  readonly vplc?: { readonly reachable: boolean } | undefined;
}

/** A vPLC that can be connected to without being saved. */
export interface ListedVplc {
  readonly name: string;
  readonly address: string;
  readonly reachable: boolean;
}

export class Connections implements vscode.Disposable {
  readonly #server: Server;
  readonly #changed = new vscode.EventEmitter<void>();
  readonly #subscriptions: readonly { dispose(): void }[];
  #all: readonly Connection[] = [];
  #vplcs: ReadonlyMap<string, ListedVplc> = new Map();
  #active: string | undefined;
  #downloading = false;
  #notices = 0;
  /** For each machine the number of its latest notice, to tell news from what is older. */
  readonly #lastNotice = new Map<string, number>();
  #soon: NodeJS.Timeout | undefined;

  readonly onDidChange = this.#changed.event;

  constructor(server: Server) {
    this.#server = server;
    this.#subscriptions = [
      this.#changed,
      server.onConnectionState((notice) => { this.#notice(notice); }),
      server.onDidChangeState((state) => {
        this.#set(state === "running" ? this.#all : []);
        if (state === "running") {
          void this.refresh();
        }
      }),
    ];
    this.#publish();
  }

  get all(): readonly Connection[] {
    return this.#all;
  }

  /** Those that do not belong into the list of a hub. */
  get saved(): readonly Connection[] {
    return this.#all.filter(({ vplc }) => vplc === undefined);
  }

  /** Those that it makes sense to connect to: all but vPLCs whose orchestrator is offline. */
  get reachable(): readonly Connection[] {
    return this.#all.filter(({ vplc, state }) => vplc?.reachable !== false || state !== "disconnected");
  }

  get connected(): readonly Connection[] {
    return this.#all.filter(({ state }) => state === "connected");
  }

  /** The machine that the status bar shows: the one used last, else one that is connected. */
  get active(): Connection | undefined {
    return this.find(this.#active) ?? this.#all.find(({ state }) => state === "connected") ?? this.#all.find(({ state }) => state !== "disconnected");
  }

  get downloading(): boolean {
    return this.#downloading;
  }

  find(name: string | undefined): Connection | undefined {
    return this.#all.find((connection) => connection.name === name);
  }

  activate(name: string): void {
    this.#active = name;
    this.#publish();
  }

  /** Takes over which vPLCs there are. */
  setVplcs(vplcs: readonly ListedVplc[]): void {
    this.#vplcs = new Map(vplcs.map((vplc) => [vplc.name, vplc]));
    this.#set(this.#all);
  }

  setDownloading(downloading: boolean): void {
    this.#downloading = downloading;
    this.#publish();
  }

  /** Asks the server for all saved machines. */
  async refresh(): Promise<Failure | undefined> {
    const asked = this.#notices;
    const answer = await this.#server.call("rung.targets", {});
    if (isFailure(answer)) {
      return answer.error;
    }
    const isOld = (name: string): boolean => (this.#lastNotice.get(name) ?? 0) > asked;
    this.#set(answer.targets.map((target) => merge(target, this.find(target.name), isOld(target.name))));
    return undefined;
  }

  /** Asks when the user has stopped typing: the program in the editor may now be another one than the machine's. */
  refreshSoon(): void {
    clearTimeout(this.#soon);
    this.#soon = setTimeout(() => void this.refresh(), TYPING_PAUSE_MS);
  }

  #notice({ target, state, plc, message }: ConnectionStateNotice): void {
    this.#lastNotice.set(target, ++this.#notices);
    const known = this.find(target);
    if (known === undefined) {
      void this.refresh();
      return;
    }
    const updated: Connection = { ...known, state, plc: plc ?? null, message: message ?? null };
    const isNews = updated.state !== known.state || updated.plc !== known.plc;
    this.#set(this.#all.map((connection) => (connection === known ? withoutGuesses(updated) : connection)));
    if (isNews && state === "connected") {
      void this.refresh();
    }
  }

  /** `known`: what the server told of. A vPLC that it did not tell of is not connected. */
  #set(known: readonly Connection[]): void {
    const told = known
      .filter(({ name, state, vplc }) => vplc === undefined || state !== "disconnected" || this.#vplcs.has(name))
      .map((connection) => ({ ...connection, vplc: this.#vplcs.get(connection.name) }));
    const names = new Set(told.map(({ name }) => name));
    const others = [...this.#vplcs.values()].filter(({ name }) => !names.has(name));
    this.#all = [...told, ...others.map((vplc) => ({ name: vplc.name, address: vplc.address, state: "disconnected", plc: null, vplc }) as const)];
    this.#publish();
  }

  #publish(): void {
    const keys: Record<string, string | boolean> = {
      serverState: this.#server.state,
      connectionState: this.active?.state ?? "disconnected",
      hasConnections: this.saved.length > 0,
      anyConnected: this.connected.length > 0,
      anySource: this.connected.some(({ snapshots }) => snapshots === true),
      anyActive: this.#all.some(({ state }) => state !== "disconnected"),
      downloading: this.#downloading,
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
function merge(target: Target, known: Connection | undefined, noticeIsNewer: boolean): Connection {
  if (known !== undefined && noticeIsNewer) {
    return withoutGuesses({ ...target, state: known.state, plc: known.plc, message: known.message });
  }
  return withoutGuesses({ ...target, message: target.state === "error" ? known?.message : null });
}

/** A machine that is not connected is in no state that we know, and runs no program that we know. */
function withoutGuesses(connection: Connection): Connection {
  return connection.state === "connected" ? connection : { ...connection, plc: null, inSync: null, md5: null };
}
