// One immutable run, read: its lists by key prefix for queries, and all of them in order for merging. Owns nothing but
// its read-only connection; never writes. The layout is run-writer.ts's.
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { openReadOnly } from "../durable/database.ts";
import type { DecodedCache } from "./decoded-cache.ts";
import {
  ByteReader,
  blockPairs,
  damaged,
  origin,
  type Pairs,
  rankIn,
  readBlock,
  readBody,
  readSpan,
  type Span,
} from "./posting-list.ts";
import { RunTerms } from "./run-terms.ts";
import { runFormat, runKind } from "./run-writer.ts";
import type { RankedList } from "./selection.ts";

/** A list as its leaf tells it; `body` for up to 512 pairs, else `firstBlock`. */
export interface StoredList {
  readonly key: Uint8Array;
  /** The key as text; "" where a merge reads it, which needs none. */
  readonly text: string;
  readonly count: number;
  readonly span: Span;
  readonly body: Uint8Array;
  readonly firstBlock: number;
}

/** Every block's first pair. */
interface Directory {
  readonly times: Float64Array;
  readonly seqs: Float64Array;
}

export interface RunRecord {
  readonly id: number;
  readonly level: number;
  readonly events: number;
}

export class Run implements RunRecord {
  readonly id: number;
  readonly level: number;
  readonly events: number;
  readonly path: string;
  /** Absent where none of its events has any. */
  readonly terms: RunTerms | undefined;
  readonly #database: DatabaseSync;
  readonly #cache: DecodedCache;
  readonly #selectStart: StatementSync;
  readonly #selectLeaf: StatementSync;
  readonly #selectBlock: StatementSync;

  /** @throws where the file is missing or no run of this program's format */
  constructor(path: string, record: RunRecord, cache: DecodedCache) {
    this.path = path;
    this.id = record.id;
    this.level = record.level;
    this.events = record.events;
    this.#cache = cache;
    this.#database = openReadOnly({ path, kind: runKind, format: runFormat });
    // The file never changes: one lock held for good saves a handful of system calls per row.
    this.#database.exec("PRAGMA locking_mode=EXCLUSIVE; PRAGMA cache_size=-1024");
    this.#selectStart = this.#database.prepare("SELECT leaf FROM leaf_first WHERE key <= ? ORDER BY key DESC LIMIT 1");
    this.#selectLeaf = this.#database.prepare("SELECT body FROM leaf WHERE id = ?");
    this.#selectBlock = this.#database.prepare("SELECT body FROM block WHERE id = ?");
    this.terms = RunTerms.open(this.#database, record.id, cache);
  }

  /** Calls `visit` for every list whose key begins with the prefix. */
  lists(prefix: string, visit: (list: StoredList) => void): void {
    const start = this.#selectStart.get(Buffer.from(prefix)) as { leaf: number } | undefined;
    const first = start?.leaf ?? 1;
    let found = false;
    for (let id = first; ; id++) {
      const leaf = this.#cachedLeaf(id);
      if (leaf === undefined) return;
      for (const list of leaf)
        if (list.text.startsWith(prefix)) {
          found = true;
          visit(list);
        } else if (found) return;
      // The leaf the prefix would stand in may end before it; the one after begins with it or nothing does.
      if (!found && id > first) return;
    }
  }

  /** The leaves where keys with this prefix may stand, in order; not cached, for one pass over all of them. */
  *leavesOf(prefix: string): Generator<{ readonly id: number; readonly lists: readonly StoredList[] }> {
    const start = this.#selectStart.get(Buffer.from(prefix)) as { leaf: number } | undefined;
    let found = false;
    for (let id = start?.leaf ?? 1; ; id++) {
      const lists = this.leaf(id, true);
      if (lists === undefined) return;
      const has = lists.some(({ text }) => text.startsWith(prefix));
      // Only the first may end before the prefix.
      if (found && !has) return;
      if (!has && id > (start?.leaf ?? 1)) return;
      found ||= has;
      yield { id, lists };
    }
  }

  /** List `place` of leaf `id`. */
  listAt(id: number, place: number): StoredList {
    const list = this.#cachedLeaf(id)?.[place];
    if (list === undefined) throw damaged("a leaf is missing");
    return list;
  }

  ranked(list: StoredList): RankedList {
    return list.count <= blockPairs ? new ShortList(list) : new LongList(this, list);
  }

  /** The lists of leaf `id`, or undefined past the last; not cached, for merging. */
  leaf(id: number, withText = false): readonly StoredList[] | undefined {
    const row = this.#selectLeaf.get(id) as { body: Uint8Array } | undefined;
    return row === undefined ? undefined : parseLeaf(row.body, withText);
  }

  /** Block `number` (from 0) of a list, decoded; not cached. */
  block(list: StoredList, number: number): Pairs {
    if (list.count <= blockPairs) return readBody(new ByteReader(list.body), list.span, list.count);
    const count = Math.min(blockPairs, list.count - number * blockPairs);
    return readBlock(this.#blockBytes(list.firstBlock + number), count);
  }

  cachedBlock(list: StoredList, number: number): Pairs {
    return this.#cache.get(this.id, "block", list.firstBlock + number, () => {
      const pairs = this.block(list, number);
      return { value: pairs, bytes: pairs.count * 16 + 200 };
    });
  }

  directory(list: StoredList): Directory {
    const blocks = Math.ceil(list.count / blockPairs);
    return this.#cache.get(this.id, "directory", list.firstBlock, () => {
      const reader = new ByteReader(this.#blockBytes(list.firstBlock + blocks));
      const times = new Float64Array(blocks);
      const seqs = new Float64Array(blocks);
      let time = 0;
      let seq = 0;
      for (let i = 0; i < blocks; i++) {
        time += reader.unsigned();
        seq += reader.signed();
        times[i] = time;
        seqs[i] = seq;
      }
      reader.check();
      return { value: { times, seqs }, bytes: blocks * 16 + 200 };
    });
  }

  /** The first key of every leaf, as the search for a prefix finds it; for checking. */
  *leafFirsts(): Generator<{ readonly key: Uint8Array; readonly leaf: number }> {
    yield* this.#database.prepare("SELECT key, leaf FROM leaf_first ORDER BY leaf").iterate() as Iterable<never>;
  }

  /** How many rows there are; for checking. */
  rows(table: "leaf" | "block" | "term_block"): number {
    return Number(this.#database.prepare(`SELECT count(*) AS count FROM ${table}`).get()!.count);
  }

  close(): void {
    this.#database.close();
  }

  #cachedLeaf(id: number): readonly StoredList[] | undefined {
    return this.#cache.get(this.id, "leaf", id, () => {
      const lists = this.leaf(id, true);
      // An object, its span, its text and its views, roughly.
      return { value: lists, bytes: (lists ?? []).reduce((sum, { text }) => sum + 400 + text.length * 2, 200) };
    });
  }

  #blockBytes(id: number): Uint8Array {
    const row = this.#selectBlock.get(id) as { body: Uint8Array } | undefined;
    if (row === undefined) throw damaged("a block is missing");
    return row.body;
  }
}

const noBytes = new Uint8Array(0);

function parseLeaf(bytes: Uint8Array, withText: boolean): StoredList[] {
  const reader = new ByteReader(bytes);
  const lists: StoredList[] = [];
  let previous: Uint8Array = noBytes;
  const endings: Uint8Array[] = [];
  let before = origin;
  while (reader.at < bytes.length) {
    const shared = reader.unsigned();
    const coded = reader.unsigned();
    const rest = coded % 2 === 0 ? reader.raw(coded / 2) : endings[(coded - 1) / 2];
    if (rest === undefined || shared > previous.length) throw damaged("a key cannot be read");
    if (coded % 2 === 0) endings.push(rest);
    const key = Buffer.allocUnsafe(shared + rest.length);
    key.set(previous.subarray(0, shared));
    key.set(rest, shared);
    const count = reader.unsigned();
    const span = readSpan(reader, count, before);
    let body: Uint8Array = noBytes;
    let firstBlock = 0;
    if (count > blockPairs) firstBlock = reader.unsigned();
    else if (count > 2) body = reader.raw(reader.unsigned());
    reader.check();
    lists.push({ key, text: withText ? key.toString() : "", count, span, body, firstBlock });
    previous = key;
    before = span;
  }
  return lists;
}

/** A list that stands in its leaf: decoded whole where anything but its span is asked. */
class ShortList implements RankedList {
  readonly #list: StoredList;
  #pairs: Pairs | undefined;

  constructor(list: StoredList) {
    this.#list = list;
  }

  get count(): number {
    return this.#list.count;
  }

  get firstTime(): number {
    return this.#list.span.firstTime;
  }

  get lastTime(): number {
    return this.#list.span.lastTime;
  }

  rank(time: number, seq: number): number {
    return rankIn(this.#decoded(), time, seq);
  }

  estimate(time: number, seq: number): number {
    return this.rank(time, seq);
  }

  timeAt(index: number): number {
    return index === 0 ? this.firstTime : this.#decoded().times[index]!;
  }

  seqAt(index: number): number {
    return index === 0 ? this.#list.span.firstSeq : this.#decoded().seqs[index]!;
  }

  #decoded(): Pairs {
    this.#pairs ??= readBody(new ByteReader(this.#list.body), this.#list.span, this.#list.count);
    return this.#pairs;
  }
}

/** A list of several blocks: its directory narrows every question to one of them. */
class LongList implements RankedList {
  readonly #run: Run;
  readonly #list: StoredList;
  #directory: Directory | undefined;
  #number = -1;
  #block: Pairs | undefined;

  constructor(run: Run, list: StoredList) {
    this.#run = run;
    this.#list = list;
  }

  get count(): number {
    return this.#list.count;
  }

  get firstTime(): number {
    return this.#list.span.firstTime;
  }

  get lastTime(): number {
    return this.#list.span.lastTime;
  }

  rank(time: number, seq: number): number {
    const number = this.#blockBefore(time, seq);
    return number < 0 ? 0 : number * blockPairs + rankIn(this.#decoded(number), time, seq);
  }

  estimate(time: number, seq: number): number {
    const number = this.#blockBefore(time, seq);
    if (number < 0) return 0;
    const { times, seqs } = this.#entries();
    const { span, count } = this.#list;
    const last = number + 1 === times.length;
    const [fromTime, fromSeq] = [times[number]!, seqs[number]!];
    const toTime = last ? span.lastTime : times[number + 1]!;
    const toSeq = last ? span.lastSeq : seqs[number + 1]!;
    const start = number * blockPairs;
    const size = Math.min(blockPairs, count - start);
    const part = toTime > fromTime ? (time - fromTime) / (toTime - fromTime) : (seq - fromSeq) / (toSeq - fromSeq);
    return start + size * Math.min(1, part);
  }

  timeAt(index: number): number {
    const number = Math.floor(index / blockPairs);
    const place = index - number * blockPairs;
    return place === 0 ? this.#entries().times[number]! : this.#decoded(number).times[place]!;
  }

  seqAt(index: number): number {
    const number = Math.floor(index / blockPairs);
    const place = index - number * blockPairs;
    return place === 0 ? this.#entries().seqs[number]! : this.#decoded(number).seqs[place]!;
  }

  /** The last block that begins before (time, seq), or -1. */
  #blockBefore(time: number, seq: number): number {
    const { times, seqs } = this.#entries();
    return rankIn({ times, seqs, count: times.length }, time, seq) - 1;
  }

  #entries(): Directory {
    this.#directory ??= this.#run.directory(this.#list);
    return this.#directory;
  }

  #decoded(number: number): Pairs {
    if (this.#number !== number || this.#block === undefined) {
      this.#block = this.#run.cachedBlock(this.#list, number);
      this.#number = number;
    }
    return this.#block;
  }
}
