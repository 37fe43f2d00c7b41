// The ledger's files and tables, and how they are read. Owns DATA/ledger/*.db: the file with the highest number is the
// one written; lower ones (once segments exist) are closed and read-only. See docs/ledger-format.md.
// If a file is lost or altered: fsck says so and the service refuses to start (I2); restore it from a backup.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { openDatabase, openReadOnly } from "../durable/database.ts";
import { makePrivateDirectory, syncDirectory } from "../durable/files.ts";
import { Fatal, TaishiError } from "../errors.ts";
import { edgeShape, leafHash, TreeEdge } from "../merkle/tree.ts";
import { bundleWidth, decodeBundle, entryInFrame, frameOf, openBundle } from "./bundle.ts";
import type { LogReader, SignedCheckpoint } from "./port.ts";
import { sha256 } from "./signer.ts";

const file = { kind: "TSlg", format: 1 } as const;

/** One account's log as its row says. */
export interface LogRow {
  readonly id: number;
  readonly account: string;
  readonly origin: string;
  readonly salted: number;
  readonly size: number;
  /** Of the newest entry; never decreases. */
  readonly received: number;
}

export type CheckpointRow = SignedCheckpoint;

const tables = `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE log (
    id INTEGER PRIMARY KEY, account TEXT NOT NULL UNIQUE, origin TEXT NOT NULL, salted INTEGER NOT NULL,
    size INTEGER NOT NULL, received INTEGER NOT NULL
  );
  CREATE TABLE entry (log INTEGER NOT NULL, seq INTEGER NOT NULL, bytes BLOB NOT NULL, UNIQUE (log, seq));
  CREATE TABLE bundle (log INTEGER NOT NULL, n INTEGER NOT NULL, frames BLOB NOT NULL, UNIQUE (log, n));
  CREATE TABLE node (
    log INTEGER NOT NULL, level INTEGER NOT NULL, n INTEGER NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (log, level, n)
  ) WITHOUT ROWID;
  CREATE TABLE blob (digest TEXT PRIMARY KEY, bytes BLOB NOT NULL);
  CREATE TABLE checkpoint (
    id INTEGER PRIMARY KEY, log INTEGER NOT NULL, size INTEGER NOT NULL, time INTEGER NOT NULL, kept INTEGER NOT NULL,
    note TEXT NOT NULL
  );
  CREATE INDEX checkpoint_log ON checkpoint (log, id);
  CREATE TABLE receipt (
    log INTEGER NOT NULL, key BLOB NOT NULL, digest BLOB NOT NULL, first INTEGER NOT NULL, count INTEGER NOT NULL,
    time INTEGER NOT NULL, PRIMARY KEY (log, key)
  ) WITHOUT ROWID;
  CREATE INDEX receipt_time ON receipt (time);
`;

/** Opens the ledger for writing, creating it where there is none. Only the data directory's owner may. */
export function openLedger(directory: string, newServiceId: () => string): DatabaseSync {
  makePrivateDirectory(directory);
  const path = join(directory, newestFile(directory) ?? "000001.db");
  const fresh = !existsSync(path);
  const database = openDatabase({
    ...file,
    path,
    synchronous: "FULL",
    create: (created) => {
      created.exec(tables);
      created.prepare("INSERT INTO meta VALUES ('service', ?)").run(newServiceId());
    },
  });
  if (fresh) syncDirectory(directory);
  return database;
}

function newestFile(directory: string): string | undefined {
  return readdirSync(directory)
    .filter((name) => /^\d{6}\.db$/.test(name))
    .sort()
    .at(-1);
}

/** Ids as they are in the file's meta table. */
export function serviceId(database: DatabaseSync): string {
  const row = database.prepare("SELECT value FROM meta WHERE key = 'service'").get() as { value: string };
  return row.value;
}

/** The reading side: what is committed, at every call. */
export class LedgerReader implements LogReader {
  readonly #database: DatabaseSync;
  readonly #ids = new Map<string, number>();
  readonly #frames: FrameCache;
  readonly #owned: boolean;
  readonly #log: StatementSync;
  readonly #bundle: StatementSync;
  readonly #entry: StatementSync;

  /** Opens the newest file read-only, beside its writer. */
  static open(directory: string): LedgerReader {
    const name = existsSync(directory) ? newestFile(directory) : undefined;
    if (name === undefined)
      throw new Fatal(`there is no ledger in ${directory}`, { hint: "Give the data directory with --data." });
    return new LedgerReader(openReadOnly({ ...file, path: join(directory, name) }), true);
  }

  /** @param owned whether close() closes the database */
  constructor(database: DatabaseSync, owned = false, cacheBytes = 32 * 1024 * 1024) {
    this.#database = database;
    this.#owned = owned;
    this.#frames = new FrameCache(cacheBytes);
    this.#log = database.prepare("SELECT * FROM log WHERE account = ?");
    this.#bundle = database.prepare("SELECT frames FROM bundle WHERE log = ? AND n = ?");
    this.#entry = database.prepare("SELECT bytes FROM entry WHERE log = ? AND seq = ?");
  }

  get service(): string {
    return serviceId(this.#database);
  }

  accounts(): readonly string[] {
    return this.logs().map(({ account }) => account);
  }

  logs(): readonly LogRow[] {
    return this.#database.prepare("SELECT * FROM log ORDER BY id").all() as unknown as LogRow[];
  }

  log(account: string): LogRow | undefined {
    return this.#log.get(account) as LogRow | undefined;
  }

  size(account: string): number {
    return this.log(account)?.size ?? 0;
  }

  read(account: string, seqs: readonly number[]): readonly Uint8Array[] {
    const log = this.#id(account);
    const bundle = this.#bundle;
    const tail = this.#entry;
    return seqs.map((seq) => {
      const n = Math.floor(seq / bundleWidth);
      const frame = frameOf(seq);
      const key = `${log}/${n}/${frame}`;
      let content = this.#frames.get(key);
      if (content === undefined) {
        const row = bundle.get(log, n) as { frames: Uint8Array } | undefined;
        if (row === undefined) {
          const loose = tail.get(log, seq) as { bytes: Uint8Array } | undefined;
          if (loose !== undefined) return loose.bytes;
          // The bundle may have been completed between the two looks.
          const completed = bundle.get(log, n) as { frames: Uint8Array } | undefined;
          if (completed === undefined) throw new RangeError(`the log of ${account} has no entry ${seq}`);
          content = openBundle(completed.frames).frame(frame);
        } else content = openBundle(row.frames).frame(frame);
        this.#frames.set(key, content);
      }
      return entryInFrame(content, seq);
    });
  }

  /** The entries of the bundle n, or those of it that exist; for passes over a whole log. */
  bundle(account: string, n: number): readonly Uint8Array[] {
    const log = this.#id(account);
    const row = this.bundleRow(log, n);
    if (row !== undefined) return decodeBundle(row);
    const rows = this.#database
      .prepare("SELECT bytes FROM entry WHERE log = ? AND seq BETWEEN ? AND ? ORDER BY seq")
      .all(log, n * bundleWidth, (n + 1) * bundleWidth - 1) as { bytes: Uint8Array }[];
    if (rows.length > 0) return rows.map(({ bytes }) => bytes);
    const completed = this.bundleRow(log, n);
    return completed === undefined ? [] : decodeBundle(completed);
  }

  bundleRow(log: number, n: number): Uint8Array | undefined {
    const row = this.#bundle.get(log, n);
    return (row as { frames: Uint8Array } | undefined)?.frames;
  }

  blob(digest: string): Uint8Array {
    const row = this.#database.prepare("SELECT bytes FROM blob WHERE digest = ?").get(digest);
    if (row === undefined) throw new Fatal(`the blob ${digest} is missing`, { hint: "Run `taishi fsck`." });
    return (row as { bytes: Uint8Array }).bytes;
  }

  /** Bytes of the blob, or undefined where there is none. */
  blobSize(digest: string): number | undefined {
    const row = this.#database.prepare("SELECT length(bytes) AS size FROM blob WHERE digest = ?").get(digest);
    return (row as { size: number } | undefined)?.size;
  }

  /** Digests of all blobs. */
  *blobs(): Generator<string> {
    for (const row of this.#database.prepare("SELECT digest FROM blob").iterate())
      yield (row as unknown as { digest: string }).digest;
  }

  /** Logs and checkpoints as of one moment, and rows that no log's size accounts for. */
  snapshot(): {
    readonly logs: readonly LogRow[];
    readonly checkpoints: readonly (CheckpointRow & { readonly log: number })[];
    readonly strays: readonly { readonly account: string; readonly what: string }[];
  } {
    this.#database.exec("BEGIN");
    try {
      const logs = this.logs();
      const checkpoints = this.#database
        .prepare("SELECT log, size, time, note FROM checkpoint ORDER BY id")
        .all() as unknown as (CheckpointRow & { log: number })[];
      const bundles = this.#database.prepare("SELECT count(*) AS count, max(n) AS last FROM bundle WHERE log = ?");
      const tail = this.#database.prepare("SELECT count(*) AS count, max(seq) AS last FROM entry WHERE log = ?");
      const strays = logs.flatMap(({ id, account, size }) => {
        const stored = bundles.get(id) as { count: number; last: number | null };
        const loose = tail.get(id) as { count: number; last: number | null };
        const full = Math.floor(size / bundleWidth);
        const found: { account: string; what: string }[] = [];
        if (stored.count !== full || (stored.last ?? -1) !== full - 1)
          found.push({ account, what: `there are ${stored.count} bundles instead of ${full}` });
        if (loose.count !== size % bundleWidth || (loose.last !== null && loose.last !== size - 1))
          found.push({ account, what: `there are ${loose.count} loose entries instead of ${size % bundleWidth}` });
        return found;
      });
      return { logs, checkpoints, strays };
    } finally {
      this.#database.exec("COMMIT");
    }
  }

  latestCheckpoint(log: number): CheckpointRow | undefined {
    const row = this.#database
      .prepare("SELECT size, time, note FROM checkpoint WHERE log = ? ORDER BY id DESC LIMIT 1")
      .get(log);
    return row as CheckpointRow | undefined;
  }

  /**
   * The checkpoints kept for ever on both sides of an interval: the newest with a time up to `from`, the oldest with one
   * from `to` on. Found by halving, since times grow with ids; where a clock was set back it may not be the tightest pair.
   */
  checkpointsAround(
    log: number,
    from: number,
    to: number,
  ): { readonly before: CheckpointRow | undefined; readonly after: CheckpointRow | undefined } {
    const near = (order: "ASC" | "DESC", id: number): (CheckpointRow & { readonly id: number }) | undefined => {
      const sql = `SELECT id, size, time, note FROM checkpoint WHERE log = ? AND kept = 1 AND id ${order === "ASC" ? ">=" : "<="} ? ORDER BY id ${order} LIMIT 1`;
      return this.#database.prepare(sql).get(log, id) as (CheckpointRow & { id: number }) | undefined;
    };
    /** The first one with a time from `time` on, by ids. */
    const first = (time: number): (CheckpointRow & { readonly id: number }) | undefined => {
      let low = 0;
      let high = (near("DESC", Number.MAX_SAFE_INTEGER)?.id ?? 0) + 1;
      while (low < high) {
        const middle = Math.floor((low + high) / 2);
        const row = near("ASC", middle);
        if (row === undefined || row.time >= time) high = middle;
        else low = row.id + 1;
      }
      return near("ASC", low);
    };
    const later = first(from + 1);
    return { before: near("DESC", (later?.id ?? Number.MAX_SAFE_INTEGER) - 1), after: first(to) };
  }

  /** Stored nodes of a level from an index on. */
  nodes(log: number, level: number, from: number, count: number): readonly Uint8Array[] {
    const rows = this.#database
      .prepare("SELECT hash FROM node WHERE log = ? AND level = ? AND n >= ? AND n < ? ORDER BY n")
      .all(log, level, from, from + count) as { hash: Uint8Array }[];
    return rows.map(({ hash }) => hash);
  }

  /**
   * The tree's edge as it was at a size: from stored nodes, and leaf hashes of the last bundle's entries.
   * @throws Fatal where entries or nodes are missing
   */
  edgeAt(row: LogRow, size: number): TreeEdge {
    const levels = edgeShape(size).map(({ from, count }, level) => {
      if (level > 0) return this.nodes(row.id, level, from, count);
      const entries = count === 0 ? [] : this.bundle(row.account, from / bundleWidth).slice(0, count);
      return entries.map((entry) => leafHash(sha256, entry));
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

  close(): void {
    if (this.#owned) this.#database.close();
  }

  #id(account: string): number {
    const known = this.#ids.get(account);
    if (known !== undefined) return known;
    const row = this.log(account);
    if (row === undefined) throw new TaishiError("not-found", `account ${account} has no log`);
    this.#ids.set(account, row.id);
    return row.id;
  }
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
}
