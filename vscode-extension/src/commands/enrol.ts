// PLC: Enrol Orchestrator, and Enrol Orchestrator Again. A name, the line to run on the host, and a wait until its agent is there.
//
// Invariant: the line lets whoever has it enrol a host, so it is shown and copied, and stands in no log.

import * as vscode from "vscode";

import { nameProblem } from "../addresses.ts";
import { showFailure } from "../failures.ts";
import type { KnownHub } from "../hubs.ts";
import { cleaned } from "../hubWording.ts";
import { askSteps } from "../multiStep.ts";
import { isFailure, type EnrolAnswer, type Failure, type FailureAnswer } from "../protocol.ts";
import type { Station } from "../station.ts";
import { duration, withoutLinks } from "../wording.ts";
import { administered, chooseHub, chooseOrchestrator, owned } from "./rows.ts";
import type { TargetArgument } from "./target.ts";

const LOOK_MS = 1500;

type End = "online" | "expired" | "cancelled" | Failure;

export async function enrolCommand(station: Station, argument: TargetArgument): Promise<void> {
  const hub = await chooseHub(station, argument, "Enrol an orchestrator at which hub?", (one) => administered({ hub: one }));
  if (hub === undefined) {
    return;
  }
  const taken = hub.orchestrators.map(({ name }) => name);
  const answers = await askSteps(`Enrol Orchestrator at ${hub.name}`, [
    {
      prompt: "Name of the orchestrator: the host that will run vPLCs",
      placeholder: "press-hall",
      problem: (text) => nameProblem(text, taken, "orchestrator"),
    },
    { prompt: "Where it is or what it is for (may stay empty)", placeholder: "control cabinet 3" },
  ]);
  const [name, description] = answers ?? [];
  if (name === undefined) {
    return;
  }
  const wanted = { hub: hub.name, name, ...(description === undefined || description === "" ? {} : { description }) };
  while (await enrol(station, hub, name, () => station.server.call("rung.enrol", wanted))) {
    // The user wants a new line in place of one that expired.
  }
}

/** For a host whose certificate is void or whose key is lost: it gets new ones, and its vPLCs stay as they are. */
export async function enrolAgainCommand(station: Station, argument: TargetArgument): Promise<void> {
  const row = await chooseOrchestrator(station, argument, "Enrol which orchestrator again?", owned);
  if (row === undefined) {
    return;
  }
  const { hub, orchestrator } = row;
  const wanted = { hub: hub.name, orchestrator: orchestrator.id };
  while (await enrol(station, hub, orchestrator.name, () => station.server.call("rung.enrolAgain", wanted))) {
    // As above.
  }
}

/** One enrolment from its line to its end; true when the user wants another one. */
async function enrol(station: Station, hub: KnownHub, name: string, ask: () => Promise<EnrolAnswer | FailureAnswer>): Promise<boolean> {
  const enrolment = await ask();
  if (isFailure(enrolment)) {
    showFailure(station, enrolment.error);
    return false;
  }
  for (;;) {
    if (!(await showLine(name, enrolment))) {
      return false;
    }
    const end = await wait(station, hub, name, enrolment);
    if (end === "online") {
      await tellOnline(station, hub, name);
      return false;
    }
    if (end === "expired") {
      const anew = "New Line";
      const message = `${name} was not enrolled in time: the line was good until ${clock(enrolment.expiresAt)}.`;
      return (await vscode.window.showWarningMessage(withoutLinks(message), anew)) === anew;
    }
    if (end !== "cancelled") {
      showFailure(station, end);
      return false;
    }
    const again = "Show Line Again";
    const message = `No longer waiting for ${name}. The line stays good until ${clock(enrolment.expiresAt)}; what it enrols appears by itself.`;
    if ((await vscode.window.showInformationMessage(withoutLinks(message), again)) !== again) {
      return false;
    }
  }
}

/** Shows the line; true when it was copied. */
async function showLine(name: string, { command, expiresAt, message }: EnrolAnswer): Promise<boolean> {
  const copy = "Copy and Wait";
  const detail = [
    "Run this line on the host. It makes the host's key there, enrols it, and starts the agent in Docker:",
    "",
    cleaned(command, 4000),
    "",
    ...(message === undefined || message === "" ? [] : [cleaned(message), ""]),
    `It enrols one host, until ${clock(expiresAt)}. Give it to nobody whose host is not to be enrolled.`,
  ].join("\n");
  if ((await vscode.window.showInformationMessage(`Install the agent on ${name}`, { modal: true, detail }, copy)) !== copy) {
    return false;
  }
  await vscode.env.clipboard.writeText(command);
  return true;
}

function wait(station: Station, hub: KnownHub, name: string, { id, expiresAt }: EnrolAnswer): Thenable<End> {
  const shown = { location: vscode.ProgressLocation.Notification, title: `Enrolling ${cleaned(name)}`, cancellable: true };
  return vscode.window.withProgress(shown, async (progress, token): Promise<End> => {
    let failures = 0;
    while (!token.isCancellationRequested) {
      const answer = await station.server.call("rung.enrolment", { hub: hub.name, id });
      if (isFailure(answer)) {
        // The hub may be away for a moment; the host goes on without us.
        failures += 1;
        if (failures > 5) {
          return answer.error;
        }
        progress.report({ message: cleaned(answer.error.message) });
      } else if (answer.state === "online" || answer.state === "expired") {
        return answer.state;
      } else if (answer.state === "enrolled") {
        failures = 0;
        progress.report({ message: "the host is enrolled; waiting for its agent to connect" });
      } else {
        failures = 0;
        progress.report({ message: `line copied, waiting for the host (good for ${duration(Math.max(0, (Date.parse(expiresAt) - Date.now()) / 1000))})` });
      }
      await pause(token);
    }
    return "cancelled";
  });
}

function pause(token: vscode.CancellationToken): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, LOOK_MS);
    const listener = token.onCancellationRequested(done);
    function done(): void {
      clearTimeout(timer);
      listener.dispose();
      resolve();
    }
  });
}

async function tellOnline(station: Station, hub: KnownHub, name: string): Promise<void> {
  await station.hubs.refresh();
  station.logs.output.info(`The orchestrator ${name} is enrolled at ${hub.name}, and online.`);
  const create = "Create vPLC";
  if ((await vscode.window.showInformationMessage(withoutLinks(`${name} is online.`), create)) === create) {
    const row = station.hubs.orchestrators.find(({ hub: of, orchestrator }) => of.name === hub.name && orchestrator.name === name);
    await vscode.commands.executeCommand("plc.createVplc", row);
  }
}

function clock(time: string): string {
  return new Date(time).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" });
}
