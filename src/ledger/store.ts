// How the ledger's files (segments.ts) are read: entries, hashes and checkpoints of every log, from whichever file holds
// them (segment-set.ts).
import type { DatabaseSync } from "node:sqlite";
import { Fatal, TaishiError } from "../errors.ts";
import { parseEntry } from "../event/entry.ts";
import { edgeShape, leafHash, TreeEdge, tileWidth } from "../merkle/tree.ts";
import { bundleWidth, decodeBundle, entryInFrame, frameOf, openBundle } from "./bundle.ts";
import { FrameCache } from "./frame-cache.ts";
import { linkingCheckpoints } from "./log-links.ts";
import type { LogReader, SignedCheckpoint } from "./port.ts";
import type { Segment } from "./segment.ts";
import { SegmentSet } from "./segment-set.ts";
import { serviceId } from "./segments.ts";
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

/** The reading side: what is committed, at every call. */
export class LedgerReader implements LogReader {
  readonly #segments: SegmentSet;
  readonly #frames: FrameCache;

  /** Opens the files of a directory read-only, beside their writer. */
  static open(directory: string): LedgerReader {
    return new LedgerReader(SegmentSet.open(directory));
  }

  /** The reader of who writes the newest file. @param directory where the closed ones are; undefined: there are none */
  static of(database: DatabaseSync, directory: string | undefined): LedgerReader {
    return new LedgerReader(new SegmentSet(database, directory, false));
  }

  private constructor(segments: SegmentSet, cacheBytes = 32 * 1024 * 1024) {
    this.#segments = segments;
    this.#frames = new FrameCache(cacheBytes);
  }

  get service(): string {
    return serviceId(this.#segments.newest.database);
  }

  accounts(): readonly string[] {
    return this.logs().map(({ account }) => account);
  }

  logs(): readonly LogRow[] {
    this.#segments.follow();
    return this.#segments.newest.logs();
  }

  log(account: string): LogRow | undefined {
    this.#segments.follow();
    return this.#segments.newest.log(account);
  }

  size(account: string): number {
    return this.log(account)?.size ?? 0;
  }

  /** High-water marks of the log's streams (I8). */
  marks(log: number): readonly { readonly stream: Uint8Array; readonly offset: number }[] {
    return this.#segments.newest.marks(log);
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
    const segment = this.#segments.holding(id, n * bundleWidth);
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
    const stored = this.#segments.holding(id, n * bundleWidth)?.tile(id, n);
    if (stored !== undefined) return stored;
    return Buffer.concat(this.#bundle(id, n).map((entry) => leafHash(sha256, entry)));
  }

  bundleRow(log: number, n: number): Uint8Array | undefined {
    return this.#segments.holding(log, n * bundleWidth)?.bundle(log, n);
  }

  /** Whether the bundle n is where it should be, whole or, where it may be, as its leaf hashes. */
  hasBundle(log: number, n: number): boolean {
    const segment = this.#segments.holding(log, n * bundleWidth);
    return segment !== undefined && (segment.bundle(log, n) ?? segment.tile(log, n)) !== undefined;
  }

  /** @param account and seq of an entry that has it: its file is looked into first */
  blob(digest: string, account: string, seq: number): Uint8Array {
    const near = this.#segments.holding(this.#known(account).id, seq)?.blob(digest);
    if (near !== undefined) return near;
    for (const segment of this.#segments.newestFirst()) {
      const bytes = segment.blob(digest);
      if (bytes !== undefined) return bytes;
    }
    throw new Fatal(`the blob ${digest} is missing`, { hint: "Run `taishi fsck`." });
  }

  /** Bytes of the blob, or undefined where there is none. @param account and seq as for blob */
  blobSize(digest: string, account: string, seq: number): number | undefined {
    const near = this.#segments.holding(this.#known(account).id, seq)?.blobSize(digest);
    if (near !== undefined) return near;
    for (const segment of this.#segments.newestFirst()) {
      const size = segment.blobSize(digest);
      if (size !== undefined) return size;
    }
    return undefined;
  }

  /** All blobs, those that several files hold as often. */
  *blobs(): Generator<{ readonly digest: string; readonly bytes: Uint8Array }> {
    for (const segment of this.#segments.newestFirst()) yield* segment.blobs();
  }

  /** The receipt of an earlier append under this key, from a closed file; none that is older than `since`. */
  closedReceipt(log: number, key: Uint8Array, since: number): ReceiptRow | undefined {
    let after = this.#segments.newest;
    for (const number of this.#segments.closedNumbers.toReversed()) {
      // All receipts of a file are older than the file after it.
      if (after.opened < since) return undefined;
      after = this.#segments.closed(number);
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
    /** High-water marks by log. */
    readonly marks: ReadonlyMap<number, ReturnType<Segment["marks"]>>;
  } {
    this.#segments.follow();
    const { database } = this.#segments.newest;
    database.exec("BEGIN");
    try {
      const logs = this.#segments.newest.logs();
      const checkpoints = new Map<string, CheckpointRow & { readonly log: number }>();
      const strays: { account: string; what: string }[] = [];
      for (const segment of this.#segments.oldestFirst()) {
        const ofFile = segment.checkpoints();
        // A roll takes the newest checkpoint along: it is in two files.
        for (const checkpoint of ofFile) checkpoints.set(`${checkpoint.log} ${checkpoint.note}`, checkpoint);
        for (const what of segment.strangers()) strays.push({ account: "", what });
      }
      /** Where the file after the one looked at goes on, by account. */
      let following = new Map<string, number>();
      for (const segment of this.#segments.newestFirst()) {
        const firsts = new Map<string, number>();
        for (const { account, id } of logs) {
          const own = segment.log(account);
          if (own === undefined) continue;
          if (own.id !== id) strays.push({ account, what: `is log ${own.id} in file ${segment.number}, not ${id}` });
          firsts.set(account, own.first);
          for (const what of segment.strays(own, following.get(account))) strays.push({ account, what });
        }
        following = firsts;
      }
      const marks = new Map(logs.map(({ id }) => [id, this.#segments.newest.marks(id)]));
      return { logs, checkpoints: [...checkpoints.values()], strays, marks };
    } finally {
      database.exec("COMMIT");
    }
  }

  latestCheckpoint(log: number): CheckpointRow | undefined {
    return this.#segments.newest.latestCheckpoint(log);
  }

  /** The newest one that a quorum of witnesses cosigned; it goes on into each next file. */
  witnessedCheckpoint(log: number): CheckpointRow | undefined {
    return this.#segments.newest.witnessedCheckpoint(log);
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
    const first = <T>(segments: Iterable<Segment>, ask: (segment: Segment) => T | undefined): T | undefined => {
      for (const segment of segments) {
        const found = ask(segment);
        if (found !== undefined) return found;
      }
      return undefined;
    };
    return {
      before: first(this.#segments.newestFirst(), (segment) => segment.keptUpTo(log, from)),
      after: first(this.#segments.oldestFirst(), (segment) => segment.keptFrom(log, to)),
    };
  }

  /** The checkpoints that link a log's keys, oldest first. */
  linkingCheckpoints(log: LogRow): readonly CheckpointRow[] {
    return linkingCheckpoints(this.#segments.oldestFirst(), log);
  }

  /** Stored nodes of a level from an index on. */
  nodes(log: number, level: number, from: number, count: number): readonly Uint8Array[] {
    const found: Uint8Array[] = [];
    while (found.length < count) {
      const at = from + found.length;
      // A node is in the file that holds the bundle which completed it.
      const segment = this.#segments.holding(log, (at + 1) * tileWidth ** level - 1);
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
    this.#segments.reopen(number);
    this.#frames.clear();
  }

  /** Numbers of the closed files, oldest first. */
  get closedSegments(): readonly number[] {
    this.#segments.follow();
    return this.#segments.closedNumbers;
  }

  /** Up to which number the account's entries are in closed files of which all were received before a time. */
  closedBefore(account: string, time: number): number {
    const newest = this.log(account);
    if (newest === undefined) return 0;
    let closed = 0;
    const numbers = this.closedSegments;
    for (const [i, number] of numbers.entries()) {
      // A file's row of the log is as of its closing: what it says of the newest entry holds for all before.
      const row = this.#segments.closed(number).log(account);
      if (row !== undefined && row.received >= time) break;
      const next = numbers[i + 1];
      const after = next === undefined ? newest : this.#segments.closed(next).log(account);
      closed = after?.first ?? 0;
    }
    return closed;
  }

  close(): void {
    this.#segments.close();
  }

  #entry(account: string, log: number, seq: number): Uint8Array {
    const n = Math.floor(seq / bundleWidth);
    const frame = frameOf(seq);
    const key = `${log}/${n}/${frame}`;
    let content = this.#frames.get(key);
    if (content === undefined) {
      const segment = this.#segments.holding(log, seq);
      let frames = segment?.bundle(log, n);
      if (frames === undefined) {
        const loose = segment?.entry(log, seq);
        if (loose !== undefined) return loose;
        if (segment?.tile(log, n) !== undefined) throw gone(account, seq);
        // The bundle may have been completed, and a new file begun, between the two looks.
        this.#segments.follow();
        frames = this.bundleRow(log, n);
        if (frames === undefined) throw new RangeError(`the log of ${account} has no entry ${seq}`);
      }
      content = openBundle(frames).frame(frame);
      this.#frames.set(key, content);
    }
    return entryInFrame(content, seq);
  }

  #bundle(log: number, n: number): readonly Uint8Array[] {
    const segment = this.#segments.holding(log, n * bundleWidth);
    const frames = segment?.bundle(log, n);
    if (frames !== undefined) return decodeBundle(frames);
    const rows = segment?.entries(log, n * bundleWidth, (n + 1) * bundleWidth) ?? [];
    if (rows.length > 0) return rows.map(({ bytes }) => bytes);
    this.#segments.follow();
    const completed = this.bundleRow(log, n);
    return completed === undefined ? [] : decodeBundle(completed);
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
