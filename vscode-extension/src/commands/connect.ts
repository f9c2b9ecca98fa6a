// PLC: Connect, PLC: Create First User, PLC: Disconnect.
//
// Invariant: a password is stored only after the machine accepted it. Where it would not be encrypted, none is asked for and none is
// sent, a stored one included, before the user has been told and has agreed; that is asked anew for each connection.

import type { Connection } from "../connections.ts";
import { showFailure } from "../failures.ts";
import { askFirstUser, askLogin, askPlain, askTrust, showChangedCertificate } from "../prompts.ts";
import { isFailure, type ConnectAnswer, type FailureAnswer } from "../protocol.ts";
import type { Credentials } from "../secrets.ts";
import type { Station } from "../station.ts";
import { chooseTarget, type TargetArgument } from "./target.ts";

/** What the next request carries. */
interface Attempt {
  credentials: Credentials | undefined;
  trust: string | undefined;
  /** The user has agreed that everybody in the network can read the password. */
  allowPlain: boolean;
}

export async function connectCommand(station: Station, argument: TargetArgument): Promise<void> {
  const { reachable } = station.connections;
  const candidates = reachable.filter(({ state }) => state === "disconnected" || state === "error");
  const connection = await chooseTarget(station, argument, candidates.length > 0 ? candidates : reachable, "Connect to which machine?");
  if (connection !== undefined) {
    await connect(station, connection);
  }
}

/** Connects, asking whatever the machine needs; true when connected. */
export async function connect(station: Station, chosen: Connection): Promise<boolean> {
  const { name } = chosen;
  station.connections.activate(name);
  // Another address may have been saved under this name meanwhile, and the password is for the address that it was typed for.
  await station.connections.refresh();
  const connection = station.connections.find(name) ?? chosen;
  const attempt: Attempt = { credentials: await station.secrets.read(connection), trust: undefined, allowPlain: false };
  let answer = await request(station, connection, attempt);
  for (;;) {
    if (isFailure(answer)) {
      showFailure(station, answer.error, () => connect(station, connection));
      return false;
    }
    if (answer.state === "connected") {
      await connected(station, connection, attempt);
      return true;
    }
    const next = await goOn(station, connection, attempt, answer);
    if (next === undefined) {
      return false;
    }
    answer = next;
  }
}

/** One more step towards a connection, or undefined when it ends here. */
async function goOn(
  station: Station,
  connection: Connection,
  attempt: Attempt,
  answer: Exclude<ConnectAnswer, { state: "connected" }>,
): Promise<ConnectAnswer | FailureAnswer | undefined> {
  const { name } = connection;
  switch (answer.state) {
    case "needs-trust":
      if (answer.pinned) {
        await showChangedCertificate(connection, answer.fingerprint, answer.pinned);
        return undefined;
      }
      if (!(await askTrust(connection, answer))) {
        return giveUp(station, name);
      }
      attempt.trust = answer.fingerprint;
      return request(station, connection, attempt);
    case "needs-first-user": {
      const first = await askFirstUser(connection);
      if (first === undefined) {
        return giveUp(station, name);
      }
      attempt.credentials = first;
      return station.server.call("rung.createFirstUser", { target: name, ...first });
    }
    case "needs-login":
      if (answer.encrypted === false && !attempt.allowPlain) {
        if (!(await askPlain(connection, answer))) {
          return giveUp(station, name);
        }
        attempt.allowPlain = true;
        return attempt.credentials === undefined ? login(station, connection, attempt, undefined) : request(station, connection, attempt);
      }
      return login(station, connection, attempt, attempt.credentials === undefined ? undefined : "User name or password is wrong.");
    case "error":
      if (answer.kind === "credentials") {
        return login(station, connection, attempt, answer.message);
      }
      showFailure(station, answer, () => connect(station, connection));
      return undefined;
  }
}

async function login(station: Station, connection: Connection, attempt: Attempt, reason: string | undefined): Promise<ConnectAnswer | FailureAnswer | undefined> {
  const typed = await askLogin(connection, attempt.credentials?.username, reason, attempt.allowPlain);
  if (typed === undefined) {
    return giveUp(station, connection.name);
  }
  attempt.credentials = typed;
  return request(station, connection, attempt);
}

function request(station: Station, connection: Connection, { credentials, trust, allowPlain }: Attempt): Promise<ConnectAnswer | FailureAnswer> {
  const mayBeSent = allowPlain || !/^http:/i.test(connection.address);
  return station.server.call("rung.connect", {
    target: connection.name,
    ...(mayBeSent ? credentials : {}),
    ...(trust === undefined ? {} : { trust }),
    ...(allowPlain ? { allowPlain } : {}),
  });
}

async function connected(station: Station, connection: Connection, { credentials }: Attempt): Promise<void> {
  if (credentials !== undefined) {
    await station.secrets.write(connection, credentials);
  }
  await station.connections.refresh();
  station.logs.output.info(`Connected to ${connection.name}.`);
}

/** Ends an attempt that waits for an answer which the user does not give. */
async function giveUp(station: Station, target: string): Promise<undefined> {
  await station.server.call("rung.disconnect", { target });
  await station.connections.refresh();
  return undefined;
}

/** Connecting to a runtime without users asks for the first one, so this is a connection under its other name. */
export async function createFirstUserCommand(station: Station, argument: TargetArgument): Promise<void> {
  const connection = await chooseTarget(station, argument, station.connections.reachable, "Create the first user of which machine?");
  if (connection === undefined) {
    return;
  }
  if (connection.state !== "connected") {
    await connect(station, connection);
    return;
  }
  const message = `${connection.name} has users already: Rung is logged in to it.`;
  showFailure(station, { kind: "credentials", message, hint: 'Run "PLC: Manage Users" to create more.' });
}

export async function disconnectCommand(station: Station, argument: TargetArgument): Promise<void> {
  const candidates = station.connections.all.filter(({ state }) => state !== "disconnected");
  const connection = await chooseTarget(station, argument, candidates, "Disconnect from which machine?");
  if (connection === undefined) {
    return;
  }
  const answer = await station.server.call("rung.disconnect", { target: connection.name });
  if (isFailure(answer)) {
    showFailure(station, answer.error);
  }
  await station.connections.refresh();
}
