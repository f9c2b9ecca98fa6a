// Which program a command is about: the one in the editor, the only one in the workspace, or the one that the user picks.
//
// Invariant: the answer is a file, and the user is asked whenever it could be of one program or of another.

import { dirname } from "node:path";
import * as vscode from "vscode";

const SOURCES = "**/*.{st,ST,iecst}";
const MANY = 2000;

interface Choice extends vscode.QuickPickItem {
  readonly file: vscode.Uri;
}

/** A file of the program; the server knows which others belong to it. Undefined when there is none or the user gave up. */
export async function chooseProgram(): Promise<vscode.Uri | undefined> {
  const active = sources([vscode.window.activeTextEditor]);
  const visible = active.length > 0 ? active : sources(vscode.window.visibleTextEditors);
  const files = visible.length > 0 ? visible : await vscode.workspace.findFiles(SOURCES, undefined, MANY);
  const folders = new Map(files.map((file) => [dirname(file.fsPath), file]));
  if (folders.size === 0) {
    void vscode.window.showErrorMessage("There is no program to download. Open a Structured Text file or its folder first.");
  }
  return folders.size > 1 ? pick([...folders.values()]) : [...folders.values()][0];
}

/** The program that the user most likely means, without a question: the one in the editor, or the only one in the workspace. */
export async function likelyProgram(): Promise<vscode.Uri | undefined> {
  const shown = sources([vscode.window.activeTextEditor, ...vscode.window.visibleTextEditors]);
  const files = shown.length > 0 ? shown.slice(0, 1) : await vscode.workspace.findFiles(SOURCES, undefined, MANY);
  return new Set(files.map((file) => dirname(file.fsPath))).size === 1 ? files[0] : undefined;
}

function sources(editors: readonly (vscode.TextEditor | undefined)[]): vscode.Uri[] {
  const documents = editors.flatMap((editor) => (editor === undefined ? [] : [editor.document]));
  return documents.filter(({ languageId, uri }) => languageId === "st" && uri.scheme === "file").map(({ uri }) => uri);
}

async function pick(files: readonly vscode.Uri[]): Promise<vscode.Uri | undefined> {
  const choices = files.map((file): Choice => ({ label: vscode.workspace.asRelativePath(file), file }));
  choices.sort((left, right) => left.label.localeCompare(right.label));
  const placeHolder = "Download the program of which file?";
  return (await vscode.window.showQuickPick(choices, { title: "PLC", placeHolder, matchOnDescription: true }))?.file;
}
