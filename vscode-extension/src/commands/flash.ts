// PLC: Compile and Download to Board. One cancellable job, from the text in the editor to a board that answers with the program's MD5.

import * as vscode from "vscode";

import { flashedWords } from "../boardWording.ts";
import { showFailure } from "../failures.ts";
import { isFailure, needsConfirmation, type ConfirmationRequest, type FailureAnswer, type FlashAnswer, type Port } from "../protocol.ts";
import type { Station } from "../station.ts";
import { withoutIcons, withoutLinks } from "../wording.ts";
import { askAgreement } from "./agreement.ts";
import { boardName, choosePort, knownBoard, type PortArgument } from "./port.ts";
import { chooseProgram } from "./program.ts";

const SUCCESS_MS = 10_000;

interface Job {
  readonly port: Port;
  readonly board: string;
  /** The board's name for people. */
  readonly name: string;
  readonly program: vscode.Uri;
}

export async function flashBoardCommand(station: Station, argument: PortArgument): Promise<void> {
  const program = await chooseProgram();
  if (program === undefined) {
    return;
  }
  const port = await choosePort(station, argument, "Download to which board?", ({ problem, flashing }) => problem === "" && !flashing);
  const board = port === undefined ? undefined : await knownBoard(station, port);
  if (port === undefined || board === undefined) {
    return;
  }
  const settings = vscode.workspace.getConfiguration("rung", program);
  if (settings.get<boolean>("download.saveFirst", true) && !(await vscode.workspace.saveAll(false))) {
    const message = "Nothing was downloaded, because a changed file could not be saved.";
    showFailure(station, { kind: "program", message, hint: "Save the files, then download again." });
    return;
  }
  station.boards.activate(port.port);
  const job = { port, board, name: boardName(station, port), program };
  let answer = await run(station, job, false);
  // The server takes each answer for the question that it has asked, and for no other.
  while (needsConfirmation(answer)) {
    if (!(await askAgreement(`Compile and Download to ${job.name}?`, answer.message, "Download"))) {
      return;
    }
    answer = await run(station, job, true);
  }
  await station.boards.refresh();
  tell(station, job, answer);
}

function run(station: Station, { port, board, name, program }: Job, confirmed: boolean): Thenable<FlashAnswer | ConfirmationRequest | FailureAnswer> {
  const shown = { location: vscode.ProgressLocation.Notification, title: `Download to ${name}`, cancellable: true };
  station.logs.output.info(`Download to ${name} at ${port.port}: ${program.fsPath}`);
  return vscode.window.withProgress(shown, (progress, token) => {
    let reached = 0;
    const report = (message: string | undefined, percentage: number | undefined): void => {
      const increment = Math.max(0, (percentage ?? reached) - reached);
      reached += increment;
      progress.report({ ...(message === undefined ? {} : { message }), increment });
    };
    return station.server.call("rung.flashBoard", { port: port.port, board, uri: program.toString(), confirmed }, { report, token });
  });
}

function tell(station: Station, { port, name }: Job, answer: FlashAnswer | FailureAnswer): void {
  if (isFailure(answer)) {
    showFailure(station, answer.error);
    return;
  }
  answer.warnings.forEach((warning) => { station.logs.output.warn(`${name}: ${warning}`); });
  if (!answer.ok) {
    const failure = answer.error ?? { kind: "internal", message: `The download ended at "${answer.stage}" without a reason.`, hint: "" };
    showFailure(station, failure, () => vscode.commands.executeCommand("plc.flashBoard", port.port));
    return;
  }
  const text = flashedWords(name, answer);
  station.logs.output.info(`${text}.${answer.md5 === null ? "" : ` MD5 ${answer.md5}.`}`);
  if (answer.verified && answer.warnings.length === 0) {
    vscode.window.setStatusBarMessage(`$(check) ${withoutIcons(text)}`, SUCCESS_MS);
  } else {
    void vscode.window.showWarningMessage(withoutLinks([`${text}.`, ...answer.warnings].join(" ")));
  }
}
