// What stands beside a live file under a name that rotation gives, listed once for all live files of a directory while
// that does not change.
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { liveNamesOf } from "./rotated-name.ts";

export interface RotatedName {
  readonly path: string;
  readonly counter: string;
}

interface Listing {
  readonly changed: bigint;
  readonly turn: number;
  readonly rotated: ReadonlyMap<string, readonly (RotatedName & { readonly weak: boolean })[]>;
}

export class DirectoryListings {
  readonly #listings = new Map<string, Listing>();

  /**
   * @param turn grows: a listing is not believed for longer than one, because a directory may change twice within the grain
   *   of its clock
   * @param taken paths that are live files of their own, for names of which that is likely
   * @throws the operating system's error where the directory cannot be read
   */
  async rotatedOf(live: string, turn: number, taken: (path: string) => boolean): Promise<readonly RotatedName[]> {
    const { rotated } = await this.#listing(dirname(live), turn);
    return (rotated.get(basename(live)) ?? []).filter(({ path, weak }) => !(weak && taken(path)));
  }

  async #listing(directory: string, turn: number): Promise<Listing> {
    const { mtimeNs: changed } = await stat(directory, { bigint: true });
    const known = this.#listings.get(directory);
    if (known !== undefined && known.changed === changed && known.turn === turn) return known;
    const rotated = new Map<string, (RotatedName & { weak: boolean })[]>();
    for (const file of await readdir(directory))
      for (const { name, counter, weak } of liveNamesOf(file)) {
        const list = rotated.get(name) ?? [];
        if (!list.some(({ path }) => basename(path) === file))
          list.push({ path: join(directory, file), counter, weak });
        rotated.set(name, list);
      }
    const listing = { changed, turn, rotated };
    this.#listings.set(directory, listing);
    return listing;
  }
}
