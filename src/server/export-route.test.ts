// Exports over real sockets: all of a filter, exactly, as of one size of the log, no faster than it is taken.
import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { TaishiError } from "../errors.ts";
import type { ListRequest } from "../query/query.ts";
import { get, type House, openHouse, post, problemOf, sampleEvent } from "./doubles.test-support.ts";

const path = "/api/v1/export";

async function append(house: House, ...events: readonly Record<string, unknown>[]): Promise<void> {
  assert.equal((await post(house, JSON.stringify({ events }))).status, 200);
}

const many = (count: number, more: (i: number) => object = () => ({})) =>
  Array.from({ length: count }, (_, i) => sampleEvent({ time: 1_727_609_914_000 + i * 1000, ...more(i) }));

test("an export is every event of the filter as the list has it, with their number said first", async () => {
  await using house = await openHouse();
  await append(house, ...many(950, (i) => ({ type: i % 3 === 0 ? "Third" : "Other" })));
  for (const [query, order] of [
    ["?type=Third", "desc"],
    ["?type=Third&order=asc", "asc"],
  ] as const) {
    const answer = await get(house, path + query);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("content-type"), "application/x-ndjson; charset=utf-8");
    assert.equal(answer.headers.get("x-total-count"), "317");
    assert.equal(answer.headers.get("x-log-size"), "950");
    assert.match(
      answer.headers.get("content-disposition") ?? "",
      /^attachment; filename="taishi-2100000001-950\.ndjson"$/,
    );
    const lines = (await answer.text()).split("\n");
    assert.equal(lines.pop(), "");
    const list = (await (await get(house, `/api/v1/events?type=Third&limit=1000&order=${order}`)).json()) as {
      events: unknown[];
    };
    assert.deepEqual(
      lines.map((line) => JSON.parse(line) as unknown),
      list.events,
    );
  }
});

test("what is appended meanwhile, late or new, is not in it", async () => {
  await using house = await openHouse();
  await append(house, ...many(450));
  const list = house.ledger.list.bind(house.ledger);
  house.ledger.list = async (request: ListRequest) => {
    const page = await list(request);
    await append(
      house,
      ...many(3, (i) => ({ time: 1_727_609_000_000 + i })),
      ...many(3, () => ({ time: 1_800_000_000_000 })),
    );
    return page;
  };
  for (const order of ["asc", "desc"]) {
    const answer = await get(house, `${path}?order=${order}`);
    const size = Number(answer.headers.get("x-log-size"));
    const seqs = (await answer.text())
      .trimEnd()
      .split("\n")
      .map((line) => (JSON.parse(line) as { seq: number }).seq);
    assert.equal(seqs.length, Number(answer.headers.get("x-total-count")));
    assert.equal(new Set(seqs).size, size);
    assert.equal(Math.max(...seqs), size - 1);
  }
});

test("a search is exported too, to its end, without a number said first", async () => {
  await using house = await openHouse();
  await append(house, ...many(90, (i) => ({ contents: { User: i % 9 === 0 ? "alice" : "bob" } })));
  const answer = await get(house, `${path}?user=alice&order=asc`);
  assert.equal(answer.headers.get("x-total-count"), null);
  assert.equal(answer.headers.get("x-log-size"), "90");
  const seqs = (await answer.text())
    .trimEnd()
    .split("\n")
    .map((line) => (JSON.parse(line) as { seq: number }).seq);
  assert.deepEqual(seqs, [0, 9, 18, 27, 36, 45, 54, 63, 72, 81]);
});

test("CSV has one line of names and quotes what needs it, and no cell is a formula", async () => {
  await using house = await openHouse();
  const dangerous = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "=cmd|' /C calc'!A0"];
  await append(
    house,
    sampleEvent({ detail: 'said "no", twice\nand left', contents: { User: "root" } }),
    ...dangerous.map((detail) =>
      sampleEvent({ detail, resource: { type: "endpoint", id: detail.trim() }, contents: {} }),
    ),
  );
  const answer = await get(house, `${path}?format=csv&order=asc`);
  assert.equal(answer.headers.get("content-type"), "text/csv; charset=utf-8; header=present");
  assert.match(answer.headers.get("content-disposition") ?? "", /\.csv"$/);
  const [head, first, ...rest] = parseCsv(await answer.text());
  assert.deepEqual(head?.slice(0, 8), [
    "seq",
    "received",
    "time",
    "kind",
    "type",
    "risk",
    "resourceType",
    "resourceId",
  ]);
  const cell = (line: readonly string[] | undefined, name: string): string | undefined => line?.[head!.indexOf(name)];
  assert.equal(cell(first, "detail"), 'said "no", twice\nand left');
  assert.equal(cell(first, "user"), "root");
  assert.equal(cell(first, "contents"), '[{"key":"User","value":"root"}]');
  assert.deepEqual(
    rest.map((line) => cell(line, "detail")),
    dangerous.map((text) => `'${text}`),
  );
  for (const line of rest) for (const text of line) assert.doesNotMatch(text, /^[=+\-@\t\r]/);
});

/** RFC 4180, as strictly as it is written. */
function parseCsv(text: string): string[][] {
  const lines: string[][] = [[]];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    lines.at(-1)!.push(quoted?.replaceAll('""', '"') ?? plain ?? "");
    if (end === "\r\n") lines.push([]);
  }
  assert.deepEqual(lines.pop(), []);
  return lines;
}

test("an export reads no faster than its client, and stops reading when the client goes", async () => {
  await using house = await openHouse();
  const detail = "x".repeat(8_000);
  for (let i = 0; i < 20; i++) await append(house, ...many(200, () => ({ detail })));
  const before = house.ledger.begun;
  const socket = connect(house.port, "127.0.0.1");
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer auditor\r\n\r\n`);
  await new Promise((resolve) => socket.once("data", resolve));
  socket.pause();
  await settled(house);
  const read = house.ledger.begun - before;
  assert.ok(read < 15, `${read} of 20 pages were read although nobody took them`);
  socket.destroy();
  await settled(house);
  assert.ok(house.ledger.begun - before <= read + 1, "nothing was read for one who is gone");
});

/** Waits until no further page is asked for. */
async function settled(house: House): Promise<void> {
  for (let last = -1; last !== house.ledger.begun; ) {
    last = house.ledger.begun;
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
}

test("an export that cannot be completed ends its connection and does not look whole", async () => {
  await using house = await openHouse();
  await append(house, ...many(900));
  const list = house.ledger.list.bind(house.ledger);
  let pages = 0;
  house.ledger.list = async (request: ListRequest) => {
    pages++;
    if (pages === 3) throw new TaishiError("gone");
    return list(request);
  };
  const answer = await get(house, path);
  assert.equal(answer.headers.get("x-total-count"), "900");
  await assert.rejects(answer.text());
  pages = 0;
  house.ledger.list = async (request: ListRequest) => {
    pages++;
    const page = await list(request);
    // Retention takes the rest away.
    return pages === 1 ? page : { ...page, entries: page.entries.slice(0, 10) };
  };
  await assert.rejects((await get(house, path)).text());
});

test("an empty export is empty, one that is refused says why, and one by a writer is forbidden", async () => {
  await using house = await openHouse();
  const empty = await get(house, path);
  assert.deepEqual([empty.status, empty.headers.get("x-total-count"), await empty.text()], [200, "0", ""]);
  assert.match(await (await get(house, `${path}?format=csv`)).text(), /^seq,.*\r\n$/);
  for (const [query, field] of [
    ["?format=xlsx", "format"],
    ["?limit=5", "limit"],
    ["?cursor=x", "cursor"],
    ["?ip=x", "ip"],
  ] as const)
    assert.equal((await problemOf(await get(house, path + query))).field, field);
  assert.equal((await get(house, path, "writer")).status, 403);
  house.ledger.failure = new TaishiError("index-behind", undefined, { retryAfter: 5 });
  assert.equal((await problemOf(await get(house, path))).code, "index-behind");
});

test("an account runs a bounded number of exports, and every end makes room", async () => {
  await using house = await openHouse();
  const detail = "x".repeat(8_000);
  for (let i = 0; i < 10; i++) await append(house, ...many(200, () => ({ detail })));
  const open: { controller: AbortController; answer: globalThis.Response }[] = [];
  for (let i = 0; i < 4; i++) {
    const controller = new AbortController();
    const headers = { authorization: "Bearer auditor" };
    open.push({ controller, answer: await fetch(house.url + path, { headers, signal: controller.signal }) });
  }
  assert.equal((await problemOf(await get(house, path))).code, "rate-limited");
  assert.equal((await get(house, path, "other")).status, 200);
  for (const { controller } of open.slice(1)) controller.abort();
  assert.equal((await open[0]!.answer.text()).trimEnd().split("\n").length, 2_000);
  let status = 429;
  for (let i = 0; i < 50 && status === 429; i++) {
    const answer = await get(house, `${path}?type=Nothing`);
    status = answer.status;
    await answer.text();
  }
  assert.equal(status, 200);
});
