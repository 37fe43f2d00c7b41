// Rotated files that were compressed: what they begin with, how long they are, and their bytes from an offset on.
import { createReadStream } from "node:fs";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { digest, headOf, tailBytes } from "./identity.ts";

export interface Archive {
  readonly head: string;
  /** Bytes when expanded. */
  readonly size: number;
  /** Digests of the bytes before these offsets, where the content reaches there. */
  readonly tails: ReadonlyMap<number, string>;
  readonly lastBytes: Uint8Array;
}

function expand(path: string): AsyncIterable<Buffer> {
  const expander = path.endsWith(".zst") ? createZstdDecompress() : createGunzip();
  const file = createReadStream(path);
  file.on("error", (error) => expander.destroy(error));
  return file.pipe(expander);
}

/** @throws Error where it cannot be expanded to its end, e.g. because somebody still writes it */
export async function readArchive(path: string, offsets: readonly number[]): Promise<Archive> {
  const wanted = [...new Set(offsets)].sort((a, b) => a - b);
  const tails = new Map<number, string>();
  let first = Buffer.alloc(0);
  let window = Buffer.alloc(0);
  let size = 0;
  let next = 0;
  for await (const piece of expand(path)) {
    if (first.length < 1024) first = Buffer.concat([first, piece.subarray(0, 1024 - first.length)]);
    const all = Buffer.concat([window, piece]);
    const start = size - window.length;
    size += piece.length;
    for (; next < wanted.length && wanted[next]! <= size; next++) {
      const end = wanted[next]! - start;
      tails.set(wanted[next]!, digest(all.subarray(Math.max(0, end - tailBytes), end)));
    }
    window = Buffer.from(all.subarray(Math.max(0, all.length - tailBytes)));
  }
  const head = headOf((at, length) => first.subarray(at, at + length), true);
  return { head: head ?? "", size, tails, lastBytes: window };
}

export interface Piece {
  readonly bytes: Buffer;
  /** The last bytes before an offset that is in this piece or the one before. */
  readonly tailBefore: (offset: number) => Uint8Array;
}

/** The bytes from an offset on. */
export async function* skipTo(path: string, offset: number): AsyncGenerator<Piece> {
  let at = 0;
  let window = Buffer.alloc(0);
  for await (const piece of expand(path)) {
    const start = at - window.length;
    const all = Buffer.concat([window, piece]);
    at += piece.length;
    if (at > offset) {
      const bytes = piece.subarray(Math.max(0, piece.length - (at - offset)));
      yield {
        bytes,
        tailBefore: (end) => all.subarray(Math.max(0, end - start - tailBytes), Math.max(0, end - start)),
      };
    }
    // As much as a tail of an offset in this piece may reach back.
    window = Buffer.from(all.subarray(Math.max(0, all.length - 64 * 1024)));
  }
}
