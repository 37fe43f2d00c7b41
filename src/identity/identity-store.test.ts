import assert from "node:assert/strict";
import { createSecretKey, type KeyObject, randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, test } from "node:test";
import { inspect } from "node:util";
import { type ErrorCode, Fatal, TaishiError } from "../errors.ts";
import type { IssuedKey, NewKey } from "./identity-records.ts";
import { IdentityStore } from "./identity-store.ts";

const root = mkdtempSync(join(tmpdir(), "taishi-identity-"));
const opened: IdentityStore[] = [];
after(() => {
  for (const store of opened) store.close();
  rmSync(root, { recursive: true, force: true });
});

interface House {
  readonly path: string;
  readonly sealingKey: KeyObject;
  readonly clock: { time: number; now(): number };
  store: IdentityStore;
}

let count = 0;
function house(): House {
  const path = join(root, `identity-${count++}.db`);
  const sealingKey = createSecretKey(randomBytes(32));
  const clock = {
    time: 1_700_000_000_000,
    now() {
      return this.time;
    },
  };
  const store = new IdentityStore({ path, sealingKey, clock });
  opened.push(store);
  return { path, sealingKey, clock, store };
}

/** The store as the next start finds it. */
function reopen(at: House): IdentityStore {
  at.store.close();
  opened.splice(opened.indexOf(at.store), 1);
  at.store = new IdentityStore(at);
  opened.push(at.store);
  return at.store;
}

function* nowAndAfterRestart(at: House): Generator<IdentityStore> {
  yield at.store;
  yield reopen(at);
}

function refused(work: () => unknown, code: ErrorCode, field?: string): TaishiError {
  try {
    work();
  } catch (thrown) {
    assert.ok(thrown instanceof TaishiError, String(thrown));
    assert.equal(thrown.code, code, thrown.message);
    assert.equal(thrown.details.field, field, thrown.message);
    return thrown;
  }
  return assert.fail(`was not refused with ${code}`);
}

function works(store: IdentityStore, key: IssuedKey): boolean {
  const byKey = store.byAccessKey(key.accessKey);
  const byToken = store.byToken(key.token);
  assert.equal(byKey === undefined, byToken === undefined, "secret and token work together or not at all");
  if (byKey === undefined) return false;
  assert.equal(byKey.secretKey, key.secretKey);
  assert.deepEqual(byKey.caller, byToken);
  return true;
}

test("a new store holds the reserved account 0 and nothing else", () => {
  const at = house();
  for (const store of nowAndAfterRestart(at)) {
    assert.deepEqual(store.listAccounts(), [{ id: "0", name: "operator", created: at.clock.time }]);
    assert.deepEqual(store.listKeys(), []);
  }
});

test("the first start makes one account with an operator's admin key, and only the first", () => {
  const at = house();
  const key = at.store.bootstrap();
  assert.ok(key !== undefined);
  assert.equal(at.store.account(key.account)?.name, "default");
  assert.deepEqual(at.store.byToken(key.token), {
    account: key.account,
    accessKey: key.accessKey,
    role: "admin",
    operator: true,
  });
  assert.equal(at.store.bootstrap(), undefined);
  assert.equal(reopen(at).bootstrap(), undefined);
  assert.ok(works(at.store, key));
});

test("a first key that could not be delivered was never made", () => {
  const at = house();
  let seen: IssuedKey | undefined;
  assert.throws(
    () =>
      at.store.bootstrap((key) => {
        seen = key;
        throw new Error("no room for first-key.json");
      }),
    /no room/,
  );
  for (const store of nowAndAfterRestart(at)) {
    assert.equal(store.listAccounts().length, 1);
    assert.deepEqual(store.listKeys(), []);
    assert.equal(works(store, seen!), false);
  }
  assert.ok(at.store.bootstrap() !== undefined);
});

test("accounts keep their number, name and time over a restart", () => {
  const at = house();
  const given = at.store.createAccount({ name: "given", id: "2100052604" });
  at.clock.time += 5;
  const made = at.store.createAccount({ name: "made" });
  assert.match(made.id, /^21\d{8}$/);
  assert.deepEqual(given, { id: "2100052604", name: "given", created: at.clock.time - 5 });
  assert.deepEqual(reopen(at).listAccounts().slice(1), [given, made]);
  assert.deepEqual(at.store.account(made.id), made);
  assert.equal(at.store.account("1"), undefined);
});

test("odd names are kept as they are", () => {
  const at = house();
  const names = [
    `'); DROP TABLE accounts; --`,
    `"quoted"`,
    "太史 Qí",
    "👩‍👩‍👧",
    "a",
    "名".repeat(64),
    "%_\\?",
    "__proto__",
    "null",
  ];
  for (const name of names) at.store.createAccount({ name });
  assert.deepEqual(
    reopen(at)
      .listAccounts()
      .slice(1)
      .map(({ name }) => name),
    names,
  );
});

test("names and numbers that an account cannot have are refused by field", () => {
  const { store } = house();
  store.createAccount({ name: "taken", id: "7" });
  for (const name of [
    "",
    " a",
    "a ",
    "a\nb",
    "a\0",
    "x".repeat(65),
    "\u202eevil",
    "\ud800",
    "a\u2028b",
    7,
    null,
    undefined,
  ])
    refused(() => store.createAccount({ name: name as string }), "invalid-parameter", "name");
  for (const id of ["", "0", "01", "1a", "-1", "1.0", " 1", "1\n", "1".repeat(21), "١", 12, null])
    refused(() => store.createAccount({ name: "n", id: id as string }), "invalid-parameter", "id");
  refused(() => store.createAccount({ name: "taken" }), "already-exists", "name");
  refused(() => store.createAccount({ name: "operator" }), "already-exists", "name");
  refused(() => store.createAccount({ name: "other", id: "7" }), "already-exists", "id");
  assert.equal(store.createAccount({ name: "long", id: "9".repeat(20) }).id, "9".repeat(20));
  assert.equal(store.listAccounts().length, 3);
});

test("a new key works by secret and by token at once and after a restart", () => {
  const at = house();
  const account = at.store.createAccount({ name: "a" }).id;
  const key = at.store.createKey({ account, role: "writer", name: "agent 7" });
  assert.match(key.accessKey, /^AKTS[A-Za-z0-9]{32}$/);
  assert.match(key.secretKey, /^[A-Za-z0-9]{44}$/);
  assert.match(key.token, /^tst_[A-Za-z0-9_-]{43}$/);
  assert.deepEqual(Object.keys(key).sort(), ["accessKey", "account", "role", "secretKey", "token"]);
  assert.ok(works(at.store, key));
  assert.ok(works(reopen(at), key));
  assert.deepEqual(at.store.byToken(key.token), { account, accessKey: key.accessKey, role: "writer", operator: false });
  assert.deepEqual(at.store.key(key.accessKey), {
    accessKey: key.accessKey,
    account,
    role: "writer",
    operator: false,
    name: "agent 7",
    status: "enabled",
    created: at.clock.time,
  });
});

test("an imported pair is used exactly as given", () => {
  const at = house();
  const account = at.store.createAccount({ name: "a" }).id;
  const pairs = [
    ["AKLTexample-_1", "TVRWbU5XRTVPV0U9PQ=="],
    ["x", "!"],
    ["k".repeat(128), "~".repeat(256)],
    ["__proto__", "in the middle spaces"],
  ] as const;
  const keys = pairs.map(([accessKey, secretKey]) =>
    at.store.createKey({ account, role: "auditor", accessKey, secretKey }),
  );
  for (const store of nowAndAfterRestart(at))
    for (const [i, [accessKey, secretKey]] of pairs.entries()) {
      assert.equal(store.byAccessKey(accessKey)?.secretKey, secretKey);
      assert.equal(keys[i]?.secretKey, secretKey);
      assert.ok(works(store, keys[i]!));
    }
  assert.equal(at.store.byAccessKey("constructor"), undefined);
});

test("what a key cannot be is refused by field, and nothing is stored", () => {
  const { store, clock } = house();
  const account = store.createAccount({ name: "a" }).id;
  const fails = (part: Partial<Record<keyof NewKey, unknown>>, code: ErrorCode, field: string): TaishiError =>
    refused(() => store.createKey({ account, role: "admin", ...part } as NewKey), code, field);
  fails({ account: "0" }, "invalid-parameter", "account");
  fails({ account: "12" }, "not-found", "account");
  fails({ account: undefined }, "not-found", "account");
  for (const role of ["operator", "Admin", "", undefined, "toString"]) fails({ role }, "invalid-parameter", "role");
  fails({ operator: "yes" }, "invalid-parameter", "operator");
  fails({ name: "" }, "invalid-parameter", "name");
  for (const expires of [clock.time, 0, -1, 1.5, Number.NaN, 253_402_300_800_000, "2030"])
    fails({ expires }, "invalid-parameter", "expires");
  for (const accessKey of ["", "a b", "a/b", "é", "a\n", "k".repeat(129), 7])
    fails({ accessKey, secretKey: "s" }, "invalid-parameter", "accessKey");
  for (const secretKey of ["", " s", "s ", "s\n", "é", "s".repeat(257), 7])
    fails({ accessKey: "k", secretKey }, "invalid-parameter", "secretKey");
  assert.equal(
    fails({ accessKey: "k", secretKey: "bad\tsecret" }, "invalid-parameter", "secretKey").message.includes("bad"),
    false,
  );
  fails({ accessKey: "k" }, "missing-parameter", "secretKey");
  fails({ secretKey: "s" }, "missing-parameter", "accessKey");
  assert.deepEqual(store.listKeys(), []);
});

test("an access key belongs to one account only, even a disabled one", () => {
  const { store } = house();
  const first = store.createAccount({ name: "a" }).id;
  const second = store.createAccount({ name: "b" }).id;
  store.createKey({ account: first, role: "admin", accessKey: "AK", secretKey: "one" });
  store.setKeyStatus("AK", "disabled");
  refused(
    () => store.createKey({ account: second, role: "admin", accessKey: "AK", secretKey: "two" }),
    "already-exists",
    "accessKey",
  );
  assert.equal(store.key("AK")?.account, first);
});

test("keys are listed by account without anything secret", () => {
  const { store } = house();
  const a = store.createAccount({ name: "a" }).id;
  const b = store.createAccount({ name: "b" }).id;
  const keys = [a, b, a].map((account) => store.createKey({ account, role: "auditor" }));
  assert.deepEqual(
    store.listKeys({ account: a }).map(({ accessKey }) => accessKey),
    [keys[0]?.accessKey, keys[2]?.accessKey],
  );
  assert.equal(store.listKeys().length, 3);
  assert.deepEqual(store.listKeys({ account: "404" }), []);
  const shown = JSON.stringify(store.listKeys());
  for (const { secretKey, token } of keys) assert.equal(shown.includes(secretKey) || shown.includes(token), false);
});

test("a disabled key is unknown until it is enabled again", () => {
  const at = house();
  const key = at.store.createKey({ account: at.store.createAccount({ name: "a" }).id, role: "writer" });
  assert.equal(at.store.setKeyStatus(key.accessKey, "disabled").status, "disabled");
  assert.equal(works(at.store, key), false);
  assert.equal(works(reopen(at), key), false);
  at.store.setKeyStatus(key.accessKey, "enabled");
  assert.ok(works(at.store, key));
  refused(() => at.store.setKeyStatus(key.accessKey, "off" as "disabled"), "invalid-parameter", "status");
  refused(() => at.store.setKeyStatus("none", "disabled"), "not-found", "accessKey");
});

test("a deleted key is gone for good, and its access key may be imported anew", () => {
  const at = house();
  const account = at.store.createAccount({ name: "a" }).id;
  const key = at.store.createKey({ account, role: "writer", accessKey: "AK", secretKey: "old" });
  assert.equal(at.store.deleteKey("AK").accessKey, "AK");
  assert.equal(works(at.store, key), false);
  assert.equal(works(reopen(at), key), false);
  refused(() => at.store.deleteKey("AK"), "not-found", "accessKey");
  const again = at.store.createKey({ account, role: "auditor", accessKey: "AK", secretKey: "new" });
  assert.ok(works(at.store, again));
  assert.equal(at.store.byToken(key.token), undefined);
});

test("rotation replaces secret and token at once and nothing else", () => {
  const at = house();
  const account = at.store.createAccount({ name: "a" }).id;
  const old = at.store.createKey({ account, role: "writer", name: "agent", expires: at.clock.time + 1_000 });
  const before = at.store.key(old.accessKey);
  const rotated = at.store.rotateKey(old.accessKey);
  assert.equal(rotated.accessKey, old.accessKey);
  for (const store of nowAndAfterRestart(at)) {
    assert.ok(works(store, rotated));
    assert.notEqual(store.byAccessKey(old.accessKey)?.secretKey, old.secretKey);
    assert.equal(store.byToken(old.token), undefined);
    assert.deepEqual(store.key(old.accessKey), before);
  }
  at.store.setKeyStatus(old.accessKey, "disabled");
  assert.equal(works(at.store, at.store.rotateKey(old.accessKey)), false, "a disabled key stays disabled");
  refused(() => at.store.rotateKey("none"), "not-found", "accessKey");
});

test("a key is unknown from the millisecond of its expiry on", () => {
  const at = house();
  const account = at.store.createAccount({ name: "a" }).id;
  const key = at.store.createKey({ account, role: "writer", expires: at.clock.time + 1_000 });
  at.clock.time += 999;
  assert.ok(works(at.store, key));
  at.clock.time += 1;
  assert.equal(works(at.store, key), false);
  assert.equal(works(reopen(at), key), false);
  assert.equal(at.store.setExpiry(key.accessKey, at.clock.time + 10).expires, at.clock.time + 10);
  assert.ok(works(at.store, key));
  at.clock.time += 10;
  assert.equal(works(at.store, key), false);
  assert.equal("expires" in at.store.setExpiry(key.accessKey, undefined), false);
  assert.ok(works(reopen(at), key));
  refused(() => at.store.setExpiry(key.accessKey, at.clock.time), "invalid-parameter", "expires");
  refused(() => at.store.setExpiry("none", undefined), "not-found", "accessKey");
});

test("the operator key that is usable longest can be neither deleted, disabled nor given an earlier expiry", () => {
  const at = house();
  const { store, clock } = at;
  const first = store.bootstrap()!;
  const plain = store.createKey({ account: first.account, role: "admin" });
  const stays = (): void => {
    assert.match(
      refused(() => store.deleteKey(first.accessKey), "invalid-parameter", "accessKey").message,
      /operator key that is usable longest/,
    );
    refused(() => store.setKeyStatus(first.accessKey, "disabled"), "invalid-parameter", "accessKey");
    refused(() => store.setExpiry(first.accessKey, clock.time + 1_000), "invalid-parameter", "accessKey");
    assert.ok(works(store, first));
  };
  stays();
  store.deleteKey(plain.accessKey);
  const second = store.createKey({ account: first.account, role: "admin", operator: true, expires: clock.time + 100 });
  store.setKeyStatus(second.accessKey, "disabled");
  stays();
  store.setKeyStatus(second.accessKey, "enabled");
  clock.time += 100;
  stays();
  store.setExpiry(second.accessKey, undefined);
  store.setExpiry(first.accessKey, clock.time + 1_000);
  store.setExpiry(first.accessKey, clock.time + 2_000);
  refused(() => store.setExpiry(second.accessKey, clock.time + 1_000), "invalid-parameter", "accessKey");
  store.deleteKey(first.accessKey);
  assert.equal(works(store, first), false);
  refused(() => store.deleteKey(second.accessKey), "invalid-parameter", "accessKey");
});

test("an unknown, cut or lengthened token is nobody's", () => {
  const { store } = house();
  const { token } = store.bootstrap()!;
  for (const wrong of [
    "",
    "tst_",
    token.slice(0, -1),
    `${token}A`,
    token.slice(4),
    token.toUpperCase(),
    "x".repeat(100_000),
  ])
    assert.equal(store.byToken(wrong), undefined);
  assert.ok(store.byToken(token) !== undefined);
});

test("neither secrets nor tokens lie in the files as they are, nor after deletion", () => {
  const at = house();
  const key = at.store.bootstrap()!;
  const gone = at.store.createKey({ account: key.account, role: "writer" });
  at.store.deleteKey(gone.accessKey);
  const files = readdirSync(root).filter((name) => join(root, name).startsWith(at.path));
  assert.ok(files.length > 0);
  for (const name of files) {
    assert.equal(statSync(join(root, name)).mode & 0o777, 0o600, name);
    const bytes = readFileSync(join(root, name));
    for (const secret of [key.secretKey, key.token, key.token.slice(4), gone.secretKey, gone.token])
      assert.equal(bytes.includes(secret), false);
  }
  reopen(at);
  assert.equal(readFileSync(at.path).includes(gone.accessKey), false, "a deleted row is overwritten");
});

test("neither the store nor what it hands to verifiers shows a secret when printed", () => {
  const { store } = house();
  const key = store.bootstrap()!;
  const credential = store.byAccessKey(key.accessKey);
  for (const thing of [store, credential, { nested: [credential] }]) {
    const shown = inspect(thing, { depth: 9, showHidden: true }) + JSON.stringify(thing) + JSON.stringify({ ...thing });
    assert.equal(shown.includes(key.secretKey) || shown.includes(key.token), false);
  }
});

test("another sealing key is refused at once, with and without keys in the store", () => {
  const at = house();
  const wrong = { ...at, sealingKey: createSecretKey(randomBytes(32)) };
  const refuses = (): void =>
    assert.throws(
      () => new IdentityStore(wrong),
      (thrown) =>
        thrown instanceof Fatal && /sealing key is not the one/.test(thrown.message) && thrown.hint !== undefined,
    );
  refuses();
  at.store.bootstrap();
  refuses();
});

test("a secret moved to another key's row is refused at the next start", () => {
  const at = house();
  const account = at.store.createAccount({ name: "a" }).id;
  at.store.createKey({ account, role: "admin", accessKey: "A", secretKey: "of A" });
  at.store.createKey({ account, role: "admin", accessKey: "B", secretKey: "of B" });
  at.store.close();
  const raw = new DatabaseSync(at.path);
  raw.exec(
    "UPDATE keys SET sealed_secret = (SELECT sealed_secret FROM keys WHERE access_key = 'B') WHERE access_key = 'A'",
  );
  raw.close();
  opened.splice(opened.indexOf(at.store), 1);
  assert.throws(
    () => new IdentityStore(at),
    (thrown) => thrown instanceof Fatal && /access key A cannot be unsealed/.test(thrown.message),
  );
});

test("a file of a newer format, and one that is something else, are refused", () => {
  const at = house();
  at.store.close();
  opened.splice(opened.indexOf(at.store), 1);
  const raw = new DatabaseSync(at.path);
  raw.exec("PRAGMA user_version = 2");
  raw.close();
  assert.throws(() => new IdentityStore(at), Fatal);
  const text = join(root, "text.db");
  writeFileSync(text, "not a database, but long enough to look at\n".repeat(50));
  assert.throws(() => new IdentityStore({ ...at, path: text }));
});

test("a change that the disk refuses leaves memory as it was", () => {
  const at = house();
  const key = at.store.bootstrap()!;
  const blocker = new DatabaseSync(at.path);
  blocker.exec("CREATE TRIGGER no_updates BEFORE UPDATE ON keys BEGIN SELECT RAISE(ABORT, 'no'); END");
  blocker.exec("CREATE TRIGGER no_keys AFTER INSERT ON keys BEGIN SELECT RAISE(ABORT, 'no'); END");
  blocker.close();
  assert.throws(() => at.store.rotateKey(key.accessKey), /no/);
  assert.throws(() => at.store.setExpiry(key.accessKey, at.clock.time + 1), /no/);
  assert.throws(() => at.store.createKey({ account: key.account, role: "admin" }), /no/);
  for (const store of nowAndAfterRestart(at)) {
    assert.ok(works(store, key));
    assert.equal(store.listKeys().length, 1);
    assert.equal(store.key(key.accessKey)?.expires, undefined);
  }
});
