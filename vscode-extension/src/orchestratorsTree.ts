// The view "Orchestrators": hubs, the hosts that report to them, and the vPLCs on those.
//
// Invariants: opening a row asks nobody, so nothing waits for what is offline; what is only remembered is dimmed and has its age. Hubs are
// asked by the clock only while the view is on the screen.

import * as vscode from "vscode";

import { connectionItem, tooltipOf } from "./connectionRow.ts";
import type { Connections } from "./connections.ts";
import { isOnline, isReachable, mayAdminister, vplcRows, type HubRow, type Hubs, type OrchestratorRow, type VplcRow } from "./hubs.ts";
import { age, certificateWarning, cleaned, containerWord, hubWords, orchestratorWords, vplcWords } from "./hubWording.ts";

const FRESH_MS = 30_000;
const REMEMBERED = "rung-remembered";

/** A row that says why there is nothing, or offers what can be done. */
interface NoteRow {
  readonly kind: "note";
  readonly id: string;
  readonly text: string;
  readonly command?: vscode.Command;
}

export type Row = HubRow | OrchestratorRow | VplcRow | NoteRow;

export class OrchestratorsTree implements vscode.TreeDataProvider<Row>, vscode.Disposable {
  readonly #hubs: Hubs;
  readonly #connections: Connections;
  readonly #changed = new vscode.EventEmitter<void>();
  readonly #subscriptions: vscode.Disposable;

  readonly onDidChangeTreeData = this.#changed.event;

  constructor(hubs: Hubs, connections: Connections) {
    this.#hubs = hubs;
    this.#connections = connections;
    const view = vscode.window.createTreeView("plc.orchestrators", { treeDataProvider: this, showCollapseAll: true });
    const changed = (): void => { this.#changed.fire(); };
    // Ages grow, and what agents measure is no news of which a hub tells.
    const aging = setInterval(() => {
      if (view.visible && hubs.orchestrators.length > 0) {
        void hubs.refresh();
      }
    }, FRESH_MS);
    this.#subscriptions = vscode.Disposable.from(
      this.#changed,
      view,
      hubs.onDidChange(changed),
      connections.onDidChange(changed),
      vscode.window.registerFileDecorationProvider({ provideFileDecoration: dimmed }),
      new vscode.Disposable(() => { clearInterval(aging); }),
    );
  }

  getChildren(parent?: Row): Row[] {
    switch (parent?.kind) {
      case undefined:
        return this.#hubs.all.map((hub) => ({ kind: "hub", hub }));
      case "hub":
        return belowHub(parent);
      case "orchestrator":
        return belowOrchestrator(parent);
      case "vplc":
      case "note":
        return [];
    }
  }

  getTreeItem(row: Row): vscode.TreeItem {
    switch (row.kind) {
      case "hub":
        return hubItem(row);
      case "orchestrator":
        return orchestratorItem(row);
      case "vplc":
        return this.#vplcItem(row);
      case "note":
        return noteItem(row);
    }
  }

  #vplcItem(row: VplcRow): vscode.TreeItem {
    const connection = this.#connections.find(row.name);
    const admin = mayAdminister(row.hub) ? ".admin" : "";
    if (connection !== undefined && connection.state !== "disconnected") {
      const item = connectionItem(connection, cleaned(row.vplc.name));
      item.contextValue = `${item.contextValue ?? ""}.vplc${admin}`;
      return item;
    }
    const { hub, orchestrator, vplc } = row;
    const item = new vscode.TreeItem(cleaned(vplc.name));
    const online = isOnline(row);
    item.id = row.name;
    item.description = vplcWords(vplc, online);
    item.iconPath = vplcIcon(row);
    item.contextValue = `${isReachable(row) ? "runtime.idle.vplc" : "vplc"}${admin}`;
    item.tooltip = tooltipOf(cleaned(vplc.name), [
      ["Hub", hub.name],
      ["Orchestrator", `${cleaned(orchestrator.name)} (${online ? "online" : "offline"})`],
      [online ? "Container" : "Container, as last known", containerWord(vplc.state)],
      ["Told by the agent", cleaned(vplc.message, 500)],
      ["Since", age(vplc.stateAt, Date.now())],
    ]);
    item.accessibilityInformation = { label: `vPLC ${cleaned(vplc.name)}, ${item.description}` };
    return online ? item : dim(item, row.name);
  }

  dispose(): void {
    this.#subscriptions.dispose();
  }
}

function belowHub({ hub }: HubRow): Row[] {
  if (hub.orchestrators.length > 0) {
    return hub.orchestrators.map((orchestrator) => ({ kind: "orchestrator", hub, orchestrator }));
  }
  if (hub.state !== "online") {
    return [];
  }
  const id = `${hub.name}/`;
  const enrol = { command: "plc.enrolOrchestrator", title: "Enrol Orchestrator", arguments: [{ kind: "hub", hub }] };
  return mayAdminister(hub)
    ? [{ kind: "note", id, text: "Enrol an orchestrator…", command: enrol }]
    : [{ kind: "note", id, text: "No orchestrator is enrolled yet" }];
}

function belowOrchestrator(row: OrchestratorRow): Row[] {
  const { hub, orchestrator } = row;
  if (orchestrator.vplcs.length > 0) {
    return vplcRows(hub, orchestrator);
  }
  const id = `${hub.name}/${orchestrator.id}/`;
  const create = { command: "plc.createVplc", title: "Create vPLC", arguments: [row] };
  return mayAdminister(hub) && isOnline(row) ? [{ kind: "note", id, text: "Create a vPLC…", command: create }] : [{ kind: "note", id, text: "No vPLC" }];
}

function hubItem({ hub }: HubRow): vscode.TreeItem {
  const isOpen = hub.state === "online" || hub.orchestrators.length > 0;
  const item = new vscode.TreeItem(hub.name, isOpen ? vscode.TreeItemCollapsibleState.Expanded : vscode.TreeItemCollapsibleState.None);
  item.id = `${hub.name}${isOpen ? "" : "/closed"}`; // the editor opens a row only when it is a new one
  item.description = hubWords(hub);
  item.contextValue = `hub.${hub.state}${roleSuffix(hub.role)}`;
  item.tooltip = tooltipOf(hub.name, [
    ["Address", hub.address],
    ["User", hub.user],
    ["Role", hub.role],
    ["Tenant", hub.tenant],
    ["Reason", hub.message === null ? null : cleaned(hub.message, 500)],
  ]);
  item.accessibilityInformation = { label: `Hub ${hub.name}, ${item.description}` };
  switch (hub.state) {
    case "online":
      item.iconPath = new vscode.ThemeIcon("server-environment", new vscode.ThemeColor("testing.iconPassed"));
      break;
    case "offline":
      item.iconPath = new vscode.ThemeIcon("server-environment", new vscode.ThemeColor("disabledForeground"));
      break;
    case "refused":
      item.iconPath = new vscode.ThemeIcon("error", new vscode.ThemeColor("testing.iconFailed"));
      item.command = { command: "plc.signInToHub", title: "Sign In", arguments: [{ kind: "hub", hub }] };
      break;
    case "signed-out":
      item.iconPath = new vscode.ThemeIcon("server-environment");
      item.command = { command: "plc.signInToHub", title: "Sign In", arguments: [{ kind: "hub", hub }] };
  }
  return item;
}

function orchestratorItem(row: OrchestratorRow): vscode.TreeItem {
  const { hub, orchestrator } = row;
  const online = isOnline(row);
  const now = Date.now();
  const warning = certificateWarning(orchestrator, now);
  const item = new vscode.TreeItem(cleaned(orchestrator.name), vscode.TreeItemCollapsibleState.Expanded);
  item.id = `${hub.name}/${orchestrator.id}`;
  item.description = orchestratorWords(orchestrator, hub.state === "online", now);
  item.contextValue = `orchestrator.${orchestrator.revoked !== null ? "revoked" : online ? "online" : "offline"}${roleSuffix(hub.state === "online" ? hub.role : null)}`;
  item.tooltip = tooltipOf(cleaned(orchestrator.name), [
    ["About", cleaned(orchestrator.description, 300)],
    ["Hub", hub.name],
    ["Last seen", online ? null : (age(orchestrator.lastSeen, now) ?? "never")],
    ["Certificate until", orchestrator.certificate.notAfter?.slice(0, 10)],
    ["Id", orchestrator.id],
  ]);
  item.accessibilityInformation = { label: `Orchestrator ${cleaned(orchestrator.name)}, ${online ? "online, " : ""}${item.description}` };
  if (warning !== undefined && hub.state === "online") {
    item.iconPath = new vscode.ThemeIcon("warning", new vscode.ThemeColor("charts.yellow"));
  } else if (online) {
    item.iconPath = new vscode.ThemeIcon("circle-filled", new vscode.ThemeColor("testing.iconPassed"));
  } else {
    item.iconPath = new vscode.ThemeIcon(orchestrator.revoked !== null ? "circle-slash" : "circle-outline", new vscode.ThemeColor("disabledForeground"));
  }
  return online ? item : dim(item, item.id);
}

function noteItem({ id, text, command }: NoteRow): vscode.TreeItem {
  const item = new vscode.TreeItem(text);
  item.id = id;
  if (command === undefined) {
    return dim(item, id);
  }
  item.command = command;
  item.iconPath = new vscode.ThemeIcon("add");
  return item;
}

function vplcIcon(row: VplcRow): vscode.ThemeIcon {
  if (!isOnline(row)) {
    return new vscode.ThemeIcon("vm-outline", new vscode.ThemeColor("disabledForeground"));
  }
  switch (row.vplc.state) {
    case "requested":
    case "creating":
    case "deleting":
      return new vscode.ThemeIcon("sync~spin");
    case "running":
      return new vscode.ThemeIcon("vm");
    case "stopped":
      return new vscode.ThemeIcon("vm-outline");
    case "error":
      return new vscode.ThemeIcon("error", new vscode.ThemeColor("testing.iconFailed"));
    case "gone":
      return new vscode.ThemeIcon("circle-slash", new vscode.ThemeColor("disabledForeground"));
  }
}

/** Read by the `when` clauses of package.json. */
function roleSuffix(role: string | null): string {
  return role === "owner" ? ".admin.owner" : role === "admin" ? ".admin" : "";
}

/** A label has the colour of its resource, so what is dimmed gets one of its own. */
function dim(item: vscode.TreeItem, id: string): vscode.TreeItem {
  item.resourceUri = vscode.Uri.from({ scheme: REMEMBERED, path: `/${encodeURIComponent(id)}` });
  return item;
}

function dimmed(uri: vscode.Uri): vscode.FileDecoration | undefined {
  return uri.scheme === REMEMBERED ? new vscode.FileDecoration(undefined, undefined, new vscode.ThemeColor("disabledForeground")) : undefined;
}
