// How the ledger's files (segments.ts) are read: entries, hashes and checkpoints of every log, from whichever file holds
// them. A reader follows a writer: when the newest file has a successor, that is read from then on.
import type { DatabaseSync } from "node:sqlite";
import { openReadOnly } from "../durable/database.ts";
import { Fatal, TaishiError } from "../errors.ts";
import { parseEntry } from "../event/entry.ts";
import { edgeShape, leafHash, TreeEdge, tileWidth } from "../merkle/tree.ts";
import { bundleWidth, decodeBundle, entryInFrame, frameOf, openBundle } from "./bundle.ts";
import type { LogReader, SignedCheckpoint } from "./port.ts";
import { Segment } from "./segment.ts";
import { hasWriteAheadLog, ledgerFile, segmentNumbers, segmentPath, serviceId, successor } from "./segments.ts";
import { sha256 } from "./signer.ts";

/** One account's log as its row in the newest file says. */
export interface LogRow {
  readonly id: number;
  readonly account: string;
  readonly origin: string;
  readonly salted: number;
  readonly size: number;
  /** Of the newest entry; never decreases. */
  readonly received: number;
  /** Entries from here on are in this file. */
  readonly first: number;
  /** Entries below are gone but for the service's own (retention). */
  readonly minimum: number;
}

export type CheckpointRow = SignedCheckpoint;

/** Closed files kept open at a time. */
const mostOpenSegments = 64;

/** The reading side: what is committed, at every call. */
export class LedgerReader implements LogReader {
  readonly #directory: string | undefined;
  readonly #frames: FrameCache;
  readonly #owned: boolean;
  #newest: Segment;
  /** Numbers of the closed files, newest first. */
  #closedNumbers: readonly number[] = [];
  /** Those of them that are open, the least recently used first. */
  readonly #closed = new Map<number, Segment>();

  /** Opens the files of a directory read-only, beside their writer. */
  static open(directory: string): LedgerReader {
    const number = segmentNumbers(directory).at(-1);
    if (number === undefined)
      throw new Fatal(`there is no ledger in ${directory}`, { hint: "Give the data directory with --data." });
    return new LedgerReader(openReadOnly({ ...ledgerFile, path: segmentPath(directory, number) }), {
      owned: true,
      directory,
    });
  }

  /**
   * @param database the newest file
   * @param options.directory where the closed files are; absent: there are none
   * @param options.owned whether close() closes the database, and a successor is followed
   */
  constructor(
    database: DatabaseSync,
    options: { readonly directory?: string; readonly owned?: boolean; readonly cacheBytes?: number } = {},
  ) {
    this.#directory = options.directory;
    this.#owned = options.owned ?? false;
    this.#frames = new FrameCache(options.cacheBytes ?? 32 * 1024 * 1024);
    const numbers = this.#directory === undefined ? [] : segmentNumbers(this.#directory);
    this.#newest = new Segment(numbers.at(-1) ?? 1, database);
    this.#closedNumbers = numbers.slice(0, -1).reverse();
  }

  get service(): string {
    return serviceId(this.#newest.database);
  }

  accounts(): readonly string[] {
    return this.logs().map(({ account }) => account);
  }

  logs(): readonly LogRow[] {
    this.#follow();
    return this.#newest.logs();
  }

  log(account: string): LogRow | undefined {
    this.#follow();
    return this.#newest.log(account);
  }

  size(account: string): number {
    return this.log(account)?.size ?? 0;
  }

  minimum(account: string): number {
    return this.log(account)?.minimum ?? 0;
  }

  read(account: string, seqs: readonly number[]): readonly Uint8Array[] {
    const { id, minimum } = this.#known(account);
    return seqs.map((seq) => {
      const bytes = this.#entry(account, id, seq);
      if (seq < minimum && parseEntry(bytes).event.kind !== "system") throw gone(account, seq);
      return bytes;
    });
  }

  /** The entries of the bundle n, or those of it that exist; for passes over a whole log. @throws TaishiError gone */
  bundle(account: string, n: number): readonly Uint8Array[] {
    const { id, minimum } = this.#known(account);
    if ((n + 1) * bundleWidth <= minimum) throw gone(account, n * bundleWidth);
    return this.#bundle(id, n);
  }

  /** Whether the bundle's entries are gone, all but those of the service's own. */
  isGone(account: string, n: number): boolean {
    return (n + 1) * bundleWidth <= this.minimum(account);
  }

  slice(account: string, from: number, to: number): readonly (Uint8Array | undefined)[] {
    const n = Math.floor(from / bundleWidth);
    if (!this.isGone(account, n))
      return this.read(
        account,
        Array.from({ length: to - from }, (_, i) => from + i),
      );
    const entries: (Uint8Array | undefined)[] = Array.from({ length: to - from }, () => undefined);
    for (const [seq, bytes] of this.remaining(account, n)) if (seq >= from && seq < to) entries[seq - from] = bytes;
    return entries;
  }

  /** Entries of a bundle that is gone which are still there: those of the service's own, by number. */
  *remaining(account: string, n: number): Generator<readonly [seq: number, bytes: Uint8Array]> {
    const { id } = this.#known(account);
    const segment = this.#holding(id, n * bundleWidth);
    const frames = segment?.bundle(id, n);
    if (frames === undefined) {
      for (const { seq, bytes } of segment?.entries(id, n * bundleWidth, (n + 1) * bundleWidth) ?? [])
        yield [seq, bytes];
      return;
    }
    for (const [i, bytes] of decodeBundle(frames).entries())
      if (parseEntry(bytes).event.kind === "system") yield [n * bundleWidth + i, bytes];
  }

  /** Leaf hashes of the bundle n, also where its entries are gone: 32 bytes each, of the entries that exist. */
  leafHashes(account: string, n: number): Uint8Array {
    const { id } = this.#known(account);
    const stored = this.#holding(id, n * bundleWidth)?.tile(id, n);
    if (stored !== undefined) return stored;
    return Buffer.concat(this.#bundle(id, n).map((entry) => leafHash(sha256, entry)));
  }

  bundleRow(log: number, n: number): Uint8Array | undefined {
    return this.#holding(log, n * bundleWidth)?.bundle(log, n);
  }

  /** Whether the bundle n is where it should be, whole or, where it may be, as its leaf hashes. */
  hasBundle(log: number, n: number): boolean {
    const segment = this.#holding(log, n * bundleWidth);
    return segment !== undefined && (segment.bundle(log, n) ?? segment.tile(log, n)) !== undefined;
  }

  blob(digest: string): Uint8Array {
    for (const segment of this.#segments()) {
      const bytes = segment.blob(digest);
      if (bytes !== undefined) return bytes;
    }
    throw new Fatal(`the blob ${digest} is missing`, { hint: "Run `taishi fsck`." });
  }

  /** Bytes of the blob, or undefined where there is none. */
  blobSize(digest: string): number | undefined {
    for (const segment of this.#segments()) {
      const size = segment.blobSize(digest);
      if (size !== undefined) return size;
    }
    return undefined;
  }

  /** All blobs, those that several files hold as often. */
  *blobs(): Generator<{ readonly digest: string; readonly bytes: Uint8Array }> {
    for (const segment of this.#segments()) yield* segment.blobs();
  }

  /** The receipt of an earlier append under this key, from a closed file; none that is older than `since`. */
  closedReceipt(log: number, key: Uint8Array, since: number): ReceiptRow | undefined {
    let after = this.#newest;
    for (const number of this.#closedNumbers) {
      // All receipts of a file are older than the file after it.
      if (after.opened < since) return undefined;
      after = this.#open(number);
      const receipt = after.receipt(log, key, since);
      if (receipt !== undefined) return receipt;
    }
    return undefined;
  }

  /** Logs and checkpoints as of one moment, and rows that no log's size accounts for. */
  snapshot(): {
    readonly logs: readonly LogRow[];
    readonly checkpoints: readonly (CheckpointRow & { readonly log: number })[];
    readonly strays: readonly { readonly account: string; readonly what: string }[];
  } {
    this.#follow();
    const { database } = this.#newest;
    database.exec("BEGIN");
    try {
      const logs = this.#newest.logs();
      const checkpoints = new Map<string, CheckpointRow & { readonly log: number }>();
      const strays: { account: string; what: string }[] = [];
      const segments = [...this.#segments()].reverse();
      segments.forEach((segment, i) => {
        // A roll takes the newest checkpoint along: it is in two files.
        for (const checkpoint of segment.checkpoints())
          checkpoints.set(`${checkpoint.log} ${checkpoint.note}`, checkpoint);
        const after = segments[i + 1];
        for (const log of logs) {
          const own = segment.log(log.account);
          if (own === undefined) continue;
          const next = after?.log(log.account)?.first;
          for (const what of segment.strays(own, next)) strays.push({ account: log.account, what });
        }
      });
      return { logs, checkpoints: [...checkpoints.values()], strays };
    } finally {
      database.exec("COMMIT");
    }
  }

  latestCheckpoint(log: number): CheckpointRow | undefined {
    return this.#newest.latestCheckpoint(log);
  }

  /** The newest one that a quorum of witnesses cosigned; it goes on into each next file. */
  witnessedCheckpoint(log: number): CheckpointRow | undefined {
    return this.#newest.witnessedCheckpoint(log);
  }

  /**
   * The checkpoints kept for ever on both sides of an interval: the newest with a time up to `from`, the oldest with one
   * from `to` on. Where a clock was set back it may not be the tightest pair.
   */
  checkpointsAround(
    log: number,
    from: number,
    to: number,
  ): { readonly before: CheckpointRow | undefined; readonly after: CheckpointRow | undefined } {
    const newestFirst = [...this.#segments()];
    const first = <T>(segments: readonly Segment[], ask: (segment: Segment) => T | undefined): T | undefined => {
      for (const segment of segments) {
        const found = ask(segment);
        if (found !== undefined) return found;
      }
      return undefined;
    };
    return {
      before: first(newestFirst, (segment) => segment.keptUpTo(log, from)),
      after: first(newestFirst.toReversed(), (segment) => segment.keptFrom(log, to)),
    };
  }

  /** Stored nodes of a level from an index on. */
  nodes(log: number, level: number, from: number, count: number): readonly Uint8Array[] {
    const found: Uint8Array[] = [];
    while (found.length < count) {
      const at = from + found.length;
      // A node is in the file that holds the bundle which completed it.
      const segment = this.#holding(log, (at + 1) * tileWidth ** level - 1);
      const hashes = segment?.nodes(log, level, at, from + count) ?? [];
      if (hashes.length === 0) break;
      found.push(...hashes);
    }
    return found;
  }

  /**
   * The tree's edge as it was at a size: from stored nodes, and leaf hashes of the last bundle's entries.
   * @throws Fatal where entries or nodes are missing
   */
  edgeAt(row: LogRow, size: number): TreeEdge {
    const levels = edgeShape(size).map(({ from, count }, level) => {
      if (level > 0) return this.nodes(row.id, level, from, count);
      const leaves = count === 0 ? Buffer.alloc(0) : this.leafHashes(row.account, from / bundleWidth);
      return Array.from({ length: Math.min(count, leaves.length / 32) }, (_, i) =>
        leaves.subarray(i * 32, i * 32 + 32),
      );
    });
    try {
      return new TreeEdge(sha256, size, levels);
    } catch (cause) {
      throw new Fatal(`the log of account ${row.account} lacks entries or hashes below its size ${size}`, {
        hint: "The ledger was cut or altered. Run `taishi fsck`, and restore it from a backup.",
        cause,
      });
    }
  }

  /** Forgets what is open of a closed file that was replaced (retention). */
  reopen(number: number): void {
    this.#closed.get(number)?.database.close();
    this.#closed.delete(number);
    this.#frames.clear();
  }

  /** Numbers of the closed files, oldest first. */
  get closedSegments(): readonly number[] {
    this.#follow();
    return this.#closedNumbers.toReversed();
  }

  /** Up to which number the account's entries are in closed files of which all were received before a time. */
  closedBefore(account: string, time: number): number {
    const newest = this.log(account);
    if (newest === undefined) return 0;
    let closed = 0;
    const numbers = this.closedSegments;
    for (const [i, number] of numbers.entries()) {
      // A file's row of the log is as of its closing: what it says of the newest entry holds for all before.
      const row = this.#open(number).log(account);
      if (row !== undefined && row.received >= time) break;
      const next = numbers[i + 1];
      const after = next === undefined ? newest : this.#open(next).log(account);
      closed = after?.first ?? 0;
    }
    return closed;
  }

  close(): void {
    for (const segment of this.#closed.values()) segment.database.close();
    this.#closed.clear();
    if (this.#owned) this.#newest.database.close();
  }

  #entry(account: string, log: number, seq: number): Uint8Array {
    const n = Math.floor(seq / bundleWidth);
    const frame = frameOf(seq);
    const key = `${log}/${n}/${frame}`;
    let content = this.#frames.get(key);
    if (content === undefined) {
      const segment = this.#holding(log, seq);
      let frames = segment?.bundle(log, n);
      if (frames === undefined) {
        const loose = segment?.entry(log, seq);
        if (loose !== undefined) return loose;
        if (segment?.tile(log, n) !== undefined) throw gone(account, seq);
        // The bundle may have been completed, and a new file begun, between the two looks.
        this.#follow();
        frames = this.bundleRow(log, n);
        if (frames === undefined) throw new RangeError(`the log of ${account} has no entry ${seq}`);
      }
      content = openBundle(frames).frame(frame);
      this.#frames.set(key, content);
    }
    return entryInFrame(content, seq);
  }

  #bundle(log: number, n: number): readonly Uint8Array[] {
    const segment = this.#holding(log, n * bundleWidth);
    const frames = segment?.bundle(log, n);
    if (frames !== undefined) return decodeBundle(frames);
    const rows = segment?.entries(log, n * bundleWidth, (n + 1) * bundleWidth) ?? [];
    if (rows.length > 0) return rows.map(({ bytes }) => bytes);
    this.#follow();
    const completed = this.bundleRow(log, n);
    return completed === undefined ? [] : decodeBundle(completed);
  }

  /** The file that holds the log's entry, or would if it existed. */
  #holding(log: number, seq: number): Segment | undefined {
    if (seq >= (this.#newest.first(log) ?? 0)) return this.#newest;
    for (const number of this.#closedNumbers) {
      const segment = this.#open(number);
      const first = segment.first(log);
      if (first !== undefined && first <= seq) return segment;
    }
    return undefined;
  }

  /** All files, newest first. */
  *#segments(): Generator<Segment> {
    yield this.#newest;
    for (const number of this.#closedNumbers) yield this.#open(number);
  }

  #open(number: number): Segment {
    let segment = this.#closed.get(number);
    if (segment === undefined) {
      const path = segmentPath(this.#directory!, number);
      // Until its write-ahead log is folded in, a closed file is read like one that is written.
      const immutable = !hasWriteAheadLog(path);
      segment = new Segment(number, openReadOnly({ ...ledgerFile, path, immutable }));
    } else this.#closed.delete(number);
    this.#closed.set(number, segment);
    for (const [oldest, { database }] of this.#closed) {
      if (this.#closed.size <= mostOpenSegments) break;
      database.close();
      this.#closed.delete(oldest);
    }
    return segment;
  }

  /** Goes on to the newest file where the one known has a successor. */
  #follow(): void {
    if (!this.#owned || this.#directory === undefined || successor(this.#newest.database) === undefined) return;
    const numbers = segmentNumbers(this.#directory);
    const number = numbers.at(-1)!;
    if (number === this.#newest.number) return;
    const database = openReadOnly({ ...ledgerFile, path: segmentPath(this.#directory, number) });
    this.#newest.database.close();
    this.#newest = new Segment(number, database);
    this.#closedNumbers = numbers.slice(0, -1).reverse();
    this.#follow();
  }

  #known(account: string): { readonly id: number; readonly minimum: number } {
    const row = this.log(account);
    if (row === undefined) throw new TaishiError("not-found", `account ${account} has no log`);
    return row;
  }
}

export interface ReceiptRow {
  readonly digest: Uint8Array;
  readonly first: number;
  readonly count: number;
}

function gone(account: string, seq: number): TaishiError {
  return new TaishiError("gone", `entry ${seq} of account ${account} is past its retention`);
}

/** Decompressed frames, least recently used ones leaving first; bounded in bytes. */
class FrameCache {
  readonly #limit: number;
  readonly #frames = new Map<string, Uint8Array>();
  #bytes = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get(key: string): Uint8Array | undefined {
    const frame = this.#frames.get(key);
    if (frame !== undefined) {
      this.#frames.delete(key);
      this.#frames.set(key, frame);
    }
    return frame;
  }

  set(key: string, frame: Uint8Array): void {
    this.#frames.set(key, frame);
    this.#bytes += frame.length;
    for (const [oldest, content] of this.#frames) {
      if (this.#bytes <= this.#limit || oldest === key) break;
      this.#frames.delete(oldest);
      this.#bytes -= content.length;
    }
  }

  clear(): void {
    this.#frames.clear();
    this.#bytes = 0;
  }
}
