// Reading a C2SP entry bundle: each entry with its length before it, two bytes big-endian. Makes the leaf hashes of one, and
// says in words how it differs from what the tree says: which entry was changed, moved, taken out or put in. Pure.
import { hashesEqual } from "./hash-tile.ts";
import { type Sha256, tileWidth } from "./tree.ts";

const hashBytes = 32;

export interface BundleLeaves {
  /** Leaf hashes side by side, of the first 257 entries: one more than a bundle may have, so that one too many is seen. */
  readonly hashes: Uint8Array;
  /** How many entries the bundle holds. */
  readonly count: number;
  /** What is wrong with the bundle's form, in words; `count` entries are whole before it. */
  readonly malformed?: string;
}

export function leavesRoom(): Uint8Array {
  return new Uint8Array((tileWidth + 1) * hashBytes);
}

/**
 * @param bytes are changed for the time of each hash and are the same again when it returns: RFC 6962 hashes a zero byte
 *   before the entry, and the second byte of the entry's length lends its place, so that nothing is copied
 * @param room for the hashes, which stay in it until it is used again
 */
export function bundleLeaves(sha256: Sha256, bytes: Uint8Array, room: Uint8Array): BundleLeaves {
  let count = 0;
  let at = 0;
  while (at < bytes.length) {
    if (at + 2 > bytes.length) return { hashes: room, count, malformed: "ends within the length of an entry" };
    const low = bytes[at + 1]!;
    const end = at + 2 + bytes[at]! * 256 + low;
    if (end > bytes.length) return { hashes: room, count, malformed: "ends within an entry" };
    if (count <= tileWidth) {
      bytes[at + 1] = 0;
      sha256(bytes.subarray(at + 1, end), room, count * hashBytes);
      bytes[at + 1] = low;
    }
    count++;
    at = end;
  }
  return { hashes: room, count };
}

/**
 * How the entries differ from the true leaf hashes: a sentence, and the number of the entry within the bundle that it is
 * about. Undefined where they do not.
 */
export function bundleDifference(
  { hashes, count, malformed }: BundleLeaves,
  truth: Uint8Array,
): { readonly entry: number; readonly what: string } | undefined {
  const width = truth.length / hashBytes;
  const same = (held: number, true_: number): boolean => hashesEqual(hashes, held, truth, true_, 1);
  let first = 0;
  while (first < Math.min(width, count) && same(first, first)) first++;
  if (malformed !== undefined) return { entry: first, what: `the bundle ${malformed}` };
  if (first === width && count === width) return undefined;

  const rest = (held: number, true_: number): boolean => {
    const length = Math.min(count - held, width - true_);
    return hashesEqual(hashes, held, truth, true_, length);
  };
  if (count === width - 1 && rest(first, first + 1))
    return { entry: first, what: `the entry is missing: the bundle holds ${count} entries, not ${width}` };
  if (count === width + 1 && rest(first + 1, first)) {
    const twice = first > 0 && hashesEqual(hashes, first, hashes, first - 1, 1);
    const how = twice ? "the entry before it stands twice" : "an entry was put in here that the log does not have";
    return { entry: first, what: `${how}: the bundle holds ${count} entries, not ${width}` };
  }
  if (first === width || first === count)
    return { entry: first, what: `the bundle holds ${count} entries, not ${width}` };
  const others: number[] = [];
  for (let i = first + 1; i < Math.min(width, count); i++) if (!same(i, i)) others.push(i);
  const swapped = others[0];
  if (count === width && others.length === 1 && same(first, swapped!) && same(swapped!, first))
    return { entry: first, what: `stands in the place of the entry ${swapped! - first} after it, and that one in its` };
  const more = others.length === 0 ? "" : `; ${others.length} more of the bundle are not either`;
  const number = count === width ? "" : `; the bundle holds ${count} entries, not ${width}`;
  return { entry: first, what: `is not the entry that the log has here${more}${number}` };
}

/** The entries of a bundle that is well formed. */
export function* entriesOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; ) {
    const end = at + 2 + bytes[at]! * 256 + bytes[at + 1]!;
    yield bytes.subarray(at + 2, end);
    at = end;
  }
}
