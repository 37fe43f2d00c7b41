// What a file is known by: not its name and not its inode, which rotation changes and reuses, but what it begins with, and
// what stood before the place up to which it was read.
import { createHash } from "node:crypto";

const leastHead = 16;
const mostHead = 1024;
export const tailBytes = 1024;

/** Reads `length` bytes at `at`, fewer at the end. */
export type ReadAt = (at: number, length: number) => Buffer;

/**
 * The digest of the file's head: its first complete lines up to at least 16 bytes, at most 1 KiB. The same content has the
 * same head however much of it is there.
 * @param whole nothing will be added: what is there is the head, however short
 * @returns undefined where too little is there to know the file by
 */
export function headOf(read: ReadAt, whole: boolean): string | undefined {
  const bytes = read(0, mostHead);
  let end = bytes.indexOf(10, leastHead - 1) + 1;
  if (end === 0) {
    if (bytes.length < mostHead && !whole) return undefined;
    if (bytes.length === 0) return undefined;
    end = bytes.length;
  }
  return digest(bytes.subarray(0, end)).slice(0, 22);
}

/** The digest of the last bytes before an offset; undefined where the file does not reach there. */
export function tailOf(read: ReadAt, offset: number): string | undefined {
  const length = Math.min(tailBytes, offset);
  const bytes = read(offset - length, length);
  return bytes.length === length ? digest(bytes) : undefined;
}

export function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("base64url");
}
