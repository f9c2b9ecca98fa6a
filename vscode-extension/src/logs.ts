// Log channels: "PLC" for what the extension and the server do, "PLC: <name>" for each machine's own log.
//
// Invariant: an entry of a machine's log is written once, however often it was asked for.

import * as vscode from "vscode";

import type { LogEntry } from "./protocol.ts";
import type { Server } from "./server.ts";
import { RESTARTED, deployLogEntry, logLine } from "./wording.ts";

interface MachineLog {
  readonly channel: vscode.LogOutputChannel;
  last: number | undefined;
}

export class Logs implements vscode.Disposable {
  readonly #output: vscode.LogOutputChannel;
  readonly #machines = new Map<string, MachineLog>();
  readonly #subscriptions: vscode.Disposable[] = [];

  constructor(output: vscode.LogOutputChannel) {
    this.#output = output;
  }

  get output(): vscode.LogOutputChannel {
    return this.#output;
  }

  follow(server: Server): void {
    this.#subscriptions.push(
      server.onConnectionState(({ target, state, message }) => {
        const text = `${target}: ${state}${message ? `. ${message}` : ""}`;
        if (state === "error") {
          this.#output.error(text);
        } else {
          this.#output.debug(text);
        }
      }),
      server.onBoardState(({ port, state, message }) => {
        if (state === "error") {
          this.#output.error(`${port}: ${message ?? "error"}`);
        }
      }),
      server.onDeployLog(({ target, line }) => {
        const { level, message } = deployLogEntry(line);
        write(this.#output, { level, message: `${target}: ${message}` });
      }),
    );
  }

  /** `restarted`: the machine began to count anew, so no entry is one that was written before. */
  append(target: string, entries: readonly LogEntry[], restarted = false): void {
    const log = this.#machine(target);
    if (restarted && log.last !== undefined) {
      log.channel.warn(RESTARTED);
    }
    log.last = restarted ? undefined : log.last;
    for (const entry of entries) {
      const id = entry.id ?? undefined;
      if (id !== undefined && log.last !== undefined && id <= log.last) {
        continue;
      }
      log.last = id ?? log.last;
      write(log.channel, entry);
    }
  }

  /** The number of the last entry that was written, to ask for what came after it. */
  last(target: string): number | undefined {
    return this.#machines.get(target)?.last;
  }

  show(target: string): void {
    this.#machine(target).channel.show(true);
  }

  /** The machines whose log is on the screen now. */
  get visible(): string[] {
    const outputs = vscode.window.visibleTextEditors.map(({ document }) => document.uri).filter(({ scheme }) => scheme === "output");
    return [...this.#machines.keys()].filter((target) => outputs.some(({ path }) => asFileName(path).endsWith(asFileName(channelName(target)))));
  }

  forget(target: string): void {
    this.#machines.get(target)?.channel.dispose();
    this.#machines.delete(target);
  }

  #machine(target: string): MachineLog {
    let log = this.#machines.get(target);
    if (log === undefined) {
      log = { channel: vscode.window.createOutputChannel(channelName(target), { log: true }), last: undefined };
      this.#machines.set(target, log);
    }
    return log;
  }

  dispose(): void {
    vscode.Disposable.from(...this.#subscriptions, ...[...this.#machines.values()].map(({ channel }) => channel)).dispose();
  }
}

function channelName(target: string): string {
  return `PLC: ${target}`;
}

/** The editor names a channel's document after the channel, less what a file's name cannot hold; newer ones add ".log". */
function asFileName(name: string): string {
  return name.replace(/[\\/:*?"<>|]/g, "").replace(/\.log$/, "");
}

function write(channel: vscode.LogOutputChannel, entry: LogEntry): void {
  const line = logLine(entry);
  switch ((entry.level ?? "").toUpperCase()) {
    case "ERROR":
    case "CRITICAL":
      channel.error(line);
      break;
    case "WARNING":
    case "WARN":
      channel.warn(line);
      break;
    case "DEBUG":
      channel.debug(line);
      break;
    default:
      channel.info(line);
  }
}
