import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Lookup, Order, Position } from "./port.ts";
import { searchTerms, type TermCursor } from "./term-search.ts";

const ascending = (a: Position, b: Position): number => a.time - b.time || a.seq - b.seq;

/** Counts its seeks. */
class ArrayCursor implements TermCursor {
  readonly #positions: readonly Position[];
  readonly #sign: 1 | -1;
  seeks = 0;
  time = 0;
  seq = 0;

  constructor(positions: readonly Position[], order: Order) {
    this.#sign = order === "asc" ? 1 : -1;
    this.#positions = positions.toSorted((a, b) => this.#sign * ascending(a, b));
  }

  seek(time: number, seq: number): boolean {
    this.seeks++;
    const found = this.#positions.find((position) => this.#sign * ascending(position, { time, seq }) >= 0);
    if (found !== undefined) [this.time, this.seq] = [found.time, found.seq];
    return found !== undefined;
  }
}

/** Events in some sources, each with some of three terms. */
const world = fc
  .array(fc.record({ time: fc.nat(12), source: fc.nat(3), terms: fc.subarray([0, 1, 2]) }), { maxLength: 80 })
  .map((events) => events.map((event, seq) => ({ ...event, seq })));

describe("the search for terms", () => {
  it("finds everything once and in order over several sources, in calls of any size", () => {
    const optional = fc.option(fc.nat(13), { nil: undefined });
    const bounds = fc.tuple(optional, optional, fc.option(fc.nat(80), { nil: undefined }));
    fc.assert(
      fc.property(
        world,
        fc.subarray([0, 1, 2], { minLength: 1 }),
        bounds,
        fc.constantFrom<Order[]>("asc", "desc"),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 0, max: 40 }),
        (events, wanted, [from, to, below], order, limit, steps) => {
          const lookup: Lookup = {
            account: "1",
            terms: wanted.map(String),
            ...(from !== undefined && { from }),
            ...(to !== undefined && { to }),
            ...(below !== undefined && { below }),
          };
          const expected = events
            .filter(({ terms }) => wanted.every((term) => terms.includes(term)))
            .filter(({ time, seq }) => time >= (from ?? 0) && time < (to ?? 99) && seq < (below ?? 99))
            .map(({ time, seq }) => ({ time, seq }))
            .sort((a, b) => (order === "asc" ? ascending(a, b) : ascending(b, a)));
          const found: Position[] = [];
          let after: Position | undefined;
          for (;;) {
            const sources = [0, 1, 2, 3].map((source) =>
              wanted.map(
                (term) =>
                  new ArrayCursor(
                    events.filter((event) => event.source === source && event.terms.includes(term)),
                    order,
                  ),
              ),
            );
            const { positions, scannedTo } = searchTerms(sources, lookup, order, after, limit, steps);
            assert.ok(positions.length <= limit);
            found.push(...positions);
            if (scannedTo === null) break;
            const sign = order === "asc" ? 1 : -1;
            assert.ok(after === undefined || sign * ascending(scannedTo, after) > 0);
            assert.ok(events.some(({ time, seq }) => time === scannedTo.time && seq === scannedTo.seq));
            after = scannedTo;
          }
          assert.deepEqual(found, expected);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("does no more than its steps where nothing matches, and says how far it looked", () => {
    const even = Array.from({ length: 1000 }, (_, i) => ({ time: i * 2, seq: i * 2 }));
    const odd = even.map(({ time, seq }) => ({ time: time + 1, seq: seq + 1 }));
    const cursors = [new ArrayCursor(even, "asc"), new ArrayCursor(odd, "asc")];
    const found = searchTerms([cursors], { account: "1", terms: ["a", "b"] }, "asc", undefined, 10, 100);
    assert.deepEqual(found.positions, []);
    assert.ok(found.scannedTo !== null && found.scannedTo.time > 90 && found.scannedTo.time < 110);
    assert.equal(cursors[0]!.seeks + cursors[1]!.seeks, 100);
  });

  it("goes straight to the one event of a rare term, wherever it stands in a frequent one", () => {
    const many = Array.from({ length: 5000 }, (_, seq) => ({ time: seq, seq }));
    for (const order of ["asc", "desc"] as const) {
      const [frequent, rare] = [new ArrayCursor(many, order), new ArrayCursor([many[2500]!], order)];
      const found = searchTerms([[frequent, rare]], { account: "1", terms: ["a", "b"] }, order, undefined, 10);
      assert.deepEqual(found, { positions: [{ time: 2500, seq: 2500 }], scannedTo: null });
      assert.ok(frequent.seeks + rare.seeks <= 6, `${frequent.seeks + rare.seeks} seeks`);
    }
  });

  it("does not move a source whose events all come later than the answer", () => {
    const early = new ArrayCursor(
      [1, 2, 3].map((time) => ({ time, seq: time })),
      "asc",
    );
    const late = new ArrayCursor(
      [7, 8, 9].map((time) => ({ time, seq: time })),
      "asc",
    );
    searchTerms([[early], [late]], { account: "1", terms: ["a"] }, "asc", undefined, 2);
    assert.equal(late.seeks, 1);
  });
});
