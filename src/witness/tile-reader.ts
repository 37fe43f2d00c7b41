// A log's files as a stranger gets them, and its hashes out of its tiles, for one checkpoint: partial tiles by the widths
// of that size. What is short, missing or cannot be had is an error of its own kind; whether hashes are true is for who
// asks. C2SP tlog-tiles.
import type { HashReader } from "../merkle/proof.ts";
import { type Tile, tilePath } from "../merkle/tile.ts";
import { tileWidth } from "../merkle/tree.ts";

export interface LogFiles {
  /** @throws UnreachableError | GapError */
  checkpoint(): Promise<string>;
  /** @param path below the log's prefix @throws UnreachableError | GapError */
  tile(path: string): Promise<Uint8Array>;
  /** The same; undefined where the log says that it was pruned. */
  bundle(path: string): Promise<Uint8Array | undefined>;
}

/** The log could not be asked, or would not tell us. */
export class UnreachableError extends Error {
  override readonly name = "UnreachableError";
}

/** The log does not have what its checkpoint covers. */
export class GapError extends Error {
  override readonly name = "GapError";
}

const hashBytes = 32;

export class TileReader implements HashReader {
  readonly #files: LogFiles;
  readonly #size: number;
  readonly #tiles = new Map<string, Promise<Uint8Array>>();

  constructor(files: LogFiles, size: number) {
    this.#files = files;
    this.#size = size;
  }

  async hashes(level: number, from: number, count: number): Promise<Uint8Array> {
    const index = Math.floor(from / tileWidth);
    const tile = await this.tile(level, index);
    const at = from - index * tileWidth;
    return tile.slice(at * hashBytes, (at + count) * hashBytes);
  }

  /** All hashes that the tree has of this tile. @throws GapError where it holds another number of them */
  tile(level: number, index: number): Promise<Uint8Array> {
    const nodes = Math.floor(this.#size / tileWidth ** level);
    const width = Math.min(tileWidth, nodes - index * tileWidth);
    const path = tilePath({ level, index, width });
    const known = this.#tiles.get(path);
    if (known !== undefined) return known;
    const fetched = this.#get(path, { level, index, width });
    // Remembered for one proof, which asks again for parts of few tiles.
    if (this.#tiles.size > 32) this.#tiles.clear();
    this.#tiles.set(path, fetched);
    return fetched;
  }

  async #get(path: string, { width }: Tile): Promise<Uint8Array> {
    const bytes = await this.#files.tile(path);
    if (bytes.length !== width * hashBytes)
      throw new GapError(`${path} has ${bytes.length} bytes instead of ${width * hashBytes}`);
    return bytes;
  }
}
