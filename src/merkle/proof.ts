// RFC 6962 proofs: made from the hashes that tiles hold, verified with nothing but SHA-256. Pure. Sizes and indices are
// whole numbers up to 2^53, so nothing here shifts bits.
import { equalBytes, toBase64 } from "./note.ts";
import { digest, hashingRoom, nodeHash, perfectRoot, type Sha256, tileWidth } from "./tree.ts";

/** Gives node hashes of a tile level (0: leaf hashes), `count` × 32 bytes from index `from` on; never across a tile. */
export interface HashReader {
  hashes(level: number, from: number, count: number): Uint8Array | Promise<Uint8Array>;
}

/** A check that failed; the message says what disagrees with what. */
export class ProofError extends Error {
  override readonly name = "ProofError";
}

/** Leaves from `from` to before `to`. */
interface Range {
  readonly from: number;
  readonly to: number;
}

const hashBytes = 32;
const levelHeight = 8; // 2^8 = 256 nodes to a tile

/**
 * RFC 6962 §2.1.1: the hashes that lead from leaf `index` to the root of the first `size` leaves, lowest first.
 * @throws RangeError where the tree has no such leaf
 */
export async function inclusionProof(
  sha256: Sha256,
  reader: HashReader,
  index: number,
  size: number,
): Promise<readonly Uint8Array[]> {
  if (!isCount(index) || !isCount(size) || index >= size)
    throw new RangeError(`a tree of ${size} leaves has no leaf ${index}`);
  const path: Range[] = [];
  for (let from = 0, to = size; to - from > 1; ) {
    const middle = from + split(to - from);
    if (index < middle) {
      path.push({ from: middle, to });
      to = middle;
    } else {
      path.push({ from, to: middle });
      from = middle;
    }
  }
  return rangeHashes(sha256, reader, path.reverse());
}

/**
 * RFC 6962 §2.1.2: the hashes that show that the tree of `newSize` leaves begins with the tree of `oldSize`.
 * Empty where the sizes are equal or the old one is 0.
 */
export async function consistencyProof(
  sha256: Sha256,
  reader: HashReader,
  oldSize: number,
  newSize: number,
): Promise<readonly Uint8Array[]> {
  if (!isCount(oldSize) || !isCount(newSize) || oldSize > newSize)
    throw new RangeError(`no tree of ${newSize} leaves begins with one of ${oldSize}`);
  if (oldSize === 0 || oldSize === newSize) return [];
  const path: Range[] = [];
  let from = 0;
  let to = newSize;
  while (oldSize < to) {
    const middle = from + split(to - from);
    if (oldSize <= middle) {
      path.push({ from: middle, to });
      to = middle;
    } else {
      path.push({ from, to: middle });
      from = middle;
    }
  }
  // What is left is the old tree's last subtree; where that is the old tree itself, its root is known.
  if (from > 0) path.push({ from, to });
  return rangeHashes(sha256, reader, path.reverse());
}

/** The root that an inclusion proof leads to. @throws ProofError where its length does not fit index and size */
export function rootOfInclusion(
  sha256: Sha256,
  { index, size, leaf, proof }: { index: number; size: number; leaf: Uint8Array; proof: readonly Uint8Array[] },
): Uint8Array {
  if (!isCount(index) || !isCount(size) || index >= size)
    throw new ProofError(`a tree of ${size} leaves has no leaf ${index}`);
  let node = index;
  let last = size - 1;
  let hash = leaf;
  for (const sibling of proof) {
    if (last === 0) throw new ProofError("the inclusion proof has too many hashes");
    if (node % 2 === 1 || node === last) {
      hash = nodeHash(sha256, sibling, hash);
      while (node % 2 === 0 && node !== 0) {
        node = half(node);
        last = half(last);
      }
    } else hash = nodeHash(sha256, hash, sibling);
    node = half(node);
    last = half(last);
  }
  if (last !== 0) throw new ProofError("the inclusion proof has too few hashes");
  return hash;
}

/** @throws ProofError where leaf `index` with this hash is not in the tree with this root */
export function verifyInclusion(
  sha256: Sha256,
  claim: { index: number; size: number; leaf: Uint8Array; proof: readonly Uint8Array[]; root: Uint8Array },
): void {
  const root = rootOfInclusion(sha256, claim);
  if (!equalBytes(root, claim.root))
    throw new ProofError(
      `the proof of leaf ${claim.index} leads to the root ${toBase64(root)}, but the tree of ${claim.size} leaves has the root ${toBase64(claim.root)}`,
    );
}

/** @throws ProofError where the new tree is not shown to begin with the old one */
export function verifyConsistency(
  sha256: Sha256,
  claim: { oldSize: number; oldRoot: Uint8Array; newSize: number; newRoot: Uint8Array; proof: readonly Uint8Array[] },
): void {
  const { oldSize, oldRoot, newSize, newRoot, proof } = claim;
  if (!isCount(oldSize) || !isCount(newSize) || oldSize > newSize)
    throw new ProofError(`no tree of ${newSize} leaves begins with one of ${oldSize}`);
  if (oldSize === 0 && !equalBytes(oldRoot, digest(sha256, new Uint8Array(0))))
    throw new ProofError("the root of the empty tree is not the hash of nothing");
  if (oldSize === 0 || oldSize === newSize) {
    if (proof.length > 0) throw new ProofError("the consistency proof has too many hashes");
    if (oldSize === newSize && !equalBytes(oldRoot, newRoot))
      throw new ProofError(
        `two trees of ${oldSize} leaves have different roots, ${toBase64(oldRoot)} and ${toBase64(newRoot)}`,
      );
    return;
  }
  let node = oldSize - 1;
  let last = newSize - 1;
  while (node % 2 === 1) {
    node = half(node);
    last = half(last);
  }
  // Where the old tree is one perfect subtree, its root is where the path begins.
  const path = node === 0 ? [oldRoot, ...proof] : proof;
  if (path.length === 0) throw new ProofError("the consistency proof has too few hashes");
  let oldHash = path[0]!;
  let newHash = path[0]!;
  for (const sibling of path.slice(1)) {
    if (last === 0) throw new ProofError("the consistency proof has too many hashes");
    if (node % 2 === 1 || node === last) {
      oldHash = nodeHash(sha256, sibling, oldHash);
      newHash = nodeHash(sha256, sibling, newHash);
      while (node % 2 === 0 && node !== 0) {
        node = half(node);
        last = half(last);
      }
    } else newHash = nodeHash(sha256, newHash, sibling);
    node = half(node);
    last = half(last);
  }
  if (last !== 0) throw new ProofError("the consistency proof has too few hashes");
  if (!equalBytes(oldHash, oldRoot))
    throw new ProofError(
      `the consistency proof leads to the old root ${toBase64(oldHash)}, not to ${toBase64(oldRoot)} at size ${oldSize}`,
    );
  if (!equalBytes(newHash, newRoot))
    throw new ProofError(
      `the consistency proof leads to the new root ${toBase64(newHash)}, not to ${toBase64(newRoot)} at size ${newSize}`,
    );
}

/** Merkle tree hash of each range; ranges are those of subtrees of one tree. */
async function rangeHashes(sha256: Sha256, reader: HashReader, ranges: readonly Range[]): Promise<Uint8Array[]> {
  const hashes: Uint8Array[] = [];
  for (const { from, to } of ranges) {
    // The range's perfect subtrees from the left, each smaller than the one before.
    const peaks: Uint8Array[] = [];
    for (let at = from, left = to - from; left > 0; ) {
      let width = 1;
      let height = 0;
      while (width * 2 <= left) {
        width *= 2;
        height++;
      }
      peaks.push(await perfectHash(sha256, reader, at, height));
      at += width;
      left -= width;
    }
    hashes.push(peaks.reduceRight((right, peak) => nodeHash(sha256, peak, right)));
  }
  return hashes;
}

/** Hash over the 2^height leaves from `from` on: from the nodes of the tile level at or below that height. */
async function perfectHash(sha256: Sha256, reader: HashReader, from: number, height: number): Promise<Uint8Array> {
  const level = Math.floor(height / levelHeight);
  const count = 2 ** (height - level * levelHeight);
  const nodes = await reader.hashes(level, from / tileWidth ** level, count);
  if (nodes.length !== count * hashBytes)
    throw new RangeError(`hashes of level ${level} from ${from / tileWidth ** level} on are missing`);
  return perfectRoot(sha256, nodes, room);
}

const room = hashingRoom();

/** The largest power of two below `count`. */
function split(count: number): number {
  let width = 1;
  while (width * 2 < count) width *= 2;
  return width;
}

function half(count: number): number {
  return Math.floor(count / 2);
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
