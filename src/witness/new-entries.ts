// Reads what a log has added since a checkpoint that was verified, and makes the tree of it: from the old tree's edge, which
// must have the old root, by every new entry, to the new root. On the way each entry is compared with its leaf hash, and
// each stored hash with the one that the entries make, so that an alarm can say what exactly is wrong.
import type { Checkpoint } from "../merkle/checkpoint.ts";
import { equalBytes } from "../merkle/note.ts";
import { tilePath } from "../merkle/tile.ts";
import { edgeShape, leafHash, type TileNode, TreeEdge, tileWidth } from "../merkle/tree.ts";
import { sha256 } from "./ed25519.ts";
import type { Alarm } from "./monitor.ts";
import { GapError, type LogFiles, TileReader } from "./tile-reader.ts";

export interface NewEntries {
  readonly checked: number;
  readonly pruned: number;
  readonly alarm?: Alarm;
}

/** Bundles asked for at once. */
const ahead = 8;
const hashBytes = 32;

/** @throws GapError | UnreachableError */
export async function readNewEntries(
  before: Checkpoint | undefined,
  now: Checkpoint,
  options: {
    readonly files: LogFiles;
    readonly entries: boolean;
    readonly progress?: (done: number, all: number) => void;
  },
): Promise<NewEntries> {
  const oldSize = before?.size ?? 0;
  if (oldSize === now.size) return before === undefined ? rootOnly(now) : { checked: 0, pruned: 0 };
  const tiles = new TileReader(options.files, now.size);
  const edge = await edgeAt(tiles, oldSize);
  if (before !== undefined && !equalBytes(edge.root(), before.root))
    return { checked: 0, pruned: 0, alarm: tree(`the log's tiles do not make the root it had at ${oldSize} entries`) };

  let [checked, pruned] = [0, 0];
  const first = Math.floor(oldSize / tileWidth);
  const last = Math.ceil(now.size / tileWidth);
  const fetched: Promise<Bundle>[] = [];
  for (let n = first; n < last; n++) {
    for (let next = n; next < Math.min(n + ahead, last); next++)
      fetched[next] ??= quiet(fetchBundle(tiles, options, next, now.size));
    const { leaves, entries } = await fetched[n]!;
    delete fetched[n];
    const skip = n === first ? oldSize - n * tileWidth : 0;
    const count = leaves.length / hashBytes;
    if (entries !== undefined && entries.length !== count)
      throw new GapError(`bundle ${n} has ${entries.length} entries instead of ${count}`);
    for (let i = skip; i < count; i++) {
      const stored = leaves.slice(i * hashBytes, (i + 1) * hashBytes);
      const seq = n * tileWidth + i;
      if (entries !== undefined && !equalBytes(leafHash(sha256, entries[i]!), stored))
        return { checked, pruned, alarm: tree(`entry ${seq} is not the one whose hash is in the tree`) };
      const wrong = await wrongNode(tiles, edge.append(stored));
      if (wrong !== undefined) return { checked, pruned, alarm: tree(wrong) };
    }
    if (entries === undefined && options.entries) pruned += count - skip;
    else checked += count - skip;
    options.progress?.(Math.min((n + 1) * tileWidth, now.size) - oldSize, now.size - oldSize);
  }
  if (!equalBytes(edge.root(), now.root))
    return { checked, pruned, alarm: tree(`the entries do not make the root that is signed at ${now.size}`) };
  return { checked, pruned };
}

interface Bundle {
  readonly leaves: Uint8Array;
  /** Absent where they were pruned, or are not asked for. */
  readonly entries: readonly Uint8Array[] | undefined;
}

async function fetchBundle(
  tiles: TileReader,
  { files, entries }: { readonly files: LogFiles; readonly entries: boolean },
  n: number,
  size: number,
): Promise<Bundle> {
  const width = Math.min(tileWidth, size - n * tileWidth);
  const path = tilePath({ level: "entries", index: n, width });
  const [leaves, bundle] = await Promise.all([tiles.tile(0, n), entries ? files.bundle(path) : undefined]);
  return { leaves, entries: bundle === undefined ? undefined : split(path, bundle) };
}

/** Entries of a C2SP bundle: each with its length before it, as a big-endian u16. */
function split(path: string, bundle: Uint8Array): readonly Uint8Array[] {
  const entries: Uint8Array[] = [];
  const view = new DataView(bundle.buffer, bundle.byteOffset, bundle.byteLength);
  for (let at = 0; at < bundle.length; ) {
    const end = at + 2 > bundle.length ? Number.POSITIVE_INFINITY : at + 2 + view.getUint16(at);
    if (end > bundle.length) throw new GapError(`${path} ends within an entry`);
    entries.push(bundle.subarray(at + 2, end));
    at = end;
  }
  return entries;
}

/** The edge of the tree of `size` leaves, from the tiles of the tree as it is now. */
async function edgeAt(tiles: TileReader, size: number): Promise<TreeEdge> {
  const levels: Uint8Array[][] = [];
  for (const [level, { from, count }] of edgeShape(size).entries()) {
    const hashes = count === 0 ? new Uint8Array(0) : await tiles.hashes(level, from, count);
    levels.push(Array.from({ length: count }, (_, i) => hashes.slice(i * hashBytes, (i + 1) * hashBytes)));
  }
  return new TreeEdge(sha256, size, levels);
}

async function wrongNode(tiles: TileReader, completed: readonly TileNode[]): Promise<string | undefined> {
  for (const { level, index, hash } of completed) {
    const stored = await tiles.hashes(level, index, 1);
    if (!equalBytes(stored, hash)) return `the hash ${index} of tile level ${level} is not that of what is below it`;
  }
  return undefined;
}

function rootOnly({ size, root }: Checkpoint): NewEntries {
  const right = size !== 0 || equalBytes(root, new TreeEdge(sha256).root());
  return {
    checked: 0,
    pruned: 0,
    ...(right ? {} : { alarm: tree("the root of the empty log is not the hash of nothing") }),
  };
}

function tree(message: string): Alarm {
  return { kind: "tree", message };
}

/** What is asked for ahead of its turn may fail before anybody waits for it. */
function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
