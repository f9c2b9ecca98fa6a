// What a user does and sees in VS Code, as functions on its page.
import { createRequire } from "node:module";
import { join } from "node:path";

import { cache } from "./install.mjs";

const { chromium } = createRequire(join(cache, "package.json"))("playwright-core");
const QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const TIMEOUT_MS = 60_000; // a loaded computer takes half a minute until the first squiggle

export class Workbench {
  #browser;

  constructor(browser, page) {
    this.#browser = browser;
    this.page = page;
  }

  static async open(address, folder) {
    const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", headless: true, args: QUIET });
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "en-GB" });
    context.setDefaultTimeout(TIMEOUT_MS);
    await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: address });
    // Whatever the workbench wants from the internet is refused at once instead of after a time-out.
    await context.route((url) => url.hostname !== "127.0.0.1", (route) => route.abort());
    const page = await context.newPage();
    await page.goto(`${address}/?folder=${encodeURIComponent(folder)}`, { waitUntil: "domcontentloaded" });
    await page.locator(".monaco-workbench").waitFor({ timeout: 60_000 });
    await page.locator(".statusbar .statusbar-item").first().waitFor({ timeout: 60_000 });
    return new Workbench(browser, page);
  }

  close() {
    return this.#browser.close();
  }

  screenshot(path) {
    return this.page.screenshot({ path });
  }

  /** The quick input that is open: palette, list or input box. */
  get quickInput() {
    return this.page.locator('.quick-input-widget:not([style*="display: none"])');
  }

  get #quickBox() {
    return this.quickInput.locator("input.input");
  }

  /** Runs "Category: Title" from the command palette. */
  async run(title) {
    await this.page.keyboard.press("F1");
    await this.#quickBox.waitFor();
    await this.#quickBox.fill(`>${title}`);
    const name = this.page.locator(".label-name", { hasText: new RegExp(`^${title}$`) });
    await this.quickInput.locator(".monaco-list-row", { has: name }).first().click();
  }

  async openFile(name) {
    await this.page.keyboard.press("Control+P");
    await this.#quickBox.waitFor();
    await this.#quickBox.fill(name);
    await this.quickInput.locator(".monaco-list-row", { hasText: name }).first().waitFor();
    await this.#quickBox.press("Enter");
    await this.editor(name).waitFor();
  }

  /** Waits for the input box whose prompt contains `prompt`. */
  asked(prompt) {
    return this.quickInput.locator(".quick-input-message", { hasText: prompt }).waitFor();
  }

  /** Answers that box. */
  async answer(prompt, text) {
    await this.asked(prompt);
    await this.#quickBox.fill(text);
    await this.#quickBox.press("Enter");
  }

  /** A row of the open list. */
  listed(label) {
    return this.quickInput.locator(".monaco-list-row", { hasText: label });
  }

  /** Selects the row of the open list that contains `label`. */
  async pick(label) {
    await this.listed(label).first().click();
  }

  /** Types `text` over a word in the editor. */
  async overtype(name, word, text) {
    await this.editor(name).locator(".view-line span span", { hasText: new RegExp(`^${word}$`) }).first().dblclick();
    await this.page.keyboard.type(text);
  }

  editor(name) {
    return this.page.locator(`.editor-instance .monaco-editor[data-uri$="/${name}"]`);
  }

  squiggles(kind) {
    return this.page.locator(`.monaco-editor .view-overlays .squiggly-${kind}`);
  }

  problem(text) {
    return this.page.locator(".markers-panel .monaco-list-row", { hasText: text });
  }

  outputLine(text) {
    return this.page.locator(".part.panel .view-line", { hasText: text });
  }

  notification(text) {
    return this.page.locator(".notifications-toasts .notification-toast", { hasText: text });
  }

  /** The icon of a container in the activity bar. */
  activity(title) {
    return this.page.locator(`.part.activitybar .action-item a.action-label[aria-label^="${title}"]`);
  }

  /** A row of a view in the sidebar. */
  inView(view, text) {
    const pane = this.page.locator(".part.sidebar .pane", { has: this.page.locator(".pane-header", { hasText: view }) });
    return pane.locator(".monaco-list-row", { hasText: text });
  }

  /** Folds a view of the sidebar, so that the others have its room. */
  async foldView(view) {
    await this.page.locator(".part.sidebar .pane-header", { hasText: view }).click();
  }

  row(text) {
    return this.inView("Runtimes", text);
  }

  get dialog() {
    return this.page.locator(".monaco-dialog-box");
  }

  async pressInDialog(button) {
    await this.dialog.getByRole("button", { name: button, exact: true }).click();
    await this.dialog.waitFor({ state: "detached" });
  }

  /** Waits until the PLC item of the status bar shows `text`. */
  async statusShows(text, seconds = 30) {
    const item = this.page.locator('.statusbar .statusbar-item[id="rung.rung-plc.connection"]', { hasText: text });
    await item.waitFor({ timeout: seconds * 1000 });
    return item;
  }
}
