import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Position } from "./port.ts";
import { pairsAt, type RankedList, rankOf } from "./selection.ts";

const before = (a: Position, b: Position): number => a.time - b.time || a.seq - b.seq;

/** A list whose estimates are as bad as they may be: whole blocks of 64, and shifted. */
function listOf(pairs: readonly Position[], shift: number): RankedList {
  const rank = (time: number, seq: number): number => pairs.filter((pair) => before(pair, { time, seq }) < 0).length;
  return {
    count: pairs.length,
    firstTime: pairs[0]!.time,
    lastTime: pairs.at(-1)!.time,
    rank,
    estimate: (time, seq) => Math.min(pairs.length, Math.floor(rank(time, seq) / 64) * 64 + shift),
    timeAt: (index) => pairs[index]!.time,
    seqAt: (index) => pairs[index]!.seq,
  };
}

const someLists = fc
  .record({
    sizes: fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 6 }),
    times: fc.constantFrom(1, 3, 1000, 253_402_300_800_000),
    shift: fc.integer({ min: 0, max: 64 }),
    seed: fc.array(fc.nat(), { minLength: 3, maxLength: 3 }),
  })
  .map(({ sizes, times, shift, seed }) => {
    let seq = 0;
    let state = seed[0]!;
    return sizes.map((size) => {
      const pairs = Array.from({ length: size }, () => {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
        return { time: Math.floor((state / 2 ** 32) ** 2 * times), seq: seq++ };
      });
      return { pairs: pairs.sort(before), shift };
    });
  });

describe("finding ranks over many lists", () => {
  it("gives exactly the pairs of the ranks asked for, however bad the estimates are", () => {
    fc.assert(
      fc.property(someLists, fc.double({ min: 0, max: 1.1, noNaN: true }), fc.nat(40), (parts, place, limit) => {
        const lists = parts.map(({ pairs, shift }) => listOf(pairs, shift));
        const all = parts.flatMap(({ pairs }) => pairs).sort(before);
        const rank = Math.floor(place * all.length);
        assert.deepEqual(pairsAt(lists, rank, limit), all.slice(rank, rank + limit));
      }),
      { numRuns: 200 },
    );
  });

  it("does not step over the rank where estimates are too low or too high by far", () => {
    const count = 2000;
    const squares = Array.from({ length: count }, (_, seq) => ({ time: seq * seq * 3, seq }));
    const roots = Array.from({ length: count }, (_, seq) => ({ time: Math.floor(Math.sqrt(seq) * 1000), seq }));
    for (const pairs of [squares, roots]) {
      const last = pairs.at(-1)!.time;
      // One straight line for the whole list, as a directory of a single block would tell.
      const list = { ...listOf(pairs, 0), estimate: (time: number) => Math.min(count, (time / last) * count) };
      for (let rank = 0; rank < count; rank += 7)
        assert.deepEqual(pairsAt([list], rank, 3), pairs.slice(rank, rank + 3), `rank ${rank}`);
    }
  });

  it("counts what stands before any position", () => {
    fc.assert(
      fc.property(someLists, fc.nat(1000), fc.nat(2400), (parts, time, seq) => {
        const lists = parts.map(({ pairs, shift }) => listOf(pairs, shift));
        const all = parts.flatMap(({ pairs }) => pairs);
        assert.equal(rankOf(lists, time, seq), all.filter((pair) => before(pair, { time, seq }) < 0).length);
      }),
    );
  });

  it("gives nothing for no lists, no limit or a rank past the end", () => {
    assert.deepEqual(pairsAt([], 0, 10), []);
    const list = listOf([{ time: 1, seq: 1 }], 0);
    assert.deepEqual(pairsAt([list], 0, 0), []);
    assert.deepEqual(pairsAt([list], 1, 10), []);
  });
});
