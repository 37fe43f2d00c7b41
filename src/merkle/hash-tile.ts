// Tiles of hashes as bytes: comparing them, hashing a whole one to the node above it, and the root that the partial tiles
// of a tree's right edge lead to. Pure.
import type { LogProblem } from "./log-problem.ts";
import { type Tile, tilePath } from "./tile.ts";
import { edgeShape, hashingRoom, perfectRoot, type Sha256, TreeEdge, tileWidth } from "./tree.ts";

export const hashBytes = 32;
const room = hashingRoom();

/** Whether `count` hashes of `a` from index `aFrom` on are those of `b` from `bFrom` on; false where either is too short. */
export function hashesEqual(a: Uint8Array, aFrom: number, b: Uint8Array, bFrom: number, count: number): boolean {
  const [aAt, bAt, length] = [aFrom * hashBytes, bFrom * hashBytes, count * hashBytes];
  if (aAt + length > a.length || bAt + length > b.length) return false;
  for (let i = 0; i < length; i++) if (a[aAt + i] !== b[bAt + i]) return false;
  return true;
}

/** The node above a full tile. */
export function tileRoot(sha256: Sha256, hashes: Uint8Array): Uint8Array {
  return perfectRoot(sha256, hashes, room);
}

/** The root over the partial tiles at the right edge of a tree, level 0 first, empty where a level has none. */
export function edgeRoot(sha256: Sha256, size: number, edge: readonly Uint8Array[]): Uint8Array {
  const nodes = edge.map((hashes) =>
    Array.from({ length: hashes.length / hashBytes }, (_, i) => hashes.subarray(i * hashBytes, (i + 1) * hashBytes)),
  );
  return new TreeEdge(sha256, size, nodes).root();
}

/** The tile of this level and number, as wide as a tree of `size` leaves has it. */
export function tileOf(size: number, level: Tile["level"], index: number): Tile {
  const nodes = level === "entries" ? size : Math.floor(size / tileWidth ** level);
  return { level, index, width: Math.min(tileWidth, nodes - index * tileWidth) };
}

/** The partial tiles at the right edge of a tree, level 0 first; undefined where a level has none. */
export function edgeTiles(size: number): readonly (Tile | undefined)[] {
  return edgeShape(size).map(({ from, count }, level) =>
    count === 0 ? undefined : { level, index: from / tileWidth, width: count },
  );
}

/** "hash 7 of tile/1/000": where the node above this tile is kept. */
export function nameOfParent(size: number, { level, index }: Tile): string {
  const parent = tileOf(size, (level as number) + 1, Math.floor(index / tileWidth));
  return `hash ${index % tileWidth} of ${tilePath(parent)}`;
}

/** What is wrong with a tile that is missing or of another length than it must have. */
export function tileShape(tile: Tile, bytes: Uint8Array | undefined): LogProblem {
  const path = tilePath(tile);
  if (bytes === undefined) return { path, what: "the tile is missing" };
  return { path, what: `the tile has ${bytes.length} bytes, not ${tile.width * hashBytes}` };
}

/** Indices of the hashes in which two tiles of one length differ. */
export function differences(a: Uint8Array, b: Uint8Array): readonly number[] {
  const found: number[] = [];
  for (let i = 0; i < a.length / hashBytes; i++) if (!hashesEqual(a, i, b, i, 1)) found.push(i);
  return found;
}

export function nor(count: number): string {
  return count === 0 ? "" : `; nor are ${count} more of this tile`;
}
