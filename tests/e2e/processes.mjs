// The processes of a test: the VS Code server and the simulated machine, each in folders of its own.
//
// Invariant: whatever a test starts ends with it, and nothing is written outside the test's folder.
import { execFile, spawn } from "node:child_process";
import { copyFileSync, createWriteStream, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createSocket } from "node:dgram";
import { connect, createServer } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { cache } from "./install.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const codeServer = join(cache, "node_modules", "code-server", "out", "node", "entry.js");
const running = new Set();

/** Ends every process that was started here. */
export function endAll() {
  for (const child of running) {
    child.kill("SIGTERM");
  }
}
process.on("exit", endAll);

function start(command, args, options, logFile) {
  const log = createWriteStream(logFile);
  const child = spawn(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  running.add(child);
  child.once("exit", () => running.delete(child));
  return child;
}

/** Asks `ready` every 100 ms until it answers something; fails when the time is over. */
export async function poll(what, seconds, ready) {
  const deadline = Date.now() + seconds * 1000;
  while (Date.now() < deadline) {
    const answer = await ready();
    if (answer) {
      return answer;
    }
    await new Promise((resume) => setTimeout(resume, 100));
  }
  throw new Error(`${what} did not happen within ${seconds} s.`);
}

async function freePort() {
  const probe = createServer();
  await new Promise((listening) => probe.listen(0, "127.0.0.1", listening));
  const { port } = probe.address();
  await new Promise((closed) => probe.close(closed));
  return port;
}

/** A fresh VS Code with one extension installed. Everything it writes is below `state`; answers its address. */
export async function startVsCode(state, vsix, machineSettings) {
  const home = join(state, "home");
  mkdirSync(join(state, "data", "User"), { recursive: true });
  mkdirSync(join(state, "data", "Machine"), { recursive: true });
  mkdirSync(home, { recursive: true });
  copyFileSync(join(here, "settings.json"), join(state, "data", "User", "settings.json"));
  // A path belongs to the machine that the server runs on; VS Code reads such settings from this file only.
  writeFileSync(join(state, "data", "Machine", "settings.json"), JSON.stringify(machineSettings));
  const env = {
    ...process.env,
    HOME: home,
    XDG_CONFIG_HOME: join(home, ".config"),
    XDG_DATA_HOME: join(home, ".local", "share"),
    XDG_CACHE_HOME: join(home, ".cache"),
    EXTENSIONS_GALLERY: '{"serviceUrl":""}',
  };
  const folders = ["--user-data-dir", join(state, "data"), "--extensions-dir", join(state, "extensions")];
  await promisify(execFile)(process.execPath, [codeServer, ...folders, "--install-extension", vsix], { env });
  const port = await freePort();
  const quietly = ["--disable-telemetry", "--disable-update-check", "--disable-workspace-trust", "--disable-getting-started-override", "--disable-proxy", "--ignore-last-opened"];
  // With a grace time of seconds the extension host, and with it the language server, ends with the browser.
  const args = ["--bind-addr", `127.0.0.1:${port}`, "--auth", "none", ...quietly, "--reconnection-grace-time", "2", ...folders];
  start(process.execPath, [codeServer, ...args], { env, cwd: state }, join(state, "vscode.log"));
  const address = `http://127.0.0.1:${port}`;
  await poll("The VS Code server's start", 30, () => fetch(`${address}/healthz`).then(({ ok }) => ok, () => false));
  return address;
}

/** Waits until nobody on this computer answers the question who is there, so that the machine of the test will. */
export function nobodyAnswers() {
  const bind = () =>
    new Promise((resolve) => {
      const probe = createSocket("udp4");
      probe.once("error", () => { resolve(false); });
      probe.bind(33333, "127.0.0.1", () => probe.close(() => { resolve(true); }));
    });
  return poll("The end of another simulated machine, which answers on UDP port 33333,", 60, bind);
}

/** A simulated machine; without an address on a free port of this computer. It keeps what it knows below `state`. */
export async function startSimulator(python, state, listen = "127.0.0.1:0") {
  const { child, said } = await simulate(python, state, "simulator", ["--listen", listen, "--data", simulatorData(state)], /https:\/\/([\d.:]+)[^]*SHA-256 ([0-9A-F:]+)\s/i);
  return {
    address: said[1],
    fingerprint: said[2],
    /** Ends at once, as a machine does that loses its power. */
    async kill() {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** An OpenPLC Runtime v3; answers the address of its web pages. */
export async function startRuntimeV3(python, state) {
  const args = ["--as", "v3", "--listen", "127.0.0.1:0", "--data", join(state, "machine-v3")];
  return (await simulate(python, state, "v3-simulator", args, /Web pages on (http:\/\/[\d.:]+)/)).said[1];
}

async function simulate(python, state, name, args, announced) {
  const logFile = join(state, `${name}.log`);
  rmSync(logFile, { force: true });
  const child = start(python, ["-m", "rung", "simulate", ...args], { env: { ...process.env, HOME: join(state, "home") } }, logFile);
  const said = await poll("The simulator's start", 60, () => announced.exec(readFileSync(logFile, { encoding: "utf8", flag: "a+" })));
  return { child, said };
}

/** A hub with an owner. It keeps everything below `state`; answers where editors and agents reach it, its authority and the owner's token. */
export async function startHub(python, state) {
  const data = join(state, "hub");
  const [editors, agents] = [await freePort(), await freePort()];
  const listen = ["--editors-listen", `127.0.0.1:${editors}`, "--agents-listen", `127.0.0.1:${agents}`];
  const env = { ...process.env, HOME: join(state, "home") };
  const words = ["-m", "rung", "hub", "init", "--data", data, "--name", "localhost", "--tenant", "works", "--owner", "chief", ...listen];
  const { stdout } = await promisify(execFile)(python, words, { env });
  const logFile = join(state, "hub.log");
  start(python, ["-m", "rung", "hub", "serve", "--data", data], { env }, logFile);
  await poll("The hub's start", 60, () => readFileSync(logFile, { encoding: "utf8", flag: "a+" }).includes("The hub serves"));
  return { address: `localhost:${editors}`, agents: `localhost:${agents}`, ca: join(data, "server-ca.pem"), token: stdout.trim().split("\n").at(-1) };
}

/** An orchestrator's host, on which the installer has been run with the id of an enrolment. */
export async function enrolHost(python, state, hub, id) {
  const host = [join(here, "orchestrator_host.py")];
  const folder = join(state, "host");
  const run = promisify(execFile);
  await run(python, [...host, "enrol", folder, `https://${hub.address}`, hub.ca, id]);
  const logFile = join(state, "agent.log");
  let child;
  return {
    /** Switches the agent on; it connects by itself. */
    start() {
      child = start(python, [...host, "agent", folder, hub.agents, hub.ca], {}, logFile);
    },
    /** Ends the agent at once. The vPLCs go on. */
    async kill() {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await ended;
    },
    /** Ends the vPLCs, which outlive the agent. */
    end: () => run(python, [...host, "end", folder]),
  };
}

/** An emulated board whose port appears below `state`. */
export async function startBoard(python, state, kind) {
  const port = join(state, `tty${kind.toUpperCase()}`);
  const logFile = join(state, "board.log");
  start(python, [join(here, "..", "boards", "emulated.py"), "--board", kind, "--port", port], {}, logFile);
  const said = await poll("The emulated board's start", 60, () => /READY (\S+) (\S+)/.exec(readFileSync(logFile, { encoding: "utf8", flag: "a+" })));
  return {
    port,
    /** Does something to the board that is no matter of its port: pulls its cable, looks at a pin. Answers what its host says. */
    ask: (request) =>
      new Promise((resolve, reject) => {
        let answer = "";
        const socket = connect(said[2], () => { socket.write(`${request}\n`); });
        socket.setEncoding("utf8");
        socket.on("data", (text) => {
          answer += text;
          if (answer.includes("\n")) {
            socket.end();
            resolve(answer.trim());
          }
        });
        socket.on("error", reject);
      }),
  };
}

/** Makes the simulated machine forget its certificate, its users and its program. */
export function reinstallSimulator(state) {
  rmSync(simulatorData(state), { recursive: true, force: true });
}

function simulatorData(state) {
  return join(state, "machine");
}

/** Where `makeBarePython` puts its interpreter. */
export function barePython(state) {
  return join(state, "bare-python", process.platform === "win32" ? "Scripts\\python.exe" : "bin/python");
}

/** A Python with nothing installed but its own library, as a user's machine has it. */
export function makeBarePython(python, state) {
  return promisify(execFile)(python, ["-m", "venv", "--without-pip", join(state, "bare-python")]);
}

export function copyProgram(source, folder) {
  mkdirSync(folder, { recursive: true });
  copyFileSync(join(here, source), join(folder, "Main.st"));
}
