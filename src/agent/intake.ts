// Between many senders and the one that hands over: what was received waits here by lane, bounded, and is handed over in
// batches as large as what has come meanwhile. Knows no socket. Owns the lanes: how many there are, and when one is over.
import type { Clock } from "../clock.ts";
import type { Batch } from "./input.ts";
import { type Numbered, numberingOf, placed } from "./numbering.ts";
import type { Arrival } from "./received.ts";

/** Received together, and handed over together: never in two batches. */
export interface Group {
  readonly lane: string;
  readonly arrivals: readonly Arrival[];
  /** Roughly what it costs in memory. */
  readonly bytes: number;
  /** Called once: when it is on disk, or with why it is not known to be. */
  readonly settled?: (failure?: Error) => void;
}

export interface IntakeOptions {
  readonly clock: Clock;
  /** Bytes that may wait before senders are to wait. */
  readonly mostBytes: number;
  readonly mostLanes: number;
  /** After this many milliseconds without a record a lane is over. */
  readonly laneIdleMs: number;
}

const batchRecords = 1_000;
const batchBytes = 1024 * 1024;
const lookEveryMs = 10_000;

export class Intake {
  readonly #options: IntakeOptions;
  readonly #waiting = new Map<string, Group[]>();
  /** Lanes that are open, the one longest unused first, with when that was. */
  readonly #lanes = new Map<string, number>();
  #bytes = 0;
  #records = 0;
  #closed = false;
  #wakeUp: (() => void) | undefined;
  #roomless: (() => void)[] = [];

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  /** Records not yet handed over. */
  get records(): number {
    return this.#records;
  }

  get isFull(): boolean {
    return this.#bytes >= this.#options.mostBytes;
  }

  put(group: Group): void {
    if (this.#closed) {
      group.settled?.(new Error("the input is stopping"));
      return;
    }
    const waiting = this.#waiting.get(group.lane);
    if (waiting === undefined) this.#waiting.set(group.lane, [group]);
    else waiting.push(group);
    this.#bytes += group.bytes;
    this.#records += group.arrivals.length;
    this.#wakeUp?.();
  }

  /** Takes back what has not begun to be handed over. @returns whether it was still there */
  withdraw(group: Group): boolean {
    const waiting = this.#waiting.get(group.lane);
    const at = waiting?.indexOf(group) ?? -1;
    if (waiting === undefined || at === -1) return false;
    waiting.splice(at, 1);
    if (waiting.length === 0) this.#waiting.delete(group.lane);
    this.#forget([group]);
    return true;
  }

  /** Resolves when there is room again. */
  async room(): Promise<void> {
    while (this.isFull && !this.#closed) await new Promise<void>((resolve) => this.#roomless.push(resolve));
  }

  /** Nothing more is taken; run() ends when what waits was handed over. */
  close(): void {
    this.#closed = true;
    this.#wakeUp?.();
    for (const resolve of this.#roomless.splice(0)) resolve();
  }

  /**
   * Hands over until it is closed and empty.
   * @throws what handOver throws; everybody who waits is told
   */
  async run(handOver: (batch: Batch) => Promise<void>, resume: unknown): Promise<void> {
    let last = numberingOf(resume);
    const timer = setInterval(() => this.#wakeUp?.(), lookEveryMs);
    let groups: readonly Group[] = [];
    try {
      for (;;) {
        await this.#endLanes(handOver, last);
        groups = this.#next();
        if (groups.length > 0) {
          const { lane } = groups[0]!;
          const { records, after } = placed(
            groups.flatMap(({ arrivals }) => arrivals),
            last,
          );
          this.#use(lane);
          await handOver({ lane, stream: after.stream, records, resume: after });
          last = after;
          this.#forget(groups);
          for (const { settled } of groups) settled?.();
          groups = [];
        } else if (this.#closed) return;
        else
          await new Promise<void>((resolve) => {
            this.#wakeUp = resolve;
          });
      }
    } catch (thrown) {
      this.close();
      for (const { settled } of [...groups, ...[...this.#waiting.values()].flat()]) settled?.(thrown as Error);
      throw thrown;
    } finally {
      clearInterval(timer);
    }
  }

  /** The groups of the lane that waits longest, as many as make a batch. */
  #next(): readonly Group[] {
    const [entry] = this.#waiting;
    if (entry === undefined) return [];
    const [lane, waiting] = entry;
    let [records, bytes, taken] = [0, 0, 0];
    for (const group of waiting) {
      records += group.arrivals.length;
      bytes += group.bytes;
      if (taken > 0 && (records > batchRecords || bytes > batchBytes)) break;
      taken++;
    }
    const groups = waiting.splice(0, taken);
    // What is left goes behind the other lanes.
    this.#waiting.delete(lane);
    if (waiting.length > 0) this.#waiting.set(lane, waiting);
    return groups;
  }

  #forget(groups: readonly Group[]): void {
    for (const { bytes, arrivals } of groups) {
      this.#bytes -= bytes;
      this.#records -= arrivals.length;
    }
    if (!this.isFull) for (const resolve of this.#roomless.splice(0)) resolve();
  }

  #use(lane: string): void {
    this.#lanes.delete(lane);
    this.#lanes.set(lane, this.#options.clock.now());
  }

  async #endLanes(handOver: (batch: Batch) => Promise<void>, last: Numbered): Promise<void> {
    const { clock, mostLanes, laneIdleMs } = this.#options;
    for (const [lane, used] of [...this.#lanes]) {
      if (this.#lanes.size <= mostLanes && used > clock.now() - laneIdleMs) return;
      if (this.#waiting.has(lane)) continue;
      await handOver({ lane, stream: last.stream, records: [], resume: last, laneEnds: true });
      this.#lanes.delete(lane);
    }
  }
}
