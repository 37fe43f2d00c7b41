// Cuts bytes into lines: at LF, without a CR before it. A line longer than 16 MiB is not kept whole, however long it is.

import { isUtf8 } from "node:buffer";
import { createHash, type Hash } from "node:crypto";
import type { Placed } from "../input.ts";

const longestLine = 16 * 1024 * 1024;
const keptOfLonger = 64 * 1024;

export class LineCutter {
  /** Offset of the first byte that was not cut off yet. */
  #at: number;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  /** Of a line beyond 16 MiB: its beginning is in #pending, the rest only in the digest. */
  #hash: Hash | undefined;

  constructor(offset: number) {
    this.#at = offset;
  }

  /** Bytes of the line that has no end yet. */
  get open(): number {
    return this.#pendingBytes;
  }

  /** @returns the lines that end in these bytes; empty ones tell nothing and are left out */
  push(bytes: Buffer, read: number): Placed[] {
    const lines: Placed[] = [];
    let from = 0;
    for (let lf = bytes.indexOf(10); lf !== -1; lf = bytes.indexOf(10, from)) {
      const line = this.#finish(bytes.subarray(from, lf), 1, read);
      if (line !== undefined) lines.push(line);
      from = lf + 1;
    }
    if (from < bytes.length) this.#keep(bytes.subarray(from));
    return lines;
  }

  /** The line without an end as a line: nothing will be added to it. */
  flush(read: number): Placed | undefined {
    return this.#pendingBytes === 0 ? undefined : this.#finish(Buffer.alloc(0), 0, read);
  }

  #keep(piece: Buffer): void {
    this.#pendingBytes += piece.length;
    if (this.#hash !== undefined) this.#hash.update(piece);
    else {
      // A copy: the buffer that it is a part of is used again.
      this.#pending.push(Buffer.from(piece));
      if (this.#pendingBytes > longestLine) {
        const all = Buffer.concat(this.#pending);
        this.#hash = createHash("sha256").update(all);
        this.#pending = [all.subarray(0, keptOfLonger)];
      }
    }
  }

  #finish(last: Buffer, ending: number, read: number): Placed | undefined {
    if (this.#hash !== undefined || this.#pendingBytes + last.length > longestLine) {
      this.#keep(last);
      const cut = { digest: this.#hash!.digest("hex"), size: this.#pendingBytes };
      const text = Buffer.concat(this.#pending).subarray(0, keptOfLonger).toString("utf8");
      this.#next(this.#pendingBytes + ending);
      return { record: { text, read }, offset: this.#at, cut };
    }
    const whole = this.#pending.length === 0 ? last : Buffer.concat([...this.#pending, last]);
    this.#next(whole.length + ending);
    const crlf = ending === 1 && whole.at(-1) === 13;
    const line = crlf ? whole.subarray(0, -1) : whole;
    if (line.length === 0) return undefined;
    const bytes = isUtf8(line) ? {} : { bytes: Buffer.from(line) };
    return { record: { text: line.toString("utf8"), ...bytes, ...(crlf ? { crlf } : {}), read }, offset: this.#at };
  }

  #next(bytes: number): void {
    this.#at += bytes;
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#hash = undefined;
  }
}
