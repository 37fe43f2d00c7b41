// The bytes of a list: blocks of up to 512 (time, seq) pairs sorted by time, then seq, as deltas in varints. Owns the
// codec, pure; knows no file. Seqs go up to 2^52 and times to 2^48: no 32-bit operator on a value, and sums of two stay
// safe integers.
// An account's events arrive at a roughly steady rate while one block fills, so a pair's seq is predicted from its time
// by the block's own slope, and only what the prediction missed is written: mostly one byte.

/** Pairs in a full block. */
export const blockPairs = 512;

/** Sorted pairs, decoded: the first `count` places of both arrays. */
export interface Pairs {
  readonly times: Float64Array;
  readonly seqs: Float64Array;
  readonly count: number;
}

/** First and last pair of a list or block. */
export interface Span {
  readonly firstTime: number;
  readonly firstSeq: number;
  readonly lastTime: number;
  readonly lastSeq: number;
}

/** Growing bytes. Signed numbers keep their sign in the first byte, so that doubling never leaves the safe integers. */
export class ByteWriter {
  #bytes = new Uint8Array(4096);
  length = 0;

  unsigned(value: number): void {
    this.#reserve(8);
    const bytes = this.#bytes;
    let rest = value;
    let at = this.length;
    while (rest >= 128) {
      const high = Math.floor(rest / 128);
      bytes[at++] = rest - high * 128 + 128;
      rest = high;
    }
    bytes[at++] = rest;
    this.length = at;
  }

  signed(value: number): void {
    if (value < 0) this.flagged(1, -value);
    else this.flagged(0, value);
  }

  /** A number with one bit beside it, which is what a sign is. */
  flagged(flag: 0 | 1, magnitude: number): void {
    if (magnitude < 64) {
      this.#reserve(1);
      this.#bytes[this.length++] = magnitude * 2 + flag;
      return;
    }
    const high = Math.floor(magnitude / 64);
    this.#reserve(1);
    this.#bytes[this.length++] = 128 + (magnitude - high * 64) * 2 + flag;
    this.unsigned(high);
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** What was written, as a view that the next write may change. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }

  clear(): void {
    this.length = 0;
  }

  #reserve(more: number): void {
    if (this.length + more <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.length + more));
    grown.set(this.view());
    this.#bytes = grown;
  }
}

export class ByteReader {
  readonly bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  unsigned(): number {
    const bytes = this.bytes;
    let byte = bytes[this.at++]!;
    if (byte < 128) return byte;
    let value = byte & 127;
    let scale = 128;
    do {
      byte = bytes[this.at++]!;
      value += (byte & 127) * scale;
      scale *= 128;
    } while (byte >= 128);
    return value;
  }

  signed(): number {
    const negative = this.flag();
    const magnitude = this.magnitude();
    return negative ? -magnitude : magnitude;
  }

  /** The bit beside the flagged number that comes next, which magnitude() then reads. */
  flag(): boolean {
    return (this.bytes[this.at]! & 1) === 1;
  }

  magnitude(): number {
    const byte = this.bytes[this.at++]!;
    const low = (byte & 127) >> 1;
    return byte < 128 ? low : low + this.unsigned() * 64;
  }

  raw(length: number): Uint8Array {
    const start = this.at;
    this.at += length;
    this.check();
    return this.bytes.subarray(start, this.at);
  }

  /** @throws Error where reading went past the end: the bytes are not what was written. */
  check(): void {
    if (!(this.at <= this.bytes.length)) throw damaged("it ends too early");
  }
}

export function damaged(why: string): Error {
  return new Error(`an index file is damaged (${why}): delete the index directory or run \`taishi reindex\``);
}

/** Above every seq that can be written. */
export const seqLimit = 2 ** 52;

/** First and last of the pairs [from, from + count). */
export function spanOf(times: Float64Array, seqs: Float64Array, from: number, count: number): Span {
  const last = from + count - 1;
  return { firstTime: times[from]!, firstSeq: seqs[from]!, lastTime: times[last]!, lastSeq: seqs[last]! };
}

export const origin: Span = { firstTime: 0, firstSeq: 0, lastTime: 0, lastSeq: 0 };

/** How far seqs are expected to go on in `step` milliseconds, at the rate of a span; 0 where that says nothing. */
export function expectedRise(span: Span, step: number): number {
  const width = span.lastTime - span.firstTime;
  if (width === 0) return 0;
  const rise = Math.round((step * (span.lastSeq - span.firstSeq)) / width);
  return Math.abs(rise) < seqLimit ? rise : 0;
}

/** Writes a span of `count` pairs relative to the span before it, whose rate it is expected to share. */
export function writeSpan(out: ByteWriter, span: Span, count: number, before: Span): void {
  const step = span.firstTime - before.firstTime;
  out.signed(step);
  out.signed(span.firstSeq - before.firstSeq - expectedRise(before, step));
  if (count === 1) return;
  const width = span.lastTime - span.firstTime;
  out.unsigned(width);
  out.signed(span.lastSeq - span.firstSeq - expectedRise(before, width));
}

export function readSpan(reader: ByteReader, count: number, before: Span): Span {
  const step = reader.signed();
  const firstTime = before.firstTime + step;
  const firstSeq = before.firstSeq + expectedRise(before, step) + reader.signed();
  if (count === 1) return { firstTime, firstSeq, lastTime: firstTime, lastSeq: firstSeq };
  const width = reader.unsigned();
  return {
    firstTime,
    firstSeq,
    lastTime: firstTime + width,
    lastSeq: firstSeq + expectedRise(before, width) + reader.signed(),
  };
}

/** Writes the pairs between the first and the last, which the span already says. */
export function writeBody(
  out: ByteWriter,
  span: Span,
  times: Float64Array,
  seqs: Float64Array,
  from: number,
  count: number,
): void {
  const width = span.lastTime - span.firstTime;
  const rise = width > 0 ? span.lastSeq - span.firstSeq : 0;
  let time = span.firstTime;
  let seq = span.firstSeq;
  for (let i = from + 1; i < from + count - 1; i++) {
    const step = times[i]! - time;
    const expected = rise === 0 ? 0 : Math.round((step * rise) / width);
    out.unsigned(step);
    out.signed(seqs[i]! - seq - expected);
    time = times[i]!;
    seq = seqs[i]!;
  }
}

/** The pairs of a block whose span is known. @throws Error where the bytes are damaged */
export function readBody(reader: ByteReader, span: Span, count: number): Pairs {
  const times = new Float64Array(count);
  const seqs = new Float64Array(count);
  const width = span.lastTime - span.firstTime;
  const rise = width > 0 ? span.lastSeq - span.firstSeq : 0;
  let time = span.firstTime;
  let seq = span.firstSeq;
  times[0] = time;
  seqs[0] = seq;
  for (let i = 1; i < count - 1; i++) {
    const step = reader.unsigned();
    const expected = rise === 0 ? 0 : Math.round((step * rise) / width);
    time += step;
    seq += expected + reader.signed();
    times[i] = time;
    seqs[i] = seq;
  }
  reader.check();
  times[count - 1] = span.lastTime;
  seqs[count - 1] = span.lastSeq;
  return { times, seqs, count };
}

/** A block that stands alone: span and body. */
export function writeBlock(
  out: ByteWriter,
  times: Float64Array,
  seqs: Float64Array,
  from: number,
  count: number,
): void {
  const span = spanOf(times, seqs, from, count);
  writeSpan(out, span, count, origin);
  writeBody(out, span, times, seqs, from, count);
}

/** @throws Error where the bytes are damaged */
export function readBlock(bytes: Uint8Array, count: number): Pairs {
  const reader = new ByteReader(bytes);
  return readBody(reader, readSpan(reader, count, origin), count);
}

/** How many of the pairs stand before (time, seq). */
export function rankIn(pairs: Pairs, time: number, seq: number): number {
  const { times, seqs } = pairs;
  let low = 0;
  let high = pairs.count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const at = times[middle]!;
    if (at < time || (at === time && seqs[middle]! < seq)) low = middle + 1;
    else high = middle;
  }
  return low;
}
