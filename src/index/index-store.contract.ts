// What every index engine must do, as one suite: run over each of them, compared with a plain array that is filtered
// and sorted. Engines are opened so small that writing, merging and reopening happen within every case.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import fc from "fast-check";
import { factsOf, streamOf } from "../event/stream.ts";
import { term } from "../event/trail-event.ts";
import {
  accounts,
  aStep,
  eventAt,
  isAfter,
  PlainArray,
  type Step,
  sources,
  termsOf,
  trailAt,
  users,
} from "./index-history.test-support.ts";
import type { Filter, IndexStore, Lookup, Order, Position } from "./port.ts";

/** Opens the engine over a directory; opening again must find what an engine closed before left there. */
export type OpenStore = (directory: string) => IndexStore;

/** The suite; `cases` is how many random histories are played. */
export function indexStoreContract(name: string, open: OpenStore, cases = 60): void {
  const within = async (work: (directory: string) => Promise<void>): Promise<void> => {
    const directory = mkdtempSync(join(tmpdir(), "taishi-index-"));
    try {
      await work(directory);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  };

  describe(`index contract: ${name}`, () => {
    it("answers every question as an array would, whatever comes when", async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(aStep, { minLength: 5, maxLength: 40 }), (steps) =>
          within((directory) => play(open, directory, steps)),
        ),
        { numRuns: cases },
      );
    });

    it("starts empty", async () => {
      await within(async (directory) => {
        const store = open(directory);
        assert.equal(store.covered("1"), 0);
        assert.equal(await store.count({ account: "1" }), 0);
        const window = { after: { time: 5, seq: 5 }, limit: 10 };
        assert.deepEqual(await store.find({ account: "1" }, "desc", window), { total: 0, positions: [] });
        assert.deepEqual(store.stats(), { events: 0, inMemory: 0, runs: 0 });
        await store.close();
      });
    });

    it("refuses facts that leave a gap or come twice, and stays as it was", async () => {
      await within(async (directory) => {
        const store = open(directory);
        store.add("1", 0, factsOf([eventAt(1), eventAt(2)]));
        assert.throws(() => store.add("1", 3, factsOf([eventAt(3)])), RangeError);
        assert.throws(() => store.add("1", 1, factsOf([eventAt(3)])), RangeError);
        assert.equal(store.covered("1"), 2);
        assert.equal(await store.count({ account: "1" }), 2);
        await store.close();
      });
    });

    it("shows an event in the very next answer, before and after it is written down", async () => {
      await within(async (directory) => {
        const store = open(directory);
        for (let seq = 0; seq < 200; seq++) {
          store.add("1", seq, factsOf([eventAt(1000 - seq)]));
          const hits = await store.find({ account: "1" }, "asc", { offset: 0, limit: 1 });
          assert.deepEqual(hits, { total: seq + 1, positions: [{ time: 1000 - seq, seq }] });
          if (seq % 3 === 0) await nextTurn();
        }
        await store.close();
      });
    });

    it("pages through a mass of events of one time in the order of their numbers", async () => {
      await within(async (directory) => {
        const store = open(directory);
        const count = 5000;
        for (let seq = 0; seq < count; seq += 100) {
          const events = Array.from({ length: 100 }, (_, i) => eventAt(77, { type: `T${(seq + i) % 3}` }));
          store.add("1", seq, factsOf(events));
          await store.ready();
        }
        for (const offset of [0, 1, 1234, 2500, 4990]) {
          const expected = Array.from({ length: 10 }, (_, i) => ({ time: 77, seq: offset + i }));
          const up = await store.find({ account: "1" }, "asc", { offset, limit: 10 });
          assert.deepEqual(up, { total: count, positions: expected });
          const down = await store.find({ account: "1" }, "desc", { offset: count - offset - 10, limit: 10 });
          assert.deepEqual(down.positions, expected.toReversed());
          const after = await store.find({ account: "1" }, "asc", { after: { time: 77, seq: offset - 1 }, limit: 10 });
          assert.deepEqual(after.positions, expected);
        }
        await store.close();
      });
    });

    it("keeps accounts apart whose numbers begin alike", async () => {
      await within(async (directory) => {
        const store = open(directory);
        for (const account of ["1", "12", "123"])
          store.add(account, 0, factsOf(Array.from({ length: account.length * 30 }, (_, i) => eventAt(i))));
        assert.equal(await store.count({ account: "1" }), 30);
        assert.equal(await store.count({ account: "12", resourceId: "a" }), 60);
        assert.equal(await store.count({ account: "123", resourceType: "endpoint" }), 90);
        await store.close();
      });
    });

    it("finds one event among many by what only it has, also together with what many have", async () => {
      await within(async (directory) => {
        let store = open(directory);
        const count = 3000;
        const events = Array.from({ length: count }, (_, i) =>
          trailAt(1_000_000 + i * 10, { requestId: `r-${i}`, source: sources[i % 3]!, userName: users[i % 12]! }),
        );
        const feed = (): void => {
          const first = store.covered("1");
          store.add("1", first, factsOf(events.slice(first)));
        };
        feed();
        for (const round of ["as it came", "written", "reopened"]) {
          if (round === "written") for (let i = 0; i < 300; i++) await nextTurn();
          if (round === "reopened") {
            await store.close();
            store = open(directory);
            feed();
          }
          for (const seq of [0, 1, 499, 512, 2998, 2999]) {
            const terms = [term("EventSource", sources[seq % 3]!), term("RequestID", `r-${seq}`)];
            const found = { positions: [{ time: 1_000_000 + seq * 10, seq }], scannedTo: null };
            assert.deepEqual(await store.lookup({ account: "1", terms }, "desc", undefined, 10), found, round);
            const other = [term("EventSource", sources[(seq + 1) % 3]!), term("RequestID", `r-${seq}`)];
            const none = { positions: [], scannedTo: null };
            assert.deepEqual(await store.lookup({ account: "1", terms: other }, "asc", undefined, 10), none, round);
            assert.deepEqual(await store.lookup({ account: "2", terms }, "asc", undefined, 10), none, round);
          }
          const terms = [term("IdentityName", users[5]!), term("EventSource", sources[2]!)];
          for (const order of ["asc", "desc"] as const) {
            const expected = events
              .map(({ time }, seq) => ({ time, seq }))
              .filter(({ seq }) => seq % 12 === 5 && seq < 2500);
            if (order === "desc") expected.reverse();
            await assertFinds(store, { account: "1", terms, below: 2500 }, order, undefined, 7, expected);
          }
        }
        await store.close();
      });
    });

    it("finds an event once that has a term twice, and one of several terms by each", async () => {
      await within(async (directory) => {
        const store = open(directory);
        const times = Float64Array.of(5, 5, 4);
        const { keys } = factsOf([eventAt(5), eventAt(5), eventAt(4)]);
        store.add("1", 0, {
          times,
          keys,
          terms: [
            ["a", "a"],
            ["b", "a", "b"],
            ["a", "c", "a", "c"],
          ],
        });
        const found = async (...terms: string[]): Promise<number[]> => {
          const { positions } = await store.lookup({ account: "1", terms }, "asc", undefined, 10);
          return positions.map(({ seq }) => seq);
        };
        assert.deepEqual(await found("a"), [2, 0, 1]);
        assert.deepEqual(await found("b", "b"), [1]);
        assert.deepEqual(await found("c", "a"), [2]);
        assert.deepEqual(await found("c", "b"), []);
        await store.close();
      });
    });

    it("refuses a lookup without terms or without a limit", async () => {
      await within(async (directory) => {
        const store = open(directory);
        await assert.rejects(store.lookup({ account: "1", terms: [] }, "asc", undefined, 1), RangeError);
        await assert.rejects(store.lookup({ account: "1", terms: ["a"] }, "asc", undefined, 0), RangeError);
        await store.close();
      });
    });

    it("refuses numbers beyond 2^52 and facts whose terms are of other entries", async () => {
      await within(async (directory) => {
        const store = open(directory);
        assert.throws(() => store.add("1", 2 ** 52, factsOf([eventAt(1)])), /2\^52/);
        const uneven = { ...factsOf([eventAt(1), eventAt(2)]), terms: [["a"]] };
        assert.throws(() => store.add("1", 0, uneven), RangeError);
        assert.equal(store.covered("1"), 0);
        await store.close();
      });
    });

    it("refuses a project without a resource", async () => {
      await within(async (directory) => {
        const store = open(directory);
        await assert.rejects(store.count({ account: "1", project: "p" }), RangeError);
        await store.close();
      });
    });
  });
}

/** Histogram and top of a filter, as the plain array has them. */
async function checkCounts(plain: PlainArray, store: IndexStore, filter: Filter, some: number): Promise<void> {
  const streams = new Map(plain.facts.map(({ account, seq, event }) => [`${account} ${seq}`, streamOf(event)]));
  const matches = (bounds: Pick<Filter, "from" | "to">) => {
    const { from: _from, to: _to, ...timeless } = filter;
    return plain
      .matches({ ...timeless, ...bounds }, "asc")
      .map(({ time, seq }) => ({ time, stream: streams.get(`${filter.account} ${seq}`)! }));
  };
  const own = matches(
    filter.from !== undefined && filter.to !== undefined && filter.from > filter.to ? { to: 0 } : filter,
  );
  const by = (["kind", "risk", "type"] as const)[some % 3]!;
  const buckets = 1 + some;
  const histogram = await store.histogram(filter, by, buckets);
  const { covered, from, to, width, groups } = histogram;
  assert.equal(covered, plain.size(filter.account));
  assert.ok(filter.from === undefined || from === filter.from);
  assert.ok(filter.to === undefined || to === filter.to);
  assert.ok(width * buckets >= to - from && width >= 1);
  const expected = new Map<string, number>();
  for (const { time, stream } of own) {
    const place = `${stream[by]} ${Math.floor((time - from) / width)}`;
    expected.set(place, (expected.get(place) ?? 0) + 1);
  }
  const counted = groups.flatMap(({ key, counts }) => {
    assert.equal(counts.length, Math.ceil((to - from) / width));
    return counts.flatMap((count, i) => (count === 0 ? [] : [[`${key} ${i}`, count] as const]));
  });
  const byName = (a: readonly [string, number], b: readonly [string, number]): number => (a[0] < b[0] ? -1 : 1);
  assert.deepEqual(counted.sort(byName), [...expected].sort(byName));
  for (const what of ["type", "resource"] as const) {
    const counts = new Map<string, { key: string[]; count: number }>();
    for (const { stream } of own) {
      const key = what === "type" ? [stream.type] : [stream.resourceType, stream.resourceId];
      if (what === "resource" && stream.resourceId === "") continue;
      const item = counts.get(JSON.stringify(key)) ?? { key, count: 0 };
      item.count++;
      counts.set(JSON.stringify(key), item);
    }
    const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
    const items = [...counts.values()].sort(
      (a, b) => b.count - a.count || order(a.key[0]!, b.key[0]!) || order(a.key[1] ?? "", b.key[1] ?? ""),
    );
    const limit = some % 5;
    const top = { covered, total: own.length, items: items.slice(0, limit) };
    assert.deepEqual(await store.top(filter, what, limit), top);
  }
}

type LookupStep = Extract<Step, { what: "lookup" }>;

async function checkLookup(plain: PlainArray, store: IndexStore, step: LookupStep): Promise<void> {
  const { account, order, limit } = step;
  const pick = <T>(items: readonly T[], place: number): T | undefined => items[Math.floor(place * items.length)];
  const own = plain.facts.filter((fact) => fact.account === account && fact.event.kind === "trail");
  // Terms of one event, so that something matches; with none there, or one more than it has, one that nobody has.
  const model = pick(own, step.places[0]);
  const terms = model === undefined ? [] : termsOf(model.event);
  const below = step.below ? { below: Math.floor(step.places[1] * plain.size(account)) } : {};
  const atLeast = plain.minimums.get(account) ?? 0;
  const lookup = {
    account,
    terms: step.terms.map((i) => terms[i] ?? "EventName\u0001none"),
    ...step.bounds,
    ...below,
    atLeast,
  };
  const after = step.after
    ? pick(plain.having({ account, terms: [], atLeast }, order, undefined), step.places[2])
    : undefined;
  await assertFinds(store, lookup, order, after, limit, plain.having(lookup, order, after));
}

/** Reads a lookup page by page to its end. */
async function assertFinds(
  store: IndexStore,
  lookup: Lookup,
  order: Order,
  after: Position | undefined,
  limit: number,
  expected: readonly Position[],
): Promise<void> {
  const found: Position[] = [];
  for (let from = after; ; ) {
    const { positions, scannedTo } = await store.lookup(lookup, order, from, limit);
    assert.ok(positions.length <= limit);
    found.push(...positions);
    if (scannedTo === null) break;
    const last = positions.at(-1);
    assert.ok(last === undefined || !isAfter(last, scannedTo, order), "what was found is behind what was scanned");
    assert.ok(from === undefined || isAfter(scannedTo, from, order), "a call that gets nowhere");
    from = scannedTo;
  }
  assert.deepEqual(found, expected);
}

async function play(open: OpenStore, directory: string, steps: readonly Step[]): Promise<void> {
  const plain = new PlainArray();
  let store = open(directory);
  const feed = (account: string): void => {
    const first = store.covered(account);
    const events = plain.facts
      .filter((fact) => fact.account === account && fact.seq >= first)
      .map((fact) => (plain.isForgotten(fact) ? undefined : fact.event));
    store.add(account, first, factsOf(events));
  };
  try {
    for (const step of steps) {
      if (step.what === "add") {
        const first = plain.size(step.account);
        step.events.forEach((event, i) => {
          plain.facts.push({ account: step.account, seq: first + i, event });
        });
        feed(step.account);
        // Sometimes background work gets on, sometimes it piles up.
        if (step.events.length % 3 === 0) await store.ready();
        if (step.events.length % 2 === 0) for (let i = 0; i < 6; i++) await nextTurn();
      } else if (step.what === "find") {
        const { filter, order, limit } = step;
        const all = plain.matches(filter, order);
        const offset = Math.floor(step.place * all.length);
        const after = all[offset] ?? { time: 1_700_000_000_000, seq: offset };
        const window = step.after ? { after, limit } : { offset, limit };
        const hits = await store.find(filter, order, window);
        assert.deepEqual(hits, { total: all.length, positions: plain.page(filter, order, window) });
        assert.equal(await store.count(filter), all.length);
        await checkCounts(plain, store, filter, limit);
      } else if (step.what === "lookup") {
        await checkLookup(plain, store, step);
      } else if (step.what === "forget") {
        const below = Math.floor(step.place * plain.size(step.account));
        if (below < (plain.minimums.get(step.account) ?? 0)) continue;
        plain.minimums.set(step.account, below);
        await store.forget(step.account, below);
      } else if (step.what === "reopen") {
        await store.close();
        store = open(directory);
        for (const account of accounts) {
          assert.ok(store.covered(account) <= plain.size(account));
          feed(account);
        }
      } else {
        await store.clear();
        for (const account of accounts) assert.equal(store.covered(account), 0);
        plain.facts = [];
        plain.minimums.clear();
      }
      assert.equal(store.stats().events, plain.facts.length);
    }
  } finally {
    await store.close();
  }
}
