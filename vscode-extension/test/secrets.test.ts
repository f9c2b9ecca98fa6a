// Whose password it is.

import assert from "node:assert/strict";
import { suite, test } from "node:test";

import { Secrets } from "../src/secrets.ts";

function secrets(): Secrets {
  const kept = new Map<string, string>();
  const store = {
    get: (key: string) => Promise.resolve(kept.get(key)),
    store: (key: string, value: string) => Promise.resolve(void kept.set(key, value)),
    delete: (key: string) => Promise.resolve(void kept.delete(key)),
    keys: () => Promise.resolve([...kept.keys()]),
    onDidChange: () => ({ dispose: () => undefined }),
  };
  return new Secrets(store);
}

suite("passwords", () => {
  const credentials = { username: "engineer", password: "x" };
  const line3 = { name: "line3", address: "10.0.0.1:8443" };

  test("belong to a name at an address", async () => {
    const kept = secrets();
    await kept.write(line3, credentials);
    assert.deepEqual(await kept.read(line3), credentials);
    assert.equal(await kept.read({ ...line3, address: "10.0.0.2:8443" }), undefined);
    assert.equal(await kept.read({ ...line3, name: "line4" }), undefined);
  });
  test("can be forgotten", async () => {
    const kept = secrets();
    await kept.write(line3, credentials);
    await kept.forget(line3);
    assert.equal(await kept.read(line3), undefined);
  });
});
