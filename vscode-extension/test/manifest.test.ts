// package.json and the code belong together: what one promises the other must have.

import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";

interface Manifest {
  version: string;
  engines: { vscode: string };
  devDependencies: Record<string, string>;
  contributes: {
    commands: { command: string; category: string; title: string }[];
    menus: Record<string, { command: string; when?: string }[]>;
    keybindings: { command: string }[];
    viewsWelcome: { contents: string }[];
    configuration: { properties: Record<string, { default: unknown; scope?: string; description?: string; markdownDescription?: string }> };
  };
}

const folder = join(import.meta.dirname, "..");
const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
const { commands, menus, keybindings, viewsWelcome, configuration } = manifest.contributes;
const sources = readdirSync(join(folder, "src"), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts"))
  .map((name) => readFileSync(join(folder, "src", name), "utf8"));
const code = sources.join("\n");
const declared = commands.map(({ command }) => command);

suite("commands", () => {
  for (const { command, category, title } of commands) {
    test(`"${category}: ${title}" is registered`, () => {
      assert.equal(category, "PLC");
      assert.ok(code.includes(`"${command}": `) || code.includes(`registerCommand("${command}"`), command);
    });
  }
  test("every command that is registered is declared", () => {
    const registered = [...code.matchAll(/^ {2}"(plc\.\w+)": |registerCommand\("(plc\.\w+)"/gm)].map((match) => match[1] ?? match[2]);
    assert.deepEqual(registered.sort(), [...declared].sort());
  });
  test("menus, keys and welcome views name declared commands only", () => {
    const linked = viewsWelcome.flatMap(({ contents }) => [...contents.matchAll(/command:(plc\.\w+)/g)].map((match) => match[1] ?? ""));
    const used = [...Object.values(menus).flat(), ...keybindings].map(({ command }) => command);
    assert.deepEqual([...used, ...linked].filter((command) => !declared.includes(command)), []);
  });
  test("every context key of a condition is set", () => {
    const conditions = JSON.stringify(manifest.contributes);
    const keys = new Set([...conditions.matchAll(/plc\.(serverState|connectionState|has\w+|any\w+|downloading)/g)].map((match) => match[1] ?? ""));
    assert.ok(keys.size > 3);
    for (const key of keys) {
      assert.ok(new RegExp(`^ {6}${key}: `, "m").test(code), key);
    }
  });
});

suite("settings", () => {
  const properties = Object.entries(configuration.properties);
  test("are few", () => { assert.ok(properties.length <= 25); });
  for (const [name, { scope, description, markdownDescription }] of properties) {
    test(`"${name}" is described, scoped and read`, () => {
      assert.ok((description ?? markdownDescription ?? "").length > 20);
      assert.ok(scope !== undefined);
      assert.ok(code.includes(`"${name.replace("rung.", "")}"`), name);
    });
  }
});

suite("the package", () => {
  test("uses no newer part of the editor than it asks for", () => {
    assert.equal(manifest.devDependencies["@types/vscode"]?.replace("~", "^"), manifest.engines.vscode);
  });
  test("has the version of the server", () => {
    const server = readFileSync(join(folder, "..", "server", "rung", "__init__.py"), "utf8");
    assert.ok(server.includes(`__version__ = "${manifest.version}"`));
  });
  test("has its icons", () => {
    for (const name of ["icon.png", "plc.svg"]) {
      assert.ok(existsSync(join(folder, "media", name)));
    }
    assert.match(readFileSync(join(folder, "media", "plc.svg"), "utf8"), /currentColor/);
  });
  test("bundles all libraries of the server but those of simulator, terminal and key store", () => {
    const project = readFileSync(join(folder, "..", "pyproject.toml"), "utf8");
    const block = /^dependencies = \[([^]*?)^\]/m.exec(project)?.[1] ?? "";
    const needed = [...block.matchAll(/^ {2}"([\w-]+)/gm)].map((match) => match[1] ?? "");
    const bundled = readFileSync(join(folder, "bundled", "requirements.txt"), "utf8");
    const missing = needed.filter((name) => !new RegExp(`^${name}==`, "m").test(bundled));
    assert.deepEqual(missing.sort(), ["aiohttp", "cryptography", "keyring", "pyjwt", "rich"]);
  });
});
