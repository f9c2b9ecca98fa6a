// The steps of a story: each says how long it took and leaves a picture of its end; of the one that fails the logs are shown.
import { mkdirSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

import { endAll, poll } from "./processes.mjs";

export class Story {
  /** The workbench, once there is one. */
  workbench;
  #state;
  #output;
  #shots = 0;

  /** `state`: the folder of everything that is started; `output`: for pictures, of which earlier ones are removed. */
  constructor(state, output) {
    this.#state = state;
    this.#output = output;
    mkdirSync(output, { recursive: true });
    for (const old of readdirSync(output).filter((name) => name.endsWith(".png"))) {
      rmSync(join(output, old));
    }
  }

  /** One step of the story. */
  async step(title, act) {
    const started = Date.now();
    try {
      await act();
    } catch (failure) {
      await this.picture("failed");
      console.log(`FAILED  ${title}`);
      for (const log of this.files().filter((path) => /rung-plc.*\.log$|(simulator|hub|agent)\.log$/.test(path))) {
        console.log(`${log}:\n${readFileSync(log, "utf8").split("\n").slice(-30).join("\n")}`);
      }
      throw failure;
    }
    await this.picture(`${String(++this.#shots).padStart(2, "0")}-${title.replace(/[^a-z]+/gi, "-").toLowerCase()}`);
    console.log(`${((Date.now() - started) / 1000).toFixed(1).padStart(5)} s  ${title}`);
  }

  /** A picture of what the user sees now. */
  async picture(name) {
    await this.workbench?.screenshot(join(this.#output, `${name}.png`));
  }

  /** Every file that was written. */
  files() {
    return readdirSync(this.#state, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
  }

  /** Those in which one of these words stands. */
  filesWith(...words) {
    return this.files().filter((path) => words.some((word) => readFileSync(path).includes(word)));
  }

  /** Ends everything and removes what it has written. */
  async end() {
    await this.workbench?.close();
    endAll();
    await poll("The end of the processes", 10, () => this.#remove());
  }

  #remove() {
    if (process.env.RUNG_E2E_KEEP) {
      console.log(`State kept in ${this.#state}`);
      return true;
    }
    try {
      rmSync(this.#state, { recursive: true, force: true });
      return true;
    } catch {
      return false; // a process that is ending still writes
    }
  }
}
