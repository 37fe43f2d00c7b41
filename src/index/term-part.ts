// Terms of the newest events, in memory: a table from hash to the events that have it. Rare terms, which are most, take
// one place in two typed arrays; others get a list. The table is laid out by hash, so that writing it in order needs no
// great sort. Hashes are salted (term-hash.ts): nobody can crowd them.
import { NumberList } from "./number-list.ts";
import type { Order } from "./port.ts";
import { origin, type Span } from "./posting-list.ts";
import { isBefore } from "./term-block.ts";
import type { TermCursor } from "./term-search.ts";

const hashRange = 2 ** 53;
/** Places after the last home: whoever finds his taken goes on to the right. */
const overhang = 1024;
/** What things cost in memory, in units of about 64 bytes, which an event without terms may cost. */
const weights = { event: 1 / 4, entry: 1 / 8, hash: 1 / 2, list: 3 };

export class TermPart {
  /** Of the events that have terms, by their number here. */
  times = new Float64Array(64);
  seqs = new Float64Array(64);
  #events = 0;
  #homes = 512;
  #hashes = new Float64Array(this.#homes + overhang);
  /** 0: free; n > 0: only event n - 1 has it; n < 0: list -n - 1. */
  #values = new Int32Array(this.#homes + overhang);
  #distinct = 0;
  readonly #lists: NumberList[] = [];
  #rate: Span = origin;
  #weight = 0;

  /** Memory, in events without terms: bounds how much more this may take. */
  get weight(): number {
    return this.#weight;
  }

  get isEmpty(): boolean {
    return this.#events === 0;
  }

  /** First and last event: the rate at which numbers rise with time. */
  get rate(): Span {
    return this.#rate;
  }

  /** Starts an event, whose terms then follow one by one. */
  begin(time: number, seq: number): void {
    if (this.#events === this.times.length) {
      this.times = doubled(this.times);
      this.seqs = doubled(this.seqs);
    }
    this.times[this.#events] = time;
    this.seqs[this.#events] = seq;
    const { firstTime, lastTime, lastSeq } = this.#rate;
    if (this.#events === 0) this.#rate = { firstTime: time, firstSeq: seq, lastTime: time, lastSeq: seq };
    else if (time < firstTime) this.#rate = { ...this.#rate, firstTime: time, firstSeq: seq };
    else if (!isBefore(time, seq, lastTime, lastSeq)) this.#rate = { ...this.#rate, lastTime: time, lastSeq: seq };
    this.#events++;
    this.#weight += weights.event;
  }

  /** Takes a term of the event begun last; a term that it has already changes nothing. */
  add(hash: number): void {
    const number = this.#events - 1;
    let slot = this.#slot(hash);
    if (this.#distinct * 2 > this.#homes) {
      this.#grow();
      slot = this.#slot(hash);
    }
    const value = this.#values[slot]!;
    if (value === 0) {
      this.#hashes[slot] = hash;
      this.#values[slot] = number + 1;
      this.#distinct++;
      this.#weight += weights.entry + weights.hash;
    } else if (value > 0) {
      if (value - 1 === number) return;
      const list = new NumberList(this);
      list.push(value - 1, this.times[value - 1]!);
      list.push(number, this.times[number]!);
      this.#values[slot] = -this.#lists.push(list);
      this.#weight += weights.entry + weights.list;
    } else {
      const list = this.#lists[-value - 1]!;
      if (list.newest === number) return;
      list.push(number, this.times[number]!);
      this.#weight += weights.entry;
    }
  }

  /** The events that have the term, or undefined where none has. */
  cursor(hash: number, order: Order): TermCursor | undefined {
    const value = this.#values[this.#slot(hash)]!;
    return value === 0 ? undefined : new PartCursor(this, this.numbers(value), order);
  }

  /** Numbers of the events behind a value of the table, in order of time. */
  numbers(value: number): { readonly order: Uint32Array; readonly length: number } {
    return value > 0 ? { order: Uint32Array.of(value - 1), length: 1 } : this.#lists[-value - 1]!.ordered();
  }

  /** Every hash once, ascending, with its value. The table must not change meanwhile. */
  *sorted(): Generator<{ readonly hash: number; readonly value: number }> {
    const [hashes, values] = [this.#hashes, this.#values];
    const cluster: { hash: number; value: number }[] = [];
    // Whoever was pushed off his home stands within the same unbroken row of places taken: sorting these sorts all.
    for (let slot = 0; slot <= values.length; slot++) {
      const value = slot < values.length ? values[slot]! : 0;
      if (value !== 0) cluster.push({ hash: hashes[slot]!, value });
      else if (cluster.length > 0) {
        cluster.sort((a, b) => a.hash - b.hash);
        yield* cluster;
        cluster.length = 0;
      }
    }
  }

  /** The place of a hash, or the free one where it belongs. */
  #slot(hash: number): number {
    const [hashes, values] = [this.#hashes, this.#values];
    const length = values.length;
    for (let slot = Math.floor(hash * (this.#homes / hashRange)); slot < length; slot++)
      if (values[slot] === 0 || hashes[slot] === hash) return slot;
    // Half of the places are free and hashes are random: no row of places taken gets near to the overhang's length.
    throw new Error("the table of terms is crowded");
  }

  /** Twice the homes; what stands in the order of the hashes is written in that order. */
  #grow(): void {
    const [hashes, values] = [this.#hashes, this.#values];
    this.#homes *= 2;
    this.#hashes = new Float64Array(this.#homes + overhang);
    this.#values = new Int32Array(this.#homes + overhang);
    for (let from = 0; from < values.length; from++) {
      if (values[from] === 0) continue;
      const slot = this.#slot(hashes[from]!);
      this.#hashes[slot] = hashes[from]!;
      this.#values[slot] = values[from]!;
    }
  }
}

class PartCursor implements TermCursor {
  readonly #part: TermPart;
  readonly #order: Uint32Array;
  readonly #length: number;
  readonly #descending: boolean;
  time = 0;
  seq = 0;

  constructor(part: TermPart, numbers: { readonly order: Uint32Array; readonly length: number }, order: Order) {
    this.#part = part;
    this.#order = numbers.order;
    this.#length = numbers.length;
    this.#descending = order === "desc";
  }

  seek(time: number, seq: number): boolean {
    const { times, seqs } = this.#part;
    const order = this.#order;
    const wanted = this.#descending ? seq + 1 : seq;
    let low = 0;
    let high = this.#length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const number = order[middle]!;
      if (isBefore(times[number]!, seqs[number]!, time, wanted)) low = middle + 1;
      else high = middle;
    }
    const place = this.#descending ? low - 1 : low;
    if (place < 0 || place >= this.#length) return false;
    this.time = times[order[place]!]!;
    this.seq = seqs[order[place]!]!;
    return true;
  }
}

function doubled(array: Float64Array): Float64Array<ArrayBuffer> {
  const grown = new Float64Array(array.length * 2);
  grown.set(array);
  return grown;
}
