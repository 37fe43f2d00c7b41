// The ledger's files, one after the other: DATA/ledger/NNNNNN.db. The highest number is written; when it is full it closes
// and a new one begins with what goes on (logs, tails, newest checkpoints). A closed file is read-only from then on, and
// only ever replaced whole, by retention (prune-segment.ts). Crash order of a roll: the new file is complete and on disk
// under another name; it is renamed, and from then on is the one written; the old one is told that it has a successor.
// If a file is lost or altered: fsck says so and the service refuses to start (I2); restore it from a backup.
import { chmodSync, existsSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { openDatabase, transaction } from "../durable/database.ts";
import { makePrivateDirectory, syncDirectory } from "../durable/files.ts";
import { Fatal } from "../errors.ts";
import { blobReferences, parseEntry } from "../event/entry.ts";
import { bundleWidth } from "./bundle.ts";

export const ledgerFile = { kind: "TSlg", format: 2 } as const;

/** The highest offset that a log has of a stream at a source (I8). Files from before there were any get it when opened. */
const markTable = `CREATE TABLE IF NOT EXISTS mark (
  log INTEGER NOT NULL, stream BLOB NOT NULL, offset INTEGER NOT NULL, PRIMARY KEY (log, stream)
) WITHOUT ROWID;`;

const tables = `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE log (
    id INTEGER PRIMARY KEY, account TEXT NOT NULL UNIQUE, origin TEXT NOT NULL, salted INTEGER NOT NULL,
    size INTEGER NOT NULL, received INTEGER NOT NULL, first INTEGER NOT NULL DEFAULT 0, minimum INTEGER NOT NULL DEFAULT 0
  );
  CREATE TABLE entry (log INTEGER NOT NULL, seq INTEGER NOT NULL, bytes BLOB NOT NULL, UNIQUE (log, seq));
  CREATE TABLE bundle (log INTEGER NOT NULL, n INTEGER NOT NULL, frames BLOB NOT NULL, UNIQUE (log, n));
  CREATE TABLE tile (log INTEGER NOT NULL, n INTEGER NOT NULL, hashes BLOB NOT NULL, UNIQUE (log, n));
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
  ${markTable}
`;

/** Format 1 had one file and no retention: all it lacks are the places where those are noted. */
const upgradeFrom1 = `
  ALTER TABLE log ADD COLUMN first INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE log ADD COLUMN minimum INTEGER NOT NULL DEFAULT 0;
  CREATE TABLE tile (log INTEGER NOT NULL, n INTEGER NOT NULL, hashes BLOB NOT NULL, UNIQUE (log, n));
`;

/** Opens the newest file for writing, creating the first where there is none. Only the data directory's owner may. */
export function openLedger(directory: string, newServiceId: () => string): DatabaseSync {
  makePrivateDirectory(directory);
  const numbers = segmentNumbers(directory);
  const database = openSegment(segmentPath(directory, numbers.at(-1) ?? 1), (created) =>
    created.prepare("INSERT INTO meta VALUES ('service', ?)").run(newServiceId()),
  );
  if (numbers.length === 0) syncDirectory(directory);
  database.exec(markTable);
  // A stop during a roll may have left the file before open, or one that was not finished.
  for (const number of numbers.slice(0, -1)) closeSegment(directory, number);
  removeUnfinished(directory);
  return database;
}

/** Numbers of the files, ascending. */
export function segmentNumbers(directory: string): readonly number[] {
  return existsSync(directory)
    ? readdirSync(directory)
        .filter((name) => /^\d{6}\.db$/.test(name))
        .map((name) => Number(name.slice(0, 6)))
        .sort((a, b) => a - b)
    : [];
}

export function segmentPath(directory: string, number: number): string {
  return join(directory, `${String(number).padStart(6, "0")}.db`);
}

/** Ids as they are in the file's meta table. */
export function serviceId(database: DatabaseSync): string {
  return meta(database, "service")!;
}

/** When the file was begun, in milliseconds, and how many bytes it began with; set where it is not known yet. */
export function beginnings(database: DatabaseSync, now: number): { readonly opened: number; readonly bytes: number } {
  const opened = meta(database, "opened");
  const bytes = meta(database, "opened-bytes");
  if (opened !== undefined && bytes !== undefined) return { opened: Number(opened), bytes: Number(bytes) };
  transaction(database, () => {
    const insert = database.prepare("INSERT OR REPLACE INTO meta VALUES (?, ?)");
    insert.run("opened", String(now));
    insert.run("opened-bytes", "0");
  });
  return { opened: now, bytes: 0 };
}

/** Bytes of the file's pages, whether they are in it or in its write-ahead log yet. */
export function segmentBytes(database: DatabaseSync): number {
  const number = (name: string): number => Object.values(database.prepare(`PRAGMA ${name}`).get()!)[0] as number;
  return number("page_count") * number("page_size");
}

/**
 * Begins the next file with what goes on in it, and closes the one before. The database given is closed.
 * What fails before the new file has its name leaves everything as it was.
 * @returns the new file, open for writing
 */
export function rollSegment(directory: string, current: DatabaseSync, now: number): DatabaseSync {
  const number = segmentNumbers(directory).at(-1)!;
  const path = segmentPath(directory, number + 1);
  const beside = `${path}.new`;
  try {
    const made = openBeside(beside);
    try {
      copyOngoing(segmentPath(directory, number), made, now);
      fold(made, beside);
    } finally {
      made.close();
    }
    renameSync(beside, path);
  } catch (thrown) {
    removeBeside(beside);
    throw thrown;
  }
  try {
    syncDirectory(directory);
    const next = openSegment(path, () => {});
    current.close();
    closeSegment(directory, number);
    return next;
  } catch (cause) {
    // From the rename on the new file is the one that counts: nothing may be written to the old one any more.
    throw new Fatal("the ledger's next file could not be begun", {
      hint: "Check the disk, then start again: what was acknowledged is recovered.",
      cause,
    });
  }
}

/** A new file under another name, for what is renamed when it is complete. */
export function openBeside(path: string): DatabaseSync {
  removeBeside(path);
  return openSegment(path, () => {});
}

/**
 * Brings everything that was committed into a file made beside, fsynced: what stays in its write-ahead log would be lost
 * when it is renamed. Closing does the same, but says nothing where it fails.
 */
export function fold(made: DatabaseSync, path: string): void {
  const { busy } = made.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get() as { busy: number };
  if (busy !== 0 || hasWriteAheadLog(path)) throw new Error(`${path} could not be completed`);
}

/** What the next file needs of the one before: everything that is still written to or asked for at each append. */
function copyOngoing(from: string, made: DatabaseSync, now: number): void {
  made.prepare("ATTACH ? AS old").run(from);
  transaction(made, () => {
    made.exec(`
      INSERT INTO meta SELECT key, value FROM old.meta WHERE key = 'service';
      INSERT INTO log SELECT id, account, origin, salted, size, received, size - size % ${bundleWidth}, minimum FROM old.log;
      INSERT INTO entry SELECT e.log, e.seq, e.bytes FROM log JOIN old.entry e ON e.log = log.id AND e.seq >= log.first;
      INSERT INTO mark SELECT log, stream, offset FROM old.mark;
      INSERT INTO checkpoint (log, size, time, kept, note)
        SELECT log, size, time, kept, note FROM old.checkpoint
        WHERE id IN (SELECT max(id) FROM old.checkpoint GROUP BY log)
          OR id IN (SELECT max(id) FROM old.checkpoint WHERE kept = 2 GROUP BY log) ORDER BY id;
    `);
    const copyBlob = made.prepare("INSERT OR IGNORE INTO blob SELECT digest, bytes FROM old.blob WHERE digest = ?");
    const withBlobs = made.prepare("SELECT bytes FROM entry WHERE instr(bytes, CAST('\"$sha256\"' AS BLOB)) > 0");
    for (const row of withBlobs.all() as unknown as { bytes: Uint8Array }[])
      for (const { $sha256 } of blobReferences(parseEntry(row.bytes))) copyBlob.run($sha256);
    const insert = made.prepare("INSERT INTO meta VALUES (?, ?)");
    insert.run("opened", String(now));
    insert.run("opened-bytes", String(segmentBytes(made)));
  });
  made.exec("DETACH old");
}

/** Tells the file that it has a successor, folds its write-ahead log into it and takes away the right to write. */
function closeSegment(directory: string, number: number): void {
  const path = segmentPath(directory, number);
  const isClosed = (statSync(path).mode & 0o222) === 0;
  if (isClosed && !hasWriteAheadLog(path)) return;
  const database = openSegment(path, () => {});
  try {
    if (meta(database, "next") === undefined)
      database.prepare("INSERT INTO meta VALUES ('next', ?)").run(String(number + 1));
    // While somebody reads an older state this stays to be done; the next start does it.
    const { busy } = database.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get() as { busy: number };
    if (busy === 0) chmodSync(path, 0o400);
  } finally {
    database.close();
  }
}

/** Opens an existing file for writing. */
export function openSegmentFile(path: string): DatabaseSync {
  return openSegment(path, () => {});
}

/** Whether there is something of the file that is not in it. */
export function hasWriteAheadLog(path: string): boolean {
  return (statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0;
}

/** The number of the file after this one, where it is closed. */
export function successor(database: DatabaseSync): number | undefined {
  const next = meta(database, "next");
  return next === undefined ? undefined : Number(next);
}

function openSegment(path: string, created: (database: DatabaseSync) => void): DatabaseSync {
  return openDatabase({
    ...ledgerFile,
    path,
    synchronous: "FULL",
    create: (database) => {
      database.exec(tables);
      created(database);
    },
    upgrade: (database) => database.exec(upgradeFrom1),
  });
}

function meta(database: DatabaseSync, key: string): string | undefined {
  const row = database.prepare("SELECT value FROM meta WHERE key = ?").get(key);
  return (row as { value: string } | undefined)?.value;
}

function removeBeside(path: string): void {
  for (const suffix of ["", "-wal", "-shm", "-journal"]) rmSync(path + suffix, { force: true });
}

function removeUnfinished(directory: string): void {
  for (const name of readdirSync(directory)) if (/^\d{6}\.db\.new$/.test(name)) removeBeside(join(directory, name));
}
