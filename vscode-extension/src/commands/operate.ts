// PLC: Start, PLC: Stop.

import * as vscode from "vscode";

import type { Connection } from "../connections.ts";
import { showFailure } from "../failures.ts";
import { confirmStop } from "../prompts.ts";
import { isFailure, needsConfirmation } from "../protocol.ts";
import type { Station } from "../station.ts";
import { chooseTarget, type TargetArgument } from "./target.ts";

export async function startCommand(station: Station, argument: TargetArgument): Promise<void> {
  const connection = await chooseTarget(station, argument, station.connections.connected, "Start which machine?");
  if (connection === undefined) {
    return;
  }
  station.connections.activate(connection.name);
  const answer = await station.server.call("rung.start", { target: connection.name });
  if (isFailure(answer)) {
    showFailure(station, answer.error, () => vscode.commands.executeCommand("plc.start", connection));
  }
  await station.connections.refresh();
}

export async function stopCommand(station: Station, argument: TargetArgument): Promise<void> {
  const connection = await chooseTarget(station, argument, station.connections.connected, "Stop which machine?");
  if (connection === undefined) {
    return;
  }
  station.connections.activate(connection.name);
  await stop(station, connection, !vscode.workspace.getConfiguration("rung").get<boolean>("confirmStop", true));
  await station.connections.refresh();
}

async function stop(station: Station, connection: Connection, confirmed: boolean): Promise<void> {
  const answer = await station.server.call("rung.stop", { target: connection.name, confirmed });
  if (isFailure(answer)) {
    showFailure(station, answer.error, () => vscode.commands.executeCommand("plc.stop", connection));
  } else if (needsConfirmation(answer) && !confirmed && (await confirmStop(connection, answer.message, "Stop the Machine"))) {
    await stop(station, connection, true);
  }
}
