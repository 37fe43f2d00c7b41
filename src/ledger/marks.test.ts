// Appends with positions: what of them is new, in one group, over restarts and files, and what fsck says of the marks (I8).
import assert from "node:assert/strict";
import { test } from "node:test";
import { entryHead, parseEntry } from "../event/entry.ts";
import { readEvent } from "../event/read.ts";
import { factsOf } from "../event/stream.ts";
import { account, check, firstValue, open, temporary } from "./ledger-house.test-support.ts";
import type { AppendBatch, Receipt } from "./port.ts";
import { segmentNumbers } from "./segments.ts";
import { LedgerReader } from "./store.ts";
import type { Outcome } from "./writer.ts";

/** Events of streams named by letters: ["a1", "b7"] stand at 1 of stream a and 7 of stream b. */
function at(...places: readonly string[]): AppendBatch {
  const names = [...new Set(places.map((place) => place[0]!))];
  const positions = places.map((place) => ({ source: "n/s", stream: place[0]!, offset: Number(place.slice(1)) }));
  const events = places.map((marker, i) =>
    readEvent(
      {
        kind: "security",
        time: 1_690_000_000_000,
        resource: { type: "t", id: "r" },
        type: "T",
        contents: { Marker: marker, Long: marker.repeat(40_000) },
      },
      i,
    ),
  );
  const prepared = events.map((event, i) => entryHead(event, { position: positions[i]! }));
  const heads = prepared.map(({ head }) => Buffer.from(head));
  let end = 0;
  return {
    account,
    heads: Buffer.concat(heads),
    ends: Uint32Array.from(heads, (head) => (end += head.length)),
    blobs: prepared.flatMap(({ blobs }) => blobs),
    facts: factsOf(events),
    positions: {
      streams: names.map((stream) => ({ source: "n/s", stream })),
      of: Uint32Array.from(positions, ({ stream }) => names.indexOf(stream)),
      offsets: Float64Array.from(positions, ({ offset }) => offset),
    },
  };
}

function told(outcome: Outcome | undefined): [Pick<Receipt, "duplicates" | "first" | "last">, number[] | undefined] {
  assert.ok(outcome !== undefined && "receipt" in outcome);
  const { duplicates, first, last } = outcome.receipt;
  return [{ duplicates, first, last }, outcome.kept && [...outcome.kept]];
}

function markersIn(directory: string): (string | undefined)[] {
  const reader = LedgerReader.open(directory);
  const seqs = Array.from({ length: reader.size(account) }, (_, seq) => seq);
  const markers = reader.read(account, seqs).map((bytes) => firstValue(parseEntry(bytes)));
  reader.close();
  return markers;
}

test("what stands at or below its stream's mark is left out, whatever else is in the batch", async () => {
  const directory = temporary();
  let ledger = open(directory);
  const outcomes = ledger.writer.append([at("a1", "a2", "b5"), at("a2", "b5"), at("a2", "b6", "a3", "b5", "a3", "c0")]);
  assert.deepEqual(outcomes.map(told), [
    [{ duplicates: 0, first: 0, last: 2 }, undefined],
    [{ duplicates: 2, first: 3, last: 2 }, []],
    [{ duplicates: 3, first: 3, last: 5 }, [1, 2, 5]],
  ]);
  ledger.writer.checkpoint();
  ledger.database.close();
  ledger = open(directory);
  assert.deepEqual(told(ledger.writer.append([at("c0", "c1")])[0]), [{ duplicates: 1, first: 6, last: 6 }, [1]]);
  ledger.writer.close();
  assert.deepEqual(markersIn(directory), ["a1", "a2", "b5", "b6", "a3", "c0", "c1"]);
  const report = await check(directory);
  assert.deepEqual(report.problems, []);
  assert.equal(report.blobs, 7, "none is kept that no entry refers to");
});

test("marks are of one log, and are taken along when a file closes", async () => {
  const directory = temporary();
  const ledger = open(directory, undefined, { bytes: 1e9, ageMs: 0 });
  ledger.writer.createLog("7");
  for (let i = 0; i < 3; i++) {
    ledger.writer.append([at(...Array.from({ length: 256 }, (_, n) => `a${i * 256 + n}`))]);
    ledger.writer.checkpoint();
    ledger.clock.time += 1000;
    ledger.writer.rollIfDue();
  }
  assert.ok(segmentNumbers(directory).length >= 3);
  assert.deepEqual(told(ledger.writer.append([at("a0", "a767")])[0]), [{ duplicates: 2, first: 768, last: 767 }, []]);
  assert.deepEqual(told(ledger.writer.append([{ ...at("a0"), account: "7" }])[0]), [
    { duplicates: 0, first: 0, last: 0 },
    undefined,
  ]);
  ledger.writer.close();
  assert.deepEqual((await check(directory)).problems, []);
});

test("fsck finds a mark that was set back, and an entry that is there twice", async () => {
  const directory = temporary();
  const ledger = open(directory);
  ledger.writer.append([at("a1", "a2", "b1")]);
  ledger.database.exec("UPDATE mark SET offset = offset - 1; DELETE FROM mark WHERE offset = 0");
  ledger.writer.append([at("a2")]);
  ledger.writer.close();
  const problems = (await check(directory)).problems.map(({ what }) => what);
  assert.deepEqual(problems, [
    "entry 3 stands at an offset of n/s that is there already",
    "1 streams of its entries have no mark",
  ]);
});

test("fsck finds a mark that was raised, by which events to come would be taken for known", async () => {
  const directory = temporary();
  const ledger = open(directory);
  ledger.writer.append([at("a1", "a2")]);
  ledger.database.exec("UPDATE mark SET offset = 1000000000000");
  assert.deepEqual(told(ledger.writer.append([at("a3")])[0])[0].duplicates, 1);
  ledger.writer.close();
  const problems = (await check(directory)).problems.map(({ what }) => what);
  assert.deepEqual(problems, ["the mark of a stream is 1000000000000, its newest entry stands at 2"]);
});
