// Which Python can run the language server. Knows processes, not the editor.
//
// Invariant: an interpreter is answered only after it has itself reported version 3.10 or newer.

import { execFile } from "node:child_process";

export const MINIMUM: readonly [number, number] = [3, 10];

/** A way to start a Python: program and first arguments. */
export interface Candidate {
  readonly program: string;
  readonly args: readonly string[];
  /** Where the candidate comes from, for the message when none fits. */
  readonly origin: string;
}

export interface Interpreter {
  readonly path: string;
  readonly version: string;
  readonly origin: string;
}

/** A candidate that does not do, and why. */
export interface Rejection {
  readonly candidate: Candidate;
  readonly reason: string;
}

const PROBE = "import sys; print('%d.%d.%d' % sys.version_info[:3]); print(sys.executable)";

/** The names under which Python is looked for on the PATH, in order. */
export function pathCandidates(platform: NodeJS.Platform): Candidate[] {
  const origin = "PATH";
  const named = (program: string, ...args: string[]): Candidate => ({ program, args, origin });
  if (platform === "win32") {
    return [named("python"), named("py", "-3"), named("python3")];
  }
  return ["python3", "python", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10"].map((name) => named(name));
}

/** True when "3.11.2" is at least the minimum. */
export function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > MINIMUM[0] || (major === MINIMUM[0] && minor >= MINIMUM[1]);
}

/** Asks one candidate for its version. */
export function probe(candidate: Candidate, cwd: string): Promise<Interpreter | Rejection> {
  return new Promise((resolve) => {
    const args = [...candidate.args, "-I", "-c", PROBE];
    execFile(candidate.program, args, { cwd, timeout: 10_000, windowsHide: true }, (failure, stdout) => {
      const [version, path] = stdout.split(/\r?\n/);
      if (failure !== null || !version || !path) {
        const missing = failure !== null && "code" in failure && failure.code === "ENOENT";
        resolve({ candidate, reason: missing ? "not found" : "did not run" });
      } else if (!isNewEnough(version)) {
        resolve({ candidate, reason: `is Python ${version}` });
      } else {
        resolve({ path, version, origin: candidate.origin });
      }
    });
  });
}

/** The first candidate that does, or why each of them does not. */
export async function firstThatDoes(candidates: readonly Candidate[], cwd: string): Promise<Interpreter | Rejection[]> {
  const rejections: Rejection[] = [];
  for (const candidate of candidates) {
    const answer = await probe(candidate, cwd);
    if ("path" in answer) {
      return answer;
    }
    rejections.push(answer);
  }
  return rejections;
}

/** One sentence that names what was tried. */
export function rejectionText(rejections: readonly Rejection[]): string {
  return rejections
    .map(({ candidate, reason }) => `${[candidate.program, ...candidate.args].join(" ")} ${reason}`)
    .join(", ");
}
