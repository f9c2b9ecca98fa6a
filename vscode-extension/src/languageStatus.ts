// The server's own state, in the language status of ST files, so that it does not compete with the machine's.

import * as vscode from "vscode";

import type { Server } from "./server.ts";

export function createLanguageStatus(server: Server): vscode.Disposable {
  const item = vscode.languages.createLanguageStatusItem("rung.server", { language: "st" });
  item.name = "Rung Language Server";
  const show = (): void => {
    item.busy = server.state === "starting";
    item.severity = server.state === "failed" ? vscode.LanguageStatusSeverity.Error : vscode.LanguageStatusSeverity.Information;
    item.text = { stopped: "Rung: stopped", starting: "Rung: starting", running: "Rung", failed: "Rung: not running" }[server.state];
    item.detail = server.state === "running" ? server.description : "";
    item.command = { command: server.state === "running" ? "plc.showOutput" : "plc.restartServer", title: server.state === "running" ? "Show Output" : "Restart" };
  };
  show();
  return vscode.Disposable.from(item, server.onDidChangeState(show));
}
