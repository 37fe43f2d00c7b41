import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { timeLimit } from "../event/time.ts";
import {
  ByteReader,
  ByteWriter,
  blockPairs,
  origin,
  rankIn,
  readBlock,
  readSpan,
  seqLimit,
  spanOf,
  writeBlock,
  writeSpan,
} from "./posting-list.ts";

const maxSeq = seqLimit - 1;
const seqs = fc.oneof(
  fc.nat(100),
  fc.maxSafeNat().map((n) => n % seqLimit),
  fc.constantFrom(0, maxSeq, 2 ** 31, 2 ** 32),
);
const times = fc.oneof(fc.nat(100), fc.integer({ min: 0, max: timeLimit - 1 }), fc.constantFrom(0, timeLimit - 1));
const block = fc
  .array(fc.tuple(times, seqs), { minLength: 1, maxLength: blockPairs })
  .map((pairs) => pairs.sort((a, b) => a[0] - b[0] || a[1] - b[1]));

function columns(pairs: readonly (readonly [number, number])[]): [Float64Array, Float64Array] {
  return [Float64Array.from(pairs, ([time]) => time), Float64Array.from(pairs, ([, seq]) => seq)];
}

describe("the bytes of a list", () => {
  it("gives back every number it was given", () => {
    const number = fc.oneof(fc.maxSafeNat(), fc.nat(300), fc.constantFrom(0, 63, 64, 127, 128, 2 ** 32, 2 ** 53 - 1));
    fc.assert(
      fc.property(fc.array(fc.tuple(number, fc.boolean())), (numbers) => {
        const out = new ByteWriter();
        for (const [n, negative] of numbers) {
          out.unsigned(n);
          out.signed(negative ? -n : n);
        }
        const reader = new ByteReader(out.view());
        for (const [n, negative] of numbers) {
          assert.equal(reader.unsigned(), n);
          assert.equal(reader.signed() + 0, (negative ? -n : n) + 0);
        }
        assert.equal(reader.at, out.length);
      }),
    );
  });

  it("gives back every block, at the ends of time and number too", () => {
    fc.assert(
      fc.property(block, (pairs) => {
        const [t, s] = columns(pairs);
        const out = new ByteWriter();
        writeBlock(out, t, s, 0, pairs.length);
        const read = readBlock(out.view(), pairs.length);
        assert.deepEqual([...read.times], [...t]);
        assert.deepEqual([...read.seqs], [...s]);
      }),
    );
  });

  it("gives back a span, whatever the span before it led to expect", () => {
    fc.assert(
      fc.property(block, block, (a, b) => {
        const before = spanOf(...columns(a), 0, a.length);
        const span = spanOf(...columns(b), 0, b.length);
        const out = new ByteWriter();
        writeSpan(out, span, b.length, before);
        assert.deepEqual(readSpan(new ByteReader(out.view()), b.length, before), span);
      }),
    );
  });

  it("needs one byte for the seq of an event that came at the usual rate", () => {
    const pairs = Array.from({ length: blockPairs }, (_, i) => [1_700_000_000_000 + i * 40, i * 1000] as const);
    const out = new ByteWriter();
    writeBlock(out, ...columns(pairs), 0, blockPairs);
    assert.ok(out.length <= blockPairs * 2 + 20, `${out.length} bytes`);
  });

  it("refuses bytes that end too early", () => {
    const pairs = Array.from({ length: 50 }, (_, i) => [i * 1000, i * i] as const);
    const out = new ByteWriter();
    writeBlock(out, ...columns(pairs), 0, 50);
    for (let length = 0; length < out.length; length++)
      assert.throws(() => readBlock(out.view().slice(0, length), 50), /damaged/);
  });

  it("counts the pairs before a position", () => {
    fc.assert(
      fc.property(block, times, seqs, (pairs, time, seq) => {
        const [t, s] = columns(pairs);
        const expected = pairs.filter((pair) => pair[0] < time || (pair[0] === time && pair[1] < seq)).length;
        assert.equal(rankIn({ times: t, seqs: s, count: pairs.length }, time, seq), expected);
      }),
    );
  });

  it("predicts nothing from a span of no length", () => {
    const out = new ByteWriter();
    const span = { firstTime: 5, firstSeq: 7, lastTime: 5, lastSeq: 9 };
    writeSpan(out, span, 2, origin);
    assert.deepEqual(readSpan(new ByteReader(out.view()), 2, origin), span);
  });
});
