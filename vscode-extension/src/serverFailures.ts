// What a command answers when the language server does not: in the same form as the server's own failures.

import type { CommandName, FailureAnswer } from "./protocol.ts";

const CHANGES_USERS: ReadonlySet<CommandName> = new Set(["rung.createUser", "rung.changePassword", "rung.deleteUser", "rung.setRole"]);
const CHANGES_HUBS: ReadonlySet<CommandName> = new Set([
  "rung.enrol", "rung.createVplc", "rung.renameVplc", "rung.deleteVplc", "rung.renameOrchestrator", "rung.deleteOrchestrator", "rung.revokeOrchestrator",
]);
const ACTS_ON_THE_MACHINE: ReadonlySet<CommandName> = new Set([
  "rung.compileAndDownload", "rung.start", "rung.stop", "rung.flashBoard", "rung.forceBoardVariable", "rung.releaseBoardVariable",
]);

export function notRunning(): FailureAnswer {
  const message = "The language server is not running, so machines cannot be reached.";
  return { error: { kind: "internal", message, hint: 'Run "PLC: Restart Language Server".' } };
}

export function cancelled(): FailureAnswer {
  const message = "Cancelled. The language server did not say in time what the machine does now.";
  return { error: { kind: "cancelled", message, hint: "Look at the machine's state before you go on." } };
}

export function noAnswer(command: CommandName): FailureAnswer {
  if (CHANGES_USERS.has(command)) {
    const message = `The language server did not carry out "${command}". Whether the machine's users were changed is not known.`;
    return { error: { kind: "internal", message, hint: "List the users again." } };
  }
  if (CHANGES_HUBS.has(command)) {
    const message = `The language server did not carry out "${command}". Whether the hub has done it is not known.`;
    return { error: { kind: "internal", message, hint: "Look at the list of orchestrators before you go on." } };
  }
  const acts = ACTS_ON_THE_MACHINE.has(command);
  const message = `The language server did not carry out "${command}".${acts ? " What the machine does now is not known." : ""}`;
  const hint = acts ? "Look at the machine's state before you go on. The log says more." : "The log says more.";
  return { error: { kind: "internal", message, hint } };
}
