// The main job in a real VS Code: a broken program is mended, downloaded to a new machine, run, stopped; then the machine is lost.
//
// Usage: node story.mjs VSIX PYTHON OUTPUT_FOLDER
// PYTHON runs the simulator; the extension gets a Python that has nothing installed.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import {
  barePython,
  copyProgram,
  makeBarePython,
  nobodyAnswers,
  reinstallSimulator,
  startRuntimeV3,
  startSimulator,
  startVsCode,
} from "./processes.mjs";
import { Story } from "./steps.mjs";
import { Workbench } from "./workbench.mjs";

const [vsix, python, output] = process.argv.slice(2);
const PASSWORD = "Pa55-word-of-the-test";
const OTHER_PASSWORD = "0ther-word-of-the-test";
const state = mkdtempSync(join(tmpdir(), "rung-e2e-"));
const folder = join(state, "conveyor");
const story = new Story(state, output);
copyProgram("broken.st", folder);
const broken = readFileSync(join(folder, "Main.st"), "utf8");
const mended = broken.replace("setle.Q", "settle.Q");

let workbench;
const step = (title, act) => story.step(title, act);

async function main() {
  let machine;
  await step("VS Code and the simulated machine start", async () => {
    await nobodyAnswers();
    const [simulator, address] = await Promise.all([
      startSimulator(python, state),
      startVsCode(state, vsix, { "rung.interpreter": barePython(state) }),
      makeBarePython(python, state),
    ]);
    machine = simulator;
    workbench = story.workbench = await Workbench.open(address, folder);
  });

  await step("A broken program has a squiggle and a problem", async () => {
    await workbench.openFile("Main.st");
    await workbench.squiggles("error").first().waitFor();
    await workbench.run("View: Toggle Problems");
    await workbench.problem("setle").first().waitFor();
    await workbench.statusShows("PLC");
  });

  await step("The problem goes with its cause", async () => {
    await workbench.overtype("Main.st", "setle", "settle");
    await workbench.squiggles("error").first().waitFor({ state: "detached" });
    await workbench.problem("setle").first().waitFor({ state: "detached" });
  });

  await step("A mistake in rung.toml is a problem there, too", async () => {
    writeFileSync(join(folder, "rung.toml"), '[opcua]\nport = "4840"\n');
    await workbench.problem("opcua.port").waitFor();
    rmSync(join(folder, "rung.toml"));
    await workbench.problem("opcua.port").waitFor({ state: "detached" });
    await workbench.page.keyboard.press("Control+J");
  });

  await step("The sidebar offers to add a connection", async () => {
    await workbench.activity("PLC").click();
    await workbench.page.getByRole("button", { name: "Add Connection" }).first().waitFor();
  });

  await step("Escape in the wizard leaves nothing", async () => {
    await workbench.run("PLC: Add Connection");
    await workbench.answer("Address of the OpenPLC runtime", machine.address);
    await workbench.asked("Name, as it will stand");
    await workbench.page.keyboard.press("Escape");
    await workbench.quickInput.waitFor({ state: "hidden" });
    assert.equal(await workbench.row(machine.address).count(), 0);
  });

  await step("The machine was found on the network", async () => {
    await found(machine.address).waitFor();
    assert.match(await found(machine.address).innerText(), /v4\.1\.4/);
  });

  await step("Connecting what was found asks for a name and shows the machine's certificate", async () => {
    await found(machine.address).click();
    await workbench.answer("Name, as it will stand", "line3");
    await workbench.dialog.waitFor();
    await dialogShows(machine.fingerprint);
  });

  await step("Enter does not trust it", async () => {
    await workbench.page.keyboard.press("Enter");
    await workbench.dialog.waitFor();
    await workbench.page.waitForTimeout(500);
    assert.equal(await workbench.dialog.count(), 1);
  });

  await step("The machine has no user, so the first is created", async () => {
    await workbench.pressInDialog("Trust and Pin");
    await workbench.answer("no user yet", "engineer");
    await workbench.answer("Password", PASSWORD);
    await workbench.answer("again", PASSWORD);
    await workbench.statusShows("line3 ▸");
    await workbench.row("line3").waitFor();
    await workbench.inView("Found on the Network", "saved as line3").waitFor();
  });

  await step("A user is added and deleted", async () => {
    await workbench.run("PLC: Manage Users");
    await workbench.listed("engineer").waitFor();
    assert.match(await workbench.listed("engineer").innerText(), /you/);
    await workbench.pick("Add User");
    await workbench.answer("User name", "operator");
    await workbench.answer("Password of the new user", OTHER_PASSWORD);
    await workbench.answer("again", OTHER_PASSWORD);
    await workbench.listed("operator").waitFor();
    await story.picture("users");
    await workbench.pick("operator");
    await workbench.pick("Delete User");
    await story.picture("delete-user");
    await workbench.answer("Type operator to delete", "operator");
    await workbench.listed("engineer").waitFor();
    assert.equal(await workbench.listed("operator").count(), 0);
    await workbench.pick("engineer");
    await workbench.pick("Delete User");
    await workbench.answer("Type engineer to delete", "engineer");
    await workbench.notification("cannot be deleted").waitFor();
  });

  await step("Compile and download, and the machine runs", async () => {
    await workbench.run("PLC: Compile and Download");
    await workbench.notification("Download to line3").waitFor();
    await story.picture("download");
    await workbench.statusShows("line3 ▸ RUN", 60);
    await workbench.row("in sync").waitFor();
    await workbench.notification("Download to line3").waitFor({ state: "detached" });
    assert.equal(readFileSync(join(folder, "Main.st"), "utf8"), mended, "what was downloaded is what was saved");
  });

  await step("The status names the runtime and its task", async () => {
    await workbench.run("PLC: Show Status");
    await workbench.quickInput.locator(".monaco-list-row", { hasText: "in sync with the editor" }).waitFor();
    await story.picture("status");
    await workbench.page.keyboard.press("Escape");
  });

  await step("An edit shows that the machine runs another program", async () => {
    await workbench.overtype("Main.st", "1", "2");
    await workbench.row("program differs").waitFor();
    await story.picture("differs");
    await workbench.overtype("Main.st", "2", "1");
    await workbench.row("in sync").waitFor();
  });

  await step("The machine's log is shown", async () => {
    await workbench.run("PLC: Show Logs");
    await workbench.outputLine("PLC State: RUNNING").first().waitFor();
  });

  await step("The machine stops only after a question", async () => {
    await workbench.run("PLC: Stop");
    await workbench.dialog.waitFor();
    await story.picture("stop-question");
    await workbench.pressInDialog("Cancel");
    await workbench.statusShows("line3 ▸ RUN");
    await workbench.run("PLC: Stop");
    await workbench.pressInDialog("Stop the Machine");
    await workbench.statusShows("line3 ▸ STOP");
  });

  await step("The log that is shown goes on by itself", async () => {
    await workbench.outputLine("PLC State: STOPPED").first().waitFor();
  });

  await step("The machine starts again", async () => {
    await workbench.run("PLC: Start");
    await workbench.statusShows("line3 ▸ RUN");
  });

  await step("A machine that dies is an error, not a green light", async () => {
    await machine.kill();
    await workbench.statusShows("line3 Error", 15);
    await workbench.row("error").waitFor();
  });

  await step("A machine that comes back is connected again", async () => {
    machine = await startSimulator(python, state, machine.address);
    await workbench.statusShows("line3 ▸", 40);
  });

  await step("A machine with another certificate is refused", async () => {
    const { address, fingerprint } = machine;
    await machine.kill();
    reinstallSimulator(state);
    machine = await startSimulator(python, state, address);
    await workbench.statusShows("line3 Error", 15);
    await workbench.run("PLC: Connect");
    await workbench.dialog.waitFor();
    await dialogShows(fingerprint, machine.fingerprint);
    await story.picture("changed-certificate");
    assert.equal(await workbench.dialog.getByRole("button", { name: /trust|connect|go on/i }).count(), 0, "nothing goes on regardless");
    await workbench.page.keyboard.press("Escape");
    await workbench.dialog.waitFor({ state: "detached" });
  });

  await step("Only a forgotten certificate lets a new one be trusted", async () => {
    await workbench.run("PLC: Forget Certificate");
    await workbench.pressInDialog("Forget Certificate");
    await workbench.run("PLC: Connect");
    await workbench.dialog.waitFor();
    await dialogShows(machine.fingerprint);
    await workbench.pressInDialog("Cancel");
    await workbench.row(machine.address).waitFor();
  });

  await step("Nothing goes to unencrypted web pages before the user agrees", async () => {
    const address = await startRuntimeV3(python, state);
    await workbench.run("PLC: Add Connection");
    await workbench.answer("Address of the OpenPLC runtime", address);
    await workbench.answer("Name, as it will stand", "press");
    await workbench.dialog.waitFor();
    await story.picture("not-encrypted");
    await workbench.page.keyboard.press("Enter");
    await workbench.page.waitForTimeout(300);
    await workbench.pressInDialog("Send Unencrypted");
    await workbench.answer("User name on", "openplc");
    await workbench.answer("sent unencrypted", "openplc");
    await workbench.inView("Runtimes", "not encrypted").waitFor();
  });

  await step("The password is in no file", () => {
    assert.deepEqual(story.filesWith(PASSWORD, OTHER_PASSWORD), []);
  });
}

/** The row of a runtime that was found. */
function found(address) {
  return workbench.inView("Found on the Network", address);
}

/** Checks that each fingerprint stands in the dialog, on two lines of sixteen pairs. */
async function dialogShows(...fingerprints) {
  const shown = (await workbench.dialog.innerText()).split("\n").map((line) => line.trim());
  for (const fingerprint of fingerprints) {
    const pairs = fingerprint.replace(/[^0-9a-f]/gi, "").toUpperCase().match(/../g);
    for (const line of [pairs.slice(0, 16).join(":"), pairs.slice(16).join(":")]) {
      assert.ok(shown.includes(line), `the dialog shows ${line}: ${shown.join(" | ")}`);
    }
  }
}

try {
  await main();
} finally {
  await story.end();
}
