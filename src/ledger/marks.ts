// High-water marks: what of a batch the log has not yet, by where its events stand at their sources (I8). Pure.
import { hash } from "node:crypto";
import type { BatchPositions, HeadBatch } from "./port.ts";

/** The key of a stream in the table of marks. */
export function streamKeyHash({ source, stream }: { readonly source: string; readonly stream: string }): Uint8Array {
  return hash("sha256", JSON.stringify([source, stream]), "buffer");
}

/**
 * Places of the events beyond their stream's mark, in order.
 * @param marks of the batch's streams, −1 where there is none; moved on to what they become
 */
export function unmarked({ of, offsets }: BatchPositions, marks: number[]): Uint32Array {
  const kept: number[] = [];
  of.forEach((stream, i) => {
    const offset = offsets[i]!;
    if (offset <= marks[stream]!) return;
    marks[stream] = offset;
    kept.push(i);
  });
  return Uint32Array.from(kept);
}

/** The batch with only the events at these places, and the blobs that these refer to. */
export function keptHeads(batch: HeadBatch, kept: Uint32Array): HeadBatch {
  const start = (i: number): number => (i === 0 ? 0 : batch.ends[i - 1]!);
  const parts = Array.from(kept, (i) => batch.heads.subarray(start(i), batch.ends[i]!));
  let end = 0;
  const ends = Uint32Array.from(parts, ({ length }) => {
    end += length;
    return end;
  });
  const heads = Buffer.concat(parts);
  return { ...batch, heads, ends, blobs: batch.blobs.filter(({ digest }) => heads.includes(digest)) };
}
