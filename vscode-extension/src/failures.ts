// How a failure is told: what happened, what to do, and the likeliest remedies as buttons.

import * as vscode from "vscode";

import type { Failure } from "./protocol.ts";
import type { Station } from "./station.ts";
import { withoutLinks } from "./wording.ts";

interface Remedy {
  readonly title: string;
  readonly run: () => unknown;
}

const CAN_BE_TRIED_AGAIN: ReadonlySet<string> = new Set(["refused", "unreachable", "dns", "timeout", "lost", "busy", "start-failed"]);
const IS_IN_THE_PROGRAM: ReadonlySet<string> = new Set(["program", "compile-failed"]);

/** Shows a failure; does not wait for the user's choice. */
export function showFailure(station: Station, failure: Failure, again?: () => unknown): void {
  station.logs.output.error(`${failure.kind}: ${failure.message} ${failure.hint}`);
  if (failure.kind === "cancelled") {
    void vscode.window.showInformationMessage(withoutLinks(failure.message));
    return;
  }
  void offer(`${failure.message} ${failure.hint}`.trim(), remedies(station, failure, again));
}

function remedies(station: Station, failure: Failure, again: (() => unknown) | undefined): Remedy[] {
  const offered: Remedy[] = [];
  if (IS_IN_THE_PROGRAM.has(failure.kind)) {
    offered.push({ title: "Show Problems", run: () => vscode.commands.executeCommand("workbench.actions.view.problems") });
  }
  if (again !== undefined && CAN_BE_TRIED_AGAIN.has(failure.kind)) {
    offered.push({ title: "Try Again", run: again });
  }
  offered.push({ title: "Show Log", run: () => { station.logs.output.show(true); } });
  return offered;
}

async function offer(message: string, offered: readonly Remedy[]): Promise<void> {
  const choice = await vscode.window.showErrorMessage(withoutLinks(message), ...offered.map(({ title }) => title));
  await offered.find(({ title }) => title === choice)?.run();
}
