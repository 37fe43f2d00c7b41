// The console's door over real sockets: signing in and out, what a cookie opens, and every way another site could try to use it.
import assert from "node:assert/strict";
import { request as httpsRequest } from "node:https";
import { test } from "node:test";
import type { CallRecord } from "../exchange.ts";
import { ConsoleSessions, sessionIdleMs } from "../identity/console-sessions.ts";
import { houses } from "../identity/identity-house.test-support.ts";
import { bearerKeyring } from "./bearer-keyring.ts";
import { first } from "./certificates.test-support.ts";
import { type House, openHouse, problemOf, sampleEvent } from "./doubles.test-support.ts";

const identityHouse = houses();
const password = "correct horse battery";
const path = "/api/v1/session";
type Headers = Readonly<Record<string, string>>;

async function peopled(options: Parameters<typeof openHouse>[0] = {}) {
  const at = identityHouse();
  const key = at.store.bootstrap()!;
  const { account } = key;
  const user = await at.store.createUser({ account, name: "ann", role: "admin", password });
  await at.store.createUser({ account, name: "eve", role: "auditor", password });
  const sessions = new ConsoleSessions({ identity: at.store, clock: at.clock });
  const told: CallRecord[] = [];
  const house = await openHouse({
    sessions,
    accountName: (id) => at.store.account(id)?.name,
    keyring: bearerKeyring(at.store, at.store),
    onCall: (record) => void told.push(record),
    ...options,
  });
  return { at, key, account, user, sessions, told, house, [Symbol.asyncDispose]: () => house.server.close() };
}

/** What a page of the console sends with an unsafe request. */
const own = (house: House): Headers => ({ "x-taishi-console": "1", origin: house.url });

function send(house: House, method: string, target: string, headers: Headers, body?: object) {
  return fetch(house.url + target, {
    method,
    headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

async function signIn(house: House, body: object): Promise<{ cookie: string; session: Record<string, unknown> }> {
  const answer = await send(house, "POST", path, own(house), body);
  assert.equal(answer.status, 200, await answer.clone().text());
  const [set = ""] = answer.headers.getSetCookie();
  return { cookie: set.split(";")[0]!, session: (await answer.json()) as Record<string, unknown> };
}

const ann = { account: "default", user: "ann", password };

test("a password or a token gives a cookie that no script and no other site gets", async () => {
  await using world = await peopled();
  const { house, account, key } = world;
  const answer = await send(house, "POST", path, own(house), ann);
  assert.equal(answer.status, 200);
  assert.match(
    answer.headers.getSetCookie().join("\n"),
    /^taishi_session=tss_[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/,
  );
  const session = (await answer.json()) as Record<string, unknown>;
  assert.deepEqual(
    { ...session, opened: 0, idleUntil: 0, expires: 0 },
    {
      account,
      accountName: "default",
      role: "admin",
      operator: false,
      accessKey: "",
      userName: "ann",
      opened: 0,
      idleUntil: 0,
      expires: 0,
    },
  );
  assert.equal(Date.parse(String(session.idleUntil)) - Date.parse(String(session.opened)), sessionIdleMs);
  const byNumber = await signIn(house, { ...ann, account });
  assert.equal(byNumber.session.userName, "ann");
  const byToken = await signIn(house, { token: key.token });
  assert.deepEqual([byToken.session.accessKey, byToken.session.operator], [key.accessKey, true]);
});

test("under TLS the cookie is Secure and tied to the host by its name, and the plain name opens nothing", async () => {
  await using world = await peopled({ tls: first });
  const { house } = world;
  const ask = (method: string, headers: Headers, body = "") =>
    new Promise<{ status: number | undefined; set: string }>((resolve, reject) => {
      const json = body === "" ? {} : { "content-type": "application/json" };
      const options = {
        method,
        headers: { ...json, ...headers },
        ca: first.cert,
        checkServerIdentity: () => undefined,
      };
      const asking = httpsRequest(house.url + path, options, (answer) => {
        answer.resume();
        resolve({ status: answer.statusCode, set: answer.headers["set-cookie"]?.[0] ?? "" });
      });
      asking.on("error", reject);
      asking.end(body);
    });
  const { set } = await ask("POST", own(house), JSON.stringify(ann));
  assert.match(set, /^__Host-taishi_session=tss_[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Secure$/);
  const cookie = set.split(";")[0]!;
  assert.equal((await ask("GET", { cookie })).status, 200);
  assert.equal((await ask("GET", { cookie: cookie.replace("__Host-", "") })).status, 401);
});

test("the cookie opens the own API as its user's role goes, and signing out closes it", async () => {
  await using world = await peopled();
  const { house, account } = world;
  const { cookie } = await signIn(house, ann);
  const events = await send(house, "GET", "/api/v1/events", { cookie });
  assert.equal(events.status, 200);
  const whoami = (await (await send(house, "GET", "/api/v1/whoami", { cookie })).json()) as object;
  assert.deepEqual(whoami, { account, role: "admin", operator: false, accessKey: "", userName: "ann" });
  const append = await send(house, "POST", "/api/v1/events", { cookie, ...own(house) }, { events: [sampleEvent()] });
  assert.equal(append.status, 200);
  const eve = await signIn(house, { ...ann, user: "eve" });
  const refused = await send(house, "GET", "/api/v1/users", { cookie: eve.cookie });
  assert.equal((await problemOf(refused)).code, "forbidden", "an auditor administers nothing");
  const out = await send(house, "DELETE", path, { cookie, ...own(house) });
  assert.equal(out.status, 200);
  assert.match(out.headers.getSetCookie().join(), /^taishi_session=; .*Max-Age=0$/);
  const after = await send(house, "GET", "/api/v1/events", { cookie });
  assert.equal((await problemOf(after)).code, "invalid-token");
  assert.equal((await send(house, "GET", path, { cookie: eve.cookie })).status, 200, "others stay");
});

test("what another site could cause is refused, and does not keep a session alive", async () => {
  await using world = await peopled();
  const { house, at } = world;
  const { cookie } = await signIn(house, ann);
  const evil = "https://evil.example";
  const unsafe: readonly [string, Headers][] = [
    ["no proof at all", {}],
    ["the header alone", { "x-taishi-console": "1" }],
    ["another origin", { "x-taishi-console": "1", origin: evil }],
    ["no origin", { "x-taishi-console": "1", origin: "null" }],
    ["another port of the host", { "x-taishi-console": "1", origin: "http://127.0.0.1:1" }],
    ["an origin that begins like ours", { "x-taishi-console": "1", origin: `${house.url}.evil.example` }],
    ["another site", { "x-taishi-console": "1", origin: house.url, "sec-fetch-site": "cross-site" }],
    ["a neighbour", { "x-taishi-console": "1", "sec-fetch-site": "same-site" }],
    ["a typed address", { "x-taishi-console": "1", "sec-fetch-site": "none" }],
    ["no header", { origin: house.url, "sec-fetch-site": "same-origin" }],
    ["another header", { origin: house.url, "x-taishi-console": "0" }],
  ];
  for (const [what, headers] of unsafe)
    for (const [method, target, body] of [
      ["DELETE", path, undefined],
      ["POST", "/api/v1/users", { name: "mallory", role: "admin", password }],
    ] as const) {
      const answer = await send(house, method, target, { cookie, ...headers }, body);
      assert.equal((await problemOf(answer)).code, "forbidden", `${method} with ${what}`);
    }
  assert.deepEqual(house.directory.users(world.account), []);
  for (const headers of [{ "sec-fetch-site": "cross-site" }, { "sec-fetch-site": "same-site" }, { origin: evil }]) {
    const answer = await send(house, "GET", "/api/v1/events", { cookie, ...headers });
    assert.equal((await problemOf(answer)).code, "forbidden", JSON.stringify(headers));
  }
  assert.equal((await send(house, "GET", "/api/v1/events", { cookie, "sec-fetch-site": "none" })).status, 200);
  const fetched = { cookie, "x-taishi-console": "1", "sec-fetch-site": "same-origin" };
  assert.equal((await send(house, "POST", "/api/v1/events", fetched, { events: [sampleEvent()] })).status, 200);

  at.clock.time += sessionIdleMs - 1;
  await send(house, "GET", "/api/v1/events", { cookie, origin: evil });
  at.clock.time += 1;
  assert.equal((await send(house, "GET", "/api/v1/events", { cookie })).status, 401);
});

test("another site cannot sign a browser in as somebody else", async () => {
  await using world = await peopled();
  const { house, sessions } = world;
  for (const headers of [{}, { "x-taishi-console": "1", origin: "https://evil.example" }]) {
    const answer = await send(house, "POST", path, headers, ann);
    assert.equal((await problemOf(answer)).code, "forbidden");
    assert.deepEqual(answer.headers.getSetCookie(), []);
  }
  assert.equal(sessions.size, 0);
});

test("a bearer token beside the cookie counts instead of it, and needs no proof", async () => {
  await using world = await peopled();
  const { house, key } = world;
  const { cookie } = await signIn(house, { ...ann, user: "eve" });
  const authorization = `Bearer ${key.token}`;
  const answer = await send(house, "GET", "/api/v1/whoami", { cookie, authorization });
  assert.equal(((await answer.json()) as { accessKey: string }).accessKey, key.accessKey);
  const session = await send(house, "GET", path, { cookie, authorization });
  assert.equal((await problemOf(session)).code, "not-found");
  const append = await send(house, "POST", "/api/v1/events", { authorization }, { events: [sampleEvent()] });
  assert.equal(append.status, 200);
});

test("asking who is signed in keeps no session alive", async () => {
  await using world = await peopled();
  const { house, at } = world;
  const { cookie } = await signIn(house, ann);
  for (let i = 0; i < 3; i++) {
    at.clock.time += sessionIdleMs / 3;
    await send(house, "GET", path, { cookie });
  }
  assert.equal((await send(house, "GET", path, { cookie })).status, 401);
});

test("a disabled user's cookie opens nothing more", async () => {
  await using world = await peopled();
  const { house, at, user } = world;
  const { cookie } = await signIn(house, ann);
  at.store.setUserStatus(user.id, "disabled");
  const answer = await send(house, "GET", "/api/v1/events", { cookie });
  assert.equal((await problemOf(answer)).code, "invalid-token");
});

test("signing in is refused in words that say neither which part is wrong nor what was sent", async () => {
  await using world = await peopled();
  const { house, key } = world;
  const wrong = "not the right one";
  const cases: readonly [object, readonly unknown[]][] = [
    [{ ...ann, password: wrong }, ["wrong-password", undefined]],
    [{ ...ann, user: "nobody" }, ["wrong-password", undefined]],
    [{ ...ann, account: "nothing" }, ["wrong-password", undefined]],
    [{ token: "tst_wrong" }, ["invalid-token", undefined]],
    [{ ...ann, token: key.token }, ["invalid-parameter", "account"]],
    [{ account: "default", user: "ann" }, ["missing-parameter", "password"]],
    [{}, ["missing-parameter", "account"]],
    [{ ...ann, remember: true }, ["invalid-parameter", "remember"]],
  ];
  for (const [body, expected] of cases) {
    const answer = await send(house, "POST", path, own(house), body);
    const text = await answer.clone().text();
    assert.ok(!text.includes(wrong) && !text.includes(password) && !text.includes(key.token), text);
    const { code, field } = await problemOf(answer);
    assert.deepEqual([code, field], expected, JSON.stringify(body));
    assert.deepEqual(answer.headers.getSetCookie(), []);
  }
  // Four of those were wrong; the fifth is the last that is free.
  await send(house, "POST", path, own(house), { ...ann, password: wrong });
  const braked = await send(house, "POST", path, own(house), ann);
  assert.equal((await problemOf(braked)).code, "rate-limited");
  assert.ok(Number(braked.headers.get("retry-after")) >= 1);
});

test("signing in and out is audited in the user's account, a failure in nobody's, and never a secret", async () => {
  await using world = await peopled();
  const { house, account, told } = world;
  await send(house, "POST", path, own(house), { ...ann, password: "wrong password" });
  const { cookie } = await signIn(house, ann);
  await send(house, "DELETE", path, { cookie, ...own(house) });
  assert.deepEqual(
    told.map(({ name, account, userName, readOnly, errorCode }) => [name, account, userName, readOnly, errorCode]),
    [
      ["SignIn", undefined, undefined, false, "wrong-password"],
      ["SignIn", account, "ann", false, undefined],
      ["SignOut", account, "ann", false, undefined],
    ],
  );
  const text = JSON.stringify(told);
  assert.ok(!text.includes(password) && !text.includes("wrong password") && !text.includes("tss_"));
});

test("the first link makes the first user over the wire, once", async () => {
  const at = identityHouse();
  const key = at.store.bootstrap()!;
  const told: CallRecord[] = [];
  await using house = await openHouse({
    sessions: new ConsoleSessions({ identity: at.store, clock: at.clock }),
    onCall: (record) => void told.push(record),
  });
  const body = { token: key.firstLink, user: "root", password };
  const opened = await send(house, "POST", `${path}/first`, own(house), body);
  assert.equal(opened.status, 200, await opened.clone().text());
  const cookie = opened.headers.getSetCookie()[0]!.split(";")[0]!;
  assert.equal((await send(house, "GET", "/api/v1/events", { cookie })).status, 200);
  const again = await send(house, "POST", `${path}/first`, own(house), { ...body, user: "second" });
  const problem = await problemOf(again);
  assert.deepEqual([problem.code, problem.status], ["link-void", 403]);
  assert.deepEqual(again.headers.getSetCookie(), []);
  assert.deepEqual(
    told.map(({ name, account, errorCode }) => [name, account, errorCode]).filter(([name]) => name === "CreateUser"),
    [
      ["CreateUser", key.account, undefined],
      ["CreateUser", undefined, "link-void"],
    ],
  );
  assert.ok(!JSON.stringify(told).includes(key.firstLink));
});
