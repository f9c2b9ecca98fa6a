// The list of saved machines: PLC: Add Connection, Remove Connection, Forget Certificate, Forget Password.

import * as vscode from "vscode";

import { addressProblem, nameProblem, suggestedName } from "../addresses.ts";
import { showFailure } from "../failures.ts";
import { askSteps } from "../multiStep.ts";
import { isFailure, type CommandName } from "../protocol.ts";
import type { Station } from "../station.ts";
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
  const connection = await chooseTarget(station, argument, station.connections.all, "Remove which connection?");
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
  const connection = await chooseTarget(station, argument, station.connections.all, "Forget the certificate of which machine?");
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
