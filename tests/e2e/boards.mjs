// A board on a serial port in a real VS Code: it is named, a program is compiled, downloaded and watched, a light is forced, the cable is
// pulled and plugged in again.
//
// Usage: node boards.mjs VSIX PYTHON OUTPUT_FOLDER
// PYTHON runs the emulated board: a chip with a real bootloader behind a pseudo terminal. The extension gets a Python that has nothing installed.
import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { barePython, copyProgram, makeBarePython, startBoard, startVsCode } from "./processes.mjs";
import { Story } from "./steps.mjs";
import { Workbench } from "./workbench.mjs";

const [vsix, python, output] = process.argv.slice(2);
const RED_LIGHT = "B4"; // %QX0.2 is pin 12 of an Uno, which is bit 4 of the chip's port B
const UNPLUGGED_MS = 2000;
const state = mkdtempSync(join(tmpdir(), "rung-e2e-"));
const folder = join(state, "lights");
const story = new Story(state, output);
const step = (title, act) => story.step(title, act);
copyProgram("lights.st", folder);

async function main() {
  let workbench;
  let board;
  const row = (text) => workbench.inView("Serial Boards", text);
  const boardStatus = (text) => workbench.page.locator('.statusbar .statusbar-item[id="rung.rung-plc.board"]', { hasText: text });
  await step("VS Code and an emulated Uno start", async () => {
    const [started, address] = await Promise.all([
      startBoard(python, state, "uno"),
      startVsCode(state, vsix, { "rung.interpreter": barePython(state) }),
      makeBarePython(python, state),
    ]);
    board = started;
    workbench = story.workbench = await Workbench.open(address, folder);
    await workbench.openFile("Main.st");
    await workbench.statusShows("PLC");
    await workbench.activity("PLC").click();
    for (const other of ["Runtimes", "Orchestrators", "Found on the Network"]) {
      await workbench.foldView(other);
    }
  });

  await step("A port is added and its board chosen", async () => {
    await workbench.run("PLC: Add Port");
    await workbench.answer("Serial port", board.port);
    await workbench.listed("Arduino Uno").first().waitFor();
    await story.picture("choose-board");
    await workbench.pick("Arduino Uno");
    await row("Arduino Uno").waitFor();
    assert.match(await row("Arduino Uno").innerText(), /disconnected · ttyUNO/);
  });

  await step("Connecting says that it restarts the board, and Escape leaves it alone", async () => {
    await press(row("Arduino Uno"), "Connect to Board");
    await workbench.dialog.waitFor();
    assert.match(await workbench.dialog.innerText(), /restarts the program of the Arduino Uno/);
    await story.picture("restart-question");
    await workbench.page.keyboard.press("Escape");
    await workbench.dialog.waitFor({ state: "detached" });
    assert.match(await row("Arduino Uno").innerText(), /disconnected/);
  });

  await step("Compile and download, and the board runs the program", async () => {
    await press(row("Arduino Uno"), "Compile and Download to Board");
    await workbench.dialog.waitFor();
    assert.match(await workbench.dialog.innerText(), /program stops and its outputs go off/);
    await story.picture("download-question");
    await workbench.pressInDialog("Download");
    await workbench.notification("Writing").waitFor();
    await story.picture("download");
    await row(/in sync · scan \d+ µs · ttyUNO/).waitFor();
    await boardStatus("Arduino Uno ▸ RUN").waitFor();
    await workbench.notification("Download to Arduino Uno").waitFor({ state: "detached" });
  });

  await step("The variables change while one looks", async () => {
    for (const value of ["TRUE", "FALSE", "TRUE"]) {
      await row("GREEN").filter({ hasText: value }).waitFor();
    }
    await row("T#800ms").waitFor();
  });

  await step("A light is forced on, at the board's pin too, and released", async () => {
    await row("RED").filter({ hasText: "FALSE" }).waitFor();
    await press(row("RED"), "Force Variable");
    await workbench.pick("TRUE");
    await row("RED").filter({ hasText: "TRUE · forced" }).waitFor();
    await row("1 forced").waitFor();
    await story.picture("forced");
    for (let look = 0; look < 20; look++) {
      assert.match(await board.ask(`get ${RED_LIGHT}`), /\b1$/);
      await workbench.page.waitForTimeout(100);
    }
    await press(row("RED"), "Release Variable");
    await row("RED").filter({ hasNotText: "forced" }).waitFor();
    await row("RED").filter({ hasText: "FALSE" }).waitFor();
  });

  await step("An edit shows that the board runs another program, whose values are still right", async () => {
    await workbench.overtype("Main.st", "3", "4");
    await row("program differs").waitFor();
    await boardStatus("PROGRAM DIFFERS").waitFor();
    await row("GREEN").filter({ hasText: "TRUE" }).waitFor();
    await story.picture("differs");
    await workbench.overtype("Main.st", "4", "3");
    await row("in sync").waitFor();
  });

  await step("The serial log can be shown", async () => {
    await press(row("Arduino Uno"), "Show Serial Log");
    await workbench.outputLine("Nothing but answers").first().waitFor();
    await story.picture("log");
    await workbench.page.keyboard.press("Control+J");
  });

  await step("A board that is unplugged is disconnected within two seconds, and nothing old is shown", async () => {
    const pulled = Date.now();
    await board.ask("unplug");
    await row("disconnected").waitFor({ timeout: UNPLUGGED_MS });
    const seen = Date.now() - pulled;
    assert.ok(seen <= UNPLUGGED_MS, `${seen} ms`);
    assert.equal(await row("GREEN").count(), 0);
    assert.equal(await row("in sync").count(), 0);
    assert.equal(await boardStatus("RUN").count(), 0);
    await row("not plugged in").waitFor();
    console.log(`        disconnected ${seen} ms after the cable was pulled`);
  });

  await step("A board that is plugged in again can be connected again", async () => {
    await board.ask("plug");
    await row("not plugged in").waitFor({ state: "detached" });
    await press(row("Arduino Uno"), "Connect to Board");
    await row("in sync").waitFor();
    await row("GREEN").filter({ hasText: "TRUE" }).waitFor();
  });

  await step("Disconnecting leaves the board alone", async () => {
    await press(row("Arduino Uno"), "Disconnect from Board");
    await row("disconnected").waitFor();
    assert.equal(await row("GREEN").count(), 0);
    await boardStatus("Arduino Uno").waitFor({ state: "detached" });
  });
}

/** Presses an action of a row, which is there while the mouse is over it. */
async function press(row, action) {
  await row.first().hover();
  await row.first().getByRole("button", { name: action, exact: true }).click();
}

try {
  await main();
} finally {
  await story.end();
}
