// How boards and their ports are worded. Pure text; knows nothing of the editor.

import type { BoardType, BoardVariable, FlashAnswer, Port } from "./protocol.ts";
import { microseconds, syncWord, withoutIcons, type StatusWords } from "./wording.ts";

/** Text from what is plugged in as the sidebar shows it: no icons of its own, one line, not endless. */
export function plain(text: string, longest = 120): string {
  const line = withoutIcons(text.replace(/\s+/g, " ").trim());
  return line.length > longest ? `${line.slice(0, longest - 1)}…` : line;
}

/** What a port is called: its board's name if that is known, else what the system calls it. */
export function portName(port: Port, types: readonly BoardType[]): string {
  const board = types.find(({ name }) => name === port.chosen);
  return plain(board?.title ?? (port.title || port.port));
}

/** Where it is, short: "ttyACM0", "COM3"; an address is an address. */
export function portPlace({ port }: Pick<Port, "port">): string {
  return plain(port.includes("://") ? port : (port.split("/").at(-1) ?? port));
}

/** What a port's log is called. */
export function logName(port: Port, types: readonly BoardType[]): string {
  return `${portName(port, types)} ${portPlace(port)}`;
}

/** The second half of a row of "Serial Boards". There is little room, so what changes stands before what stays. */
export function portWords(port: Port): string {
  const isItsName = port.chosen === null && (port.title === "" || port.title === port.port);
  return [...stateWords(port), isItsName ? "" : portPlace(port)].filter((part) => part !== "").join(" · ");
}

function stateWords(port: Port): string[] {
  if (port.flashing) {
    return ["downloading…"];
  }
  switch (port.state) {
    case "connected":
      return port.halted ? ["stopped by its watchdog, outputs off"] : [syncWord(port.inSync) || "connected", scanWord(port), overrunWord(port), forcedWord(port)];
    case "connecting":
      return ["connecting…"];
    case "error":
      return ["error", plain(port.message ?? "the connection failed")];
    case "disconnected":
      return port.trouble === "" ? [port.chosen === null ? "choose its board" : "disconnected"] : ["disconnected", plain(port.trouble)];
  }
}

/** How long a scan takes. */
function scanWord({ scanUs }: Pick<Port, "scanUs">): string {
  return scanUs === null ? "" : `scan ${microseconds(scanUs)}`;
}

export function overrunWord({ overruns }: Pick<Port, "overruns">): string {
  return overruns === null || overruns === 0 ? "" : overruns === 1 ? "1 scan too long" : `${overruns} scans too long`;
}

export function forcedWord({ forced }: Pick<Port, "forced">): string {
  return forced.length === 0 ? "" : `${forced.length} forced`;
}

/** Text, tooltip and spoken label of the board's item in the status bar. */
export function boardStatusWords(port: Port, name: string): StatusWords {
  const where = `${name} at ${portPlace(port)}`;
  if (port.flashing) {
    return { text: `$(sync~spin) ${name}: downloading`, tooltip: `A program is being written to ${where}.`, label: `Board: downloading to ${name}.` };
  }
  switch (port.state) {
    case "connecting":
      return { text: `$(sync~spin) ${name}…`, tooltip: `Connecting to ${where}. Click for commands.`, label: `Board: connecting to ${name}.` };
    case "error": {
      const reason = port.message ?? "The connection failed.";
      return { text: `$(error) ${name} Error`, tooltip: `${where}: ${reason} Click for what to do.`, label: `Board: error on ${name}. ${reason}` };
    }
    case "disconnected":
      return { text: `$(debug-disconnect) ${name}`, tooltip: `${where} is not connected. Click for commands.`, label: `Board: ${name} is not connected.` };
    case "connected": {
      const does = port.halted ? "WATCHDOG" : port.inSync === false ? "PROGRAM DIFFERS" : "RUN";
      const facts = [syncWord(port.inSync), scanWord(port), overrunWord(port), forcedWord(port)].filter((fact) => fact !== "");
      return {
        text: `$(circuit-board) ${name} ▸ ${does}${port.forced.length > 0 ? " $(lock)" : ""}`,
        tooltip: `${[`Connected to ${where}`, ...facts].join(", ")}. Click for commands.`,
        label: `${[`Board: connected to ${name}`, does, ...facts].join(", ")}.`,
      };
    }
  }
}

/** The second half of a variable's row. */
export function variableWords({ value, forced }: BoardVariable): string {
  return `${plain(value)}${forced ? " · forced" : ""}`;
}

/** What came of a download that went through. */
export function flashedWords(name: string, answer: FlashAnswer): string {
  const proof = answer.verified ? "and verified" : "but not verified, for the board has not answered with the program's MD5";
  return `${name}: downloaded ${proof}${answer.size === null ? "" : `. ${answer.size}`}`;
}
