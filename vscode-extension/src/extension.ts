// Wires the parts together; holds no logic of its own.

import * as vscode from "vscode";

import { Boards } from "./boards.ts";
import { BoardsTree } from "./boardsTree.ts";
import { registerCommands } from "./commands/index.ts";
import { followLogs } from "./commands/watch.ts";
import { Connections } from "./connections.ts";
import { FoundTree } from "./foundTree.ts";
import { Hubs } from "./hubs.ts";
import { createLanguageStatus } from "./languageStatus.ts";
import { Logs } from "./logs.ts";
import { OrchestratorsTree } from "./orchestratorsTree.ts";
import { onInterpreterPicked } from "./python.ts";
import { RuntimesTree } from "./runtimesTree.ts";
import { Secrets } from "./secrets.ts";
import { Server } from "./server.ts";
import type { Station } from "./station.ts";
import { createBoardStatusBar, createStatusBar } from "./statusBar.ts";

let server: Server | undefined;

export function activate(context: vscode.ExtensionContext): void {
  const output = vscode.window.createOutputChannel("PLC", { log: true });
  const logs = new Logs(output);
  server = new Server(context, output);
  logs.follow(server);
  const connections = new Connections(server);
  const secrets = new Secrets(context.secrets);
  const station: Station = { server, logs, connections, secrets, hubs: new Hubs(server, connections, secrets), boards: new Boards(server) };
  const restart = (): void => { void station.server.restart(); };
  context.subscriptions.push(
    output,
    logs,
    connections,
    station.hubs,
    station.boards,
    registerCommands(station),
    followLogs(station),
    createStatusBar(connections),
    createBoardStatusBar(station.boards),
    createLanguageStatus(server),
    vscode.window.registerTreeDataProvider("plc.runtimes", new RuntimesTree(connections)),
    new OrchestratorsTree(station.hubs, connections),
    new FoundTree(server, connections),
    new BoardsTree(server, station.boards),
    vscode.workspace.onDidChangeTextDocument(({ document }) => {
      if (document.languageId === "st" && connections.connected.length > 0) {
        connections.refreshSoon();
      }
      if (document.languageId === "st" && station.boards.connected.length > 0) {
        station.boards.refreshSoon();
      }
    }),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration("rung.interpreter") || change.affectsConfiguration("rung.server.path")) {
        restart();
      }
    }),
  );
  restart();
  // Not waited for: the Python extension may take seconds to start.
  void onInterpreterPicked(restart).then((subscription) => context.subscriptions.push(subscription));
}

/** VS Code waits for this promise, so the server can end in good order. */
export function deactivate(): Promise<void> | undefined {
  return server?.shutDown();
}
