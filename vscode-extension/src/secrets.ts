// Passwords and the tokens of hubs, in the editor's own secret store and nowhere else.
//
// Invariant: a secret belongs to a name at an address. A name that is given to another machine or hub has none.

import type * as vscode from "vscode";

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** Whose password it is. */
export interface Owner {
  readonly name: string;
  readonly address: string;
}

export class Secrets {
  readonly #store: vscode.SecretStorage;

  constructor(store: vscode.SecretStorage) {
    this.#store = store;
  }

  async read(owner: Owner): Promise<Credentials | undefined> {
    const text = await this.#store.get(key(owner));
    return text === undefined ? undefined : parse(text);
  }

  async write(owner: Owner, credentials: Credentials): Promise<void> {
    await this.#store.store(key(owner), JSON.stringify(credentials));
  }

  async forget(owner: Owner): Promise<void> {
    await this.#store.delete(key(owner));
  }

  /** The token for a hub. */
  async token(hub: Owner): Promise<string | undefined> {
    return this.#store.get(tokenKey(hub));
  }

  async keepToken(hub: Owner, token: string): Promise<void> {
    await this.#store.store(tokenKey(hub), token);
  }

  async forgetToken(hub: Owner): Promise<void> {
    await this.#store.delete(tokenKey(hub));
  }
}

function key({ name, address }: Owner): string {
  return `plc:${JSON.stringify([name, address])}`;
}

function tokenKey({ name, address }: Owner): string {
  return `plc-hub:${JSON.stringify([name, address])}`;
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
