// The language server's commands and notifications, as types.
//
// Invariant: this mirrors the contract of the server's `lsp` package; nothing here is logic of its own.

/** Where a connection stands. The editor shows exactly these four. */
export type ConnectionState = "disconnected" | "connecting" | "connected" | "error";

/** A saved machine and what is known of it. */
export interface Target {
  name: string;
  address: string;
  username?: string | null;
  state: ConnectionState;
  /** State of the machine itself: RUNNING, STOPPED, EMPTY, ERROR ...; null when unknown. */
  plc: string | null;
  version?: string | null;
  /** The runtime in words, "OpenPLC Runtime v4.1.4"; null while it is not known. */
  runtime?: string | null;
  /** Whether what is sent there is encrypted, passwords included; null while it is not known. */
  encrypted?: boolean | null;
  /** Whether the machine keeps the source of its program and gives it back. */
  snapshots?: boolean;
  /** Whether the machine runs the program in the editor; null when that is unknown. */
  inSync?: boolean | null;
  md5?: string | null;
}

/** A failure as the user is told of it. `kind` is one of the closed list of error kinds. */
export interface Failure {
  kind: string;
  message: string;
  hint: string;
}

/** Every command may answer with this instead of its result. */
export interface FailureAnswer {
  error: Failure;
}

export type ConnectAnswer =
  | { state: "connected" }
  | { state: "needs-trust"; fingerprint: string; subject?: string | null; notAfter?: string | null; pinned?: string | null }
  | { state: "needs-first-user" }
  | { state: "needs-login"; encrypted?: boolean; message?: string | null; hint?: string | null }
  | { state: "error"; kind: string; message: string; hint: string };

/** The machine runs, or holds somebody else's program; the user has to agree before anything is done. */
export interface ConfirmationRequest {
  needsConfirmation: true;
  message: string;
  /** What has to be typed as the agreement; without it a button will do. */
  type?: string | null;
}

export interface DeployAnswer {
  ok: boolean;
  stage: string;
  plc: string | null;
  verified: boolean;
  md5: string | null;
  error: Failure | null;
  diagnostics: unknown[];
  /** What the user has to know although nothing failed: why it is not verified what the machine runs, for instance. */
  note?: string | null;
}

/** One task's measured times in microseconds; null where nothing was measured yet. */
export interface TaskTiming {
  name: string;
  scan_count: number | null;
  overruns: number | null;
  scan_time_min: number | null;
  scan_time_avg: number | null;
  scan_time_max: number | null;
  cycle_time_min: number | null;
  cycle_time_avg: number | null;
  cycle_time_max: number | null;
  cycle_latency_min: number | null;
  cycle_latency_avg: number | null;
  cycle_latency_max: number | null;
}

export interface StatusAnswer {
  state: string;
  plc: string | null;
  version: string | null;
  runtime?: string | null;
  encrypted?: boolean | null;
  md5: string | null;
  /** Why the program's MD5 could not be read; null when it could be. */
  md5Unread?: string | null;
  tasks: TaskTiming[];
  inSync?: boolean | null;
  /** What the program is called, where that is known. */
  program?: string | null;
  /** The position of the machine's mode switch, "run" or "stop"; null where it has none. */
  switch?: string | null;
  /** For how many seconds the connection has stood. */
  since?: number | null;
}

/** A runtime that answered the question who is there. Its texts are its own word. */
export interface Found {
  host: string;
  port: number;
  version: string;
  hostname: string;
  project: string | null;
  /** Its bootloader answered in place of a runtime that does not run. */
  recovery: boolean;
}

/** An account on a machine; `role` is null where it has none. */
export interface User {
  id: number;
  username: string;
  role: string | null;
}

export interface UsersAnswer {
  users: User[];
  /** The account that is logged in here. */
  own: string | null;
  /** Whether roles mean something on this machine. */
  roles: boolean;
}

export interface LogEntry {
  id?: number | null;
  timestamp?: string | number | null;
  level?: string | null;
  message: string;
}

export interface LogsAnswer {
  entries: LogEntry[];
  last?: number | null;
  /** The machine began to count anew, so these are all entries it has. */
  restarted?: boolean;
}

export interface Done {
  ok?: boolean;
}

/** Where the session with a hub stands. */
export type HubState = "signed-out" | "online" | "offline" | "refused";

/** A saved hub: the server that orchestrators report to. */
export interface Hub {
  name: string;
  address: string;
  user: string | null;
  role: string | null;
  tenant: string | null;
  signedIn: boolean;
  state: HubState;
  /** Why it is offline or refuses; null otherwise. */
  message: string | null;
}

/** What an agent last measured of its host, in its own words: the members that are shown, if they are what they should be. */
export interface Heartbeat {
  cpu_usage?: unknown;
  memory_usage?: unknown;
  memory_total?: unknown;
}

/** What was last heard of a vPLC's container. */
export type VplcState = "requested" | "creating" | "running" | "stopped" | "deleting" | "error" | "gone";

/** A virtual PLC: a container with a runtime, on an orchestrator's host. */
export interface Vplc {
  id: string;
  name: string;
  state: VplcState;
  stateAt: string | null;
  /** The agent's words to that state: the step it is at, or the error. */
  message: string;
  /** Its name for all commands on machines, "HUB/ORCHESTRATOR/VPLC", and the address behind that. */
  target: string;
  address: string;
}

/** A host with an agent. Times are ISO 8601 in UTC. */
export interface Orchestrator {
  id: string;
  name: string;
  description: string;
  online: boolean;
  lastSeen: string | null;
  /** When its certificate was revoked; null while it counts. */
  revoked: string | null;
  certificate: { notAfter: string | null };
  heartbeat: Heartbeat | null;
  heartbeatAt: string | null;
  vplcs: Vplc[];
}

export interface EnrolAnswer {
  /** What ends with it, when the orchestrator is there already. */
  message?: string;
  id: string;
  expiresAt: string;
  /** The line to run on the host; it holds the id, which enrols whoever has it. */
  command: string;
}

export interface EnrolmentAnswer {
  state: "waiting" | "enrolled" | "online" | "expired";
  orchestrator?: string | null;
}

/** A network interface of an orchestrator's host. */
export interface HostInterface {
  name: string;
  addresses: string[];
  subnet: string | null;
  gateway: string | null;
  /** The vPLC that has it for itself. */
  dedicatedTo: string | null;
}

export interface SerialDevice {
  path: string;
  /** The name that stays the same when it is plugged in anew. */
  device: string | null;
  product: string;
}

/** A virtual network interface as a vPLC is to get it. */
export interface NetworkWish {
  name: string;
  parent: string;
  mode: "dhcp" | "static";
  ip?: string;
  subnet?: string;
  gateway?: string;
  dns?: string[];
}

export interface SerialWish {
  name: string;
  device: string;
  path: string;
}

/** One line of who did what to which machine. */
export interface AuditRow {
  at: string;
  user: string;
  action: string;
  orchestrator: string | null;
  vplc: string | null;
  outcome: string;
  detail: string;
}

/** A board of the table. `tried` says how far it was tried, as users read it. */
export interface BoardType {
  name: string;
  title: string;
  tried: string;
}

/** Where the connection to the board at a port stands, and what its program last told. Nothing of it is older than the connection. */
export interface BoardStatus {
  port: string;
  /** The board's name in the table; null while it is not known. */
  board: string | null;
  state: ConnectionState;
  /** A program is being written to the board. */
  flashing: boolean;
  md5: string | null;
  /** Whether the board runs the program in the editor; null when that is unknown. */
  inSync: boolean | null;
  /** Microseconds of the last scan, and of the longest one. */
  scanUs: number | null;
  scanMaxUs: number | null;
  /** Scans that took longer than the task's interval. */
  overruns: number | null;
  /** Divisions by zero, indexes out of range and the like. */
  faults: number | null;
  /** The watchdog has stopped the program: its outputs are off. */
  halted: boolean;
  /** Variables that this editor holds at a value. */
  forced: string[];
  /** Why it is not connected, and what to do; null and empty when there is nothing to say. */
  message: string | null;
  remedy: string;
}

/** A serial port of this computer, or one that was added by hand. Its texts may come from what is plugged in. */
export interface Port extends BoardStatus {
  title: string;
  /** The boards that it may be, the likeliest first. */
  boards: { name: string; title: string }[];
  /** The board that the user chose, or the only one that shows these USB numbers. */
  chosen: string | null;
  added: boolean;
  /** Why it cannot be used now, in two words and in a sentence, and what to do; empty when it can be. */
  trouble: string;
  problem: string;
  hint: string;
}

/** How writing a program to a board ended. `stage` is the last one reached. */
export interface FlashAnswer {
  ok: boolean;
  stage: string;
  /** The board answered with the program's MD5 afterwards. */
  verified: boolean;
  md5: string | null;
  /** How much of the board the program fills, in a few words. */
  size: string | null;
  warnings: string[];
  error: Failure | null;
  diagnostics: unknown[];
}

/** A variable of the program on a board. Types and values are in words of the language: "BOOL", "TRUE", "T#1s". */
export interface BoardVariable {
  name: string;
  type: string;
  value: string;
  forced: boolean;
  forceable: boolean;
}

interface OnTarget {
  target: string;
}

interface OnPort {
  port: string;
}

interface OnHub {
  hub: string;
}

/** By their ids: a name could mean another one meanwhile. */
interface OnOrchestrator extends OnHub {
  orchestrator: string;
}

interface OnVplc extends OnOrchestrator {
  vplc: string;
}

/** `typed` is what the user has typed as agreement; `running`: also to what happens to a PLC that runs. */
interface Agreed {
  typed?: string;
  running?: boolean;
}

/** Command name -> what it takes and what it answers. */
export interface Commands {
  "rung.targets": { takes: Record<string, never>; gives: { targets: Target[] } };
  "rung.addConnection": { takes: { name: string; address: string; username?: string }; gives: Done };
  "rung.removeConnection": { takes: OnTarget; gives: Done };
  "rung.forgetCertificate": { takes: OnTarget; gives: Done };
  "rung.discover": { takes: Record<string, never>; gives: { found: Found[] } };
  "rung.connect": { takes: OnTarget & { username?: string; password?: string; trust?: string; allowPlain?: boolean }; gives: ConnectAnswer };
  "rung.createFirstUser": { takes: OnTarget & { username: string; password: string }; gives: ConnectAnswer };
  "rung.compileAndDownload": {
    takes: OnTarget & { uri: string; start: boolean; confirmed: boolean };
    gives: DeployAnswer | ConfirmationRequest;
  };
  "rung.status": { takes: OnTarget; gives: StatusAnswer };
  "rung.start": { takes: OnTarget; gives: Done };
  "rung.stop": { takes: OnTarget & { confirmed: boolean }; gives: Done | ConfirmationRequest };
  "rung.logs": { takes: OnTarget & { after?: number }; gives: LogsAnswer };
  "rung.users": { takes: OnTarget; gives: UsersAnswer };
  "rung.createUser": { takes: OnTarget & { username: string; password: string; role?: string }; gives: Done };
  "rung.changePassword": { takes: OnTarget & { username: string; old: string; new: string }; gives: Done & { own: boolean } };
  "rung.deleteUser": { takes: OnTarget & { username: string }; gives: Done };
  "rung.setRole": { takes: OnTarget & { username: string; role: string }; gives: Done };
  "rung.pull": { takes: OnTarget & { folder: string }; gives: { files: string[] } };
  "rung.disconnect": { takes: OnTarget; gives: Done };
  "rung.hubs": { takes: Record<string, never>; gives: { hubs: Hub[] } };
  "rung.addHub": { takes: { name: string; address: string; ca?: string }; gives: Done };
  "rung.removeHub": { takes: OnHub; gives: Done };
  "rung.signInToHub": { takes: OnHub & { token: string }; gives: { user: string; role: string; tenant: string } };
  "rung.signOutOfHub": { takes: OnHub; gives: Done };
  "rung.orchestrators": { takes: OnHub; gives: { orchestrators: Orchestrator[] } };
  "rung.enrol": { takes: OnHub & { name: string; description?: string }; gives: EnrolAnswer };
  "rung.enrolAgain": { takes: OnHub & { orchestrator: string }; gives: EnrolAnswer };
  "rung.enrolment": { takes: OnHub & { id: string }; gives: EnrolmentAnswer };
  "rung.interfaces": { takes: OnOrchestrator; gives: { interfaces: HostInterface[] } };
  "rung.serialDevices": { takes: OnOrchestrator; gives: { devices: SerialDevice[] } };
  "rung.createVplc": {
    takes: OnOrchestrator & { name: string; runtimeVersion?: string; networks: NetworkWish[]; serial?: SerialWish[] };
    gives: Done & { target: string };
  };
  "rung.renameVplc": { takes: OnVplc & { name: string }; gives: Done };
  "rung.deleteVplc": { takes: OnVplc & Agreed; gives: Done | ConfirmationRequest };
  "rung.renameOrchestrator": { takes: OnOrchestrator & { name: string; description?: string }; gives: Done };
  "rung.deleteOrchestrator": { takes: OnOrchestrator & Agreed & { uninstall?: boolean }; gives: Done | ConfirmationRequest };
  "rung.revokeOrchestrator": { takes: OnOrchestrator & Agreed; gives: Done | ConfirmationRequest };
  "rung.boards": { takes: Record<string, never>; gives: { ports: Port[]; boards: BoardType[] } };
  "rung.addPort": { takes: OnPort; gives: Done };
  "rung.removePort": { takes: OnPort; gives: Done };
  "rung.chooseBoard": { takes: OnPort & { board: string }; gives: Done };
  "rung.watchPorts": { takes: { on: boolean }; gives: Done };
  "rung.connectBoard": { takes: OnPort & { uri?: string; confirmed: boolean }; gives: BoardStatus | ConfirmationRequest };
  "rung.disconnectBoard": { takes: OnPort; gives: Done };
  "rung.flashBoard": { takes: OnPort & { board: string; uri: string; confirmed: boolean }; gives: FlashAnswer | ConfirmationRequest };
  "rung.boardVariables": { takes: OnPort & { names?: string[] }; gives: { md5: string; variables: BoardVariable[] } };
  "rung.forceBoardVariable": { takes: OnPort & { name: string; value: string }; gives: Done };
  "rung.releaseBoardVariable": { takes: OnPort & { name?: string }; gives: Done };
  "rung.boardLog": { takes: OnPort & { after?: number }; gives: LogsAnswer };
  "rung.audit": { takes: OnHub; gives: { rows: AuditRow[] } };
}

export type CommandName = keyof Commands;

/** `rung/connectionState`: sent on every change. */
export interface ConnectionStateNotice {
  target: string;
  state: ConnectionState;
  plc?: string | null;
  message?: string | null;
}

/** `rung/deployLog`: one line of the compiler on the machine, while a download runs. */
export interface DeployLogNotice {
  target: string;
  line: string;
}

/** `rung/hubChanged`: what is known of a hub, or of what reports to it, is another now. */
export interface HubChangedNotice {
  hub: string;
}

/** True when a command answered with a failure instead of its result. */
export function isFailure(answer: object): answer is FailureAnswer {
  return "error" in answer && typeof answer.error === "object" && answer.error !== null && !("ok" in answer);
}

/** True when the server wants the user's agreement first. */
export function needsConfirmation(answer: object): answer is ConfirmationRequest {
  return "needsConfirmation" in answer && answer.needsConfirmation === true;
}
