import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { type ErrorCode, TaishiError } from "../errors.ts";
import type { UserToken } from "./directory.ts";
import type { UserInfo } from "./directory-records.ts";
import { houses, type IdentityHouse } from "./identity-house.test-support.ts";

const house = houses();
const day = 24 * 60 * 60_000;
const password = "right password";

interface Peopled extends IdentityHouse {
  readonly account: string;
  readonly user: UserInfo;
}

/** A house with the account "acme" and its user "ann". */
async function peopled(): Promise<Peopled> {
  const at = house();
  const account = at.store.createAccount({ name: "acme" }).id;
  const user = await at.store.createUser({ account, name: "ann", role: "admin", password });
  return Object.assign(at, { account, user });
}

type Attempt = Parameters<IdentityHouse["store"]["signIn"]>[0];

function signIn(at: IdentityHouse, part: Partial<Attempt> = {}): Promise<{ token: string; held: UserToken }> {
  return at.store.signIn({ domain: "acme", name: "ann", password, address: "192.0.2.1", ...part });
}

async function refused(work: Promise<unknown>, code: ErrorCode, field?: string): Promise<TaishiError> {
  const thrown = await work.then(
    () => assert.fail(`was not refused with ${code}`),
    (error: unknown) => error,
  );
  assert.ok(thrown instanceof TaishiError, String(thrown));
  assert.deepEqual([thrown.code, thrown.details.field], [code, field], thrown.message);
  return thrown;
}

test("a password gives a token of a day that says who signed in", async () => {
  const at = await peopled();
  const { token, held } = await signIn(at);
  assert.match(token, /^ust_[A-Za-z0-9_-]{43}$/);
  assert.deepEqual(held, {
    user: at.user,
    project: undefined,
    issued: at.clock.time,
    expires: at.clock.time + day,
    caller: { account: at.account, accessKey: "", userName: "ann", role: "admin", operator: false },
  });
  assert.deepEqual(at.store.byUserToken(token), held);
  assert.deepEqual(at.reopen().byUserToken(token), held, "a restart signs nobody out");
  for (const other of ["", "ust_", token.slice(0, -1), `${token}A`, token.slice(4)])
    assert.equal(at.store.byUserToken(other), undefined);
  assert.equal(at.store.byToken(token), undefined, "it is no key's token");
});

test("a token may be for one project of the account, by id or by name, and for no other", async () => {
  const at = await peopled();
  const other = at.store.createAccount({ name: "other" }).id;
  const mine = at.store.createProject({ account: at.account, name: "cn-north-4" });
  const theirs = at.store.createProject({ account: other, name: "cn-south-1" });
  for (const project of [{ id: mine.id }, { name: "cn-north-4" }, { id: mine.id, name: "cn-north-4" }]) {
    const { token, held } = await signIn(at, { project });
    assert.deepEqual(held.project, mine);
    assert.deepEqual(at.reopen().byUserToken(token), held);
  }
  const issued = at.store.byUserToken((await signIn(at)).token);
  assert.equal(issued?.project, undefined);
  for (const project of [
    { id: theirs.id },
    { name: "cn-south-1" },
    { id: mine.id, name: "cn-south-1" },
    { id: "f".repeat(32) },
    { name: "" },
    {},
  ])
    await refused(signIn(at, { project }), "invalid-parameter", "scope");
  await refused(signIn(at, { project: { id: theirs.id }, password: "wrong password" }), "wrong-password");
});

test("whoever is not let in learns only that, at the cost of one scrypt", async () => {
  const at = await peopled();
  const off = await at.store.createUser({ account: at.account, name: "off", password });
  at.store.setUserStatus(off.id, "disabled");
  const other = at.store.createAccount({ name: "other" }).id;
  await at.store.createUser({ account: other, name: "bob", password });
  const messages = new Set<string>();
  for (const [i, part] of [
    { password: "wrong password" },
    { password: `${password} ` },
    { password: "" },
    { password: "x".repeat(100_000) },
    { name: "nobody" },
    { name: "Ann" },
    { name: "off" },
    { name: "bob" },
    { domain: "" },
    { domain: "nowhere" },
    { domain: "operator" },
    { domain: at.account },
    { domain: "__proto__", name: "__proto__" },
  ].entries()) {
    const before = at.counting.calls;
    const error = await refused(signIn(at, { ...part, address: `192.0.2.${i}` }), "wrong-password");
    assert.equal(at.counting.calls - before, 1, JSON.stringify(part).slice(0, 80));
    messages.add(JSON.stringify([error.message, error.details]));
  }
  assert.equal(messages.size, 1);
});

test("a token is void from the millisecond of its expiry, and then swept from disk", async () => {
  const at = await peopled();
  const { token } = await signIn(at);
  at.clock.time += day - 1;
  assert.ok(at.store.byUserToken(token) !== undefined);
  assert.equal(tokenRows(at), 1);
  at.clock.time += 1;
  assert.equal(at.store.byUserToken(token), undefined);
  assert.equal(at.reopen().byUserToken(token), undefined);
  await signIn(at);
  assert.equal(tokenRows(at), 1, "the new one alone");
});

test("a revoked token is void at once and for good, the user's others are not", async () => {
  const at = await peopled();
  const [first, second] = [await signIn(at), await signIn(at)];
  at.store.revoke(first.token);
  at.store.revoke(first.token);
  at.store.revoke("ust_unknown");
  for (const store of [at.store, at.reopen()]) {
    assert.equal(store.byUserToken(first.token), undefined);
    assert.deepEqual(store.byUserToken(second.token), second.held);
  }
});

for (const [how, change] of [
  ["disabled", (at: Peopled) => at.store.setUserStatus(at.user.id, "disabled")],
  ["deleted", (at: Peopled) => at.store.deleteUser(at.user.id)],
  ["given another password", (at: Peopled) => at.store.setUserPassword(at.user.id, "another password")],
] as const)
  test(`the tokens of a user that is ${how} are void at once, after a restart and for good; others' stay`, async () => {
    const at = await peopled();
    const tokens = [(await signIn(at)).token, (await signIn(at)).token];
    await at.store.createUser({ account: at.account, name: "ben", password });
    const { token: others } = await signIn(at, { name: "ben" });
    await change(at);
    await refused(signIn(at), "wrong-password");
    for (const store of [at.store, at.reopen()]) {
      for (const token of tokens) assert.equal(store.byUserToken(token), undefined);
      assert.equal(store.byUserToken(others)?.user.name, "ben");
    }
    if (how === "disabled") at.store.setUserStatus(at.user.id, "enabled");
    if (how === "deleted") await at.store.createUser({ account: at.account, name: "ann", password });
    for (const token of tokens) assert.equal(at.store.byUserToken(token), undefined);
    await signIn(at, how === "given another password" ? { password: "another password" } : {});
  });

test("a user who is disabled, deleted or given another password while it signs in does not get in", async () => {
  for (const change of [
    (at: Peopled) => at.store.setUserStatus(at.user.id, "disabled"),
    (at: Peopled) => at.store.deleteUser(at.user.id),
    (at: Peopled) => at.store.setUserPassword(at.user.id, "another password"),
  ]) {
    const at = await peopled();
    const gate = Promise.withResolvers<void>();
    at.counting.gate = gate.promise;
    const attempt = refused(signIn(at), "wrong-password");
    await new Promise((resolve) => setImmediate(resolve));
    at.counting.gate = undefined;
    await change(at);
    gate.resolve();
    await attempt;
    assert.equal(tokenRows(at), 0);
  }
});

test("the oldest of very many live tokens of a user makes room for the next", async () => {
  const at = await peopled();
  const tokens: string[] = [];
  for (let i = 0; i < 1_001; i++) tokens.push((await signIn(at)).token);
  assert.equal(at.store.byUserToken(tokens[0]!), undefined);
  assert.ok(at.store.byUserToken(tokens[1]!) !== undefined);
  assert.equal(tokenRows(at), 1_000);
});

test("after five wrong passwords an address must wait, whomever it tries; others need not", async () => {
  const at = await peopled();
  await at.store.createUser({ account: at.account, name: "ben", password });
  for (let i = 0; i < 5; i++) await refused(signIn(at, { password: `wrong password ${i}` }), "wrong-password");
  const calls = at.counting.calls;
  const error = await refused(signIn(at), "rate-limited");
  assert.equal(error.details.retryAfter, 1);
  await refused(signIn(at, { name: "ben" }), "rate-limited");
  assert.equal(at.counting.calls, calls, "a refusal costs nothing");
  await signIn(at, { address: "192.0.2.2" });
  at.clock.time += 1_000;
  await refused(signIn(at, { password: "wrong password" }), "wrong-password");
  assert.equal((await refused(signIn(at), "rate-limited")).details.retryAfter, 2);
  at.clock.time += 2_000;
  await signIn(at);
  await signIn(at);
});

test("ten thousand wrong passwords at once from one address cost five scrypt and keep nobody else out", async () => {
  const at = await peopled();
  const calls = at.counting.calls;
  const codes = new Map<string, number>();
  const wrong = Array.from({ length: 10_000 }, (_, i) =>
    signIn(at, { password: `wrong password ${i}` }).catch((thrown: TaishiError) =>
      codes.set(thrown.code, (codes.get(thrown.code) ?? 0) + 1),
    ),
  );
  const right = await signIn(at, { address: "192.0.2.2" });
  assert.ok(at.counting.calls - calls <= 3, "its turn came next");
  assert.ok(at.store.byUserToken(right.token) !== undefined);
  await Promise.all(wrong);
  assert.deepEqual(Object.fromEntries(codes), { "wrong-password": 5, "rate-limited": 9_995 });
  assert.equal(at.counting.calls - calls, 6);
});

test("at most two scrypt run at once, whoever asks, and the queue is bounded", async () => {
  const at = await peopled();
  const calls = at.counting.calls;
  const gate = Promise.withResolvers<void>();
  at.counting.gate = gate.promise;
  const codes: string[] = [];
  const wrong = Array.from({ length: 10_000 }, (_, i) =>
    signIn(at, { password: "wrong password", address: `10.0.${i >> 8}.${i & 255}` }).catch(
      (thrown: TaishiError) => void codes.push(`${thrown.code} ${thrown.details.retryAfter}`),
    ),
  );
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(at.counting.running, 2);
  assert.deepEqual([codes.length, new Set(codes)], [10_000 - 130, new Set(["rate-limited 5"])]);
  gate.resolve();
  at.counting.gate = undefined;
  await Promise.all(wrong);
  assert.deepEqual([at.counting.calls - calls, at.counting.mostAtOnce], [130, 2]);
  await signIn(at);
});

test("a new password is hashed in turn with those who sign in", async () => {
  const at = await peopled();
  const gate = Promise.withResolvers<void>();
  at.counting.gate = gate.promise;
  const others = Array.from({ length: 50 }, (_, i) => signIn(at, { address: `10.0.0.${i}` }));
  const made = at.store.createUser({ account: at.account, name: "new", password });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(at.counting.running, 2);
  gate.resolve();
  at.counting.gate = undefined;
  await Promise.all([...others, made]);
  assert.equal(at.counting.mostAtOnce, 2);
});

test("neither passwords nor tokens lie in the files or show in what is handed out", async () => {
  const at = await peopled();
  const { token, held } = await signIn(at);
  const shown = JSON.stringify([held, at.store.users(at.account), at.user]);
  for (const secret of [password, token, "scrypt"]) assert.equal(shown.includes(secret), false);
  const directory = dirname(at.path);
  const files = readdirSync(directory).filter((name) => name.startsWith(basename(at.path)));
  assert.ok(files.length > 0);
  for (const name of files)
    for (const secret of [password, token, token.slice(4)])
      assert.equal(readFileSync(join(directory, name)).includes(secret), false, name);
});

function tokenRows(at: IdentityHouse): number {
  const raw = new DatabaseSync(at.path, { readOnly: true });
  try {
    return raw.prepare("SELECT count(*) AS rows FROM user_tokens").get()!.rows as number;
  } finally {
    raw.close();
  }
}
