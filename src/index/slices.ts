// How background work shares the thread with queries: it runs in slices of a few milliseconds, one slice of one task per
// turn of the event loop. Work is counted, not timed, so that a run does not depend on the clock.

/** Pairs merged or encoded per slice; a list, a leaf or a row counts as several. About two milliseconds. */
export const sliceWork = 16_384;

/** Thrown inside background work that clear() or close() ended. */
export class Stopped extends Error {}

export class Turns {
  #last: Promise<void> = Promise.resolve();

  /** Resolves in a later turn of the event loop, each caller's in one of its own. */
  next(): Promise<void> {
    this.#last = this.#last.then(() => new Promise((resolve) => setImmediate(resolve)));
    return this.#last;
  }
}

/** One task's account of its work. */
export class Slice {
  readonly #turns: Turns;
  readonly #stopped: () => boolean;
  #work = 0;

  constructor(turns: Turns, stopped: () => boolean) {
    this.#turns = turns;
    this.#stopped = stopped;
  }

  /** Counts work; true when the slice is used up and pause() is due. */
  spend(work: number): boolean {
    this.#work += work;
    return this.#work >= sliceWork;
  }

  /** @throws Stopped where the work is no longer wanted */
  async pause(): Promise<void> {
    this.#work = 0;
    await this.#turns.next();
    if (this.#stopped()) throw new Stopped();
  }
}
