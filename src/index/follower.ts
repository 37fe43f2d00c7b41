// Follows the ledger into an index. Owns who is behind and who waits; never decides what is in the ledger. Commits come
// live with their facts; gaps (a start, a commit without facts, a rebuild) are read from the ledger a bundle at a time,
// so that the thread stays free for queries. I6: reached() is how a query waits for what was acknowledged. What goes
// wrong is kept, told to everybody who waits, and tried again.
import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import { TaishiError } from "../errors.ts";
import { parseEntry } from "../event/entry.ts";
import { type FactBatch, factsOf } from "../event/stream.ts";
import type { LogReader } from "../ledger/port.ts";
import type { IndexStore } from "./port.ts";

/** Entries read at a time: a bundle of the ledger, so that none is decompressed twice. */
const sliceEntries = 256;
/** Facts taken live after which the index is asked whether it keeps up, and without its answer at most. */
const askEvery = 16_384;
const liveLimit = 131_072;
const retryMs = 1_000;
const forgetWaitMs = 60_000;

interface Waiter {
  readonly size: number;
  readonly resolve: () => void;
  readonly reject: (cause: unknown) => void;
}

export interface FollowerProgress {
  /** Entries the index covers, over all accounts. */
  readonly covered: number;
  /** Entries in the ledger, over all accounts. */
  readonly size: number;
}

export class Follower {
  readonly #ledger: LogReader;
  readonly #index: IndexStore;
  readonly #retryMs: number;
  readonly #ending = new AbortController();
  /** Sizes to reach of accounts that may be behind. */
  readonly #targets = new Map<string, number>();
  readonly #waiters = new Map<string, Set<Waiter>>();
  /** The index does not belong to this ledger, or a rebuild was asked for: it is cleared before anything else. */
  #mustClear = false;
  #failure: { readonly cause: unknown } | undefined;
  #live = 0;
  #asking = false;
  #running: Promise<void> | undefined;

  constructor(options: { readonly ledger: LogReader; readonly index: IndexStore; readonly retryMs?: number }) {
    this.#ledger = options.ledger;
    this.#index = options.index;
    this.#retryMs = options.retryMs ?? retryMs;
  }

  /** Compares the index with the ledger and begins to close the gap in the background. */
  start(): void {
    for (const account of this.#ledger.accounts()) this.grew(account, this.#ledger.size(account));
  }

  /** Entries first, first+1, … of the account's log were committed; these are their facts. */
  committed(account: string, first: number, facts: FactBatch): void {
    const end = first + facts.keys.length;
    const inOrder = first === this.#index.covered(account) && !this.#mustClear;
    if (!inOrder || this.#failure !== undefined || this.#live >= liveLimit) {
      this.#want(account, end);
      return;
    }
    try {
      this.#index.add(account, first, facts);
    } catch (thrown) {
      this.#fail(thrown);
      this.#want(account, end);
      return;
    }
    this.#tell(account);
    this.#live += facts.keys.length;
    if (this.#live >= askEvery) this.#ask();
  }

  /** The account's log has this size now; facts are read from the ledger. */
  grew(account: string, size: number): void {
    // I4: an index that knows more than the ledger was fed from another one.
    if (!this.#mustClear && this.#index.covered(account) > this.#ledger.size(account)) this.#clearFirst();
    this.#want(account, size);
  }

  /**
   * Resolves when the index covers `size` entries of the account's log (I6).
   * @throws TaishiError index-behind after `timeoutMs`, or what made following fail
   */
  async reached(account: string, size: number, timeoutMs: number): Promise<void> {
    if (this.#covers(account, size)) return;
    if (this.#failure !== undefined) throw this.#failure.cause;
    this.#want(account, Math.min(size, this.#ledger.size(account)));
    let timer: NodeJS.Timeout | undefined;
    const waiter = this.#wait(account, size);
    try {
      await Promise.race([
        waiter.done,
        new Promise<never>((_, reject) => {
          timer = setTimeout(() => {
            const why = `the index covers ${this.#index.covered(account)} of ${size} entries`;
            reject(new TaishiError("index-behind", why, { retryAfter: 1 }));
          }, timeoutMs);
        }),
      ]);
    } finally {
      clearTimeout(timer);
      waiter.leave();
    }
  }

  progress(): FollowerProgress {
    let covered = 0;
    let size = 0;
    for (const account of this.#ledger.accounts()) {
      const entries = this.#ledger.size(account);
      size += entries;
      if (!this.#mustClear) covered += Math.min(entries, this.#index.covered(account));
    }
    return { covered, size };
  }

  /**
   * Takes the account's entries below a number out of the index. A rebuild on the way is waited for.
   * @throws TaishiError shutting-down, and what makes the index fail
   */
  async forget(account: string, below: number): Promise<void> {
    for (;;) {
      await this.reached(account, below, forgetWaitMs);
      try {
        return await this.#index.forget(account, below);
      } catch (thrown) {
        // A rebuild has begun meanwhile, which brings in all that the ledger still shows.
        if (!this.#mustClear && this.#index.covered(account) >= below) throw thrown;
      }
    }
  }

  /** Clears the index and resolves when all that is in the ledger now is in it again; progress() tells how far it is. */
  async rebuild(): Promise<void> {
    this.#clearFirst();
    const waiters = this.#ledger
      .accounts()
      .map((account) => ({ account, size: this.#ledger.size(account) }))
      .filter(({ size }) => size > 0)
      .map(({ account, size }) => this.#wait(account, size));
    try {
      await Promise.all(waiters.map(({ done }) => done));
    } finally {
      for (const waiter of waiters) waiter.leave();
    }
  }

  /** Ends following; whoever waits is refused. The index stays open. */
  async close(): Promise<void> {
    this.#ending.abort();
    this.#rejectAll(new TaishiError("shutting-down"));
    await this.#running;
  }

  #covers(account: string, size: number): boolean {
    return size === 0 || (!this.#mustClear && this.#index.covered(account) >= size);
  }

  #clearFirst(): void {
    this.#mustClear = true;
    this.#run();
  }

  #want(account: string, size: number): void {
    if (size > (this.#targets.get(account) ?? 0)) this.#targets.set(account, size);
    this.#run();
  }

  #wait(account: string, size: number): { readonly done: Promise<void>; readonly leave: () => void } {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    // Whoever waits looks at `done` itself; one that left early must not bring the process down.
    promise.catch(() => undefined);
    const waiter = { size, resolve, reject };
    const waiters = this.#waiters.get(account) ?? new Set();
    this.#waiters.set(account, waiters.add(waiter));
    if (this.#ending.signal.aborted) reject(new TaishiError("shutting-down"));
    return {
      done: promise,
      leave: () => {
        waiters.delete(waiter);
        if (waiters.size === 0 && this.#waiters.get(account) === waiters) this.#waiters.delete(account);
      },
    };
  }

  #tell(account: string): void {
    const waiters = this.#waiters.get(account);
    if (waiters === undefined) return;
    const covered = this.#index.covered(account);
    for (const { size, resolve } of waiters) if (size <= covered) resolve();
  }

  #rejectAll(cause: unknown): void {
    for (const waiters of this.#waiters.values()) for (const { reject } of waiters) reject(cause);
  }

  #fail(cause: unknown): void {
    if (this.#ending.signal.aborted) return;
    this.#failure = { cause };
    this.#rejectAll(cause);
    this.#run();
  }

  /** Asks the index whether it keeps up with live commits; until it says so only `liveLimit` more are taken. */
  #ask(): void {
    if (this.#asking) return;
    this.#asking = true;
    this.#index
      .ready()
      .then(
        () => {
          this.#live = 0;
        },
        (thrown: unknown) => this.#fail(thrown),
      )
      .finally(() => {
        this.#asking = false;
      });
  }

  /** Starts closing gaps unless that is under way. */
  #run(): void {
    if (this.#running !== undefined || this.#ending.signal.aborted) return;
    this.#running = this.#closeGaps().finally(() => {
      this.#running = undefined;
      if (this.#isDue()) this.#run();
    });
  }

  #isDue(): boolean {
    return this.#mustClear || this.#failure !== undefined || this.#targets.size > 0;
  }

  async #closeGaps(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted && this.#isDue()) {
      try {
        await nextTurn();
        await this.#step();
        this.#failure = undefined;
      } catch (thrown) {
        this.#fail(thrown);
        // The abort ends the pause early; that is no failure.
        await delay(this.#retryMs, undefined, { signal, ref: false }).catch(() => undefined);
      }
    }
  }

  /** One slice of every account that is behind. */
  async #step(): Promise<void> {
    if (this.#mustClear) {
      await this.#index.clear();
      this.#mustClear = false;
      for (const account of this.#ledger.accounts()) this.#want(account, this.#ledger.size(account));
    }
    if (this.#targets.size === 0) {
      await this.#index.ready();
      this.#live = 0;
    }
    for (const account of [...this.#targets.keys()]) {
      await this.#index.ready();
      this.#live = 0;
      if (this.#mustClear || this.#ending.signal.aborted) return;
      this.#readSlice(account);
      await nextTurn();
    }
  }

  #readSlice(account: string): void {
    const first = this.#index.covered(account);
    const target = this.#targets.get(account) ?? 0;
    if (first < target) {
      const end = Math.min(target, first - (first % sliceEntries) + sliceEntries);
      const entries = this.#ledger.slice(account, first, end);
      const events = entries.map((bytes) => (bytes === undefined ? undefined : parseEntry(bytes).event));
      this.#index.add(account, first, factsOf(events));
      this.#tell(account);
    }
    if (this.#index.covered(account) >= target) this.#targets.delete(account);
  }
}
