// One record while its bytes arrive, of whatever length: kept whole up to a limit, beyond it only what a cut record keeps
// (input.ts). Holds no more memory than the limit, in one piece, however small the pieces are that it comes in.
import { isUtf8 } from "node:buffer";
import { createHash, type Hash } from "node:crypto";
import type { RawRecord } from "../sources/source.ts";
import type { Placed } from "./input.ts";

/** A record that has no number yet. */
export type Arrival = Omit<Placed, "offset">;

const keptOfCut = 64 * 1024;
const firstRoom = 1024;

export class Received {
  readonly #limit: number;
  #bytes = Buffer.alloc(0);
  #kept = 0;
  #size = 0;
  /** Of the whole, once it is longer than the limit. */
  #hash: Hash | undefined;

  /** @param limit bytes; at least 64 KiB */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Bytes so far. */
  get size(): number {
    return this.#size;
  }

  add(piece: Uint8Array): void {
    this.#size += piece.length;
    if (this.#hash === undefined && this.#size > this.#limit) {
      this.#hash = createHash("sha256").update(this.#bytes.subarray(0, this.#kept));
      const all = Math.min(this.#kept, keptOfCut);
      this.#bytes = Buffer.concat([this.#bytes.subarray(0, all), piece.subarray(0, keptOfCut - all)]);
      this.#kept = this.#bytes.length;
    } else if (this.#hash === undefined) {
      this.#reserve(this.#kept + piece.length);
      this.#bytes.set(piece, this.#kept);
      this.#kept += piece.length;
    }
    this.#hash?.update(piece);
  }

  /**
   * What came, and begins anew.
   * @param trailers bytes that are dropped from its end, where it is whole: they belong to the transport
   * @returns undefined where nothing came but trailers
   */
  take(read: number, trailers: ReadonlySet<number>, torn?: string): Arrival | undefined {
    const [size, hash] = [this.#size, this.#hash];
    let end = this.#kept;
    if (hash === undefined) while (end > 0 && trailers.has(this.#bytes[end - 1]!)) end--;
    // A copy: the next record is written over these bytes.
    const bytes = Buffer.from(this.#bytes.subarray(0, end));
    this.#kept = 0;
    this.#size = 0;
    this.#hash = undefined;
    if (this.#bytes.length > keptOfCut) this.#bytes = Buffer.alloc(0);
    if (hash !== undefined) return { record: recordOf(bytes, read), cut: { digest: hash.digest("hex"), size } };
    if (bytes.length === 0) return undefined;
    return { record: recordOf(bytes, read), ...(torn === undefined ? {} : { torn }) };
  }

  #reserve(size: number): void {
    if (size <= this.#bytes.length) return;
    const bigger = Buffer.allocUnsafe(Math.min(this.#limit, Math.max(firstRoom, size, this.#bytes.length * 2)));
    bigger.set(this.#bytes.subarray(0, this.#kept));
    this.#bytes = bigger;
  }
}

/** A record of bytes, with them where they are no UTF-8. */
export function recordOf(bytes: Buffer, read: number): RawRecord {
  const text = bytes.toString("utf8");
  return isUtf8(bytes) ? { text, read } : { text, bytes, read };
}
