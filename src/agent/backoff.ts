// Waiting between attempts: longer from one to the next, and short again once one went well.
const longestMs = 30_000;

export class Backoff {
  readonly #firstMs: number;
  #nextMs: number;

  constructor(firstMs = 500) {
    this.#firstMs = firstMs;
    this.#nextMs = firstMs;
  }

  wentWell(): void {
    this.#nextMs = this.#firstMs;
  }

  /** Resolves after the time, or when the signal aborts. */
  wait(signal: AbortSignal): Promise<void> {
    const ms = this.#nextMs;
    this.#nextMs = Math.min(longestMs, ms * 2);
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener("abort", done);
    });
  }
}
