// The own API as the console uses it, with the running program: the one-time link, a session, an incident from the overview to its
// story, live, exported, and an administrator's work. Everything the pages show comes through here.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type Credentials, firstKey, TaishiProcess } from "./taishi-process.ts";

let data: string;
let service: TaishiProcess;
let operator: Credentials;
let cookie = "";

const password = "correct horse battery";
// biome-ignore lint/suspicious/noExplicitAny: answers of many shapes, each looked at member by member
type Answer = any;

before(async () => {
  data = mkdtempSync(join(tmpdir(), "taishi-console-"));
  service = await TaishiProcess.serve({ data });
  operator = firstKey(data);
});

after(async () => {
  await service.stop();
  rmSync(data, { recursive: true });
});

function ask(method: string, path: string, body?: object, headers: Readonly<Record<string, string>> = {}) {
  return fetch(service.url + path, {
    method,
    headers: {
      ...(cookie === "" ? {} : { cookie }),
      ...(method === "GET" ? {} : { "x-taishi-console": "1", origin: service.url }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

async function done(
  method: string,
  path: string,
  body?: object,
  headers?: Readonly<Record<string, string>>,
): Promise<Answer> {
  const answer = await ask(method, path, body, headers);
  assert.equal(answer.status, 200, `${method} ${path}: ${await answer.clone().text()}`);
  return answer.json();
}

const begin = Date.UTC(2026, 0, 1);
const security = (i: number, type: string, id: string, contents: object, risk = "Info") => ({
  kind: "security",
  time: begin + i * 60_000,
  resource: { type: "endpoint", id },
  type,
  risk,
  contents,
});

test("the link of the first start makes the first user and signs them in, once", async () => {
  const { consoleLink } = JSON.parse(readFileSync(join(data, "first-key.json"), "utf8")) as { consoleLink: string };
  const token = /^\/console\/#first=(tfl_[\w-]{43})$/.exec(consoleLink)?.[1];
  assert.ok(token, consoleLink);
  const first = { token, user: "root", password };
  const answer = await ask("POST", "/api/v1/session/first", first);
  assert.equal(answer.status, 200, await answer.clone().text());
  const session = (await answer.json()) as Answer;
  assert.deepEqual([session.account, session.userName, session.role], [operator.account, "root", "admin"]);
  cookie = answer.headers.getSetCookie()[0]!.split(";")[0]!;
  assert.equal((await ask("POST", "/api/v1/session/first", { ...first, user: "second" })).status, 403);
  assert.equal((await done("GET", "/api/v1/session")).userName, "root");
});

test("an incident is seen in the counts, found by a search, told as a story, and exported", async () => {
  const quiet = Array.from({ length: 600 }, (_, i) =>
    security(i % 300, "Connection", `ep-${i % 20}`, { SourceIP: `10.1.0.${i % 200}` }),
  );
  const incident = [
    security(
      301,
      "SshLogin",
      "ep-bad",
      { SSH: "203.0.113.66 4000 10.0.0.7 22", ProcessID: "42", User: "mallory" },
      "High",
    ),
    security(302, "ContainerLogin", "ep-bad", { ProcessID: "43", Arguments: "sh" }, "High"),
    security(303, "Connection", "ep-bad", { ProcessID: "43", DestinationIP: "198.51.100.9" }, "Critical"),
    {
      kind: "trail",
      time: begin + 304 * 60_000,
      type: "CreateAccessKey",
      source: "iam",
      userName: "mallory",
      sourceIp: "203.0.113.66",
    },
  ];
  await done("POST", "/api/v1/events", { events: [...quiet, ...incident] });
  const range = `from=${begin}&to=${begin + 24 * 3_600_000}`;

  const stats = await done("GET", `/api/v1/stats?${range}&by=risk&buckets=24`);
  assert.equal(stats.total, 604);
  assert.deepEqual(
    stats.series.map(({ key, total }: Answer) => [key, total]),
    [
      ["Info", 601],
      ["High", 2],
      ["Critical", 1],
    ],
  );
  const top = await done("GET", `/api/v1/stats/top?${range}&risk=High,Critical`);
  assert.deepEqual(top.items, [{ resource: { type: "endpoint", id: "ep-bad" }, count: 3 }]);

  const found = await done("GET", `/api/v1/events?user=mallory&${range}`);
  assert.deepEqual([found.total, found.events[0].type, found.events[1].type], [2, "CreateAccessKey", "SshLogin"]);
  const words = await done("GET", `/api/v1/events?q=${encodeURIComponent("198.51.100.9 critical")}&${range}`);
  assert.equal(words.total, 1);

  const story = await done("GET", `/api/v1/story?ip=203.0.113.66&${range}`);
  assert.deepEqual(
    story.events.map(({ lane, event }: Answer) => [lane, event.type]),
    [
      ["login", "SshLogin"],
      ["container", "ContainerLogin"],
      ["connection", "Connection"],
      ["api", "CreateAccessKey"],
    ],
  );

  const login = found.events[1].seq;
  const dialects = await done("GET", `/api/v1/events/${login}/dialects`);
  assert.equal(dialects["ark ListAuditLogs 2024-01-01"].LogType, "SshLogin");

  const exported = await ask("GET", `/api/v1/export?format=ndjson&${range}`);
  assert.equal(exported.headers.get("x-total-count"), "604");
  assert.equal((await exported.text()).trimEnd().split("\n").length, 604);
  const csv = await (await ask("GET", `/api/v1/export?format=csv&user=mallory&${range}`)).text();
  assert.equal(csv.trimEnd().split("\r\n").length, 3);
});

test("a live tail shows an event that is appended while it is open, and ends with the session", async () => {
  const controller = new AbortController();
  const answer = await fetch(`${service.url}/api/v1/tail?type=LiveNow`, {
    headers: { cookie },
    signal: controller.signal,
  });
  assert.equal(answer.status, 200);
  const reader = (answer.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  const until = async (pattern: RegExp): Promise<void> => {
    while (!pattern.test(text)) {
      const { done, value } = await reader.read();
      if (done) assert.fail(`the tail ended: ${text}`);
      text += value;
    }
  };
  await until(/^retry: /);
  await done("POST", "/api/v1/events", {
    events: [security(400, "Other", "ep-1", {}), security(401, "LiveNow", "ep-1", {})],
  });
  await until(/data: \{"seq":\d+.*"type":"LiveNow"/);
  assert.ok(!text.includes('"type":"Other"'));
  await done("DELETE", "/api/v1/session");
  await until(/event: end/);
  controller.abort();
  assert.equal((await ask("GET", "/api/v1/session")).status, 401);
});

test("an administrator's console makes keys and users; a disabled user's session is over within a second", async () => {
  cookie = "";
  const account = operator.account;
  const signedIn = await ask("POST", "/api/v1/session", { account, user: "root", password });
  cookie = signedIn.headers.getSetCookie()[0]!.split(";")[0]!;
  const root = cookie;
  const key = await done("POST", "/api/v1/keys", { role: "auditor", name: "grafana" });
  assert.match(key.token, /^tst_/);
  assert.ok(!JSON.stringify(await done("GET", "/api/v1/keys")).includes(key.token));
  const eve = await done("POST", "/api/v1/users", { name: "eve", role: "auditor", password });
  await done("POST", "/api/v1/searches", { name: "mine", query: "q=risk:High" });
  cookie = "";
  const asEve = await ask("POST", "/api/v1/session", { account: "default", user: "eve", password });
  const evesCookie = asEve.headers.getSetCookie()[0]!.split(";")[0]!;
  cookie = evesCookie;
  assert.equal((await ask("GET", "/api/v1/keys")).status, 403);
  assert.deepEqual(await done("GET", "/api/v1/searches"), { searches: [] });
  cookie = root;
  await done("PATCH", `/api/v1/users/${eve.id}`, { status: "disabled" });
  cookie = evesCookie;
  assert.equal((await ask("GET", "/api/v1/events")).status, 401);
  cookie = root;
  const accounts = await done("GET", "/api/v1/accounts");
  assert.deepEqual(
    accounts.accounts.map(({ id }: Answer) => id),
    [account],
  );
  assert.equal((await ask("POST", "/api/v1/accounts", { name: "acme" })).status, 403, "a user is no operator");
  const made = await done(
    "POST",
    "/api/v1/accounts",
    { name: "acme" },
    { cookie: "", authorization: `Bearer ${operator.token}` },
  );
  const acts = await fetch(`${service.url}/api/v1/accounts/${made.id}/retention`, {
    headers: { authorization: `Bearer ${operator.token}` },
  });
  assert.deepEqual(await acts.json(), { account: made.id, days: null, minimumIndex: 0 });
});

test("everything the console did is in the account's own log, and no secret is", async () => {
  await delay(200);
  const names = new Set<string>();
  const texts: string[] = [];
  for (let next: string | null = ""; next !== null; ) {
    const page: Answer = await done(
      "GET",
      `/api/v1/events?kind=trail&limit=1000${next === "" ? "" : `&cursor=${next}`}`,
    );
    for (const event of page.events) {
      names.add(event.type);
      texts.push(JSON.stringify(event));
    }
    next = page.next;
  }
  for (const name of [
    "SignIn",
    "SignOut",
    "CreateUser",
    "CountEvents",
    "GetStory",
    "ExportEvents",
    "TailEvents",
    "CreateAccessKey",
    "CreateAccount",
  ])
    assert.ok(names.has(name), name);
  for (const secret of [password, "tfl_", "tss_", "tst_"])
    assert.ok(!texts.some((text) => text.includes(secret)), `no event holds ${secret}`);
});

test("the status tells how far the log is", async () => {
  const status = await done("GET", "/api/v1/status");
  assert.equal(status.account, operator.account);
  assert.ok(status.log.stored >= 606 && status.log.signed > 0 && status.disk.free > 0 && status.uptime >= 0);
  assert.deepEqual([status.ready, status.log.witnessed, status.index.behind >= 0], [true, null, true]);
});
