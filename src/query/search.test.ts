// Searches and ranges over the plain index: every page together is the whole answer, once, whatever arrives in between.
import assert from "node:assert/strict";
import { test } from "node:test";
import { canonicalJson } from "../event/canonical.ts";
import type { SecurityEvent } from "../event/event.ts";
import { factsOf } from "../event/stream.ts";
import { MemoryIndex } from "../index/memory-index.ts";
import type { Order, Position } from "../index/port.ts";
import { type LogSource, readRange, readSearch } from "./page-reader.ts";

const account = "2100000001";

/** A log whose every seventh event has the word "needle", a third of them late. */
class Log implements LogSource {
  readonly index = new MemoryIndex();
  readonly events: SecurityEvent[] = [];
  gone = 0;
  readonly read_: number[] = [];

  add(count: number): void {
    const first = this.events.length;
    for (let i = first; i < first + count; i++)
      this.events.push({
        kind: "security",
        time: 1_000_000 + i * 10 - (i % 3 === 0 ? 5_000 : 0),
        type: i % 2 === 0 ? "Even" : "Odd",
        risk: "Info",
        resource: { type: "endpoint", id: "ep" },
        contents: i % 7 === 0 ? [{ key: "Word", value: "a needle" }] : [],
      });
    this.index.add(account, first, factsOf(this.events.slice(first)));
  }

  size(): number {
    return this.events.length;
  }

  minimum(): number {
    return this.gone;
  }

  read(_account: string, seqs: readonly number[]): readonly Uint8Array[] {
    this.read_.push(...seqs);
    return seqs.map((seq) => Buffer.from(canonicalJson({ event: this.events[seq], received: 1, v: 1 })));
  }

  slice(_account: string, from: number, to: number): readonly (Uint8Array | undefined)[] {
    assert.equal(Math.floor(from / 256), Math.floor((to - 1) / 256), "one bundle at a time");
    return Array.from({ length: to - from }, (_, i) =>
      from + i < this.gone ? undefined : this.read(account, [from + i])[0],
    );
  }

  blob(): Uint8Array {
    throw new Error("there is none");
  }

  /** Numbers of the events with the word, in an order. */
  needles(order: Order, below = this.events.length): number[] {
    const found = this.events.flatMap(({ time }, seq) => (seq % 7 === 0 && seq < below ? [{ time, seq }] : []));
    found.sort((a, b) => a.time - b.time || a.seq - b.seq);
    return (order === "asc" ? found : found.reverse()).map(({ seq }) => seq);
  }
}

const match = { words: ["needle"] };

test("page after page gives every match once, in both orders, with every page size", async () => {
  const log = new Log();
  log.add(700);
  for (const order of ["asc", "desc"] as const)
    for (const limit of [1, 30, 99, 100, 101]) {
      const seen: number[] = [];
      let after: Position | undefined;
      for (;;) {
        const from = after === undefined ? {} : { after };
        const page = await readSearch(log.index, log, { filter: { account }, match, order, limit, ...from });
        assert.ok(page.seqs.length <= limit);
        assert.equal(page.size, 700);
        seen.push(...page.seqs);
        if (page.next === null) break;
        after = page.next;
      }
      assert.deepEqual(seen, log.needles(order), `${order} by ${limit}`);
    }
});

test("one call looks at a bounded number of entries and says how far it came", async () => {
  const log = new Log();
  log.add(22_000);
  const none = { words: ["nowhere"] };
  const first = await readSearch(log.index, log, { filter: { account }, match: none, order: "desc", limit: 10 });
  assert.deepEqual([first.seqs.length, first.scanned], [0, 20_000]);
  assert.notEqual(first.next, null);
  const filter = { account };
  const second = await readSearch(log.index, log, {
    filter,
    match: none,
    order: "desc",
    limit: 10,
    after: first.next!,
  });
  assert.deepEqual([second.scanned, second.next], [2_000, null]);
  assert.equal(new Set(log.read_).size, 22_000, "every entry was looked at, and none twice");
  assert.equal(log.read_.length, 22_000);
});

test("the filter decides by the index what is looked at", async () => {
  const log = new Log();
  log.add(1_000);
  const filter = { account, types: ["Odd"], from: 1_000_000 };
  const page = await readSearch(log.index, log, { filter, match, order: "asc", limit: 1_000 });
  assert.ok(page.seqs.length > 0 && page.seqs.every((seq) => seq % 2 === 1 && seq % 7 === 0));
  assert.ok(log.read_.every((seq) => seq % 2 === 1));
});

test("what arrives during a search is not in it, late or new", async () => {
  const log = new Log();
  log.add(2_000);
  const asking = readSearch(log.index, log, { filter: { account }, match, order: "asc", limit: 5_000 });
  log.add(2_000);
  const page = await asking;
  assert.equal(page.size, 2_000);
  assert.deepEqual(page.seqs, log.needles("asc", 2_000));
  const bounded = await readSearch(log.index, log, {
    filter: { account },
    match,
    order: "asc",
    limit: 5_000,
    below: 700,
  });
  assert.deepEqual(bounded.seqs, log.needles("asc", 700));
});

test("a range gives consecutive entries as far as the log is, without those past their retention", () => {
  const log = new Log();
  log.add(600);
  const all = readRange(log, account, 0, 1_000);
  assert.deepEqual([all.seqs.length, all.next], [600, 600]);
  assert.deepEqual(readRange(log, account, 600, 10), { seqs: [], texts: [], next: 600 });
  assert.deepEqual(readRange(log, account, 700, 10).next, 700);
  const some = readRange(log, account, 250, 20);
  assert.deepEqual(
    some.seqs,
    Array.from({ length: 20 }, (_, i) => 250 + i),
  );
  assert.equal((JSON.parse(some.texts[0]!) as { event: SecurityEvent }).event.time, log.events[250]!.time);
  log.gone = 256;
  assert.deepEqual(readRange(log, account, 250, 10).seqs, [256, 257, 258, 259]);
});
