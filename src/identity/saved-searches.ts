// Searches that somebody keeps by name: rows of DATA/identity.db, held in memory. Each is its owner's, a user's or a key's, and goes
// with them. What a search asks is the console's business: here it is a text.
import type { Clock } from "../clock.ts";
import { TaishiError } from "../errors.ts";
import type { Caller } from "./caller.ts";
import { newHexId } from "./credential.ts";
import type { IdentityFile } from "./identity-file.ts";
import { alreadyExists, checkName, refusal } from "./naming.ts";

export interface SavedSearch {
  /** 32 lower-case hex digits. */
  readonly id: string;
  /** Unique among its owner's. */
  readonly name: string;
  readonly query: string;
  /** Epoch milliseconds. */
  readonly created: number;
}

type Row = SavedSearch & { readonly owner: string };

/** Made where it is missing, so that a file of format 1 may lack it. */
const table = `CREATE TABLE IF NOT EXISTS saved_searches (
  id TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  name TEXT NOT NULL,
  query TEXT NOT NULL,
  created INTEGER NOT NULL,
  UNIQUE (owner, name)
) STRICT`;

const mostPerOwner = 100;
const longestQuery = 4096;

/** Whose searches a caller's are; a user's name is unique in its account. */
export function searchOwner({
  account,
  accessKey,
  userName = "",
}: Pick<Caller, "account" | "accessKey" | "userName">): string {
  return accessKey === "" ? JSON.stringify(["user", account, userName]) : JSON.stringify(["key", accessKey]);
}

export class SavedSearches {
  readonly #file: IdentityFile;
  readonly #clock: Clock;
  /** By owner, then by id, in the order of making. */
  readonly #searches = new Map<string, Map<string, SavedSearch>>();

  constructor({ file, clock }: { readonly file: IdentityFile; readonly clock: Clock }) {
    this.#file = file;
    this.#clock = clock;
    file.change(() => file.run(table));
    file.keepLoaded(() => {
      this.#searches.clear();
      for (const row of file.rows("SELECT id, owner, name, query, created FROM saved_searches ORDER BY rowid")) {
        const { owner, ...search } = row as unknown as Row;
        this.#hold(owner, search);
      }
    });
  }

  list(owner: string): readonly SavedSearch[] {
    return [...(this.#searches.get(owner)?.values() ?? [])];
  }

  /** @throws TaishiError invalid-parameter, already-exists (field) */
  create(owner: string, { name, query }: Pick<SavedSearch, "name" | "query">): SavedSearch {
    this.#check(owner, { name, query }, undefined);
    if (this.list(owner).length >= mostPerOwner)
      throw refusal("name", `there are ${mostPerOwner} saved searches already, the most there can be`);
    const search: SavedSearch = { id: newHexId(), name, query, created: this.#clock.now() };
    return this.#file.change(() => {
      this.#file.run(
        "INSERT INTO saved_searches (id, owner, name, query, created) VALUES (?, ?, ?, ?, ?)",
        search.id,
        owner,
        name,
        query,
        search.created,
      );
      return this.#hold(owner, search);
    });
  }

  /** @throws TaishiError not-found, invalid-parameter, already-exists (field) */
  change(owner: string, id: string, change: Partial<Pick<SavedSearch, "name" | "query">>): SavedSearch {
    const search = { ...this.#own(owner, id), ...change };
    this.#check(owner, search, id);
    return this.#file.change(() => {
      this.#file.run("UPDATE saved_searches SET name = ?, query = ? WHERE id = ?", search.name, search.query, id);
      return this.#hold(owner, search);
    });
  }

  /** @throws TaishiError not-found */
  delete(owner: string, id: string): SavedSearch {
    const search = this.#own(owner, id);
    return this.#file.change(() => {
      this.#file.run("DELETE FROM saved_searches WHERE id = ?", id);
      this.#searches.get(owner)!.delete(id);
      return search;
    });
  }

  /** The owner is going. */
  deleteAllOf(owner: string): void {
    if (!this.#searches.has(owner)) return;
    this.#file.change(() => {
      this.#file.run("DELETE FROM saved_searches WHERE owner = ?", owner);
      this.#searches.delete(owner);
    });
  }

  #own(owner: string, id: string): SavedSearch {
    const search = this.#searches.get(owner)?.get(id);
    if (search === undefined)
      throw new TaishiError("not-found", `there is no saved search ${id.slice(0, 64).toWellFormed()}`, { field: "id" });
    return search;
  }

  #check(owner: string, { name, query }: Pick<SavedSearch, "name" | "query">, self: string | undefined): void {
    checkName(name);
    if (query.length > longestQuery || !query.isWellFormed())
      throw refusal("query", `must be at most ${longestQuery} characters of Unicode`);
    if (this.list(owner).some((other) => other.name === name && other.id !== self))
      throw alreadyExists("name", `there is a saved search named ${name} already`, name);
  }

  #hold(owner: string, search: SavedSearch): SavedSearch {
    const held = Object.freeze(search);
    const own = this.#searches.get(owner);
    if (own === undefined) this.#searches.set(owner, new Map([[held.id, held]]));
    else own.set(held.id, held);
    return held;
  }
}
