// How states, fingerprints and times are worded. Pure text; knows nothing of the editor.

import type { ConnectionState, LogEntry, StatusAnswer, TaskTiming } from "./protocol.ts";

/** What the words are about. */
export interface Machine {
  readonly name: string;
  readonly address: string;
  readonly state: ConnectionState;
  readonly plc: string | null;
  readonly version?: string | null | undefined;
  readonly inSync?: boolean | null | undefined;
  readonly md5?: string | null | undefined;
  readonly message?: string | null | undefined;
}

/** The four looks of the status-bar item. */
export interface StatusWords {
  readonly text: string;
  readonly tooltip: string;
  readonly label: string;
}

const PLC_WORDS: Readonly<Record<string, string>> = {
  RUNNING: "RUN",
  STOPPED: "STOP",
  EMPTY: "NO PROGRAM",
  INIT: "STARTING",
  TRANSITIONING: "BUSY",
};

/** The short word for a machine's state, as it stands behind its name: RUN, STOP, NO PROGRAM ... */
export function plcWord(plc: string | null): string {
  if (plc === null || plc === "") {
    return "";
  }
  return PLC_WORDS[plc.toUpperCase()] ?? plc.toUpperCase();
}

/** Whether the program in the machine is the one in the editor. */
export function syncWord(inSync: boolean | null | undefined): string {
  if (inSync === true) {
    return "in sync";
  }
  return inSync === false ? "program differs" : "";
}

/** Text, tooltip and spoken label of the status-bar item. */
export function statusWords(machine: Machine | undefined): StatusWords {
  if (machine === undefined || machine.state === "disconnected") {
    const which = machine === undefined ? "No machine is connected" : `${machine.name} is not connected`;
    return { text: "$(debug-disconnect) PLC", tooltip: `${which}. Click to connect.`, label: `PLC: disconnected. ${which}.` };
  }
  const { name, address } = machine;
  if (machine.state === "connecting") {
    return {
      text: `$(sync~spin) PLC: ${name}…`,
      tooltip: `Connecting to ${name} (${address}). Click to cancel.`,
      label: `PLC: connecting to ${name}.`,
    };
  }
  if (machine.state === "error") {
    const reason = machine.message ?? "The connection failed.";
    return {
      text: `$(error) PLC: ${name} Error`,
      tooltip: `${name} (${address}): ${reason} Click for what to do.`,
      label: `PLC: error on ${name}. ${reason}`,
    };
  }
  const word = plcWord(machine.plc);
  const sync = syncWord(machine.inSync);
  const facts = [machine.version ? `runtime ${machine.version}` : "", sync].filter((fact) => fact !== "");
  return {
    text: word === "" ? `$(plug) ${name}` : `$(plug) ${name} ▸ ${word}`,
    tooltip: [`Connected to ${name} (${address})`, ...facts].join(", ") + ". Click for commands.",
    label: [`PLC: connected to ${name}`, word === "" ? "state unknown" : word, ...facts].join(", ") + ".",
  };
}

/** A SHA-256 fingerprint in upper-case pairs, the way `openssl x509 -fingerprint` prints it, on two lines. */
export function fingerprintLines(fingerprint: string): string {
  const digits = fingerprint.replace(/^sha256:/i, "").replace(/[^0-9a-f]/gi, "").toUpperCase();
  const pairs = digits.match(/../g) ?? [];
  const half = Math.ceil(pairs.length / 2);
  return [pairs.slice(0, half), pairs.slice(half)]
    .filter((line) => line.length > 0)
    .map((line) => line.join(":"))
    .join("\n");
}

/**
 * Text as a notification shows it when it came from elsewhere: the editor makes links of `[text](command:...)`, and nobody but
 * Rung may offer a command.
 */
export function withoutLinks(text: string): string {
  return text.replaceAll("](", "] (");
}

/** One line of a machine's log, with the machine's own time. */
export function logLine(entry: LogEntry): string {
  const time = typeof entry.timestamp === "number" ? new Date(entry.timestamp * 1000).toISOString() : (entry.timestamp ?? "");
  return time === "" ? entry.message : `${time}  ${entry.message}`;
}

/** A line of the machine's compile log, "[LEVEL] text", in its two parts. */
export function deployLogEntry(line: string): { level: string; message: string } {
  const [, level = "INFO", message = line] = /^\[([A-Z]+)\]\s*(.*)$/.exec(line) ?? [];
  return { level, message };
}

/** A duration that a runtime reports in microseconds. */
export function microseconds(value: number): string {
  return value >= 1000 ? `${(value / 1000).toFixed(value >= 100_000 ? 0 : 1)} ms` : `${value.toFixed(0)} µs`;
}

/** Rows of the status page: what it is, and its value. */
export function statusRows(machine: Machine, status: StatusAnswer): [string, string][] {
  const rows: [string, string][] = [
    ["Machine", plcWord(status.plc) || "state unknown"],
    ["Program", { true: "in sync with the editor", false: "differs from the editor", null: "not compared yet" }[`${status.inSync ?? null}`]],
    ["Runtime", status.version ?? "version unknown"],
    ["Address", machine.address],
  ];
  if (status.md5) {
    rows.push(["Program MD5", status.md5]);
  }
  for (const task of status.tasks) {
    rows.push([`Task ${task.name}`, taskTimes(task)]);
  }
  return rows;
}

/** Scan time, number of scans and overruns of a task, as far as the machine has measured them. */
function taskTimes(task: TaskTiming): string {
  const times: string[] = [];
  if (task.scan_time_min !== null && task.scan_time_avg !== null && task.scan_time_max !== null) {
    const scan = [task.scan_time_min, task.scan_time_avg, task.scan_time_max].map(microseconds).join(" / ");
    times.push(`scan ${scan} (min / average / max)`);
  }
  if (task.scan_count !== null) {
    times.push(task.scan_count === 1 ? "1 scan" : `${task.scan_count} scans`);
  }
  if (task.overruns !== null) {
    times.push(task.overruns === 1 ? "1 overrun" : `${task.overruns} overruns`);
  }
  return times.length > 0 ? times.join(", ") : "not measured yet";
}
