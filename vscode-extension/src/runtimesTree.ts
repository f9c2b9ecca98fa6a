// The view "Runtimes": one row for each saved machine.

import * as vscode from "vscode";

import type { Connection, Connections } from "./connections.ts";
import { plcWord, runtimeWord, runtimeWords, syncWord } from "./wording.ts";

export class RuntimesTree implements vscode.TreeDataProvider<Connection> {
  readonly #connections: Connections;
  readonly onDidChangeTreeData: vscode.Event<void>;

  constructor(connections: Connections) {
    this.#connections = connections;
    this.onDidChangeTreeData = connections.onDidChange;
  }

  getChildren(parent?: Connection): Connection[] {
    return parent === undefined ? [...this.#connections.all] : [];
  }

  getTreeItem(connection: Connection): vscode.TreeItem {
    const item = new vscode.TreeItem(connection.name);
    item.id = connection.name;
    item.description = description(connection);
    item.iconPath = icon(connection);
    item.contextValue = contextValue(connection);
    item.tooltip = tooltip(connection);
    item.accessibilityInformation = { label: `${connection.name}, ${connection.state}, ${item.description}` };
    return item;
  }
}

function isRunning(connection: Connection): boolean {
  return plcWord(connection.plc) === "RUN";
}

/** Read by the `when` clauses of package.json, which show only the actions that make sense. */
function contextValue(connection: Connection): string {
  switch (connection.state) {
    case "connected": {
      const does = isRunning(connection) ? "run" : plcWord(connection.plc) === "NO PROGRAM" ? "empty" : "still";
      return `runtime.online.${does}${connection.snapshots === true ? ".source" : ""}`;
    }
    case "connecting":
      return "runtime.busy";
    case "error":
      return "runtime.error";
    case "disconnected":
      return "runtime.idle";
  }
}

function description(connection: Connection): string {
  switch (connection.state) {
    case "connected":
      return [plcWord(connection.plc), syncWord(connection.inSync), runtimeWord(connection)].filter((part) => part !== "").join(" · ");
    case "connecting":
      return "connecting…";
    case "error":
      return `error · ${connection.message ?? connection.address}`;
    case "disconnected":
      return connection.address;
  }
}

function icon(connection: Connection): vscode.ThemeIcon {
  switch (connection.state) {
    case "connected":
      return isRunning(connection)
        ? new vscode.ThemeIcon("circle-filled", new vscode.ThemeColor("testing.iconPassed"))
        : new vscode.ThemeIcon("circle-filled", new vscode.ThemeColor("charts.yellow"));
    case "connecting":
      return new vscode.ThemeIcon("sync~spin");
    case "error":
      return new vscode.ThemeIcon("error", new vscode.ThemeColor("testing.iconFailed"));
    case "disconnected":
      return new vscode.ThemeIcon("circle-outline");
  }
}

/** Names and messages come from a machine or a file: they are shown as text, never as Markdown. */
function tooltip(connection: Connection): vscode.MarkdownString {
  const text = new vscode.MarkdownString();
  const line = (label: string, value: string | null | undefined): void => {
    if (value) {
      text.appendMarkdown(`\n\n${label}: `).appendText(value);
    }
  };
  text.appendMarkdown("**").appendText(connection.name).appendMarkdown("**");
  line("Address", connection.address);
  line("Connection", connection.state);
  if (connection.state === "connected") {
    line("Machine", plcWord(connection.plc) || "state unknown");
    line("Program", syncWord(connection.inSync) || "not compared yet");
    line("Runtime", runtimeWords(connection));
    line("Program MD5", connection.md5);
  }
  line("Reason", connection.message);
  line("User", connection.username);
  return text;
}
