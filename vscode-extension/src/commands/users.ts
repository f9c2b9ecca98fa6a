// PLC: Manage Users. A list of a machine's accounts; each step leads back to it until Escape.
//
// Invariant: what must not be done to an account is the server's to say; a password is typed hidden, sent, and forgotten here, but for
// one's own, which takes the place of the stored one.

import * as vscode from "vscode";

import type { Connection } from "../connections.ts";
import { showFailure } from "../failures.ts";
import { askSteps, type Step } from "../multiStep.ts";
import { isFailure, type Done, type FailureAnswer, type User, type UsersAnswer } from "../protocol.ts";
import type { Station } from "../station.ts";
import { roleWord, withoutIcons } from "../wording.ts";
import { chooseTarget, type TargetArgument } from "./target.ts";

const SHOWN_MS = 10_000;

interface Choice<T> extends vscode.QuickPickItem {
  readonly value: T;
}

type Action = "password" | "role" | "delete";

export async function manageUsersCommand(station: Station, argument: TargetArgument): Promise<void> {
  const connection = await chooseTarget(station, argument, station.connections.connected, "Manage the users of which machine?");
  if (connection === undefined) {
    return;
  }
  for (;;) {
    const answer = await station.server.call("rung.users", { target: connection.name });
    if (isFailure(answer)) {
      showFailure(station, answer.error);
      return;
    }
    const picked = await pickUser(connection, answer);
    if (picked === undefined) {
      return;
    }
    if (picked === "add") {
      await addUser(station, connection, answer.roles);
    } else {
      await change(station, connection, answer, picked);
    }
  }
}

async function pickUser(connection: Connection, { users, own, roles }: UsersAnswer): Promise<User | "add" | undefined> {
  const rows = users.map((user): Choice<User> => ({
    label: `$(person) ${withoutIcons(user.username)}`,
    description: withoutIcons([roleWord(user, roles), user.username === own ? "you" : ""].filter((part) => part !== "").join(" · ")),
    value: user,
  }));
  const add: Choice<"add"> = { label: "$(person-add) Add User…", value: "add", alwaysShow: true };
  const options = { title: `Users of ${connection.name}`, placeHolder: "Choose a user to change, or add one", matchOnDescription: true };
  return (await vscode.window.showQuickPick<Choice<User | "add">>([...rows, add], options))?.value;
}

async function change(station: Station, connection: Connection, { own, roles }: UsersAnswer, user: User): Promise<void> {
  const name = withoutIcons(user.username);
  const actions: Choice<Action>[] = [{ label: "$(key) Change Password…", value: "password" }];
  if (roles) {
    actions.push({ label: user.role === "admin" ? "$(person) Make an Ordinary User" : "$(shield) Make an Administrator", value: "role" });
  }
  actions.push({ label: "$(trash) Delete User…", value: "delete" });
  const title = `${name} on ${connection.name}${user.username === own ? " (you)" : ""}`;
  switch ((await vscode.window.showQuickPick(actions, { title }))?.value) {
    case "password":
      return changePassword(station, connection, user);
    case "role":
      return setRole(station, connection, user);
    case "delete":
      return deleteUser(station, connection, user);
    case undefined:
      return undefined;
  }
}

async function addUser(station: Station, connection: Connection, roles: boolean): Promise<void> {
  const name: Step = { prompt: "User name", problem: (text) => (text.trim() === "" ? "Type a user name." : undefined) };
  const answers = await askSteps(`Add a User to ${connection.name}`, [name, ...newPassword("Password of the new user", 1)]);
  const [username, password] = answers ?? [];
  if (username === undefined || password === undefined) {
    return;
  }
  const role = roles ? await pickRole(username) : undefined;
  if (roles && role === undefined) {
    return;
  }
  const takes = { target: connection.name, username, password, ...(role === undefined ? {} : { role }) };
  tell(station, await station.server.call("rung.createUser", takes), `Created the user ${username} on ${connection.name}`);
}

async function pickRole(username: string): Promise<string | undefined> {
  const choices: Choice<string>[] = [
    { label: "$(person) Ordinary user", value: "user" },
    { label: "$(shield) Administrator", detail: "May manage users and everything else on this machine", value: "admin" },
  ];
  return (await vscode.window.showQuickPick(choices, { title: `What may ${username} do?`, ignoreFocusOut: true }))?.value;
}

async function changePassword(station: Station, connection: Connection, user: User): Promise<void> {
  const old: Step = {
    prompt: `Present password of ${user.username}`,
    password: true,
    problem: (text) => (text === "" ? "Type the password." : undefined),
  };
  const answers = await askSteps(`Change the Password of ${user.username}`, [old, ...newPassword(`New password of ${user.username}`, 1)]);
  const [present, password] = answers ?? [];
  if (present === undefined || password === undefined) {
    return;
  }
  const takes = { target: connection.name, username: user.username, old: present, new: password };
  const answer = await station.server.call("rung.changePassword", takes);
  if (!isFailure(answer) && answer.own && (await station.secrets.read(connection))?.username === user.username) {
    await station.secrets.write(connection, { username: user.username, password });
  }
  tell(station, answer, `Changed the password of ${user.username} on ${connection.name}`);
}

/** Two hidden boxes; `first` is the number of the first of them among the steps. */
function newPassword(prompt: string, first: number): Step[] {
  return [
    { prompt, password: true, problem: (text) => (text === "" ? "Type a password." : undefined) },
    {
      prompt: "The same password again",
      password: true,
      problem: (text, earlier) => (text === earlier[first] ? undefined : "This is not the same password."),
    },
  ];
}

async function setRole(station: Station, connection: Connection, user: User): Promise<void> {
  const role = user.role === "admin" ? "user" : "admin";
  const answer = await station.server.call("rung.setRole", { target: connection.name, username: user.username, role });
  const now = role === "admin" ? "an administrator" : "an ordinary user";
  tell(station, answer, `${user.username} is ${now} on ${connection.name} now`);
}

/** Typing the name is the confirmation: Enter alone deletes nobody. */
async function deleteUser(station: Station, connection: Connection, user: User): Promise<void> {
  const confirm: Step = {
    prompt: `Type ${user.username} to delete this user. It cannot be undone.`,
    problem: (text) => (text.trim() === user.username.trim() ? undefined : "This is not the user's name."),
  };
  if ((await askSteps(`Delete ${user.username} on ${connection.name}`, [confirm])) !== undefined) {
    const answer = await station.server.call("rung.deleteUser", { target: connection.name, username: user.username });
    tell(station, answer, `Deleted the user ${user.username} on ${connection.name}`);
  }
}

function tell(station: Station, answer: Done | FailureAnswer, done: string): void {
  if (isFailure(answer)) {
    showFailure(station, answer.error);
    return;
  }
  station.logs.output.info(`${done}.`);
  vscode.window.setStatusBarMessage(`$(check) ${withoutIcons(done)}`, SHOWN_MS);
}
