// What destroys something needs the user's agreement, in the form that the hub asks for: a name typed letter by letter, and once more by
// a button when a PLC runs or may run.
//
// Invariant: nothing is agreed to that was not asked; Enter and Escape agree to nothing.

import * as vscode from "vscode";

import { showFailure } from "../failures.ts";
import { cleaned } from "../hubWording.ts";
import { askSteps } from "../multiStep.ts";
import { isFailure, needsConfirmation, type ConfirmationRequest, type Done, type FailureAnswer } from "../protocol.ts";
import type { Station } from "../station.ts";

export interface Agreed {
  typed?: string;
  running?: boolean;
}

type Answer = Done | ConfirmationRequest | FailureAnswer;

/**
 * Carries out what destroys something; true when it was done.
 *
 * @param action What the button says that agrees to it.
 * @param call Asks the hub, with what was agreed to until then.
 */
export async function withAgreement(station: Station, title: string, action: string, call: (agreed: Agreed) => Promise<Answer>): Promise<boolean> {
  const agreed: Agreed = {};
  for (;;) {
    const answer = await call(agreed);
    if (isFailure(answer)) {
      showFailure(station, answer.error);
      return false;
    }
    if (!needsConfirmation(answer)) {
      return true;
    }
    if (!(await agree(title, action, answer, agreed))) {
      return false;
    }
  }
}

/** A question with one button that agrees; true when it was pressed. `message` is the server's. */
export async function askAgreement(title: string, message: string, action: string): Promise<boolean> {
  const copy = "Copy Text";
  for (;;) {
    // The first button answers Enter, so it is a harmless one.
    const choice = await vscode.window.showWarningMessage(title, { modal: true, detail: cleaned(message, 600) }, copy, action);
    if (choice !== copy) {
      return choice === action;
    }
    await vscode.env.clipboard.writeText(message);
  }
}

/** Asks for one more agreement and notes it; false when the user does not agree, or the hub asks the same again. */
async function agree(title: string, action: string, { message, type }: ConfirmationRequest, given: Agreed): Promise<boolean> {
  if (type) {
    if (given.typed !== undefined) {
      void vscode.window.showErrorMessage("What was typed is not what the hub asks for now. Nothing was done.");
      return false;
    }
    const answers = await askSteps(title, [
      {
        prompt: `${cleaned(message, 400)} Type ${cleaned(type)} to go on.`,
        problem: (text) => (text.trim() === type.trim() ? undefined : `This is not "${cleaned(type)}".`),
      },
    ]);
    given.typed = type;
    return answers !== undefined;
  }
  if (given.running === true) {
    void vscode.window.showErrorMessage("The hub asks again what was answered already. Nothing was done.");
    return false;
  }
  given.running = true;
  return askAgreement(title, message, action);
}
