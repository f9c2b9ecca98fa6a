// PLC: Add Hub, Sign In to Hub, Sign Out of Hub, Remove Hub, Show Audit Log, Refresh Orchestrators.
//
// Invariant: a token is typed hidden and goes to the hub and the secret store only, never into a setting or a file.

import { TextDecoder } from "node:util";
import * as vscode from "vscode";

import { addressProblem, nameProblem, suggestedName } from "../addresses.ts";
import { showFailure } from "../failures.ts";
import type { KnownHub } from "../hubs.ts";
import { auditWords } from "../hubWording.ts";
import { askSteps } from "../multiStep.ts";
import { isFailure } from "../protocol.ts";
import type { Station } from "../station.ts";
import { withoutIcons } from "../wording.ts";
import { administered, chooseHub } from "./rows.ts";
import type { TargetArgument } from "./target.ts";

const LARGEST_CERTIFICATE = 256 * 1024;

export async function addHubCommand(station: Station): Promise<void> {
  const taken = station.hubs.all.map(({ name }) => name);
  const answers = await askSteps("Add Hub", [
    {
      prompt: "Address of the hub: host or host:port",
      placeholder: "hub.example.com:8444",
      problem: (text) => (/^http:/i.test(text.trim()) ? "A hub is reached over TLS only: type host or host:port." : addressProblem(text)),
    },
    {
      prompt: "Name, as it will stand in the sidebar and before the names of its machines",
      initial: ([address]) => suggestedName(address ?? ""),
      problem: (text) => nameProblem(text, taken, "hub"),
    },
    {
      prompt: "Who vouches for the hub's certificate?",
      rows: () => [
        { label: "The authorities that this computer trusts", value: "system", icon: "verified", detail: "For a hub with a certificate of a public or company authority" },
        { label: "A certificate file…", value: "file", icon: "file", detail: "The authority that the hub made for itself: server-ca.pem in its folder" },
      ],
    },
  ]);
  const [address, name, vouched] = answers ?? [];
  if (address === undefined || name === undefined) {
    return;
  }
  const ca = vouched === "file" ? await chooseCertificate(station) : "";
  if (ca === undefined) {
    return;
  }
  const answer = await station.server.call("rung.addHub", { name, address, ...(ca === "" ? {} : { ca }) });
  if (isFailure(answer)) {
    showFailure(station, answer.error);
    return;
  }
  await station.hubs.refresh();
  const added = station.hubs.find(name);
  if (added !== undefined) {
    await signIn(station, added);
  }
}

/** The text of a PEM file, or undefined when none was chosen or it is none. */
async function chooseCertificate(station: Station): Promise<string | undefined> {
  const [file] =
    (await vscode.window.showOpenDialog({
      title: "Certificate of the authority that vouches for the hub",
      openLabel: "Use This Certificate",
      filters: { Certificates: ["pem", "crt", "cer"], "All files": ["*"] },
    })) ?? [];
  if (file === undefined) {
    return undefined;
  }
  const hint = "Choose the file that the hub's administrator gave you.";
  try {
    const { size } = await vscode.workspace.fs.stat(file);
    const text = size > LARGEST_CERTIFICATE ? "" : new TextDecoder("utf-8", { fatal: true }).decode(await vscode.workspace.fs.readFile(file));
    if (text.includes("PRIVATE KEY")) {
      showFailure(station, { kind: "untrusted", message: "This file holds a private key, which belongs on the hub only. The hub was not added.", hint });
      return undefined;
    }
    if (text.includes("-----BEGIN CERTIFICATE-----")) {
      return text;
    }
  } catch {
    // Told below: a file that cannot be read is as good as one that is no certificate.
  }
  showFailure(station, { kind: "untrusted", message: "This file holds no certificate in PEM form. The hub was not added.", hint });
  return undefined;
}

export async function signInToHubCommand(station: Station, argument: TargetArgument): Promise<void> {
  const hub = await chooseHub(station, argument, "Sign in to which hub?", () => true);
  if (hub !== undefined) {
    await signIn(station, hub);
  }
}

/** Asks for a token and tries it; true when signed in. */
export async function signIn(station: Station, hub: KnownHub): Promise<boolean> {
  const answers = await askSteps(`Sign In to ${hub.name}`, [
    {
      prompt: `Your token for ${hub.address}. It is kept in the editor's secret store and sent to nobody else.`,
      placeholder: "rung_…",
      password: true,
      problem: (text) => (/^\S+$/.test(text.trim()) ? undefined : "Paste the token that you were given; it has no spaces."),
    },
  ]);
  if (answers?.[0] === undefined) {
    return false;
  }
  const failure = await station.hubs.signIn(hub, answers[0].trim());
  if (failure !== undefined) {
    showFailure(station, failure, () => signIn(station, hub));
    return false;
  }
  station.logs.output.info(`Signed in to the hub ${hub.name}.`);
  return true;
}

export async function signOutOfHubCommand(station: Station, argument: TargetArgument): Promise<void> {
  const hub = await chooseHub(station, argument, "Sign out of which hub?", ({ state }) => state !== "signed-out");
  const failure = hub === undefined ? undefined : await station.hubs.signOut(hub);
  if (failure !== undefined) {
    showFailure(station, failure);
  }
  await station.connections.refresh();
}

export async function removeHubCommand(station: Station, argument: TargetArgument): Promise<void> {
  const hub = await chooseHub(station, argument, "Remove which hub?", () => true);
  if (hub === undefined) {
    return;
  }
  const remove = "Remove Hub";
  const detail = "Its address and your token are forgotten here. The hub, its orchestrators and their vPLCs go on as they are.";
  if ((await vscode.window.showWarningMessage(`Remove the hub "${hub.name}"?`, { modal: true, detail }, remove)) !== remove) {
    return;
  }
  const answer = await station.server.call("rung.removeHub", { hub: hub.name });
  if (isFailure(answer)) {
    showFailure(station, answer.error);
  } else {
    await station.secrets.forgetToken(hub);
  }
  await station.hubs.refresh();
  await station.connections.refresh();
}

/** Who did what to which machine, newest first; Enter on a row copies it. */
export async function auditCommand(station: Station, argument: TargetArgument): Promise<void> {
  const hub = await chooseHub(station, argument, "Audit log of which hub?", (one) => administered({ hub: one }));
  if (hub === undefined) {
    return;
  }
  const answer = await station.server.call("rung.audit", { hub: hub.name });
  if (isFailure(answer)) {
    showFailure(station, answer.error);
    return;
  }
  const rows = answer.rows.map(auditWords).map(({ label, description, detail }) => ({
    label: withoutIcons(label),
    description: withoutIcons(description),
    detail: withoutIcons(detail),
  }));
  const options = { title: `Audit Log of ${hub.name}`, placeHolder: "Select a row to copy it", matchOnDescription: true, matchOnDetail: true };
  const picked = await vscode.window.showQuickPick(rows, options);
  if (picked !== undefined) {
    await vscode.env.clipboard.writeText([picked.detail, picked.label, picked.description].join("  "));
  }
}

export async function refreshHubsCommand(station: Station): Promise<void> {
  const failure = await station.hubs.refresh();
  if (failure !== undefined) {
    showFailure(station, failure);
  }
}
