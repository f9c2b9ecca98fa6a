// A stand-in for the editor's interface, as far as questions go: it answers them from a script and notes what was asked and told.

export interface Script {
  /** Answers to modal questions: the button to press, by its name; undefined is Escape. */
  buttons: (string | undefined)[];
  /** Answers to input boxes; undefined is Escape. */
  texts: (string | undefined)[];
  /** Rows to choose in lists, by what their label contains; undefined is Escape. */
  rows: (string | undefined)[];
}

export const script: Script = { buttons: [], texts: [], rows: [] };
export const told: string[] = [];
/** What stood in each input box when it was shown. */
export const boxes: { prompt: string; value: string; password: boolean }[] = [];

export function begin(part: Partial<Script>): void {
  Object.assign(script, { buttons: [], texts: [], rows: [], ...part });
  told.length = 0;
  boxes.length = 0;
}

type Listener = () => void;

class InputBox {
  title = "";
  prompt = "";
  placeholder: string | undefined;
  password = false;
  value = "";
  buttons: unknown[] = [];
  validationMessage: string | undefined;
  #accept: Listener = () => undefined;
  #hide: Listener = () => undefined;
  onDidTriggerButton(): void { /* nobody goes back */ }
  onDidChangeValue(): void { /* the answer is checked when it is given */ }
  onDidAccept(listener: Listener): void { this.#accept = listener; }
  onDidHide(listener: Listener): void { this.#hide = listener; }
  dispose(): void { /* nothing is held */ }
  show(): void {
    boxes.push({ prompt: this.prompt, value: this.value, password: this.password });
    const text = script.texts.shift();
    if (text === undefined) {
      this.#hide();
      return;
    }
    this.value = text;
    this.#accept();
    if (this.validationMessage !== undefined) {
      told.push(this.validationMessage);
      this.#hide();
    }
  }
}

class Channel {
  readonly info = (text: string): void => { told.push(`info ${text}`); };
  readonly warn = (text: string): void => { told.push(`warn ${text}`); };
  readonly error = (text: string): void => { told.push(`error ${text}`); };
  readonly debug = (text: string): void => { told.push(`debug ${text}`); };
  show(): void { /* nobody looks */ }
  dispose(): void { /* nothing is held */ }
}

const PROGRAM = { languageId: "st", uri: { scheme: "file", fsPath: "/work/Main.st", toString: () => "file:///work/Main.st" } };

function modal(message: string, options: unknown): Promise<string | undefined> {
  told.push(message);
  return Promise.resolve(typeof options === "object" ? script.buttons.shift() : undefined);
}

export const window = {
  createInputBox: () => new InputBox(),
  showWarningMessage: modal,
  showErrorMessage: modal,
  showInformationMessage: modal,
  activeTextEditor: { document: PROGRAM },
  visibleTextEditors: [],
  createOutputChannel: () => new Channel(),
  withProgress: (_options: object, work: (progress: object, token: object) => unknown) => work({ report: () => undefined }, {}),
  setStatusBarMessage: (text: string) => {
    told.push(text);
    return { dispose: () => undefined };
  },
  showQuickPick: (rows: { label: string }[]) => {
    const wanted = script.rows.shift();
    return Promise.resolve(wanted === undefined ? undefined : rows.find(({ label }) => label.includes(wanted)));
  },
};
export const env = { clipboard: { writeText: () => Promise.resolve() } };
export const commands = { executeCommand: () => Promise.resolve() };
export const workspace = {
  getConfiguration: () => ({ get: (_name: string, otherwise: unknown) => otherwise }),
  saveAll: () => Promise.resolve(true),
};
export const ProgressLocation = { Notification: 15 };
export class Uri {
  readonly scheme = "file";
}
export const QuickInputButtons = { Back: {} };
