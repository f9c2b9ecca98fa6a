// A sequence of questions with a Back button. Escape at any step leaves nothing behind.

import * as vscode from "vscode";

import { withoutLinks } from "./wording.ts";

export interface Step {
  readonly prompt: string;
  readonly placeholder?: string;
  readonly password?: boolean;
  /** What stands in the box at first, given the earlier answers. */
  readonly initial?: (earlier: readonly string[]) => string;
  /** What is wrong with the text, given the earlier answers; undefined when nothing is. */
  readonly problem?: (text: string, earlier: readonly string[]) => string | undefined;
}

const BACK = Symbol("back");

/** The answers in order, or undefined when the user gave up. */
export async function askSteps(title: string, steps: readonly Step[]): Promise<string[] | undefined> {
  const answers: string[] = [];
  const drafts = new Map<number, string>();
  for (;;) {
    const index = answers.length;
    const step = steps[index];
    if (step === undefined) {
      return answers;
    }
    const answer = await askStep(title, step, index, steps.length, answers, drafts);
    if (answer === undefined) {
      return undefined;
    }
    if (answer === BACK) {
      answers.pop();
    } else {
      answers.push(answer);
    }
  }
}

function askStep(
  title: string,
  step: Step,
  index: number,
  total: number,
  earlier: readonly string[],
  drafts: Map<number, string>,
): Promise<string | typeof BACK | undefined> {
  const box = vscode.window.createInputBox();
  box.title = title;
  box.prompt = withoutLinks(step.prompt); // it may quote a machine, and the editor would make a command of a link
  box.placeholder = step.placeholder;
  box.password = step.password ?? false;
  box.ignoreFocusOut = true;
  box.value = drafts.get(index) ?? step.initial?.(earlier) ?? "";
  if (total > 1) {
    box.step = index + 1;
    box.totalSteps = total;
  }
  if (index > 0) {
    box.buttons = [vscode.QuickInputButtons.Back];
  }
  const problem = (): string | undefined => step.problem?.(box.value, earlier);
  return new Promise((resolve) => {
    const finish = (answer: string | typeof BACK | undefined): void => {
      // A password is not kept for coming back to it.
      if (!box.password) {
        drafts.set(index, box.value);
      }
      resolve(answer);
      box.dispose();
    };
    box.onDidTriggerButton(() => { finish(BACK); });
    box.onDidChangeValue(() => { box.validationMessage = box.value === "" ? undefined : problem(); });
    box.onDidAccept(() => {
      box.validationMessage = problem();
      if (box.validationMessage === undefined) {
        finish(box.password ? box.value : box.value.trim());
      }
    });
    box.onDidHide(() => { finish(undefined); });
    box.show();
  });
}
