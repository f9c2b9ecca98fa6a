// The list of saved machines: PLC: Add Connection (typed, or found on the network), Remove Connection, Forget Certificate, Forget Password.

import * as vscode from "vscode";

import { addressProblem, nameProblem, suggestedName } from "../addresses.ts";
import { showFailure } from "../failures.ts";
import { askSteps } from "../multiStep.ts";
import { isFailure, type CommandName, type Found } from "../protocol.ts";
import type { Station } from "../station.ts";
import { foundAddress } from "../wording.ts";
import { connect } from "./connect.ts";
import { chooseTarget, type TargetArgument } from "./target.ts";

export async function addConnectionCommand(station: Station): Promise<void> {
  const taken = station.connections.all.map(({ name }) => name);
  const answers = await askSteps("Add Connection", [
    {
      prompt: "Address of the OpenPLC runtime: host, host:port or [IPv6]:port",
      placeholder: "192.168.0.10:8443",
      problem: addressProblem,
    },
    {
      prompt: "Name, as it will stand in the sidebar and the status bar",
      initial: ([address]) => suggestedName(address ?? ""),
      problem: (text) => nameProblem(text, taken),
    },
  ]);
  const [address, name] = answers ?? [];
  if (address === undefined || name === undefined) {
    return;
  }
  await saveAndConnect(station, name, address);
}

/** A row of "Found on the network": asks for a name only; one that is saved already is connected. */
export async function connectFoundCommand(station: Station, argument: TargetArgument): Promise<void> {
  if (!isFound(argument)) {
    return;
  }
  const address = foundAddress(argument);
  const saved = station.connections.all.find((connection) => connection.address === address);
  if (saved !== undefined) {
    await connect(station, saved);
    return;
  }
  const taken = station.connections.all.map(({ name }) => name);
  const offered = [suggestedName(argument.hostname), suggestedName(address)].find((name) => nameProblem(name, taken) === undefined) ?? "";
  const answers = await askSteps(`Connect to ${address}`, [
    {
      prompt: "Name, as it will stand in the sidebar and the status bar",
      initial: () => offered,
      problem: (text) => nameProblem(text, taken),
    },
  ]);
  if (answers?.[0] !== undefined) {
    await saveAndConnect(station, answers[0], address);
  }
}

function isFound(argument: TargetArgument): argument is Found {
  return typeof argument === "object" && argument !== null && "host" in argument && "port" in argument && "hostname" in argument;
}

async function saveAndConnect(station: Station, name: string, address: string): Promise<void> {
  const answer = await station.server.call("rung.addConnection", { name, address });
  if (isFailure(answer)) {
    showFailure(station, answer.error);
    return;
  }
  await station.connections.refresh();
  const added = station.connections.find(name);
  if (added !== undefined) {
    await connect(station, added);
  }
}

export async function removeConnectionCommand(station: Station, argument: TargetArgument): Promise<void> {
  const connection = await chooseTarget(station, argument, station.connections.saved, "Remove which connection?");
  if (connection === undefined) {
    return;
  }
  const remove = "Remove";
  const detail = "Its address and stored password are forgotten. The machine itself is left as it is.";
  const choice = await vscode.window.showWarningMessage(`Remove the connection "${connection.name}"?`, { modal: true, detail }, remove);
  if (choice === remove && (await carriedOut(station, "rung.removeConnection", connection.name))) {
    await station.secrets.forget(connection);
    station.logs.forget(connection.name);
  }
}

export async function forgetCertificateCommand(station: Station, argument: TargetArgument): Promise<void> {
  const connection = await chooseTarget(station, argument, station.connections.saved, "Forget the certificate of which machine?");
  if (connection === undefined) {
    return;
  }
  const forget = "Forget Certificate";
  const detail =
    `The next connection to ${connection.address} shows the certificate and asks again. ` +
    "Do this only when you know why the certificate changed.";
  const title = `Forget the pinned certificate of ${connection.name}?`;
  const choice = await vscode.window.showWarningMessage(title, { modal: true, detail }, forget);
  if (choice === forget && (await carriedOut(station, "rung.forgetCertificate", connection.name))) {
    void vscode.window.showInformationMessage(`The certificate of ${connection.name} is forgotten.`);
  }
}

export async function forgetPasswordCommand(station: Station, argument: TargetArgument): Promise<void> {
  const connection = await chooseTarget(station, argument, station.connections.all, "Forget the password for which machine?");
  if (connection !== undefined) {
    await station.secrets.forget(connection);
    void vscode.window.showInformationMessage(`The password for ${connection.name} is forgotten. An open connection stays open.`);
  }
}

async function carriedOut(
  station: Station,
  command: Extract<CommandName, "rung.removeConnection" | "rung.forgetCertificate">,
  target: string,
): Promise<boolean> {
  const answer = await station.server.call(command, { target });
  if (isFailure(answer)) {
    showFailure(station, answer.error);
  }
  await station.connections.refresh();
  return !isFailure(answer);
}
