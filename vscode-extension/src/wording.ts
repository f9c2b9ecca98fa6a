// How states, fingerprints and times are worded. Pure text; knows nothing of the editor.

import type { ConnectionState, Found, LogEntry, StatusAnswer, TaskTiming, User } from "./protocol.ts";

/** What the words are about. */
export interface Machine {
  readonly name: string;
  readonly address: string;
  readonly state: ConnectionState;
  readonly plc: string | null;
  readonly version?: string | null | undefined;
  readonly runtime?: string | null | undefined;
  readonly encrypted?: boolean | null | undefined;
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

/** Which runtime it is, in full: "OpenPLC Runtime v3 (web pages, not encrypted)". Empty while that is not known. */
export function runtimeWords({ runtime, version, encrypted }: Pick<Machine, "runtime" | "version" | "encrypted">): string {
  const name = runtime ?? (version ? `OpenPLC Runtime v${version.replace(/^v/, "")}` : "");
  return encrypted === false && name !== "" ? `${name} (web pages, not encrypted)` : name;
}

/** The same where there is little room: "v4.1.4", "v3 (not encrypted)". */
export function runtimeWord(machine: Pick<Machine, "runtime" | "version" | "encrypted">): string {
  return runtimeWords(machine).replace(/^OpenPLC Runtime /, "").replace("(web pages, not encrypted)", "(not encrypted)");
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
  const facts = [runtimeWords(machine), sync].filter((fact) => fact !== "");
  const open = machine.encrypted === false ? " $(unlock)" : "";
  return {
    text: (word === "" ? `$(plug) ${name}` : `$(plug) ${name} ▸ ${word}`) + open,
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

/** Text as a list shows it when it came from elsewhere: the editor makes icons of `$(name)`, and those belong to Rung. */
export function withoutIcons(text: string): string {
  return text.replaceAll("$(", "$ (");
}

/** Stands in a machine's log where the machine has begun to count anew. */
export const RESTARTED = "The runtime was started anew, and its log with it. Lines before this may be missing.";

/** What helps to log in to web pages for the first time. */
export const DEFAULT_ACCOUNT = { username: "openplc", hint: "A new OpenPLC Runtime v3 has the user openplc with the password openplc: change it." };

/** The second half of a row of "Found on the network": where, which, and whose. */
export function foundWords(found: Found, savedAs: string | undefined): string {
  const what = found.recovery ? "its bootloader answers, the runtime does not run" : found.version || "version not told";
  const project = found.project === null || found.project === "" ? "" : `project ${found.project}`;
  return [savedAs === undefined ? "" : `saved as ${savedAs}`, foundAddress(found), what, project].filter((part) => part !== "").join(" · ");
}

/** The address to connect to. */
export function foundAddress({ host, port }: Found): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

const ROLE_WORDS: ReadonlyMap<string, string> = new Map([["admin", "administrator"], ["user", "ordinary user"]]);

/** What an account may do, in words; empty where accounts have no roles. */
export function roleWord(user: User, roles: boolean): string {
  if (!roles || user.role === null) {
    return "";
  }
  return ROLE_WORDS.get(user.role) ?? user.role;
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

/** How long something lasts, in its two largest units: "2 h 5 min". */
export function duration(seconds: number): string {
  const units: readonly [string, number][] = [["d", 86_400], ["h", 3600], ["min", 60], ["s", 1]];
  const first = Math.max(0, units.findIndex(([, size]) => seconds >= size));
  if (seconds < 1) {
    return "0 s";
  }
  let rest = Math.floor(seconds);
  const parts: string[] = [];
  for (const [unit, size] of units.slice(first, first + 2)) {
    if (rest >= size) {
      parts.push(`${Math.floor(rest / size)} ${unit}`);
      rest %= size;
    }
  }
  return parts.join(" ");
}

/** Rows of the status page: what it is, and its value. */
export function statusRows(machine: Machine, status: StatusAnswer): [string, string][] {
  const rows: [string, string][] = [
    ["Machine", plcWord(status.plc) || "state unknown"],
    ["Program", programWords(status)],
    ...(status.program ? [["Program name", status.program] satisfies [string, string]] : []),
    ...(status.md5 ? [["Program MD5", status.md5] satisfies [string, string]] : []),
    ["Runtime", runtimeWords(status) || "not known"],
    ["Address", machine.address],
  ];
  if (status.switch) {
    rows.splice(1, 0, ["Mode switch", status.switch.toUpperCase()]);
  }
  if (status.since !== null && status.since !== undefined) {
    rows.push(["Connected for", duration(status.since)]);
  }
  for (const task of status.tasks) {
    rows.push(...taskRows(task));
  }
  return rows.map(([label, value]) => [withoutIcons(label), withoutIcons(value)]);
}

/** Whether the machine runs what the editor shows; if that cannot be known, why. */
function programWords({ inSync, md5, md5Unread, plc }: StatusAnswer): string {
  if (inSync === true) {
    return "in sync with the editor";
  }
  if (inSync === false) {
    return "another program than in the editor";
  }
  if (md5Unread) {
    return `not readable: ${md5Unread}`;
  }
  if (md5) {
    return "not compared: there is no program in the editor to compare it with, or it has errors";
  }
  return plcWord(plc) === "NO PROGRAM" ? "none" : "not readable: the machine does not say";
}

/** What a machine has measured of a task. */
function taskRows(task: TaskTiming): [string, string][] {
  const name = `Task ${task.name}`;
  const counts: string[] = [];
  if (task.scan_count !== null) {
    counts.push(task.scan_count === 1 ? "1 scan" : `${task.scan_count} scans`);
  }
  if (task.overruns !== null) {
    counts.push(task.overruns === 1 ? "1 overrun" : `${task.overruns} overruns`);
  }
  const times: [string, string][] = [
    [`${name}: scan time`, spread(task.scan_time_min, task.scan_time_avg, task.scan_time_max)],
    [`${name}: cycle time`, spread(task.cycle_time_min, task.cycle_time_avg, task.cycle_time_max)],
    [`${name}: latency`, spread(task.cycle_latency_min, task.cycle_latency_avg, task.cycle_latency_max)],
  ];
  const measured = times.filter(([, value]) => value !== "");
  return [[name, counts.length + measured.length > 0 ? counts.join(", ") : "not measured yet"], ...measured];
}

/** A runtime's average begins at zero and settles after some seconds; while it lies below the least value it is none. */
function spread(least: number | null, average: number | null, most: number | null): string {
  if (least === null || most === null) {
    return "";
  }
  const middle = average === null || average < least ? "–" : microseconds(average);
  return `${microseconds(least)} / ${middle} / ${microseconds(most)} (min / average / max)`;
}
