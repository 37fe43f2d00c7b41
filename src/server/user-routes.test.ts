// Users over real sockets: made, changed and deleted by their account's administrator; passwords go in and never come
// out; what a user signed in for opens the own API as far as its role goes.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { CallRecord } from "../exchange.ts";
import { houses } from "../identity/identity-house.test-support.ts";
import { bearerKeyring } from "./bearer-keyring.ts";
import { callers, get, type House, openHouse, problemOf, sampleEvent, send } from "./doubles.test-support.ts";

type Members = Readonly<Record<string, unknown>>;

const users = "/api/v1/users";
const { account } = callers.admin;
const password = "correct horse battery";
const identityHouse = houses();

async function made(answer: globalThis.Response): Promise<Members> {
  assert.equal(answer.status, 200, await answer.clone().text());
  return (await answer.json()) as Members;
}

async function refused(answer: globalThis.Response): Promise<readonly unknown[]> {
  const text = await answer.clone().text();
  assert.ok(!text.includes(password), "a refusal never repeats a password");
  const { code, field } = await problemOf(answer);
  return [code, field];
}

const newUser = async (house: House, members: Members = {}): Promise<Members> =>
  made(await send(house, "POST", users, { name: "alice", password, ...members }));

test("a user is made, listed, changed and deleted, and no answer holds a password", async () => {
  await using house = await openHouse();
  const alice = await newUser(house);
  const { id } = alice;
  const created = "2026-01-02T03:04:05.678Z";
  assert.deepEqual(alice, { id, account, name: "alice", role: "auditor", status: "enabled", created });
  const bob = await newUser(house, { name: "bob", role: "writer" });
  assert.equal(bob.role, "writer");
  assert.deepEqual(await made(await get(house, users, "admin")), { users: [alice, bob] });

  assert.deepEqual(await made(await send(house, "PATCH", `${users}/${id}`, { password: "another one" })), alice);
  assert.equal(house.directory.passwords.get(String(id)), "another one");
  const disabled = await made(await send(house, "PATCH", `${users}/${id}`, { status: "disabled" }));
  assert.deepEqual(disabled, { ...alice, status: "disabled" });
  assert.deepEqual(await made(await send(house, "PATCH", `${users}/${id}`, { status: "enabled" })), alice);
  assert.deepEqual(await made(await send(house, "DELETE", `${users}/${id}`)), alice);
  assert.deepEqual(await made(await get(house, users, "admin")), { users: [bob] });
  assert.deepEqual(await refused(await send(house, "DELETE", `${users}/${id}`)), ["not-found", "id"]);
});

test("only administrators reach users", async () => {
  await using house = await openHouse();
  const { id } = await newUser(house);
  for (const as of ["writer", "auditor"] as const)
    for (const [method, path, content] of [
      ["GET", users, undefined],
      ["POST", users, { name: "eve", role: "admin", password }],
      ["PATCH", `${users}/${id}`, { password }],
      ["DELETE", `${users}/${id}`, undefined],
    ] as const)
      assert.equal((await refused(await send(house, method, path, content, { as })))[0], "forbidden");
  assert.deepEqual(
    house.directory.users(account).map(({ name }) => name),
    ["alice"],
  );
});

test("another account's user is as one that does not exist", async () => {
  await using house = await openHouse();
  const { id } = await newUser(house);
  const as = "other";
  const told = async (id: unknown): Promise<readonly string[]> => {
    const answers = [
      await send(house, "PATCH", `${users}/${id}`, { status: "disabled" }, { as }),
      await send(house, "PATCH", `${users}/${id}`, { password }, { as }),
      await send(house, "DELETE", `${users}/${id}`, undefined, { as }),
    ];
    return Promise.all(
      answers.map(async (answer) => {
        const { requestId: _, ...problem } = await problemOf(answer);
        assert.equal(problem.status, 404);
        return JSON.stringify(problem).replaceAll(String(id), "ID");
      }),
    );
  };
  assert.deepEqual(await told(id), await told("f".repeat(32)));
  assert.deepEqual(await made(await get(house, users, as)), { users: [] });
  await made(await send(house, "POST", users, { name: "alice", password: "her own one" }, { as }));
  assert.equal(house.directory.user(String(id))?.status, "enabled");
  assert.equal(house.directory.passwords.get(String(id)), password);
});

test("what cannot be meant is refused by name, and changes nothing", async () => {
  await using house = await openHouse();
  const { id } = await newUser(house);
  const bodies: readonly [method: string, content: object, code: string, field: string][] = [
    ["POST", { name: "bob" }, "missing-parameter", "password"],
    ["POST", { password }, "missing-parameter", "name"],
    ["POST", { name: "bob", password, operator: true }, "invalid-parameter", "operator"],
    ["POST", { name: "bob", password, role: "operator" }, "invalid-parameter", "role"],
    ["POST", { name: " bob", password }, "invalid-parameter", "name"],
    ["POST", { name: "bob", password: "short" }, "invalid-parameter", "password"],
    ["POST", { name: "bob", password: [password] }, "invalid-parameter", "password"],
    ["POST", { name: "alice", password }, "already-exists", "name"],
    ["PATCH", {}, "missing-parameter", "password"],
    ["PATCH", { status: "gone" }, "invalid-parameter", "status"],
    ["PATCH", { role: "admin" }, "invalid-parameter", "role"],
    ["PATCH", { password: "short" }, "invalid-parameter", "password"],
    ["PATCH", { password, status: "disabled" }, "invalid-parameter", "status"],
  ];
  for (const [method, content, code, field] of bodies) {
    const answer = await send(house, method, method === "POST" ? users : `${users}/${id}`, content);
    assert.deepEqual(await refused(answer), [code, field], JSON.stringify(content));
  }
  const named = await problemOf(await send(house, "PATCH", `${users}/${id}`, { status: "gone" }));
  assert.equal(named.detail, "status: must be one of enabled, disabled");
  const broken = await send(house, "POST", users, `{"name":"bob","password":"${password}"`);
  assert.deepEqual(await refused(broken), ["malformed-body", undefined]);
  assert.deepEqual(house.directory.users(account), [house.directory.user(String(id))]);
  assert.equal(house.directory.passwords.get(String(id)), password);
});

test("the audit names the user and the change, never a password", async () => {
  const records: CallRecord[] = [];
  await using house = await openHouse({ onCall: (record) => void records.push(record) });
  const { id } = await newUser(house, { role: "writer" });
  await send(house, "PATCH", `${users}/${id}`, { password: `${password} 2` });
  await send(house, "PATCH", `${users}/${id}`, { status: "disabled" });
  await send(house, "PATCH", `${users}/${id}`, { password, status: "enabled" });
  await send(house, "POST", users, { name: "eve", password, secret: password });
  await send(house, "DELETE", `${users}/${id}`);
  await send(house, "POST", `${users}?name=eve&password=${encodeURIComponent(password)}`, {});
  assert.ok(!JSON.stringify(records).includes(password));
  const resources = [{ type: "user", id }];
  assert.deepEqual(
    records.map((record) => [record.name, record.errorCode, record.parameters, record.resources]),
    [
      ["CreateUser", undefined, '{"name":"alice","role":"writer"}', resources],
      ["UpdateUserPassword", undefined, `{"user":"${id}"}`, resources],
      ["UpdateUserStatus", undefined, `{"user":"${id}","status":"disabled"}`, resources],
      ["UpdateUser", "invalid-parameter", `{"user":"${id}"}`, resources],
      ["CreateUser", "invalid-parameter", undefined, undefined],
      ["DeleteUser", undefined, `{"user":"${id}"}`, resources],
      ["CreateUser", "invalid-parameter", '{"name":"eve","password":"***"}', undefined],
    ],
  );
});

test("a change is answered after its audit is on disk", async () => {
  const { promise: onDisk, resolve } = Promise.withResolvers<void>();
  await using house = await openHouse({ onCall: () => onDisk });
  let answered = false;
  const answer = newUser(house).then(() => {
    answered = true;
  });
  while (house.directory.users(account).length === 0) await new Promise((next) => setImmediate(next));
  await get(house, "/healthz");
  assert.equal(answered, false);
  resolve();
  await answer;
});

test("who signed in with a password reads as far as the role goes, until the token is void", async () => {
  const { store } = identityHouse();
  const tenant = store.createAccount({ name: "tenant" });
  const { token: adminToken } = store.createKey({ account: tenant.id, role: "admin" });
  const project = store.createProject({ account: tenant.id, name: "cn-north-4" });
  const buckets: string[] = [];
  await using house = await openHouse({
    directory: store,
    keyring: bearerKeyring(store, store),
    rateLimit: {
      take: (key) => {
        buckets.push(key);
        return true;
      },
    },
  });
  const call = (token: string, method: string, path: string, content?: object) =>
    send(house, method, path, content, { headers: { authorization: `Bearer ${token}` } });
  const signIn = async (name: string, scope?: { readonly id: string }): Promise<string> => {
    const attempt = { domain: "tenant", name, password, address: "192.0.2.1" };
    return (await store.signIn({ ...attempt, project: scope })).token;
  };

  const alice = await made(await call(adminToken, "POST", users, { name: "alice", password }));
  await made(await call(adminToken, "POST", users, { name: "root", role: "admin", password }));
  await made(await call(adminToken, "POST", "/api/v1/instances", { project: project.id }));
  const token = await signIn("alice");
  assert.equal((await call(token, "GET", "/api/v1/events")).status, 200);
  assert.deepEqual(await made(await call(token, "GET", "/api/v1/whoami")), {
    account: tenant.id,
    role: "auditor",
    operator: false,
    accessKey: "",
    userName: "alice",
  });
  assert.deepEqual(await refused(await call(token, "POST", "/api/v1/events", { events: [sampleEvent()] })), [
    "forbidden",
    undefined,
  ]);
  assert.deepEqual(await refused(await call(token, "GET", users)), ["forbidden", undefined]);

  const root = await signIn("root");
  assert.equal(((await made(await call(root, "GET", users))).users as unknown[]).length, 2);
  const chosen = await call(root, "POST", "/api/v1/projects", { name: "n", id: "f".repeat(32) });
  assert.deepEqual(await refused(chosen), ["forbidden", "id"], "no user is an operator");
  assert.equal(new Set(buckets).size, 3, "the key and both users have an allowance each");

  const narrow = await signIn("alice", { id: project.id });
  assert.equal((await refused(await call(narrow, "GET", "/api/v1/events")))[0], "forbidden");
  assert.equal((await refused(await call("ust_unknown", "GET", "/api/v1/events")))[0], "invalid-token");
  await made(await call(root, "PATCH", `${users}/${alice.id}`, { status: "disabled" }));
  assert.equal((await refused(await call(token, "GET", "/api/v1/events")))[0], "invalid-token");
});
