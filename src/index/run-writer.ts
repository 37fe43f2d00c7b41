// Writes one run: lists in the order of their keys, packed. Owns the layout that run.ts reads. The file is worth nothing
// until finish() has fsynced it and the manifest lists it; a crash before leaves an orphan that the next open removes.
//
// A leaf is about 4 KB of consecutive lists: per list the number of bytes its key shares with the one before, the rest of
// the key (or the number of the same rest earlier in the leaf), count, span relative to the list before, and then either the body (up to 512 pairs) or, for longer lists, the number of
// its first block. Blocks of a long list have consecutive numbers and are full but for the last; the number after the
// last holds the directory: every block's first pair.
// Where events have terms, blocks of term lists (term-block.ts) follow, numbered from 1, with each one's first entry in a
// directory of its own; else those tables are not there.
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { openDatabase } from "../durable/database.ts";
import { syncFile } from "./file-sync.ts";
import { ByteWriter, blockPairs, origin, type Span, spanOf, writeBlock, writeBody, writeSpan } from "./posting-list.ts";
import { TermBlockWriter } from "./term-block.ts";

export const runKind = "TSir";
/** Grows only together with the manifest's format, which is what an older program refuses. */
export const runFormat = 2;

// Four of them fill a page.
const leafBytes = 4060;
/** What a list's counts and span take at most, usually. */
const headBytes = 24;
// Blocks and leaves are rows of 1 to 6 KB; in SQLite's usual 4 KB pages half of the file would be air.
const pageBytes = 16_384;

export class RunWriter {
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #insertLeaf: StatementSync;
  readonly #insertFirst: StatementSync;
  readonly #insertBlock: StatementSync;
  readonly #leaf = new ByteWriter();
  readonly #block = new ByteWriter();
  readonly #times = new Float64Array(blockPairs);
  readonly #seqs = new Float64Array(blockPairs);
  #open = true;
  #leaves = 0;
  #leafFirst: Uint8Array = new Uint8Array(0);
  #lastKey: Uint8Array = new Uint8Array(0);
  #before: Span = origin;
  /** Endings of keys that occurred in the leaf, by their bytes. */
  readonly #endings = new Map<string, number>();
  #blocks = 0;
  /** Of the list being written: pairs in the buffer, pairs in all, its first block and first pair, its directory. */
  #buffered = 0;
  #count = 0;
  #firstBlock = 0;
  #firstTime = 0;
  #firstSeq = 0;
  #directoryTime = 0;
  #directorySeq = 0;
  readonly #directory = new ByteWriter();
  #terms: TermBlockWriter | undefined;

  constructor(path: string) {
    this.#path = path;
    this.#database = openDatabase({
      path,
      kind: runKind,
      format: runFormat,
      synchronous: "NORMAL",
      create: (database) =>
        database.exec(
          `CREATE TABLE leaf (id INTEGER PRIMARY KEY, body BLOB NOT NULL);
           CREATE TABLE leaf_first (key BLOB PRIMARY KEY, leaf INTEGER NOT NULL) WITHOUT ROWID;
           CREATE TABLE block (id INTEGER PRIMARY KEY, body BLOB NOT NULL)`,
        ),
    });
    // Nobody reads the file before it is whole, so it needs no journal on disk; the page size can only change by a VACUUM
    // outside WAL, which costs nothing while the file is empty.
    this.#database.exec(
      `PRAGMA journal_mode=DELETE; PRAGMA synchronous=OFF; PRAGMA page_size=${pageBytes}; VACUUM;
       PRAGMA journal_mode=MEMORY; PRAGMA cache_size=-4096; PRAGMA locking_mode=EXCLUSIVE; BEGIN`,
    );
    this.#insertLeaf = this.#database.prepare("INSERT INTO leaf (id, body) VALUES (?, ?)");
    this.#insertFirst = this.#database.prepare("INSERT INTO leaf_first (key, leaf) VALUES (?, ?)");
    this.#insertBlock = this.#database.prepare("INSERT INTO block (id, body) VALUES (?, ?)");
  }

  /** Takes the next pairs of the list, [from, to) of the arrays, in order. */
  append(times: Float64Array, seqs: Float64Array, from: number, to: number): void {
    for (let at = from; at < to; ) {
      if (this.#buffered === blockPairs) this.#writeBlock();
      const taken = Math.min(to - at, blockPairs - this.#buffered);
      this.#times.set(times.subarray(at, at + taken), this.#buffered);
      this.#seqs.set(seqs.subarray(at, at + taken), this.#buffered);
      if (this.#count === 0) {
        this.#firstTime = times[at]!;
        this.#firstSeq = seqs[at]!;
      }
      this.#buffered += taken;
      this.#count += taken;
      at += taken;
    }
  }

  /** Ends the list whose pairs were appended; keys come in ascending order of their bytes. */
  endList(key: Uint8Array): void {
    const count = this.#count;
    if (count === 0) return;
    const short = count <= blockPairs;
    const body = this.#block;
    let span: Span;
    if (short) {
      span = spanOf(this.#times, this.#seqs, 0, count);
      body.clear();
      writeBody(body, span, this.#times, this.#seqs, 0, count);
    } else {
      const last = this.#buffered - 1;
      span = {
        firstTime: this.#firstTime,
        firstSeq: this.#firstSeq,
        lastTime: this.#times[last]!,
        lastSeq: this.#seqs[last]!,
      };
      this.#writeBlock();
      this.#insertBlock.run(++this.#blocks, this.#directory.view());
      this.#directory.clear();
    }
    this.#beginInLeaf(key, short ? body.length : 0);
    const leaf = this.#leaf;
    leaf.unsigned(count);
    writeSpan(leaf, span, count, this.#before);
    if (!short) leaf.unsigned(this.#firstBlock);
    else if (count > 2) {
      leaf.unsigned(body.length);
      leaf.raw(body.view());
    }
    this.#before = span;
    this.#buffered = 0;
    this.#count = 0;
    this.#firstBlock = 0;
  }

  /** Starts the terms, after all lists; the rate is what numbers are expected to rise with time at. */
  beginTerms(rate: Span): void {
    this.#database.exec(
      `CREATE TABLE term_block (id INTEGER PRIMARY KEY, body BLOB NOT NULL);
       CREATE TABLE term_first (hash INTEGER, time INTEGER, seq INTEGER, block INTEGER NOT NULL,
         PRIMARY KEY (hash, time, seq)) WITHOUT ROWID`,
    );
    const insertBlock = this.#database.prepare("INSERT INTO term_block (id, body) VALUES (?, ?)");
    const insertFirst = this.#database.prepare("INSERT INTO term_first (hash, time, seq, block) VALUES (?, ?, ?, ?)");
    let id = 0;
    this.#terms = new TermBlockWriter(rate, (hash, time, seq, bytes) => {
      insertBlock.run(++id, bytes);
      insertFirst.run(hash, time, seq, id);
    });
  }

  /** Takes the next entry, in the order of (hash, time, seq). */
  addTerm(hash: number, time: number, seq: number): void {
    this.#terms!.add(hash, time, seq);
  }

  /** Writes a list's key, in a new leaf where the list might not fit the one at hand. */
  #beginInLeaf(key: Uint8Array, bodyLength: number): void {
    const leaf = this.#leaf;
    if (leaf.length > 0 && leaf.length + key.length + headBytes + bodyLength > leafBytes) this.#writeLeaf();
    if (leaf.length === 0) {
      this.#leafFirst = key;
      this.#lastKey = new Uint8Array(0);
      this.#before = origin;
      this.#endings.clear();
    }
    const shared = sharedLength(this.#lastKey, key);
    leaf.unsigned(shared);
    this.#writeEnding(key.subarray(shared));
    this.#lastKey = key;
  }

  /** Makes the file whole and fsynced; only then may the manifest list it. */
  async finish(): Promise<void> {
    if (this.#leaf.length > 0) this.#writeLeaf();
    this.#terms?.flush();
    this.#database.exec("COMMIT");
    this.close();
    await syncFile(this.#path);
  }

  /** Lets the file go, finished or not. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#database.close();
  }

  /** The same kinds, types and risks follow every resource: an ending seen before is a number. */
  #writeEnding(ending: Uint8Array): void {
    const text = Buffer.from(ending.buffer, ending.byteOffset, ending.length).toString("latin1");
    const known = this.#endings.get(text);
    if (known !== undefined) {
      this.#leaf.unsigned(known * 2 + 1);
      return;
    }
    this.#endings.set(text, this.#endings.size);
    this.#leaf.unsigned(ending.length * 2);
    this.#leaf.raw(ending);
  }

  #writeBlock(): void {
    const time = this.#times[0]!;
    const seq = this.#seqs[0]!;
    this.#block.clear();
    writeBlock(this.#block, this.#times, this.#seqs, 0, this.#buffered);
    this.#insertBlock.run(++this.#blocks, this.#block.view());
    if (this.#firstBlock === 0) {
      this.#firstBlock = this.#blocks;
      this.#directoryTime = 0;
      this.#directorySeq = 0;
    }
    this.#directory.unsigned(time - this.#directoryTime);
    this.#directory.signed(seq - this.#directorySeq);
    this.#directoryTime = time;
    this.#directorySeq = seq;
    this.#buffered = 0;
  }

  #writeLeaf(): void {
    const id = ++this.#leaves;
    this.#insertLeaf.run(id, this.#leaf.view());
    this.#insertFirst.run(this.#leafFirst, id);
    this.#leaf.clear();
  }
}

function sharedLength(a: Uint8Array, b: Uint8Array): number {
  const limit = Math.min(a.length, b.length);
  let at = 0;
  while (at < limit && a[at] === b[at]) at++;
  return at;
}
