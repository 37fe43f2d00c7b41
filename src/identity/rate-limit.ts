// How often one access key may ask. A token bucket per key, kept as a single number: the time at which the bucket will be
// full again (the generic cell rate algorithm, the same rule). A bucket that is full again needs no memory, so forgetting
// it changes nothing; memory is bounded by forgetting the least recently used beyond that. Keeps no timer.
import type { Clock } from "../clock.ts";
import { Fatal } from "../errors.ts";

export interface RateLimitOptions {
  /** Requests per second that a key may sustain; above 0, fractions are fine. */
  readonly rate: number;
  /** Requests that a key may make at once after a pause, at least 1. */
  readonly burst: number;
  readonly clock: Clock;
  /** Most buckets remembered, default 10,000. */
  readonly maxBuckets?: number;
}

/** Forgives the rounding of sums of fractions of a millisecond. */
const toleranceMs = 1e-3;

export class RateLimit {
  readonly #intervalMs: number;
  readonly #capacityMs: number;
  readonly #maxBuckets: number;
  readonly #clock: Clock;
  /** When each bucket is full again; in order of last use. */
  readonly #fullAt = new Map<string, number>();

  /** @throws Fatal on limits that cannot be meant */
  constructor({ rate, burst, clock, maxBuckets = 10_000 }: RateLimitOptions) {
    if (!(Number.isFinite(rate) && rate > 0 && Number.isFinite(burst) && burst >= 1 && maxBuckets >= 1))
      throw new Fatal(`a rate limit of ${rate} per second with bursts of ${burst} cannot be kept`, {
        hint: "The rate must be above 0 and the burst at least 1.",
      });
    this.#intervalMs = 1_000 / rate;
    this.#capacityMs = this.#intervalMs * burst;
    this.#maxBuckets = maxBuckets;
    this.#clock = clock;
  }

  /** How many buckets are remembered. */
  get size(): number {
    return this.#fullAt.size;
  }

  /** Takes one request's worth: true, or the whole seconds (at least 1) after which trying again will succeed. */
  take(key: string): true | number {
    const now = this.#clock.now();
    // Never beyond an empty bucket, so that a clock set back does not lock anyone out.
    const fullAt = Math.min(Math.max(this.#fullAt.get(key) ?? now, now), now + this.#capacityMs);
    this.#fullAt.delete(key);
    const next = fullAt + this.#intervalMs;
    const waitMs = next - now - this.#capacityMs;
    const granted = waitMs <= toleranceMs;
    this.#fullAt.set(key, granted ? next : fullAt);
    this.#forget(now);
    return granted ? true : Math.max(1, Math.ceil((waitMs - toleranceMs) / 1_000));
  }

  #forget(now: number): void {
    // The two least recently used are looked at, so what has filled up goes faster than it comes.
    let looked = 0;
    for (const [key, fullAt] of this.#fullAt) {
      const over = this.#fullAt.size > this.#maxBuckets;
      if (!over && (fullAt > now || looked >= 2)) return;
      this.#fullAt.delete(key);
      looked++;
    }
  }
}
