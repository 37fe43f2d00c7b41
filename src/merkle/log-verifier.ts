// Verifies a whole log laid out by C2SP tlog-tiles, from the checkpoint's root down to every entry, in one pass that keeps
// one tile per level. Downwards, because then the object that disagrees can be named: what hashes to a node that the root
// vouches for is right, and what is beside it and differs is wrong. Pure: files are read by a function that is given.
//
// Not looked at here: signatures (see note.ts and who calls), and what stands in an entry.
import { type BundleLeaves, bundleDifference, bundleLeaves, leavesRoom } from "./entry-bundle.ts";
import {
  differences,
  edgeRoot,
  hashBytes,
  hashesEqual,
  nameOfParent,
  nor,
  tileOf,
  tileRoot,
  tileShape,
} from "./hash-tile.ts";
import type { LogProblem, NamedCheckpoint } from "./log-problem.ts";
import { equalBytes, toBase64 } from "./note.ts";
import { hasTile, parseTilePath, type Tile, tilePath } from "./tile.ts";
import { type ExpectedLeaves, TileDescent } from "./tile-descent.ts";
import { edgeShape, type Sha256, tileWidth } from "./tree.ts";

export interface LogToVerify {
  readonly sha256: Sha256;
  /** Content of an object such as `tile/0/000`; undefined where it is missing. Called ahead of need, several at once. */
  readonly read: (path: string) => Promise<Uint8Array | undefined>;
  /** Whose signature was found good. */
  readonly checkpoint: NamedCheckpoint;
  /** Others by the same log: each must be a beginning of what is there. */
  readonly others?: readonly NamedCheckpoint[];
  /** Paths of the tiles that are there, where they can be listed: none may be unknown to the checkpoint. */
  readonly listed?: Iterable<string>;
  /** Given each bundle that was found right. */
  readonly onBundle?: (firstEntry: number, bytes: Uint8Array) => readonly LogProblem[] | Promise<readonly LogProblem[]>;
  readonly onProgress?: (entriesDone: number, entriesOfAll: number) => void;
}

export interface LogReport {
  /** The first hundred. */
  readonly problems: readonly LogProblem[];
  readonly problemCount: number;
  /** Entries from this one on were there; of those before it only the hashes (retention). */
  readonly firstEntry: number;
  /** Entries hashed and found right. */
  readonly entries: number;
}

const mostProblems = 100;
/** Bundles read before they are needed: what a disk does while hashes are made. */
const readAhead = 4;

export async function verifyLog(log: LogToVerify): Promise<LogReport> {
  return new LogVerifier(log).run();
}

interface Asked {
  readonly bundle: Uint8Array | undefined;
  readonly tile: Uint8Array | undefined;
}

class LogVerifier {
  readonly #log: LogToVerify;
  readonly #size: number;
  readonly #problems: LogProblem[] = [];
  #problemCount = 0;
  #firstEntry = 0;
  #entries = 0;
  /** Whether a bundle was there: from then on none may be missing. */
  #begun = false;
  readonly #room = leavesRoom();
  /** Partial tiles of earlier sizes that are still there, by the tile they became. */
  readonly #earlier = new Map<string, Tile[]>();
  /** Per other checkpoint, the nodes of its right edge as they come by. */
  readonly #edges: (Uint8Array | undefined)[][] = [];

  constructor(log: LogToVerify) {
    this.#log = log;
    this.#size = log.checkpoint.checkpoint.size;
  }

  async run(): Promise<LogReport> {
    const { checkpoint, others = [], listed = [], onProgress, sha256, read } = this.#log;
    this.#sortListed(listed);
    for (const other of others) this.#edges.push(edgeShape(other.checkpoint.size).map(() => undefined));
    const descent = new TileDescent({
      sha256,
      read,
      checkpoint,
      report: (problem) => this.#report(problem),
      onTile: async (tile, hashes) => {
        this.#passed(tile, hashes);
        await this.#checkEarlier(`${tile.level}/${tile.index}`, hashes);
      },
      leavesOf: async (index) => this.#leavesOf(index),
    });
    const bundles = Math.ceil(this.#size / tileWidth);
    const ahead: Promise<Asked>[] = [];
    let asked = 0;
    for await (const expected of descent.leafTiles()) {
      for (; asked < bundles && asked <= expected.index + readAhead; asked++) ahead.push(this.#ask(asked));
      await this.#checkLeaves(expected, await ahead.shift()!);
      onProgress?.(Math.min(this.#size, (expected.index + 1) * tileWidth), this.#size);
    }
    others.forEach((other, i) => {
      const found = this.#contradiction(other, this.#edges[i]!);
      if (found !== undefined) this.#report({ path: other.path, ...found });
    });
    return {
      problems: this.#problems,
      problemCount: this.#problemCount,
      firstEntry: this.#firstEntry,
      entries: this.#entries,
    };
  }

  #report(problem: LogProblem): void {
    this.#problemCount++;
    if (this.#problems.length < mostProblems) this.#problems.push(problem);
  }

  #ask(index: number): Promise<Asked> {
    const path = (level: Tile["level"]): string => tilePath(tileOf(this.#size, level, index));
    const asking = Promise.all([this.#log.read(path("entries")), this.#log.read(path(0))]).then(([bundle, tile]) => ({
      bundle,
      tile,
    }));
    // It is awaited when its turn comes; until then its failure is nobody's.
    asking.catch(() => {});
    return asking;
  }

  /** Leaf hashes of a bundle where it holds exactly its entries. */
  async #leavesOf(index: number): Promise<Uint8Array | undefined> {
    const { width } = tileOf(this.#size, "entries", index);
    const bytes = await this.#log.read(tilePath({ level: "entries", index, width }));
    if (bytes === undefined) return undefined;
    const { hashes, count, malformed } = bundleLeaves(this.#log.sha256, bytes, leavesRoom());
    return malformed === undefined && count === width ? hashes.subarray(0, width * hashBytes) : undefined;
  }

  async #checkLeaves(expected: ExpectedLeaves, { bundle, tile }: Asked): Promise<void> {
    const { sha256 } = this.#log;
    const place = tileOf(this.#size, 0, expected.index);
    const { index, width } = place;
    const bundleName = tilePath({ ...place, level: "entries" });
    const first = index * tileWidth;
    const stored = tile?.length === width * hashBytes ? tile : undefined;
    // A missing or misshapen tile at the edge was named when the edge was read.
    if (stored === undefined && width === tileWidth) this.#report(tileShape(place, tile));

    const leaves = bundle === undefined ? undefined : bundleLeaves(sha256, bundle, this.#room);
    if (bundle !== undefined && !this.#begun) {
      this.#begun = true;
      this.#firstEntry = first;
    }
    // Retention takes whole bundles from the front; the last one is never past it.
    const pruned = bundle === undefined && !this.#begun && first + width < this.#size;
    if (bundle === undefined && !pruned)
      this.#report({ path: bundleName, entry: first, what: "the bundle is missing" });

    const truth = expected.hashes ?? this.#truth(expected, stored, leaves);
    if (truth === undefined) this.#blameBoth(place, expected, stored, leaves);
    else {
      this.#passed(place, truth);
      if (stored !== undefined && expected.hashes === undefined) this.#compareTile(place, stored, truth);
      const difference = leaves === undefined ? undefined : bundleDifference(leaves, truth);
      if (difference !== undefined)
        this.#report({ path: bundleName, entry: first + difference.entry, what: difference.what });
      else if (bundle !== undefined) {
        this.#entries += width;
        for (const problem of (await this.#log.onBundle?.(first, bundle)) ?? []) this.#report(problem);
      }
    }
    await this.#checkEarlier(`0/${index}`, truth ?? stored);
    await this.#checkEarlier(`entries/${index}`, truth ?? stored);
  }

  /** Of the tile and the bundle, the leaf hashes that the tree vouches for. */
  #truth({ node }: ExpectedLeaves, stored: Uint8Array | undefined, leaves: BundleLeaves | undefined) {
    const { sha256 } = this.#log;
    if (node === undefined) return undefined;
    if (stored !== undefined && equalHash(tileRoot(sha256, stored), node)) return stored;
    if (leaves === undefined || leaves.malformed !== undefined || leaves.count !== tileWidth) return undefined;
    const made = leaves.hashes.subarray(0, tileWidth * hashBytes);
    return equalHash(tileRoot(sha256, made), node) ? made : undefined;
  }

  #compareTile(place: Tile, stored: Uint8Array, truth: Uint8Array): void {
    const wrong = differences(stored, truth);
    if (wrong.length === 0) return;
    this.#report({
      path: tilePath(place),
      entry: place.index * tileWidth + wrong[0]!,
      what: `hash ${wrong[0]} is not that of the entry${nor(wrong.length - 1)}`,
    });
  }

  /** Where neither the tile nor the bundle leads to the node above, or that is not known. */
  #blameBoth(place: Tile, { node }: ExpectedLeaves, stored: Uint8Array | undefined, leaves: BundleLeaves | undefined) {
    const first = place.index * tileWidth;
    const [tileName, bundleName] = [tilePath(place), tilePath({ ...place, level: "entries" })];
    const above = node === undefined ? undefined : nameOfParent(this.#size, place);
    const difference = stored === undefined || leaves === undefined ? undefined : bundleDifference(leaves, stored);
    if (difference !== undefined) {
      const neither = above === undefined ? "" : `, and neither leads to ${above}`;
      this.#report({
        path: bundleName,
        entry: first + difference.entry,
        what: `disagrees with ${tileName}${neither}: ${difference.what}`,
      });
    } else if (above !== undefined && (stored !== undefined || leaves !== undefined)) {
      const path = stored === undefined ? bundleName : tileName;
      const together = stored !== undefined && leaves !== undefined ? ` and ${bundleName} agree, but do` : " does";
      this.#report({ path, entry: first, what: `${together.trim()} not lead to ${above}` });
    }
  }

  /** Keeps the nodes that the right edge of another checkpoint's tree is made of. */
  #passed({ level, index }: Tile, hashes: Uint8Array): void {
    this.#log.others?.forEach(({ checkpoint }, i) => {
      const edge = edgeShape(checkpoint.size)[level as number];
      if (edge === undefined || edge.count === 0 || edge.from / tileWidth !== index) return;
      if (hashes.length >= edge.count * hashBytes)
        this.#edges[i]![level as number] = hashes.slice(0, edge.count * hashBytes);
    });
  }

  /** Why another checkpoint is not of a beginning of this log. */
  #contradiction(
    { checkpoint }: NamedCheckpoint,
    kept: readonly (Uint8Array | undefined)[],
  ): Omit<LogProblem, "path"> | undefined {
    const main = this.#log.checkpoint;
    const { origin, size, root } = main.checkpoint;
    if (checkpoint.origin !== origin) return { line: 1, what: `is of ${checkpoint.origin}, not of ${origin}` };
    if (checkpoint.size > size) {
      const why = "this is an older copy, or its end was cut off";
      return {
        line: 2,
        what: `covers ${checkpoint.size} entries, more than the ${size} of ${main.path}: ${why}`,
      };
    }
    if (checkpoint.size === size)
      return equalBytes(checkpoint.root, root)
        ? undefined
        : { line: 3, what: `${main.path} is of the same size and has another root` };
    const shape = edgeShape(checkpoint.size);
    const edge = kept.map((hashes, level) => (shape[level]!.count === 0 ? new Uint8Array(0) : hashes));
    if (edge.includes(undefined)) return { what: "cannot be compared: hashes of its time are wrong or missing" };
    const made = edgeRoot(this.#log.sha256, checkpoint.size, edge as Uint8Array[]);
    if (equalBytes(made, checkpoint.root)) return undefined;
    const first = `the first ${checkpoint.size} entries of the log have the root ${toBase64(made)}`;
    return { line: 3, what: `its root is ${toBase64(checkpoint.root)}, but ${first}: it is of another past` };
  }

  #sortListed(listed: Iterable<string>): void {
    for (const path of listed) {
      const tile = parseTilePath(path);
      if (tile === undefined) this.#report({ path, what: "is no tile of a log" });
      else if (!hasTile(this.#size, tile)) {
        const lies = `lies beyond the ${this.#size} entries that ${this.#log.checkpoint.path} covers`;
        this.#report({ path, what: `${lies}: nothing vouches for it` });
      } else if (tile.width !== tileOf(this.#size, tile.level, tile.index).width) {
        const name = `${tile.level}/${tile.index}`;
        const known = this.#earlier.get(name);
        if (known === undefined) this.#earlier.set(name, [tile]);
        else known.push(tile);
      }
    }
  }

  /** A partial tile or bundle of an earlier size must be the beginning of what it became. */
  async #checkEarlier(name: string, truth: Uint8Array | undefined): Promise<void> {
    for (const tile of this.#earlier.get(name) ?? []) {
      const path = tilePath(tile);
      const bytes = await this.#log.read(path);
      if (bytes === undefined || truth === undefined) continue;
      const beginning = truth.subarray(0, tile.width * hashBytes);
      if (tile.level === "entries") {
        const difference = bundleDifference(bundleLeaves(this.#log.sha256, bytes, leavesRoom()), beginning);
        if (difference !== undefined)
          this.#report({ path, entry: tile.index * tileWidth + difference.entry, what: difference.what });
      } else if (!equalBytes(bytes, beginning))
        this.#report({ path, what: "is not the beginning of the tile that it became" });
    }
    this.#earlier.delete(name);
  }
}

function equalHash(a: Uint8Array, b: Uint8Array): boolean {
  return hashesEqual(a, 0, b, 0, 1);
}
