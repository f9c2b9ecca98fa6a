// Builds the extension: grammar, the server's libraries, the bundle, and the .vsix that holds them.
//
// Invariants: every library in the package is pure Python, so one .vsix serves every system; the versions are those of
// bundled/requirements.txt, so two builds hold the same.
//
// Usage: node build.mjs                  all of it; leaves dist/rung-plc-<version>.vsix
//        node build.mjs --bundle-only    the TypeScript only
// RUNG_PYTHON names the Python whose pip is used; otherwise python3 or python on the PATH.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(here);
const libs = join(here, "bundled", "libs");
const requirements = join(here, "bundled", "requirements.txt");
const python = process.env.RUNG_PYTHON ?? (process.platform === "win32" ? "python" : "python3");
const { version, name } = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));
const vsix = join(here, "dist", `${name}-${version}.vsix`);

/** What the machine at hand compiled, or what only tests need: it has no place in the package. */
const UNWANTED_FOLDERS = new Set(["__pycache__", "tests", "test", "testing", "bin", ".lock"]);
const NATIVE = /\.(so|pyd|dll|dylib|a|lib)$/i;

/** Runs a program; what it says is shown only when it fails. */
function run(program, ...args) {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd: here, encoding: "utf8" });
  if (status !== 0) {
    console.error(`${error?.message ?? `${stdout}${stderr}`}\nThis failed: ${[program, ...args].join(" ")}`);
    process.exit(1);
  }
}

function files(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

function copyGrammar() {
  const target = join(here, "syntaxes");
  rmSync(target, { recursive: true, force: true });
  cpSync(join(root, "syntaxes"), target, { recursive: true });
  cpSync(join(root, "LICENSE"), join(here, "LICENSE"));
}

/** Downloads the libraries once; as long as the list of them stays the same they are kept. */
function installLibraries() {
  const stamp = join(libs, ".complete");
  const wanted = readFileSync(requirements, "utf8");
  if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== wanted) {
    rmSync(libs, { recursive: true, force: true });
    const pure = ["--no-deps", "--no-compile", "--only-binary=:all:", "--platform=any", "--implementation=py", "--abi=none", "--python-version=3.10"];
    run(python, "-m", "pip", "install", "--disable-pip-version-check", ...pure, "--target", libs, "-r", requirements);
    writeFileSync(stamp, wanted);
  }
  removeUnwanted(libs);
}

function removeUnwanted(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) {
      const path = join(folder, entry.name);
      if (UNWANTED_FOLDERS.has(entry.name)) {
        rmSync(path, { recursive: true, force: true });
      } else {
        removeUnwanted(path);
      }
    }
  }
}

function copyServer() {
  const target = join(libs, "rung");
  const source = join(root, "server", "rung");
  const own = /__version__ = "(.*)"/.exec(readFileSync(join(source, "__init__.py"), "utf8"))?.[1];
  if (own !== version) {
    throw new Error(`The extension is version ${version}, the server ${own}. They are released together: make them equal.`);
  }
  rmSync(target, { recursive: true, force: true });
  const hub = join(source, "hub"); // runs on a server of its own, with libraries that are not pure Python
  const wanted = (path) => basename(path) !== "__pycache__" && !NATIVE.test(path) && path !== hub;
  cpSync(source, target, { recursive: true, filter: wanted });
}

function refuseNativeCode() {
  const native = files(libs).filter((path) => NATIVE.test(path));
  if (native.length > 0) {
    throw new Error(`Not pure Python, so not for every system: ${native.map((path) => relative(libs, path)).join(", ")}`);
  }
}

/** Every module of the server must load with nothing but these libraries and Python's own. */
function tryServer() {
  run(python, "-I", "-S", "-B", join(here, "bundled", "try_libraries.py"), libs);
}

async function bundle() {
  const { metafile } = await build({
    absWorkingDir: here,
    entryPoints: [join(here, "src", "extension.ts")],
    outfile: join(here, "dist", "extension.cjs"),
    bundle: true,
    external: ["vscode"],
    format: "cjs",
    platform: "node",
    target: "node20",
    minify: true,
    legalComments: "none",
    logLevel: "warning",
    metafile: true,
  });
  const packages = new Set(Object.keys(metafile.inputs).map((path) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[0]).filter(Boolean));
  writeFileSync(join(here, "dist", "ThirdPartyNotices.txt"), [...packages].sort().map(notice).join("\n"));
}

/** The licence of a package that is part of the bundle. The Python libraries bring theirs along. */
function notice(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(here, folder, "package.json"), "utf8"));
  const file = readdirSync(join(here, folder)).find((entry) => /^licen[cs]e/i.test(entry));
  if (file === undefined) {
    throw new Error(`${name} comes without the text of its licence.`);
  }
  return `${"=".repeat(80)}\n${name} ${version} (${license})\n\n${readFileSync(join(here, folder, file), "utf8").trim()}\n`;
}

function pack() {
  const vsce = createRequire(import.meta.url).resolve("@vscode/vsce/package.json");
  const args = ["package", "--no-dependencies", "--allow-missing-repository", "--out", vsix];
  run(process.execPath, join(dirname(vsce), "vsce"), ...args);
}

mkdirSync(join(here, "dist"), { recursive: true });
await bundle();
if (!process.argv.includes("--bundle-only")) {
  copyGrammar();
  installLibraries();
  copyServer();
  refuseNativeCode();
  tryServer();
  pack();
  console.log(`${relative(root, vsix)}: ${(statSync(vsix).size / 1024).toFixed(0)} kB, ${files(libs).length} Python files`);
}
