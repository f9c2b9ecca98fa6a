// Which serial port and which board a command is about: the row that was clicked, the only one that fits, or the one that the user picks.

import * as vscode from "vscode";

import { logName, plain, portName, portPlace, portWords } from "../boardWording.ts";
import { showFailure } from "../failures.ts";
import { askSteps } from "../multiStep.ts";
import { isFailure, type BoardType, type Port } from "../protocol.ts";
import type { Station } from "../station.ts";

/** A command's first argument: a row of the tree, a port's name, or nothing (command palette). */
export type PortArgument = unknown;

/** The name of the port that an argument is about, or undefined when it is about none. */
export function portOf(argument: PortArgument): string | undefined {
  if (typeof argument === "string") {
    return argument;
  }
  return typeof argument === "object" && argument !== null && "port" in argument && typeof argument.port === "string" ? argument.port : undefined;
}

/** The name of the board at a port, for sentences. */
export function boardName(station: Station, port: Port): string {
  return portName(station.boards.find(port.port) ?? port, station.boards.types);
}

/** What the log of a port is called. */
export function boardLogName(station: Station, port: Port): string {
  return logName(station.boards.find(port.port) ?? port, station.boards.types);
}

/** The port to act on, or undefined when the user gave up. With more than one that fits the user is asked: the wrong machine would move. */
export async function choosePort(station: Station, argument: PortArgument, question: string, fits: (port: Port) => boolean): Promise<Port | undefined> {
  const named = portOf(argument);
  if (station.boards.types.length === 0) {
    const failure = await station.boards.refresh(); // the view may never have been on the screen
    if (failure !== undefined) {
      showFailure(station, failure);
      return undefined;
    }
  }
  const given = station.boards.find(named);
  if (given !== undefined) {
    return given;
  }
  if (named !== undefined) {
    // Another board is never taken in its place.
    void vscode.window.showInformationMessage(`${plain(named)} is not there any more. Nothing was done.`);
    return undefined;
  }
  await station.boards.refresh();
  const candidates = station.boards.all.filter(fits);
  if (candidates.length <= 1) {
    return candidates[0] ?? offerToAdd(station);
  }
  const choices = candidates.map((port) => ({ label: portName(port, station.boards.types), description: portWords(port), port }));
  return (await vscode.window.showQuickPick(choices, { title: "Serial Boards", placeHolder: question, matchOnDescription: true }))?.port;
}

async function offerToAdd(station: Station): Promise<undefined> {
  const none = station.boards.all.length === 0;
  const message = none ? "No serial port was found. Plug the board in, or add the port by its name." : "No serial port fits. The view Serial Boards says what is wrong with each.";
  const button = none ? "Add Port" : "Show Serial Boards";
  if ((await vscode.window.showInformationMessage(message, button)) === button) {
    await vscode.commands.executeCommand(none ? "plc.addPort" : "plc.boards.focus");
  }
  return undefined;
}

/** The name of the board at a port in the table: the one that is known, else the one that the user picks, which is kept. */
export async function knownBoard(station: Station, port: Port): Promise<string | undefined> {
  return port.chosen ?? (await askBoard(station, port));
}

/** Asks which board is at a port, and has the server keep it; its name in the table, or undefined. */
export async function askBoard(station: Station, port: Port): Promise<string | undefined> {
  const likely = port.boards.map(({ name }) => name);
  const row = ({ name, title, tried }: BoardType): { label: string; value: string; icon: string; description: string } => ({
    label: title,
    value: name,
    icon: "circuit-board",
    description: [likely.includes(name) ? "likely" : "", name === port.chosen ? "chosen" : "", tried].filter((part) => part !== "").join(" · "),
  });
  const rank = ({ name }: BoardType): number => (likely.includes(name) ? likely.indexOf(name) : likely.length);
  const rows = [...station.boards.types].sort((left, right) => rank(left) - rank(right)).map(row);
  const question = { prompt: `Which board is at ${portPlace(port)}? Its text says how far Rung was tried on it`, rows: () => rows };
  const board = (await askSteps(`Board at ${plain(port.port)}`, [question]))?.[0];
  if (board === undefined) {
    return undefined;
  }
  const answer = await station.server.call("rung.chooseBoard", { port: port.port, board });
  await station.boards.refresh();
  if (isFailure(answer)) {
    showFailure(station, answer.error);
    return undefined;
  }
  return board;
}
