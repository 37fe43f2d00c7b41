// Where hashes and entries of a log lie in C2SP tlog-tiles: tiles of 256 hashes, bundles of 256 entries, and their paths.
// Pure.
import { tileWidth } from "./tree.ts";

/** One tile of hashes, or one bundle of entries. */
export interface Tile {
  /** Level of hashing in steps of 256, from 0 (leaf hashes); "entries" for a bundle. */
  readonly level: number | "entries";
  /** Counted from the left of its level. */
  readonly index: number;
  /** 256, or 1 to 255 where it is a partial one. */
  readonly width: number;
}

const mostLevels = 6; // 256^6 = 2^48 leaves below a tile of level 6

/** `tile/<L>/<N>[.p/<W>]`, N in groups of three digits: 1234067 is `x001/x234/067`. */
export function tilePath({ level, index, width }: Tile): string {
  const digits = String(index);
  const groups: string[] = digits.padStart(Math.ceil(digits.length / 3) * 3, "0").match(/\d{3}/g) ?? [];
  const name = groups.map((group, i) => (i < groups.length - 1 ? `x${group}` : group)).join("/");
  return `tile/${level}/${name}${width === tileWidth ? "" : `.p/${width}`}`;
}

/** The tile of a path as tilePath writes it; undefined for any other text. */
export function parseTilePath(path: string): Tile | undefined {
  const match = /^tile\/(entries|\d{1,2})\/((?:x\d{3}\/)*\d{3})(?:\.p\/(\d{1,3}))?$/.exec(path);
  if (match === null) return undefined;
  const level = match[1] === "entries" ? ("entries" as const) : Number(match[1]);
  const tile = {
    level,
    index: Number(match[2]!.replaceAll(/[x/]/g, "")),
    width: match[3] === undefined ? tileWidth : Number(match[3]),
  };
  const known = level === "entries" || level <= mostLevels;
  // One tile has one path: no leading zeros beyond those of the first group.
  return known && tile.width >= 1 && Number.isSafeInteger(tile.index) && tilePath(tile) === path ? tile : undefined;
}

/** All tiles of a tree of `size` leaves, partial ones last in their level; bundles of entries included. */
export function* tilesOf(size: number): Generator<Tile> {
  const levels: (number | "entries")[] = ["entries"];
  for (let nodes = size, level = 0; nodes > 0; nodes = Math.floor(nodes / tileWidth), level++) levels.push(level);
  for (const level of levels) {
    const nodes = level === "entries" ? size : Math.floor(size / tileWidth ** level);
    for (let index = 0; index * tileWidth < nodes; index++)
      yield { level, index, width: Math.min(tileWidth, nodes - index * tileWidth) };
  }
}

/** Whether a tree of `size` leaves has (at least) this tile. */
export function hasTile(size: number, { level, index, width }: Tile): boolean {
  const nodes = level === "entries" ? size : Math.floor(size / tileWidth ** level);
  return index * tileWidth + width <= nodes;
}
