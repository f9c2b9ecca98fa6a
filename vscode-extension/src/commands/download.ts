// PLC: Compile and Download. One cancellable job, from the text in the editor to a verified program in the machine.

import * as vscode from "vscode";

import type { Connection } from "../connections.ts";
import { showFailure } from "../failures.ts";
import { confirmStop } from "../prompts.ts";
import { isFailure, needsConfirmation, type ConfirmationRequest, type DeployAnswer, type FailureAnswer } from "../protocol.ts";
import type { Station } from "../station.ts";
import { plcWord, withoutLinks } from "../wording.ts";
import { connect } from "./connect.ts";
import { flashBoardCommand } from "./flash.ts";
import { chooseProgram } from "./program.ts";
import { chooseTarget, type TargetArgument } from "./target.ts";

const SUCCESS_MS = 10_000;

type Answer = DeployAnswer | ConfirmationRequest | FailureAnswer;

export async function downloadCommand(station: Station, argument: TargetArgument): Promise<void> {
  if (station.connections.all.length === 0 && station.boards.ready.length > 0) {
    await flashBoardCommand(station, station.boards.active); // who has boards only means the board
    return;
  }
  const program = await chooseProgram();
  if (program === undefined) {
    return;
  }
  // From an editor's title bar the argument is a file, not a machine.
  const machine = argument instanceof vscode.Uri ? undefined : argument;
  const { connected, reachable } = station.connections;
  const connection = await chooseTarget(station, machine, connected.length > 0 ? connected : reachable, "Download to which machine?");
  if (connection === undefined || (connection.state !== "connected" && !(await connect(station, connection)))) {
    return;
  }
  const settings = vscode.workspace.getConfiguration("rung", program);
  if (settings.get<boolean>("download.saveFirst", true) && !(await vscode.workspace.saveAll(false))) {
    const message = "Nothing was downloaded, because a changed file could not be saved.";
    showFailure(station, { kind: "program", message, hint: "Save the files, then download again." });
    return;
  }
  station.connections.activate(connection.name);
  station.connections.setDownloading(true);
  try {
    await download(station, connection, program);
  } finally {
    station.connections.setDownloading(false);
    await station.connections.refresh();
  }
}

/** Whatever the server asks is asked: it knows whether the program that would be replaced is somebody else's. */
async function download(station: Station, connection: Connection, program: vscode.Uri): Promise<void> {
  let answer = await run(station, connection, program, false);
  if (needsConfirmation(answer)) {
    const stands = ["STOPPED", "EMPTY", "ERROR"].includes(station.connections.find(connection.name)?.plc ?? "");
    if (!(await confirmStop(connection, answer.message, stands ? "Replace and Download" : "Stop and Download"))) {
      return;
    }
    answer = await run(station, connection, program, true);
  }
  if (isFailure(answer)) {
    showFailure(station, answer.error);
  } else if (needsConfirmation(answer)) {
    showFailure(station, { kind: "internal", message: answer.message, hint: "Nothing was downloaded." });
  } else if (answer.ok && answer.note) {
    tellDoubt(station, connection, answer, answer.note);
  } else if (answer.ok) {
    tellSuccess(station, connection, answer);
  } else {
    const failure = answer.error ?? { kind: "internal", message: `The download ended at "${answer.stage}" without a reason.`, hint: "" };
    showFailure(station, failure, () => vscode.commands.executeCommand("plc.compileAndDownload", connection));
  }
}

function run(station: Station, connection: Connection, program: vscode.Uri, confirmed: boolean): Thenable<Answer> {
  const start = vscode.workspace.getConfiguration("rung", program).get<boolean>("download.start", true);
  const takes = { target: connection.name, uri: program.toString(), start, confirmed };
  const shown = { location: vscode.ProgressLocation.Notification, title: `Download to ${connection.name}`, cancellable: true };
  station.logs.output.info(`Download to ${connection.name} (${connection.address}): ${program.fsPath}`);
  return vscode.window.withProgress(shown, (progress, token) => {
    let reached = 0;
    const report = (message: string | undefined, percentage: number | undefined): void => {
      const increment = Math.max(0, (percentage ?? reached) - reached);
      reached += increment;
      progress.report({ ...(message === undefined ? {} : { message }), increment });
      if (message !== undefined) {
        station.logs.output.debug(`${connection.name}: ${message}`);
      }
    };
    return station.server.call("rung.compileAndDownload", takes, { report, token });
  });
}

/** A download that went through, with something that the user has to know: a warning, and no tick. */
function tellDoubt(station: Station, connection: Connection, answer: DeployAnswer, note: string): void {
  const word = plcWord(answer.plc);
  const message = `${connection.name}: downloaded, ${word === "" ? "state unknown" : word}. ${note}`;
  station.logs.output.warn(message);
  const log = "Show Logs";
  void vscode.window.showWarningMessage(withoutLinks(message), log).then((choice) => {
    if (choice === log) {
      void vscode.commands.executeCommand("plc.showLogs", connection);
    }
  });
}

/** Success is a line in the status bar and in the log, not a box to click away. */
function tellSuccess(station: Station, connection: Connection, answer: DeployAnswer): void {
  const word = plcWord(answer.plc);
  const proof = answer.verified ? "verified: it is the program in the editor" : "not started, so not verified";
  const text = `${connection.name}: downloaded, ${word === "" ? "state unknown" : word}, ${proof}`;
  station.logs.output.info(`${text}${answer.md5 ? ` (MD5 ${answer.md5})` : ""}.`);
  showWhileTrue(station, connection.name, answer.plc, `${answer.verified ? "$(check)" : "$(info)"} ${text}`);
}

/** A success that is no longer so is taken away: the machine may stop, or the program be edited. */
function showWhileTrue(station: Station, name: string, plc: string | null, text: string): void {
  const message = vscode.window.setStatusBarMessage(text);
  const end = (): void => {
    clearTimeout(timer);
    message.dispose();
    listener.dispose();
  };
  const timer = setTimeout(end, SUCCESS_MS);
  const listener = station.connections.onDidChange(() => {
    const now = station.connections.find(name);
    if (now?.state !== "connected" || now.plc !== plc || now.inSync === false) {
      end();
    }
  });
}
