// What an index engine offers: facts of consecutive entries go in, exact counts and pages of positions come out.
// The index is derived (I4): every engine can be deleted and fed again from the ledger to the same answers, and all of
// them pass index-store.contract.ts. Durability promise: none beyond `covered` – what is not covered is fed again.
import type { Kind, Risk } from "../event/event.ts";
import type { FactBatch } from "../event/stream.ts";

/** Which events of one account are meant; absent members do not restrict. Lists are alternatives, members are ANDed. */
export interface Filter {
  readonly account: string;
  readonly kinds?: readonly Kind[];
  readonly types?: readonly string[];
  readonly risks?: readonly Risk[];
  readonly resourceType?: string;
  readonly resourceId?: string;
  /** Only together with resourceId. */
  readonly project?: string;
  /** Inclusive, epoch milliseconds. */
  readonly from?: number;
  /** Exclusive, epoch milliseconds. */
  readonly to?: number;
}

export type Order = "asc" | "desc";

/** Where an event stands: everything is ordered by time, then seq; "desc" is the exact reverse. */
export interface Position {
  readonly time: number;
  readonly seq: number;
}

/** Which part of the ordered matches is wanted: from an offset, or strictly after a position (in the given order). */
export type Window =
  | { readonly offset: number; readonly limit: number }
  | { readonly after: Position; readonly limit: number };

export interface Hits {
  /** Exact number of all matches, whatever the window. */
  readonly total: number;
  /** At most `limit`, in the order asked for. */
  readonly positions: readonly Position[];
}

/** Events of one account that have every one of these terms (event/trail-event.ts). */
export interface Lookup {
  readonly account: string;
  /** At least one; ANDed. */
  readonly terms: readonly string[];
  /** Inclusive, epoch milliseconds. */
  readonly from?: number;
  /** Exclusive, epoch milliseconds. */
  readonly to?: number;
  /** Only entries below this number: those of a stated size of the log. */
  readonly below?: number;
  /** Only entries from this number on: those that are not past their retention. */
  readonly atLeast?: number;
}

export interface Found {
  /** At most `limit`, in the order asked for. */
  readonly positions: readonly Position[];
  /**
   * null: nothing that matches comes after the last position. Else everything up to here was looked at, and a further
   * call with `after` here goes on: the work of one call is bounded.
   */
  readonly scannedTo: Position | null;
}

/** By what counts over time are told apart. */
export type CountedBy = "kind" | "risk" | "type";

/** Exact counts of a filter's matches over time. */
export interface Histogram {
  /** Entries of the account's log that were counted. */
  readonly covered: number;
  /** What was counted between, in epoch milliseconds, `to` exclusive: the filter's times, or else those of the matches. */
  readonly from: number;
  readonly to: number;
  /** Milliseconds of a bucket; the last may be cut by `to`. */
  readonly width: number;
  /** By key, ascending. counts[i] is of the events from `from + i × width` on. */
  readonly groups: readonly { readonly key: string; readonly counts: readonly number[] }[];
}

/** What occurs most. */
export interface Top {
  /** Entries of the account's log that were counted. */
  readonly covered: number;
  /** Exact number of all matches. */
  readonly total: number;
  /** Most first; of equal counts in the order of their keys. A type is [type], a resource [resourceType, resourceId]. */
  readonly items: readonly { readonly key: readonly string[]; readonly count: number }[];
}

export interface IndexStats {
  /** Events covered, over all accounts. */
  readonly events: number;
  /** Of these, how many are only in memory so far. */
  readonly inMemory: number;
  readonly runs: number;
}

export interface IndexStore {
  /** How many entries of the account's log are in: the next seq it wants. */
  covered(account: string): number;
  /**
   * Takes the facts of the entries first, first+1, … of the account's log. They are in the very next answer.
   * @throws RangeError when `first` is not covered(account)
   */
  add(account: string, first: number, facts: FactBatch): void;
  /** Resolves when background work has fallen far enough behind `add` that more may come: bounds memory. */
  ready(): Promise<void>;
  find(filter: Filter, order: Order, window: Window): Promise<Hits>;
  count(filter: Filter): Promise<number>;
  /** Into how many buckets is at least 1; fewer come where they would be shorter than a millisecond. */
  histogram(filter: Filter, by: CountedBy, buckets: number): Promise<Histogram>;
  /** Events without a resource are in `total` alone. */
  top(filter: Filter, by: "type" | "resource", limit: number): Promise<Top>;
  /** What has all these terms, strictly after a position in the order asked for. There is no total. */
  lookup(lookup: Lookup, order: Order, after: Position | undefined, limit: number): Promise<Found>;
  stats(): IndexStats;
  /**
   * Takes the account's events below this number out of every list, but for those of kind system; `covered` stays. What
   * they can be looked up by may stay: a lookup says with `atLeast` which numbers it wants. Durable when it resolves; done
   * once more it changes nothing.
   */
  forget(account: string, below: number): Promise<void>;
  /** Forgets everything, as if new. */
  clear(): Promise<void>;
  /** Ends background work; what was only in memory is gone and no longer covered at the next open. */
  close(): Promise<void>;
}
