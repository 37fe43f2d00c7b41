// What every reader of events asks and gets, as plain data: a dialect decodes its request into a ListRequest and encodes
// a Page. Answers are complete as of `size` entries of the ledger, or they are an error (I5).
import type { Entry } from "../event/entry.ts";
import type { Filter, Order, Window } from "../index/port.ts";

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

/** The port dialects and the own API read through. Every method may throw TaishiError index-behind. */
export interface Queries {
  list(request: ListRequest): Promise<Page>;
  /** One entry by its number, or undefined where the log has none (yet). */
  entry(account: string, seq: number): Promise<NumberedEntry | undefined>;
}
