import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { TaishiError } from "../errors.ts";
import { canonicalJson } from "../event/canonical.ts";
import type { Event } from "../event/event.ts";
import { factsOf } from "../event/stream.ts";
import { term } from "../event/trail-event.ts";
import type { LogReader } from "../ledger/port.ts";
import { Follower } from "./follower.ts";
import { eventAt, trailAt } from "./index-history.test-support.ts";
import { MemoryIndex } from "./memory-index.ts";

/** A ledger in memory. */
class Ledger implements LogReader {
  readonly logs = new Map<string, Uint8Array[]>();
  reads = 0;
  broken: Error | undefined;

  append(account: string, events: readonly Event[]): number {
    const log = this.logs.get(account) ?? [];
    this.logs.set(account, log);
    const first = log.length;
    for (const event of events) this.appendRaw(account, { event, received: 1, v: 1 });
    return first;
  }

  appendRaw(account: string, entry: unknown): void {
    const log = this.logs.get(account) ?? [];
    this.logs.set(account, log);
    log.push(Buffer.from(canonicalJson(entry)));
  }

  size(account: string): number {
    return this.logs.get(account)?.length ?? 0;
  }

  accounts(): readonly string[] {
    return [...this.logs.keys()];
  }

  read(account: string, seqs: readonly number[]): readonly Uint8Array[] {
    this.reads++;
    if (this.broken !== undefined) throw this.broken;
    return seqs.map((seq) => {
      const bytes = this.logs.get(account)?.[seq];
      if (bytes === undefined) throw new RangeError(`no entry ${seq}`);
      return bytes;
    });
  }

  minimum(): number {
    return 0;
  }

  slice(account: string, from: number, to: number): readonly Uint8Array[] {
    return this.read(
      account,
      Array.from({ length: to - from }, (_, i) => from + i),
    );
  }

  blob(): Uint8Array {
    throw new Error("the index needs no blob");
  }
}

function some(count: number, start = 0): Event[] {
  return Array.from({ length: count }, (_, i) => eventAt(start + i, { type: `T${(start + i) % 5}` }));
}

function setUp(options: { index?: MemoryIndex; retryMs?: number } = {}) {
  const ledger = new Ledger();
  const index = options.index ?? new MemoryIndex();
  const follower = new Follower({ ledger, index, retryMs: options.retryMs ?? 1 });
  return { ledger, index, follower };
}

const patience = 5_000;

describe("the follower", () => {
  it("takes live commits at once, without reading the ledger", async () => {
    const { ledger, index, follower } = setUp();
    follower.start();
    for (const count of [3, 5]) {
      const events = some(count);
      follower.committed("1", ledger.append("1", events), factsOf(events));
    }
    assert.equal(index.covered("1"), 8);
    await follower.reached("1", 8, 0);
    assert.equal(ledger.reads, 0);
    await follower.close();
  });

  it("reads at its start what the index lacks, of every account", async () => {
    const { ledger, index, follower } = setUp();
    ledger.append("1", some(1000));
    ledger.append("2", some(300));
    index.add("1", 0, factsOf(some(100)));
    follower.start();
    assert.deepEqual(follower.progress(), { covered: 100, size: 1300 });
    await Promise.all([follower.reached("1", 1000, patience), follower.reached("2", 300, patience)]);
    assert.deepEqual(follower.progress(), { covered: 1300, size: 1300 });
    assert.equal(await index.count({ account: "1", types: ["T2"] }), 200);
    await follower.close();
  });

  it("fills the gap before commits that come while it catches up, and takes none twice", async () => {
    // A failure would stay for a minute.
    const { ledger, index, follower } = setUp({ retryMs: 60_000 });
    ledger.append("1", some(700));
    follower.start();
    for (let i = 0; i < 5; i++) {
      const events = some(10, 700 + i * 10);
      follower.committed("1", ledger.append("1", events), factsOf(events));
      await new Promise((resolve) => setImmediate(resolve));
    }
    follower.committed("1", 700, factsOf(some(10, 700)));
    await follower.reached("1", 750, patience);
    const { total, positions } = await index.find({ account: "1" }, "asc", { offset: 0, limit: 1000 });
    assert.equal(total, 750);
    assert.deepEqual(
      positions.map(({ seq }) => seq),
      Array.from({ length: 750 }, (_, seq) => seq),
    );
    await follower.close();
  });

  it("reads what was committed without facts", async () => {
    const { ledger, follower, index } = setUp();
    follower.start();
    ledger.append("1", some(20));
    follower.grew("1", 20);
    await follower.reached("1", 20, patience);
    assert.equal(index.covered("1"), 20);
    await follower.close();
  });

  it("finds by itself what nobody told it of, when a query asks for it", async () => {
    const { ledger, follower } = setUp();
    follower.start();
    ledger.append("1", some(20));
    await follower.reached("1", 20, patience);
    await follower.close();
  });

  it("refuses with index-behind when the time is up", async () => {
    const { ledger, follower } = setUp();
    ledger.append("1", some(20));
    follower.start();
    await assert.rejects(follower.reached("1", 21, 20), (thrown) => {
      assert.ok(thrown instanceof TaishiError);
      assert.equal(thrown.code, "index-behind");
      assert.equal(thrown.details.retryAfter, 1);
      return true;
    });
    await follower.reached("1", 20, patience);
    await follower.close();
  });

  it("tells whoever waits what went wrong, tries again, and goes on when it is gone", async () => {
    const { ledger, index, follower } = setUp();
    ledger.append("1", some(20));
    ledger.broken = new Error("the disk is on fire");
    follower.start();
    await assert.rejects(follower.reached("1", 20, patience), /on fire/);
    await assert.rejects(follower.reached("1", 20, patience), /on fire/);
    assert.equal(index.covered("1"), 0);
    ledger.broken = undefined;
    for (let i = 0; i < 500 && index.covered("1") < 20; i++) await new Promise((resolve) => setTimeout(resolve, 5));
    await follower.reached("1", 20, 0);
    await follower.close();
  });

  it("keeps what the index's background work failed with, until that is over", async () => {
    class Failing extends MemoryIndex {
      cause: Error | undefined = new Error("no space left");
      override async ready(): Promise<void> {
        if (this.cause !== undefined) throw this.cause;
      }
    }
    const index = new Failing();
    const { ledger, follower } = setUp({ index });
    follower.start();
    const events = some(20_000);
    follower.committed("1", ledger.append("1", events), factsOf(events));
    // What is covered is answered; what is not is refused with the cause.
    await follower.reached("1", 20_000, 0);
    await new Promise((resolve) => setImmediate(resolve));
    await assert.rejects(follower.reached("1", 20_001, patience), /no space left/);
    index.cause = undefined;
    ledger.append("1", some(1));
    for (let i = 0; i < 500 && index.covered("1") < 20_001; i++) {
      follower.grew("1", 20_001);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await follower.reached("1", 20_001, 0);
    await follower.close();
  });

  it("drops an index that covers more than the ledger has, and feeds it again", async () => {
    const { ledger, index, follower } = setUp();
    ledger.append("1", some(10));
    ledger.append("2", some(10));
    index.add("1", 0, factsOf(some(10, 500)));
    index.add("2", 0, factsOf(some(11, 500)));
    follower.start();
    await Promise.all([follower.reached("1", 10, patience), follower.reached("2", 10, patience)]);
    const { positions } = await index.find({ account: "1" }, "asc", { offset: 0, limit: 1 });
    assert.deepEqual(positions, [{ time: 0, seq: 0 }]);
    assert.equal(await index.count({ account: "2" }), 10);
    await follower.close();
  });

  it("rebuilds to the same answers while commits go on", async () => {
    const { ledger, index, follower } = setUp();
    const events = some(900);
    ledger.append("1", events);
    follower.start();
    await follower.reached("1", 900, patience);
    const rebuilt = follower.rebuild();
    const more = some(10, 900);
    follower.committed("1", ledger.append("1", more), factsOf(more));
    await rebuilt;
    await follower.reached("1", 910, patience);
    assert.equal(await index.count({ account: "1", types: ["T0"] }), 182);
    await follower.close();
  });

  it("indexes an entry whose free text was put apart as a blob without fetching it", async () => {
    const { ledger, index, follower } = setUp();
    const apart = { ...eventAt(5), detail: { $sha256: "0".repeat(64), size: 70_000 } };
    ledger.appendRaw("1", { event: apart, received: 1, v: 1 });
    follower.start();
    await follower.reached("1", 1, patience);
    assert.equal(await index.count({ account: "1", resourceId: "a" }), 1);
    await follower.close();
  });

  it("feeds the terms of what it reads itself", async () => {
    const { ledger, index, follower } = setUp();
    ledger.append("1", [eventAt(1), trailAt(2, { requestId: "r" })]);
    follower.start();
    await follower.reached("1", 2, patience);
    const lookup = { account: "1", terms: [term("RequestID", "r")] };
    const found = { positions: [{ time: 2, seq: 1 }], scannedTo: null };
    assert.deepEqual(await index.lookup(lookup, "asc", undefined, 1), found);
    await follower.close();
  });

  it("refuses whoever waits when it is closed", async () => {
    const { ledger, follower } = setUp();
    ledger.append("1", some(2000));
    follower.start();
    const waiting = assert.rejects(follower.reached("1", 2001, patience), { code: "shutting-down" });
    await follower.close();
    await waiting;
    await assert.rejects(follower.reached("1", 2001, patience), { code: "shutting-down" });
  });
});
