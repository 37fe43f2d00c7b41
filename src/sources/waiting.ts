// What a join holds while it waits for the rest: items by key, oldest first, with the records they rest on, bounded in
// number, bytes and age. What does not fit any more comes out oldest first, for the join to tell it incomplete.
import type { RawRecord } from "./source.ts";

const mostRecords = 1_000;
const mostBytes = 4 * 1024 * 1024;

interface Held<Value> {
  readonly value: Value;
  readonly records: RawRecord[];
  /** When its first record was taken. */
  readonly since: number;
}

export interface Released<Key, Value> {
  readonly key: Key;
  readonly value: Value;
  readonly records: readonly RawRecord[];
}

export class Waiting<Key, Value> {
  readonly #held = new Map<Key, Held<Value>>();
  /** In the order they were taken: items overlap. */
  readonly #order = new Set<RawRecord>();
  readonly #ageMs: number;
  #bytes = 0;

  /** @param ageMs how long an item waits, from the time its first record was read */
  constructor(ageMs: number) {
    this.#ageMs = ageMs;
  }

  get(key: Key): Value | undefined {
    return this.#held.get(key)?.value;
  }

  has(key: Key): boolean {
    return this.#held.has(key);
  }

  /** Adds a record to the item of this key, which `make` makes where it is not there yet. */
  add(key: Key, record: RawRecord, make: () => Value): Value {
    let held = this.#held.get(key);
    if (held === undefined) {
      held = { value: make(), records: [], since: record.read };
      this.#held.set(key, held);
    }
    held.records.push(record);
    this.#order.add(record);
    this.#bytes += record.text.length;
    return held.value;
  }

  /** The records of the item of this key, which goes on waiting. */
  recordsOf(key: Key): readonly RawRecord[] | undefined {
    return this.#held.get(key)?.records;
  }

  /** Takes the item out. */
  release(key: Key): Released<Key, Value> | undefined {
    const held = this.#held.get(key);
    if (held === undefined) return undefined;
    this.#held.delete(key);
    for (const record of held.records) {
      this.#order.delete(record);
      this.#bytes -= record.text.length;
    }
    return { key, value: held.value, records: held.records };
  }

  /** Takes out what is older than it may be, and the oldest while there is too much; to be asked after every record. */
  overdue(now: number): readonly Released<Key, Value>[] {
    const out: Released<Key, Value>[] = [];
    for (const [key, { since }] of this.#held) {
      const tooMuch = this.#order.size > mostRecords || this.#bytes > mostBytes;
      if (!tooMuch && since > now - this.#ageMs) break;
      out.push(this.release(key)!);
    }
    return out;
  }

  /** Takes out everything, oldest first. */
  all(): readonly Released<Key, Value>[] {
    return [...this.#held.keys()].map((key) => this.release(key)!);
  }

  records(): readonly RawRecord[] {
    return [...this.#order];
  }
}
