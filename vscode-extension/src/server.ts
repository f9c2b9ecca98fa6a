// The language server's life: start, restart with a limit, stop; and calling its commands.
//
// Invariant: at most one server runs; a failed start is told once, with a remedy.

import { join } from "node:path";
import { createInterface } from "node:readline";
import * as vscode from "vscode";
import {
  CloseAction,
  ErrorAction,
  ExecuteCommandRequest,
  LanguageClient,
  RevealOutputChannelOn,
  State,
  WorkDoneProgress,
  WorkDoneProgressCancelNotification,
  type ErrorHandler,
  type Executable,
} from "vscode-languageclient/node";

import { NoPython, findInterpreter, showNoPython } from "./python.ts";
import type {
  BoardStatus,
  CommandName,
  Commands,
  ConnectionStateNotice,
  DeployLogNotice,
  FailureAnswer,
  HubChangedNotice,
} from "./protocol.ts";
import { cancelled, noAnswer, notRunning } from "./serverFailures.ts";
import { withoutLinks } from "./wording.ts";

const RESTARTS = 4;
const RESTART_WINDOW_MS = 3 * 60 * 1000;
const CANCEL_GRACE_MS = 15_000;

export type ServerState = "stopped" | "starting" | "running" | "failed";

/** Progress of one long command. */
export interface Progress {
  report(message: string | undefined, percentage: number | undefined): void;
  readonly token: vscode.CancellationToken;
}

/** A client whose failures go to the log only: `Server` tells them once, in its own words and with remedies. */
class QuietClient extends LanguageClient {
  override error(message: string, data?: unknown): void {
    super.error(message, data, false);
  }
}

export class Server {
  readonly #context: vscode.ExtensionContext;
  readonly #output: vscode.LogOutputChannel;
  readonly #stateChanged = new vscode.EventEmitter<ServerState>();
  readonly #connectionChanged = new vscode.EventEmitter<ConnectionStateNotice>();
  readonly #deployLogged = new vscode.EventEmitter<DeployLogNotice>();
  readonly #hubChanged = new vscode.EventEmitter<HubChangedNotice>();
  readonly #boardsChanged = new vscode.EventEmitter<void>();
  readonly #boardState = new vscode.EventEmitter<BoardStatus>();
  #client: LanguageClient | undefined;
  #state: ServerState = "stopped";
  #description = "";
  #queue: Promise<void> = Promise.resolve();
  #requests = 0;
  /** The last line that the server wrote before it ended; of a Python traceback that is the reason. */
  #lastWords = "";

  readonly onDidChangeState = this.#stateChanged.event;
  readonly onConnectionState = this.#connectionChanged.event;
  readonly onDeployLog = this.#deployLogged.event;
  readonly onHubChanged = this.#hubChanged.event;
  readonly onBoardsChanged = this.#boardsChanged.event;
  readonly onBoardState = this.#boardState.event;

  constructor(context: vscode.ExtensionContext, output: vscode.LogOutputChannel) {
    this.#context = context;
    this.#output = output;
  }

  get state(): ServerState {
    return this.#state;
  }

  /** What runs the server, in words: "Python 3.11.2 (PATH)". */
  get description(): string {
    return this.#description;
  }

  /** Stops a running server and starts a new one. Calls that overlap run one after the other. */
  restart(): Promise<void> {
    this.#queue = this.#queue.then(async () => {
      await this.#stop();
      await this.#start();
    });
    return this.#queue;
  }

  /**
   * Runs one of the server's commands.
   *
   * A cancelled command is asked to end in good order, because its answer says what the machine does now; only when
   * no answer comes in time is the request itself given up.
   */
  async call<K extends CommandName>(
    command: K,
    takes: Commands[K]["takes"],
    progress?: Progress,
  ): Promise<Commands[K]["gives"] | FailureAnswer> {
    await this.#queue; // a server that is just starting will answer
    const client = this.#client;
    if (client === undefined || this.#state !== "running") {
      return notRunning();
    }
    const requestEnd = new vscode.CancellationTokenSource();
    const listeners: { dispose(): void }[] = [requestEnd];
    let workDoneToken: string | undefined;
    let grace: NodeJS.Timeout | undefined;
    if (progress !== undefined) {
      const token = `rung-extension-${++this.#requests}`;
      workDoneToken = token;
      listeners.push(
        client.onProgress(WorkDoneProgress.type, token, (value) => {
          if (value.kind === "begin") {
            progress.report(withoutLinks(value.message ?? value.title), value.percentage);
          } else if (value.kind === "report") {
            progress.report(value.message === undefined ? undefined : withoutLinks(value.message), value.percentage);
          }
        }),
        progress.token.onCancellationRequested(() => {
          void client.sendNotification(WorkDoneProgressCancelNotification.type, { token });
          grace = setTimeout(() => { requestEnd.cancel(); }, CANCEL_GRACE_MS);
        }),
      );
    }
    try {
      const params = { command, arguments: [takes], ...(workDoneToken === undefined ? {} : { workDoneToken }) };
      const answer: unknown = await client.sendRequest(ExecuteCommandRequest.type, params, requestEnd.token);
      return typeof answer === "object" && answer !== null ? answer : noAnswer(command);
    } catch {
      // The failure may quote what was sent, and that can hold a password: only the name of the command is logged.
      this.#output.error(`The language server did not carry out ${command}.`);
      return requestEnd.token.isCancellationRequested ? cancelled() : noAnswer(command);
    } finally {
      clearTimeout(grace);
      for (const listener of listeners) {
        listener.dispose();
      }
    }
  }

  async #start(): Promise<void> {
    this.#become("starting");
    const ends: number[] = [];
    try {
      const executable = await this.#executable();
      const client = new QuietClient("rung-language-server", "Rung", executable, {
        documentSelector: [{ language: "st", scheme: "file" }, { language: "st", scheme: "untitled" }],
        diagnosticCollectionName: "rung",
        outputChannel: this.#output,
        revealOutputChannelOn: RevealOutputChannelOn.Never,
        synchronize: { fileEvents: vscode.workspace.createFileSystemWatcher("**/{*.st,*.ST,*.iecst,rung.toml,project.json}") },
        errorHandler: this.#errorHandler(ends),
        initializationFailedHandler: () => false,
        stdioOptions: {
          stdout: () => undefined, // carries the protocol
          stderr: (stream) => {
            createInterface({ input: stream, crlfDelay: Infinity }).on("line", (line) => {
              this.#output.warn(line);
              this.#lastWords = line.trim() === "" ? this.#lastWords : line.trim();
            });
          },
        },
      });
      client.onNotification("rung/connectionState", (notice: ConnectionStateNotice) => { this.#connectionChanged.fire(notice); });
      client.onNotification("rung/deployLog", (notice: DeployLogNotice) => { this.#deployLogged.fire(notice); });
      client.onNotification("rung/hubChanged", (notice: HubChangedNotice) => { this.#hubChanged.fire(notice); });
      client.onNotification("rung/boardsChanged", () => { this.#boardsChanged.fire(); });
      client.onNotification("rung/boardState", (notice: BoardStatus) => { this.#boardState.fire(notice); });
      client.onDidChangeState(({ newState }) => {
        if (newState === State.Running) {
          this.#become("running");
        }
      });
      this.#client = client;
      await client.start();
      this.#become("running");
    } catch (failure) {
      // A server that ended while it started is the error handler's, which starts it again or gives up.
      if (ends.length === 0) {
        this.#fail(failure);
      }
    }
  }

  async #stop(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    if (client?.needsStop()) {
      await client.dispose(5_000).catch(() => { this.#output.warn("The language server did not stop in time."); });
    }
    this.#become("stopped");
  }

  /** How the server is started: the user's own `rung`, or the one in this extension on the chosen Python. */
  async #executable(): Promise<Executable> {
    const own = vscode.workspace.getConfiguration("rung").get("server.path", "").trim();
    if (own !== "") {
      this.#description = own;
      this.#output.info(`Starting the language server: ${own} lsp`);
      return { command: own, args: ["lsp"] };
    }
    const python = await findInterpreter(this.#context.extensionPath);
    const compiled = vscode.Uri.joinPath(this.#context.globalStorageUri, "pycache").fsPath;
    const launcher = join(this.#context.extensionPath, "bundled", "launch.py");
    this.#description = `Python ${python.version} (${python.origin})`;
    this.#output.info(`Starting the language server with ${python.path}, ${this.#description}`);
    // -I: neither the user's site-packages nor PYTHON* variables may change what runs.
    return { command: python.path, args: ["-I", "-X", "utf8", "-X", `pycache_prefix=${compiled}`, launcher, "lsp"] };
  }

  /** `ends` collects when the server ended by itself. */
  #errorHandler(ends: number[]): ErrorHandler {
    return {
      error: (_failure, _message, count) => ({ action: (count ?? 0) <= 3 ? ErrorAction.Continue : ErrorAction.Shutdown, handled: true }),
      closed: () => {
        const now = Date.now();
        ends.push(now);
        if (ends.filter((end) => now - end < RESTART_WINDOW_MS).length <= RESTARTS) {
          this.#output.warn("The language server ended unexpectedly; starting it again.");
          this.#become("starting");
          return { action: CloseAction.Restart, handled: true };
        }
        const lastWords = this.#lastWords === "" ? "" : ` Its last words: ${this.#lastWords}`;
        this.#fail(new Error(`It ended ${RESTARTS + 1} times within three minutes, so it is not started again.${lastWords}`));
        return { action: CloseAction.DoNotRestart, handled: true };
      },
    };
  }

  #fail(failure: unknown): void {
    this.#become("failed");
    const text = failure instanceof Error ? failure.message : String(failure);
    this.#output.error(text);
    if (failure instanceof NoPython) {
      void showNoPython(failure, () => { this.#output.show(); });
    } else {
      void this.#showFailure(text);
    }
  }

  async #showFailure(text: string): Promise<void> {
    const restart = "Restart";
    const log = "Show Log";
    const message = `Programs are not checked and machines cannot be reached, because the language server does not run. ${text}`;
    const choice = await vscode.window.showErrorMessage(withoutLinks(message), restart, log);
    if (choice === restart) {
      await this.restart();
    } else if (choice === log) {
      this.#output.show();
    }
  }

  #become(state: ServerState): void {
    if (this.#state !== state) {
      this.#state = state;
      this.#stateChanged.fire(state);
    }
  }

  /** Ends the server in good order, with the window. */
  shutDown(): Promise<void> {
    this.#queue = this.#queue.then(() => this.#stop());
    return this.#queue;
  }
}
