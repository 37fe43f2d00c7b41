// What a witness remembers: for each log the latest checkpoint it cosigned, and what logs have signed that contradicts it.
// Every change is fsynced when it returns. If the file is lost: the witness no longer knows what it has seen and could
// cosign a second history; it must then get a new key. If it is rolled back or written by an attacker: the same.
import type { DatabaseSync } from "node:sqlite";
import { openDatabase, transaction } from "../durable/database.ts";
import { Fatal, TaishiError } from "../errors.ts";
import type { Head } from "./add-checkpoint.ts";

export interface CosignedHead extends Head {
  /** Of the cosignature, in whole seconds since the epoch. */
  readonly time: number;
  /** The signed note with the witness's line. */
  readonly note: string;
}

/** A checkpoint that a log's own key signed and that was not shown to be consistent with the one cosigned. */
export interface Contradiction {
  readonly origin: string;
  /** Epoch milliseconds. */
  readonly time: number;
  readonly why: string;
  /** Two trees of one size: the two notes alone show it. Else the proof was wrong, which may be its sender's doing. */
  readonly proven: boolean;
  /** The whole submission, and the checkpoint cosigned before it. */
  readonly submission: string;
  readonly cosigned: string;
}

/** Kept of one log: the first ones that are proven; of what anyone can send us, the last ones. */
const mostProven = 100;
const mostUnproven = 20;
const sqliteFull = 13;

export class WitnessStore {
  readonly #database: DatabaseSync;

  /** @throws Fatal where the file is not a witness's, or another name's */
  static open(path: string, name: string | undefined): WitnessStore {
    const database = openDatabase({
      path,
      kind: "TSwi",
      format: 1,
      synchronous: "FULL",
      create: (created) => {
        if (name === undefined) throw new Fatal("a new witness needs a name", { hint: "Give it with --name." });
        created.exec(`
          CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
          CREATE TABLE head (
            origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, time INTEGER NOT NULL, note TEXT NOT NULL
          ) WITHOUT ROWID;
          CREATE TABLE contradiction (
            id INTEGER PRIMARY KEY, origin TEXT NOT NULL, time INTEGER NOT NULL, why TEXT NOT NULL,
            proven INTEGER NOT NULL, submission TEXT NOT NULL, cosigned TEXT NOT NULL
          );
          CREATE INDEX contradiction_origin ON contradiction (origin);
        `);
        created.prepare("INSERT INTO meta VALUES ('name', ?)").run(name);
      },
    });
    const store = new WitnessStore(database);
    const known = store.name;
    if (name !== undefined && name !== known) {
      store.close();
      throw new Fatal(`this witness is named ${known}, not ${name}`, {
        hint: "A witness's name is part of its key. Leave --name out, or start another witness in another directory.",
      });
    }
    return store;
  }

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  get name(): string {
    const row = this.#database.prepare("SELECT value FROM meta WHERE key = 'name'").get() as { value: string };
    return row.value;
  }

  latest(origin: string): CosignedHead | undefined {
    const row = this.#database.prepare("SELECT size, root, time, note FROM head WHERE origin = ?").get(origin);
    return row as CosignedHead | undefined;
  }

  /**
   * Remembers `after` where the latest is still `before`. Durable when it returns true.
   * @returns false where somebody else was faster, with nothing changed
   * @throws TaishiError disk-full with nothing changed; Fatal where the state of the file is unknown
   */
  advance(origin: string, before: Head | undefined, after: CosignedHead): boolean {
    const { size, root, time, note } = after;
    return this.#write(() => {
      const { changes } =
        before === undefined
          ? this.#database
              .prepare("INSERT OR IGNORE INTO head (size, root, time, note, origin) VALUES (?, ?, ?, ?, ?)")
              .run(size, root, time, note, origin)
          : this.#database
              .prepare(
                "UPDATE head SET size = ?, root = ?, time = ?, note = ? WHERE origin = ? AND size = ? AND root = ?",
              )
              .run(size, root, time, note, origin, before.size, before.root);
      return changes === 1;
    });
  }

  /** Keeps evidence, as long as there is not very much of that log. */
  contradicted({ origin, time, why, proven, submission, cosigned }: Contradiction): void {
    this.#write(() => {
      const kept = this.#database
        .prepare("SELECT count(*) AS count, min(id) AS oldest FROM contradiction WHERE origin = ? AND proven = ?")
        .get(origin, proven ? 1 : 0) as { count: number; oldest: number | null };
      if (proven && kept.count >= mostProven) return;
      if (!proven && kept.count >= mostUnproven)
        this.#database.prepare("DELETE FROM contradiction WHERE id = ?").run(kept.oldest);
      this.#database
        .prepare(
          "INSERT INTO contradiction (origin, time, why, proven, submission, cosigned) VALUES (?, ?, ?, ?, ?, ?)",
        )
        .run(origin, time, why, proven ? 1 : 0, submission, cosigned);
    });
  }

  contradictions(origin: string): readonly Contradiction[] {
    const sql = "SELECT * FROM contradiction WHERE origin = ? ORDER BY id";
    const rows = this.#database.prepare(sql).all(origin) as unknown as (Omit<Contradiction, "proven"> & {
      proven: number;
    })[];
    return rows.map((row) => ({ ...row, proven: row.proven === 1 }));
  }

  close(): void {
    this.#database.close();
  }

  #write<T>(work: () => T): T {
    try {
      return transaction(this.#database, work);
    } catch (thrown) {
      if ((thrown as { errcode?: number }).errcode === sqliteFull)
        throw new TaishiError("disk-full", "the disk is full; nothing was cosigned", { retryAfter: 30, cause: thrown });
      // A failed fsync leaves unknown what is on disk.
      throw new Fatal("what the witness remembers could not be written", {
        hint: "Check the disk, then start again.",
        cause: thrown,
      });
    }
  }
}
