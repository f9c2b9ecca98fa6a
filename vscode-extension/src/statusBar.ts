// The one status-bar item: where the connection stands and what the machine does.

import * as vscode from "vscode";

import type { Connections } from "./connections.ts";
import { statusWords } from "./wording.ts";

export function createStatusBar(connections: Connections): vscode.Disposable {
  const item = vscode.window.createStatusBarItem("connection", vscode.StatusBarAlignment.Left, 100);
  item.name = "PLC Connection";
  item.command = "plc.quickMenu";
  const show = (): void => {
    const machine = connections.active;
    const words = statusWords(machine);
    item.text = words.text;
    item.tooltip = words.tooltip;
    item.accessibilityInformation = { label: words.label, role: "button" };
    item.backgroundColor = machine?.state === "error" ? new vscode.ThemeColor("statusBarItem.errorBackground") : undefined;
    item.show();
  };
  show();
  return vscode.Disposable.from(item, connections.onDidChange(show));
}
