// Positions of records that come without one: a stream with a name nobody else has, and a count. Both are in `resume`, and
// so on disk with the last record that has a number of them: a number is never given twice to what was kept.
import { randomBytes } from "node:crypto";
import type { Placed } from "./input.ts";
import type { Arrival } from "./received.ts";

export interface Numbered {
  readonly stream: string;
  /** Of the last record. */
  readonly count: number;
}

/** Goes on from `resume` where that holds a numbering; else a new stream. */
export function numberingOf(resume: unknown): Numbered {
  const { stream, count } = (resume ?? {}) as Partial<Numbered>;
  if (typeof stream === "string" && Number.isSafeInteger(count)) return { stream, count: count! };
  return { stream: `n-${randomBytes(16).toString("hex")}`, count: 0 };
}

/** The records with the numbers after `last`. */
export function placed(arrivals: readonly Arrival[], last: Numbered): { records: Placed[]; after: Numbered } {
  const records = arrivals.map((arrival, i) => ({ ...arrival, offset: last.count + i + 1 }));
  return { records, after: { stream: last.stream, count: last.count + records.length } };
}
