// DATA/identity.db as a file: opens it, changes it in whole transactions, and keeps what its parts hold in memory equal to
// its rows. Knows no row of anyone's. Every change is fsynced before it returns; nothing in it awaits, so nobody can look
// in between. Never leaves what was deleted readable in a free page.
import type { DatabaseSync, SQLInputValue, SQLOutputValue } from "node:sqlite";
import { openDatabase, transaction } from "../durable/database.ts";
import { ensurePrivateFile } from "../durable/secret-file.ts";
import { Fatal, TaishiError } from "../errors.ts";

const file = { kind: "TSid", format: 1, synchronous: "FULL" } as const;

const sqliteFull = 13;
/** SQLite's primary codes after which a change may or may not be on disk: IOERR, CORRUPT, NOTADB. */
const stateUnknown = new Set([10, 11, 26]);

export type Row = Record<string, SQLOutputValue>;

export class IdentityFile {
  readonly #database: DatabaseSync;
  readonly #loaders: (() => void)[] = [];
  /** Whether the change under way has written anything, and so may have left memory ahead of the rows. */
  #written = false;

  /**
   * @param create makes the tables of a new file
   * @throws Fatal where the file is not one or is of a newer format
   */
  constructor(path: string, create: (database: DatabaseSync) => void) {
    ensurePrivateFile(path);
    this.#database = openDatabase({ ...file, path, create });
    this.#database.exec("PRAGMA secure_delete=ON");
  }

  close(): void {
    this.#database.close();
  }

  /** Runs `load` now and whenever memory must be filled anew from the rows, after the parts that were added before. */
  keepLoaded(load: () => void): void {
    load();
    this.#loaders.push(load);
  }

  /**
   * Runs a change in one transaction, on disk when it returns. Memory is changed along with the rows; where the transaction
   * does not come about, memory is loaded again, so that the two never differ.
   * @throws TaishiError disk-full, Fatal where it may or may not be on disk, and whatever `work` throws
   */
  change<T>(work: () => T): T {
    this.#written = false;
    try {
      return transaction(this.#database, work);
    } catch (thrown) {
      const code = (thrown as { errcode?: unknown } | undefined)?.errcode;
      const primary = typeof code === "number" ? code & 0xff : undefined;
      if (primary !== undefined && stateUnknown.has(primary))
        throw new Fatal("the identity store cannot be written", {
          hint: "Check the disk, then start again: the store recovers to its last whole change.",
          cause: thrown,
        });
      if (this.#written) for (const load of this.#loaders) load();
      if (primary === sqliteFull) throw new TaishiError("disk-full", undefined, { cause: thrown });
      throw thrown;
    }
  }

  /** Within a change. */
  run(sql: string, ...values: readonly SQLInputValue[]): void {
    this.#written = true;
    this.#database.prepare(sql).run(...values);
  }

  row(sql: string, ...values: readonly SQLInputValue[]): Row | undefined {
    return this.#database.prepare(sql).get(...values);
  }

  rows(sql: string): Iterable<Row> {
    return this.#database.prepare(sql).iterate();
  }
}
