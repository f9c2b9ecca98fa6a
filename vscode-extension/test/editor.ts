// A stand-in for the editor's interface, as far as questions go: it answers them from a script and notes what was asked and told.

export interface Script {
  /** Answers to modal questions: the button to press, by its name; undefined is Escape. */
  buttons: (string | undefined)[];
  /** Answers to input boxes; undefined is Escape. */
  texts: (string | undefined)[];
  /** Rows to choose in lists, by what their label contains; several for a list of ticks; undefined is Escape. */
  rows: (string | readonly string[] | undefined)[];
  /** The text of the file that is chosen in the dialog for files; undefined is Escape. */
  files: (string | undefined)[];
}

/** Presses Back in place of an answer. */
export const BACK = "\u0000back";

export const script: Script = { buttons: [], texts: [], rows: [], files: [] };
export const told: string[] = [];
/** What stood in each input box when it was shown. */
export const boxes: { prompt: string; value: string; password: boolean }[] = [];
/** What lay on the clipboard last, and the context keys as they are. */
export const clipboard = { text: "" };
export const context = new Map<string, unknown>();

export function begin(part: Partial<Script>): void {
  Object.assign(script, { buttons: [], texts: [], rows: [], files: [], ...part });
  clipboard.text = "";
  told.length = 0;
  boxes.length = 0;
}

type Listener = () => void;

class QuickInput {
  title = "";
  buttons: unknown[] = [];
  protected accept: Listener = () => undefined;
  protected hide: Listener = () => undefined;
  protected back: Listener = () => undefined;
  onDidTriggerButton(listener: Listener): void { this.back = listener; }
  onDidAccept(listener: Listener): void { this.accept = listener; }
  onDidHide(listener: Listener): void { this.hide = listener; }
  dispose(): void { /* nothing is held */ }
}

class InputBox extends QuickInput {
  prompt = "";
  placeholder: string | undefined;
  password = false;
  value = "";
  validationMessage: string | undefined;
  onDidChangeValue(): void { /* the answer is checked when it is given */ }
  show(): void {
    boxes.push({ prompt: this.prompt, value: this.value, password: this.password });
    const text = script.texts.shift();
    if (text === undefined) {
      this.hide();
    } else if (text === BACK) {
      this.back();
    } else {
      this.value = text;
      this.accept();
      if (this.validationMessage !== undefined) {
        told.push(this.validationMessage);
        this.hide();
      }
    }
  }
}

interface Row {
  label: string;
}

function chosen(rows: readonly Row[], wanted: string | readonly string[]): Row[] {
  const parts = typeof wanted === "string" ? [wanted] : wanted;
  return parts.map((part) => {
    const row = rows.find(({ label }) => label.includes(part));
    if (row === undefined) {
      throw new Error(`No row "${part}" among: ${rows.map(({ label }) => label).join(", ")}`);
    }
    return row;
  });
}

class QuickPick extends QuickInput {
  placeholder = "";
  items: readonly Row[] = [];
  selectedItems: readonly Row[] = [];
  activeItems: readonly Row[] = [];
  show(): void {
    const wanted = script.rows.shift();
    if (wanted === undefined) {
      this.hide();
    } else if (wanted === BACK) {
      this.back();
    } else {
      this.selectedItems = chosen(this.items, wanted);
      this.accept();
    }
  }
}

export class EventEmitter<T> {
  readonly #listeners = new Set<(value: T) => void>();
  readonly event = (listener: (value: T) => void): { dispose(): void } => {
    this.#listeners.add(listener);
    return { dispose: () => { this.#listeners.delete(listener); } };
  };
  fire(value: T): void {
    for (const listener of this.#listeners) {
      listener(value);
    }
  }
  dispose(): void {
    this.#listeners.clear();
  }
}

export class Disposable {
  readonly dispose: () => void;
  constructor(dispose: () => void) {
    this.dispose = dispose;
  }
  static from(...all: { dispose(): void }[]): Disposable {
    return new Disposable(() => { all.forEach((one) => { one.dispose(); }); });
  }
}

export class ThemeColor {
  readonly id: string;
  constructor(id: string) {
    this.id = id;
  }
}

export class ThemeIcon extends ThemeColor {
  readonly color: ThemeColor | undefined;
  constructor(id: string, color?: ThemeColor) {
    super(id);
    this.color = color;
  }
}

export class TreeItem {
  readonly label: string;
  readonly collapsibleState: number;
  constructor(label: string, collapsibleState = 0) {
    this.label = label;
    this.collapsibleState = collapsibleState;
  }
}

/** Text from elsewhere stands in brackets of its own, so that a test sees what was taken for Markdown. */
export class MarkdownString {
  value = "";
  appendMarkdown(text: string): this {
    this.value += text;
    return this;
  }
  appendText(text: string): this {
    this.value += `<${text}>`;
    return this;
  }
}

export class FileDecoration {
  readonly color: ThemeColor | undefined;
  constructor(_badge?: string, _tooltip?: string, color?: ThemeColor) {
    this.color = color;
  }
}

export const TreeItemCollapsibleState = { None: 0, Collapsed: 1, Expanded: 2 };

class Channel {
  readonly info = (text: string): void => { told.push(`info ${text}`); };
  readonly warn = (text: string): void => { told.push(`warn ${text}`); };
  readonly error = (text: string): void => { told.push(`error ${text}`); };
  readonly debug = (text: string): void => { told.push(`debug ${text}`); };
  show(): void { /* nobody looks */ }
  dispose(): void { /* nothing is held */ }
}

const PROGRAM = { languageId: "st", uri: { scheme: "file", fsPath: "/work/Main.st", toString: () => "file:///work/Main.st" } };

/** Nobody takes back what is under way. */
const TOKEN = { isCancellationRequested: false, onCancellationRequested: () => ({ dispose: () => undefined }) };

function modal(message: string, options: unknown): Promise<string | undefined> {
  told.push(message);
  if (typeof options === "object" && options !== null && "detail" in options) {
    told.push(`detail ${String(options.detail)}`);
  }
  return Promise.resolve(typeof options === "object" ? script.buttons.shift() : undefined);
}

/** A notification, too, may have a button that a test presses, as its last word. */
function notified(message: string, ...rest: unknown[]): Promise<string | undefined> {
  const [first] = rest;
  if (typeof first === "object") {
    return modal(message, first);
  }
  told.push(message);
  return Promise.resolve(rest.find((button) => typeof button === "string" && script.buttons[0] === button) === undefined ? undefined : script.buttons.shift());
}

/** The only tree that a test has on the screen; it says when it is hidden, and which of its rows are opened and closed. */
export class View {
  visible = true;
  readonly #visibility = new EventEmitter<object>();
  readonly #expanded = new EventEmitter<{ element: unknown }>();
  readonly #collapsed = new EventEmitter<{ element: unknown }>();
  readonly onDidChangeVisibility = this.#visibility.event;
  readonly onDidExpandElement = this.#expanded.event;
  readonly onDidCollapseElement = this.#collapsed.event;
  show(visible: boolean): void {
    this.visible = visible;
    this.#visibility.fire({ visible });
  }
  open(element: unknown, isOpen: boolean): void {
    (isOpen ? this.#expanded : this.#collapsed).fire({ element });
  }
  dispose(): void { /* nothing is held */ }
}
export const view = new View();

export const window = {
  createInputBox: () => new InputBox(),
  createQuickPick: () => new QuickPick(),
  createTreeView: () => view,
  registerFileDecorationProvider: () => ({ dispose: () => undefined }),
  showOpenDialog: () => Promise.resolve(script.files.length > 0 && script.files[0] !== undefined ? [new Uri()] : undefined),
  showWarningMessage: notified,
  showErrorMessage: notified,
  showInformationMessage: notified,
  activeTextEditor: { document: PROGRAM },
  visibleTextEditors: [],
  createOutputChannel: () => new Channel(),
  withProgress: (_options: object, work: (progress: object, token: object) => unknown) =>
    work({ report: ({ message }: { message?: string }) => { if (message !== undefined) { told.push(`progress ${message}`); } } }, TOKEN),
  setStatusBarMessage: (text: string) => {
    told.push(text);
    return { dispose: () => undefined };
  },
  showQuickPick: (rows: { label: string }[]) => {
    const wanted = script.rows.shift();
    return Promise.resolve(wanted === undefined ? undefined : rows.find(({ label }) => label.includes(String(wanted))));
  },
};
export const env = { clipboard: { writeText: (text: string) => { clipboard.text = text; return Promise.resolve(); } } };
export const commands = {
  executeCommand: (command: string, key: string, value: unknown) => {
    if (command === "setContext") {
      context.set(key, value);
    }
    return Promise.resolve();
  },
};
export const workspace = {
  getConfiguration: () => ({ get: (_name: string, otherwise: unknown) => otherwise }),
  saveAll: () => Promise.resolve(true),
  findFiles: () => Promise.resolve([]),
  isTrusted: true,
  onDidGrantWorkspaceTrust: () => ({ dispose: () => undefined }),
  fs: {
    stat: () => Promise.resolve({ size: script.files[0]?.length ?? 0 }),
    readFile: () => Promise.resolve(new TextEncoder().encode(script.files.shift() ?? "")),
  },
};
export const ProgressLocation = { Notification: 15 };
export class Uri {
  scheme = "file";
  path = "";
  static from(parts: { scheme: string; path: string }): Uri {
    return Object.assign(new Uri(), parts);
  }
}
export const QuickInputButtons = { Back: {} };
