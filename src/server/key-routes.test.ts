// Keys, tokens and saved searches over real sockets and the identity store: who may do what to whose, secrets once, told where it
// concerns. Every refusal leaves everything as it was.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { CallRecord } from "../exchange.ts";
import { ConsoleSessions } from "../identity/console-sessions.ts";
import { houses } from "../identity/identity-house.test-support.ts";
import { bearerKeyring } from "./bearer-keyring.ts";
import { openHouse, problemOf } from "./doubles.test-support.ts";

const identityHouse = houses();
const password = "correct horse battery";
type Members = Record<string, unknown>;

/** An operator's account and another with an administrator, an auditor and a user. */
async function world() {
  const at = identityHouse();
  const operator = at.store.bootstrap()!;
  const account = at.store.createAccount({ name: "acme" }).id;
  const admin = at.store.createKey({ account, role: "admin", name: "first" });
  const auditor = at.store.createKey({ account, role: "auditor" });
  // In the operator's own account, but none itself.
  const plain = at.store.createKey({ account: operator.account, role: "admin" });
  const ann = await at.store.createUser({ account, name: "ann", role: "admin", password });
  const told: CallRecord[] = [];
  const sessions = new ConsoleSessions({ identity: at.store, clock: at.clock });
  const house = await openHouse({
    keyring: bearerKeyring(at.store, at.store),
    keys: at.store,
    searches: at.store.searches,
    sessions,
    onCall: (record) => void told.push(record),
    clock: at.clock,
  });
  const ask = (token: string, method: string, target: string, body?: object) =>
    fetch(house.url + target, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const done = async (...asked: Parameters<typeof ask>): Promise<Members> => {
    const answer = await ask(...asked);
    assert.equal(answer.status, 200, await answer.clone().text());
    return (await answer.json()) as Members;
  };
  const refused = async (code: string, field: string | undefined, ...asked: Parameters<typeof ask>): Promise<void> => {
    const before = JSON.stringify(at.store.listKeys());
    const problem = await problemOf(await ask(...asked));
    assert.deepEqual([problem.code, problem.field], [code, field], `${asked[1]} ${asked[2]}`);
    assert.equal(JSON.stringify(at.store.listKeys()), before, "nothing changed");
  };
  const close = { [Symbol.asyncDispose]: () => house.server.close() };
  return { at, operator, account, admin, auditor, plain, ann, told, sessions, house, ask, done, refused, ...close };
}

const keys = "/api/v1/keys";

test("a key is made with its secrets, which are shown once, and opens the API until it is changed", async () => {
  await using w = await world();
  const { admin, account, at } = w;
  const made = await w.done(admin.token, "POST", keys, {
    role: "auditor",
    name: "dashboards",
    expires: at.clock.time + 60_000,
  });
  const { secretKey, token, ...shown } = made as Record<string, string>;
  assert.deepEqual(shown, {
    accessKey: shown.accessKey,
    account,
    role: "auditor",
    operator: false,
    name: "dashboards",
    status: "enabled",
    created: new Date(at.clock.time).toISOString(),
    expires: new Date(at.clock.time + 60_000).toISOString(),
  });
  assert.match(secretKey!, /^[A-Za-z0-9]{44}$/);
  assert.equal((await w.ask(token!, "GET", "/api/v1/events")).status, 200);
  const listed = (await w.done(admin.token, "GET", keys)).keys as Members[];
  assert.deepEqual(
    listed.map(({ accessKey }) => accessKey),
    [admin.accessKey, w.auditor.accessKey, shown.accessKey],
  );
  assert.deepEqual(listed[2], shown);
  assert.ok(!JSON.stringify(listed).includes(secretKey!) && !JSON.stringify(listed).includes(token!));

  const one = `${keys}/${shown.accessKey}`;
  assert.equal((await w.done(admin.token, "PATCH", one, { expires: null })).expires, null);
  assert.equal((await w.done(admin.token, "PATCH", one, { status: "disabled" })).status, "disabled");
  assert.equal((await w.ask(token!, "GET", "/api/v1/events")).status, 401);
  assert.equal((await w.done(admin.token, "PATCH", one, { status: "enabled" })).status, "enabled");
  const rotated = await w.done(admin.token, "POST", `${one}/rotate`);
  assert.equal((await w.ask(token!, "GET", "/api/v1/events")).status, 401);
  assert.equal((await w.ask(String(rotated.token), "GET", "/api/v1/events")).status, 200);
  assert.notEqual(rotated.secretKey, secretKey);
  assert.equal((await w.done(admin.token, "DELETE", one)).accessKey, shown.accessKey);
  assert.equal((await w.ask(String(rotated.token), "GET", "/api/v1/events")).status, 401);
  const text = JSON.stringify(w.told);
  for (const secret of [secretKey!, token!, String(rotated.token), String(rotated.secretKey)])
    assert.ok(!text.includes(secret), "the audit holds no secret");
  assert.deepEqual(
    w.told.flatMap(({ name, readOnly }) => (readOnly ? [] : [name])),
    [
      "CreateAccessKey",
      "UpdateAccessKeyExpiry",
      "UpdateAccessKeyStatus",
      "UpdateAccessKeyStatus",
      "RotateAccessKey",
      "DeleteAccessKey",
    ],
  );
});

test("another account's key is as one that does not exist, and only operators name accounts (I7)", async () => {
  await using w = await world();
  const { admin, operator, plain, account } = w;
  for (const key of [plain.accessKey, operator.accessKey, "AKnone"]) {
    const one = `${keys}/${key}`;
    await w.refused("not-found", "accessKey", admin.token, "PATCH", one, { status: "disabled" });
    await w.refused("not-found", "accessKey", admin.token, "POST", `${one}/rotate`);
    await w.refused("not-found", "accessKey", admin.token, "DELETE", one);
  }
  for (const other of [operator.account, "2199999999"]) {
    await w.refused("forbidden", "account", admin.token, "GET", `${keys}?account=${other}`);
    await w.refused("forbidden", "account", admin.token, "POST", keys, { role: "admin", account: other });
  }
  assert.equal(((await w.done(admin.token, "GET", `${keys}?account=${account}`)).keys as []).length, 2);
  await w.refused("not-found", "account", operator.token, "POST", keys, { role: "admin", account: "2199999999" });
});

test("nobody becomes an operator who is none: not by making a key, not by changing one", async () => {
  await using w = await world();
  const { plain, operator } = w;
  await w.refused("forbidden", "operator", plain.token, "POST", keys, { role: "admin", operator: true });
  const pair = { role: "admin", accessKey: "AKimported", secretKey: "a secret of theirs" };
  await w.refused("forbidden", "accessKey", plain.token, "POST", keys, pair);
  const one = `${keys}/${operator.accessKey}`;
  await w.refused("forbidden", "accessKey", plain.token, "POST", `${one}/rotate`);
  await w.refused("forbidden", "accessKey", plain.token, "PATCH", one, { status: "disabled" });
  await w.refused("forbidden", "accessKey", plain.token, "DELETE", one);
  assert.equal((await w.done(plain.token, "POST", keys, { role: "auditor", operator: false })).operator, false);
  await w.refused("invalid-parameter", "accessKey", operator.token, "DELETE", one);
  const second = await w.done(operator.token, "POST", keys, { role: "admin", operator: true });
  assert.equal(second.operator, true);
  assert.equal((await w.done(String(second.token), "DELETE", one)).accessKey, operator.accessKey);
});

test("an operator's act in another account is told there, in the operators' log and in their own", async () => {
  await using w = await world();
  const { operator, account, told } = w;
  const made = await w.done(operator.token, "POST", keys, { role: "admin", account });
  await w.done(operator.token, "DELETE", `${keys}/${made.accessKey}`);
  await w.done(operator.token, "POST", keys, { role: "auditor" });
  const logs = (name: string) => told.filter((record) => record.name === name).map((record) => record.account);
  assert.deepEqual(logs("CreateAccessKey"), [operator.account, account, "0", operator.account]);
  assert.deepEqual(logs("DeleteAccessKey"), [operator.account, account, "0"]);
  const imported = { role: "writer", account, accessKey: "AKimported", secretKey: "a secret of theirs" };
  const answer = await w.done(operator.token, "POST", keys, imported);
  assert.deepEqual([answer.accessKey, answer.secretKey], ["AKimported", "a secret of theirs"]);
  assert.ok(!JSON.stringify(told).includes("a secret of theirs"));
});

test("only administrators reach keys and tokens, and what cannot be meant is refused by name", async () => {
  await using w = await world();
  const { admin, auditor } = w;
  for (const [method, target] of [
    ["GET", keys],
    ["GET", "/api/v1/tokens"],
    ["DELETE", "/api/v1/tokens/0"],
    ["POST", `${keys}/${admin.accessKey}/rotate`],
  ] as const)
    await w.refused("forbidden", undefined, auditor.token, method, target);
  const one = `${keys}/${auditor.accessKey}`;
  await w.refused("missing-parameter", "role", admin.token, "POST", keys, { name: "x" });
  await w.refused("invalid-parameter", "role", admin.token, "POST", keys, { role: "root" });
  await w.refused("invalid-parameter", "expires", admin.token, "POST", keys, {
    role: "writer",
    expires: 1_000_000_000_000,
  });
  await w.refused("invalid-parameter", "note", admin.token, "POST", keys, { role: "writer", note: "x" });
  await w.refused("missing-parameter", "status", admin.token, "PATCH", one, {});
  await w.refused("invalid-parameter", "expires", admin.token, "PATCH", one, { status: "disabled", expires: null });
  await w.refused("invalid-parameter", "account", admin.token, "GET", `${keys}?account=1&account=2`);
});

test("a user's token is listed without itself, and made void with its session", async () => {
  await using w = await world();
  const { admin, account, ann, at, sessions, operator } = w;
  const { token } = await at.store.signIn({ domain: "acme", name: "ann", password, address: "192.0.2.1" });
  const { secret } = await sessions.signIn({ account, user: "ann", password, address: "192.0.2.1" });
  const { tokens } = (await w.done(admin.token, "GET", "/api/v1/tokens")) as { tokens: Record<string, string>[] };
  assert.equal(tokens.length, 2);
  assert.deepEqual(tokens[0], {
    id: tokens[0]!.id,
    user: ann.id,
    userName: "ann",
    project: null,
    issued: new Date(at.clock.time).toISOString(),
    expires: new Date(at.clock.time + 24 * 3_600_000).toISOString(),
  });
  assert.ok(!JSON.stringify(tokens).includes(token));
  await w.refused("not-found", "id", operator.token, "DELETE", `/api/v1/tokens/${tokens[0]!.id}`);
  await w.refused("not-found", "id", admin.token, "DELETE", "/api/v1/tokens/0000000000000000");
  assert.deepEqual(await w.done(admin.token, "DELETE", `/api/v1/tokens/${tokens[0]!.id}`), tokens[0]);
  assert.equal(at.store.byUserToken(token), undefined);
  assert.ok(sessions.find(secret));
  await w.done(admin.token, "DELETE", `/api/v1/tokens/${tokens[1]!.id}`);
  assert.equal(sessions.find(secret), undefined);
  assert.deepEqual(await w.done(admin.token, "GET", "/api/v1/tokens"), { tokens: [] });
});

test("a saved search is its owner's alone, lives through a restart, and goes with its owner", async () => {
  await using w = await world();
  const { admin, auditor, at, ann } = w;
  const searches = "/api/v1/searches";
  const { token } = await at.store.signIn({ domain: "acme", name: "ann", password, address: "192.0.2.1" });
  const made = await w.done(token, "POST", searches, { name: "High logins", query: "q=type:SshLogin&risk=High" });
  assert.deepEqual(made, {
    id: made.id,
    name: "High logins",
    query: "q=type:SshLogin&risk=High",
    created: new Date(at.clock.time).toISOString(),
  });
  await w.done(auditor.token, "POST", searches, { name: "High logins", query: "other" });
  await w.refused("already-exists", "name", token, "POST", searches, { name: "High logins", query: "" });
  const one = `${searches}/${made.id}`;
  assert.equal((await w.done(token, "PATCH", one, { query: "changed" })).query, "changed");
  assert.equal((await w.done(token, "PATCH", one, { name: "Renamed" })).name, "Renamed");
  await w.refused("not-found", "id", admin.token, "PATCH", one, { name: "stolen" });
  await w.refused("not-found", "id", auditor.token, "DELETE", one);
  await w.refused("missing-parameter", "name", token, "PATCH", one, {});
  await w.refused("invalid-parameter", "name", token, "POST", searches, { name: " ", query: "" });
  await w.refused("invalid-parameter", "query", token, "POST", searches, { name: "long", query: "x".repeat(4097) });
  assert.deepEqual(await w.done(admin.token, "GET", searches), { searches: [] });

  const owners = (): number[] =>
    [
      { account: w.account, accessKey: "", userName: "ann" },
      { account: w.account, accessKey: auditor.accessKey },
    ].map(
      (caller) =>
        at.store.searches.list(
          JSON.stringify(
            caller.userName === undefined ? ["key", caller.accessKey] : ["user", caller.account, caller.userName],
          ),
        ).length,
    );
  assert.deepEqual(owners(), [1, 1]);
  at.reopen();
  assert.deepEqual(owners(), [1, 1], "it is on disk");
  at.store.deleteUser(ann.id);
  at.store.deleteKey(auditor.accessKey);
  assert.deepEqual(owners(), [0, 0]);
  at.reopen();
  assert.deepEqual(owners(), [0, 0]);
});

test("nobody saves more than a hundred searches", async () => {
  await using w = await world();
  const owner = JSON.stringify(["key", w.auditor.accessKey]);
  for (let i = 0; i < 100; i++) w.at.store.searches.create(owner, { name: `s${i}`, query: "" });
  await w.refused("invalid-parameter", "name", w.auditor.token, "POST", "/api/v1/searches", {
    name: "one more",
    query: "",
  });
});
