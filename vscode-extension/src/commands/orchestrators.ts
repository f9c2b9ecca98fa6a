// PLC: Rename Orchestrator, Revoke Orchestrator, Delete Orchestrator, Copy Name.

import * as vscode from "vscode";

import { nameProblem } from "../addresses.ts";
import { showFailure } from "../failures.ts";
import { isOnline, type OrchestratorRow } from "../hubs.ts";
import { cleaned } from "../hubWording.ts";
import { askSteps } from "../multiStep.ts";
import { isFailure } from "../protocol.ts";
import type { Station } from "../station.ts";
import { withAgreement } from "./agreement.ts";
import { administered, chooseOrchestrator, owned } from "./rows.ts";
import type { TargetArgument } from "./target.ts";
import { leave } from "./vplc.ts";

interface Ending extends vscode.QuickPickItem {
  readonly uninstall: boolean;
}

export async function renameOrchestratorCommand(station: Station, argument: TargetArgument): Promise<void> {
  const row = await chooseOrchestrator(station, argument, "Rename which orchestrator?", administered);
  if (row === undefined) {
    return;
  }
  const { hub, orchestrator } = row;
  const taken = hub.orchestrators.filter(({ id }) => id !== orchestrator.id).map(({ name }) => name);
  const answers = await askSteps(`Rename ${cleaned(orchestrator.name)}`, [
    { prompt: "New name of the orchestrator", initial: () => orchestrator.name, problem: (text) => nameProblem(text, taken, "orchestrator") },
    { prompt: "Where it is or what it is for (may stay empty)", initial: () => orchestrator.description },
  ]);
  const [name, description] = answers ?? [];
  if (name === undefined || description === undefined) {
    return;
  }
  await leaveAll(station, row); // the names of its machines change with it
  const answer = await station.server.call("rung.renameOrchestrator", { hub: hub.name, orchestrator: orchestrator.id, name, description });
  if (isFailure(answer)) {
    showFailure(station, answer.error);
  }
  await station.hubs.refresh();
}

export async function revokeOrchestratorCommand(station: Station, argument: TargetArgument): Promise<void> {
  const row = await chooseOrchestrator(station, argument, "Revoke the certificate of which orchestrator?", owned);
  if (row === undefined) {
    return;
  }
  const { hub, orchestrator } = row;
  const title = `Revoke the certificate of ${cleaned(orchestrator.name)}`;
  const call = (agreed: object): ReturnType<typeof station.server.call<"rung.revokeOrchestrator">> =>
    station.server.call("rung.revokeOrchestrator", { hub: hub.name, orchestrator: orchestrator.id, ...agreed });
  if (await withAgreement(station, title, "Revoke", call)) {
    station.logs.output.info(`Revoked the certificate of ${orchestrator.name} at ${hub.name}. Its vPLCs go on; they cannot be reached through the hub any more.`);
  }
  await station.hubs.refresh();
}

export async function deleteOrchestratorCommand(station: Station, argument: TargetArgument): Promise<void> {
  const row = await chooseOrchestrator(station, argument, "Delete which orchestrator?", owned);
  if (row === undefined) {
    return;
  }
  const { hub, orchestrator } = row;
  const ending = await chooseEnding(row);
  if (ending === undefined) {
    return;
  }
  const { uninstall } = ending;
  const title = `${uninstall ? "Uninstall" : "Delete"} ${cleaned(orchestrator.name)}`;
  const call = (agreed: object): ReturnType<typeof station.server.call<"rung.deleteOrchestrator">> =>
    station.server.call("rung.deleteOrchestrator", { hub: hub.name, orchestrator: orchestrator.id, uninstall, ...agreed });
  if (await withAgreement(station, title, uninstall ? "Uninstall with All vPLCs" : "Delete", call)) {
    await leaveAll(station, row);
    station.logs.output.info(`${uninstall ? "Uninstalled" : "Deleted"} the orchestrator ${orchestrator.name} of ${hub.name}.`);
  }
  await station.hubs.refresh();
}

async function chooseEnding(row: OrchestratorRow): Promise<Ending | undefined> {
  const endings: Ending[] = [
    { label: "$(circle-slash) Only forget it here", detail: "The hub forgets it and its certificate. Agent and vPLCs stay on the host and go on", uninstall: false },
  ];
  if (isOnline(row)) {
    endings.push({ label: "$(trash) Uninstall it from its host", detail: "Agent, networks and all its vPLCs are deleted, with the programs in them", uninstall: true });
  }
  return vscode.window.showQuickPick(endings, { title: `Delete ${cleaned(row.orchestrator.name)}`, placeHolder: "What is to become of the host?" });
}

async function leaveAll(station: Station, { hub, orchestrator }: OrchestratorRow): Promise<void> {
  for (const row of station.hubs.vplcs.filter((one) => one.hub.name === hub.name && one.orchestrator.id === orchestrator.id)) {
    await leave(station, row);
  }
}

/** The name under which commands and scripts know what was clicked. */
export async function copyNameCommand(station: Station, argument: TargetArgument): Promise<void> {
  if (typeof argument !== "object" || argument === null || !("kind" in argument)) {
    return;
  }
  if (argument.kind === "vplc" && "name" in argument && typeof argument.name === "string") {
    await vscode.env.clipboard.writeText(argument.name);
  } else {
    const row = await chooseOrchestrator(station, argument, "Copy the name of which orchestrator?", () => true);
    if (row !== undefined) {
      await vscode.env.clipboard.writeText(`${row.hub.name}/${row.orchestrator.name}`);
    }
  }
}
