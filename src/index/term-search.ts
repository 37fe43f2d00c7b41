// Finding what has several terms: leapfrog over sorted cursors, within each source by itself, because all terms of an
// event are in one source (a part in memory or a run). Sources are advanced in the order of their bounds, none further
// than the answer needs. Pure; knows no file. Entries are never read: the caller verifies them.
import type { Found, Lookup, Order, Position } from "./port.ts";
import { isBefore } from "./term-block.ts";

/** The events of one term in one source, sought in one order. */
export interface TermCursor {
  /** Goes to the first event from (time, seq) on, itself included, in the cursor's order; false where none is left. */
  seek(time: number, seq: number): boolean;
  /** Where it went. */
  readonly time: number;
  readonly seq: number;
}

/** One source: a cursor per term. */
class Join {
  readonly #cursors: readonly TermCursor[];
  /** Nothing that matches comes before here, in the order asked for. */
  time: number;
  seq: number;
  /** Cursors, counted back from #next, that stand at the bound; all of them: it matches. */
  agreed = 0;
  #next = 0;

  constructor(cursors: readonly TermCursor[], start: Position) {
    this.#cursors = cursors;
    this.time = start.time;
    this.seq = start.seq;
  }

  get matches(): boolean {
    return this.agreed === this.#cursors.length;
  }

  /** Moves one cursor to the bound or the bound to it; false where nothing is left. */
  step(): boolean {
    const cursor = this.#cursors[this.#next]!;
    if (!cursor.seek(this.time, this.seq)) return false;
    this.#next = this.#next + 1 === this.#cursors.length ? 0 : this.#next + 1;
    if (this.agreed > 0 && cursor.time === this.time && cursor.seq === this.seq) this.agreed++;
    else {
      this.time = cursor.time;
      this.seq = cursor.seq;
      this.agreed = 1;
    }
    return true;
  }

  /** Goes past the bound. */
  leave(sign: 1 | -1): void {
    this.seq += sign;
    this.agreed = 0;
  }
}

/** Steps of cursors in one call, about: some ten milliseconds. */
export const mostSteps = 50_000;

/** @throws RangeError where a lookup names no term or asks for no position */
export function checkLookup(lookup: Lookup, limit: number): void {
  if (lookup.terms.length === 0) throw new RangeError("a lookup needs a term");
  if (!(limit >= 1)) throw new RangeError("a lookup needs a limit of 1 or more");
}

/**
 * The events that stand in every cursor of a source, over all sources, within the lookup's times and numbers.
 * @param sources per source one cursor per term, in the order asked for
 */
export function searchTerms(
  sources: readonly (readonly TermCursor[])[],
  lookup: Lookup,
  order: Order,
  after: Position | undefined,
  limit: number,
  steps = mostSteps,
): Found {
  const sign = order === "asc" ? 1 : -1;
  const start = startOf(lookup, order, after);
  const joins = sources.map((cursors) => new Join(cursors, start));
  const positions: Position[] = [];
  let passed: Position | undefined;
  for (let done = 0; ; done++) {
    let least: Join | undefined;
    for (const join of joins) {
      if (least === undefined) least = join;
      else if (sign > 0 ? precedes(join, least) : precedes(least, join)) least = join;
    }
    if (least === undefined) return { positions, scannedTo: null };
    if (done >= steps && passed !== undefined) return { positions, scannedTo: passed };
    const { time, seq, agreed } = least;
    if (least.matches) {
      if (seq < (lookup.below ?? Number.POSITIVE_INFINITY) && seq >= (lookup.atLeast ?? 0)) {
        // One more than wanted tells whether anything comes after the last.
        if (positions.length === limit) return { positions, scannedTo: positions[limit - 1]! };
        positions.push({ time, seq });
      }
      passed = { time, seq };
      least.leave(sign);
    } else {
      const left = least.step() && isWithin(least.time, lookup, order);
      // Every other bound is at or past this one, so all up to it has been looked at once it is left.
      if (agreed > 0 && !(left && least.time === time && least.seq === seq)) passed = { time, seq };
      if (!left) joins.splice(joins.indexOf(least), 1);
    }
  }
}

function precedes(a: Position, b: Position): boolean {
  return isBefore(a.time, a.seq, b.time, b.seq);
}

/** The first place that may match. */
function startOf({ from, to }: Lookup, order: Order, after: Position | undefined): Position {
  if (order === "asc") {
    const first = { time: from ?? 0, seq: 0 };
    if (after === undefined) return first;
    const next = { time: after.time, seq: after.seq + 1 };
    return precedes(next, first) ? first : next;
  }
  // Before every event of the time `to`.
  const last = { time: to ?? Number.MAX_SAFE_INTEGER, seq: -1 };
  if (after === undefined) return last;
  const next = { time: after.time, seq: after.seq - 1 };
  return precedes(next, last) ? next : last;
}

function isWithin(time: number, { from, to }: Lookup, order: Order): boolean {
  return order === "asc" ? to === undefined || time < to : from === undefined || time >= from;
}
