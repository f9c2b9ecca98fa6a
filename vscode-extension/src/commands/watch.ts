// PLC: Show Status, PLC: Show Logs.

import * as vscode from "vscode";

import { showFailure } from "../failures.ts";
import { isFailure, type Failure } from "../protocol.ts";
import type { Station } from "../station.ts";
import { statusRows } from "../wording.ts";
import { fetchBoardLog } from "./boards.ts";
import { boardLogName } from "./port.ts";
import { chooseTarget, type TargetArgument } from "./target.ts";

const FOLLOW_MS = 2000;

/** The status as a list that can be searched and read aloud; Enter on a row copies its value. */
export async function statusCommand(station: Station, argument: TargetArgument): Promise<void> {
  const connection = await chooseTarget(station, argument, station.connections.connected, "Status of which machine?");
  if (connection === undefined) {
    return;
  }
  const answer = await station.server.call("rung.status", { target: connection.name });
  if (isFailure(answer)) {
    showFailure(station, answer.error);
    return;
  }
  await station.connections.refresh();
  const rows = statusRows(connection, answer).map(([label, description]) => ({ label, description }));
  const placeHolder = "Select a row to copy it";
  const picked = await vscode.window.showQuickPick(rows, { title: `Status of ${connection.name}`, placeHolder, matchOnDescription: true });
  if (picked !== undefined) {
    await vscode.env.clipboard.writeText(picked.description);
  }
}

export async function logsCommand(station: Station, argument: TargetArgument): Promise<void> {
  const connection = await chooseTarget(station, argument, station.connections.connected, "Logs of which machine?");
  if (connection === undefined) {
    return;
  }
  const failure = await fetchLog(station, connection.name);
  if (failure === undefined) {
    station.logs.show(connection.name);
  } else {
    showFailure(station, failure);
  }
}

/** Writes what the machine has logged since it was last asked. */
async function fetchLog(station: Station, target: string): Promise<Failure | undefined> {
  const after = station.logs.last(target);
  const answer = await station.server.call("rung.logs", { target, ...(after === undefined ? {} : { after }) });
  if (isFailure(answer)) {
    return answer.error;
  }
  station.logs.append(target, answer.entries, answer.restarted);
  return undefined;
}

/** Keeps a log that is on the screen up to date; asks for nothing while none is. */
export function followLogs(station: Station): vscode.Disposable {
  let asking = false;
  const look = async (): Promise<void> => {
    const shown = station.logs.visible;
    const due = station.connections.connected.filter(({ name }) => shown.includes(name));
    const boards = station.boards.connected.filter((port) => shown.includes(boardLogName(station, port)));
    if (asking || due.length + boards.length === 0) {
      return;
    }
    asking = true;
    try {
      await Promise.all([...due.map(({ name }) => fetchLog(station, name)), ...boards.map((port) => fetchBoardLog(station, port))]);
    } finally {
      asking = false;
    }
  };
  const timer = setInterval(() => { void look(); }, FOLLOW_MS);
  return new vscode.Disposable(() => { clearInterval(timer); });
}
