// Reading back over real sockets: filters, cursors, single entries, and one account never seeing another's (I7).
import assert from "node:assert/strict";
import { test } from "node:test";
import { TaishiError } from "../errors.ts";
import {
  callers,
  get,
  type House,
  type Name,
  openHouse,
  post,
  problemOf,
  sampleEvent,
} from "./doubles.test-support.ts";
import { received } from "./memory-ledger.test-support.ts";

const path = "/api/v1/events";

interface PageAnswer {
  events: { seq: number; time: string; type: string; [member: string]: unknown }[];
  next: string | null;
  total: number | null;
  size: number;
}

async function list(house: House, query: string, as?: Name): Promise<PageAnswer> {
  const answer = await get(house, `${path}${query}`, as);
  assert.equal(answer.status, 200, await answer.clone().text());
  return (await answer.json()) as PageAnswer;
}

async function fill(house: House, events: readonly Record<string, unknown>[], as: Name = "writer"): Promise<void> {
  const answer = await post(house, JSON.stringify({ events }), { as });
  assert.equal(answer.status, 200, await answer.text());
}

/** Times repeat, so that order within one time matters. */
const mixed = Array.from({ length: 97 }, (_, i) =>
  sampleEvent({
    time: 1_727_609_914_000 + (i % 5) * 1000,
    type: ["SshLogin", "Connection", "ContainerEscape"][i % 3],
    risk: ["Info", "High"][i % 2],
    resource: { type: "endpoint", id: `ep-${i % 4}`, ...(i % 8 === 0 ? { project: "p" } : {}) },
  }),
);

test("a listed event has its number, both times as RFC 3339 and all its members", async () => {
  await using house = await openHouse();
  await fill(house, [sampleEvent({ time: 1727609914005, contents: { Tag: "Unknown", User: "root" }, detail: "登录" })]);
  const page = await list(house, "");
  assert.deepEqual(page, {
    events: [
      {
        seq: 0,
        received: new Date(received).toISOString(),
        kind: "security",
        time: "2024-09-29T11:38:34.005Z",
        resource: { type: "endpoint", id: "ep-20241107-1" },
        type: "SshLogin",
        risk: "Medium",
        contents: [
          { key: "Tag", value: "Unknown" },
          { key: "User", value: "root" },
        ],
        detail: "登录",
      },
    ],
    next: null,
    total: 1,
    size: 1,
  });
});

test("an entry that came from a source shows its record and parser", async () => {
  await using house = await openHouse();
  await fill(house, [sampleEvent()]);
  const { account } = callers.writer;
  const log = house.ledger.log(account);
  log[0] = { ...log[0]!, raw: "sshd[1]: …", parser: { name: "sshd", version: "1" } };
  const event = (await (await get(house, `${path}/0`)).json()) as Record<string, unknown>;
  assert.equal(event.raw, "sshd[1]: …");
  assert.deepEqual(event.parser, { name: "sshd", version: "1" });
});

test("cursors walk all events once, in both orders, with every page size", async () => {
  await using house = await openHouse();
  await fill(house, mixed);
  const whole = { asc: await list(house, "?order=asc&limit=1000"), desc: await list(house, "?limit=1000") };
  assert.deepEqual(
    whole.desc.events.map(({ seq }) => seq),
    whole.asc.events.map(({ seq }) => seq).reverse(),
  );
  for (const order of ["asc", "desc"] as const)
    for (const limit of [1, 7, 96, 97, 98]) {
      const seen: number[] = [];
      let next: string | null = "";
      while (next !== null) {
        const page: PageAnswer = await list(
          house,
          `?order=${order}&limit=${limit}${next === "" ? "" : `&cursor=${next}`}`,
        );
        assert.equal(page.total, 97);
        assert.ok(page.events.length > 0, "no page is empty");
        seen.push(...page.events.map(({ seq }) => seq));
        next = page.next;
      }
      assert.deepEqual(
        seen,
        whole[order].events.map(({ seq }) => seq),
        `${order} by ${limit}`,
      );
    }
});

test("pages by number say the same as cursors, and lead on to them", async () => {
  await using house = await openHouse();
  await fill(house, mixed);
  const second = await list(house, "?limit=10&page=2");
  const viaCursor = await list(house, `?limit=10&cursor=${(await list(house, "?limit=10")).next}`);
  assert.deepEqual(second, viaCursor);
  const last = await list(house, "?limit=10&page=10");
  assert.equal(last.events.length, 7);
  assert.equal(last.next, null);
  const beyond = await list(house, "?limit=10&page=11");
  assert.deepEqual([beyond.events.length, beyond.next, beyond.total], [0, null, 97]);
});

test("filters combine, and lists are alternatives however they are written", async () => {
  await using house = await openHouse();
  await fill(house, mixed);
  const count = async (query: string): Promise<number | null> => (await list(house, query)).total;
  const expected = mixed.filter(({ type, risk }) => type !== "SshLogin" && risk === "High").length;
  assert.equal(await count("?type=Connection,ContainerEscape&risk=High"), expected);
  assert.equal(await count("?type=Connection&type=ContainerEscape&risk=High&kind=security"), expected);
  assert.equal(await count("?kind=trail,database"), 0);
  assert.equal(await count("?resourceId=ep-0&resourceType=endpoint"), 25);
  assert.equal(await count("?resourceId=ep-0&project=p"), 13);
  assert.equal(await count("?resourceType=other"), 0);
  assert.equal(await count("?from=1727609915000&to=2024-09-29T11:38:36Z"), 20, "from is inclusive, to is exclusive");
  assert.equal(await count("?from=1727609915000&to=1727609915000"), 0);
});

test("a cursor holds for its own query and account only", async () => {
  await using house = await openHouse();
  await fill(house, mixed);
  await fill(house, mixed, "other");
  const cursor = (await list(house, "?type=Connection,SshLogin&limit=5")).next;
  assert.equal((await list(house, `?type=SshLogin&type=Connection&limit=9&cursor=${cursor}`)).events.length, 9);
  const foreign: readonly [string, Name][] = [
    [`?type=Connection&cursor=${cursor}`, "auditor"],
    [`?type=Connection,SshLogin&order=asc&cursor=${cursor}`, "auditor"],
    [`?type=Connection,SshLogin&cursor=${cursor}`, "other"],
    [`?type=Connection,SshLogin&cursor=${cursor}=`, "auditor"],
    [`?type=Connection,SshLogin&cursor=x${cursor}`, "auditor"],
  ];
  for (const [query, as] of foreign) {
    const answer = await get(house, path + query, as);
    assert.equal(answer.status, 400, query);
    const problem = await problemOf(answer);
    assert.deepEqual([problem.code, problem.field], ["invalid-parameter", "cursor"]);
  }
});

const badQueries: readonly [query: string, field: string][] = [
  ["resourceid=x", "resourceid"],
  ["limit=0", "limit"],
  ["limit=1001", "limit"],
  ["limit=-1", "limit"],
  ["limit=ten", "limit"],
  ["limit=1.5", "limit"],
  ["limit=", "limit"],
  ["limit=1&limit=2", "limit"],
  ["page=0", "page"],
  ["page=2147483648", "page"],
  ["page=1&cursor=abc", "page"],
  ["cursor=", "cursor"],
  ["cursor=abc", "cursor"],
  ["order=up", "order"],
  ["kind=nothing", "kind"],
  ["kind=", "kind"],
  ["risk=high", "risk"],
  ["risk=High,", "risk"],
  ["type=", "type"],
  [`type=${"x".repeat(129)}`, "type"],
  [`type=${Array.from({ length: 101 }, (_, i) => i)}`, "type"],
  ["resourceId=", "resourceId"],
  ["project=p", "project"],
  ["from=yesterday", "from"],
  ["from=1727609914", "from"],
  ["from=2026-02-30T00:00:00Z", "from"],
  ["from=-1", "from"],
  ["to=99999999999999999999", "to"],
  ["from=2025-01-01T00:00:00Z&to=2024-01-01T00:00:00Z", "from"],
];

test("a bad parameter is refused by its name", async () => {
  await using house = await openHouse();
  for (const [query, field] of badQueries) {
    const answer = await get(house, `${path}?${query}`);
    assert.equal(answer.status, 400, query);
    const problem = await problemOf(answer);
    assert.deepEqual([problem.code, problem.field], ["invalid-parameter", field], query);
  }
});

test("one entry is read by its number", async () => {
  await using house = await openHouse();
  await fill(house, mixed);
  const event = (await (await get(house, `${path}/96`)).json()) as Record<string, unknown>;
  assert.equal(event.seq, 96);
  const missing = await get(house, `${path}/97`);
  assert.equal(missing.status, 404);
  assert.equal((await problemOf(missing)).code, "not-found");
  for (const seq of ["-1", "01", "1.0", "x", "9007199254740993", "%31%20", "1e3"]) {
    const answer = await get(house, `${path}/${seq}`);
    assert.equal(answer.status, 400, seq);
    assert.equal((await problemOf(answer)).field, "seq");
  }
  assert.equal((await problemOf(await get(house, `${path}/1?verbose=1`))).field, "verbose");
});

test("an account sees its own log only", async () => {
  await using house = await openHouse();
  await fill(house, mixed);
  await fill(house, [sampleEvent({ type: "Mine" })], "other");
  const page = await list(house, "", "other");
  assert.deepEqual([page.total, page.size, page.events[0]?.type], [1, 1, "Mine"]);
  assert.equal((await get(house, `${path}/1`, "other")).status, 404);
});

test("a writer may not read, and anyone may ask who they are", async () => {
  await using house = await openHouse();
  for (const target of [path, `${path}/0`]) {
    const answer = await get(house, target, "writer");
    assert.equal(answer.status, 403);
    assert.equal((await problemOf(answer)).code, "forbidden");
  }
  const who = await (await get(house, "/api/v1/whoami", "writer")).json();
  assert.deepEqual(who, callers.writer);
  assert.deepEqual(Object.keys(who as object), ["account", "role", "operator", "accessKey"]);
});

test("a late index is 503 with Retry-After, never a partial answer", async () => {
  await using house = await openHouse();
  house.ledger.failure = new TaishiError("index-behind", undefined, { retryAfter: 5 });
  const answer = await get(house, path);
  assert.equal(answer.status, 503);
  assert.equal(answer.headers.get("retry-after"), "5");
  assert.equal((await problemOf(answer)).code, "index-behind");
});

test("a search reads entries, goes on by its cursor, and counts only what it looked at from end to end", async () => {
  await using house = await openHouse();
  const events = Array.from({ length: 95 }, (_, i) =>
    sampleEvent({
      time: 1_727_609_914_000 + i * 1000,
      contents: { User: i % 10 === 0 ? "alice" : "bob", SourceIP: `10.0.0.${i % 5}`, Tag: i % 2 === 0 ? "A B" : "C" },
    }),
  );
  await fill(house, events);
  house.ledger.reach = 30;
  const seen: number[] = [];
  let next: string | null = "";
  let pages = 0;
  while (next !== null) {
    const page: PageAnswer & { scannedTo?: unknown; scanned?: number } = await list(
      house,
      `?user=alice&limit=4${next === "" ? "" : `&cursor=${next}`}`,
    );
    assert.equal(page.total, null);
    assert.equal(page.size, 95);
    assert.equal(page.scannedTo === null, page.next === null);
    assert.ok((page.scanned ?? 0) <= 30);
    seen.push(...page.events.map(({ seq }) => seq));
    next = page.next;
    pages++;
  }
  assert.deepEqual(seen, [90, 80, 70, 60, 50, 40, 30, 20, 10, 0]);
  assert.ok(pages >= 4);

  house.ledger.reach = 1000;
  const whole = await list(house, "?user=alice&order=asc");
  assert.deepEqual([whole.total, whole.next, whole.events.length], [10, null, 10]);
  for (const [query, total] of [
    ["?q=ALICE", 10],
    ["?q=alice%2010.0.0.0", 10],
    ["?q=%22a%20b%22", 48],
    ["?ip=10.0.0.3", 19],
    ["?content.Tag=C", 47],
    ["?content.Tag=C&content.User=alice", 0],
    ["?q=alice&type=Nothing", 0],
  ] as const)
    assert.equal((await list(house, query)).total, total, query);
});

test("a search's cursor belongs to its search, and a search has no page numbers", async () => {
  await using house = await openHouse();
  await fill(house, mixed);
  const { next } = await list(house, "?q=Unknown&limit=3");
  assert.equal((await list(house, `?q=Unknown&limit=5&cursor=${next}`)).events.length, 5);
  const cases = {
    [`?q=other&cursor=${next}`]: "cursor",
    [`?cursor=${next}`]: "cursor",
    [`?q=Unknown&user=a&cursor=${next}`]: "cursor",
    "?q=Unknown&page=2": "page",
    "?q=%20": "q",
    "?q=": "q",
    "?ip=nonsense": "ip",
    "?content.=x": "content.",
    "?content.A=": "content.A",
    "?content.A=x&content.A=y": "content.A",
    "?contents.A=x": "contents.A",
    [`?${Array.from({ length: 11 }, (_, i) => `content.K${i}=v`).join("&")}`]: "content",
  };
  for (const [query, field] of Object.entries(cases)) {
    const problem = await problemOf(await get(house, `${path}${query}`));
    assert.deepEqual([problem.code, problem.field], ["invalid-parameter", field], query);
  }
});
