import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readdirSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { Event } from "../event/event.ts";
import { factsOf } from "../event/stream.ts";
import { DifferenceSketch } from "./difference-sketch.ts";
import { IndexCheck, type IndexReport } from "./index-check.ts";
import { eventAt, trailAt } from "./index-history.test-support.ts";
import { RunIndex } from "./run-index.ts";

const account = "2100000001";
const other = "2100000002";
const directories: string[] = [];

afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

function temporary(): string {
  const directory = mkdtempSync(join(tmpdir(), "taishi-index-check-"));
  directories.push(directory);
  return directory;
}

type Logs = ReadonlyMap<string, readonly Event[]>;

/** Events of two logs: several resources, a list longer than a block, late ones, trail events with terms. */
function history(): Logs {
  const events = (size: number, salt: number): Event[] =>
    Array.from({ length: size }, (_, i) => {
      const time = 1_700_000_000_000 + (i % 17 === 0 ? i - 900 : i) * 7 + salt;
      if (i % 3 === 0) return trailAt(time, { requestId: `r${i}-${salt}`, userName: `u${i % 5}`, region: "cn" });
      return eventAt(time, { resource: { id: `ep\u0001${i % 11}`, type: "endpoint" }, type: i % 2 ? "A" : "B" });
    });
  return new Map([
    [other, events(500, 3)],
    [account, events(6_000, 0)],
  ]);
}

async function indexed(directory: string, logs: Logs, memoryEvents = 3_000): Promise<void> {
  const index = RunIndex.open({ directory, ledgerId: "L", memoryEvents, fanIn: 8 });
  for (const [id, events] of logs) index.add(id, 0, factsOf(events));
  // A part may be full early, by its terms; what is in memory in the end is less than a part.
  for (let i = 0; i < 500 && index.stats().inMemory >= memoryEvents; i++) await delay(5);
  await index.ready();
  await delay(20);
  await index.close();
}

async function compare(directory: string, logs: Logs, minimums?: ReadonlyMap<string, number>): Promise<IndexReport> {
  const check = await IndexCheck.open(directory, "L", minimums);
  for (const [id, events] of logs)
    for (const [seq, event] of events.entries()) if (event !== gone) check.entry(id, seq, event);
  return check.finish({ size: (id) => logs.get(id)?.length ?? 0, read: (id, seq) => logs.get(id)?.[seq] });
}

/** In the place of an entry that is pruned. */
const gone = {} as Event;

const told = ({ problems }: IndexReport): string => problems.map((one) => `${one.account}: ${one.what}`).join("\n");

function runFiles(directory: string): string[] {
  return readdirSync(directory).filter((name) => /^run-\d+\.db$/.test(name));
}

test("an index of several runs agrees with the entries it covers, and says how many they are", async () => {
  const [directory, logs] = [temporary(), history()];
  await indexed(directory, logs);
  const report = await compare(directory, logs);
  assert.equal(told(report), "");
  assert.ok(report.runs >= 2);
  assert.ok(report.entries > 4_000 && report.entries < 6_500, "the rest was only in memory");
});

test("where there is no index, or one with nothing in its runs, there is nothing to disagree", async () => {
  const [directory, logs] = [temporary(), history()];
  assert.deepEqual(await compare(join(directory, "none"), logs), {
    state: "absent",
    runs: 0,
    entries: 0,
    problems: [],
  });
  await indexed(directory, logs, 10_000);
  assert.deepEqual(await compare(directory, logs), { state: "compared", runs: 0, entries: 0, problems: [] });
});

test("beside an owner that adds, flushes and merges it never finds anything", async () => {
  const directory = temporary();
  const index = RunIndex.open({ directory, ledgerId: "L", memoryEvents: 60, fanIn: 2 });
  const events: Event[] = [];
  let comparisons = 0;
  let compared = 0;
  const comparing = (async () => {
    while (comparisons < 30) {
      const check = await IndexCheck.open(directory, "L");
      for (const [seq, event] of events.entries()) check.entry(account, seq, event);
      const report = check.finish({ size: () => events.length, read: (_, seq) => events[seq] });
      assert.equal(told(report), "");
      compared = Math.max(compared, report.entries);
      comparisons++;
      await delay(1);
    }
  })();
  while (comparisons < 30) {
    const more = Array.from({ length: 37 }, (_, i) => eventAt(events.length + i, { type: `t${i % 4}` }));
    events.push(...more);
    index.add(account, events.length - more.length, factsOf(more));
    await index.ready();
    await delay(1);
  }
  await comparing;
  await index.close();
  assert.ok(compared > 100, `only ${compared} entries were ever compared`);
});

/** One change by hand, and what must be said of it. */
const edits: Readonly<Record<string, readonly [string, string, RegExp]>> = {
  "a run is taken off the manifest": [
    "index.db",
    "DELETE FROM run WHERE id = 2",
    /2100000001: .*lists by resource.* lack \d+/,
  ],
  "the manifest covers fewer": [
    "index.db",
    "UPDATE covered SET size = size - 1 WHERE account = '2100000001'",
    /should not have the entry/,
  ],
  "the manifest covers more": [
    "index.db",
    "UPDATE covered SET size = size + 1 WHERE account = '2100000001'",
    /lacks the entry/,
  ],
  "the manifest covers more than there is": [
    "index.db",
    "UPDATE covered SET size = 9000 WHERE account = '2100000001'",
    /2100000001: .*covers 9000 entries, of which the ledger has 6000/,
  ],
  "the manifest forgets an account": [
    "index.db",
    "DELETE FROM covered WHERE account = '2100000001'",
    /2100000001: .*too many/,
  ],
  "the manifest knows an account that is none": [
    "index.db",
    "INSERT INTO covered VALUES ('77', 5)",
    /77: .*of which the ledger has 0/,
  ],
  "a run's number of events": ["index.db", "UPDATE run SET events = events + 1 WHERE id = 1", /should hold \d+ events/],
  "the salt of its terms": ["index.db", "UPDATE salt SET value = 'AAAAAAAAAAAAAAAA'", /its terms are not those/],
  "the ledger it is of": ["index.db", "UPDATE ledger SET id = 'X'", /made from the ledger X/],
  "a leaf is gone": ["run", "DELETE FROM leaf WHERE id = 1", /lack \d+ of them/],
  "a leaf twice": ["run", "INSERT INTO leaf SELECT id + 900, body FROM leaf WHERE id = 1", /more leaves/],
  "a key of the directory": [
    "run",
    "UPDATE leaf_first SET key = CAST(key || x'01' AS BLOB) WHERE leaf = 1",
    /directory of run/,
  ],
  "a row of the directory gone": ["run", "DELETE FROM leaf_first WHERE leaf = 1", /directory of run/],
  "a stray block": ["run", "INSERT INTO block SELECT id + 900, body FROM block LIMIT 1", /blocks that are no list's/],
  "a term's place": ["run", "UPDATE term_first SET seq = seq + 1 WHERE block = 1", /block 1 of its terms/],
  "a block of terms gone": ["run", "DELETE FROM term_block WHERE id = 1", /cannot be read/],
};

for (const [name, [file, sql, expected]] of Object.entries(edits))
  test(`edited by hand is found: ${name}`, async () => {
    const [directory, logs] = [temporary(), history()];
    await indexed(directory, logs);
    const path = join(directory, file === "run" ? runFiles(directory).at(-1)! : file);
    const database = new DatabaseSync(path);
    assert.ok(database.prepare(sql).run().changes > 0, "the edit changes something");
    database.close();
    const report = await compare(directory, logs);
    assert.match(told(report), expected);
    for (const { what } of report.problems)
      assert.match(what, /^the index disagrees with the ledger: .*taishi reindex/);
  });

test("entries past their retention are left aside, forgotten or not yet, and those beside them are not", async () => {
  const [directory, logs] = [temporary(), history()];
  const index = RunIndex.open({ directory, ledgerId: "L", memoryEvents: 3_000 });
  const system: Event = { kind: "system", time: 1, type: "Told", resource: { type: "log", id: account }, data: {} };
  const events = logs.get(account)!.with(10, system);
  const all: Logs = new Map([...logs, [account, events]]);
  for (const [id, events] of all) index.add(id, 0, factsOf(events));
  const minimums = new Map([[account, 1_024]]);
  const pruned: Logs = new Map([
    ...all,
    [account, events.map((event, seq) => (seq < 1_024 && seq !== 10 ? gone : event))],
  ]);
  await index.ready();
  assert.equal(told(await compare(directory, all, minimums)), "", "told, and neither forgotten nor pruned yet");
  await index.forget(account, 1_024);
  assert.equal(told(await compare(directory, all, minimums)), "", "forgotten, not pruned yet");
  assert.equal(told(await compare(directory, pruned, minimums)), "", "pruned");
  assert.match(told(await compare(directory, all)), /2100000001: .* lack 1023 of them/, "forgotten and never told");
  const further = new Map([...pruned, [account, pruned.get(account)!.with(1_500, gone)]]);
  assert.match(told(await compare(directory, further, minimums)), /should not have the entry 1500 /);
  await index.clear();
  for (const [id, events] of pruned)
    index.add(id, 0, factsOf(events.map((event) => (event === gone ? undefined : event))));
  await index.forget(account, 0);
  await index.close();
  const anew = await compare(directory, pruned, minimums);
  assert.equal(told(anew), "", "made anew from what is left");
  assert.ok(anew.entries >= 6_000);
});

// Not every bit means something: zero has two signs. An edit that changes no answer is not looked for.
test("bits flipped in rows of a run are found", async () => {
  const [directory, logs] = [temporary(), history()];
  await indexed(directory, logs);
  const pristine = temporary();
  cpSync(directory, pristine, { recursive: true });
  const path = join(directory, runFiles(directory).at(-1)!);
  let seed = 1;
  const random = (below: number): number => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  let edited = 0;
  for (const table of ["leaf", "block", "term_block"])
    for (let i = 0; i < 40; i++) {
      const database = new DatabaseSync(path);
      const rows = database.prepare(`SELECT id, body FROM ${table}`).all() as { id: number; body: Uint8Array }[];
      assert.ok(rows.length > 0, `there are rows in ${table}`);
      const { id, body } = rows[random(rows.length)]!;
      const at = random(body.length);
      body[at]! ^= 1 << random(8);
      database.prepare(`UPDATE ${table} SET body = ? WHERE id = ?`).run(body, id);
      database.close();
      assert.notEqual(told(await compare(directory, logs)), "", `${table} ${id}, byte ${at}`);
      cpSync(join(pristine, runFiles(pristine).at(-1)!), path);
      edited++;
    }
  assert.equal(edited, 120);
  assert.equal(told(await compare(directory, logs)), "");
});

test("two entries that changed places are found, though all counts are right, and named with their lists", async () => {
  const [directory, logs] = [temporary(), history()];
  await indexed(directory, logs);
  const events = [...logs.get(account)!];
  const [a, b] = [events[100]!, events[101]!];
  // The index says what it said; the ledger has the two the other way round, with equal counts everywhere.
  [events[100], events[101]] = [{ ...b, time: a.time } as Event, { ...a, time: b.time } as Event];
  const text = told(await compare(directory, new Map([...logs, [account, events]])));
  assert.equal(text.split("\n").length, 2, "once for each family of lists");
  const named = [...text.matchAll(/the list \[.*?"endpoint".*?\] (?:lacks|should not have) the entry (\d+) /g)];
  assert.ok(named.length >= 2);
  assert.deepEqual(new Set(["100", "101"]).union(new Set(named.map(([, seq]) => seq))), new Set(["100", "101"]));
});

test("a run that is cut, or gone with its file, is told and does not end the comparison", async () => {
  const [directory, logs] = [temporary(), history()];
  await indexed(directory, logs);
  const [first, second] = runFiles(directory);
  truncateSync(join(directory, first!), 20_000);
  rmSync(join(directory, second!));
  const text = told(await compare(directory, logs));
  assert.match(text, /run 1 cannot be (read|opened)/);
  assert.match(text, /run 2 cannot be opened/);
});

test("the sketch names a pair that differs, however many do, and none where none does", () => {
  for (const size of [1, 2, 100, 50_000]) {
    const sketch = new DifferenceSketch();
    const list = sketch.markOf(Buffer.from("list"));
    for (let i = 0; i < 60_000; i++) {
      sketch.add(true, 3, list, 1_700_000_000_000 + i, i * 1e9);
      if (i >= size) sketch.add(false, 3, list, 1_700_000_000_000 + i, i * 1e9);
    }
    assert.deepEqual(sketch.differences(), [{ group: 3, lacking: size }]);
    const odd = sketch.oddPairs();
    assert.ok(odd.length > 0, `${size} differ`);
    for (const { group, expected, list: mark, time, seq } of odd) {
      assert.deepEqual([group, expected, mark], [3, true, list]);
      assert.ok(seq < size * 1e9 && time === 1_700_000_000_000 + seq / 1e9);
    }
  }
  const same = new DifferenceSketch();
  for (const expected of [true, false])
    for (let i = 0; i < 5_000; i++) same.addWords(expected, i % 9, 1, 2, 3, i, i, i);
  assert.deepEqual([same.differences(), same.oddPairs()], [[], []]);
});
