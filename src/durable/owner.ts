// One owner per data directory. Owns DATA/owner.db, an empty SQLite file whose POSIX lock is held for the owner's life and
// dies with the process, however it dies, and DATA/owner.json, which tells others whom to ask. The lock decides; the note
// is only words, and means nothing while the lock is free. Nothing else in this process may open and close owner.db: POSIX
// drops a process's locks on a file when any of its descriptors for that file is closed (SQLite's own are looked after).
import { chmodSync, existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type Clock, systemClock } from "../clock.ts";
import { Fatal } from "../errors.ts";
import { makePrivateDirectory, readIfPresent, writeFileDurably } from "./files.ts";

const sqliteBusy = 5;
/** Long enough to outlast those who only test the lock, and to let exactly one of two racing processes win. */
const acquireTimeoutMs = 500;
/** How long a taken lock may go without a note that names a living process, before the note is taken as it is. */
const noteWaitMs = 1_000;
const noteStepMs = 20;

/** Who holds a data directory: the process, and its control socket where it has one. */
export interface OwnerNote {
  readonly pid: number;
  readonly socket?: string;
}

// A forgotten Owner must not be collected: the database's finaliser would close the file and with it drop the lock.
const held = new Set<Owner>();

export class Owner {
  readonly #notePath: string;
  #database: DatabaseSync | undefined;

  constructor(database: DatabaseSync, notePath: string) {
    this.#database = database;
    this.#notePath = notePath;
    held.add(this);
  }

  /** Gives the directory up; further calls do nothing. The note goes first, so that only its own owner ever removes it. */
  release(): void {
    if (this.#database === undefined) return;
    rmSync(this.#notePath, { force: true });
    this.#database.close();
    this.#database = undefined;
    held.delete(this);
  }
}

/**
 * Takes the data directory, creating it (0700) where it is missing, until release() or the end of the process.
 * @throws Fatal naming the owner's pid where another process, or this one, holds it
 */
export function acquireOwner(
  dataDirectory: string,
  options: { readonly pid: number; readonly socketPath?: string | undefined; readonly clock?: Clock },
): Owner {
  const { pid, socketPath, clock = systemClock } = options;
  makePrivateDirectory(dataDirectory);
  for (let tries = 1; ; tries++) {
    const database = lock(dataDirectory);
    if (database !== undefined) {
      try {
        const since = new Date(clock.now()).toISOString();
        const note = socketPath === undefined ? { pid, since } : { pid, socket: socketPath, since };
        writeFileDurably(notePath(dataDirectory), `${JSON.stringify(note)}\n`, 0o600);
      } catch (thrown) {
        database.close();
        throw thrown;
      }
      return new Owner(database, notePath(dataDirectory));
    }
    const owner = readOwner(dataDirectory);
    if (owner !== undefined)
      throw new Fatal(`${dataDirectory} is in use by process ${owner.pid}`, {
        hint: "Stop that process first, or choose another data directory.",
      });
    // It was let go in between: ours to try again, but not for ever.
    if (tries === 3) throw unnamedOwner(dataDirectory);
  }
}

/**
 * The living owner of a data directory, or undefined where there is none; a note left by a dead one is ignored.
 * @throws Fatal where the lock is held by a process that leaves no note, or cannot be tested
 */
export function readOwner(dataDirectory: string): OwnerNote | undefined {
  for (let waited = 0; ; waited += noteStepMs) {
    if (!isLocked(dataDirectory)) return undefined;
    const note = readNote(dataDirectory);
    // A note of a process that is gone may be its successor's, not yet replaced; or the owner lives in another pid
    // namespace (a container), where we cannot see it. Time tells the two apart.
    if (note !== undefined && (isAlive(note.pid) || waited >= noteWaitMs)) return note;
    if (waited >= noteWaitMs) throw unnamedOwner(dataDirectory);
    sleep(noteStepMs);
  }
}

/** An open database that holds the exclusive lock, or undefined where someone else does. */
function lock(dataDirectory: string): DatabaseSync | undefined {
  const path = lockPath(dataDirectory);
  const database = openLockFile(path, false, acquireTimeoutMs);
  try {
    // Nothing is ever written, so no journal need lie beside it; and it is not WAL, whose exclusive lock lets readers in.
    database.exec("PRAGMA journal_mode=MEMORY; BEGIN EXCLUSIVE");
    chmodSync(path, 0o600); // whoever may read the file could hold us up
    return database;
  } catch (thrown) {
    database.close();
    if (isBusy(thrown)) return undefined;
    throw cannotLock(path, thrown);
  }
}

function isLocked(dataDirectory: string): boolean {
  const path = lockPath(dataDirectory);
  if (!existsSync(path)) return false;
  const database = openLockFile(path, true, 0);
  try {
    // Any read takes the shared lock for its own duration; an owner's exclusive lock refuses it.
    database.prepare("SELECT count(*) FROM sqlite_schema").get();
    return false;
  } catch (thrown) {
    if (isBusy(thrown)) return true;
    throw cannotLock(path, thrown);
  } finally {
    database.close();
  }
}

function openLockFile(path: string, readOnly: boolean, timeout: number): DatabaseSync {
  try {
    return new DatabaseSync(path, { readOnly, timeout });
  } catch (thrown) {
    throw cannotLock(path, thrown);
  }
}

function readNote(dataDirectory: string): OwnerNote | undefined {
  try {
    const note: unknown = JSON.parse(readIfPresent(notePath(dataDirectory)) ?? "null");
    if (typeof note !== "object" || note === null || !("pid" in note)) return undefined;
    const { pid } = note;
    if (typeof pid !== "number" || !Number.isSafeInteger(pid) || pid < 1) return undefined;
    return "socket" in note && typeof note.socket === "string" ? { pid, socket: note.socket } : { pid };
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return undefined;
    throw thrown;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === "EPERM";
  }
}

function isBusy(thrown: unknown): boolean {
  const errcode = (thrown as { errcode?: unknown }).errcode;
  return typeof errcode === "number" && (errcode & 0xff) === sqliteBusy;
}

function cannotLock(path: string, cause: unknown): Fatal {
  return new Fatal(`${path} cannot be locked: ${cause instanceof Error ? cause.message : String(cause)}`, {
    hint: "The data directory must belong to the user who runs this, on a file system with POSIX locks.",
    cause,
  });
}

function unnamedOwner(dataDirectory: string): Fatal {
  return new Fatal(`${dataDirectory} is in use by another process, which has left no ${noteName}`, {
    hint: `Find it with: lsof ${lockPath(dataDirectory)}`,
  });
}

const noteName = "owner.json";

function notePath(dataDirectory: string): string {
  return join(dataDirectory, noteName);
}

function lockPath(dataDirectory: string): string {
  return join(dataDirectory, "owner.db");
}

function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
