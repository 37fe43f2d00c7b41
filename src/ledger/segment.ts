// One file of the ledger, read: its rows, by statements prepared once. Knows nothing of other files; which of them holds
// what is store.ts's. Files of format 1 lack what retention notes.
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { bundleWidth } from "./bundle.ts";
import type { CheckpointRow, LogRow, ReceiptRow } from "./store.ts";

interface EntryRow {
  readonly seq: number;
  readonly bytes: Uint8Array;
}

export type KeptRow = CheckpointRow & { readonly id: number };

export class Segment {
  readonly number: number;
  readonly database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #firsts = new Map<number, number>();
  readonly #hasTiles: boolean;
  #opened: number | undefined;

  constructor(number: number, database: DatabaseSync) {
    this.number = number;
    this.database = database;
    this.#hasTiles = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'tile'").get() !== undefined;
  }

  logs(): readonly LogRow[] {
    return (this.#sql("SELECT * FROM log ORDER BY id").all() as unknown as LogRow[]).map(complete);
  }

  log(account: string): LogRow | undefined {
    const row = this.#sql("SELECT * FROM log WHERE account = ?").get(account) as LogRow | undefined;
    return row === undefined ? undefined : complete(row);
  }

  /** From which entry on the file holds the log; undefined where it does not know it. */
  first(log: number): number | undefined {
    const known = this.#firsts.get(log);
    if (known !== undefined) return known;
    const row = this.#sql("SELECT * FROM log WHERE id = ?").get(log) as LogRow | undefined;
    if (row === undefined) return undefined;
    const { first } = complete(row);
    this.#firsts.set(log, first);
    return first;
  }

  bundle(log: number, n: number): Uint8Array | undefined {
    const row = this.#sql("SELECT frames FROM bundle WHERE log = ? AND n = ?").get(log, n);
    return (row as { frames: Uint8Array } | undefined)?.frames;
  }

  /** Leaf hashes of a bundle that is gone. */
  tile(log: number, n: number): Uint8Array | undefined {
    if (!this.#hasTiles) return undefined;
    const row = this.#sql("SELECT hashes FROM tile WHERE log = ? AND n = ?").get(log, n);
    return (row as { hashes: Uint8Array } | undefined)?.hashes;
  }

  entry(log: number, seq: number): Uint8Array | undefined {
    const row = this.#sql("SELECT bytes FROM entry WHERE log = ? AND seq = ?").get(log, seq);
    return (row as { bytes: Uint8Array } | undefined)?.bytes;
  }

  /** Loose entries from `from` to before `to`. */
  entries(log: number, from: number, to: number): readonly EntryRow[] {
    const sql = "SELECT seq, bytes FROM entry WHERE log = ? AND seq >= ? AND seq < ? ORDER BY seq";
    return this.#sql(sql).all(log, from, to) as unknown as EntryRow[];
  }

  nodes(log: number, level: number, from: number, to: number): readonly Uint8Array[] {
    const sql = "SELECT hash FROM node WHERE log = ? AND level = ? AND n >= ? AND n < ? ORDER BY n";
    const rows = this.#sql(sql).all(log, level, from, to) as { hash: Uint8Array }[];
    return rows.map(({ hash }) => hash);
  }

  blob(digest: string): Uint8Array | undefined {
    const row = this.#sql("SELECT bytes FROM blob WHERE digest = ?").get(digest);
    return (row as { bytes: Uint8Array } | undefined)?.bytes;
  }

  blobSize(digest: string): number | undefined {
    const row = this.#sql("SELECT length(bytes) AS size FROM blob WHERE digest = ?").get(digest);
    return (row as { size: number } | undefined)?.size;
  }

  *blobs(): Generator<{ readonly digest: string; readonly bytes: Uint8Array }> {
    for (const row of this.database.prepare("SELECT digest, bytes FROM blob").iterate())
      yield row as unknown as { digest: string; bytes: Uint8Array };
  }

  /** High-water marks of the log's streams; none in files from before there were any. */
  marks(log: number): readonly { readonly stream: Uint8Array; readonly offset: number }[] {
    if (this.database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'mark'").get() === undefined) return [];
    const rows = this.#sql("SELECT stream, offset FROM mark WHERE log = ?").all(log);
    return rows as unknown as { stream: Uint8Array; offset: number }[];
  }

  checkpoints(): readonly (CheckpointRow & { readonly log: number })[] {
    const rows = this.#sql("SELECT log, size, time, note FROM checkpoint ORDER BY id").all();
    return rows as unknown as (CheckpointRow & { log: number })[];
  }

  latestCheckpoint(log: number): CheckpointRow | undefined {
    const sql = "SELECT size, time, note FROM checkpoint WHERE log = ? ORDER BY id DESC LIMIT 1";
    return this.#sql(sql).get(log) as CheckpointRow | undefined;
  }

  /** The newest checkpoint that a quorum of witnesses cosigned. */
  witnessedCheckpoint(log: number): CheckpointRow | undefined {
    const sql = "SELECT size, time, note FROM checkpoint WHERE log = ? AND kept = 2 ORDER BY id DESC LIMIT 1";
    return this.#sql(sql).get(log) as CheckpointRow | undefined;
  }

  /** The newest checkpoint kept for ever with a time up to `time`. */
  keptUpTo(log: number, time: number): CheckpointRow | undefined {
    const later = this.keptSince(log, 0, (row) => row.time > time);
    return this.#kept(log, "DESC", (later?.id ?? Number.MAX_SAFE_INTEGER) - 1);
  }

  /** The oldest checkpoint kept for ever with a time from `time` on. */
  keptFrom(log: number, time: number): CheckpointRow | undefined {
    return this.keptSince(log, 0, (row) => row.time >= time);
  }

  /**
   * The oldest checkpoint kept for ever, from an id on, of which something holds that holds of all after it too. Found by
   * halving; where it does not hold of all, one that holds may be passed over.
   */
  keptSince(log: number, from: number, holds: (row: KeptRow) => boolean): KeptRow | undefined {
    let low = from;
    let high = (this.#kept(log, "DESC", Number.MAX_SAFE_INTEGER)?.id ?? 0) + 1;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const row = this.#kept(log, "ASC", middle);
      if (row === undefined || holds(row)) high = middle;
      else low = row.id + 1;
    }
    return this.#kept(log, "ASC", low);
  }

  #kept(log: number, order: "ASC" | "DESC", id: number): KeptRow | undefined {
    const side = order === "ASC" ? ">=" : "<=";
    const sql = `SELECT id, size, time, note FROM checkpoint WHERE log = ? AND kept >= 1 AND id ${side} ? ORDER BY id ${order} LIMIT 1`;
    return this.#sql(sql).get(log, id) as KeptRow | undefined;
  }

  receipt(log: number, key: Uint8Array, since: number): ReceiptRow | undefined {
    const sql = "SELECT digest, first, count FROM receipt WHERE log = ? AND key = ? AND time >= ?";
    return this.#sql(sql).get(log, key, since) as ReceiptRow | undefined;
  }

  /** When the file was begun; 0 where it does not say. */
  get opened(): number {
    this.#opened ??= Number(
      (this.#sql("SELECT value FROM meta WHERE key = 'opened'").get() as { value: string } | undefined)?.value ?? 0,
    );
    return this.#opened;
  }

  /** Rows of a log that are not what they should be in number. @param next where the file after this one goes on */
  strays(log: LogRow, next: number | undefined): readonly string[] {
    const until = next ?? log.size;
    const from = log.first / bundleWidth;
    const full = Math.floor(until / bundleWidth);
    const found: string[] = [];
    const place = `file ${this.number}`;
    const spread = (table: string): { count: number; first: number | null; last: number | null } =>
      this.#sql(`SELECT count(*) AS count, min(n) AS first, max(n) AS last FROM ${table} WHERE log = ?`).get(
        log.id,
      ) as never;
    const bundles = spread("bundle");
    const tiles = this.#hasTiles ? spread("tile") : { count: 0, first: null, last: null };
    if (bundles.count + tiles.count !== full - from)
      found.push(`there are ${bundles.count + tiles.count} bundles in ${place} instead of ${full - from}`);
    const first = Math.min(bundles.first ?? from, tiles.first ?? from);
    const last = Math.max(bundles.last ?? from - 1, tiles.last ?? from - 1);
    if (first < from || last > full - 1) found.push(`there are bundles in ${place} beyond ${from} to ${full - 1}`);
    const unaccounted = this.#hasTiles ? " AND seq / 256 NOT IN (SELECT n FROM tile WHERE tile.log = entry.log)" : "";
    const below = this.#sql(`SELECT count(*) AS count FROM entry WHERE log = ? AND seq < ?${unaccounted}`).get(
      log.id,
      full * bundleWidth,
    ) as { count: number };
    if (below.count > 0) found.push(`there are ${below.count} loose entries in ${place} that are in bundles`);
    // Loose entries: of the bundle that is not full, and those of the service's own out of bundles that are gone.
    const tail = this.#sql("SELECT count(*) AS count, max(seq) AS last FROM entry WHERE log = ? AND seq >= ?").get(
      log.id,
      full * bundleWidth,
    ) as { count: number; last: number | null };
    const loose = next === undefined ? until - full * bundleWidth : Math.max(0, log.size - until);
    // A closed file may keep the tail that went on in the next one, or have lost it with retention.
    const complete = tail.count === loose && (tail.last === null || tail.last === full * bundleWidth + loose - 1);
    if (!complete && !(next !== undefined && tail.count === 0))
      found.push(`there are ${tail.count} loose entries in ${place} instead of ${loose}`);
    found.push(...this.#strayNodes(log, full));
    const receipts = this.#sql("SELECT count(*) AS count FROM receipt WHERE log = ? AND first + count > ?").get(
      log.id,
      log.size,
    ) as { count: number };
    if (receipts.count > 0) found.push(`${receipts.count} receipts in ${place} are of entries that are not there`);
    return found;
  }

  /** @param full bundles of the log up to the end of this file */
  #strayNodes(log: LogRow, full: number): readonly string[] {
    const entries = full * bundleWidth;
    const nodes = this.#sql(
      "SELECT level, count(*) AS count, min(n) AS first, max(n) AS last FROM node WHERE log = ? GROUP BY level",
    ).all(log.id) as unknown as { level: number; count: number; first: number; last: number }[];
    const found: string[] = [];
    // A node is in the file that holds the bundle which completed it.
    for (let level = 1, width = bundleWidth; width <= entries; level++, width *= bundleWidth) {
      const [lowest, end] = [Math.floor(log.first / width), Math.floor(entries / width)];
      const { count, first, last } = nodes.find((node) => node.level === level) ?? {
        count: 0,
        first: lowest,
        last: end - 1,
      };
      if (count !== end - lowest || first !== lowest || last !== end - 1)
        found.push(`the hashes of level ${level} in file ${this.number} are not those from ${lowest} to before ${end}`);
    }
    for (const { level } of nodes)
      if (level < 1 || bundleWidth ** level > entries)
        found.push(`there are hashes of level ${level} in file ${this.number}, which the log has not reached`);
    return found;
  }

  /** Rows of logs that the file does not know. */
  strangers(): readonly string[] {
    const known = new Set(this.logs().map(({ id }) => id));
    const tables = ["entry", "bundle", "node", "checkpoint", "receipt", ...(this.#hasTiles ? ["tile"] : [])];
    return tables.flatMap((table) => {
      const next = this.#sql(`SELECT min(log) AS log FROM ${table} WHERE log > ?`);
      const found: string[] = [];
      for (let log = Number.MIN_SAFE_INTEGER; ; ) {
        const row = next.get(log) as { log: number | null };
        if (row.log === null) return found;
        if (!known.has(row.log))
          found.push(`file ${this.number} has rows of a log ${row.log} in ${table}, which it does not have`);
        log = row.log;
      }
    });
  }

  #sql(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

/** Rows of format 1 lack two columns. */
function complete(row: LogRow): LogRow {
  return row.first === undefined ? { ...row, first: 0, minimum: 0 } : row;
}
