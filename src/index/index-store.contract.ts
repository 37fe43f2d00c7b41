// What every index engine must do, as one suite: run over each of them, compared with a plain array that is filtered
// and sorted. Engines are opened so small that writing, merging and reopening happen within every case.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import fc from "fast-check";
import { type Event, type Kind, kinds, type Risk, risks } from "../event/event.ts";
import { factsOf } from "../event/stream.ts";
import type { Filter, IndexStore, Order, Position, Window } from "./port.ts";

/** Opens the engine over a directory; opening again must find what an engine closed before left there. */
export type OpenStore = (directory: string) => IndexStore;

const accounts = ["2100000001", "21", "3"];
// Prefixes of each other, separators and escapes of the key, and characters that UTF-8 and UTF-16 put in different order.
const ids = ["a", "a\u0001", "a\u0002", "a\u0002a", "a\0", "ab", "\u{1f600}", "\uffee", "\ue000x", "é\u0001\u0001b"];
const resourceTypes = ["endpoint", "end", "e\u0001"];
const eventTypes = ["SshLogin", "Ssh", "\u{1f600}\u0002"];
const projects = [undefined, "p", "p\u0001"];

interface Fact {
  readonly account: string;
  readonly seq: number;
  readonly event: Event;
}

/** The same answers from an array. */
class PlainArray {
  facts: Fact[] = [];

  size(account: string): number {
    return this.facts.filter((fact) => fact.account === account).length;
  }

  matches(filter: Filter, order: Order): Position[] {
    const found = this.facts.filter(({ account, event }) => {
      const { kind, type, risk, time, resource } = event;
      return (
        account === filter.account &&
        (filter.kinds === undefined || filter.kinds.includes(kind)) &&
        (filter.types === undefined || filter.types.includes(type)) &&
        (filter.risks === undefined || filter.risks.includes(risk)) &&
        (filter.resourceType === undefined || filter.resourceType === resource.type) &&
        (filter.resourceId === undefined || filter.resourceId === resource.id) &&
        (filter.project === undefined || filter.project === (resource.project ?? "")) &&
        (filter.from === undefined || time >= filter.from) &&
        (filter.to === undefined || time < filter.to)
      );
    });
    const positions = found.map(({ seq, event }) => ({ time: event.time, seq }));
    positions.sort((a, b) => a.time - b.time || a.seq - b.seq);
    return order === "asc" ? positions : positions.reverse();
  }

  page(filter: Filter, order: Order, window: Window): Position[] {
    const all = this.matches(filter, order);
    if ("offset" in window) return all.slice(window.offset, window.offset + window.limit);
    const { time, seq } = window.after;
    const sign = order === "asc" ? 1 : -1;
    const rest = all.filter((position) => sign * (position.time - time || position.seq - seq) > 0);
    return rest.slice(0, window.limit);
  }
}

export function eventAt(time: number, members: Partial<Omit<Event, "time">> = {}): Event {
  return {
    contents: [],
    kind: "security",
    resource: { id: "a", type: "endpoint" },
    risk: "Info",
    time,
    type: "SshLogin",
    ...members,
  };
}

const times = fc.oneof(
  fc.integer({ min: 1_700_000_000_000, max: 1_700_000_000_020 }),
  fc.integer({ min: 0, max: 253_402_300_799_999 }),
);

const anEvent: fc.Arbitrary<Event> = fc
  .record({
    time: times,
    id: fc.constantFrom(...ids),
    resourceType: fc.constantFrom(...resourceTypes),
    project: fc.constantFrom(...projects),
    // Kinds other than security will have events of their own; the index only looks at the name.
    kind: fc.constantFrom<Kind[]>(...kinds),
    type: fc.constantFrom(...eventTypes),
    risk: fc.constantFrom(...risks),
  })
  .map(({ time, id, resourceType, project, kind, type, risk }) =>
    eventAt(time, {
      kind: kind as Event["kind"],
      type,
      risk,
      resource: project === undefined ? { id, type: resourceType } : { id, project, type: resourceType },
    }),
  );

/** Many events of few streams, so that lists have several blocks; steps of 0 make masses of one time. */
const aMass: fc.Arbitrary<Event[]> = fc
  .record({
    template: anEvent,
    count: fc.integer({ min: 300, max: 1500 }),
    step: fc.constantFrom(0, 1, 37, 1_000_000),
    spread: fc.integer({ min: 1, max: 3 }),
  })
  .map(({ template, count, step, spread }) =>
    Array.from({ length: count }, (_, i) => ({
      ...template,
      // Every seventh is late.
      time: Math.max(0, Math.min(253_402_300_799_999, template.time + i * step - (i % 7 === 0 ? step * 50 : 0))),
      risk: risks[i % spread] as Risk,
    })),
  );

const aFilter: fc.Arbitrary<Filter> = fc
  .record(
    {
      account: fc.constantFrom(...accounts),
      kinds: fc.subarray<Kind>([...kinds]),
      types: fc.subarray(eventTypes),
      risks: fc.subarray<Risk>([...risks]),
      resourceType: fc.constantFrom(...resourceTypes, "none"),
      resourceId: fc.constantFrom(...ids, "none"),
      project: fc.constantFrom("", "p", "p\u0001"),
      from: times,
      to: times,
    },
    { requiredKeys: ["account"] },
  )
  .map(({ project, ...filter }) =>
    project === undefined || filter.resourceId === undefined ? filter : { ...filter, project },
  );

type Step =
  | { readonly what: "add"; readonly account: string; readonly events: readonly Event[] }
  | {
      readonly what: "find";
      readonly filter: Filter;
      readonly order: Order;
      readonly place: number;
      readonly limit: number;
      readonly after: boolean;
    }
  | { readonly what: "reopen" }
  | { readonly what: "clear" };

const aStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 30,
    arbitrary: fc.record({
      what: fc.constant("add" as const),
      account: fc.constantFrom(...accounts),
      events: fc.oneof({ weight: 5, arbitrary: fc.array(anEvent, { maxLength: 60 }) }, { weight: 1, arbitrary: aMass }),
    }),
  },
  {
    weight: 60,
    arbitrary: fc.record({
      what: fc.constant("find" as const),
      filter: aFilter,
      order: fc.constantFrom<Order[]>("asc", "desc"),
      place: fc.double({ min: 0, max: 1.2, noNaN: true }),
      limit: fc.integer({ min: 0, max: 40 }),
      after: fc.boolean(),
    }),
  },
  { weight: 5, arbitrary: fc.record({ what: fc.constant("reopen" as const) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("clear" as const) }) },
);

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

    it("refuses a project without a resource", async () => {
      await within(async (directory) => {
        const store = open(directory);
        await assert.rejects(store.count({ account: "1", project: "p" }), RangeError);
        await store.close();
      });
    });
  });
}

async function play(open: OpenStore, directory: string, steps: readonly Step[]): Promise<void> {
  const plain = new PlainArray();
  let store = open(directory);
  const feed = (account: string): void => {
    const first = store.covered(account);
    const events = plain.facts
      .filter((fact) => fact.account === account && fact.seq >= first)
      .map(({ event }) => event);
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
      }
      assert.equal(store.stats().events, plain.facts.length);
    }
  } finally {
    await store.close();
  }
}
