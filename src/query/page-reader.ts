// Joins the index's positions with the ledger's entries into a page. Runs where the index is; entries travel on as JSON
// text, so that the thread that answers parses only what it shows. No entry that the total counts is ever left out (I5):
// one that cannot be read is an error.
import { setImmediate as nextTurn } from "node:timers/promises";
import { TaishiError } from "../errors.ts";
import { type Entry, mayHaveBlobs, parseEntry, restoreBlobs } from "../event/entry.ts";
import type { IndexStore, Position } from "../index/port.ts";
import { entryTest } from "./event-match.ts";
import type { ListRequest, LookupRequest, NumberedEntry, Page, SearchRequest, WalkRequest } from "./query.ts";
import { mostPageText } from "./weight.ts";

/** The ledger as a reader of pages needs it; ledger/port.ts's LogReader is one. */
export interface EntrySource {
  read(account: string, seqs: readonly number[]): readonly Uint8Array[];
  /** Entries below are past their retention. */
  minimum(account: string): number;
  /** @param account and seq of an entry that has it */
  blob(digest: string, account: string, seq: number): Uint8Array;
}

/** The same, and entries one after the other. */
export interface LogSource extends EntrySource {
  size(account: string): number;
  /** Entries from `from` to before `to`, which are in one bundle; undefined for those past their retention. */
  slice(account: string, from: number, to: number): readonly (Uint8Array | undefined)[];
}

/** A page whose entries are still text; texts[i] is the entry numbered seqs[i]. */
export interface PageText {
  readonly total: number;
  readonly size: number;
  readonly seqs: readonly number[];
  readonly texts: readonly string[];
}

/** @throws TaishiError page-too-large */
export async function readPage(index: IndexStore, entries: EntrySource, request: ListRequest): Promise<PageText> {
  const { account } = request.filter;
  const size = index.covered(account);
  const { total, positions } = await index.find(request.filter, request.order, request.window);
  const seqs = positions.map(({ seq }) => seq);
  const texts = fittingTexts(entries, account, seqs);
  if (texts.length < seqs.length)
    throw new TaishiError(
      "page-too-large",
      `only ${texts.length} of these ${seqs.length} events fit into one answer; ask for fewer at a time`,
      { fits: texts.length },
    );
  return { total, size, seqs, texts };
}

/** Positions per look at the index while a walk collects its numbers. */
const walkStep = 20_000;

/** A page of a lookup whose entries are still text. */
export interface LookupText extends Omit<PageText, "total"> {
  readonly next: Position | null;
}

export async function readLookup(
  index: IndexStore,
  entries: EntrySource,
  { lookup, order, after, limit }: LookupRequest,
): Promise<LookupText> {
  const size = index.covered(lookup.account);
  const atLeast = entries.minimum(lookup.account);
  const { positions, scannedTo } = await index.lookup({ ...lookup, atLeast }, order, after, limit);
  const seqs = positions.map(({ seq }) => seq);
  const texts = fittingTexts(entries, lookup.account, seqs);
  const next = texts.length < seqs.length ? positions[texts.length - 1]! : scannedTo;
  return { size, seqs: seqs.slice(0, texts.length), texts, next };
}

/** Numbers of the entries that a walk wants, ascending. */
export async function walkedSeqs(
  index: IndexStore,
  { filter, firstSeq, lastSeq }: WalkRequest,
): Promise<Float64Array<ArrayBuffer>> {
  const seqs: number[] = [];
  let after: Position | undefined;
  for (;;) {
    const limit = walkStep;
    const window = after === undefined ? { offset: 0, limit } : { after, limit };
    const { positions } = await index.find(filter, "asc", window);
    for (const { seq } of positions) if (seq >= firstSeq && seq <= lastSeq) seqs.push(seq);
    after = positions.at(-1);
    if (positions.length < limit) return Float64Array.from(seqs).sort();
  }
}

/** Entries looked at between two pauses, and in one call. */
const searchStep = 512;
const mostScanned = 20_000;

/** What one call may read of entries, in characters, and when others get their turn: entries may be megabytes each. */
export class ReadBudget {
  readonly #most: number;
  #read = 0;
  #sincePause = 0;

  constructor(most = 256 * 1024 * 1024) {
    this.#most = most;
  }

  get isSpent(): boolean {
    return this.#read >= this.#most;
  }

  /** To be awaited after each entry that was looked at. */
  spend({ length }: string): Promise<void> | undefined {
    this.#read += length;
    this.#sincePause += length;
    if (this.#sincePause < 4 * 1024 * 1024) return undefined;
    this.#sincePause = 0;
    return nextTurn();
  }
}

/** A page of a search whose entries are still text. */
export interface SearchText extends Omit<PageText, "total"> {
  readonly next: Position | null;
  readonly scanned: number;
}

/**
 * Goes through what the filter means and looks at every entry, so far as one call may. Others get their turn in between; what
 * is appended meanwhile is not looked at (I5).
 */
export async function readSearch(
  index: IndexStore,
  entries: EntrySource,
  { filter, match, order, after, limit, below = Number.POSITIVE_INFINITY }: SearchRequest,
  budget = new ReadBudget(),
): Promise<SearchText> {
  const { account } = filter;
  const size = index.covered(account);
  const end = Math.min(size, below);
  const test = entryTest(match);
  const seqs: number[] = [];
  const texts: string[] = [];
  let at = after;
  let kept = 0;
  for (let scanned = 0; ; ) {
    const step = Math.min(searchStep, mostScanned - scanned);
    const window = at === undefined ? { offset: 0, limit: step } : { after: at, limit: step };
    const { positions } = await index.find(filter, order, window);
    const known = positions.filter(({ seq }) => seq < end);
    const found = eachText(
      entries,
      account,
      known.map(({ seq }) => seq),
    );
    for (const position of known) {
      const text = found.next().value!;
      const isMatch = test.maybe(text) && test.matches(JSON.parse(text) as Entry);
      // What does not fit is looked at again by the next call.
      if (isMatch && texts.length > 0 && kept + text.length > mostPageText)
        return { size, seqs, texts, next: at!, scanned };
      scanned++;
      at = position;
      if (isMatch) {
        seqs.push(position.seq);
        texts.push(text);
        kept += text.length;
        if (seqs.length === limit) return { size, seqs, texts, next: at, scanned };
      }
      await budget.spend(text);
      if (budget.isSpent) return { size, seqs, texts, next: at, scanned };
    }
    if (positions.length < step) return { size, seqs, texts, next: null, scanned };
    at = positions.at(-1)!;
    if (scanned >= mostScanned) return { size, seqs, texts, next: at, scanned };
    await nextTurn();
  }
}

/** Entries in one call for those who follow the log. */
const bundle = 256;

/** Consecutive entries that are not past their retention, at most `count` numbers of them, and as many as fit in an answer. */
export function readRange(
  entries: LogSource,
  account: string,
  first: number,
  count: number,
): { readonly seqs: readonly number[]; readonly texts: readonly string[]; readonly next: number } {
  const next = Math.max(first, Math.min(first + count, entries.size(account)));
  const seqs: number[] = [];
  const texts: string[] = [];
  let sum = 0;
  for (let from = first; from < next; ) {
    const to = Math.min(next, (Math.floor(from / bundle) + 1) * bundle);
    for (const [i, bytes] of entries.slice(account, from, to).entries()) {
      if (bytes === undefined) continue;
      const text = entryText(entries, account, from + i, bytes);
      sum += text.length;
      if (sum > mostPageText && texts.length > 0) return { seqs, texts, next: from + i };
      seqs.push(from + i);
      texts.push(text);
    }
    from = to;
  }
  return { seqs, texts, next };
}

/** Entries read from the ledger at once. */
const readAtOnce = 64;

/**
 * Complete entries as JSON, one after the other; strings that live as blobs are put back when it is an entry's turn.
 * @throws RangeError beyond the log's end; TaishiError gone
 */
export function* eachText(
  entries: EntrySource,
  account: string,
  seqs: readonly number[],
): Generator<string, undefined> {
  for (let at = 0; at < seqs.length; at += readAtOnce) {
    const some = seqs.slice(at, at + readAtOnce);
    // Its blobs may be gone by now, and then so is the entry.
    for (const [i, bytes] of entries.read(account, some).entries())
      yield entryText(entries, account, some[i]!, mayHaveBlobs(bytes) ? entries.read(account, [some[i]!])[0]! : bytes);
  }
  return undefined;
}

/** The same of as many as fit in an answer, at least one. */
export function fittingTexts(entries: EntrySource, account: string, seqs: readonly number[]): readonly string[] {
  const texts: string[] = [];
  let sum = 0;
  for (const text of eachText(entries, account, seqs)) {
    sum += text.length;
    if (sum > mostPageText && texts.length > 0) break;
    texts.push(text);
  }
  return texts;
}

function entryText(entries: EntrySource, account: string, seq: number, bytes: Uint8Array): string {
  return mayHaveBlobs(bytes)
    ? JSON.stringify(restoreBlobs(parseEntry(bytes), (digest) => entries.blob(digest, account, seq)))
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
}

export function pageOf({ total, size, seqs, texts }: PageText): Page {
  return { total, size, entries: texts.map((text, i) => numberedEntry(seqs[i]!, text)) };
}

export function numberedEntry(seq: number, text: string): NumberedEntry {
  return { ...(JSON.parse(text) as Entry), seq };
}
