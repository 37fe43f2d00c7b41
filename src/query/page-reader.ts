// Joins the index's positions with the ledger's entries into a page. Runs where the index is; entries travel on as JSON
// text, so that the thread that answers parses only what it shows. No entry that the total counts is ever left out (I5):
// one that cannot be read is an error.
import { type Entry, parseEntry, restoreBlobs } from "../event/entry.ts";
import type { IndexStore, Position } from "../index/port.ts";
import type { ListRequest, LookupRequest, NumberedEntry, Page, WalkRequest } from "./query.ts";

/** The ledger as a reader of pages needs it; ledger/port.ts's LogReader is one. */
export interface EntrySource {
  read(account: string, seqs: readonly number[]): readonly Uint8Array[];
  /** Entries below are past their retention. */
  minimum(account: string): number;
  blob(digest: string): Uint8Array;
}

/** A page whose entries are still text; texts[i] is the entry numbered seqs[i]. */
export interface PageText {
  readonly total: number;
  readonly size: number;
  readonly seqs: readonly number[];
  readonly texts: readonly string[];
}

export async function readPage(index: IndexStore, entries: EntrySource, request: ListRequest): Promise<PageText> {
  const { account } = request.filter;
  const size = index.covered(account);
  const { total, positions } = await index.find(request.filter, request.order, request.window);
  const seqs = positions.map(({ seq }) => seq);
  return { total, size, seqs, texts: entryTexts(entries, account, seqs) };
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
  return { size, seqs, texts: entryTexts(entries, lookup.account, seqs), next: scannedTo };
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

/** Complete entries as JSON, strings that live as blobs put back. @throws RangeError beyond the log's end */
export function entryTexts(entries: EntrySource, account: string, seqs: readonly number[]): readonly string[] {
  return entries.read(account, seqs).map((bytes) => {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
    return text.includes('"$sha256"')
      ? JSON.stringify(restoreBlobs(parseEntry(bytes), (digest) => entries.blob(digest)))
      : text;
  });
}

export function pageOf({ total, size, seqs, texts }: PageText): Page {
  return { total, size, entries: texts.map((text, i) => numberedEntry(seqs[i]!, text)) };
}

export function numberedEntry(seq: number, text: string): NumberedEntry {
  return { ...(JSON.parse(text) as Entry), seq };
}
