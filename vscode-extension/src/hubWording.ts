// How hubs, orchestrators and vPLCs are worded. Pure text; knows nothing of the editor.
//
// Invariant: names and messages come from a hub and from agents, so each is cut and cleaned before it stands in a row.

import type { AuditRow, Heartbeat, Hub, Orchestrator, Vplc } from "./protocol.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** An agent's certificate lasts 13 months and is renewed in good time; below this somebody should look. */
const CERTIFICATE_WARNING_DAYS = 30;
const HEARTBEAT_FRESH_MS = 90_000;

/** Text from elsewhere on one line, without what turns writing around or hides it. */
export function cleaned(text: string, most = 120): string {
  const plain = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ").trim();
  return plain.length > most ? `${plain.slice(0, most - 1)}…` : plain;
}

/** How long ago a time was, in its largest unit: "3 h ago". Undefined when the text is no time. */
export function age(time: string | null, now: number): string | undefined {
  const past = time === null ? NaN : now - Date.parse(time);
  if (Number.isNaN(past)) {
    return undefined;
  }
  const units: readonly [string, number][] = [["d", DAY_MS], ["h", 60 * MINUTE_MS], ["min", MINUTE_MS]];
  const unit = units.find(([, size]) => past >= size);
  return unit === undefined ? "just now" : `${Math.floor(past / unit[1])} ${unit[0]} ago`;
}

/** Behind a hub's name: who is signed in, or why nobody is. */
export function hubWords({ state, user, role, message }: Hub): string {
  const reason = message ? ` · ${cleaned(message)}` : "";
  switch (state) {
    case "signed-out":
      return "signed out";
    case "online":
      return cleaned([user, role].filter(Boolean).join(" · ")) || "signed in";
    case "offline":
      return `offline${reason}`;
    case "refused":
      return `sign in again${reason}`;
  }
}

/** Behind an orchestrator's name. `hubAnswers`: otherwise nobody knows what is true now. */
export function orchestratorWords(orchestrator: Orchestrator, hubAnswers: boolean, now: number): string {
  const { online, revoked, lastSeen, heartbeat, heartbeatAt } = orchestrator;
  const seen = age(lastSeen, now);
  const since = seen === undefined ? "never connected" : `last seen ${seen}`;
  if (revoked !== null) {
    return `revoked · ${since}`;
  }
  if (!hubAnswers) {
    return "not known · the hub does not answer";
  }
  if (!online) {
    return [`offline · ${since}`, certificateWarning(orchestrator, now)].filter(Boolean).join(" · ");
  }
  const isFresh = heartbeatAt !== null && now - Date.parse(heartbeatAt) < HEARTBEAT_FRESH_MS;
  const load = heartbeat !== null && isFresh ? loadWords(heartbeat) : "";
  return [load || "online", certificateWarning(orchestrator, now)].filter(Boolean).join(" · ");
}

/** Processor and memory of an orchestrator's host: "CPU 12 % · 3.1/7.7 GB". */
export function loadWords({ cpu_usage: cpu, memory_usage: used, memory_total: total }: Heartbeat): string {
  const words: string[] = [];
  if (isQuantity(cpu)) {
    words.push(`CPU ${Math.round(cpu)} %`);
  }
  if (isQuantity(used)) {
    words.push(`${used.toFixed(1)}${isQuantity(total) ? `/${total.toFixed(1)}` : ""} GB`);
  }
  return words.join(" · ");
}

function isQuantity(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 && value < 1e6;
}

/** Said only when an agent's certificate ends soon, or has ended. */
export function certificateWarning({ certificate: { notAfter }, revoked }: Orchestrator, now: number): string | undefined {
  const days = notAfter === null || revoked !== null ? NaN : (Date.parse(notAfter) - now) / DAY_MS;
  if (Number.isNaN(days) || days > CERTIFICATE_WARNING_DAYS) {
    return undefined;
  }
  if (days <= 0) {
    return "certificate expired";
  }
  return days < 1 ? "certificate expires today" : `certificate expires in ${Math.floor(days)} d`;
}

/**
 * Behind the name of a vPLC to which there is no connection. Of its container only: whether a program runs in it is known only when
 * connected. `online`: its orchestrator is; otherwise this is what was heard last.
 */
export function vplcWords({ state, message }: Vplc, online: boolean): string {
  const step = cleaned(message).replaceAll("_", " ");
  const withStep = (word: string): string => (step === "" ? `${word}…` : `${word} · ${step}`);
  if (!online && state !== "requested") {
    return `last known: ${containerWord(state)}`; // how long ago stands in the orchestrator's row
  }
  switch (state) {
    case "requested":
      return withStep("requested");
    case "creating":
      return withStep("creating");
    case "deleting":
      return withStep("deleting");
    case "running":
      return "not connected";
    case "error":
      return `error · ${cleaned(message) || "the agent says no more"}`;
    case "stopped":
    case "gone":
      return containerWord(state);
  }
}

/** What a vPLC's container does. */
export function containerWord(state: Vplc["state"]): string {
  switch (state) {
    case "running":
      return "up";
    case "stopped":
      return "container stopped";
    case "gone":
      return "gone: its host does not have it";
    case "requested":
    case "creating":
    case "deleting":
    case "error":
      return state;
  }
}

/** One line of the audit log: when and who, what on which machine, and what came of it. */
export function auditWords({ at, user, action, orchestrator, vplc, outcome, detail }: AuditRow): { label: string; description: string; detail: string } {
  const machine = [orchestrator, vplc].filter(Boolean).join("/");
  return {
    label: cleaned(`${action} ${machine}`),
    description: cleaned(`${user} · ${outcome}`),
    detail: cleaned(`${at.slice(0, 19).replace("T", " ")} UTC ${detail}`, 240),
  };
}
