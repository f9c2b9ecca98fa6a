// Passwords, in the editor's own secret store and nowhere else.

import type * as vscode from "vscode";

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

export class Secrets {
  readonly #store: vscode.SecretStorage;

  constructor(store: vscode.SecretStorage) {
    this.#store = store;
  }

  async read(target: string): Promise<Credentials | undefined> {
    const text = await this.#store.get(key(target));
    return text === undefined ? undefined : parse(text);
  }

  async write(target: string, credentials: Credentials): Promise<void> {
    await this.#store.store(key(target), JSON.stringify(credentials));
  }

  async forget(target: string): Promise<void> {
    await this.#store.delete(key(target));
  }
}

function key(target: string): string {
  return `plc:${target}`;
}

/** What another version of the extension may have stored in another form counts as nothing stored. */
function parse(text: string): Credentials | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && "username" in value && "password" in value) {
      const { username, password } = value;
      return typeof username === "string" && typeof password === "string" ? { username, password } : undefined;
    }
  } catch {
    return undefined;
  }
  return undefined;
}
