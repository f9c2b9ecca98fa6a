// The view "Runtimes": one row for each saved machine, and for what is connected without being saved or in the list of a hub.

import * as vscode from "vscode";

import { connectionItem } from "./connectionRow.ts";
import type { Connection, Connections } from "./connections.ts";

export class RuntimesTree implements vscode.TreeDataProvider<Connection> {
  readonly #connections: Connections;
  readonly onDidChangeTreeData: vscode.Event<void>;

  constructor(connections: Connections) {
    this.#connections = connections;
    this.onDidChangeTreeData = connections.onDidChange;
  }

  getChildren(parent?: Connection): Connection[] {
    return parent === undefined ? [...this.#connections.saved] : [];
  }

  getTreeItem(connection: Connection): vscode.TreeItem {
    return connectionItem(connection, connection.name);
  }
}
