// What two great multisets of (list, time, seq) do not have in common, in bounded memory and one pass over each, in any
// order. Per group (an account) a sum of 128-bit marks: it is zero where both sides had the same pairs the same number of
// times. Beside it cells that hold a few of the pairs that differ, however many do, so that one can be named.
// A pair's mark is AES-128 in CBC over (list, position) under a key made for this pass: who edits an index cannot aim.
import { createCipheriv, hash, randomBytes } from "node:crypto";
import { damaged } from "./posting-list.ts";

/** Pairs marked in one go. */
const batch = 2048;
const blockWords = 4;
/** A pair is in one cell: of the row its mark's leading zeros say, so that some row holds few, whatever their number. */
const rowCells = 64;
const cellRows = 33;
/** In a cell: how many, and the sums of group, list (4), time (2), seq (2) and mark (4), modulo 2^32. */
const cellWords = 14;
const upper = 2 ** 32;

/** 128 bits that stand for a list. */
export type ListMark = Int32Array;

export interface Difference {
  readonly group: number;
  /** How many more pairs were expected than found. */
  readonly lacking: number;
}

/** A pair that only one side has. */
export interface OddPair {
  readonly group: number;
  readonly expected: boolean;
  readonly list: ListMark;
  readonly time: number;
  readonly seq: number;
}

export class DifferenceSketch {
  readonly #secret = randomBytes(32);
  readonly #cipher = createCipheriv("aes-128-ecb", randomBytes(16), null).setAutoPadding(false);
  readonly #lists = new Int32Array(batch * blockWords);
  readonly #places = new Int32Array(batch * blockWords);
  readonly #groups = new Int32Array(batch);
  readonly #sides = new Int8Array(batch);
  readonly #marks = new Int32Array(batch * blockWords);
  #waiting = 0;
  #sums = new Int32Array(64 * blockWords);
  #lacking = new Float64Array(64);
  readonly #cells = new Int32Array(cellRows * rowCells * cellWords);

  /** The mark of a list with this name. */
  markOf(name: Uint8Array): ListMark {
    const digest = hash("sha256", Buffer.concat([this.#secret, name]), "buffer");
    return Int32Array.from({ length: blockWords }, (_, i) => digest.readInt32LE(4 * i));
  }

  /** @param group small numbers from 0 on. @throws Error where time or seq is no number that can be */
  add(expected: boolean, group: number, list: ListMark, time: number, seq: number): void {
    this.addWords(expected, group, list[0]!, list[1]!, list[2]!, list[3]!, time, seq);
  }

  /** The same with a list's mark given in its words; any four that stand for one list alone. */
  addWords(
    expected: boolean,
    group: number,
    list0: number,
    list1: number,
    list2: number,
    list3: number,
    time: number,
    seq: number,
  ): void {
    if (!(time >= 0 && seq >= 0 && Number.isSafeInteger(time) && Number.isSafeInteger(seq)))
      throw damaged(`it says time ${time}, number ${seq}`);
    const at = this.#waiting * blockWords;
    const [lists, places] = [this.#lists, this.#places];
    lists[at] = list0;
    lists[at + 1] = list1;
    lists[at + 2] = list2;
    lists[at + 3] = list3;
    places[at] = time % upper;
    places[at + 1] = time / upper;
    places[at + 2] = seq % upper;
    places[at + 3] = seq / upper;
    this.#groups[this.#waiting] = group;
    this.#sides[this.#waiting] = expected ? 1 : -1;
    if (++this.#waiting === batch) this.#flush();
  }

  /** The groups whose sides differ. */
  differences(): readonly Difference[] {
    this.#flush();
    const found: Difference[] = [];
    for (let group = 0; group < this.#lacking.length; group++) {
      const lacking = this.#lacking[group]!;
      const sum = this.#sums.subarray(group * blockWords, (group + 1) * blockWords);
      if (lacking !== 0 || sum.some((word) => word !== 0)) found.push({ group, lacking });
    }
    return found;
  }

  /** Some of the pairs that only one side has; with a difference there is one all but surely. */
  oddPairs(): readonly OddPair[] {
    this.#flush();
    const found: OddPair[] = [];
    for (let at = 0; at < this.#cells.length; at += cellWords) {
      const side = this.#cells[at]!;
      if (side !== 1 && side !== -1) continue;
      const words = this.#cells.subarray(at + 1, at + cellWords).map((word) => word * side);
      const [group = 0, ...rest] = words;
      const list = Int32Array.from(rest.slice(0, 4));
      const place = Int32Array.from(rest.slice(4, 8));
      // Several that came to one cell may look like one; their mark does not.
      const mark = this.#mark(list, place);
      if (!mark.every((word, i) => word === rest[8 + i])) continue;
      const [time, seq] = [
        (place[1]! >>> 0) * upper + (place[0]! >>> 0),
        (place[3]! >>> 0) * upper + (place[2]! >>> 0),
      ];
      found.push({ group, expected: side === 1, list, time, seq });
    }
    return found;
  }

  #flush(): void {
    const count = this.#waiting;
    if (count === 0) return;
    this.#waiting = 0;
    const words = count * blockWords;
    const marks = this.#marks;
    const bytes = new Uint8Array(marks.buffer, 0, words * 4);
    bytes.set(this.#cipher.update(new Uint8Array(this.#lists.buffer, 0, words * 4)));
    for (let i = 0; i < words; i++) marks[i]! ^= this.#places[i]!;
    bytes.set(this.#cipher.update(bytes));
    for (let i = 0; i < count; i++) this.#take(i);
  }

  #take(i: number): void {
    const side = this.#sides[i]!;
    const group = this.#groups[i]!;
    if (group >= this.#lacking.length) this.#grow(group);
    this.#lacking[group]! += side;
    const [marks, lists, places, sums, cells] = [this.#marks, this.#lists, this.#places, this.#sums, this.#cells];
    const from = i * blockWords;
    const to = group * blockWords;
    let cell = (Math.clz32(marks[from]!) * rowCells + (marks[from + 1]! & (rowCells - 1))) * cellWords;
    cells[cell++]! += side;
    cells[cell++]! += side * group;
    for (let word = 0; word < blockWords; word++) {
      const mark = side * marks[from + word]!;
      sums[to + word]! += mark;
      cells[cell + word]! += side * lists[from + word]!;
      cells[cell + 4 + word]! += side * places[from + word]!;
      cells[cell + 8 + word]! += mark;
    }
  }

  #mark(list: Int32Array, place: Int32Array): Int32Array {
    const encipher = (block: Int32Array): Int32Array => {
      const out = new Uint8Array(16);
      out.set(this.#cipher.update(new Uint8Array(block.buffer, block.byteOffset, 16)));
      return new Int32Array(out.buffer);
    };
    return encipher(encipher(list).map((word, i) => word ^ place[i]!));
  }

  #grow(group: number): void {
    const groups = Math.max(group + 1, this.#lacking.length * 2);
    const sums = new Int32Array(groups * blockWords);
    sums.set(this.#sums);
    this.#sums = sums;
    const lacking = new Float64Array(groups);
    lacking.set(this.#lacking);
    this.#lacking = lacking;
  }
}
