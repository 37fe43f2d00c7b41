// The agent: every source with its input and its pipeline, one spool, one shipper. What fails is told in the status and
// tried again; only a spool that cannot be read ends it.
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { Batch, Input } from "./input.ts";
import type { Pipeline } from "./pipeline.ts";
import type { Shipper } from "./shipper.ts";
import type { Spool } from "./spool.ts";

export interface AgentSource {
  readonly name: string;
  /** What its records are. */
  readonly source: string;
  readonly input: Input;
  readonly pipeline: Pipeline;
}

export interface AgentOptions {
  readonly name: string;
  readonly sources: readonly AgentSource[];
  readonly spool: Spool;
  readonly spoolLimit: number;
  readonly shipper: Shipper;
  readonly clock: Clock;
  readonly log: Log;
}

/** How an agent is, for people and for the service. */
export interface AgentStatus {
  readonly agent: string;
  /** Epoch milliseconds. */
  readonly time: number;
  readonly sources: readonly SourceStatus[];
  readonly spool: { readonly bytes: number; readonly limit: number; readonly events: number };
  readonly sent: number;
  readonly duplicates: number;
  readonly refused: number;
  readonly acknowledged: number | null;
  readonly problem: string | null;
}

export interface SourceStatus {
  readonly name: string;
  readonly source: string;
  readonly input: string;
  /** Bytes or records that are there and not yet in the spool; null where that cannot be known. */
  readonly behind: number | null;
  readonly problem: string | null;
  /** What became of its records since the spool was made: events, unparsed, unmapped, "ignored …". */
  readonly counts: Readonly<Record<string, number>>;
}

const expireEveryMs = 1_000;
const againMs = 5_000;
/** How long after a stop what inputs hold in memory may still go into the spool: no sender of syslog would send it again. */
const graceMs = 5_000;

export class Agent {
  readonly #options: AgentOptions;
  readonly #failures = new Map<string, string>();

  constructor(options: AgentOptions) {
    this.#options = options;
  }

  /**
   * Runs until the signal aborts, or until every input has come to its end and all of it is acknowledged.
   * The spool is closed when it returns.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { sources, shipper, spool, clock } = this.#options;
    const shipping = new AbortController();
    const stop = AbortSignal.any([signal, shipping.signal]);
    const grace = new AbortController();
    const onStop = (): void => void setTimeout(() => grace.abort(), graceMs).unref();
    if (signal.aborted) grace.abort();
    else signal.addEventListener("abort", onStop, { once: true });
    const timer = setInterval(() => {
      for (const { pipeline } of sources) void pipeline.expire(stop).catch((thrown) => this.#tell("expire", thrown));
    }, expireEveryMs);
    try {
      const shipped = shipper.run(stop);
      await Promise.all(sources.map((source) => this.#collect(source, signal, grace.signal)));
      clearInterval(timer);
      if (!signal.aborted) await Promise.all(sources.map(({ pipeline }) => pipeline.end(signal)));
      while (!signal.aborted && spool.items > 0) await new Promise((resolve) => setTimeout(resolve, 20));
      shipping.abort();
      await shipped;
    } finally {
      clearInterval(timer);
      // Nobody may still be in the spool when it closes.
      await Promise.all(sources.map(({ pipeline }) => pipeline.idle()));
      spool.close(clock.now());
    }
  }

  get status(): AgentStatus {
    const { name, sources, spool, spoolLimit, shipper, clock } = this.#options;
    const { sent, duplicates, refused, acknowledged, problem } = shipper.state;
    return {
      agent: name,
      time: clock.now(),
      sources: sources.map(({ name: own, source, input, pipeline }) => ({
        name: own,
        source,
        input: input.state.text,
        behind: input.state.behind,
        problem: this.#failures.get(own) ?? pipeline.problem ?? input.state.problem,
        counts: Object.fromEntries(pipeline.counts),
      })),
      spool: { bytes: spool.bytes, limit: spoolLimit, events: spool.items },
      sent,
      duplicates,
      refused,
      acknowledged,
      problem: spool.isFull ? `the spool is full: reading waits${problem === null ? "" : `; ${problem}`}` : problem,
    };
  }

  async #collect({ name, input, pipeline }: AgentSource, signal: AbortSignal, grace: AbortSignal): Promise<void> {
    const { spool } = this.#options;
    const handOver = async (batch: Batch): Promise<void> => {
      await pipeline.handOver(batch, grace);
      this.#failures.delete(name);
    };
    while (!signal.aborted)
      try {
        await input.run(handOver, spool.resume(name), signal);
        return;
      } catch (thrown) {
        if (signal.aborted) return;
        this.#tell(name, thrown);
        this.#failures.set(name, (thrown as Error).message);
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, againMs);
          signal.addEventListener("abort", () => resolve(clearTimeout(timer)), { once: true });
        });
      }
  }

  #tell(source: string, thrown: unknown): void {
    this.#options.log.error({ source, err: thrown }, "a source stopped and is tried again");
  }
}
