// Joins the index's positions with the ledger's entries into a page. Runs where the index is; entries travel on as JSON
// text, so that the thread that answers parses only what it shows. No entry that the total counts is ever left out (I5):
// one that cannot be read is an error.
import { type Entry, parseEntry, restoreBlobs } from "../event/entry.ts";
import type { IndexStore } from "../index/port.ts";
import type { ListRequest, NumberedEntry, Page } from "./query.ts";

/** The ledger as a reader of pages needs it; ledger/port.ts's LogReader is one. */
export interface EntrySource {
  read(account: string, seqs: readonly number[]): readonly Uint8Array[];
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
