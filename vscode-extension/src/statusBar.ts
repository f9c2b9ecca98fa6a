// The status-bar items: where the connection to a machine stands and what it does; and the same for a board while there is one.

import * as vscode from "vscode";

import type { Boards } from "./boards.ts";
import { boardStatusWords, portName } from "./boardWording.ts";
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

/** Shown only while a board is connected, or was and is in error. */
export function createBoardStatusBar(boards: Boards): vscode.Disposable {
  const item = vscode.window.createStatusBarItem("board", vscode.StatusBarAlignment.Left, 99);
  item.name = "PLC Board";
  item.command = "plc.boardMenu";
  const show = (): void => {
    const port = boards.active;
    if (port === undefined) {
      item.hide();
      return;
    }
    const words = boardStatusWords(port, portName(port, boards.types));
    item.text = words.text;
    item.tooltip = words.tooltip;
    item.accessibilityInformation = { label: words.label, role: "button" };
    const colour = port.state === "error" ? "statusBarItem.errorBackground" : port.forced.length > 0 || port.halted ? "statusBarItem.warningBackground" : undefined;
    item.backgroundColor = colour === undefined ? undefined : new vscode.ThemeColor(colour);
    item.show();
  };
  show();
  return vscode.Disposable.from(item, boards.onDidChange(show));
}
