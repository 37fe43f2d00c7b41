import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { timeLimit } from "../event/time.ts";
import { blockPairs, type Span, seqLimit } from "./posting-list.ts";
import { isBefore, joinRates, rankInTerms, readTermBlock, type TermBlock, TermBlockWriter } from "./term-block.ts";

type Entry = readonly [hash: number, time: number, seq: number];

const maxHash = 2 ** 53 - 1;
const hashes = fc.oneof(fc.nat(5), fc.maxSafeNat(), fc.constantFrom(0, maxHash));
const times = fc.oneof(fc.nat(100), fc.integer({ min: 0, max: timeLimit - 1 }), fc.constantFrom(0, timeLimit - 1));
const seqs = fc.oneof(
  fc.nat(100),
  fc.maxSafeNat().map((n) => n % seqLimit),
  fc.constantFrom(0, seqLimit - 1),
);
const someEntries = fc
  .array(fc.tuple(hashes, times, seqs), { minLength: 1, maxLength: 1200 })
  .map((entries) => entries.sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]));
const aRate: fc.Arbitrary<Span> = fc
  .tuple(times, times, seqs, seqs)
  .map(([a, b, firstSeq, lastSeq]) => ({ firstTime: Math.min(a, b), firstSeq, lastTime: Math.max(a, b), lastSeq }));

/** The blocks of some entries, each with its first entry as the directory gets it. */
function blocksOf(entries: readonly Entry[], rate: Span): { first: Entry; bytes: Uint8Array }[] {
  const blocks: { first: Entry; bytes: Uint8Array }[] = [];
  const writer = new TermBlockWriter(rate, (hash, time, seq, bytes) => {
    blocks.push({ first: [hash, time, seq], bytes: bytes.slice() });
  });
  for (const entry of entries) writer.add(...entry);
  writer.flush();
  return blocks;
}

function entriesOf({ hashes, times, seqs, count }: TermBlock): Entry[] {
  return Array.from({ length: count }, (_, i) => [hashes[i]!, times[i]!, seqs[i]!] as const);
}

describe("the bytes of term lists", () => {
  it("give back every entry in blocks of bounded size, whatever the rate led to expect", () => {
    fc.assert(
      fc.property(someEntries, aRate, (entries, rate) => {
        const blocks = blocksOf(entries, rate).map(({ first, bytes }) => ({
          first,
          bytes,
          read: readTermBlock(bytes),
        }));
        assert.deepEqual(
          blocks.flatMap(({ read }) => entriesOf(read)),
          entries,
        );
        for (const { first, bytes, read } of blocks) {
          assert.deepEqual(first, entriesOf(read)[0]);
          assert.deepEqual(read.rate, rate);
          assert.ok(read.count <= blockPairs && bytes.length <= 4090, `${read.count} entries, ${bytes.length} bytes`);
        }
      }),
    );
  });

  it("take at most 12 bytes for an entry of its own hash and about 3 for one of the same, at a usual rate", () => {
    const rate = { firstTime: 1.7e12, firstSeq: 0, lastTime: 1.7e12 + 37e5, lastSeq: 1e5 };
    const at = (hash: number, seq: number): Entry => [hash, 1.7e12 + seq * 37, seq];
    const rare = Array.from({ length: 1e5 }, (_, i) => at(i * 2 ** 36 + ((i * 7919) % 2 ** 20), (i * 40_503) % 1e5));
    const often = Array.from({ length: 30_000 }, (_, i) => at(7, i * 3));
    const size = (entries: readonly Entry[]): number =>
      blocksOf(entries, rate).reduce((sum, { bytes }) => sum + bytes.length, 0) / entries.length;
    assert.ok(size(rare) <= 12, `${size(rare)} bytes`);
    assert.ok(size(often) <= 3.1, `${size(often)} bytes`);
  });

  it("refuse to be read where they end too early", () => {
    const rate = { firstTime: 1, firstSeq: 0, lastTime: 9, lastSeq: 4 };
    const [block] = blocksOf(
      [
        [5, 1, 1],
        [5, 400, 2],
        [9_000_000, 2, 70_000],
      ],
      rate,
    );
    for (let length = 0; length < block!.bytes.length; length++)
      assert.throws(() => readTermBlock(block!.bytes.slice(0, length)), /damaged/);
  });

  it("tell how many entries stand before a place", () => {
    fc.assert(
      fc.property(someEntries, hashes, times, seqs, (entries, hash, time, seq) => {
        const block = readTermBlock(
          blocksOf(entries, { firstTime: 0, firstSeq: 0, lastTime: 0, lastSeq: 0 })[0]!.bytes,
        );
        const expected = entriesOf(block).filter(
          (entry) => entry[0] < hash || (entry[0] === hash && isBefore(entry[1], entry[2], time, seq)),
        );
        assert.equal(rankInTerms(block, hash, time, seq), expected.length);
      }),
    );
  });

  it("join rates to the span of both", () => {
    const a = { firstTime: 5, firstSeq: 1, lastTime: 9, lastSeq: 7 };
    const b = { firstTime: 5, firstSeq: 0, lastTime: 8, lastSeq: 9 };
    const both = { firstTime: 5, firstSeq: 0, lastTime: 9, lastSeq: 7 };
    assert.deepEqual(joinRates(a, b), both);
    assert.deepEqual(joinRates(b, a), both);
  });
});
