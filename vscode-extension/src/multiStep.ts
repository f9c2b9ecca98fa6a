// A sequence of questions with a Back button: texts to type and lists to choose from. Escape at any step leaves nothing behind.

import * as vscode from "vscode";

import { withoutIcons, withoutLinks } from "./wording.ts";

interface Question {
  readonly prompt: string;
  /** Whether the question has no sense after the earlier answers; its answer is the empty text then. */
  readonly skip?: (earlier: readonly string[]) => boolean;
}

export interface Step extends Question {
  readonly placeholder?: string;
  readonly password?: boolean;
  /** What stands in the box at first, given the earlier answers. */
  readonly initial?: (earlier: readonly string[]) => string;
  /** What is wrong with the text, given the earlier answers; undefined when nothing is. */
  readonly problem?: (text: string, earlier: readonly string[]) => string | undefined;
}

/** A row of a list. All but the icon may come from elsewhere; it is shown as text. */
export interface Row {
  readonly label: string;
  readonly value: string;
  /** A name of the editor's icons. */
  readonly icon?: string;
  readonly description?: string;
  readonly detail?: string;
}

export interface Choice extends Question {
  readonly rows: (earlier: readonly string[]) => readonly Row[];
  /** Any number of rows, none too; the answer has one value a line. */
  readonly many?: boolean;
}

type Answer = string | typeof BACK | undefined;

interface Place {
  readonly title: string;
  readonly step: number;
  readonly totalSteps: number;
}

/** What was answered before the user went back. */
interface Draft {
  readonly text: string | undefined;
  readonly keep: (text: string) => void;
}

const BACK = Symbol("back");

/** The answers in order, or undefined when the user gave up. */
export async function askSteps(title: string, steps: readonly (Step | Choice)[]): Promise<string[] | undefined> {
  const answers: string[] = [];
  const drafts = new Map<number, string>();
  const skipped = (index: number): boolean => steps[index]?.skip?.(answers.slice(0, index)) === true;
  for (;;) {
    const index = answers.length;
    const step = steps[index];
    if (step === undefined) {
      return answers;
    }
    if (skipped(index)) {
      answers.push("");
      continue;
    }
    const asked = steps.map((_, other) => other).filter((other) => !skipped(other));
    const place = { title, step: asked.indexOf(index) + 1, totalSteps: asked.length };
    const draft: Draft = { text: drafts.get(index), keep: (text) => drafts.set(index, text) };
    const answer = await ("rows" in step ? askChoice(place, step, answers, draft) : askText(place, step, answers, draft));
    if (answer === undefined) {
      return undefined;
    }
    if (answer === BACK) {
      do {
        answers.pop();
      } while (skipped(answers.length));
    } else {
      answers.push(answer);
    }
  }
}

function askText(place: Place, step: Step, earlier: readonly string[], draft: Draft): Promise<Answer> {
  const box = vscode.window.createInputBox();
  box.prompt = withoutLinks(step.prompt); // it may quote a machine, and the editor would make a command of a link
  box.placeholder = step.placeholder;
  box.password = step.password ?? false;
  box.value = draft.text ?? step.initial?.(earlier) ?? "";
  const problem = (): string | undefined => step.problem?.(box.value, earlier);
  const keep = (): void => {
    if (!box.password) {
      draft.keep(box.value); // a password is not kept for coming back to it
    }
  };
  return shown(box, place, keep, (finish) => {
    box.onDidChangeValue(() => { box.validationMessage = box.value === "" ? undefined : problem(); });
    box.onDidAccept(() => {
      box.validationMessage = problem();
      if (box.validationMessage === undefined) {
        finish(box.password ? box.value : box.value.trim());
      }
    });
  });
}

interface Item extends vscode.QuickPickItem {
  readonly value: string;
}

function askChoice(place: Place, step: Choice, earlier: readonly string[], draft: Draft): Promise<Answer> {
  const list = vscode.window.createQuickPick<Item>();
  list.placeholder = step.prompt;
  list.canSelectMany = step.many ?? false;
  list.matchOnDescription = true;
  list.items = step.rows(earlier).map(item);
  const before = list.items.filter(({ value }) => draft.text?.split("\n").includes(value));
  if (list.canSelectMany) {
    list.selectedItems = before;
  } else {
    list.activeItems = before;
  }
  const selected = (): string => list.selectedItems.map(({ value }) => value).join("\n");
  return shown(list, place, () => { draft.keep(selected()); }, (finish) => {
    list.onDidAccept(() => {
      if (list.canSelectMany || list.selectedItems.length > 0) {
        finish(selected());
      }
    });
  });
}

function item({ label, value, icon, description, detail }: Row): Item {
  return {
    label: `${icon === undefined ? "" : `$(${icon}) `}${withoutIcons(label)}`,
    value,
    ...(description === undefined ? {} : { description: withoutIcons(description) }),
    ...(detail === undefined ? {} : { detail: withoutIcons(detail) }),
  };
}

/** Shows a box until it is answered, left, or gone back from. */
function shown(
  box: vscode.InputBox | vscode.QuickPick<Item>,
  place: Place,
  keep: () => void,
  listen: (finish: (answer: Answer) => void) => void,
): Promise<Answer> {
  box.title = place.title;
  box.ignoreFocusOut = true;
  if (place.totalSteps > 1) {
    box.step = place.step;
    box.totalSteps = place.totalSteps;
  }
  if (place.step > 1) {
    box.buttons = [vscode.QuickInputButtons.Back];
  }
  return new Promise((resolve) => {
    const finish = (answer: Answer): void => {
      keep();
      resolve(answer);
      box.dispose();
    };
    box.onDidTriggerButton(() => { finish(BACK); });
    box.onDidHide(() => { finish(undefined); });
    listen(finish);
    box.show();
  });
}
