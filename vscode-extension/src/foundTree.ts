// The view "Found on the network": the runtimes that answer when everybody in the network is asked.
//
// Invariant: it asks only while it is on the screen and the folder is trusted, and shows what came as text: anybody can answer.

import * as vscode from "vscode";

import type { Connections } from "./connections.ts";
import { isFailure, type Found } from "./protocol.ts";
import type { Server } from "./server.ts";
import { foundAddress, foundWords } from "./wording.ts";

const FRESH_MS = 30_000;

export class FoundTree implements vscode.TreeDataProvider<Found>, vscode.Disposable {
  readonly #server: Server;
  readonly #connections: Connections;
  readonly #changed = new vscode.EventEmitter<void>();
  readonly #view: vscode.TreeView<Found>;
  readonly #subscriptions: vscode.Disposable;
  #found: readonly Found[] = [];
  #searching = false;
  #searchedAt = 0;

  readonly onDidChangeTreeData = this.#changed.event;

  constructor(server: Server, connections: Connections) {
    this.#server = server;
    this.#connections = connections;
    this.#view = vscode.window.createTreeView("plc.found", { treeDataProvider: this });
    const look = (): void => {
      if (this.#view.visible && Date.now() - this.#searchedAt > FRESH_MS) {
        void this.#search();
      }
    };
    this.#subscriptions = vscode.Disposable.from(
      this.#changed,
      this.#view,
      this.#view.onDidChangeVisibility(look),
      server.onDidChangeState(look),
      vscode.workspace.onDidGrantWorkspaceTrust(look),
      connections.onDidChange(() => { this.#changed.fire(); }),
      vscode.commands.registerCommand("plc.search", () => this.#search()),
    );
    look();
  }

  getChildren(parent?: Found): Found[] {
    return parent === undefined ? [...this.#found] : [];
  }

  getTreeItem(found: Found): vscode.TreeItem {
    const address = foundAddress(found);
    const saved = this.#connections.all.find((connection) => connection.address === address);
    const item = new vscode.TreeItem(found.hostname || found.host);
    item.id = address;
    item.description = foundWords(found, saved?.name);
    item.tooltip = `${found.hostname || found.host} · ${item.description}`;
    item.accessibilityInformation = { label: `${found.hostname || found.host}, ${item.description}` };
    if (found.recovery) {
      item.iconPath = new vscode.ThemeIcon("warning", new vscode.ThemeColor("charts.yellow"));
      item.contextValue = "found.recovery";
    } else {
      item.iconPath = new vscode.ThemeIcon(saved === undefined ? "broadcast" : "check");
      const isOffline = saved?.state === "disconnected" || saved?.state === "error";
      item.contextValue = saved === undefined ? "found.new" : isOffline ? "found.saved" : "found.online";
      if (saved === undefined) {
        item.command = { command: "plc.connectFound", title: "Connect", arguments: [found] };
      }
    }
    return item;
  }

  async #search(): Promise<void> {
    if (this.#searching || !vscode.workspace.isTrusted || this.#server.state !== "running") {
      return;
    }
    this.#searching = true;
    this.#view.message = "Asking the network…";
    const answer = await this.#server.call("rung.discover", {});
    this.#searching = false;
    this.#searchedAt = Date.now();
    this.#found = isFailure(answer) ? [] : answer.found;
    this.#view.message = isFailure(answer) ? answer.error.message : "";
    const keys = {
      hasSearched: !isFailure(answer),
    };
    for (const [key, value] of Object.entries(keys)) {
      void vscode.commands.executeCommand("setContext", `plc.${key}`, value);
    }
    this.#changed.fire();
  }

  dispose(): void {
    this.#subscriptions.dispose();
  }
}
