import assert from "node:assert/strict";
import { test } from "node:test";
import { TaishiError } from "../errors.ts";
import { DeliveryStates } from "./delivery-state.ts";
import { MemoryQueries } from "./memory-queries.test-support.ts";
import { isBucket, isPrefix, mostTrails, TrailQuotaError, type TrailSettings } from "./port.ts";
import { TrailStore, type TrailStoreOptions } from "./trail-store.ts";

const account = "2100000001";
const now = Date.UTC(2026, 0, 2);

function settings(change: Partial<TrailSettings> = {}): TrailSettings {
  return { name: "main", scope: "All", sources: [], bucket: "audit", prefix: "a/b", labels: {}, ...change };
}

/** States are only read here, and there are none. */
function storeOver(queries: MemoryQueries) {
  const options: TrailStoreOptions = {
    queries,
    appendSystem: async (to, event) => queries.put(to, now, event),
    states: new DeliveryStates("/nonexistent"),
    clock: { now: () => now },
  };
  return { store: new TrailStore(options), options };
}

test("an account has at most five trails, also when all are asked for at once", async () => {
  const { store } = storeOver(new MemoryQueries());
  const asked = Array.from({ length: mostTrails + 2 }, (_, i) => store.create(account, settings({ name: `t${i}` })));
  const results = await Promise.allSettled(asked);
  const refused = results.filter((result) => result.status === "rejected");
  assert.equal(refused.length, 2);
  assert.ok(refused.every(({ reason }) => reason instanceof TrailQuotaError));
  assert.equal((await store.list(account)).length, mostTrails);
  assert.deepEqual(await store.list("2100000002"), []);
});

test("what is not there, or is there already, is refused, and a change that was not written is not seen", async () => {
  const queries = new MemoryQueries();
  const { store, options } = storeOver(queries);
  await store.create(account, settings());
  const code = (expected: string) => (thrown: unknown) => thrown instanceof TaishiError && thrown.code === expected;
  await assert.rejects(store.create(account, settings()), code("already-exists"));
  await assert.rejects(
    store.update(account, "x", () => settings({ name: "x" })),
    code("not-found"),
  );
  await assert.rejects(store.remove(account, "x"), code("not-found"));
  await assert.rejects(store.setLogging(account, "x", true), code("not-found"));
  const failing = new TrailStore({
    ...options,
    appendSystem: () => Promise.reject(new TaishiError("disk-full")),
  });
  await assert.rejects(failing.setLogging(account, "main", true), code("disk-full"));
  assert.equal((await failing.list(account))[0]!.logging, false);
  const size = queries.log(account).length;
  await store.setLogging(account, "main", false);
  assert.equal(queries.log(account).length, size, "what is so already is not written again");
});

test("changes at the same time build on each other", async () => {
  const { store } = storeOver(new MemoryQueries());
  await store.create(account, settings());
  await Promise.all([
    store.update(account, "main", (before) => ({ ...before, prefix: "p" })),
    store.update(account, "main", (before) => ({ ...before, scope: "Write" })),
  ]);
  const [trail] = await store.list(account);
  assert.deepEqual([trail?.prefix, trail?.scope], ["p", "Write"]);
});

test("buckets and prefixes stay inside the account's directory", () => {
  for (const name of ["abc", "a-1", "x".repeat(63)]) assert.ok(isBucket(name), name);
  for (const name of ["", "ab", "x".repeat(64), "Abc", "a.b", "../x", "a/b", ".trails", "a b", "a\0b", "abc\n"])
    assert.ok(!isBucket(name), name);
  for (const path of ["", "a", "a/b.c/d=1", "...a", "year=2026/x_y"]) assert.ok(isPrefix(path), path);
  for (const path of [
    "..",
    "a/../b",
    ".",
    "a/./b",
    "/a",
    "a/",
    "a//b",
    "a\\b",
    "a\0",
    "é",
    "...",
    "a\n",
    "x".repeat(129),
  ])
    assert.ok(!isPrefix(path), path);
  assert.ok(!isPrefix(Array.from({ length: 200 }, () => "abc").join("/")));
});
