// What every reader of events asks and gets, as plain data: a dialect decodes its request into a ListRequest and encodes
// a Page. Answers are complete as of `size` entries of the ledger, or they are an error (I5).
import type { Entry } from "../event/entry.ts";
import type { CountedBy, Filter, Histogram, Lookup, Order, Position, Top, Window } from "../index/port.ts";

export interface ListRequest {
  readonly filter: Filter;
  readonly order: Order;
  readonly window: Window;
}

/** An entry with its number in the account's log. */
export interface NumberedEntry extends Entry {
  readonly seq: number;
}

export interface Page {
  /** Exact number of all matches. */
  readonly total: number;
  /** Entries of the account's log that the answer covers; at least what was acknowledged when the request came (I6). */
  readonly size: number;
  readonly entries: readonly NumberedEntry[];
}

export interface LookupRequest {
  readonly lookup: Lookup;
  readonly order: Order;
  readonly after?: Position;
  readonly limit: number;
}

export interface LookupPage {
  /** As in Page. */
  readonly size: number;
  readonly entries: readonly NumberedEntry[];
  /** Where to go on, or null where nothing that matches is left. May be given with fewer entries than asked for, even none. */
  readonly next: Position | null;
}

/** Consecutive entries of a log of which those that match are wanted, in the order of their numbers. */
export interface WalkRequest {
  readonly filter: Filter;
  /** Inclusive bounds of the numbers. */
  readonly firstSeq: number;
  readonly lastSeq: number;
}

export interface CountRequest {
  readonly filter: Filter;
  readonly by: CountedBy;
  /** Buckets of time, at least 1. */
  readonly buckets: number;
}

export interface TopRequest {
  readonly filter: Filter;
  readonly by: "type" | "resource";
  readonly limit: number;
}

/** Exact counts, of sums that the index keeps: no event is read. May throw TaishiError index-behind. */
export interface CountQueries {
  histogram(request: CountRequest): Promise<Histogram>;
  top(request: TopRequest): Promise<Top>;
}

/** The port dialects and the own API read through. Every method may throw TaishiError index-behind. */
export interface Queries {
  list(request: ListRequest): Promise<Page>;
  /** One entry by its number, or undefined where the log has none (yet). */
  entry(account: string, seq: number): Promise<NumberedEntry | undefined>;
  /** Events that have every one of some terms; no total. */
  lookup(request: LookupRequest): Promise<LookupPage>;
  /** Every matching entry between two numbers, in their order, some at a time; complete when it ends. */
  walk(request: WalkRequest): AsyncIterable<readonly NumberedEntry[]>;
}
