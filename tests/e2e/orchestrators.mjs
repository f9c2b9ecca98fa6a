// Virtual PLCs in a real VS Code: a hub is added, a host enrolled, a vPLC created, programmed and run through both; the host goes and comes
// back; the vPLC is deleted.
//
// Usage: node orchestrators.mjs VSIX PYTHON OUTPUT_FOLDER
// PYTHON runs the hub and the host; the extension gets a Python that has nothing installed.
import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { barePython, copyProgram, enrolHost, makeBarePython, startHub, startVsCode } from "./processes.mjs";
import { Story } from "./steps.mjs";
import { Workbench } from "./workbench.mjs";

const [vsix, python, output] = process.argv.slice(2);
const PASSWORD = "Pa55-word-of-the-test";
const MACHINE = "plant/press-hall/mixer";
const state = mkdtempSync(join(tmpdir(), "rung-e2e-"));
const folder = join(state, "mixer");
const story = new Story(state, output);
const step = (title, act) => story.step(title, act);
copyProgram("broken.st", folder);
const source = join(folder, "Main.st");
writeFileSync(source, readFileSync(source, "utf8").replace("setle.Q", "settle.Q"));

let host;

async function main() {
  let workbench;
  let hub;
  await step("VS Code and a hub start", async () => {
    const [started, address] = await Promise.all([
      startHub(python, state),
      startVsCode(state, vsix, { "rung.interpreter": barePython(state) }),
      makeBarePython(python, state),
    ]);
    hub = started;
    copyFileSync(hub.ca, join(folder, "plant-ca.pem"));
    workbench = story.workbench = await Workbench.open(address, folder);
    await workbench.openFile("Main.st");
  });
  const row = (text) => workbench.inView("Orchestrators", text);

  await step("The view offers to add a hub", async () => {
    await workbench.activity("PLC").click();
    await workbench.page.getByRole("button", { name: "Add Hub" }).first().waitFor();
    await workbench.foldView("Found on the Network");
  });

  await step("A hub is added with the certificate of its own authority", async () => {
    await workbench.run("PLC: Add Hub");
    await workbench.answer("Address of the hub", hub.address);
    await workbench.answer("Name, as it will stand", "plant");
    await workbench.pick("A certificate file");
    await workbench.pick("plant-ca.pem"); // the dialog begins in the folder that is open
    await workbench.asked("Your token for");
    await story.picture("token");
  });

  await step("A token that the hub does not know is refused", async () => {
    await workbench.answer("Your token for", `rung_${"x".repeat(43)}`);
    await workbench.notification("token").first().waitFor();
    await row("sign in again").waitFor();
  });

  await step("With the right one the hub shows who is signed in", async () => {
    await workbench.run("PLC: Sign In to Hub");
    await workbench.answer("Your token for", hub.token);
    await row("chief · owner").waitFor();
    await row("Enrol an orchestrator").waitFor();
    await workbench.run("Notifications: Clear All Notifications");
  });

  await step("Enrolling shows the line to run on the host", async () => {
    await row("Enrol an orchestrator").click();
    await workbench.answer("Name of the orchestrator", "press-hall");
    await workbench.answer("Where it is", "cabinet 3");
    await workbench.dialog.waitFor();
    assert.match(await workbench.dialog.innerText(), /curl .*install\.sh.*sudo sh -s -- [0-9A-F]{32}/s);
    await story.picture("installer");
    await workbench.pressInDialog("Copy and Wait");
    await workbench.notification("Enrolling press-hall").waitFor();
    await workbench.notification("waiting for the host").waitFor();
  });

  await step("The orchestrator appears once its agent is there", async () => {
    const line = await workbench.page.evaluate(() => navigator.clipboard.readText());
    host = await enrolHost(python, state, hub, /[0-9A-F]{32}/.exec(line)[0]);
    host.start();
    await workbench.notification("press-hall is online").waitFor();
    await row("press-hall").waitFor();
  });

  await step("A vPLC is created on it", async () => {
    await workbench.notification("press-hall is online").getByRole("button", { name: "Create vPLC" }).click();
    await workbench.answer("Name of the vPLC", "mixer");
    await workbench.answer("Version of the OpenPLC runtime", "latest");
    await workbench.listed("eth0").waitFor();
    await story.picture("interfaces");
    await workbench.pick("eth0");
    await workbench.pick("DHCP");
    await workbench.listed("ttyUSB0").waitFor();
    await story.picture("serial-ports");
    await workbench.page.keyboard.press("Enter");
    await workbench.notification("Creating mixer").waitFor();
    await row("creating").waitFor();
    await story.picture("creating");
    await workbench.notification("mixer is up").waitFor();
    await row("not connected").waitFor();
  });

  await step("Its first user is created through the hub", async () => {
    await workbench.notification("mixer is up").getByRole("button", { name: "Connect" }).click();
    await workbench.answer("no user yet", "engineer");
    await workbench.answer("Password", PASSWORD);
    await workbench.answer("again", PASSWORD);
    await workbench.statusShows(`${MACHINE} ▸ NO PROGRAM`);
    await row("NO PROGRAM").waitFor();
    assert.equal(await workbench.inView("Runtimes", "mixer").count(), 0, "it has its row below its hub only");
  });

  await step("Compile and download, and the vPLC runs", async () => {
    await workbench.run("PLC: Compile and Download");
    await workbench.statusShows(`${MACHINE} ▸ RUN`, 60);
    await row("in sync").waitFor();
    await row("CPU").waitFor();
  });

  await step("Its log is shown", async () => {
    await workbench.run("PLC: Show Logs");
    await workbench.outputLine("PLC State: RUNNING").first().waitFor();
    await story.picture("log");
    await workbench.page.keyboard.press("Control+J");
  });

  await step("It stops only after a question", async () => {
    await workbench.run("PLC: Show Connection Menu");
    await workbench.listed("Show Logs").waitFor();
    await story.picture("connection-menu");
    await workbench.pick("Stop");
    await workbench.pressInDialog("Stop the Machine");
    await workbench.statusShows(`${MACHINE} ▸ STOP`);
    await workbench.run("PLC: Start");
    await workbench.statusShows(`${MACHINE} ▸ RUN`);
  });

  await step("A host that goes is dimmed with its age, and nothing waits for it", async () => {
    await host.kill();
    await row("offline · last seen just now").waitFor();
    await workbench.statusShows(`${MACHINE} Error`, 15);
    await story.picture("offline-error");
    await workbench.run("PLC: Disconnect");
    for (const dimmed of [row("offline"), row("last known: up")]) {
      await dimmed.locator('.label-name[class*="itemColor"], .monaco-icon-label[class*="itemColor"]').first().waitFor();
    }
  });

  await step("A host that comes back is online again, and its vPLC has run on", async () => {
    host.start();
    await row("press-hall").filter({ hasNotText: "offline" }).waitFor();
    await row("not connected").waitFor();
    await row("mixer").hover();
    await row("mixer").getByRole("button", { name: "Connect" }).click();
    await workbench.statusShows(`${MACHINE} ▸ RUN`);
    await row("in sync").waitFor();
  });

  await step("A vPLC is deleted only by its name, and by a second answer while it runs", async () => {
    await row("mixer").click({ button: "right" });
    await workbench.page.locator(".monaco-menu").getByText("Delete vPLC").waitFor();
    await story.picture("menu");
    await workbench.page.keyboard.press("Escape");
    await workbench.run("PLC: Delete vPLC");
    await workbench.asked("Type mixer to go on");
    await story.picture("type-the-name");
    await workbench.answer("Type mixer to go on", "mixr");
    await workbench.answer('This is not "mixer"', "mixer");
    await workbench.dialog.waitFor();
    await story.picture("runs");
    await workbench.pressInDialog("Delete the vPLC");
    await row("mixer").waitFor({ state: "detached" });
    await row("Create a vPLC").waitFor();
  });

  await step("Token and password are in no file", () => {
    assert.deepEqual(story.filesWith(hub.token, PASSWORD), []);
  });
}

try {
  await main();
} finally {
  await host?.end();
  await story.end();
}
