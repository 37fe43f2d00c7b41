// Opens SQLite files, the only storage engine of the house. Owns the pragmas and the format number every file carries;
// knows no table of anyone's. A file of a newer format is refused, never guessed at.
import { dirname } from "node:path";
import { backup, DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { Fatal } from "../errors.ts";
import { syncDirectory, syncFile } from "./files.ts";

export interface OpenOptions {
  readonly path: string;
  /** What the file is, in four letters, e.g. "TSlg"; a file that is something else is refused. */
  readonly kind: string;
  /** The newest format this program writes and reads. */
  readonly format: number;
  /** Creates the tables of a new file; run in the transaction that stamps the format. */
  readonly create: (database: DatabaseSync) => void;
  /** Brings a file of the format before to this one; run in the transaction that stamps it. Absent: none is known. */
  readonly upgrade?: (database: DatabaseSync) => void;
  /** FULL: a commit is fsynced before it returns. NORMAL: consistent after a power cut, but the newest commits may be gone. */
  readonly synchronous: "FULL" | "NORMAL";
}

const busyTimeoutMs = 5_000;

/** Opens a file for writing, creating it where it is missing, in WAL mode. */
export function openDatabase(options: OpenOptions): DatabaseSync {
  const database = new DatabaseSync(options.path, { timeout: busyTimeoutMs });
  try {
    database.exec(
      `PRAGMA journal_mode=WAL; PRAGMA synchronous=${options.synchronous}; PRAGMA journal_size_limit=4194304`,
    );
    if (pragma(database, "user_version") === 0) {
      database.exec(`BEGIN IMMEDIATE`);
      options.create(database);
      database.exec(`PRAGMA application_id=${kindNumber(options.kind)}; PRAGMA user_version=${options.format}; COMMIT`);
    }
    checkFormat(database, options);
    if (options.upgrade !== undefined && pragma(database, "user_version") === options.format - 1)
      transaction(database, () => {
        options.upgrade!(database);
        database.exec(`PRAGMA user_version=${options.format}`);
      });
    // What a killed process left in the log file may be in the page cache only: on disk before anyone is told of it (I1).
    if (options.synchronous === "FULL") {
      database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
      // The log file is made anew at every opening. SQLite syncs its name at the first commit, but goes on where that fails.
      syncDirectory(dirname(options.path));
    }
    return database;
  } catch (thrown) {
    database.close();
    throw thrown;
  }
}

/**
 * Opens an existing file that a writer may have open too; nothing in it is changed.
 * @param immutable nobody writes it any more: no lock is taken, and no file is made beside it
 */
export function openReadOnly(
  options: Pick<OpenOptions, "path" | "kind" | "format"> & { readonly immutable?: boolean },
): DatabaseSync {
  const url = pathToFileURL(options.path);
  if (options.immutable === true) url.search = "?immutable=1";
  const database = new DatabaseSync(url, { readOnly: true, timeout: busyTimeoutMs });
  try {
    checkFormat(database, options);
    return database;
  } catch (thrown) {
    database.close();
    throw thrown;
  }
}

/** Copies a file that others may be writing, as of one moment, durably. @returns when `to`, which must not exist, is on disk */
export async function copyDatabase(from: string, to: string): Promise<void> {
  const source = new DatabaseSync(from, { readOnly: true, timeout: busyTimeoutMs });
  try {
    // All pages in one step: with more, every commit in between would make it begin again.
    await backup(source, to, { rate: 2 ** 31 - 1 });
  } finally {
    source.close();
  }
  syncFile(to);
}

/** Runs `work` in one transaction: all of it is committed, or none. */
export function transaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec("BEGIN IMMEDIATE");
  try {
    const result = work();
    database.exec("COMMIT");
    return result;
  } catch (thrown) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw thrown;
  }
}

function checkFormat(
  database: DatabaseSync,
  { path, kind, format }: Pick<OpenOptions, "path" | "kind" | "format">,
): void {
  const found = pragma(database, "user_version");
  const application = pragma(database, "application_id");
  if (application !== kindNumber(kind))
    throw new Fatal(`${path} is not a Taishi file of kind ${kind}`, { hint: "Check the data directory's path." });
  if (found > format)
    throw new Fatal(`${path} has format ${found}, newer than the ${format} this program knows`, {
      hint: "Run the Taishi version that wrote it, or a newer one.",
    });
}

function pragma(database: DatabaseSync, name: "user_version" | "application_id"): number {
  const row = database.prepare(`PRAGMA ${name}`).get() as Record<string, number>;
  return row[name]!;
}

function kindNumber(kind: string): number {
  return Buffer.from(kind, "latin1").readInt32BE(0);
}
