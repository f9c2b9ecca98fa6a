// Command ids -> what they do. The titles and conditions are in package.json.

import * as vscode from "vscode";
import { showFailure } from "../failures.ts";
import type { Station } from "../station.ts";
import {
  addPortCommand, boardLogCommand, boardMenuCommand, chooseBoardCommand, connectBoardCommand, copyNoteCommand, disconnectBoardCommand, refreshBoardsCommand,
  removePortCommand,
} from "./boards.ts";
import { connectCommand, createFirstUserCommand, disconnectCommand } from "./connect.ts";
import { downloadCommand } from "./download.ts";
import { enrolAgainCommand, enrolCommand } from "./enrol.ts";
import { flashBoardCommand } from "./flash.ts";
import { addHubCommand, auditCommand, refreshHubsCommand, removeHubCommand, signInToHubCommand, signOutOfHubCommand } from "./hubs.ts";
import { startCommand, stopCommand } from "./operate.ts";
import { copyNameCommand, deleteOrchestratorCommand, renameOrchestratorCommand, revokeOrchestratorCommand } from "./orchestrators.ts";
import { fetchProjectCommand } from "./pull.ts";
import { quickMenuCommand } from "./quickMenu.ts";
import { addConnectionCommand, connectFoundCommand, forgetCertificateCommand, forgetPasswordCommand, removeConnectionCommand } from "./saved.ts";
import type { TargetArgument } from "./target.ts";
import { manageUsersCommand } from "./users.ts";
import { forceVariableCommand, releaseAllCommand, releaseVariableCommand } from "./variables.ts";
import { createVplcCommand, deleteVplcCommand, renameVplcCommand } from "./vplc.ts";
import { logsCommand, statusCommand } from "./watch.ts";

type Command = (station: Station, argument: TargetArgument) => Promise<void>;

const COMMANDS: Readonly<Record<string, Command>> = {
  "plc.connect": connectCommand,
  "plc.createFirstUser": createFirstUserCommand,
  "plc.compileAndDownload": downloadCommand,
  "plc.showStatus": statusCommand,
  "plc.start": startCommand,
  "plc.stop": stopCommand,
  "plc.showLogs": logsCommand,
  "plc.disconnect": disconnectCommand,
  "plc.addConnection": addConnectionCommand,
  "plc.removeConnection": removeConnectionCommand,
  "plc.forgetCertificate": forgetCertificateCommand,
  "plc.forgetPassword": forgetPasswordCommand,
  "plc.connectFound": connectFoundCommand,
  "plc.manageUsers": manageUsersCommand,
  "plc.fetchProject": fetchProjectCommand,
  "plc.quickMenu": quickMenuCommand,
  "plc.addHub": addHubCommand,
  "plc.signInToHub": signInToHubCommand,
  "plc.signOutOfHub": signOutOfHubCommand,
  "plc.removeHub": removeHubCommand,
  "plc.refreshHubs": refreshHubsCommand,
  "plc.showAudit": auditCommand,
  "plc.enrolOrchestrator": enrolCommand,
  "plc.enrolOrchestratorAgain": enrolAgainCommand,
  "plc.renameOrchestrator": renameOrchestratorCommand,
  "plc.revokeOrchestrator": revokeOrchestratorCommand,
  "plc.deleteOrchestrator": deleteOrchestratorCommand,
  "plc.createVplc": createVplcCommand,
  "plc.renameVplc": renameVplcCommand,
  "plc.deleteVplc": deleteVplcCommand,
  "plc.copyName": copyNameCommand,
  "plc.addPort": addPortCommand,
  "plc.removePort": removePortCommand,
  "plc.chooseBoard": chooseBoardCommand,
  "plc.connectBoard": connectBoardCommand,
  "plc.disconnectBoard": disconnectBoardCommand,
  "plc.refreshBoards": refreshBoardsCommand,
  "plc.flashBoard": flashBoardCommand,
  "plc.showBoardLog": boardLogCommand,
  "plc.boardMenu": boardMenuCommand,
  "plc.copyNote": copyNoteCommand,
  "plc.forceVariable": forceVariableCommand,
  "plc.releaseVariable": releaseVariableCommand,
  "plc.releaseAll": releaseAllCommand,
};

export function registerCommands(station: Station): vscode.Disposable {
  const registered = Object.entries(COMMANDS).map(([id, command]) =>
    vscode.commands.registerCommand(id, (argument: TargetArgument) => command(station, argument)),
  );
  registered.push(
    vscode.commands.registerCommand("plc.refresh", async () => {
      const failure = await station.connections.refresh();
      if (failure !== undefined) {
        showFailure(station, failure);
      }
    }),
    vscode.commands.registerCommand("plc.restartServer", () => station.server.restart()),
    vscode.commands.registerCommand("plc.showOutput", () => { station.logs.output.show(); }),
  );
  return vscode.Disposable.from(...registered);
}
