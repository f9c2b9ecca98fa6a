// Which machine a command is about: the row that was clicked, the only one that fits, or the one that the user picks.

import * as vscode from "vscode";

import type { Connection } from "../connections.ts";
import type { Station } from "../station.ts";
import { plcWord } from "../wording.ts";

/** A command's first argument: a row of the tree, a name, or nothing (command palette). */
export type TargetArgument = unknown;

interface Choice extends vscode.QuickPickItem {
  readonly connection: Connection | undefined;
}

/** The machine that the argument names, or undefined when it names none. */
function named(station: Station, argument: TargetArgument): Connection | undefined {
  if (typeof argument === "string") {
    return station.connections.find(argument);
  }
  if (typeof argument === "object" && argument !== null && "name" in argument && typeof argument.name === "string") {
    return station.connections.find(argument.name);
  }
  return undefined;
}

/**
 * The machine to act on, or undefined when the user gave up.
 *
 * With more than one candidate the user is asked, however plain the choice may seem: the wrong machine would move.
 */
export async function chooseTarget(
  station: Station,
  argument: TargetArgument,
  candidates: readonly Connection[],
  question: string,
): Promise<Connection | undefined> {
  const given = named(station, argument);
  if (given !== undefined) {
    return given;
  }
  if (candidates.length === 1) {
    return candidates[0];
  }
  if (candidates.length === 0) {
    return offerToAdd(station);
  }
  const active = station.connections.active;
  const sorted = [...candidates].sort((left, right) => Number(right === active) - Number(left === active));
  const choices = sorted.map((connection): Choice => ({
    label: connection.name,
    description: connection.address,
    detail: connection.state === "connected" ? `connected, ${plcWord(connection.plc)}` : connection.state,
    connection,
  }));
  const picked = await vscode.window.showQuickPick(choices, { title: "PLC", placeHolder: question, matchOnDescription: true });
  return picked?.connection;
}

async function offerToAdd(station: Station): Promise<undefined> {
  const none = station.connections.all.length === 0;
  const button = none ? "Add Connection" : "Connect";
  const message = none ? "No machine is saved yet." : "No machine is connected.";
  const choice = await vscode.window.showInformationMessage(message, button);
  if (choice === button) {
    await vscode.commands.executeCommand(none ? "plc.addConnection" : "plc.connect");
  }
  return undefined;
}
