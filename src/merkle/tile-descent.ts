// The way down from a checkpoint's root to the leaf hashes, tile by tile and from left to right, with one tile per level in
// memory. A tile is right where it hashes to the node above it; where it does not, the tiles below it are asked, and what
// then leads to the node above tells which of the two was changed. Pure.
import {
  differences,
  edgeRoot,
  edgeTiles,
  hashBytes,
  nameOfParent,
  nor,
  tileOf,
  tileRoot,
  tileShape,
} from "./hash-tile.ts";
import type { LogProblem, NamedCheckpoint } from "./log-problem.ts";
import { equalBytes, toBase64 } from "./note.ts";
import { type Tile, tilePath } from "./tile.ts";
import { type Sha256, tileWidth } from "./tree.ts";

/** What the tree says of a tile of leaf hashes: the node above it, or (at the right edge) the hashes themselves. */
export interface ExpectedLeaves {
  readonly index: number;
  readonly node?: Uint8Array;
  readonly hashes?: Uint8Array;
}

export interface Descent {
  readonly sha256: Sha256;
  readonly read: (path: string) => Promise<Uint8Array | undefined>;
  readonly checkpoint: NamedCheckpoint;
  readonly report: (problem: LogProblem) => void;
  /** Given each tile above level 0 with the hashes that are vouched for. */
  readonly onTile: (tile: Tile, hashes: Uint8Array) => Promise<void>;
  /** Leaf hashes of a whole bundle, asked only where tiles disagree; undefined where it is missing or misshapen. */
  readonly leavesOf: (bundle: number) => Promise<Uint8Array | undefined>;
}

export class TileDescent {
  readonly #descent: Descent;
  readonly #size: number;

  constructor(descent: Descent) {
    this.#descent = descent;
    this.#size = descent.checkpoint.checkpoint.size;
  }

  /** Every tile of level 0 in order; what is wrong above them has been reported by then. */
  async *leafTiles(): AsyncGenerator<ExpectedLeaves> {
    const edge = await this.#edge();
    // The right edge's highest level stands furthest to the left.
    for (const [level, known] of [...edge.entries()].reverse()) {
      if (known === undefined) continue;
      const { tile, hashes } = known;
      if (level === 0) yield hashes === undefined ? { index: tile.index } : { index: tile.index, hashes };
      else yield* this.#below(tile, hashes);
    }
  }

  async *#below(tile: Tile, hashes: Uint8Array | undefined): AsyncGenerator<ExpectedLeaves> {
    const level = (tile.level as number) - 1;
    if (hashes !== undefined) await this.#descent.onTile(tile, hashes);
    for (let i = 0; i < tile.width; i++) {
      const index = tile.index * tileWidth + i;
      const node = hashes?.subarray(i * hashBytes, (i + 1) * hashBytes);
      if (level === 0) yield node === undefined ? { index } : { index, node };
      else {
        const child = tileOf(this.#size, level, index);
        yield* this.#below(child, await this.#resolve(child, node));
      }
    }
  }

  /** A full tile's hashes as the node above vouches for them; where nothing leads there, as they are. */
  async #resolve(tile: Tile, node: Uint8Array | undefined): Promise<Uint8Array | undefined> {
    const { sha256, report } = this.#descent;
    const stored = await this.#stored(tile);
    if (stored !== undefined && (node === undefined || equalBytes(tileRoot(sha256, stored), node))) return stored;
    const made = await this.#madeFromBelow(tile, stored);
    if (made === undefined || node === undefined) return made;
    const leads = equalBytes(tileRoot(sha256, made), node);
    if (stored !== undefined) this.#compare(tile, stored, made, leads ? "" : ", and neither leads to the tile above");
    if (!leads && (stored === undefined || equalBytes(stored, made)))
      report({
        path: tilePath(tile),
        what: `${stored === undefined ? "what lies below it does" : "it and what lies below it agree, but do"} not lead to ${nameOfParent(this.#size, tile)}`,
      });
    return leads ? made : (stored ?? made);
  }

  /** The partial tiles at the right edge, which nothing but the root vouches for. */
  async #edge(): Promise<readonly ({ tile: Tile; hashes: Uint8Array | undefined } | undefined)[]> {
    const { sha256, report, checkpoint } = this.#descent;
    const { root } = checkpoint.checkpoint;
    const tiles = edgeTiles(this.#size);
    const nothing = new Uint8Array(0);
    const stored = await Promise.all(tiles.map((tile) => (tile === undefined ? nothing : this.#stored(tile))));
    const leadsToRoot = (edge: readonly (Uint8Array | undefined)[]): boolean =>
      !edge.includes(undefined) && equalBytes(edgeRoot(sha256, this.#size, edge as Uint8Array[]), root);
    const result = (edge: readonly (Uint8Array | undefined)[]) =>
      tiles.map((tile, level) => (tile === undefined ? undefined : { tile, hashes: edge[level] }));
    if (leadsToRoot(stored)) return result(stored);

    const made = await Promise.all(
      tiles.map((tile, level) => (tile === undefined ? nothing : this.#madeFromBelow(tile, stored[level]))),
    );
    // A level's tile and what lies below it may differ: of at most seven levels, every choice is tried.
    for (let choice = 0; choice < 2 ** tiles.length; choice++) {
      const edge = tiles.map((_, level) => ((choice >> level) & 1 ? made[level] : stored[level]));
      if (!leadsToRoot(edge)) continue;
      tiles.forEach((tile, level) => {
        if (tile === undefined) return;
        const [is, should] = [stored[level], edge[level]!];
        if (is !== undefined) this.#compare(tile, is, should);
      });
      return result(edge);
    }
    const best = stored.map((hashes, level) => hashes ?? made[level]);
    tiles.forEach((tile, level) => {
      const [is, below] = [stored[level], made[level]];
      // Entries are compared with their tile when their turn comes.
      if (tile !== undefined && tile.level !== 0 && is !== undefined && below !== undefined)
        this.#compare(tile, is, below, ", and neither leads to the checkpoint");
    });
    const all = best.includes(undefined);
    const names = tiles.filter((tile) => tile !== undefined).map(tilePath);
    report({
      path: checkpoint.path,
      line: 3,
      what: all
        ? "its root cannot be reached: tiles at the end of the log are missing"
        : names.length === 0
          ? "its root is not that of an empty log"
          : `its root is ${toBase64(root)}, but ${names.join(", ")} lead to ${toBase64(edgeRoot(sha256, this.#size, best as Uint8Array[]))}`,
    });
    // Leaf hashes that nothing vouches for are not handed down as the truth.
    return result(best.map((hashes, level) => (level === 0 ? undefined : hashes)));
  }

  async #stored(tile: Tile): Promise<Uint8Array | undefined> {
    const bytes = await this.#descent.read(tilePath(tile));
    if (bytes?.length === tile.width * hashBytes) return bytes;
    this.#descent.report(tileShape(tile, bytes));
    return undefined;
  }

  /** A tile's hashes made from the tiles or the bundle below; where one of those is missing, its hash as stored. */
  async #madeFromBelow(tile: Tile, stored: Uint8Array | undefined): Promise<Uint8Array | undefined> {
    if (tile.level === 0) return this.#descent.leavesOf(tile.index);
    const made = new Uint8Array(tile.width * hashBytes);
    for (let i = 0; i < tile.width; i++) {
      const child = tileOf(this.#size, (tile.level as number) - 1, tile.index * tileWidth + i);
      const bytes = await this.#descent.read(tilePath(child));
      const hashes = bytes?.length === tileWidth * hashBytes ? bytes : await this.#madeFromBelow(child, undefined);
      if (hashes !== undefined) made.set(tileRoot(this.#descent.sha256, hashes), i * hashBytes);
      else if (stored !== undefined) made.set(stored.subarray(i * hashBytes, (i + 1) * hashBytes), i * hashBytes);
      else return undefined;
    }
    return made;
  }

  #compare(tile: Tile, stored: Uint8Array, truth: Uint8Array, also = ""): void {
    const wrong = differences(stored, truth);
    const below = (tile.level as number) - 1;
    for (const i of wrong.slice(0, 1)) {
      const index = tile.index * tileWidth + i;
      const of = below < 0 ? `entry ${index}` : tilePath(tileOf(this.#size, below, index));
      this.#descent.report({
        path: tilePath(tile),
        ...(below < 0 ? { entry: index } : {}),
        what: `hash ${i} is not that of ${of}${also}${nor(wrong.length - 1)}`,
      });
    }
  }
}
