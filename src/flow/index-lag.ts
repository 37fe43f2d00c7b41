// Whether the index keeps up with the ledger: not whether it covers the last entry, which under appends it hardly ever does
// for long, but what was there as long ago as a query would wait for it. At a start it must first cover what was there then.

/** How long a query waits for the index to reach the ledger before it is refused. */
export const indexWaitMs = 5_000;

export class IndexLag {
  readonly #waitMs: number;
  /** How large the ledger was at each look since that long ago, and at the one before; oldest first. */
  readonly #looks: { readonly time: number; readonly size: number }[] = [];
  #covered = 0;

  constructor(waitMs = indexWaitMs) {
    this.#waitMs = waitMs;
  }

  /** @param progress sums over all logs, as of `time` (ms) */
  look(time: number, progress: { readonly covered: number; readonly size: number }): void {
    this.#looks.push({ time, size: progress.size });
    this.#covered = progress.covered;
    while (this.#looks.length > 1 && this.#looks[1]!.time <= time - this.#waitMs) this.#looks.shift();
  }

  /** As of the last look. */
  get keepsUp(): boolean {
    return this.#covered >= (this.#looks[0]?.size ?? 0);
  }
}
