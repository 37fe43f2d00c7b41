// The bytes of term lists: entries (hash, time, seq) sorted by these, in blocks that stand alone. Owns the codec, pure;
// knows no file. A block is its count, a span of time and number that says the rate at which numbers rise with time, and
// then per entry either how far the hash rises, with time and seq relative to the span, or – where the hash is that of
// the entry before – how far time and seq rise. What the rate predicts of a seq is not written, as in posting-list.ts.
import {
  ByteReader,
  ByteWriter,
  blockPairs,
  damaged,
  expectedRise,
  origin,
  readSpan,
  type Span,
  writeSpan,
} from "./posting-list.ts";

/** Bytes after which a block is closed; four of them fill a page (run-writer.ts). */
const blockBytes = 4020;

/** Sorted entries, decoded: the first `count` places of the arrays. */
export interface TermBlock {
  readonly hashes: Float64Array;
  readonly times: Float64Array;
  readonly seqs: Float64Array;
  readonly count: number;
  /** What the writer expected, for a merge to expect the like. */
  readonly rate: Span;
}

/** Whether (time, seq) comes before (otherTime, otherSeq). */
export function isBefore(time: number, seq: number, otherTime: number, otherSeq: number): boolean {
  return time < otherTime || (time === otherTime && seq < otherSeq);
}

/** Takes entries in order and gives finished blocks to `emit`, with their first entry; the bytes are only lent. */
export class TermBlockWriter {
  readonly #rate: Span;
  readonly #emit: (hash: number, time: number, seq: number, bytes: Uint8Array) => void;
  readonly #body = new ByteWriter();
  readonly #whole = new ByteWriter();
  #count = 0;
  #firstHash = 0;
  #firstTime = 0;
  #firstSeq = 0;
  #hash = 0;
  #time = 0;
  #seq = 0;

  constructor(rate: Span, emit: (hash: number, time: number, seq: number, bytes: Uint8Array) => void) {
    this.#rate = rate;
    this.#emit = emit;
  }

  add(hash: number, time: number, seq: number): void {
    if (this.#count === blockPairs || this.#body.length > blockBytes) this.flush();
    const body = this.#body;
    if (this.#count > 0 && hash === this.#hash) {
      const step = time - this.#time;
      body.flagged(1, step);
      body.signed(seq - this.#seq - expectedRise(this.#rate, step));
    } else {
      if (this.#count === 0) {
        this.#firstHash = hash;
        this.#firstTime = time;
        this.#firstSeq = seq;
        this.#hash = 0;
      }
      const step = time - this.#rate.firstTime;
      body.flagged(0, hash - this.#hash);
      body.signed(step);
      body.signed(seq - this.#rate.firstSeq - expectedRise(this.#rate, step));
    }
    this.#hash = hash;
    this.#time = time;
    this.#seq = seq;
    this.#count++;
  }

  /** Ends the block at hand. */
  flush(): void {
    if (this.#count === 0) return;
    const whole = this.#whole;
    whole.clear();
    whole.unsigned(this.#count);
    writeSpan(whole, this.#rate, 2, origin);
    whole.raw(this.#body.view());
    this.#body.clear();
    this.#count = 0;
    this.#emit(this.#firstHash, this.#firstTime, this.#firstSeq, whole.view());
  }
}

/** @throws Error where the bytes are damaged */
export function readTermBlock(bytes: Uint8Array): TermBlock {
  const reader = new ByteReader(bytes);
  const count = reader.unsigned();
  if (!(count > 0 && count <= blockPairs)) throw damaged("a block of terms cannot be read");
  const rate = readSpan(reader, 2, origin);
  const hashes = new Float64Array(count);
  const times = new Float64Array(count);
  const seqs = new Float64Array(count);
  let hash = 0;
  let time = 0;
  let seq = 0;
  for (let i = 0; i < count; i++) {
    if (reader.flag()) {
      const step = reader.magnitude();
      time += step;
      seq += expectedRise(rate, step) + reader.signed();
    } else {
      hash += reader.magnitude();
      const step = reader.signed();
      time = rate.firstTime + step;
      seq = rate.firstSeq + expectedRise(rate, step) + reader.signed();
    }
    hashes[i] = hash;
    times[i] = time;
    seqs[i] = seq;
  }
  reader.check();
  return { hashes, times, seqs, count, rate };
}

/** How many of the entries stand before (hash, time, seq). */
export function rankInTerms(block: TermBlock, hash: number, time: number, seq: number): number {
  const { hashes, times, seqs } = block;
  let low = 0;
  let high = block.count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const at = hashes[middle]!;
    if (at < hash || (at === hash && isBefore(times[middle]!, seqs[middle]!, time, seq))) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The least span that holds both: the rate of what was written at two rates. */
export function joinRates(a: Span, b: Span): Span {
  const first = isBefore(a.firstTime, a.firstSeq, b.firstTime, b.firstSeq) ? a : b;
  const last = isBefore(a.lastTime, a.lastSeq, b.lastTime, b.lastSeq) ? b : a;
  return {
    firstTime: first.firstTime,
    firstSeq: first.firstSeq,
    lastTime: last.lastTime,
    lastSeq: last.lastSeq,
  };
}
