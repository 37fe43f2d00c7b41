// What queries decoded last, kept while it fits: leaves, directories and blocks of all runs, least recently used out
// first. Bounded by bytes, so that memory does not grow with the index. Runs never change, so nothing here goes stale.

/** What an entry is; with the run and its number there, its identity. */
export type Decoded = "leaf" | "directory" | "block" | "terms";

const order: Readonly<Record<Decoded, number>> = { leaf: 0, directory: 1, block: 2, terms: 3 };

interface Kept {
  readonly value: unknown;
  readonly bytes: number;
}

export class DecodedCache {
  readonly #limit: number;
  readonly #kept = new Map<number, Kept>();
  #bytes = 0;

  /** @param limit bytes, roughly */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The kept value, or what `make` makes, kept from now on. */
  get<T>(run: number, what: Decoded, number: number, make: () => { readonly value: T; readonly bytes: number }): T {
    // Run ids stay below 2^20 and block numbers below 2^31: together a safe integer.
    const key = (run * 4 + order[what]) * 2 ** 31 + number;
    const found = this.#kept.get(key);
    if (found !== undefined) {
      this.#kept.delete(key);
      this.#kept.set(key, found);
      return found.value as T;
    }
    const made = make();
    this.#kept.set(key, made);
    this.#bytes += made.bytes;
    for (const [oldest, { bytes }] of this.#kept) {
      if (this.#bytes <= this.#limit) break;
      this.#kept.delete(oldest);
      this.#bytes -= bytes;
    }
    return made.value;
  }

  clear(): void {
    this.#kept.clear();
    this.#bytes = 0;
  }
}
