// The agent's memory on disk: events that are not yet acknowledged, and beside them, committed in one transaction with
// them, everything that a restart goes on from. So a record is either in here with all that followed from it, or it is read
// again (I8). SPOOL/spool.db, SQLite, synchronous=FULL. If it is lost: files are read again from their beginning, and the server
// leaves out what it has by the events' positions. Bounded: who fills it waits until there is room.
import { join } from "node:path";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { openDatabase, transaction } from "../durable/database.ts";
import type { RawRecord } from "../sources/source.ts";

const tables = `
  CREATE TABLE item (seq INTEGER PRIMARY KEY AUTOINCREMENT, bytes BLOB NOT NULL);
  CREATE TABLE input (source TEXT PRIMARY KEY, resume TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE lane (
    source TEXT NOT NULL, lane TEXT NOT NULL, stream TEXT NOT NULL, waiting TEXT NOT NULL, PRIMARY KEY (source, lane)
  ) WITHOUT ROWID;
  CREATE TABLE stream (
    source TEXT NOT NULL, stream TEXT NOT NULL, offset INTEGER NOT NULL, used INTEGER NOT NULL, PRIMARY KEY (source, stream)
  ) WITHOUT ROWID;
  CREATE TABLE memory (source TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (source, key)) WITHOUT ROWID;
  CREATE TABLE count (source TEXT NOT NULL, what TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (source, what)) WITHOUT ROWID;
`;

/** An event ready to be sent, as it is in the spool. */
export interface Item {
  readonly seq: number;
  /** JSON of one event, UTF-8. */
  readonly bytes: Uint8Array;
}

/** What a lane goes on from: the stream it was last in, and the records that its parser waits for. */
export interface LaneState {
  readonly stream: string;
  readonly waiting: readonly RawRecord[];
}

/** All that follows from one batch of records; stored whole or not at all. */
export interface Commit {
  readonly source: string;
  readonly items: readonly Uint8Array[];
  /** JSON; undefined leaves it as it is. */
  readonly resume: unknown;
  /** undefined: the lane is over. */
  readonly lanes: ReadonlyMap<string, LaneState | undefined>;
  /** The highest offset given to an event, by stream. */
  readonly offsets: ReadonlyMap<string, number>;
  /** What the rules remember, by key; undefined: forgotten. */
  readonly memory: ReadonlyMap<string, string | undefined>;
  /** To be added to the source's counts. */
  readonly counts: ReadonlyMap<string, number>;
  readonly now: number;
}

/** Marks of streams that nothing was read of for so long are forgotten here; the server keeps its own for ever. */
const streamLifeMs = 400 * 24 * 3_600_000;

export class Spool {
  readonly #database: DatabaseSync;
  readonly #limit: number;
  readonly #sql: Record<keyof typeof statements, StatementSync>;
  #bytes: number;
  #items: number;
  #waiters: (() => void)[] = [];
  #arrived: (() => void) | undefined;

  /** @param limit bytes of events beyond which nobody may add until there is room again */
  constructor(directory: string, limit: number) {
    this.#database = openDatabase({
      path: join(directory, "spool.db"),
      kind: "TSsp",
      format: 1,
      synchronous: "FULL",
      create: (database) => database.exec(tables),
    });
    this.#limit = limit;
    this.#sql = Object.fromEntries(
      Object.entries(statements).map(([name, sql]) => [name, this.#database.prepare(sql)]),
    ) as Record<keyof typeof statements, StatementSync>;
    const { bytes, items } = this.#sql.totals.get() as { bytes: number; items: number };
    this.#bytes = bytes;
    this.#items = items;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get items(): number {
    return this.#items;
  }

  get isFull(): boolean {
    return this.#bytes >= this.#limit;
  }

  /** Resolves when there is room, or the signal aborts. */
  async room(signal: AbortSignal): Promise<void> {
    while (this.isFull && !signal.aborted)
      await new Promise<void>((resolve) => {
        this.#waiters.push(resolve);
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
  }

  /** Resolves when there is something to send, or the signal aborts. */
  async filled(signal: AbortSignal): Promise<void> {
    while (this.#items === 0 && !signal.aborted)
      await new Promise<void>((resolve) => {
        this.#arrived = resolve;
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
  }

  /** On disk when it returns. @throws Error of SQLite with nothing changed, e.g. where the disk is full */
  commit({ source, items, resume, lanes, offsets, memory, counts, now }: Commit): void {
    const sql = this.#sql;
    let bytes = 0;
    transaction(this.#database, () => {
      for (const item of items) {
        sql.addItem.run(item);
        bytes += item.length;
      }
      if (resume !== undefined) sql.putInput.run(source, JSON.stringify(resume));
      for (const [lane, state] of lanes) {
        if (state === undefined) sql.dropLane.run(source, lane);
        else sql.putLane.run(source, lane, state.stream, JSON.stringify(state.waiting.map(packed)));
      }
      for (const [stream, offset] of offsets) sql.putStream.run(source, stream, offset, now);
      for (const [key, value] of memory) {
        if (value === undefined) sql.dropMemory.run(source, key);
        else sql.putMemory.run(source, key, value);
      }
      for (const [what, n] of counts) sql.addCount.run(source, what, n);
    });
    this.#bytes += bytes;
    this.#items += items.length;
    if (items.length > 0) this.#arrived?.();
  }

  /** The oldest items: at most so many, and so many bytes unless one alone has more. */
  oldest(most: number, mostBytes: number): readonly Item[] {
    const taken: Item[] = [];
    let bytes = 0;
    for (const row of this.#sql.oldest.iterate(most) as Iterable<unknown> as Iterable<Item>) {
      bytes += row.bytes.length;
      if (taken.length > 0 && bytes > mostBytes) break;
      taken.push(row);
    }
    return taken;
  }

  /** Takes out what was acknowledged: the items given, which were the oldest. */
  remove(items: readonly Item[]): void {
    const last = items.at(-1);
    if (last === undefined) return;
    this.#sql.removeItems.run(last.seq);
    this.#shrunk(
      items.reduce((sum, { bytes }) => sum + bytes.length, 0),
      items.length,
    );
  }

  /** Puts another text in an item's place: what the server will not take as it is. */
  replace(item: Item, bytes: Uint8Array): void {
    this.#sql.replaceItem.run(bytes, item.seq);
    this.#shrunk(item.bytes.length - bytes.length, 0);
  }

  resume(source: string): unknown {
    const row = this.#sql.input.get(source) as { resume: string } | undefined;
    return row === undefined ? undefined : JSON.parse(row.resume);
  }

  lanes(source: string): ReadonlyMap<string, LaneState> {
    const rows = this.#sql.lanes.all(source) as { lane: string; stream: string; waiting: string }[];
    return new Map(
      rows.map(({ lane, stream, waiting }) => [
        lane,
        { stream, waiting: (JSON.parse(waiting) as PackedRecord[]).map(unpacked) },
      ]),
    );
  }

  /** The highest offset that an event of the stream was given; −1 where there is none. */
  offset(source: string, stream: string): number {
    return (this.#sql.stream.get(source, stream) as { offset: number } | undefined)?.offset ?? -1;
  }

  memory(source: string): readonly { readonly key: string; readonly value: string }[] {
    return this.#sql.memory.all(source) as unknown as { key: string; value: string }[];
  }

  counts(source: string): ReadonlyMap<string, number> {
    const rows = this.#sql.counts.all(source) as unknown as { what: string; n: number }[];
    return new Map(rows.map(({ what, n }) => [what, n]));
  }

  close(now: number): void {
    this.#sql.forgetStreams.run(now - streamLifeMs);
    this.#database.close();
  }

  #shrunk(bytes: number, items: number): void {
    this.#bytes -= bytes;
    this.#items -= items;
    if (!this.isFull) for (const wake of this.#waiters.splice(0)) wake();
  }
}

const statements = {
  totals: "SELECT coalesce(sum(length(bytes)), 0) AS bytes, count(*) AS items FROM item",
  addItem: "INSERT INTO item (bytes) VALUES (?)",
  oldest: "SELECT seq, bytes FROM item ORDER BY seq LIMIT ?",
  removeItems: "DELETE FROM item WHERE seq <= ?",
  replaceItem: "UPDATE item SET bytes = ? WHERE seq = ?",
  input: "SELECT resume FROM input WHERE source = ?",
  putInput: "INSERT OR REPLACE INTO input (source, resume) VALUES (?, ?)",
  lanes: "SELECT lane, stream, waiting FROM lane WHERE source = ?",
  putLane: "INSERT OR REPLACE INTO lane (source, lane, stream, waiting) VALUES (?, ?, ?, ?)",
  dropLane: "DELETE FROM lane WHERE source = ? AND lane = ?",
  stream: "SELECT offset FROM stream WHERE source = ? AND stream = ?",
  putStream: "INSERT OR REPLACE INTO stream (source, stream, offset, used) VALUES (?, ?, ?, ?)",
  forgetStreams: "DELETE FROM stream WHERE used < ?",
  memory: "SELECT key, value FROM memory WHERE source = ?",
  putMemory: "INSERT OR REPLACE INTO memory (source, key, value) VALUES (?, ?, ?)",
  dropMemory: "DELETE FROM memory WHERE source = ? AND key = ?",
  counts: "SELECT what, n FROM count WHERE source = ?",
  addCount: "INSERT INTO count VALUES (?, ?, ?) ON CONFLICT (source, what) DO UPDATE SET n = n + excluded.n",
} as const;

/** A record as JSON keeps it: bytes in base64. */
type PackedRecord = Omit<RawRecord, "bytes"> & { readonly bytes?: string };

function packed({ bytes, ...record }: RawRecord): PackedRecord {
  return bytes === undefined ? record : { ...record, bytes: Buffer.from(bytes).toString("base64") };
}

function unpacked({ bytes, ...record }: PackedRecord): RawRecord {
  return bytes === undefined ? record : { ...record, bytes: Buffer.from(bytes, "base64") };
}
