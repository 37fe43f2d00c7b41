// The term lists of one immutable run, read: a cursor per term for lookups, all entries in order for merging. Owns only
// its statements; the connection is the run's. The layout is run-writer.ts's. A rare term costs one search in the
// directory, which is a B-tree and never read whole, and one block.
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { DecodedCache } from "./decoded-cache.ts";
import type { Order } from "./port.ts";
import { damaged } from "./posting-list.ts";
import { isBefore, rankInTerms, readTermBlock, type TermBlock } from "./term-block.ts";
import type { TermCursor } from "./term-search.ts";

export class RunTerms {
  readonly #run: number;
  readonly #cache: DecodedCache;
  readonly #blocks: number;
  readonly #selectPlace: StatementSync;
  readonly #selectBlock: StatementSync;
  readonly #selectFirsts: StatementSync;

  /** The terms of a run's file, or undefined where its events have none. */
  static open(database: DatabaseSync, run: number, cache: DecodedCache): RunTerms | undefined {
    const table = database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'term_block'").get();
    return table === undefined ? undefined : new RunTerms(database, run, cache);
  }

  private constructor(database: DatabaseSync, run: number, cache: DecodedCache) {
    this.#run = run;
    this.#cache = cache;
    this.#blocks = Number(database.prepare("SELECT max(id) AS blocks FROM term_block").get()!.blocks);
    this.#selectPlace = database.prepare(
      `SELECT block FROM term_first WHERE (hash, time, seq) <= (?, ?, ?)
       ORDER BY hash DESC, time DESC, seq DESC LIMIT 1`,
    );
    this.#selectBlock = database.prepare("SELECT body FROM term_block WHERE id = ?");
    this.#selectFirsts = database.prepare("SELECT hash, time, seq, block FROM term_first ORDER BY block");
  }

  /** The events that have the term; whether any has, the first seek tells. */
  cursor(hash: number, order: Order): TermCursor {
    return new RunCursor(this, hash, order);
  }

  /** The last block that begins at or before the place; 0 where none does. Blocks are numbered from 1. */
  place(hash: number, time: number, seq: number): number {
    const row = this.#selectPlace.get(hash, time, seq) as { block: number } | undefined;
    return row?.block ?? 0;
  }

  /** A block decoded, or undefined past the last; not cached, for merging. @throws Error where the file is damaged */
  block(id: number): TermBlock | undefined {
    return id > this.#blocks ? undefined : this.#decode(id);
  }

  /** The first entry of every block, as the search for a place finds it; for checking. */
  *firsts(): Generator<{ readonly hash: number; readonly time: number; readonly seq: number; readonly block: number }> {
    yield* this.#selectFirsts.iterate() as Iterable<never>;
  }

  cachedBlock(id: number): TermBlock | undefined {
    if (id > this.#blocks) return undefined;
    return this.#cache.get(this.#run, "terms", id, () => {
      const block = this.#decode(id);
      return { value: block, bytes: block.count * 24 + 300 };
    });
  }

  #decode(id: number): TermBlock {
    const row = this.#selectBlock.get(id) as { body: Uint8Array } | undefined;
    if (row === undefined) throw damaged("a block of terms is missing");
    return readTermBlock(row.body);
  }
}

class RunCursor implements TermCursor {
  readonly #terms: RunTerms;
  readonly #hash: number;
  readonly #descending: boolean;
  #block: TermBlock | undefined;
  time = 0;
  seq = 0;

  constructor(terms: RunTerms, hash: number, order: Order) {
    this.#terms = terms;
    this.#hash = hash;
    this.#descending = order === "desc";
  }

  seek(time: number, seq: number): boolean {
    return this.#descending ? this.#seekDown(time, seq) : this.#seekUp(time, seq);
  }

  #seekUp(time: number, seq: number): boolean {
    let block = this.#block;
    if (block === undefined || !this.#isInside(block, time, seq)) {
      let id = Math.max(1, this.#terms.place(this.#hash, time, seq));
      block = this.#terms.cachedBlock(id);
      // What is sought may be the first of the block after.
      if (block !== undefined && rankInTerms(block, this.#hash, time, seq) === block.count)
        block = this.#terms.cachedBlock(++id);
    }
    if (block === undefined) return false;
    return this.#stand(block, rankInTerms(block, this.#hash, time, seq));
  }

  #seekDown(time: number, seq: number): boolean {
    let block = this.#block;
    if (block === undefined || !this.#isInside(block, time, seq)) {
      const id = this.#terms.place(this.#hash, time, seq);
      block = id === 0 ? undefined : this.#terms.cachedBlock(id);
    }
    if (block === undefined) return false;
    return this.#stand(block, rankInTerms(block, this.#hash, time, seq + 1) - 1);
  }

  /** Whether the place is between a block's first and last entry. */
  #isInside({ hashes, times, seqs, count }: TermBlock, time: number, seq: number): boolean {
    const hash = this.#hash;
    const last = count - 1;
    return (
      (hashes[0]! < hash || (hashes[0] === hash && !isBefore(time, seq, times[0]!, seqs[0]!))) &&
      (hashes[last]! > hash || (hashes[last] === hash && !isBefore(times[last]!, seqs[last]!, time, seq)))
    );
  }

  #stand(block: TermBlock, at: number): boolean {
    if (block.hashes[at] !== this.#hash) return false;
    this.#block = block;
    this.time = block.times[at]!;
    this.seq = block.seqs[at]!;
    return true;
  }
}
