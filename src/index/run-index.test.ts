import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { openDatabase } from "../durable/database.ts";
import { Fatal } from "../errors.ts";
import { factsOf } from "../event/stream.ts";
import { term } from "../event/trail-event.ts";
import { eventAt, trailAt } from "./index-history.test-support.ts";
import { indexStoreContract } from "./index-store.contract.ts";
import { RunIndex } from "./run-index.ts";

indexStoreContract(
  "runs of 50 events, merged in pairs",
  (directory) => RunIndex.open({ directory, ledgerId: "L", memoryEvents: 50, fanIn: 2 }),
  30,
);
indexStoreContract(
  "runs of 700 events, merged by three, hardly a cache",
  (directory) => RunIndex.open({ directory, ledgerId: "L", memoryEvents: 700, fanIn: 3, cacheBytes: 1000 }),
  100,
);

const account = "2100000001";

function temporary(context: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "taishi-runs-"));
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function open(directory: string, options: { ledgerId?: string; fanIn?: number } = {}): RunIndex {
  return RunIndex.open({ directory, ledgerId: "L", memoryEvents: 100, fanIn: 8, ...options });
}

/** Adds events [covered, size) and waits until all full parts are runs and all merges are done. */
async function fill(index: RunIndex, size: number, runs: number): Promise<void> {
  const first = index.covered(account);
  index.add(account, first, factsOf(Array.from({ length: size - first }, (_, i) => eventAt(1000 + first + i))));
  for (let i = 0; i < 500; i++) {
    if (index.stats().runs === runs && index.stats().inMemory === size % 100) return;
    await delay(10);
  }
  assert.fail(`the index did not settle: ${JSON.stringify(index.stats())}`);
}

function runFiles(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => name.startsWith("run-"))
    .sort();
}

async function assertHolds(index: RunIndex, size: number): Promise<void> {
  const { total, positions } = await index.find({ account }, "asc", { offset: 0, limit: size + 10 });
  assert.equal(total, size);
  assert.deepEqual(
    positions,
    Array.from({ length: size }, (_, seq) => ({ time: 1000 + seq, seq })),
  );
}

describe("the index in runs", () => {
  it("covers after a reopening what was in runs and nothing else", async (context) => {
    const directory = temporary(context);
    const index = open(directory);
    await fill(index, 350, 3);
    await index.close();
    const again = open(directory);
    assert.equal(again.covered(account), 300);
    assert.deepEqual(again.stats(), { events: 300, inMemory: 0, runs: 3 });
    await assertHolds(again, 300);
    await again.close();
  });

  it("leaves one file where several were merged, with the same answers", async (context) => {
    const directory = temporary(context);
    const index = open(directory, { fanIn: 4 });
    await fill(index, 1600, 1);
    assert.equal(runFiles(directory).length, 1);
    await assertHolds(index, 1600);
    await index.close();
    const again = open(directory, { fanIn: 4 });
    await assertHolds(again, 1600);
    await again.close();
  });

  it("finds each of many resources, in runs and merged, whatever characters their ids have", async (context) => {
    const directory = temporary(context);
    const index = RunIndex.open({ directory, ledgerId: "L", memoryEvents: 2000, fanIn: 2 });
    // Each run is full by its streams; its leaves are many, and their limits fall anywhere between resources.
    const ids = Array.from({ length: 2004 }, (_, i) => `${["r", "\u{1f600}", "\uffee"][i % 3]}${Math.floor(i / 3)}`);
    index.add(account, 0, factsOf(ids.map((id, i) => eventAt(i, { resource: { id, type: "t" } }))));
    const check = async (): Promise<void> => {
      for (const [seq, resourceId] of ids.entries()) {
        const hits = await index.find({ account, resourceId }, "asc", { offset: 0, limit: 2 });
        assert.deepEqual(hits, { total: 1, positions: [{ time: seq, seq }] });
      }
    };
    await check();
    for (let i = 0; i < 500 && (index.stats().inMemory > 501 || index.stats().runs > 1); i++) await delay(10);
    assert.equal(index.stats().runs, 1);
    await check();
    await index.close();
  });

  it("removes at its opening every file the manifest does not list", async (context) => {
    const directory = temporary(context);
    const index = open(directory);
    await fill(index, 200, 2);
    await index.close();
    const [first] = runFiles(directory);
    // A run that was written but not listed, one cut off half way, and what SQLite leaves beside them.
    copyFileSync(join(directory, first!), join(directory, "run-000777.db"));
    writeFileSync(join(directory, "run-000778.db"), "torn");
    writeFileSync(join(directory, "run-000778.db-journal"), "torn");
    writeFileSync(join(directory, `${first}-wal`), "");
    const again = open(directory);
    assert.deepEqual(runFiles(directory), ["run-000001.db", "run-000002.db"]);
    await assertHolds(again, 200);
    await again.close();
  });

  it("finds the old state whole when it was copied while runs were being written and merged", async (context) => {
    const directory = temporary(context);
    const index = open(directory, { fanIn: 2 });
    let first = 0;
    for (let round = 0; round < 40; round++) {
      index.add(account, first, factsOf(Array.from({ length: 90 }, (_, i) => eventAt(1000 + first + i))));
      first += 90;
      for (let turn = 0; turn < round % 5; turn++) await new Promise((resolve) => setImmediate(resolve));
      // What a kill at this moment would leave.
      const copy = mkdtempSync(join(tmpdir(), "taishi-killed-"));
      try {
        for (const name of readdirSync(directory)) copyFileSync(join(directory, name), join(copy, name));
        const killed = open(copy, { fanIn: 2 });
        const covered = killed.covered(account);
        assert.ok(covered <= first);
        await assertHolds(killed, covered);
        killed.add(
          account,
          covered,
          factsOf(Array.from({ length: first - covered }, (_, i) => eventAt(1000 + covered + i))),
        );
        await assertHolds(killed, first);
        await killed.close();
      } finally {
        rmSync(copy, { recursive: true, force: true });
      }
    }
    await index.close();
  });

  it("starts empty for another ledger", async (context) => {
    const directory = temporary(context);
    const index = open(directory);
    await fill(index, 200, 2);
    await index.close();
    const other = open(directory, { ledgerId: "M" });
    assert.equal(other.covered(account), 0);
    assert.deepEqual(other.stats(), { events: 0, inMemory: 0, runs: 0 });
    assert.deepEqual(runFiles(directory), []);
    await fill(other, 100, 1);
    await other.close();
    const again = open(directory, { ledgerId: "M" });
    await assertHolds(again, 100);
    await again.close();
  });

  const damages: readonly (readonly [string, (directory: string) => void])[] = [
    ["the manifest is gone", (directory) => rmSync(join(directory, "index.db"))],
    ["the manifest is empty", (directory) => truncateSync(join(directory, "index.db"), 0)],
    ["the manifest is cut off", (directory) => truncateSync(join(directory, "index.db"), 5000)],
    ["the manifest is no database", (directory) => writeFileSync(join(directory, "index.db"), "x".repeat(9000))],
    ["a run is gone", (directory) => rmSync(join(directory, "run-000002.db"))],
    ["a run is empty", (directory) => truncateSync(join(directory, "run-000002.db"), 0)],
    ["a run is no database", (directory) => writeFileSync(join(directory, "run-000001.db"), "x".repeat(9000))],
  ];
  for (const [what, damage] of damages)
    it(`starts empty and can be fed again where ${what}`, async (context) => {
      const directory = temporary(context);
      const index = open(directory);
      await fill(index, 200, 2);
      await index.close();
      damage(directory);
      const again = open(directory);
      assert.equal(again.covered(account), 0);
      assert.equal(again.stats().runs, 0);
      assert.deepEqual(runFiles(directory), []);
      await fill(again, 200, 2);
      await assertHolds(again, 200);
      await again.close();
    });

  it("refuses a manifest of a newer format and touches nothing", async (context) => {
    const directory = temporary(context);
    const path = join(directory, "index.db");
    openDatabase({ path, kind: "TSix", format: 99, synchronous: "NORMAL", create: () => {} }).close();
    writeFileSync(join(directory, "run-000001.db"), "newer");
    assert.throws(() => open(directory), Fatal);
    assert.ok(existsSync(join(directory, "run-000001.db")));
  });

  it("makes an index of an older format anew, with all its terms", async (context) => {
    const directory = temporary(context);
    const index = open(directory);
    await fill(index, 200, 2);
    await index.close();
    const path = join(directory, "index.db");
    const manifest = openDatabase({ path, kind: "TSix", format: 99, synchronous: "NORMAL", create: () => {} });
    manifest.exec("DROP TABLE salt; PRAGMA user_version=1");
    manifest.close();
    const again = open(directory);
    assert.equal(again.covered(account), 0);
    assert.deepEqual(runFiles(directory), []);
    again.add(account, 0, factsOf([trailAt(5, { requestId: "r" })]));
    const found = await again.lookup({ account, terms: [term("RequestID", "r")] }, "asc", undefined, 1);
    assert.deepEqual(found.positions, [{ time: 5, seq: 0 }]);
    await again.close();
  });

  it("finds the terms of every event after merges and a reopening, late ones too", async (context) => {
    const directory = temporary(context);
    const options = { directory, ledgerId: "L", memoryEvents: 2000, fanIn: 3 };
    const index = RunIndex.open(options);
    const count = 12_000;
    const timeOf = (seq: number): number => 1_000_000 + seq * 7 - (seq % 11 === 0 ? 9_000 : 0);
    const events = Array.from({ length: count }, (_, seq) =>
      trailAt(timeOf(seq), { requestId: `r${seq}`, userName: `u${seq % 100}`, source: `s${seq % 3}` }),
    );
    for (let at = 0; at < count; at += 500) {
      index.add(account, at, factsOf(events.slice(at, at + 500)));
      await index.ready();
    }
    for (let i = 0; i < 500 && index.stats().inMemory > 2000; i++) await delay(10);
    await index.close();
    const again = RunIndex.open(options);
    const covered = again.covered(account);
    assert.ok(covered > 10_000);
    const find = async (terms: string[], order: "asc" | "desc" = "asc"): Promise<number[]> => {
      const { positions, scannedTo } = await again.lookup({ account, terms }, order, undefined, count);
      assert.equal(scannedTo, null);
      return positions.map(({ seq }) => seq);
    };
    for (let seq = 0; seq < covered; seq += 7)
      assert.deepEqual(await find([term("RequestID", `r${seq}`)], seq % 2 === 0 ? "asc" : "desc"), [seq]);
    const expected = Array.from({ length: covered }, (_, seq) => seq)
      .filter((seq) => seq % 100 === 42 && seq % 3 === 1)
      .sort((a, b) => timeOf(a) - timeOf(b) || a - b);
    assert.deepEqual(await find([term("EventSource", "s1"), term("IdentityName", "u42")]), expected);
    await again.close();
  });

  it("writes events with many terms down sooner, so that memory stays bounded", async (context) => {
    const index = RunIndex.open({ directory: temporary(context), ledgerId: "L", memoryEvents: 1000 });
    const resources = (seq: number) => Array.from({ length: 100 }, (_, i) => ({ id: `${seq}-${i}`, type: "t" }));
    index.add(account, 0, factsOf(Array.from({ length: 100 }, (_, i) => trailAt(i, { resources: resources(i) }))));
    await index.ready();
    assert.ok(index.stats().inMemory < 100 && index.stats().runs > 1, JSON.stringify(index.stats()));
    await index.close();
  });

  it("writes no tables of terms where events have none", async (context) => {
    const directory = temporary(context);
    const index = open(directory);
    await fill(index, 100, 1);
    await index.close();
    const run = openDatabase({
      path: join(directory, "run-000001.db"),
      kind: "TSir",
      format: 99,
      synchronous: "NORMAL",
      create: () => {},
    });
    assert.deepEqual(run.prepare("SELECT name FROM sqlite_master WHERE name LIKE 'term%'").all(), []);
    run.close();
  });

  it("refuses a lookup in a run that lost a block instead of finding less", async (context) => {
    const directory = temporary(context);
    const options = { directory, ledgerId: "L", memoryEvents: 1000 };
    const index = RunIndex.open(options);
    index.add(account, 0, factsOf(Array.from({ length: 3000 }, (_, i) => trailAt(i, { requestId: `r${i}` }))));
    for (let i = 0; i < 500 && index.stats().inMemory > 1000; i++) await delay(10);
    await index.close();
    const path = join(directory, "run-000001.db");
    const run = openDatabase({ path, kind: "TSir", format: 99, synchronous: "NORMAL", create: () => {} });
    run.exec("DELETE FROM term_block WHERE id = 1");
    run.close();
    const again = RunIndex.open(options);
    const outcomes = await Promise.allSettled(
      Array.from({ length: 500 }, (_, i) =>
        again.lookup({ account, terms: [term("RequestID", `r${i}`)] }, "asc", undefined, 1),
      ),
    );
    assert.ok(outcomes.some(({ status }) => status === "rejected"));
    for (const outcome of outcomes)
      if (outcome.status === "fulfilled") assert.equal(outcome.value.positions.length, 1);
      else assert.match(String(outcome.reason), /damaged/);
    await again.close();
  });

  it("forgets everything on clear, also what is just being written, and takes it again", async (context) => {
    const directory = temporary(context);
    const index = open(directory, { fanIn: 2 });
    await fill(index, 300, 2);
    index.add(account, 300, factsOf(Array.from({ length: 500 }, (_, i) => eventAt(i))));
    const cleared = index.clear();
    assert.equal(index.covered(account), 0);
    assert.equal(await index.count({ account }), 0);
    index.add(account, 0, factsOf(Array.from({ length: 50 }, (_, i) => eventAt(1000 + i))));
    await cleared;
    assert.deepEqual(runFiles(directory), []);
    await assertHolds(index, 50);
    await fill(index, 400, 1);
    await assertHolds(index, 400);
    await index.close();
  });

  it("says once what made writing fail, keeps answering, and goes on when the cause is gone", async (context) => {
    const directory = temporary(context);
    const index = open(directory);
    await fill(index, 100, 1);
    // The next run's name is taken by something that is no database.
    const obstacle = join(directory, "run-000002.db");
    writeFileSync(obstacle, "x".repeat(9000));
    index.add(account, 100, factsOf(Array.from({ length: 100 }, (_, i) => eventAt(1100 + i))));
    index.add(account, 200, factsOf(Array.from({ length: 100 }, (_, i) => eventAt(1200 + i))));
    await assert.rejects(index.ready(), /not a database/);
    await assertHolds(index, 300);
    for (let i = 0; i < 500 && index.stats().runs < 3; i++) {
      await index.ready().catch(() => undefined);
      await delay(5);
    }
    assert.equal(index.stats().runs, 3);
    await assertHolds(index, 300);
    await index.close();
  });

  it("holds back whoever feeds it faster than it writes", async (context) => {
    const index = open(temporary(context));
    index.add(account, 0, factsOf(Array.from({ length: 1000 }, (_, i) => eventAt(1000 + i))));
    let isReady = false;
    const ready = index.ready().then(() => {
      isReady = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(isReady, false);
    await ready;
    assert.ok(index.stats().inMemory <= 200);
    await assertHolds(index, 1000);
    await index.close();
  });

  it("refuses every use after close, and lets nobody wait for ever", async (context) => {
    const index = open(temporary(context));
    index.add(account, 0, factsOf(Array.from({ length: 1000 }, (_, i) => eventAt(i))));
    const waiting = assert.rejects(index.ready(), /closed/);
    await index.close();
    await waiting;
    await index.close();
    assert.throws(() => index.add(account, 1000, factsOf([eventAt(1)])), /closed/);
    await assert.rejects(index.count({ account }), /closed/);
    await assert.rejects(index.lookup({ account, terms: ["a"] }, "asc", undefined, 1), /closed/);
    await assert.rejects(index.ready(), /closed/);
  });
});
