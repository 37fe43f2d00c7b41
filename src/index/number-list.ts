// Numbers of events in the order of their times, growing. Owns how late events get in: they are put into order when
// somebody looks, not when they come. Knows nothing of keys, files or filters.

/** Where the times of a list's events stand, by number. */
export interface EventTimes {
  readonly times: Float64Array;
}

export class NumberList {
  readonly #owner: EventTimes;
  /** The first `length` are in order of (time, number). */
  order = new Uint32Array(4);
  length = 0;
  /** Events that came after a later one, not yet put into order. */
  #late: number[] | undefined;

  constructor(owner: EventTimes) {
    this.#owner = owner;
  }

  get count(): number {
    return this.length + (this.#late?.length ?? 0);
  }

  /** The number pushed last, as long as nobody looked since. */
  get newest(): number {
    const late = this.#late;
    const ordered = this.length === 0 ? -1 : this.order[this.length - 1]!;
    return late === undefined ? ordered : Math.max(ordered, late[late.length - 1]!);
  }

  /** Takes an event; numbers only grow. */
  push(number: number, time: number): void {
    if (this.length > 0 && this.#owner.times[this.order[this.length - 1]!]! > time) {
      this.#late ??= [];
      this.#late.push(number);
      return;
    }
    this.#reserve(this.length + 1);
    this.order[this.length++] = number;
  }

  /** This list with all its events in order, which every other question needs. */
  ordered(): this {
    const late = this.#late;
    if (late === undefined) return this;
    const { times } = this.#owner;
    late.sort((a, b) => times[a]! - times[b]! || a - b);
    this.#reserve(this.length + late.length);
    const order = this.order;
    // From the back, so that only what stands after the earliest late event moves.
    let from = this.length - 1;
    let to = this.length + late.length - 1;
    for (let i = late.length - 1; i >= 0; to--) {
      const number = late[i]!;
      const other = from >= 0 ? order[from]! : -1;
      // At equal times what stands in order came first: a late event is never before its equals.
      if (other >= 0 && times[other]! > times[number]!) {
        order[to] = other;
        from--;
      } else {
        order[to] = number;
        i--;
      }
    }
    this.length += late.length;
    this.#late = undefined;
    return this;
  }

  #reserve(length: number): void {
    if (length <= this.order.length) return;
    const grown = new Uint32Array(Math.max(length, this.order.length * 2));
    grown.set(this.order.subarray(0, this.length));
    this.order = grown;
  }
}
