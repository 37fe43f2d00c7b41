// Bytes to records: cut at LF, a CR before it told by a mark, NULs kept, empty lines passed over (they tell nothing; offsets go on).
// What is not UTF-8 keeps its bytes. A line of more than 16 MiB is told by its digest, its size and its beginning, and is
// never in memory as a whole.
import { isUtf8 } from "node:buffer";
import { createHash, type Hash } from "node:crypto";
import type { Placed } from "../input.ts";

export const longestLine = 16 * 1024 * 1024;
const keptOfLonger = 64 * 1024;

export interface Cut {
  readonly records: readonly Placed[];
  /** How many of the bytes were used; the next line begins there. */
  readonly used: number;
}

/**
 * The whole lines at the beginning of some bytes.
 * @param offset of the first byte
 * @param most records at most so many, of together about so many bytes (at least one)
 */
export function cutLines(
  bytes: Buffer,
  offset: number,
  read: number,
  most: { readonly records: number; readonly bytes: number },
): Cut {
  const records: Placed[] = [];
  const valid = isUtf8(bytes);
  let used = 0;
  while (records.length < most.records) {
    const lf = bytes.indexOf(10, used);
    if (lf === -1 || (lf >= most.bytes && records.length > 0)) break;
    const crlf = lf > used && bytes[lf - 1] === 13;
    const end = crlf ? lf - 1 : lf;
    if (end > used) records.push(placed(bytes.subarray(used, end), offset + lf + 1, read, { crlf, valid }));
    used = lf + 1;
  }
  return { records, used };
}

/**
 * A line without its end.
 * @param offset of the byte after its end
 * @param known of the line: whether its end was CR and LF, and whether it is surely UTF-8
 */
export function placed(
  line: Buffer,
  offset: number,
  read: number,
  { crlf, valid }: { readonly crlf: boolean; readonly valid: boolean },
): Placed {
  const text = line.toString("utf8");
  const ending = crlf ? ({ crlf } as const) : {};
  if (valid || isUtf8(line)) return { offset, record: { text, ...ending, read } };
  return { offset, record: { text, bytes: Buffer.from(line), ...ending, read } };
}

/** A line that is longer than what is read at once, while it is read piece by piece. */
export class LongLine {
  readonly #offset: number;
  readonly #hash: Hash = createHash("sha256");
  #pieces: Buffer[] = [];
  /** Bytes hashed: all but a CR that may belong to the end. */
  #size = 0;
  #cr = false;
  #next: number;

  /** @param offset of its first byte */
  constructor(offset: number) {
    this.#offset = offset;
    this.#next = offset;
  }

  /** Where it begins. */
  get offset(): number {
    return this.#offset;
  }

  /** Where the next piece begins. */
  get next(): number {
    return this.#next;
  }

  /** @returns whether its end is in this piece; what comes after that is not used */
  add(piece: Buffer): boolean {
    const lf = piece.indexOf(10);
    const part = lf === -1 ? piece : piece.subarray(0, lf);
    this.#next += lf === -1 ? piece.length : lf + 1;
    if (part.length > 0) {
      if (this.#cr) this.#take(Buffer.from("\r"));
      this.#cr = part[part.length - 1] === 13;
      this.#take(this.#cr ? part.subarray(0, -1) : part);
    }
    return lf !== -1;
  }

  /** The record, at the line's end or where nothing comes any more. @param ended by a line's end */
  record(read: number, ended: boolean): Placed {
    if (!ended && this.#cr) this.#take(Buffer.from("\r"));
    const kept = Buffer.concat(this.#pieces);
    const known = { crlf: ended && this.#cr, valid: false };
    if (this.#size <= longestLine) return placed(kept, this.#next, read, known);
    const { record } = placed(kept.subarray(0, keptOfLonger), this.#next, read, known);
    return { record, offset: this.#next, cut: { digest: this.#hash.copy().digest("hex"), size: this.#size } };
  }

  #take(bytes: Buffer): void {
    this.#hash.update(bytes);
    const fits = this.#size + bytes.length <= longestLine;
    this.#size += bytes.length;
    if (fits) this.#pieces.push(Buffer.from(bytes));
    else if (this.#pieces.length > 0) {
      const kept = Buffer.concat(this.#pieces).subarray(0, keptOfLonger);
      this.#pieces = [Buffer.from(Buffer.concat([kept, bytes.subarray(0, keptOfLonger)]).subarray(0, keptOfLonger))];
    }
  }
}
