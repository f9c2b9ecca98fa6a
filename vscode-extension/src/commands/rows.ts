// Which hub, orchestrator or vPLC a command is about: the row that was clicked, the only one that fits, or the one that the user picks.
//
// Invariant: what is acted on is what the hub lists now, by its id; a row that was drawn before may be of something gone.

import * as vscode from "vscode";

import { isOnline, mayAdminister, type HubRow, type KnownHub, type OrchestratorRow, type VplcRow } from "../hubs.ts";
import { cleaned, hubWords, orchestratorWords, vplcWords } from "../hubWording.ts";
import type { Station } from "../station.ts";
import { withoutIcons, withoutLinks } from "../wording.ts";
import type { TargetArgument } from "./target.ts";

type AnyRow = HubRow | OrchestratorRow | VplcRow;

interface Pick<T> extends vscode.QuickPickItem {
  readonly value: T;
}

function isRow(argument: TargetArgument): argument is AnyRow {
  return typeof argument === "object" && argument !== null && "kind" in argument && "hub" in argument;
}

/** The hub of a row, or one of those that fit. */
export async function chooseHub(station: Station, argument: TargetArgument, question: string, fits: (hub: KnownHub) => boolean): Promise<KnownHub | undefined> {
  const { all } = station.hubs;
  const given = isRow(argument) ? station.hubs.find(argument.hub.name) : undefined;
  if (given !== undefined) {
    return given;
  }
  const choices = all.filter(fits).map((hub): Pick<KnownHub> => ({ label: `$(server-environment) ${hub.name}`, description: withoutIcons(hubWords(hub)), value: hub }));
  return choose(choices, question, all.length === 0 ? "No hub is added yet." : "There is no hub for this.", all.length === 0 ? "plc.addHub" : undefined);
}

/** The orchestrator of a row, or one of those that fit. */
export async function chooseOrchestrator(
  station: Station,
  argument: TargetArgument,
  question: string,
  fits: (row: OrchestratorRow) => boolean,
): Promise<OrchestratorRow | undefined> {
  const { orchestrators } = station.hubs;
  if (isRow(argument) && argument.kind !== "hub") {
    const { hub, orchestrator } = argument;
    const now = orchestrators.find((row) => row.hub.name === hub.name && row.orchestrator.id === orchestrator.id);
    if (now === undefined) {
      tellGone(orchestrator.name);
    }
    return now;
  }
  const choices = orchestrators.filter(fits).map((row): Pick<OrchestratorRow> => ({
    label: withoutIcons(cleaned(row.orchestrator.name)),
    description: withoutIcons(`${row.hub.name} · ${orchestratorWords(row.orchestrator, row.hub.state === "online", Date.now())}`),
    value: row,
  }));
  return choose(choices, question, "There is no orchestrator for this: none is online, or your role at the hub does not allow it.");
}

/** The vPLC of a row, or one of those that fit. */
export async function chooseVplc(station: Station, argument: TargetArgument, question: string, fits: (row: VplcRow) => boolean): Promise<VplcRow | undefined> {
  const { vplcs } = station.hubs;
  if (isRow(argument) && argument.kind === "vplc") {
    const { hub, orchestrator, vplc } = argument;
    const now = vplcs.find((row) => row.hub.name === hub.name && row.orchestrator.id === orchestrator.id && row.vplc.id === vplc.id);
    if (now === undefined) {
      tellGone(vplc.name);
    }
    return now;
  }
  const choices = vplcs.filter(fits).map((row): Pick<VplcRow> => ({
    label: withoutIcons(cleaned(row.vplc.name)),
    description: withoutIcons(`${row.hub.name}/${cleaned(row.orchestrator.name)} · ${vplcWords(row.vplc, isOnline(row))}`),
    value: row,
  }));
  return choose(choices, question, "There is no vPLC for this, or your role at the hub does not allow it.");
}

export function administered({ hub }: { hub: KnownHub }): boolean {
  return hub.state === "online" && mayAdminister(hub);
}

export function owned({ hub }: { hub: KnownHub }): boolean {
  return hub.state === "online" && hub.role === "owner";
}

/** The only one, or the one that is picked. What destroys something asks for its name afterwards. */
async function choose<T>(choices: readonly Pick<T>[], question: string, none: string, remedy?: "plc.addHub"): Promise<T | undefined> {
  if (choices.length === 1) {
    return choices[0]?.value;
  }
  if (choices.length > 0) {
    return (await vscode.window.showQuickPick(choices, { title: "PLC", placeHolder: question, matchOnDescription: true }))?.value;
  }
  const buttons = remedy === undefined ? [] : ["Add Hub"];
  if ((await vscode.window.showInformationMessage(none, ...buttons)) !== undefined && remedy !== undefined) {
    await vscode.commands.executeCommand(remedy);
  }
  return undefined;
}

function tellGone(name: string): void {
  void vscode.window.showInformationMessage(withoutLinks(`${cleaned(name)} is not in the hub's list any more. Nothing was done.`));
}
