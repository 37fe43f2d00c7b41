// The reading side as C2SP tlog-tiles lays it out: tiles of hashes and bundles of entries of one log. Leaf hashes are made
// from the entries, or kept where those are past their retention; everything above is stored. Knows no HTTP and no checkpoint: what may be
// shown is published by others.
import { tileWidth } from "../merkle/tree.ts";
import { encodeEntries } from "./bundle.ts";
import type { LogTiles } from "./port.ts";
import type { LedgerReader } from "./store.ts";

const hashBytes = 32;
/** Bundles whose leaf hashes are remembered: the proofs of one entry or size ask for parts of two. */
const mostRemembered = 2;

/** For one question, or one pass: it remembers leaf hashes and is then let go. */
export class LedgerTiles implements LogTiles {
  readonly #reader: Pick<LedgerReader, "bundle" | "leafHashes" | "nodes">;
  readonly #log: { readonly id: number; readonly account: string };
  /** Leaf hashes by bundle. */
  readonly #leaves = new Map<number, Uint8Array>();

  constructor(
    reader: Pick<LedgerReader, "bundle" | "leafHashes" | "nodes">,
    log: { readonly id: number; readonly account: string },
  ) {
    this.#reader = reader;
    this.#log = log;
  }

  hashes(level: number, from: number, count: number): Uint8Array {
    const tile = Math.floor(from / tileWidth);
    if (Math.floor((from + count - 1) / tileWidth) !== tile) throw new RangeError("hashes of two tiles at once");
    if (level === 0) {
      const first = from - tile * tileWidth;
      const leaves = this.#leafHashes(tile, first + count);
      return leaves.slice(first * hashBytes, (first + count) * hashBytes);
    }
    const nodes = this.#reader.nodes(this.#log.id, level, from, count);
    if (nodes.length !== count)
      throw new RangeError(`level ${level} of the tree has no ${count} hashes from ${from} on`);
    return joined(nodes);
  }

  entries(index: number, width: number): Uint8Array {
    const entries = this.#reader.bundle(this.#log.account, index).slice(0, width);
    if (entries.length !== width) throw new RangeError(`bundle ${index} has ${entries.length} entries, not ${width}`);
    return encodeEntries(entries);
  }

  /** Of the bundle's entries, at least `count`. */
  #leafHashes(n: number, count: number): Uint8Array {
    const known = this.#leaves.get(n);
    if (known !== undefined && known.length >= count * hashBytes) return known;
    const leaves = this.#reader.leafHashes(this.#log.account, n);
    if (leaves.length < count * hashBytes)
      throw new RangeError(`bundle ${n} has ${leaves.length / hashBytes} entries, not ${count}`);
    this.#leaves.delete(n);
    this.#leaves.set(n, leaves);
    for (const oldest of this.#leaves.keys()) {
      if (this.#leaves.size <= mostRemembered) break;
      this.#leaves.delete(oldest);
    }
    return leaves;
  }
}

function joined(hashes: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(hashes.length * hashBytes);
  hashes.forEach((hash, i) => {
    bytes.set(hash, i * hashBytes);
  });
  return bytes;
}
