import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Position } from "./port.ts";
import { TermPart } from "./term-part.ts";

const hashRange = 2 ** 53;
// Few and equal ones, the ends, and any.
const hashes = fc.oneof(
  fc.nat(6).map((n) => n * 2 ** 50),
  fc.constantFrom(0, hashRange - 1, hashRange - 2),
  fc.maxSafeNat(),
);
const events = fc.array(fc.record({ time: fc.nat(50), hashes: fc.array(hashes, { minLength: 1, maxLength: 6 }) }), {
  minLength: 1,
  maxLength: 400,
});

function partOf(events: readonly { time: number; hashes: readonly number[] }[]): TermPart {
  const part = new TermPart();
  events.forEach(({ time, hashes }, i) => {
    part.begin(time, i * 2 + 10);
    for (const hash of hashes) part.add(hash);
  });
  return part;
}

describe("terms in memory", () => {
  it("come out in the order of hash, time and number, each once, whatever came when", () => {
    fc.assert(
      fc.property(events, (events) => {
        const part = partOf(events);
        const found = [...part.sorted()].flatMap(({ hash, value }) => {
          const { order, length } = part.numbers(value);
          return [...order.subarray(0, length)].map((number) => [hash, part.times[number], part.seqs[number]]);
        });
        const expected = events
          .flatMap(({ time, hashes }, i) => [...new Set(hashes)].map((hash) => [hash, time, i * 2 + 10] as const))
          .sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]);
        assert.deepEqual(found, expected);
      }),
    );
  });

  it("are sought in both orders, while more comes", () => {
    const order = (a: Position, b: Position): number => a.time - b.time || a.seq - b.seq;
    fc.assert(
      fc.property(events, events, hashes, fc.nat(55), fc.nat(900), (early, late, hash, time, seq) => {
        for (const known of [early, [...early, ...late]]) {
          const part = partOf(known);
          const all = known
            .map((event, i) => ({ time: event.time, seq: i * 2 + 10, has: event.hashes.includes(hash) }))
            .filter(({ has }) => has);
          const up = all.filter((event) => order(event, { time, seq }) >= 0).sort(order)[0];
          const down = all.filter((event) => order(event, { time, seq }) <= 0).sort((a, b) => order(b, a))[0];
          for (const [name, expected] of [
            ["asc", up],
            ["desc", down],
          ] as const) {
            const cursor = part.cursor(hash, name);
            assert.equal(cursor === undefined, all.length === 0);
            assert.equal(cursor?.seek(time, seq) ?? false, expected !== undefined);
            if (expected !== undefined) assert.deepEqual([cursor?.time, cursor?.seq], [expected.time, expected.seq]);
          }
        }
      }),
    );
  });

  it("are all there after the table has grown many times, and weigh what they take", () => {
    const part = new TermPart();
    let state = 1;
    const random = (): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state;
    };
    const made = Array.from({ length: 50_000 }, () => random() * 2 ** 21 + (random() >>> 11));
    made.forEach((hash, i) => {
      part.begin(i, i);
      part.add(hash);
    });
    for (const [i, hash] of made.entries()) {
      const cursor = part.cursor(hash, "asc");
      assert.equal(cursor?.seek(i, i), true);
      assert.equal(cursor?.seq, i);
    }
    assert.ok(part.weight > 25_000 && part.weight < 100_000, `${part.weight}`);
    assert.deepEqual(part.rate, { firstTime: 0, firstSeq: 0, lastTime: 49_999, lastSeq: 49_999 });
  });
});
