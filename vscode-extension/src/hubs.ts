// The hubs, their orchestrators and vPLCs, as the server last told.
//
// Invariants: nothing here is guessed. What a hub told last stays while it does not answer, marked by the hub's state, and goes when
// nobody is signed in any more. A token leaves the secret store only towards the hub that it is for.

import * as vscode from "vscode";

import type { Connections } from "./connections.ts";
import { isFailure, type Failure, type Hub, type Orchestrator, type Vplc } from "./protocol.ts";
import type { Secrets } from "./secrets.ts";
import type { Server } from "./server.ts";

/** Failures of a hub that was not reached at all: a token may be right, and is tried again. */
const NOT_ASKED: ReadonlySet<string> = new Set(["refused", "unreachable", "dns", "timeout", "lost", "busy"]);

export interface KnownHub extends Hub {
  readonly orchestrators: readonly Orchestrator[];
}

/** Rows of the view, which are what its commands are given. */
export interface HubRow {
  readonly kind: "hub";
  readonly hub: KnownHub;
}

export interface OrchestratorRow {
  readonly kind: "orchestrator";
  readonly hub: KnownHub;
  readonly orchestrator: Orchestrator;
}

export interface VplcRow {
  readonly kind: "vplc";
  /** The vPLC's target, under which all commands on machines find its connection. */
  readonly name: string;
  readonly hub: KnownHub;
  readonly orchestrator: Orchestrator;
  readonly vplc: Vplc;
}

export class Hubs implements vscode.Disposable {
  readonly #server: Server;
  readonly #connections: Connections;
  readonly #secrets: Secrets;
  readonly #changed = new vscode.EventEmitter<void>();
  readonly #subscriptions: vscode.Disposable;
  #all: readonly KnownHub[] = [];
  /** A look at everything that has not begun yet; whoever wants one meanwhile shares it. */
  #next: Promise<Failure | undefined> | undefined;
  #work: Promise<unknown> = Promise.resolve();

  readonly onDidChange = this.#changed.event;

  constructor(server: Server, connections: Connections, secrets: Secrets) {
    this.#server = server;
    this.#connections = connections;
    this.#secrets = secrets;
    const begin = (): void => { void this.#begin(); };
    this.#subscriptions = vscode.Disposable.from(
      this.#changed,
      server.onHubChanged(() => { void this.refresh(); }),
      server.onDidChangeState(begin),
      vscode.workspace.onDidGrantWorkspaceTrust(begin),
    );
    this.#set([]);
  }

  get all(): readonly KnownHub[] {
    return this.#all;
  }

  find(name: string): KnownHub | undefined {
    return this.#all.find((hub) => hub.name === name);
  }

  get orchestrators(): readonly OrchestratorRow[] {
    return this.#all.flatMap((hub) => hub.orchestrators.map((orchestrator) => ({ kind: "orchestrator", hub, orchestrator }) as const));
  }

  get vplcs(): readonly VplcRow[] {
    return this.orchestrators.flatMap(({ hub, orchestrator }) => vplcRows(hub, orchestrator));
  }

  /** Asks the server for all hubs, and those for their orchestrators. */
  refresh(): Promise<Failure | undefined> {
    if (this.#next === undefined) {
      this.#next = this.#work.then(() => {
        this.#next = undefined;
        return this.#refresh();
      });
      this.#work = this.#next;
    }
    return this.#next;
  }

  /** Gives a hub a token, and keeps it unless the hub refuses it. */
  async signIn(hub: Hub, token: string): Promise<Failure | undefined> {
    const answer = await this.#server.call("rung.signInToHub", { hub: hub.name, token });
    const failure = isFailure(answer) ? answer.error : undefined;
    if (failure === undefined || NOT_ASKED.has(failure.kind)) {
      await this.#secrets.keepToken(hub, token);
    }
    await this.refresh();
    return failure;
  }

  /** Forgets the token, here and in the server. */
  async signOut(hub: Hub): Promise<Failure | undefined> {
    await this.#secrets.forgetToken(hub);
    const answer = await this.#server.call("rung.signOutOfHub", { hub: hub.name });
    await this.refresh();
    return isFailure(answer) ? answer.error : undefined;
  }

  /** A server that has just started knows no token. */
  async #begin(): Promise<void> {
    if (this.#server.state !== "running") {
      this.#set([]);
      return;
    }
    await this.refresh();
    if (!vscode.workspace.isTrusted) {
      return;
    }
    const signedOut = this.#all.filter(({ state }) => state === "signed-out");
    await Promise.all(
      signedOut.map(async (hub) => {
        const token = await this.#secrets.token(hub);
        if (token !== undefined) {
          await this.#server.call("rung.signInToHub", { hub: hub.name, token }); // its state says what came of it
        }
      }),
    );
    if (signedOut.length > 0) {
      await this.refresh();
    }
  }

  async #refresh(): Promise<Failure | undefined> {
    const answer = await this.#server.call("rung.hubs", {});
    if (isFailure(answer)) {
      return answer.error;
    }
    this.#set(answer.hubs.map((hub) => ({ ...hub, orchestrators: this.#lastKnown(hub) })));
    const online = answer.hubs.filter(({ state }) => state === "online");
    const read = await Promise.all(online.map(({ name }) => this.#server.call("rung.orchestrators", { hub: name })));
    const found = new Map<string, readonly Orchestrator[]>();
    for (const [index, { name }] of online.entries()) {
      const told = read[index];
      if (told !== undefined && !isFailure(told)) {
        found.set(name, told.orchestrators);
      }
    }
    this.#set(this.#all.map((hub) => ({ ...hub, orchestrators: found.get(hub.name) ?? hub.orchestrators })));
    return undefined;
  }

  #lastKnown(hub: Hub): readonly Orchestrator[] {
    const known = this.find(hub.name);
    if (known?.address !== hub.address || known.tenant !== hub.tenant) {
      return [];
    }
    return hub.state === "online" || hub.state === "offline" ? known.orchestrators : [];
  }

  #set(all: readonly KnownHub[]): void {
    this.#all = all;
    const keys: Record<string, boolean> = {
      hasHubs: all.length > 0,
      anyHubOnline: all.some(({ state }) => state === "online"),
      anyVplc: this.vplcs.length > 0,
    };
    for (const [key, value] of Object.entries(keys)) {
      void vscode.commands.executeCommand("setContext", `plc.${key}`, value);
    }
    this.#connections.setVplcs(this.vplcs.map((row) => ({ name: row.name, address: row.vplc.address, reachable: isReachable(row) })));
    this.#changed.fire();
  }

  dispose(): void {
    this.#subscriptions.dispose();
  }
}

export function vplcRows(hub: KnownHub, orchestrator: Orchestrator): VplcRow[] {
  return orchestrator.vplcs.map((vplc) => ({ kind: "vplc", name: vplc.target, hub, orchestrator, vplc }));
}

/** Whether the agent behind an orchestrator is connected, as far as can be known now. */
export function isOnline({ hub, orchestrator }: Pick<OrchestratorRow, "hub" | "orchestrator">): boolean {
  return hub.state === "online" && orchestrator.online;
}

/** Whether it makes sense to connect to a vPLC. An error of its container may be an old one, so it does not count. */
export function isReachable(row: VplcRow): boolean {
  return isOnline(row) && ["running", "stopped", "error"].includes(row.vplc.state);
}

export function mayAdminister({ role }: Hub): boolean {
  return role === "admin" || role === "owner";
}
