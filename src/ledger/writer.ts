// The write path, told in crash order: stage entries, write rows, commit (fsync), answer, publish. Runs on a thread of
// its own; one writer per data directory (durable/owner.ts). What a stop finds at the next start: before COMMIT returns,
// nothing of the batch and nobody was answered; after it, all of it (I1). Memory here is a copy of what is committed and
// is thrown away whenever a transaction fails.
import { hash, randomBytes } from "node:crypto";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Clock } from "../clock.ts";
import { Fatal, TaishiError } from "../errors.ts";
import { entryTail, maxEntryBytes } from "../event/entry.ts";
import { parseCheckpoint } from "../merkle/checkpoint.ts";
import { parseNote } from "../merkle/note.ts";
import { type TileNode, TreeEdge } from "../merkle/tree.ts";
import type { Anchor } from "./anchor.ts";
import { bundleWidth, encodeBundle } from "./bundle.ts";
import { type CosignedCheckpoint, type Offered, withCosignatures } from "./cosigned.ts";
import { keptHeads, streamKeyHash, unmarked } from "./marks.ts";
import type { BatchPositions, HeadBatch, Receipt } from "./port.ts";
import { beginnings, rollSegment, segmentBytes } from "./segments.ts";
import { type CheckpointSigner, sha256 } from "./signer.ts";
import { type CheckpointRow, LedgerReader, type LogRow, type ReceiptRow } from "./store.ts";
import { verifyHead } from "./verify-head.ts";

const receiptLifeMs = 7 * 24 * 3_600_000;
const idleCheckpointMs = 60_000;
const hourMs = 3_600_000;
const sqliteFull = 13;
const arenaBytes = 4 * 1024 * 1024;
/** Logs kept open for appending, and idle logs signed again in one go: bounds on memory and on a pause. */
const maxOpenLogs = 512;
const maxIdleSigned = 200;

/** What is always in memory of a log. */
interface Log {
  readonly id: number;
  readonly account: string;
  readonly origin: string;
  readonly salted: boolean;
  size: number;
  received: number;
  minimum: number;
  checkpoint:
    | { readonly size: number; readonly root: Uint8Array; readonly time: number; readonly repeats?: boolean }
    | undefined;
  /** The newest checkpoint that a quorum of witnesses cosigned. */
  witnessed: { readonly size: number; readonly time: number } | undefined;
  /** What appending needs; recovered from the file when first needed, let go when other logs are busier. */
  open: OpenLog | undefined;
}

interface OpenLog {
  readonly edge: TreeEdge;
  /** Entries of the bundle that is not full. */
  tail: Uint8Array[];
  /** How many of them are rows already. */
  tailRows: number;
}

/** What became of one batch of a group. */
export type Outcome =
  | {
      readonly receipt: Receipt;
      readonly appended: boolean;
      /** Places in the batch of the events that were appended, where some of it was there already. */
      readonly kept?: Uint32Array;
    }
  | { readonly refusal: TaishiError };

export interface LogStatus {
  readonly account: string;
  readonly origin: string;
  readonly salted: boolean;
  readonly size: number;
  readonly checkpoint: { readonly size: number; readonly time: number } | undefined;
  readonly witnessed: { readonly size: number; readonly time: number } | undefined;
  /** Entries below are past their retention. */
  readonly minimum: number;
}

export class LedgerWriter {
  #database: DatabaseSync;
  #reader: LedgerReader;
  #signer: CheckpointSigner;
  readonly #clock: Clock;
  readonly #anchor: Anchor | undefined;
  readonly #service: string;
  readonly #logs = new Map<string, Log>();
  readonly #segments: SegmentLimits | undefined;
  #beginnings: { readonly opened: number; readonly bytes: number };
  #sql: Record<keyof typeof statements, StatementSync>;
  #receiptsSwept = 0;
  /** Where the entries of one group are put together; used again by the next. */
  #arena = new Uint8Array(0);
  #arenaUsed = 0;

  /**
   * Verifies every log's head before the first append (I2).
   * @param options.database the newest file; close() closes it, or the one that came after it
   * @param options.segments when a file closes and another begins; never, where absent
   * @throws Fatal where the ledger is shorter than, or different from, the last checkpoint signed or anchored
   */
  constructor(options: {
    readonly database: DatabaseSync;
    readonly signer: CheckpointSigner;
    readonly clock: Clock;
    readonly anchor?: Anchor;
    readonly segments?: SegmentLimits;
  }) {
    this.#database = options.database;
    this.#segments = options.segments;
    this.#reader = this.#newReader();
    this.#signer = options.signer;
    this.#clock = options.clock;
    this.#anchor = options.anchor;
    this.#service = this.#reader.service;
    this.#sql = this.#prepare();
    this.#beginnings = beginnings(this.#database, this.#clock.now());
    for (const row of this.#reader.logs()) {
      verifyHead(this.#reader, row, this.#signer, this.#anchor);
      this.#logs.set(row.account, this.#load(row));
    }
    const present = new Set([...this.#logs.values()].map(({ origin }) => origin));
    for (const origin of this.#anchor?.origins ?? [])
      if (!present.has(origin))
        throw new Fatal(`the ledger has no log ${origin}, which the anchor knows`, {
          hint: "The ledger was exchanged or lost. Restore its newest copy, or give another anchor file to a new ledger.",
        });
  }

  get service(): string {
    return this.#service;
  }

  /** Starts an account's log, empty; nothing happens where it exists. */
  createLog(account: string, options: { readonly salted: boolean } = { salted: false }): void {
    if (this.#logs.has(account)) return;
    const origin = `${this.#service}.taishi/${account}`;
    const now = this.#clock.now();
    // With its first checkpoint in the same transaction: a log without any is a sign of tampering from then on.
    const note = this.#signer.sign({ origin, size: 0, root: new TreeEdge(sha256).root() }, now);
    this.#commit(() => {
      const { lastInsertRowid } = this.#sql.insertLog.run(account, origin, options.salted ? 1 : 0);
      this.#sql.insertCheckpoint.run(lastInsertRowid, 0, now, 1, note);
    });
    this.#logs.set(
      account,
      this.#ask(() => this.#load(this.#reader.log(account)!)),
    );
  }

  /** Appends a group of batches in one transaction with one fsync; outcome i belongs to batch i. */
  append(batches: readonly HeadBatch[]): readonly Outcome[] {
    const touched = new Set<Log>();
    this.#arenaUsed = 0;
    try {
      return this.#commit(() => {
        const outcomes = batches.map((batch) => this.#stage(batch, touched));
        for (const log of touched) this.#writeTail(log);
        return outcomes;
      });
    } catch (thrown) {
      // The transaction is rolled back, so memory must be read again from what is committed.
      for (const log of touched)
        this.#logs.set(
          log.account,
          this.#ask(() => this.#load(this.#reader.log(log.account)!)),
        );
      if (thrown instanceof TaishiError) return batches.map(() => ({ refusal: thrown }));
      throw thrown;
    }
  }

  /** Signs a checkpoint for every log that grew since its last one or whose last one is a minute old. */
  checkpoint({ sweep }: { readonly sweep: boolean } = { sweep: true }): void {
    const now = this.#clock.now();
    const logs = [...this.#logs.values()];
    const grown = logs.filter(({ checkpoint, size }) => checkpoint === undefined || size > checkpoint.size);
    const idle = logs.filter(
      ({ checkpoint, size }) => checkpoint?.size === size && now - checkpoint.time >= idleCheckpointMs,
    );
    const due = [...grown, ...idle.slice(0, maxIdleSigned)];
    if (due.length > 0) this.#sign(due, now);
    if (sweep && now - this.#receiptsSwept >= hourMs) {
      this.#receiptsSwept = now;
      this.#commit(() => this.#sql.sweepReceipts.run(now - receiptLifeMs));
    }
  }

  /**
   * Goes over to another log key: a checkpoint of every log signed by `linking`, with the old key and the new, kept for
   * ever; from then on `after` signs. All of it or nothing.
   * @returns the linking checkpoints' notes, by account
   */
  changeSigner(linking: CheckpointSigner, after: CheckpointSigner): ReadonlyMap<string, string> {
    const before = this.#signer;
    this.#signer = linking;
    try {
      const notes = this.#sign([...this.#logs.values()], this.#clock.now(), true);
      this.#signer = after;
      return notes;
    } catch (thrown) {
      this.#signer = before;
      throw thrown;
    }
  }

  /**
   * Closes the file and begins the next one when it is full or old. @returns whether it did
   * @throws TaishiError disk-full with nothing changed
   */
  rollIfDue(): boolean {
    if (this.#segments === undefined) return false;
    const { bytes: most, ageMs, directory } = this.#segments;
    const now = this.#clock.now();
    // With very many logs what goes on is itself large: a file then takes at least as much again.
    const grown = segmentBytes(this.#database) - this.#beginnings.bytes;
    const full = grown >= Math.max(most, this.#beginnings.bytes);
    const old = now - this.#beginnings.opened >= ageMs && this.#sql.anyBundle.get() !== undefined;
    if (!full && !old) return false;
    let next: DatabaseSync;
    try {
      next = rollSegment(directory, this.#database, now);
    } catch (thrown) {
      throw this.#outOf(thrown);
    }
    this.#reader.close();
    this.#database = next;
    this.#reader = this.#newReader();
    this.#sql = this.#prepare();
    this.#beginnings = beginnings(this.#database, now);
    return true;
  }

  /**
   * From now on the account's entries below `minimum` are past their retention; their bundles go with the files they are in.
   * @param minimum a multiple of 256 up to which all files are closed
   */
  setMinimum(account: string, minimum: number): void {
    const log = this.#logs.get(account);
    if (log === undefined) throw new TaishiError("not-found", `account ${account} has no log`);
    const row = this.#reader.log(account)!;
    if (minimum % bundleWidth !== 0 || minimum < row.minimum || minimum > row.first)
      throw new RangeError(`the minimum index of account ${account} cannot become ${minimum}`);
    this.#commit(() => this.#sql.setMinimum.run(minimum, log.id));
    log.minimum = minimum;
  }

  /** A closed file was replaced by one without what is past its retention. */
  reopen(segment: number): void {
    this.#reader.reopen(segment);
  }

  /** The newest checkpoint, kept for ever from now on because somebody has seen it. */
  handOut(account: string): CheckpointRow {
    const log = this.#logs.get(account);
    if (log === undefined) throw new TaishiError("not-found", `account ${account} has no log`);
    return this.#commit(() => {
      this.#sql.keepCheckpoint.run(log.id);
      return this.#reader.latestCheckpoint(log.id)!;
    });
  }

  /** The newest checkpoints of these logs, for witnesses; kept from now on where they cover more than was witnessed. */
  offer(accounts: readonly string[]): readonly Offered[] {
    const logs = accounts.flatMap((account) => this.#logs.get(account) ?? []);
    const newest = logs.map((log) => ({ account: log.account, ...this.#reader.latestCheckpoint(log.id)! }));
    const keep = logs.filter(({ witnessed }, i) => newest[i]!.size > (witnessed?.size ?? -1));
    if (keep.length > 0) this.#commit(() => keep.forEach(({ id }) => void this.#sql.keepCheckpoint.run(id)));
    return newest;
  }

  /** Puts cosignatures into checkpoints. @returns those that have them now; one that was dropped since is left out */
  cosigned(given: readonly CosignedCheckpoint[]): readonly Offered[] {
    const put = this.#commit(() =>
      given.flatMap((one) => {
        const log = this.#logs.get(one.account);
        const row =
          log && (this.#sql.newestOfSize.get(log.id, one.size) as (CheckpointRow & { id: number }) | undefined);
        if (log === undefined || row === undefined) return [];
        const { id, size, time } = row;
        const note = withCosignatures(row.note, one);
        // A further one of a size that was witnessed before says only a later time, and goes when the next one is signed.
        this.#sql.putCosigned.run(note, log.witnessed?.size === size ? 0 : 2, id);
        return [{ log, size, time, note }];
      }),
    );
    for (const { log, size, time } of put) if (size >= (log.witnessed?.size ?? 0)) log.witnessed = { size, time };
    return put.map(({ log: { account }, size, time, note }) => ({ account, size, time, note }));
  }

  /** The newest checkpoint of the log that a quorum cosigned. */
  witnessed(account: string): CheckpointRow | undefined {
    const log = this.#logs.get(account);
    return log === undefined ? undefined : this.#reader.witnessedCheckpoint(log.id);
  }

  status(): readonly LogStatus[] {
    return [...this.#logs.values()].map(({ account, origin, salted, size, checkpoint, witnessed, minimum }) => ({
      account,
      origin,
      salted,
      size,
      checkpoint,
      witnessed,
      minimum,
    }));
  }

  /** Folds the write-ahead log into the file, and closes it. */
  close(): void {
    try {
      this.checkpoint();
    } catch (thrown) {
      // A full disk must not keep the service from stopping in order; the next start signs what is there.
      if (!(thrown instanceof TaishiError)) throw thrown;
    }
    this.#ask(() => this.#database.exec("PRAGMA wal_checkpoint(TRUNCATE)"));
    this.#reader.close();
    this.#database.close();
  }

  #newReader(): LedgerReader {
    return LedgerReader.of(this.#database, this.#segments?.directory);
  }

  #prepare(): Record<keyof typeof statements, StatementSync> {
    const prepared = Object.entries(statements).map(([name, sql]) => [name, this.#database.prepare(sql)]);
    return Object.fromEntries(prepared) as Record<keyof typeof statements, StatementSync>;
  }

  #sign(due: readonly Log[], now: number, keep = false): ReadonlyMap<string, string> {
    const signed = due.map((log) => {
      const { origin, size } = log;
      const root = log.checkpoint?.size === size ? log.checkpoint.root : this.#ask(() => this.#open(log).edge.root());
      return { log, root, size, note: this.#signer.sign({ origin, size, root }, now) };
    });
    // The anchor moves first: if we stop between the two, it names a size that is committed already.
    this.#anchor?.move(new Map(signed.map(({ log, root, size }) => [log.origin, { root, size }])));
    this.#commit(() => {
      for (const { log, size, note } of signed) {
        // Of a silence its first and its last checkpoint stay: evidence of absence as tight as can be.
        if (log.checkpoint !== undefined && (log.checkpoint.size === size) !== (log.checkpoint.repeats === true))
          this.#sql.keepCheckpoint.run(log.id);
        const kept = keep || this.#sql.hourKept.get(log.id, now - (now % hourMs)) === undefined ? 1 : 0;
        this.#sql.dropCheckpoints.run(log.id);
        this.#sql.insertCheckpoint.run(log.id, size, now, kept, note);
      }
    });
    for (const { log, root, size } of signed)
      log.checkpoint = { size, root, time: now, repeats: log.checkpoint?.size === size };
    this.#letGo();
    return new Map(signed.map(({ log, note }) => [log.account, note]));
  }

  #stage(batch: HeadBatch, touched: Set<Log>): Outcome {
    const log = this.#logs.get(batch.account);
    if (log === undefined) return { refusal: new TaishiError("not-found", `account ${batch.account} has no log`) };
    if (batch.positions !== undefined) return this.#stageNew(log, batch, batch.positions, touched);
    const count = batch.ends.length;
    if (batch.idempotency !== undefined) {
      const known = this.#repeated(log, batch, batch.idempotency);
      if (known !== undefined) return known;
    }
    const first = this.#take(log, batch, touched);
    if (batch.idempotency !== undefined) {
      const { key, digest } = batch.idempotency;
      this.#sql.insertReceipt.run(log.id, keyHash(key), Buffer.from(digest, "hex"), first, count, this.#clock.now());
    }
    return { receipt: receiptOf(log.account, first, count, 0), appended: true };
  }

  /** Of a batch with positions what the log has not yet (I8); marks move in the same transaction. */
  #stageNew(log: Log, batch: HeadBatch, positions: BatchPositions, touched: Set<Log>): Outcome {
    const keys = positions.streams.map(streamKeyHash);
    const marks = keys.map(
      (key) => (this.#sql.selectMark.get(log.id, key) as { offset: number } | undefined)?.offset ?? -1,
    );
    const kept = unmarked(positions, marks);
    const count = positions.of.length;
    const first = log.size;
    if (kept.length > 0) {
      this.#take(log, kept.length === count ? batch : keptHeads(batch, kept), touched);
      keys.forEach((key, i) => void this.#sql.putMark.run(log.id, key, marks[i]!));
    }
    const { account, size } = log;
    const receipt = {
      account,
      accepted: count,
      duplicates: count - kept.length,
      first,
      last: size - 1,
      treeSize: size,
    };
    return { receipt, appended: kept.length > 0, ...(kept.length === count ? {} : { kept }) };
  }

  /** Makes the batch the end of the log. @returns the number of its first entry */
  #take(log: Log, batch: HeadBatch, touched: Set<Log>): number {
    touched.add(log);
    const first = log.size;
    log.received = Math.max(this.#clock.now(), log.received);
    for (const { digest, bytes } of batch.blobs) this.#sql.insertBlob.run(digest, bytes);
    this.#extend(log, batch);
    return first;
  }

  /** Makes the batch's entries leaves of the log; full bundles and nodes become rows at once. */
  #extend(log: Log, batch: HeadBatch): void {
    const fixedTail = Buffer.from(entryTail(log.received));
    const open = this.#open(log);
    const room = batch.heads.length + batch.ends.length * (1 + fixedTail.length + (log.salted ? 48 : 0));
    const buffer = this.#reserve(room);
    let at = 0;
    let from = 0;
    for (const end of batch.ends) {
      // A zero byte before each entry makes it its leaf's hash input without another copy (I3).
      const start = at;
      buffer[at++] = 0;
      buffer.set(batch.heads.subarray(from, end), at);
      at += end - from;
      from = end;
      const tail = log.salted ? Buffer.from(entryTail(log.received, randomBytes(16).toString("base64"))) : fixedTail;
      buffer.set(tail, at);
      at += tail.length;
      if (at - start - 1 > maxEntryBytes) throw new RangeError("an entry above 65,535 bytes reached the writer");
      open.tail.push(buffer.subarray(start + 1, at));
      this.#grow(log, open, open.edge.appendPrefixed(buffer.subarray(start, at)));
    }
    log.size = open.edge.size;
  }

  #grow(log: Log, open: OpenLog, completed: readonly TileNode[]): void {
    if (completed.length === 0) return;
    this.#sql.insertBundle.run(log.id, open.edge.size / bundleWidth - 1, encodeBundle(open.tail));
    for (const { level, index, hash: node } of completed) this.#sql.insertNode.run(log.id, level, index, node);
    if (open.tailRows > 0) this.#sql.deleteEntries.run(log.id);
    open.tail = [];
    open.tailRows = 0;
  }

  #writeTail(log: Log): void {
    const open = this.#open(log);
    const from = log.size - open.tail.length;
    for (; open.tailRows < open.tail.length; open.tailRows++)
      this.#sql.insertEntry.run(log.id, from + open.tailRows, open.tail[open.tailRows]!);
    this.#sql.updateLog.run(log.size, log.received, log.id);
    // What is kept must leave the arena before the next group is put there.
    open.tail = open.tail.map((entry) => (entry.buffer.byteLength > entry.byteLength ? entry.slice() : entry));
  }

  /** Bytes of the arena for one batch; those of earlier batches of the group stay valid. */
  #reserve(bytes: number): Uint8Array {
    if (this.#arenaUsed + bytes > this.#arena.length) {
      // An arena given up here lives on as long as entries of this group are in it.
      this.#arena = new Uint8Array(Math.max(bytes, arenaBytes));
      this.#arenaUsed = 0;
    }
    const part = this.#arena.subarray(this.#arenaUsed, this.#arenaUsed + bytes);
    this.#arenaUsed += bytes;
    return part;
  }

  /** I8: the first receipt again for a repeated append; a refusal where the key was used for something else. */
  #repeated(
    log: Log,
    batch: HeadBatch,
    { key, digest, lasting }: NonNullable<HeadBatch["idempotency"]>,
  ): Outcome | undefined {
    const hashed = keyHash(key);
    const since = lasting === true ? 0 : this.#clock.now() - receiptLifeMs;
    const row =
      (this.#sql.selectReceipt.get(log.id, hashed, since) as ReceiptRow | undefined) ??
      this.#reader.closedReceipt(log.id, hashed, since);
    if (row === undefined) return undefined;
    if (Buffer.from(row.digest).toString("hex") !== digest) return { refusal: new TaishiError("idempotency-conflict") };
    return { receipt: receiptOf(batch.account, row.first, row.count, row.count), appended: false };
  }

  #load(row: LogRow): Log {
    const last = this.#reader.latestCheckpoint(row.id);
    const witnessed = this.#reader.witnessedCheckpoint(row.id);
    return {
      id: row.id,
      account: row.account,
      origin: row.origin,
      salted: row.salted === 1,
      size: row.size,
      received: row.received,
      minimum: row.minimum,
      checkpoint: last === undefined ? undefined : { ...headOf(last.note), time: last.time },
      witnessed: witnessed && { size: witnessed.size, time: witnessed.time },
      open: undefined,
    };
  }

  /** Recovery of a log is this, at the first append after a start as at any other. */
  #open(log: Log): OpenLog {
    if (log.open === undefined) {
      const row = this.#reader.log(log.account)!;
      const rest = row.size % bundleWidth;
      const tail = rest === 0 ? [] : this.#reader.bundle(row.account, Math.floor(row.size / bundleWidth));
      log.open = { edge: this.#reader.edgeAt(row, row.size), tail: [...tail], tailRows: tail.length };
      // Moves it to the end of the map: the first ones are those opened longest ago.
      this.#logs.delete(log.account);
      this.#logs.set(log.account, log);
    }
    return log.open;
  }

  #letGo(): void {
    const open = [...this.#logs.values()].filter((log) => log.open !== undefined);
    for (const log of open.slice(0, Math.max(0, open.length - maxOpenLogs))) log.open = undefined;
  }

  /**
   * Runs work in a transaction.
   * @throws TaishiError disk-full with everything undone; Fatal where the state of the file is unknown
   */
  #commit<T>(work: () => T): T {
    try {
      this.#database.exec("BEGIN IMMEDIATE");
      const result = work();
      this.#database.exec("COMMIT");
      return result;
    } catch (thrown) {
      try {
        if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      } catch (cause) {
        throw new Fatal("the ledger could not undo a failed write", { cause });
      }
      throw this.#outOf(thrown);
    }
  }

  #outOf(thrown: unknown): Error {
    const { errcode, code } = thrown as { errcode?: number; code?: string };
    if (errcode === sqliteFull || code === "ENOSPC")
      return new TaishiError("disk-full", "the disk is full; nothing was stored", { retryAfter: 30 });
    if (thrown instanceof Fatal) return thrown;
    // A failed fsync leaves unknown what is on disk: stop, and recover at the next start.
    return new Fatal("the ledger could not be written", {
      hint: "Check the disk, then start again: what was acknowledged is recovered.",
      cause: thrown,
    });
  }

  /** Runs what is no transaction. @throws Fatal where the store does not answer */
  #ask<T>(work: () => T): T {
    try {
      return work();
    } catch (cause) {
      if (cause instanceof TaishiError || cause instanceof Fatal) throw cause;
      throw new Fatal("the ledger does not answer", {
        hint: "Check the disk, then start again: what was acknowledged is recovered.",
        cause,
      });
    }
  }
}

/** Where the files are, and when one closes. */
export interface SegmentLimits {
  readonly directory: string;
  /** Bytes that a file grows by. */
  readonly bytes: number;
  /** Age at which a file closes that holds any whole bundle. */
  readonly ageMs: number;
}

const statements = {
  insertLog: "INSERT INTO log (account, origin, salted, size, received) VALUES (?, ?, ?, 0, 0)",
  updateLog: "UPDATE log SET size = ?, received = ? WHERE id = ?",
  insertEntry: "INSERT INTO entry (log, seq, bytes) VALUES (?, ?, ?)",
  deleteEntries: "DELETE FROM entry WHERE log = ?",
  insertBundle: "INSERT INTO bundle (log, n, frames) VALUES (?, ?, ?)",
  insertNode: "INSERT INTO node (log, level, n, hash) VALUES (?, ?, ?, ?)",
  insertBlob: "INSERT OR IGNORE INTO blob (digest, bytes) VALUES (?, ?)",
  selectReceipt: "SELECT digest, first, count FROM receipt WHERE log = ? AND key = ? AND time >= ?",
  insertReceipt: "INSERT OR REPLACE INTO receipt (log, key, digest, first, count, time) VALUES (?, ?, ?, ?, ?, ?)",
  selectMark: "SELECT offset FROM mark WHERE log = ? AND stream = ?",
  putMark: "INSERT OR REPLACE INTO mark (log, stream, offset) VALUES (?, ?, ?)",
  sweepReceipts: "DELETE FROM receipt WHERE time < ?",
  anyBundle: "SELECT 1 FROM bundle LIMIT 1",
  setMinimum: "UPDATE log SET minimum = ? WHERE id = ?",
  hourKept: "SELECT 1 FROM checkpoint WHERE log = ? AND kept = 1 AND time >= ? LIMIT 1",
  dropCheckpoints: "DELETE FROM checkpoint WHERE log = ? AND kept = 0",
  insertCheckpoint: "INSERT INTO checkpoint (log, size, time, kept, note) VALUES (?, ?, ?, ?, ?)",
  newestOfSize: "SELECT id, size, time, note FROM checkpoint WHERE log = ? AND size = ? ORDER BY id DESC LIMIT 1",
  putCosigned: "UPDATE checkpoint SET note = ?, kept = max(kept, ?) WHERE id = ?",
  keepCheckpoint:
    "UPDATE checkpoint SET kept = 1 WHERE id = (SELECT id FROM checkpoint WHERE log = ? ORDER BY id DESC LIMIT 1) AND kept = 0",
} as const;

function keyHash(key: string): Uint8Array {
  return hash("sha256", key, "buffer");
}

function receiptOf(account: string, first: number, count: number, duplicates: number): Receipt {
  return { account, accepted: count, duplicates, first, last: first + count - 1, treeSize: first + count };
}

function headOf(note: string): { readonly size: number; readonly root: Uint8Array } {
  const { size, root } = parseCheckpoint(parseNote(note).text);
  return { size, root };
}
