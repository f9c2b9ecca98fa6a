// PLC: Fetch Project from Runtime. The source that a machine keeps, into an empty folder, which is opened then.

import * as vscode from "vscode";

import { showFailure } from "../failures.ts";
import { isFailure } from "../protocol.ts";
import type { Station } from "../station.ts";
import { chooseTarget, type TargetArgument } from "./target.ts";

export async function fetchProjectCommand(station: Station, argument: TargetArgument): Promise<void> {
  const { connected } = station.connections;
  const keepers = connected.filter(({ snapshots }) => snapshots === true);
  const connection = await chooseTarget(station, argument, keepers.length > 0 ? keepers : connected, "Fetch the project of which machine?");
  if (connection === undefined) {
    return;
  }
  const [folder] =
    (await vscode.window.showOpenDialog({
      title: `Empty folder for the project of ${connection.name}`,
      openLabel: "Fetch Project Here",
      canSelectFiles: false,
      canSelectFolders: true,
    })) ?? [];
  if (folder === undefined) {
    return;
  }
  const shown = { location: vscode.ProgressLocation.Notification, title: `Fetching the project of ${connection.name}` };
  const answer = await vscode.window.withProgress(shown, () => station.server.call("rung.pull", { target: connection.name, folder: folder.fsPath }));
  if (isFailure(answer)) {
    showFailure(station, answer.error, () => fetchProjectCommand(station, connection));
    return;
  }
  station.logs.output.info(`Fetched ${answer.files.length} files of the project of ${connection.name} to ${folder.fsPath}.`);
  const forceNewWindow = (vscode.workspace.workspaceFolders ?? []).length > 0;
  await vscode.commands.executeCommand("vscode.openFolder", folder, { forceNewWindow });
}
