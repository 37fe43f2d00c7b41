// What went wrong lately, for an input's state: a trouble is told for an hour after it was last met, and how often.
import type { Clock } from "../clock.ts";

const toldForMs = 3_600_000;

export class Troubles {
  readonly #clock: Clock;
  readonly #met = new Map<string, { times: number; last: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param what one of few texts: never something a sender wrote */
  meet(what: string, times = 1): void {
    const before = this.#met.get(what);
    this.#met.delete(what);
    this.#met.set(what, { times: (before?.times ?? 0) + times, last: this.#clock.now() });
  }

  over(what: string): void {
    this.#met.delete(what);
  }

  /** All of the last hour, the latest first; null where all is well. */
  get text(): string | null {
    const since = this.#clock.now() - toldForMs;
    for (const [what, { last }] of this.#met) if (last < since) this.#met.delete(what);
    const texts = [...this.#met].map(([what, { times }]) => (times === 1 ? what : `${what} (${times} times)`));
    return texts.length === 0 ? null : texts.reverse().join("; ");
  }
}
