// PLC: Add Port, Remove Port, Choose Board, Connect to Board, Disconnect from Board, Show Serial Log, Show Board Menu.

import * as vscode from "vscode";

import { plain } from "../boardWording.ts";
import { showFailure } from "../failures.ts";
import { askSteps } from "../multiStep.ts";
import { isFailure, needsConfirmation, type Failure, type Port } from "../protocol.ts";
import type { Station } from "../station.ts";
import { askAgreement } from "./agreement.ts";
import { askBoard, boardLogName, boardName, choosePort, knownBoard, type PortArgument } from "./port.ts";
import { likelyProgram } from "./program.ts";

const NOTHING_YET = "Nothing but answers to Rung has come over this port yet. Text that the board sends appears here.";

export async function addPortCommand(station: Station): Promise<void> {
  const taken = station.boards.all.map(({ port }) => port);
  const answers = await askSteps("Add Port", [
    {
      prompt: "Serial port: a device such as /dev/ttyUSB0 or COM3, or the address of one in the network, rfc2217://host:port",
      placeholder: "/dev/ttyUSB0",
      problem: (text) => (text.trim() === "" ? "Type a port." : taken.includes(text.trim()) ? "This port is in the list already." : undefined),
    },
  ]);
  const port = answers?.[0];
  if (port === undefined) {
    return;
  }
  const answer = await station.server.call("rung.addPort", { port });
  await station.boards.refresh();
  if (isFailure(answer)) {
    showFailure(station, answer.error);
    return;
  }
  const added = station.boards.find(port);
  if (added?.chosen === null) {
    await askBoard(station, added);
  }
}

export async function removePortCommand(station: Station, argument: PortArgument): Promise<void> {
  const port = await choosePort(station, argument, "Remove which port?", ({ added }) => added);
  if (port !== undefined) {
    await carriedOut(station, "rung.removePort", port);
  }
}

export async function chooseBoardCommand(station: Station, argument: PortArgument): Promise<void> {
  const port = await choosePort(station, argument, "Choose the board at which port?", () => true);
  if (port !== undefined) {
    await askBoard(station, port);
  }
}

export async function connectBoardCommand(station: Station, argument: PortArgument): Promise<void> {
  const port = await choosePort(station, argument, "Connect to which board?", isIdle);
  if (port === undefined || (await knownBoard(station, port)) === undefined) {
    return;
  }
  station.boards.activate(port.port);
  const program = await likelyProgram();
  const takes = { port: port.port, ...(program === undefined ? {} : { uri: program.toString() }) };
  const name = boardName(station, port);
  let answer = await station.server.call("rung.connectBoard", { ...takes, confirmed: false });
  if (needsConfirmation(answer)) {
    if (!(await askAgreement(`Connect to ${name}?`, answer.message, "Connect"))) {
      return;
    }
    answer = await station.server.call("rung.connectBoard", { ...takes, confirmed: true });
  }
  await station.boards.refresh();
  if (isFailure(answer)) {
    showFailure(station, answer.error, () => vscode.commands.executeCommand("plc.connectBoard", port.port));
  } else {
    station.logs.output.info(`Connected to ${name} at ${port.port}.`);
  }
}

export async function disconnectBoardCommand(station: Station, argument: PortArgument): Promise<void> {
  const port = await choosePort(station, argument, "Disconnect from which board?", ({ state }) => state !== "disconnected");
  if (port !== undefined) {
    await carriedOut(station, "rung.disconnectBoard", port);
  }
}

async function carriedOut(station: Station, command: "rung.removePort" | "rung.disconnectBoard", { port }: Port): Promise<void> {
  const answer = await station.server.call(command, { port });
  await station.boards.refresh();
  if (isFailure(answer)) {
    showFailure(station, answer.error);
  }
}

export async function refreshBoardsCommand(station: Station): Promise<void> {
  const failure = await station.boards.refresh();
  if (failure !== undefined) {
    showFailure(station, failure);
  }
}

export async function boardLogCommand(station: Station, argument: PortArgument): Promise<void> {
  const port = await choosePort(station, argument, "Serial log of which board?", ({ state }) => state === "connected");
  if (port === undefined) {
    return;
  }
  const failure = await fetchBoardLog(station, port);
  if (failure === undefined) {
    const name = boardLogName(station, port);
    if (station.logs.last(name) === undefined) {
      station.logs.append(name, [{ id: 0, message: NOTHING_YET }]);
    }
    station.logs.show(name);
  } else {
    showFailure(station, failure);
  }
}

/** Writes what has come over a board's port since it was last asked. */
export async function fetchBoardLog(station: Station, port: Port): Promise<Failure | undefined> {
  const name = boardLogName(station, port);
  const after = station.logs.last(name);
  const answer = await station.server.call("rung.boardLog", { port: port.port, ...(after === undefined ? {} : { after }) });
  if (isFailure(answer)) {
    return answer.error;
  }
  station.logs.append(name, answer.entries, answer.restarted);
  return undefined;
}

/** Copies a line below a port: what is wrong with it, or the command that mends it. */
export async function copyNoteCommand(_station: Station, argument: PortArgument): Promise<void> {
  if (typeof argument === "object" && argument !== null && "text" in argument && typeof argument.text === "string") {
    await vscode.env.clipboard.writeText(argument.text);
  }
}

/** The menu behind the board's item in the status bar. */
export async function boardMenuCommand(station: Station, argument: PortArgument): Promise<void> {
  const port = station.boards.active ?? (await choosePort(station, argument, "Which board?", () => true));
  if (port === undefined) {
    return;
  }
  const connect = { label: "$(plug) Connect to Board", command: "plc.connectBoard" };
  const download = { label: "$(cloud-upload) Compile and Download to Board", command: "plc.flashBoard" };
  const disconnect = { label: "$(debug-disconnect) Disconnect from Board", command: "plc.disconnectBoard" };
  const log = { label: "$(output) Show Serial Log", command: "plc.showBoardLog" };
  const release = port.forced.length > 0 ? [{ label: "$(unlock) Release All Variables of Board", command: "plc.releaseAll" }] : [];
  const choose = { label: "$(circuit-board) Choose Board", command: "plc.chooseBoard" };
  const entries = isIdle(port) ? [connect, download, choose] : port.state === "connected" ? [download, ...release, log, disconnect] : [disconnect];
  const title = `${boardName(station, port)} at ${plain(port.port)}`;
  const picked = await vscode.window.showQuickPick(entries, { title });
  if (picked !== undefined) {
    await vscode.commands.executeCommand(picked.command, port.port);
  }
}

function isIdle({ state, problem, flashing }: Port): boolean {
  return (state === "disconnected" || state === "error") && problem === "" && !flashing;
}
