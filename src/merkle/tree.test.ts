import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { digest, edgeShape, leafHash, nodeHash, type Sha256, TreeEdge } from "./tree.ts";

const sha256: Sha256 = (data, into, at) => into.set(hash("sha256", data, "buffer"), at);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** RFC 6962 §2.1, written as it is defined. */
function definedRoot(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return digest(sha256, new Uint8Array(0));
  if (leaves.length === 1) return leaves[0]!;
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return nodeHash(sha256, definedRoot(leaves.slice(0, split)), definedRoot(leaves.slice(split)));
}

const leaves = Array.from({ length: 700 }, (_, i) => leafHash(sha256, Buffer.from(`entry ${i}`)));

test("the empty tree's root is SHA-256 of nothing, and a leaf's hash has its zero prefix", () => {
  assert.equal(hex(new TreeEdge(sha256).root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  // Certificate transparency's published value for the leaf of no bytes.
  assert.equal(
    hex(leafHash(sha256, new Uint8Array(0))),
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
  );
});

test("the root equals the RFC's definition at every size to 700", () => {
  const edge = new TreeEdge(sha256);
  for (let size = 0; size <= leaves.length; size++) {
    assert.equal(hex(edge.root()), hex(definedRoot(leaves.slice(0, size))), `size ${size}`);
    if (size < leaves.length) edge.append(leaves[size]!);
  }
});

test("an edge taken up again from its nodes goes on as if it had never stopped", () => {
  fc.assert(
    fc.property(fc.oneof(fc.constantFrom(0, 255, 256, 257, 511, 512), fc.integer({ min: 0, max: 699 })), (size) => {
      const whole = new TreeEdge(sha256);
      const nodes: Uint8Array[][] = [[], [], []];
      leaves.slice(0, size).forEach((leaf) => {
        nodes[0]!.push(leaf);
        for (const { level, hash: node } of whole.append(leaf)) nodes[level]!.push(node);
      });
      const levels = edgeShape(size).map(({ from, count }, level) => nodes[level]!.slice(from, from + count));
      const resumed = new TreeEdge(sha256, size, levels);
      assert.equal(hex(resumed.root()), hex(whole.root()), `at size ${size}`);
      for (const leaf of leaves.slice(size)) {
        whole.append(leaf);
        resumed.append(leaf);
      }
      assert.equal(hex(resumed.root()), hex(whole.root()));
    }),
    { numRuns: 60 },
  );
});

test("completed nodes are reported once per 256 leaves, with their index", () => {
  const edge = new TreeEdge(sha256);
  const completed = leaves.flatMap((leaf) => edge.append(leaf));
  assert.deepEqual(
    completed.map(({ level, index }) => [level, index]),
    [
      [1, 0],
      [1, 1],
    ],
  );
  assert.equal(hex(completed[1]!.hash), hex(definedRoot(leaves.slice(256, 512))));
});

test("nodes that are not the edge of the size are refused", () => {
  assert.throws(() => new TreeEdge(sha256, 3, [leaves.slice(0, 2)]), RangeError);
  assert.throws(() => new TreeEdge(sha256, 256, []), RangeError);
});
