// index.db: which runs make up the index and how far each account's log is in them. Owns the directory's names. The
// manifest changes in one transaction per run, after the run's file is fsynced: a crash leaves the state before or after
// it, and files it does not list are orphans. Lost or damaged: the index starts empty and is fed again (I4).
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { openDatabase, openReadOnly, transaction } from "../durable/database.ts";
import { makePrivateDirectory, syncDirectory } from "../durable/files.ts";
import type { RunRecord } from "./run.ts";

const manifestName = "index.db";
const runName = /^run-(\d+)\.db(-journal|-wal|-shm)?$/;
/** An index of an older format is not converted but made again (I4): that of format 1 knows no terms. */
const manifestFormat = 2;
const manifestKind = "TSix";
const manifestFiles = [manifestName, `${manifestName}-wal`, `${manifestName}-shm`, `${manifestName}-journal`];

export class Manifest {
  readonly directory: string;
  readonly ledgerId: string;
  readonly #database: DatabaseSync;

  /**
   * Opens the manifest, empty where there is none, it belongs to another ledger, has an older format or cannot be read;
   * then removes the files it does not list.
   * @throws Fatal where the file is of another program or of a newer format
   */
  static open(directory: string, ledgerId: string): Manifest {
    makePrivateDirectory(directory);
    let manifest: Manifest | undefined;
    try {
      manifest = new Manifest(directory, ledgerId);
      if (!manifest.#isOf(ledgerId) || manifest.runs().some(({ id }) => !existsSync(manifest!.path(id)))) {
        manifest.close();
        manifest = undefined;
      }
    } catch (thrown) {
      manifest?.close();
      manifest = undefined;
      if (!isDamage(thrown)) throw thrown;
    }
    if (manifest === undefined) {
      for (const name of manifestFiles) rmSync(join(directory, name), { force: true });
      manifest = new Manifest(directory, ledgerId);
    }
    manifest.#removeOrphans();
    return manifest;
  }

  private constructor(directory: string, ledgerId: string) {
    this.directory = directory;
    this.ledgerId = ledgerId;
    this.#database = openDatabase({
      path: join(directory, manifestName),
      kind: manifestKind,
      format: manifestFormat,
      synchronous: "NORMAL",
      create: (database) => {
        database.exec(
          `CREATE TABLE run (id INTEGER PRIMARY KEY AUTOINCREMENT, level INTEGER NOT NULL, events INTEGER NOT NULL);
           CREATE TABLE covered (account TEXT PRIMARY KEY, size INTEGER NOT NULL) WITHOUT ROWID;
           CREATE TABLE ledger (id TEXT NOT NULL);
           CREATE TABLE salt (value TEXT NOT NULL)`,
        );
        database.prepare("INSERT INTO salt (value) VALUES (?)").run(randomBytes(12).toString("base64"));
        database.prepare("INSERT INTO ledger (id) VALUES (?)").run(ledgerId);
      },
    });
  }

  /** Oldest first. */
  runs(): RunRecord[] {
    const rows = this.#database.prepare("SELECT id, level, events FROM run ORDER BY id").all();
    return rows.map((row) => ({ id: Number(row.id), level: Number(row.level), events: Number(row.events) }));
  }

  /** Entries of each account's log that the runs cover. */
  covered(): Map<string, number> {
    const rows = this.#database.prepare("SELECT account, size FROM covered").all();
    return new Map(rows.map((row) => [String(row.account), Number(row.size)]));
  }

  /** Puts runs in the place of those they were made from and moves the cursors, durably and at once. */
  replace(made: readonly RunRecord[], from: readonly RunRecord[], covered: ReadonlyMap<string, number>): void {
    syncDirectory(this.directory);
    transaction(this.#database, () => {
      const remove = this.#database.prepare("DELETE FROM run WHERE id = ?");
      for (const { id } of from) remove.run(id);
      const insert = this.#database.prepare("INSERT INTO run (id, level, events) VALUES (?, ?, ?)");
      for (const { id, level, events } of made) insert.run(id, level, events);
      const move = this.#database.prepare(
        "INSERT INTO covered (account, size) VALUES (?, ?) ON CONFLICT (account) DO UPDATE SET size = excluded.size",
      );
      for (const [account, size] of covered) move.run(account, size);
    });
    this.#settle();
  }

  /** Forgets all runs and cursors, durably; the files are the caller's to remove. */
  clear(): void {
    transaction(this.#database, () => this.#database.exec("DELETE FROM run; DELETE FROM covered"));
    this.#settle();
  }

  /** The greatest id a run ever had here; ids are not used twice. */
  lastId(): number {
    const row = this.#database.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'run'").get();
    return row === undefined ? 0 : Number(row.seq);
  }

  path(id: number): string {
    return runPath(this.directory, id);
  }

  close(): void {
    this.#database.close();
  }

  /** Syncs the commit: what it unlisted is about to be deleted, and a power cut must not list it again. */
  #settle(): void {
    this.#database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  }

  /** What makes this index's hashes of terms its own (term-hash.ts); as old as the manifest. */
  salt(): string {
    return String(this.#database.prepare("SELECT value FROM salt").get()!.value);
  }

  /** Whether it is of this ledger and of today's format. */
  #isOf(ledgerId: string): boolean {
    const format = this.#database.prepare("PRAGMA user_version").get()!.user_version;
    const row = this.#database.prepare("SELECT id FROM ledger").get();
    return format === manifestFormat && row !== undefined && String(row.id) === ledgerId;
  }

  #removeOrphans(): void {
    const listed = new Set(this.runs().map(({ id }) => id));
    for (const name of readdirSync(this.directory)) {
      const match = runName.exec(name);
      if (match !== null && !(listed.has(Number(match[1])) && match[2] === undefined))
        rmSync(join(this.directory, name), { force: true });
    }
  }
}

export function runPath(directory: string, id: number): string {
  return join(directory, `run-${String(id).padStart(6, "0")}.db`);
}

/** The manifest as of one moment. */
export interface ManifestContent {
  readonly ledgerId: string;
  readonly salt: string;
  /** Oldest first. */
  readonly runs: readonly RunRecord[];
  /** Entries of each account's log that the runs cover. */
  readonly covered: ReadonlyMap<string, number>;
}

/**
 * What the manifest says, beside whoever owns it; nothing is changed.
 * @returns "absent" where there is none, "outdated" where its format is one that its owner replaces at the next opening
 * @throws Error where it cannot be read, Fatal where it is of a newer format
 */
export function readManifest(directory: string): ManifestContent | "absent" | "outdated" {
  const path = join(directory, manifestName);
  if (!existsSync(path)) return "absent";
  const database = openReadOnly({ path, kind: manifestKind, format: manifestFormat });
  try {
    database.exec("BEGIN");
    if (database.prepare("PRAGMA user_version").get()!.user_version !== manifestFormat) return "outdated";
    const runs = database.prepare("SELECT id, level, events FROM run ORDER BY id").all();
    const covered = database.prepare("SELECT account, size FROM covered").all();
    return {
      ledgerId: String(database.prepare("SELECT id FROM ledger").get()?.id),
      salt: String(database.prepare("SELECT value FROM salt").get()?.value),
      runs: runs.map((row) => ({ id: Number(row.id), level: Number(row.level), events: Number(row.events) })),
      covered: new Map(covered.map((row) => [String(row.account), Number(row.size)])),
    };
  } finally {
    database.close();
  }
}

/** Whether an error says that a SQLite file is no longer what was written: its tables, its pages or its header. */
export function isDamage(thrown: unknown): boolean {
  if (!(thrown instanceof Error) || !("errcode" in thrown)) return false;
  const primary = Number(thrown.errcode) & 0xff;
  return primary === 1 || primary === 11 || primary === 26;
}
