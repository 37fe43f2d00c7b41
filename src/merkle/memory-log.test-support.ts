// A log laid out by C2SP tlog-tiles in memory, made by the plainest means there are: hashes of subtrees by recursion.
import { hash } from "node:crypto";
import type { Checkpoint } from "./checkpoint.ts";
import { tilePath, tilesOf } from "./tile.ts";
import { leafHash, nodeHash, type Sha256 } from "./tree.ts";

export const sha256: Sha256 = (data, into, at) => into.set(hash("sha256", data, "buffer"), at);

export interface MemoryLog {
  readonly files: Map<string, Uint8Array>;
  readonly checkpoint: Checkpoint;
  /** Of the first `size` entries. */
  checkpointAt(size: number): Checkpoint;
}

export const numberedEntries = (count: number): readonly Uint8Array[] =>
  Array.from({ length: count }, (_, i) => Buffer.from(`entry ${i}`));

export function bundleOf(entries: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(entries.flatMap((entry) => [Uint8Array.of(entry.length >> 8, entry.length & 255), entry]));
}

export function memoryLog(entries: readonly Uint8Array[], origin = "s.taishi/1"): MemoryLog {
  const leaves = entries.map((entry) => leafHash(sha256, entry));
  const known = new Map<string, Uint8Array>();
  const subtree = (from: number, to: number): Uint8Array => {
    if (to - from === 1) return leaves[from]!;
    const name = `${from} ${to}`;
    let root = known.get(name);
    if (root === undefined) {
      let width = 1;
      while (width * 2 < to - from) width *= 2;
      root = nodeHash(sha256, subtree(from, from + width), subtree(from + width, to));
      known.set(name, root);
    }
    return root;
  };
  const files = new Map<string, Uint8Array>();
  for (const tile of tilesOf(entries.length)) {
    const { level, index, width } = tile;
    const span = level === "entries" ? 1 : 256 ** level;
    const nodes = Array.from({ length: width }, (_, i) => (index * 256 + i) * span);
    const content =
      level === "entries"
        ? bundleOf(nodes.map((seq) => entries[seq]!))
        : Buffer.concat(nodes.map((from) => subtree(from, from + span)));
    files.set(tilePath(tile), content);
  }
  const checkpointAt = (size: number): Checkpoint => ({
    origin,
    size,
    root: size === 0 ? hash("sha256", "", "buffer") : subtree(0, size),
  });
  return { files, checkpoint: checkpointAt(entries.length), checkpointAt };
}
