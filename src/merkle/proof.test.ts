// Every proof for small trees, random ones for large trees, and each of them refused with any bit flipped.
import assert from "node:assert/strict";
import { hash as nodeDigest } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import {
  consistencyProof,
  type HashReader,
  inclusionProof,
  ProofError,
  verifyConsistency,
  verifyInclusion,
} from "./proof.ts";
import { digest, leafHash, nodeHash, type Sha256, tileWidth } from "./tree.ts";

const sha256: Sha256 = (data, into, at) =>
  void Buffer.from(into.buffer, into.byteOffset, into.length).write(nodeDigest("sha256", data, "binary"), at, "latin1");
const leaf = (index: number): Uint8Array => leafHash(sha256, new TextEncoder().encode(`leaf ${index}`));

/** RFC 6962 §2.1 as it is written, over all leaves. */
function root(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return digest(sha256, new Uint8Array(0));
  if (leaves.length === 1) return leaves[0]!;
  let middle = 1;
  while (middle * 2 < leaves.length) middle *= 2;
  return nodeHash(sha256, root(leaves.slice(0, middle)), root(leaves.slice(middle)));
}

/** Tiles of a tree, made level by level; counts what is read. */
class Tiles implements HashReader {
  readonly #levels: Uint8Array[][] = [];

  constructor(leaves: readonly Uint8Array[]) {
    for (let row = [...leaves]; row.length > 0; ) {
      this.#levels.push(row);
      const next: Uint8Array[] = [];
      for (let i = 0; i + tileWidth <= row.length; i += tileWidth) next.push(root(row.slice(i, i + tileWidth)));
      row = next;
    }
  }

  hashes(level: number, from: number, count: number): Uint8Array {
    assert.equal(Math.floor(from / tileWidth), Math.floor((from + count - 1) / tileWidth), "never across a tile");
    const nodes = this.#levels[level]?.slice(from, from + count) ?? [];
    assert.equal(nodes.length, count, `level ${level} has no ${count} nodes from ${from}`);
    return Buffer.concat(nodes);
  }
}

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = bytes.slice();
  copy[bit >> 3]! ^= 1 << (bit & 7);
  return copy;
}

/** The list with a bit of one hash flipped, which one the seed says; a hash short; a hash too long. */
function* damaged(proof: readonly Uint8Array[], seed: number): Generator<readonly Uint8Array[]> {
  const i = seed % Math.max(1, proof.length);
  if (proof.length > 0) yield proof.with(i, flipped(proof[i]!, (seed * 31) % 256));
  if (proof.length > 0) yield proof.slice(1);
  yield [...proof, new Uint8Array(32)];
}

const most = 300;
const leaves = Array.from({ length: most }, (_, i) => leaf(i));
const roots = Array.from({ length: most + 1 }, (_, size) => root(leaves.slice(0, size)));

test("every inclusion proof for sizes 1 to 300 verifies, and none does damaged", async () => {
  for (let size = 1; size <= most; size++) {
    const tiles = new Tiles(leaves.slice(0, size));
    for (let index = 0; index < size; index++) {
      const proof = await inclusionProof(sha256, tiles, index, size);
      const claim = { index, size, leaf: leaves[index]!, proof, root: roots[size]! };
      verifyInclusion(sha256, claim);
      for (const bad of damaged(proof, index + size))
        assert.throws(() => verifyInclusion(sha256, { ...claim, proof: bad }));
      assert.throws(() => verifyInclusion(sha256, { ...claim, leaf: flipped(claim.leaf, index % 256) }), ProofError);
      assert.throws(() => verifyInclusion(sha256, { ...claim, root: flipped(claim.root, size % 256) }), ProofError);
      if (size > 1)
        assert.throws(() => verifyInclusion(sha256, { ...claim, index: (index + 1) % size }), ProofError, "elsewhere");
    }
  }
});

test("every consistency proof for sizes 0 to 300 verifies, and none does damaged", async () => {
  for (let newSize = 0; newSize <= most; newSize++) {
    const tiles = new Tiles(leaves.slice(0, newSize));
    for (let oldSize = 0; oldSize <= newSize; oldSize++) {
      const proof = await consistencyProof(sha256, tiles, oldSize, newSize);
      const claim = { oldSize, newSize, oldRoot: roots[oldSize]!, newRoot: roots[newSize]!, proof };
      verifyConsistency(sha256, claim);
      for (const bad of damaged(proof, oldSize + newSize))
        assert.throws(() => verifyConsistency(sha256, { ...claim, proof: bad }), ProofError);
      assert.throws(() => verifyConsistency(sha256, { ...claim, oldRoot: flipped(claim.oldRoot, oldSize % 256) }));
      // Any tree begins with the empty one.
      if (oldSize > 0)
        assert.throws(() => verifyConsistency(sha256, { ...claim, newRoot: flipped(claim.newRoot, newSize % 256) }));
    }
  }
});

test("random proofs of trees to 100,000 leaves verify, and fail with any bit flipped", async () => {
  const size = 100_000;
  const many = Array.from({ length: size }, (_, i) => leaf(i));
  const tiles = new Tiles(many);
  const draw = fc
    .tuple(fc.integer({ min: 1, max: size }), fc.nat(), fc.nat(), fc.nat())
    .map(([newSize, a, b, bit]) => ({ newSize, index: a % newSize, oldSize: b % (newSize + 1), bit }));
  await fc.assert(
    fc.asyncProperty(draw, async ({ newSize, index, oldSize, bit }) => {
      const newRoot = root(many.slice(0, newSize));
      const inclusion = await inclusionProof(sha256, tiles, index, newSize);
      const included = { index, size: newSize, leaf: many[index]!, proof: inclusion, root: newRoot };
      verifyInclusion(sha256, included);
      for (const bad of [
        ...damaged(inclusion, bit),
        ...inclusion.map((hash, i) => inclusion.with(i, flipped(hash, bit % 256))),
      ])
        assert.throws(() => verifyInclusion(sha256, { ...included, proof: bad }), ProofError);
      const consistency = await consistencyProof(sha256, tiles, oldSize, newSize);
      const consistent = {
        oldSize,
        newSize,
        oldRoot: root(many.slice(0, oldSize)),
        newRoot,
        proof: consistency,
      };
      verifyConsistency(sha256, consistent);
      for (const bad of [
        ...damaged(consistency, bit),
        ...consistency.map((hash, i) => consistency.with(i, flipped(hash, bit % 256))),
      ])
        assert.throws(() => verifyConsistency(sha256, { ...consistent, proof: bad }), ProofError);
    }),
    { numRuns: 30 },
  );
});

test("leaves and sizes that do not exist are refused", async () => {
  const tiles = new Tiles(leaves.slice(0, 5));
  await assert.rejects(inclusionProof(sha256, tiles, 5, 5), RangeError);
  await assert.rejects(inclusionProof(sha256, tiles, 0, 0), RangeError);
  await assert.rejects(consistencyProof(sha256, tiles, 6, 5), RangeError);
  assert.throws(() => verifyInclusion(sha256, { index: 5, size: 5, leaf: leaf(5), proof: [], root: roots[5]! }));
  assert.throws(
    () => verifyConsistency(sha256, { oldSize: 3, newSize: 2, oldRoot: roots[3]!, newRoot: roots[2]!, proof: [] }),
    ProofError,
  );
});
