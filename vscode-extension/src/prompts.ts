// The questions that a connection asks: certificate, encryption, first user, login, stopping a machine that runs.
//
// Invariant: Enter and Escape never trust a certificate, never send a password unencrypted and never stop a machine.

import * as vscode from "vscode";

import type { Connection } from "./connections.ts";
import { askSteps } from "./multiStep.ts";
import type { ConnectAnswer } from "./protocol.ts";
import type { Credentials } from "./secrets.ts";
import { DEFAULT_ACCOUNT, fingerprintLines } from "./wording.ts";

export type TrustQuestion = Extract<ConnectAnswer, { state: "needs-trust" }>;
export type LoginQuestion = Extract<ConnectAnswer, { state: "needs-login" }>;

/** Shows a certificate that was never seen before; true when the user trusts it. */
export async function askTrust(connection: Connection, question: TrustQuestion): Promise<boolean> {
  const copy = "Copy Fingerprint";
  const trust = "Trust and Pin";
  const detail = [
    "The machine identifies itself with this certificate:",
    "",
    "SHA-256 fingerprint",
    fingerprintLines(question.fingerprint),
    "",
    `Subject: ${question.subject ?? "not stated"}`,
    `Valid until: ${question.notAfter?.slice(0, 10) ?? "not stated"}`,
    "",
    'Compare the fingerprint with the one that "openssl x509 -noout -fingerprint -sha256 -in <certificate>" prints on the machine. ' +
      "Rung then accepts only this certificate at this address, and sends user name and password to nobody else.",
  ].join("\n");
  for (;;) {
    const title = `First connection to ${connection.name} (${connection.address})`;
    // The first button answers Enter, so it is a harmless one; the dialog adds Cancel, which answers Escape.
    const choice = await vscode.window.showWarningMessage(title, { modal: true, detail }, copy, trust);
    if (choice !== copy) {
      return choice === trust;
    }
    await vscode.env.clipboard.writeText(fingerprintLines(question.fingerprint).replace("\n", ":"));
  }
}

/** Says that the certificate is not the pinned one. There is no button that goes on. */
export async function showChangedCertificate(connection: Connection, fingerprint: string, pinned: string): Promise<void> {
  const detail = [
    "Nothing was sent to the machine. Either its certificate was renewed (a new installation does that), or another computer answers at this address.",
    "",
    "Pinned SHA-256 fingerprint",
    fingerprintLines(pinned),
    "",
    "Fingerprint now",
    fingerprintLines(fingerprint),
    "",
    'If you know why it changed, run "PLC: Forget Certificate" and connect again.',
  ].join("\n");
  const title = `The certificate of ${connection.name} (${connection.address}) has changed`;
  await vscode.window.showErrorMessage(title, { modal: true, detail });
}

/** Says that everybody in the network could read the password; true when the user wants to go on all the same. */
export async function askPlain(connection: Connection, question: LoginQuestion): Promise<boolean> {
  const copy = "Copy Text";
  const send = "Send Unencrypted";
  const detail = [question.message ?? "What is sent to this machine can be read by everybody in the network, a password too.", question.hint ?? ""].join("\n\n").trim();
  for (;;) {
    const title = `The connection to ${connection.name} (${connection.address}) is not encrypted`;
    // The first button answers Enter, so it is a harmless one.
    const choice = await vscode.window.showWarningMessage(title, { modal: true, detail }, copy, send);
    if (choice !== copy) {
      return choice === send;
    }
    await vscode.env.clipboard.writeText(`${title}\n\n${detail}`);
  }
}

/** The form for the first user of a runtime that has none. */
export async function askFirstUser(connection: Connection): Promise<Credentials | undefined> {
  const answers = await askSteps(`First user of ${connection.name}`, [
    {
      prompt: "This runtime has no user yet. Whoever creates the first one administers it. User name:",
      placeholder: "engineer",
      initial: () => connection.username ?? "",
      problem: (text) => (text.trim() === "" ? "Type a user name." : undefined),
    },
    {
      prompt: "Password. It is kept in the editor's secret store; the runtime has no way to recover it.",
      password: true,
      problem: (text) => (text === "" ? "Type a password." : undefined),
    },
    {
      prompt: "The same password again",
      password: true,
      problem: (text, earlier) => (text === earlier[1] ? undefined : "This is not the same password."),
    },
  ]);
  const [username, password] = answers ?? [];
  return username === undefined || password === undefined ? undefined : { username, password };
}

/** User name and password of a user that the runtime knows. `plain`: over web pages, which have a default account at first. */
export async function askLogin(
  connection: Connection,
  username: string | undefined,
  reason: string | undefined,
  plain: boolean,
): Promise<Credentials | undefined> {
  const because = reason === undefined ? "" : `${reason} `;
  const known = username ?? connection.username ?? "";
  const account = plain && known === "" ? `${DEFAULT_ACCOUNT.hint} ` : "";
  const answers = await askSteps(`Log in to ${connection.name}`, [
    {
      prompt: `${because}${account}User name on ${connection.address}`,
      initial: () => (plain && known === "" ? DEFAULT_ACCOUNT.username : known),
      problem: (text) => (text.trim() === "" ? "Type a user name." : undefined),
    },
    {
      prompt: `Password. It is kept in the editor's secret store${plain ? ", and sent unencrypted" : ""}.`,
      password: true,
      problem: (text) => (text === "" ? "Type a password." : undefined),
    },
  ]);
  const [name, password] = answers ?? [];
  return name === undefined || password === undefined ? undefined : { username: name, password };
}

/** Asks before a machine that runs is stopped; `action` is the button that does it, `message` what it means. */
export async function confirmStop(connection: Connection, message: string, action: string): Promise<boolean> {
  const status = "Show Status";
  const title = `${action} (${connection.name})?`;
  // As with certificates, the first button answers Enter and is harmless.
  const choice = await vscode.window.showWarningMessage(title, { modal: true, detail: message }, status, action);
  if (choice === status) {
    await vscode.commands.executeCommand("plc.showStatus", connection);
  }
  return choice === action;
}
