// Finds the Python that the user means: the setting, the Python extension's choice, then the PATH.

import * as vscode from "vscode";

import { firstThatDoes, pathCandidates, rejectionText, type Candidate, type Interpreter } from "./interpreters.ts";
import { withoutLinks } from "./wording.ts";

/** The part of the Python extension's public interface that is used here. */
interface PythonExtension {
  readonly environments: {
    getActiveEnvironmentPath(resource?: vscode.Uri): { readonly path: string };
    resolveEnvironment(path: { readonly path: string }): Promise<{ readonly executable: { readonly uri?: vscode.Uri } } | undefined>;
    readonly onDidChangeActiveEnvironmentPath: vscode.Event<unknown>;
  };
}

/** No Python does; the message says what was tried and what to install. */
export class NoPython extends Error {}

/** The interpreter to run the server with. */
export async function findInterpreter(extensionPath: string): Promise<Interpreter> {
  const setting = vscode.workspace.getConfiguration("rung").get("interpreter", "").trim();
  if (setting !== "") {
    const chosen = await firstThatDoes([{ program: setting, args: [], origin: "the setting rung.interpreter" }], extensionPath);
    if ("path" in chosen) {
      return chosen;
    }
    throw new NoPython(
      `The setting rung.interpreter does not name a Python 3.10 or newer (${rejectionText(chosen)}). ` +
        "Correct the setting, or empty it to let Rung look for one.",
    );
  }
  const candidates = [...(await fromPythonExtension()), ...pathCandidates(process.platform)];
  const found = await firstThatDoes(candidates, extensionPath);
  if ("path" in found) {
    return found;
  }
  throw new NoPython(
    "Rung needs Python 3.10 or newer to check and download programs, and found none " +
      `(${rejectionText(found)}). Install Python, or name one in the setting rung.interpreter.`,
  );
}

async function pythonExtension(): Promise<PythonExtension | undefined> {
  const extension = vscode.extensions.getExtension<PythonExtension>("ms-python.python");
  try {
    return extension === undefined ? undefined : await extension.activate();
  } catch {
    // It shows its own failure; the PATH may still hold a Python.
    return undefined;
  }
}

async function fromPythonExtension(): Promise<Candidate[]> {
  const python = await pythonExtension();
  if (python === undefined) {
    return [];
  }
  const active = python.environments.getActiveEnvironmentPath(vscode.workspace.workspaceFolders?.[0]?.uri);
  const program = (await python.environments.resolveEnvironment(active))?.executable.uri?.fsPath;
  return program === undefined ? [] : [{ program, args: [], origin: "the Python extension" }];
}

/** Calls back when the user picks another interpreter in the Python extension, unless a setting names what runs the server. */
export async function onInterpreterPicked(listener: () => void): Promise<vscode.Disposable> {
  const python = await pythonExtension();
  const picked = (): void => {
    const settings = vscode.workspace.getConfiguration("rung");
    if (settings.get<string>("interpreter", "") === "" && settings.get<string>("server.path", "") === "") {
      listener();
    }
  };
  return python?.environments.onDidChangeActiveEnvironmentPath(picked) ?? new vscode.Disposable(() => undefined);
}

/** Tells the user that there is no Python, with the likeliest remedies as buttons. */
export async function showNoPython(failure: NoPython, showLog: () => void): Promise<void> {
  const select = "Select Interpreter";
  const install = "Install Python";
  const log = "Show Log";
  const choice = await vscode.window.showErrorMessage(withoutLinks(failure.message), select, install, log);
  if (choice === select) {
    const commands = await vscode.commands.getCommands(true);
    await (commands.includes("python.setInterpreter")
      ? vscode.commands.executeCommand("python.setInterpreter")
      : vscode.commands.executeCommand("workbench.action.openSettings", "rung.interpreter"));
  } else if (choice === install) {
    await vscode.env.openExternal(vscode.Uri.parse("https://www.python.org/downloads/"));
  } else if (choice === log) {
    showLog();
  }
}
