import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { type ErrorCode, Fatal, TaishiError } from "../errors.ts";
import { houses, type IdentityHouse } from "./identity-house.test-support.ts";
import { IdentityStore } from "./identity-store.ts";

const house = houses();
const password = "right password";

async function refused(work: () => unknown, code: ErrorCode, field: string): Promise<TaishiError> {
  let refusal: TaishiError | undefined;
  await assert.rejects(
    async () => work(),
    (thrown) => {
      assert.ok(thrown instanceof TaishiError, String(thrown));
      assert.deepEqual([thrown.code, thrown.details.field], [code, field], thrown.message);
      refusal = thrown;
      return true;
    },
  );
  return refusal!;
}

function signIn(at: IdentityHouse, name: string, word: string): Promise<unknown> {
  return at.store.signIn({ domain: "acme", name, password: word, address: "192.0.2.1" });
}

test("users keep id, name, role and status over a restart, in the order of their making", async () => {
  const at = house();
  const account = at.store.createAccount({ name: "acme" }).id;
  const other = at.store.createAccount({ name: "other" }).id;
  const ann = await at.store.createUser({ account, name: "ann", password });
  at.clock.time += 9;
  const odd = await at.store.createUser({ account, name: "'; -- 太史 __proto__", role: "writer", password });
  const namesake = await at.store.createUser({ account: other, name: "ann", role: "admin", password });
  assert.match(ann.id, /^[0-9a-f]{32}$/);
  assert.deepEqual(
    { ...ann, id: "" },
    { id: "", account, name: "ann", role: "auditor", status: "enabled", created: at.clock.time - 9 },
  );
  const off = at.store.setUserStatus(odd.id, "disabled");
  assert.deepEqual(off, { ...odd, status: "disabled" });
  for (const store of [at.store, at.reopen()]) {
    assert.deepEqual(store.users(account), [ann, off]);
    assert.deepEqual(store.users(other), [namesake]);
    assert.deepEqual(store.users("0"), []);
    assert.deepEqual(store.user(ann.id), ann);
    assert.equal(store.user("ann"), undefined);
  }
});

test("what a user cannot be is refused by field before anything is hashed, and nothing is stored", async () => {
  const { store, counting } = house();
  const account = store.createAccount({ name: "acme" }).id;
  await store.createUser({ account, name: "taken", password });
  const calls = counting.calls;
  const fails = (part: object, code: ErrorCode, field: string): Promise<TaishiError> =>
    refused(() => store.createUser({ account, name: "n", password, ...part }), code, field);
  for (const name of ["", " a", "a\nb", "a\u202eb", "x".repeat(65), undefined, 7])
    await fails({ name }, "invalid-parameter", "name");
  for (const role of ["operator", "", null, 7]) await fails({ role }, "invalid-parameter", "role");
  for (const bad of [
    "",
    "1234567",
    "x".repeat(129),
    "with\ttabulator",
    "lone\ud800surrogate",
    "null\0null",
    undefined,
    12345678,
  ])
    await fails({ password: bad }, "invalid-parameter", "password");
  const shown = await fails({ password: "my secret\n" }, "invalid-parameter", "password");
  assert.equal(shown.message.includes("secret"), false);
  await fails({ account: "0" }, "invalid-parameter", "account");
  await fails({ account: "99" }, "not-found", "account");
  await fails({ name: "taken" }, "already-exists", "name");
  assert.equal(counting.calls, calls);
  assert.equal(store.users(account).length, 1);
  for (const good of ["12345678", "名".repeat(128), "👩‍👩‍👧 with spaces "])
    await store.createUser({ account, name: good.slice(0, 6), password: good });
});

test("of two who make the same user at once one succeeds", async () => {
  const { store } = house();
  const account = store.createAccount({ name: "acme" }).id;
  const both = await Promise.allSettled([1, 2].map(() => store.createUser({ account, name: "ann", password })));
  assert.deepEqual(both.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  assert.equal(store.users(account).length, 1);
});

test("a new password replaces the old one at once and after a restart", async () => {
  const at = house();
  const account = at.store.createAccount({ name: "acme" }).id;
  const ann = await at.store.createUser({ account, name: "ann", password });
  assert.deepEqual(await at.store.setUserPassword(ann.id, "another password"), ann);
  for (const _ of [at.store, at.reopen()]) {
    await signIn(at, "ann", "another password");
    await assert.rejects(signIn(at, "ann", password));
  }
  await refused(() => at.store.setUserPassword(ann.id, "short"), "invalid-parameter", "password");
  await refused(() => at.store.setUserPassword("none", password), "not-found", "user");
  await signIn(at, "ann", "another password");
});

test("a deleted user is gone with its hash, and its name is free again under another id", async () => {
  const at = house();
  const account = at.store.createAccount({ name: "acme" }).id;
  const ann = await at.store.createUser({ account, name: "ann", password });
  await signIn(at, "ann", password);
  assert.deepEqual(at.store.deleteUser(ann.id), ann);
  await assert.rejects(signIn(at, "ann", password));
  await refused(() => at.store.deleteUser(ann.id), "not-found", "user");
  await refused(() => at.store.setUserStatus(ann.id, "disabled"), "not-found", "user");
  at.reopen();
  assert.equal(readFileSync(at.path).includes("$scrypt$"), false, "a deleted row is overwritten");
  assert.deepEqual(at.store.users(account), []);
  assert.notEqual((await at.store.createUser({ account, name: "ann", password })).id, ann.id);
});

test("a status other than enabled and disabled is refused", async () => {
  const { store } = house();
  const account = store.createAccount({ name: "acme" }).id;
  const { id } = await store.createUser({ account, name: "ann", password });
  await refused(() => store.setUserStatus(id, "off" as "disabled"), "invalid-parameter", "status");
  assert.equal(store.user(id)?.status, "enabled");
});

test("a change of a user that the disk refuses leaves memory, and tokens, as they were", async () => {
  const at = house();
  const account = at.store.createAccount({ name: "acme" }).id;
  const ann = await at.store.createUser({ account, name: "ann", password });
  const { token } = await at.store.signIn({ domain: "acme", name: "ann", password, address: "192.0.2.1" });
  const blocker = new DatabaseSync(at.path);
  blocker.exec("CREATE TRIGGER no_updates AFTER UPDATE ON users BEGIN SELECT RAISE(ABORT, 'no'); END");
  blocker.exec("CREATE TRIGGER no_deletes BEFORE DELETE ON users BEGIN SELECT RAISE(ABORT, 'no'); END");
  blocker.exec("CREATE TRIGGER no_tokens AFTER INSERT ON user_tokens BEGIN SELECT RAISE(ABORT, 'no'); END");
  blocker.close();
  assert.throws(() => at.store.setUserStatus(ann.id, "disabled"), /no/);
  assert.throws(() => at.store.deleteUser(ann.id), /no/);
  await assert.rejects(at.store.setUserPassword(ann.id, "another password"), /no/);
  await assert.rejects(signIn(at, "ann", password), /no/);
  for (const store of [at.store, at.reopen()]) {
    assert.deepEqual(store.users(account), [ann]);
    assert.deepEqual(store.byUserToken(token)?.user, ann);
  }
});

test("a password kept in an unknown form is refused at the start, with what to do", async () => {
  const at = house();
  const account = at.store.createAccount({ name: "acme" }).id;
  await at.store.createUser({ account, name: "ann", password });
  const raw = new DatabaseSync(at.path);
  raw.exec("UPDATE users SET password = replace(password, 'ln=15', 'ln=31')");
  raw.close();
  assert.throws(
    () => new IdentityStore(at),
    (thrown) => thrown instanceof Fatal && thrown.hint !== undefined,
  );
});
