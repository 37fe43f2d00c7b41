// Sends what is in the spool to the service, oldest first, one batch at a time, and takes out what was acknowledged. What
// was sent and not answered is sent again: the positions of its events make that harmless (I8). Nothing is given up: an
// event that the service will never take as it is becomes an unparsed one with its record, which it does.
import type { Clock } from "../clock.ts";
import { refusedItem } from "./item.ts";
import type { Item, Spool } from "./spool.ts";

/** How the service answered a batch. */
export type Delivery =
  | { readonly outcome: "stored"; readonly duplicates: number }
  /** Event `index` of the batch is refused for what it is. */
  | { readonly outcome: "refused"; readonly index: number; readonly reason: string }
  | { readonly outcome: "too-large"; readonly reason: string }
  /** Nothing was stored; the same may be stored later. */
  | { readonly outcome: "later"; readonly reason: string; readonly afterMs?: number }
  /** Nothing will be stored until somebody changes something. */
  | { readonly outcome: "denied"; readonly reason: string };

export interface Destination {
  /** @param body one event's JSON a line @throws Error where no answer came */
  send(body: Uint8Array, signal: AbortSignal): Promise<Delivery>;
}

export interface ShipperState {
  /** Events acknowledged since the start, and how many of them the service had already. */
  readonly sent: number;
  readonly duplicates: number;
  /** Events that the service refused and that were sent as unparsed records instead. */
  readonly refused: number;
  /** When a batch was last acknowledged, epoch milliseconds. */
  readonly acknowledged: number | null;
  /** Why nothing goes out, where it does not. */
  readonly problem: string | null;
}

export interface ShipperOptions {
  readonly spool: Spool;
  readonly destination: Destination;
  readonly clock: Clock;
  /** At most so many events and bytes of JSON in a batch. */
  readonly batchEvents?: number;
  readonly batchBytes?: number;
  /** For tests. */
  readonly firstBackoffMs?: number;
}

const longestBackoffMs = 30_000;
const deniedMs = 15_000;

export class Shipper {
  readonly #options: Required<ShipperOptions>;
  #state: ShipperState = { sent: 0, duplicates: 0, refused: 0, acknowledged: null, problem: null };
  #most: number;

  constructor(options: ShipperOptions) {
    this.#options = { batchEvents: 2_000, batchBytes: 8 * 1024 * 1024, firstBackoffMs: 500, ...options };
    this.#most = this.#options.batchEvents;
  }

  get state(): ShipperState {
    return this.#state;
  }

  /**
   * Runs until the signal aborts.
   * @param whileItems ends it when the spool is empty as well
   */
  async run(signal: AbortSignal, whileItems = false): Promise<void> {
    const { spool, firstBackoffMs } = this.#options;
    let backoff = firstBackoffMs;
    for (;;) {
      if (signal.aborted || (whileItems && spool.items === 0)) return;
      await spool.filled(signal);
      if (signal.aborted) return;
      const delivery = await this.#deliver(signal);
      if (delivery.outcome === "later" || delivery.outcome === "denied") {
        if (signal.aborted) return;
        this.#state = { ...this.#state, problem: delivery.reason };
        const asked = delivery.outcome === "later" ? delivery.afterMs : deniedMs;
        await sleep(asked ?? backoff * (0.5 + Math.random()), signal);
        backoff = Math.min(backoff * 2, longestBackoffMs);
      } else backoff = firstBackoffMs;
    }
  }

  async #deliver(signal: AbortSignal): Promise<Delivery> {
    const { spool, destination, batchEvents, batchBytes, clock } = this.#options;
    const items = spool.oldest(this.#most, batchBytes);
    let delivery: Delivery;
    try {
      delivery = await destination.send(linesOf(items), signal);
    } catch (thrown) {
      return { outcome: "later", reason: `the service does not answer: ${(thrown as Error).message}` };
    }
    if (delivery.outcome === "stored") {
      spool.remove(items);
      this.#most = Math.min(batchEvents, this.#most * 2);
      const { sent, duplicates, refused } = this.#state;
      this.#state = {
        sent: sent + items.length,
        duplicates: duplicates + delivery.duplicates,
        refused,
        acknowledged: clock.now(),
        problem: null,
      };
    } else if (delivery.outcome === "too-large" && items.length > 1) this.#most = Math.ceil(items.length / 2);
    else if (delivery.outcome === "too-large") return this.#refuse(items[0]!, delivery.reason);
    else if (delivery.outcome === "refused") {
      const item = items[delivery.index];
      if (item === undefined) return { outcome: "denied", reason: `the service refuses the batch: ${delivery.reason}` };
      return this.#refuse(item, delivery.reason);
    }
    return delivery;
  }

  /** What is refused even as an unparsed record cannot be helped by us: it waits, and everything behind it, for somebody. */
  #refuse(item: Item, reason: string): Delivery {
    const text = Buffer.from(item.bytes).toString("utf8");
    if (text.startsWith('{"kind":"unparsed"') && text.includes('"reason":"the server refused its event:'))
      return { outcome: "denied", reason: `the service refuses a record in any form: ${reason}` };
    this.#options.spool.replace(item, refusedItem(item.bytes, reason));
    this.#state = { ...this.#state, refused: this.#state.refused + 1 };
    return { outcome: "refused", index: 0, reason };
  }
}

function linesOf(items: readonly Item[]): Uint8Array {
  const lineEnd = Buffer.from("\n");
  return Buffer.concat(items.flatMap(({ bytes }) => [bytes, lineEnd]));
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}
