// What every reader of events asks and gets, as plain data: a dialect decodes its request into a ListRequest and encodes
// a Page. Answers are complete as of `size` entries of the ledger, or they are an error (I5).
import { TaishiError } from "../errors.ts";
import type { Entry } from "../event/entry.ts";
import type { CountedBy, Filter, Histogram, Lookup, Order, Position, Top, Window } from "../index/port.ts";
import type { Match } from "./event-match.ts";
import type { Joined, Lane, Story } from "./story.ts";

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

/** Events that a filter means and that match by what is in them. */
export interface SearchRequest {
  readonly filter: Filter;
  readonly match: Match;
  readonly order: Order;
  readonly after?: Position;
  readonly limit: number;
  /** Only entries below this number: those of a stated size of the log. */
  readonly below?: number;
}

export interface SearchPage {
  /** As in Page. */
  readonly size: number;
  readonly entries: readonly NumberedEntry[];
  /** Up to here everything was looked at, and here it goes on; null: nothing is left. The work of one call is bounded. */
  readonly next: Position | null;
  /** How many entries were looked at. */
  readonly scanned: number;
}

/** Consecutive entries of a log of which those that match are wanted, in the order of their numbers. */
export interface WalkRequest {
  readonly filter: Filter;
  /** Inclusive bounds of the numbers. */
  readonly firstSeq: number;
  readonly lastSeq: number;
}

/** What reads entries to find them. May throw TaishiError index-behind. */
export interface SearchQueries {
  search(request: SearchRequest): Promise<SearchPage>;
  /**
   * Entries from `first` on, at most `count`, as far as the log is; those past their retention are left out.
   * @returns `next`: the number to go on with, never more than the log's size
   */
  range(
    account: string,
    first: number,
    count: number,
  ): Promise<{ readonly entries: readonly NumberedEntry[]; readonly next: number }>;
}

/** What is asked about: a resource, in the filter; or a user or an address. */
export interface StoryRequest {
  readonly filter: Filter;
  readonly user?: string;
  readonly ip?: string;
  /** Events of the story. */
  readonly limit: number;
}

export interface StoryThread {
  readonly entry: NumberedEntry;
  readonly lane: Lane;
  /** Why it is there; absent where it is what was asked about. */
  readonly joined: Joined | undefined;
}

/** What belongs together, and what was not looked at. */
export interface StoryPage {
  readonly size: number;
  /** By time, then number. */
  readonly threads: readonly StoryThread[];
  readonly common: Story["common"];
  readonly scanned: number;
  /** Between these times everything was looked at to be joined; undefined where nothing was asked about. */
  readonly around: { readonly from: number; readonly to: number } | undefined;
  /** Of what is asked about, of what is around it, and of what belongs to it: whether there is more. */
  readonly cut: { readonly asked: boolean; readonly around: boolean; readonly events: boolean };
}

export interface StoryQueries {
  story(request: StoryRequest): Promise<StoryPage>;
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
  /** @throws TaishiError page-too-large where the events of the window do not fit into an answer; `fits` says how many do */
  list(request: ListRequest): Promise<Page>;
  /** One entry by its number, or undefined where the log has none (yet). */
  entry(account: string, seq: number): Promise<NumberedEntry | undefined>;
  /** Events that have every one of some terms; no total. */
  lookup(request: LookupRequest): Promise<LookupPage>;
  /** Every matching entry between two numbers, in their order, some at a time; complete when it ends. */
  walk(request: WalkRequest): AsyncIterable<readonly NumberedEntry[]>;
}

/** A page of as many events of the window as fit into an answer, from its first one on. */
export interface FittingPage extends Page {
  /** Whether events of the window are left out, and the next page begins with them. */
  readonly cut: boolean;
}

/** For who goes on behind the last event, and not by page numbers. */
export async function listFitting(queries: Pick<Queries, "list">, request: ListRequest): Promise<FittingPage> {
  // Of fewer still where larger events have come in between; one always fits.
  for (let { window } = request, cut = false; ; cut = true)
    try {
      return { ...(await queries.list({ ...request, window })), cut };
    } catch (thrown) {
      if (!(thrown instanceof TaishiError) || thrown.details.fits === undefined) throw thrown;
      window = { ...window, limit: thrown.details.fits };
    }
}
