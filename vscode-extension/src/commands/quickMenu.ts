// The menu behind the status-bar item: what makes sense for the machine that it shows.

import * as vscode from "vscode";

import type { Connection } from "../connections.ts";
import type { Station } from "../station.ts";
import { plcWord } from "../wording.ts";

interface Entry extends vscode.QuickPickItem {
  readonly command?: string;
}

function entry(label: string, command: string, detail = ""): Entry {
  return detail === "" ? { label, command } : { label, command, detail };
}

function entries(machine: Connection | undefined, others: boolean): Entry[] {
  const add = entry("$(add) Add Connection", "plc.addConnection");
  const separator: Entry = { label: "", kind: vscode.QuickPickItemKind.Separator };
  const other = others ? [separator, entry("$(plug) Connect to Another Machine", "plc.connectOther"), add] : [separator, add];
  if (machine === undefined) {
    return [add];
  }
  const { name } = machine;
  switch (machine.state) {
    case "disconnected":
      return [entry(`$(plug) Connect to ${name}`, "plc.connect", machine.address), ...other];
    case "connecting":
      return [entry(`$(close) Cancel Connecting to ${name}`, "plc.disconnect"), entry("$(output) Show Output", "plc.showOutput")];
    case "error":
      return [
        entry(`$(refresh) Connect to ${name} Again`, "plc.connect", machine.message ?? ""),
        entry("$(output) Show Output", "plc.showOutput"),
        entry("$(debug-disconnect) Disconnect", "plc.disconnect", "Stop trying to reach the machine"),
        ...other,
      ];
    case "connected": {
      const word = plcWord(machine.plc);
      const startOrStop = word === "RUN" ? [entry("$(debug-stop) Stop", "plc.stop")] : word === "NO PROGRAM" ? [] : [entry("$(debug-start) Start", "plc.start")];
      return [
        entry("$(cloud-upload) Compile and Download", "plc.compileAndDownload"),
        ...startOrStop,
        entry("$(info) Show Status", "plc.showStatus"),
        entry("$(output) Show Logs", "plc.showLogs"),
        entry("$(organization) Manage Users", "plc.manageUsers"),
        ...(machine.snapshots === true ? [entry("$(cloud-download) Fetch Project from Runtime", "plc.fetchProject")] : []),
        entry("$(debug-disconnect) Disconnect", "plc.disconnect"),
        ...other,
      ];
    }
  }
}

export async function quickMenuCommand(station: Station): Promise<void> {
  const { active, all } = station.connections;
  if (active === undefined && all.length > 0) {
    await vscode.commands.executeCommand("plc.connect");
    return;
  }
  const title = active === undefined ? "PLC" : `PLC: ${active.name} (${active.address})`;
  const picked = await vscode.window.showQuickPick(entries(active, all.length > 1), { title });
  if (picked?.command === "plc.connectOther") {
    await vscode.commands.executeCommand("plc.connect");
  } else if (picked?.command !== undefined) {
    await vscode.commands.executeCommand(picked.command, active?.name);
  }
}
