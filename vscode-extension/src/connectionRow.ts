// How a connection looks in a row of the sidebar, wherever that row is: among the runtimes, or below a hub.

import * as vscode from "vscode";

import type { Connection } from "./connections.ts";
import { plcWord, runtimeWord, runtimeWords, syncWord } from "./wording.ts";

/** A row for a connection; `label` is what it is called there. */
export function connectionItem(connection: Connection, label: string): vscode.TreeItem {
  const item = new vscode.TreeItem(label);
  item.id = connection.name;
  item.description = description(connection);
  item.iconPath = icon(connection);
  item.contextValue = contextValue(connection);
  item.tooltip = tooltip(connection);
  item.accessibilityInformation = { label: `${label}, ${connection.state}, ${item.description}` };
  return item;
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

function tooltip(connection: Connection): vscode.MarkdownString {
  const isConnected = connection.state === "connected";
  return tooltipOf(connection.name, [
    ["Address", connection.address],
    ["Connection", connection.state],
    ["Machine", isConnected ? plcWord(connection.plc) || "state unknown" : null],
    ["Program", isConnected ? syncWord(connection.inSync) || "not compared yet" : null],
    ["Runtime", isConnected ? runtimeWords(connection) : null],
    ["Program MD5", isConnected ? connection.md5 : null],
    ["Reason", connection.message],
    ["User", connection.username],
  ]);
}

/** A title and labelled lines. Names and messages come from elsewhere: they are shown as text, never as Markdown. */
export function tooltipOf(title: string, lines: readonly (readonly [label: string, value: string | null | undefined])[]): vscode.MarkdownString {
  const text = new vscode.MarkdownString();
  text.appendMarkdown("**").appendText(title).appendMarkdown("**");
  for (const [label, value] of lines) {
    if (value) {
      text.appendMarkdown(`\n\n${label}: `).appendText(value);
    }
  }
  return text;
}
