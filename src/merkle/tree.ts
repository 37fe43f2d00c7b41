// The RFC 6962 Merkle tree, kept the way C2SP tlog-tiles lays it out: in tiles of 256. Pure: no I/O and no platform;
// SHA-256 is handed in, so that the same code runs in a server, a browser and a verifier.

/** SHA-256 of the bytes, 32 bytes. */
export type Sha256 = (data: Uint8Array) => Uint8Array;

/** Leaves (or nodes) per tile: the tree advances one level of storage per 8 levels of hashing. */
export const tileWidth = 256;

/** RFC 6962 §2.1: SHA-256(0x00 || entry). */
export function leafHash(sha256: Sha256, entry: Uint8Array): Uint8Array {
  const prefixed = new Uint8Array(entry.length + 1);
  prefixed.set(entry, 1);
  return sha256(prefixed);
}

/** RFC 6962 §2.1: SHA-256(0x01 || left || right). */
export function nodeHash(sha256: Sha256, left: Uint8Array, right: Uint8Array): Uint8Array {
  const prefixed = new Uint8Array(65);
  prefixed[0] = 1;
  prefixed.set(left, 1);
  prefixed.set(right, 33);
  return sha256(prefixed);
}

/** Root over hashes of equally high complete subtrees; their number is a power of two. */
export function perfectRoot(sha256: Sha256, hashes: readonly Uint8Array[]): Uint8Array {
  let row = hashes;
  while (row.length > 1) {
    const above: Uint8Array[] = [];
    for (let i = 0; i < row.length; i += 2) above.push(nodeHash(sha256, row[i]!, row[i + 1]!));
    row = above;
  }
  return row[0]!;
}

/** A complete subtree of 256^level leaves; `index` counts such subtrees from the left. Level 0 nodes are leaf hashes. */
export interface TileNode {
  readonly level: number;
  readonly index: number;
  readonly hash: Uint8Array;
}

/**
 * The growing right edge of a tree: for each tile level the nodes of its last, not yet full tile. That is all that is
 * needed to append and to tell the root.
 */
export class TreeEdge {
  readonly #sha256: Sha256;
  #size: number;
  /** levels[k] holds floor(size / 256^k) mod 256 nodes. */
  readonly #levels: Uint8Array[][];

  /** @param levels nodes of the edge of a tree of `size` leaves, as edgeShape says */
  constructor(sha256: Sha256, size = 0, levels: readonly (readonly Uint8Array[])[] = []) {
    const shape = edgeShape(size);
    if (levels.length < shape.length || shape.some(({ count }, level) => levels[level]?.length !== count))
      throw new RangeError(`these are not the edge nodes of a tree of ${size} leaves`);
    this.#sha256 = sha256;
    this.#size = size;
    this.#levels = levels.map((nodes) => [...nodes]);
  }

  get size(): number {
    return this.#size;
  }

  /** Appends a leaf hash; returns the nodes of level 1 and above that it completed, lowest first. */
  append(leaf: Uint8Array): readonly TileNode[] {
    const completed: TileNode[] = [];
    this.#size++;
    let hash = leaf;
    for (let level = 0; ; level++) {
      this.#levels[level] ??= [];
      const nodes = this.#levels[level]!;
      nodes.push(hash);
      if (nodes.length < tileWidth) return completed;
      hash = perfectRoot(this.#sha256, nodes);
      nodes.length = 0;
      completed.push({ level: level + 1, index: this.#size / tileWidth ** (level + 1) - 1, hash });
    }
  }

  /** RFC 6962 Merkle tree hash of all leaves; of none, SHA-256 of nothing. */
  root(): Uint8Array {
    let root: Uint8Array | undefined;
    for (const nodes of this.#levels) {
      // Within a level the perfect subtrees stand in descending size from the left; fold them from the right.
      for (let end = nodes.length; end > 0; ) {
        const width = end & -end;
        const peak = perfectRoot(this.#sha256, nodes.slice(end - width, end));
        root = root === undefined ? peak : nodeHash(this.#sha256, peak, root);
        end -= width;
      }
    }
    return root ?? this.#sha256(new Uint8Array(0));
  }
}

/** For a tree of `size` leaves: per level, from which index on and how many nodes its edge has. */
export function edgeShape(size: number): readonly { readonly from: number; readonly count: number }[] {
  const shape: { from: number; count: number }[] = [];
  for (let nodes = size; nodes > 0; nodes = Math.floor(nodes / tileWidth)) {
    const count = nodes % tileWidth;
    shape.push({ from: nodes - count, count });
  }
  return shape;
}
