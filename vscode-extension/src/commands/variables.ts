// PLC: Force Variable, Release Variable, Release All Variables of Board.
//
// Invariant: nothing is forced but what the user has named and given a value; Escape forces nothing.

import * as vscode from "vscode";

import type { VariableRow } from "../boardsTree.ts";
import { showFailure } from "../failures.ts";
import { askSteps } from "../multiStep.ts";
import { isFailure, type BoardVariable, type Done, type FailureAnswer, type Port } from "../protocol.ts";
import type { Station } from "../station.ts";
import { boardName, choosePort, type PortArgument } from "./port.ts";

export async function forceVariableCommand(station: Station, argument: PortArgument): Promise<void> {
  const found = await chooseVariable(station, argument, "Force which variable?", ({ forceable }) => forceable);
  if (found === undefined) {
    return;
  }
  const { port, variable } = found;
  const prompt = `Value that ${variable.name} (${variable.type}) is held at until it is released. A forced output drives the machine`;
  const question =
    variable.type === "BOOL"
      ? { prompt, rows: () => [{ label: "TRUE", value: "TRUE" }, { label: "FALSE", value: "FALSE" }] }
      : { prompt, initial: () => variable.value, problem: (text: string) => (text.trim() === "" ? "Type a value." : undefined) };
  const value = (await askSteps(`Force ${variable.name} on ${boardName(station, port)}`, [question]))?.[0];
  if (value !== undefined) {
    await tell(station, await station.server.call("rung.forceBoardVariable", { port: port.port, name: variable.name, value }));
  }
}

export async function releaseVariableCommand(station: Station, argument: PortArgument): Promise<void> {
  const found = await chooseVariable(station, argument, "Release which variable?", ({ forced }) => forced);
  if (found !== undefined) {
    await tell(station, await station.server.call("rung.releaseBoardVariable", { port: found.port.port, name: found.variable.name }));
  }
}

export async function releaseAllCommand(station: Station, argument: PortArgument): Promise<void> {
  const port = await choosePort(station, argument, "Release the variables of which board?", ({ forced }) => forced.length > 0);
  if (port !== undefined) {
    await tell(station, await station.server.call("rung.releaseBoardVariable", { port: port.port }));
  }
}

async function tell(station: Station, answer: Done | FailureAnswer): Promise<void> {
  if (isFailure(answer)) {
    showFailure(station, answer.error);
  }
  await station.boards.refresh();
}

/** The variable of the row that was clicked, or one that is picked from a board's list. */
async function chooseVariable(
  station: Station,
  argument: PortArgument,
  question: string,
  fits: (variable: BoardVariable) => boolean,
): Promise<{ port: Port; variable: BoardVariable } | undefined> {
  const port = await choosePort(station, argument, question, ({ state }) => state === "connected");
  if (port === undefined) {
    return undefined;
  }
  const names = isVariableRow(argument) ? [argument.name] : undefined;
  const answer = await station.server.call("rung.boardVariables", { port: port.port, ...(names === undefined ? {} : { names }) });
  if (isFailure(answer)) {
    showFailure(station, answer.error);
    return undefined;
  }
  const candidates = answer.variables.filter(fits);
  if (names !== undefined) {
    return candidates[0] === undefined ? undefined : { port, variable: candidates[0] };
  }
  if (candidates.length === 0) {
    void vscode.window.showInformationMessage(`There is no such variable on ${boardName(station, port)}.`);
    return undefined;
  }
  const choices = candidates.map((variable) => ({ label: variable.name, description: `${variable.type} · ${variable.value}`, variable }));
  const picked = await vscode.window.showQuickPick(choices, { title: boardName(station, port), placeHolder: question });
  return picked === undefined ? undefined : { port, variable: picked.variable };
}

function isVariableRow(argument: PortArgument): argument is VariableRow {
  return typeof argument === "object" && argument !== null && "kind" in argument && argument.kind === "variable" && "name" in argument && typeof argument.name === "string";
}
