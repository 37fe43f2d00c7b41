// Retention: accounts whose events are kept for a number of days. An act of it, in this order, each step of which can be
// done again after a stop: a system entry in the account's log says up to which number entries go (C2SP: the minimum
// index); the index forgets them; the ledger holds them back; then closed files are rewritten without them, which is when
// their bytes are gone. Only whole closed files of the ledger count, so entries may stay a little longer than asked for.
import type { Clock } from "../clock.ts";
import { Fatal } from "../errors.ts";
import type { SystemEvent } from "../event/event.ts";
import { retentionType } from "../ledger/port.ts";
import type { Pruned } from "../ledger/prune-segment.ts";
import type { Log } from "../log.ts";
import type { Queries } from "../query/query.ts";
import type { IndexClient } from "./index-client.ts";
import type { LedgerClient } from "./ledger-client.ts";

export interface RetentionOptions {
  readonly ledger: Pick<LedgerClient, "minimum" | "setMinimum" | "reopenSegment">;
  readonly index: Pick<IndexClient, "retentionPlan" | "forget" | "reopenSegment" | "closedSegments"> &
    Pick<Queries, "list">;
  /** Days that the account's events are kept; undefined: for ever. */
  readonly days: (account: string) => number | undefined;
  readonly accounts: () => readonly string[];
  /** Resolves when the event is fsynced in the account's log (I1). */
  readonly appendSystem: (account: string, event: SystemEvent) => Promise<void>;
  /** Rewrites one closed file; undefined where there is nothing to do in it. */
  readonly prune: (number: number, minimums: ReadonlyMap<string, number>) => Promise<Pruned | undefined>;
  /** Given what must end the service. */
  readonly onFatal: (error: Fatal) => void;
  readonly clock: Clock;
  readonly log: Log;
}

export interface RetentionOutcome {
  readonly account: string;
  /** Entries below are gone, all but the service's own. */
  readonly minimum: number;
  /** How many went with this act. */
  readonly removed: number;
}

const dayMs = 86_400_000;

export class Retention {
  readonly #options: RetentionOptions;
  #running: Promise<unknown> = Promise.resolve();
  #resumed = false;
  #closed = false;

  constructor(options: RetentionOptions) {
    this.#options = options;
  }

  /** Applies every account's setting; one run at a time. What fails is told and tried again at the next run. */
  tick(): Promise<void> {
    return this.#turn(async () => {
      for (const account of this.#options.accounts()) {
        if (this.#closed) return;
        try {
          if (!this.#resumed) await this.#resume(account);
          await this.#applySetting(account);
        } catch (thrown) {
          this.#options.log.warn({ err: thrown, account }, "retention could not be applied");
        }
      }
      this.#resumed = true;
      await this.#sweep();
    });
  }

  /** Applies one account's setting now. @returns when the bytes are gone */
  apply(account: string): Promise<RetentionOutcome> {
    return this.#turn(async () => {
      const before = this.#options.ledger.minimum(account);
      await this.#applySetting(account);
      await this.#sweep();
      const minimum = this.#options.ledger.minimum(account);
      return { account, minimum, removed: minimum - before };
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  #turn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#running.then(work);
    this.#running = turn.catch(() => {});
    return turn;
  }

  async #applySetting(account: string): Promise<void> {
    const { ledger, index, days, clock, appendSystem } = this.#options;
    const kept = days(account);
    if (kept === undefined) return;
    const now = clock.now();
    const before = now - kept * dayMs;
    const minimum = await index.retentionPlan(account, before);
    if (minimum <= ledger.minimum(account)) return;
    await appendSystem(account, {
      data: { minimum, days: kept, receivedBefore: before },
      kind: "system",
      resource: { id: account, type: "log" },
      time: now,
      type: retentionType,
    });
    await this.#carryOut(account, minimum);
  }

  /** An act that was told before a stop and not carried out. */
  async #resume(account: string): Promise<void> {
    const minimum = await this.#told(account);
    if (minimum > this.#options.ledger.minimum(account)) await this.#carryOut(account, minimum);
  }

  /** Up to which number the log itself says that its events are past their retention. */
  async #told(account: string): Promise<number> {
    const { entries } = await this.#options.index.list({
      filter: { account, kinds: ["system"], types: [retentionType], resourceType: "log", resourceId: account },
      order: "desc",
      window: { offset: 0, limit: 100 },
    });
    return entries.reduce(
      (most, { event }) => (event.kind === "system" ? Math.max(most, Number(event.data.minimum)) : most),
      0,
    );
  }

  async #carryOut(account: string, minimum: number): Promise<void> {
    // The index first: what it still counted would be missing from its pages (I5).
    await this.#options.index.forget(account, minimum);
    await this.#options.ledger.setMinimum(account, minimum);
  }

  /** Rewrites the closed files that still hold what is held back. */
  async #sweep(): Promise<void> {
    const { accounts, ledger, index, prune, log, onFatal } = this.#options;
    const minimums = new Map(accounts().map((account) => [account, ledger.minimum(account)]));
    // Nothing is destroyed for a number that only stands in a row.
    for (const [account, minimum] of minimums) {
      if (minimum === 0) continue;
      const told = await this.#told(account);
      if (minimum <= told) continue;
      const what = `account ${account} holds back its entries below ${minimum}, but its log tells of no retention beyond ${told}`;
      return onFatal(new Fatal(what, { hint: "The ledger was altered. Run `taishi fsck`; restore its newest copy." }));
    }
    if ([...minimums.values()].every((minimum) => minimum === 0)) return;
    for (const number of await index.closedSegments()) {
      if (this.#closed) return;
      const pruned = await prune(number, minimums);
      if (pruned === undefined) continue;
      await Promise.all([index.reopenSegment(number), ledger.reopenSegment(number)]);
      log.info({ segment: number, ...pruned }, "entries past their retention are gone from a file");
    }
  }
}
