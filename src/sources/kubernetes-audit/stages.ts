// Which stages were seen of requests that are not over: a first stage waits for the response, and of what was told when it
// began it is known that it was, until its end comes. Bounded as the contract says; what was told is forgotten first.
import type { RawRecord } from "../source.ts";

const mostRecords = 1_000;
const mostBytes = 4 * 1024 * 1024;
/** A session may be this long and its end is still known as one. */
const rememberedMs = 24 * 60 * 60 * 1000;

export interface Held<Value> {
  readonly value: Value;
  readonly record: RawRecord;
  /** In which order they were taken. */
  readonly turn: number;
}

export class Stages<Value> {
  readonly #waiting = new Map<string, Held<Value>>();
  readonly #told = new Map<string, Held<Value>>();
  readonly #waitMs: number;
  #turn = 0;
  #bytes = 0;

  /** @param waitMs how long a first stage waits, from when it was read */
  constructor(waitMs: number) {
    this.#waitMs = waitMs;
  }

  /** @returns what was waiting under this key, given up for it */
  wait(key: string, value: Value, record: RawRecord): Held<Value> | undefined {
    return this.#put(this.#waiting, key, value, record);
  }

  tell(key: string, value: Value, record: RawRecord): void {
    this.#put(this.#told, key, value, record);
  }

  /** Takes out what waits. */
  release(key: string): Held<Value> | undefined {
    return this.#take(this.#waiting, key);
  }

  /** Whether it was told when it began; asked once, at its end. */
  wasTold(key: string): boolean {
    return this.#take(this.#told, key) !== undefined;
  }

  /** Takes out what waits too long, and the oldest while there is too much; to be asked after every record. */
  overdue(now: number): readonly Held<Value>[] {
    for (const [key, { record }] of this.#told) {
      if (record.read > now - rememberedMs && !this.#isTooMuch()) break;
      this.#take(this.#told, key);
    }
    const out: Held<Value>[] = [];
    for (const [key, { record }] of this.#waiting) {
      if (record.read > now - this.#waitMs && !this.#isTooMuch()) break;
      out.push(this.#take(this.#waiting, key)!);
    }
    return out;
  }

  /** Takes out all that waits, oldest first. */
  all(): readonly Held<Value>[] {
    this.#told.clear();
    return [...this.#waiting.keys()].map((key) => this.#take(this.#waiting, key)!);
  }

  records(): readonly RawRecord[] {
    return [...this.#told.values(), ...this.#waiting.values()]
      .sort((a, b) => a.turn - b.turn)
      .map(({ record }) => record);
  }

  #isTooMuch(): boolean {
    return this.#told.size + this.#waiting.size > mostRecords || this.#bytes > mostBytes;
  }

  #put(held: Map<string, Held<Value>>, key: string, value: Value, record: RawRecord): Held<Value> | undefined {
    const before = this.#take(held, key);
    held.set(key, { value, record, turn: this.#turn++ });
    this.#bytes += record.text.length;
    return before;
  }

  #take(held: Map<string, Held<Value>>, key: string): Held<Value> | undefined {
    const item = held.get(key);
    if (item === undefined) return undefined;
    held.delete(key);
    this.#bytes -= item.record.text.length;
    return item;
  }
}
