// Counts over real sockets: exact sums of what was appended, by time and by what, of the caller's account alone.
import assert from "node:assert/strict";
import { test } from "node:test";
import { get, type House, openHouse, post, problemOf, sampleEvent } from "./doubles.test-support.ts";
import { received } from "./memory-ledger.test-support.ts";

const begin = Date.UTC(2026, 0, 1);
const hour = 3_600_000;

/** One event an hour for two days, every third High, of five types and three resources. */
async function filled(): Promise<House> {
  const house = await openHouse();
  const events = Array.from({ length: 48 }, (_, i) =>
    sampleEvent({
      time: begin + i * hour,
      type: `Type${i % 5}`,
      risk: i % 3 === 0 ? "High" : "Info",
      resource: { type: "endpoint", id: `ep-${i % 4 === 3 ? 0 : i % 4}` },
    }),
  );
  assert.equal((await post(house, JSON.stringify({ events }))).status, 200);
  return house;
}

async function stats(house: House, query = ""): Promise<Record<string, unknown>> {
  const answer = await get(house, `/api/v1/stats${query}`);
  assert.equal(answer.status, 200, await answer.clone().text());
  return (await answer.json()) as Record<string, unknown>;
}

test("events are counted by risk in buckets of one width, from the first to behind the last", async () => {
  await using house = await filled();
  assert.deepEqual(await stats(house, "?from=2026-01-01T00:00:00Z&to=2026-01-03T00:00:00Z&buckets=4"), {
    from: "2026-01-01T00:00:00.000Z",
    to: "2026-01-03T00:00:00.000Z",
    width: 12 * hour,
    size: 48,
    total: 48,
    buckets: 4,
    series: [
      { key: "Info", total: 32, counts: [8, 8, 8, 8] },
      { key: "High", total: 16, counts: [4, 4, 4, 4] },
    ],
    other: null,
  });
  const whole = await stats(house);
  assert.deepEqual([whole.from, whole.to], ["2026-01-01T00:00:00.000Z", "2026-01-02T23:00:00.001Z"]);
  assert.deepEqual([whole.total, whole.buckets], [48, 60]);
});

test("the filter, the series and the bounds are those that were asked for", async () => {
  await using house = await filled();
  const half = await stats(house, `?by=type&risk=High&from=${begin}&to=${begin + 24 * hour}&buckets=1`);
  assert.equal(half.total, 8);
  assert.deepEqual((half.series as { key: string; total: number }[]).map(({ key, total }) => [key, total]).sort(), [
    ["Type0", 2],
    ["Type1", 2],
    ["Type2", 1],
    ["Type3", 2],
    ["Type4", 1],
  ]);
  assert.deepEqual(
    ((await stats(house, "?by=kind")).series as { key: string }[]).map(({ key }) => key),
    ["security"],
  );
});

test("beyond fifty types the rest is counted together, and nothing is left out", async () => {
  await using house = await openHouse();
  const events = Array.from({ length: 180 }, (_, i) => sampleEvent({ time: begin + i, type: `Type${i % 60}` }));
  await post(house, JSON.stringify({ events }));
  const { series, other, total } = (await stats(house, "?by=type&buckets=3")) as {
    series: { total: number }[];
    other: { keys: number; total: number; counts: number[] };
    total: number;
  };
  assert.deepEqual([series.length, other.keys, other.total, total], [50, 10, 30, 180]);
  assert.deepEqual(other.counts, [10, 10, 10]);
});

test("an account without events has no bounds and no series, and never another's (I7)", async () => {
  await using house = await filled();
  const answer = await get(house, "/api/v1/stats", "other");
  const empty = { from: null, to: null, width: 1, size: 0, total: 0, buckets: 0, series: [], other: null };
  assert.deepEqual(await answer.json(), empty);
  const top = await get(house, "/api/v1/stats/top", "other");
  assert.deepEqual(await top.json(), { size: 0, total: 0, items: [] });
});

test("what occurs most comes first, resources or types", async () => {
  await using house = await filled();
  const resources = await (await get(house, "/api/v1/stats/top?limit=2")).json();
  assert.deepEqual(resources, {
    size: 48,
    total: 48,
    items: [
      { resource: { type: "endpoint", id: "ep-0" }, count: 24 },
      { resource: { type: "endpoint", id: "ep-1" }, count: 12 },
    ],
  });
  const types = await (
    await get(house, `/api/v1/stats/top?by=type&limit=1&from=${begin}&to=${begin + 6 * hour}`)
  ).json();
  assert.deepEqual(types, { size: 48, total: 6, items: [{ type: "Type0", count: 2 }] });
});

test("a parameter that cannot be meant is refused by its name", async () => {
  await using house = await openHouse();
  const cases = {
    "/api/v1/stats?by=resource": "by",
    "/api/v1/stats?buckets=0": "buckets",
    "/api/v1/stats?buckets=501": "buckets",
    "/api/v1/stats?limit=5": "limit",
    "/api/v1/stats?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z": "from",
    "/api/v1/stats?project=p": "project",
    "/api/v1/stats/top?by=risk": "by",
    "/api/v1/stats/top?limit=101": "limit",
    "/api/v1/status?account=2100000002": "account",
  };
  for (const [target, field] of Object.entries(cases)) {
    const problem = await problemOf(await get(house, target));
    assert.deepEqual([problem.code, problem.field], ["invalid-parameter", field], target);
  }
  assert.equal((await get(house, "/api/v1/stats", "writer")).status, 403);
});

test("the status tells how far the account's own log is and how the service is", async () => {
  await using house = await filled();
  const answer = await get(house, "/api/v1/status");
  assert.deepEqual(await answer.json(), {
    account: "2100000001",
    version: "0.0.0-test",
    time: new Date(received).toISOString(),
    started: new Date(received - 61_500).toISOString(),
    uptime: 61,
    ready: false,
    log: {
      stored: 48,
      signed: 48,
      witnessed: null,
      minimumIndex: 0,
      checkpoint: new Date(received).toISOString(),
    },
    index: { behind: 2 },
    disk: { free: 10, floor: 20, below: true },
  });
});
