// The RFC 6962 Merkle tree, kept the way C2SP tlog-tiles lays it out: in tiles of 256. Pure: no I/O and no platform;
// SHA-256 is handed in, so that the same code runs in a server, a browser and a verifier.

/** Writes the SHA-256 of the bytes, 32 of them, into `into` at `at`. Into, because making an array per hash costs more. */
export type Sha256 = (data: Uint8Array, into: Uint8Array, at: number) => void;

const hashBytes = 32;

/** Leaves (or nodes) per tile: the tree advances one level of storage per 8 levels of hashing. */
export const tileWidth = 256;

/** The SHA-256 of the bytes in an array of its own. */
export function digest(sha256: Sha256, data: Uint8Array): Uint8Array {
  const hash = new Uint8Array(hashBytes);
  sha256(data, hash, 0);
  return hash;
}

/** RFC 6962 §2.1: SHA-256(0x00 || entry). */
export function leafHash(sha256: Sha256, entry: Uint8Array): Uint8Array {
  const prefixed = new Uint8Array(entry.length + 1);
  prefixed.set(entry, 1);
  return digest(sha256, prefixed);
}

/** RFC 6962 §2.1: SHA-256(0x01 || left || right). */
export function nodeHash(sha256: Sha256, left: Uint8Array, right: Uint8Array): Uint8Array {
  const prefixed = new Uint8Array(1 + 2 * hashBytes);
  prefixed[0] = 1;
  prefixed.set(left, 1);
  prefixed.set(right, 1 + hashBytes);
  return digest(sha256, prefixed);
}

/** A complete subtree of 256^level leaves; `index` counts such subtrees from the left. Level 0 nodes are leaf hashes. */
export interface TileNode {
  readonly level: number;
  readonly index: number;
  readonly hash: Uint8Array;
}

/** The nodes of one tile, side by side as C2SP stores them. */
interface Tile {
  readonly hashes: Uint8Array;
  count: number;
}

/**
 * The growing right edge of a tree: for each tile level the nodes of its last, not yet full tile. That is all that is
 * needed to append and to tell the root.
 */
export class TreeEdge {
  readonly #sha256: Sha256;
  #size: number;
  /** Level k holds floor(size / 256^k) mod 256 nodes. */
  readonly #levels: Tile[] = [];
  readonly #room = hashingRoom();

  /** @param levels nodes of the edge of a tree of `size` leaves, as edgeShape says */
  constructor(sha256: Sha256, size = 0, levels: readonly (readonly Uint8Array[])[] = []) {
    const shape = edgeShape(size);
    if (levels.length < shape.length || shape.some(({ count }, level) => levels[level]?.length !== count))
      throw new RangeError(`these are not the edge nodes of a tree of ${size} leaves`);
    this.#sha256 = sha256;
    this.#size = size;
    for (const [level, nodes] of levels.entries()) {
      this.#tile(level); // a level may be empty below one that is not
      for (const hash of nodes) this.#push(level, hash);
    }
  }

  get size(): number {
    return this.#size;
  }

  /** Appends a leaf hash; returns the nodes of level 1 and above that it completed, lowest first. */
  append(leaf: Uint8Array): readonly TileNode[] {
    this.#push(0, leaf);
    return this.#grown();
  }

  /** Appends the leaf of an entry, given with the zero byte before it that RFC 6962 hashes. */
  appendPrefixed(prefixed: Uint8Array): readonly TileNode[] {
    const tile = this.#tile(0);
    this.#sha256(prefixed, tile.hashes, tile.count++ * hashBytes);
    return this.#grown();
  }

  /** RFC 6962 Merkle tree hash of all leaves; of none, SHA-256 of nothing. */
  root(): Uint8Array {
    let root: Uint8Array | undefined;
    for (const { hashes, count } of this.#levels) {
      // Within a level the perfect subtrees stand in descending size from the left; fold them from the right.
      for (let end = count; end > 0; ) {
        const width = end & -end;
        const peak = this.#perfectRoot(hashes.subarray((end - width) * hashBytes, end * hashBytes));
        root = root === undefined ? peak : nodeHash(this.#sha256, peak, root);
        end -= width;
      }
    }
    return root ?? digest(this.#sha256, new Uint8Array(0));
  }

  #perfectRoot(nodes: Uint8Array): Uint8Array {
    return perfectRoot(this.#sha256, nodes, this.#room);
  }

  #tile(level: number): Tile {
    this.#levels[level] ??= { hashes: new Uint8Array(tileWidth * hashBytes), count: 0 };
    return this.#levels[level];
  }

  #push(level: number, hash: Uint8Array): void {
    const tile = this.#tile(level);
    tile.hashes.set(hash, tile.count++ * hashBytes);
  }

  #grown(): readonly TileNode[] {
    this.#size++;
    if (this.#levels[0]!.count < tileWidth) return none;
    const completed: TileNode[] = [];
    for (let level = 0; this.#levels[level]?.count === tileWidth; level++) {
      const tile = this.#levels[level]!;
      const hash = this.#perfectRoot(tile.hashes);
      tile.count = 0;
      this.#push(level + 1, hash);
      completed.push({ level: level + 1, index: this.#size / tileWidth ** (level + 1) - 1, hash });
    }
    return completed;
  }
}

/** Root over a power of two of nodes that stand side by side. */
export function perfectRoot(sha256: Sha256, nodes: Uint8Array, { row, pair }: HashingRoom): Uint8Array {
  row.set(nodes);
  for (let pairs = nodes.length / hashBytes / 2; pairs >= 1; pairs /= 2)
    for (let i = 0; i < pairs; i++) {
      pair.set(row.subarray(2 * i * hashBytes, 2 * (i + 1) * hashBytes), 1);
      sha256(pair, row, i * hashBytes);
    }
  return row.slice(0, hashBytes);
}

/** Room for perfectRoot, used again and again: `row` for a tile's nodes, `pair` for the input of one hash. */
export interface HashingRoom {
  readonly row: Uint8Array;
  readonly pair: Uint8Array;
}

export function hashingRoom(): HashingRoom {
  return { row: new Uint8Array(tileWidth * hashBytes), pair: new Uint8Array(1 + 2 * hashBytes).fill(1, 0, 1) };
}

const none: readonly TileNode[] = [];

/** For a tree of `size` leaves: per level, from which index on and how many nodes its edge has. */
export function edgeShape(size: number): readonly { readonly from: number; readonly count: number }[] {
  const shape: { from: number; count: number }[] = [];
  for (let nodes = size; nodes > 0; nodes = Math.floor(nodes / tileWidth)) {
    const count = nodes % tileWidth;
    shape.push({ from: nodes - count, count });
  }
  return shape;
}
