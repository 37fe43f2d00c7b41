import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { type ErrorCode, TaishiError } from "../errors.ts";
import { ConsoleSessions, sessionIdleMs, sessionMostMs } from "./console-sessions.ts";
import { houses, type IdentityHouse } from "./identity-house.test-support.ts";
import type { FirstKey } from "./identity-records.ts";

const house = houses();
const password = "right password";
const address = "192.0.2.1";

interface Peopled extends IdentityHouse {
  readonly account: string;
  readonly user: string;
  readonly sessions: ConsoleSessions;
}

async function peopled(): Promise<Peopled> {
  const at = house();
  const account = at.store.createAccount({ name: "acme" }).id;
  const { id: user } = await at.store.createUser({ account, name: "ann", role: "admin", password });
  return Object.assign(at, { account, user, sessions: new ConsoleSessions({ identity: at.store, clock: at.clock }) });
}

async function refused(work: () => unknown, code: ErrorCode): Promise<TaishiError> {
  try {
    await work();
  } catch (thrown) {
    assert.ok(thrown instanceof TaishiError, String(thrown));
    assert.equal(thrown.code, code, thrown.message);
    return thrown;
  }
  return assert.fail(`was not refused with ${code}`);
}

const ann = (at: Peopled, account = "acme") => at.sessions.signIn({ account, user: "ann", password, address });

test("a password opens a session, by the account's name or its number, and signing out ends it", async () => {
  const at = await peopled();
  for (const account of ["acme", at.account]) {
    const { secret, state } = await ann(at, account);
    assert.match(secret, /^tss_[A-Za-z0-9_-]{43}$/);
    assert.deepEqual(state, {
      caller: { account: at.account, accessKey: "", userName: "ann", role: "admin", operator: false },
      opened: at.clock.time,
      idleUntil: at.clock.time + sessionIdleMs,
      expires: at.clock.time + sessionMostMs,
    });
    assert.deepEqual(at.sessions.find(secret), state);
    for (const other of ["", "tss_", `${secret}A`, secret.slice(0, -1)])
      assert.equal(at.sessions.find(other), undefined);
    at.sessions.end(secret);
    assert.equal(at.sessions.find(secret), undefined);
  }
});

test("signing out makes the token void that the session was opened with", async () => {
  const at = await peopled();
  const tokens = (): number => {
    const database = new DatabaseSync(at.path, { readOnly: true });
    const { n } = database.prepare("SELECT count(*) AS n FROM user_tokens").get() as { n: number };
    database.close();
    return n;
  };
  const { secret } = await ann(at);
  assert.equal(tokens(), 1);
  at.sessions.end(secret);
  assert.equal(tokens(), 0);
});

test("a session ends when it is not used, and in any case after its longest time", async () => {
  const at = await peopled();
  const begin = at.clock.time;
  const { secret } = await ann(at);
  at.clock.time += sessionIdleMs - 1;
  assert.ok(at.sessions.find(secret), "looking at it does not use it");
  assert.equal(at.sessions.use(secret)?.idleUntil, at.clock.time + sessionIdleMs);
  at.clock.time += sessionIdleMs - 1;
  assert.ok(at.sessions.use(secret), "being used it lives on");
  at.clock.time += sessionIdleMs;
  assert.equal(at.sessions.find(secret), undefined);
  const second = await ann(at);
  const opened = at.clock.time;
  while (at.clock.time < opened + sessionMostMs - sessionIdleMs) {
    at.clock.time += sessionIdleMs - 1;
    assert.ok(at.sessions.use(second.secret), String(at.clock.time - begin));
  }
  at.clock.time = opened + sessionMostMs;
  assert.equal(at.sessions.use(second.secret), undefined);
});

test("whatever makes a user's password useless ends their sessions, and no other's", async () => {
  const acts: Readonly<Record<string, (at: Peopled) => unknown>> = {
    disabled: (at) => at.store.setUserStatus(at.user, "disabled"),
    deleted: (at) => at.store.deleteUser(at.user),
    "given another password": (at) => at.store.setUserPassword(at.user, "another password"),
    "disabled and enabled again": (at) => {
      at.store.setUserStatus(at.user, "disabled");
      at.store.setUserStatus(at.user, "enabled");
    },
  };
  for (const [what, act] of Object.entries(acts)) {
    const at = await peopled();
    await at.store.createUser({ account: at.account, name: "bob", password });
    const bob = await at.sessions.signIn({ account: "acme", user: "bob", password, address });
    const { secret } = await ann(at);
    assert.equal(at.sessions.size, 2);
    await act(at);
    at.sessions.sweep();
    assert.equal(at.sessions.size, 1, `${what}: the sweep ends it`);
    assert.equal(at.sessions.use(secret), undefined, what);
    assert.equal(at.sessions.use(bob.secret)?.caller.userName, "bob");
  }
});

test("a key's token opens a session that ends with the key, and signing out leaves the key alone", async () => {
  const acts: Readonly<Record<string, (at: Peopled, accessKey: string) => unknown>> = {
    disabled: (at, key) => at.store.setKeyStatus(key, "disabled"),
    deleted: (at, key) => at.store.deleteKey(key),
    rotated: (at, key) => at.store.rotateKey(key),
    expired: (at, key) => {
      at.store.setExpiry(key, at.clock.time + 1);
      at.clock.time += 1;
    },
  };
  for (const [what, act] of Object.entries(acts)) {
    const at = await peopled();
    const { accessKey, token } = at.store.createKey({ account: at.account, role: "auditor" });
    const { secret, state } = at.sessions.signInByToken({ token, address });
    assert.deepEqual(state.caller, { account: at.account, accessKey, role: "auditor", operator: false });
    const second = at.sessions.signInByToken({ token, address });
    at.sessions.end(second.secret);
    assert.ok(at.store.byToken(token), "the key's token is the key's");
    assert.ok(at.sessions.find(secret));
    act(at, accessKey);
    assert.equal(at.sessions.use(secret), undefined, what);
  }
});

test("a user's token opens a session, one for a single project does not, and a made-up one slows its address down", async () => {
  const at = await peopled();
  const project = at.store.createProject({ account: at.account, name: "cn-north-4" });
  const attempt = { domain: "acme", name: "ann", password, address };
  const whole = await at.store.signIn(attempt);
  assert.equal(at.sessions.signInByToken({ token: whole.token, address }).state.caller.userName, "ann");
  const scoped = await at.store.signIn({ ...attempt, project: { id: project.id } });
  await refused(() => at.sessions.signInByToken({ token: scoped.token, address }), "forbidden");
  for (let i = 0; i < 5; i++)
    await refused(() => at.sessions.signInByToken({ token: `tst_${i}`, address }), "invalid-token");
  await refused(() => at.sessions.signInByToken({ token: whole.token, address }), "rate-limited");
  await refused(() => ann(at), "rate-limited");
  assert.ok(at.sessions.signInByToken({ token: whole.token, address: "198.51.100.7" }), "another address is as ever");
});

test("a holder's sessions are bounded: the one used longest ago ends", async () => {
  const at = await peopled();
  const { token } = at.store.createKey({ account: at.account, role: "auditor" });
  const secrets = Array.from({ length: 50 }, () => at.sessions.signInByToken({ token, address }).secret);
  at.sessions.use(secrets[0]!);
  const { secret: other } = await ann(at);
  at.sessions.signInByToken({ token, address });
  assert.equal(at.sessions.find(secrets[1]!), undefined);
  assert.ok(at.sessions.find(secrets[0]!) && at.sessions.find(secrets[2]!) && at.sessions.find(other));
});

test("what was told of a session once is not told again, and of another it is", async () => {
  const at = await peopled();
  const [one, two] = [await ann(at), await ann(at)];
  assert.equal(at.sessions.tellOnce(one.secret, "tail"), true);
  assert.equal(at.sessions.tellOnce(one.secret, "tail"), false);
  assert.equal(at.sessions.tellOnce(one.secret, "tail of another filter"), true);
  assert.equal(at.sessions.tellOnce(two.secret, "tail"), true);
});

function begun(): IdentityHouse & { readonly key: FirstKey; readonly sessions: ConsoleSessions } {
  const at = house();
  const key = at.store.bootstrap()!;
  return Object.assign(at, { key, sessions: new ConsoleSessions({ identity: at.store, clock: at.clock }) });
}

test("the first link makes one administrator, signs them in, and is good once", async () => {
  const at = begun();
  assert.match(at.key.firstLink, /^tfl_[A-Za-z0-9_-]{43}$/);
  const use = { token: at.key.firstLink, name: "root", password, address };
  const { user, secret, state } = await at.sessions.signInFirst(use);
  assert.deepEqual([user.account, user.name, user.role], [at.key.account, "root", "admin"]);
  assert.equal(state.caller.userName, "root");
  assert.ok(at.sessions.find(secret));
  await refused(() => at.sessions.signInFirst({ ...use, name: "second" }), "link-void");
  at.store.deleteUser(user.id);
  await refused(() => at.sessions.signInFirst({ ...use, name: "third" }), "link-void");
  assert.equal(at.store.users(at.key.account).length, 0);
});

test("of two who use the first link at once one gets nothing", async () => {
  const at = begun();
  const tries = ["a", "b"].map((name) => at.sessions.signInFirst({ token: at.key.firstLink, name, password, address }));
  const ends = await Promise.allSettled(tries);
  assert.deepEqual(ends.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  assert.equal(at.store.users(at.key.account).length, 1);
  assert.equal(at.sessions.size, 1);
});

test("the first link outlives a restart, is void after a day, and where there is a user already", async () => {
  const at = begun();
  const use = { token: at.key.firstLink, name: "root", password, address };
  await refused(() => at.store.useFirstLink({ ...use, password: "short" }), "invalid-parameter");
  await refused(() => at.store.useFirstLink({ ...use, name: " " }), "invalid-parameter");
  at.reopen();
  at.clock.time += 24 * 3_600_000 - 1;
  const { user } = await at.store.useFirstLink(use);
  assert.equal(user.name, "root", "a refusal had used nothing up");

  const late = begun();
  late.clock.time += 24 * 3_600_000;
  const lateUse = { ...use, token: late.key.firstLink };
  await refused(() => late.store.useFirstLink(lateUse), "link-void");

  const peopledBefore = begun();
  await peopledBefore.store.createUser({ account: peopledBefore.key.account, name: "cli", password });
  await refused(() => peopledBefore.store.useFirstLink({ ...use, token: peopledBefore.key.firstLink }), "link-void");
  for (let i = 0; i < 4; i++)
    await refused(() => peopledBefore.store.useFirstLink({ ...use, token: "x" }), "link-void");
  await refused(() => peopledBefore.store.useFirstLink({ ...use, token: "x" }), "rate-limited");
});
