// What an agent is to an input, for tests: batches are kept with the resume state of the last; it can be slow, stop, and be
// killed before a batch is on disk.
import assert from "node:assert/strict";
import type { Batch, Input, Placed } from "./input.ts";

export class HandedOver {
  readonly batches: Batch[] = [];
  resume: unknown;
  /** While set, nothing gets to disk. */
  full: Promise<void> | undefined;
  /** Batches after which everything is lost, as at a kill. */
  killAfter = Number.POSITIVE_INFINITY;
  #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #busy = false;

  /** Runs the input from where the last one stopped. */
  start(input: Input): void {
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    const handOver = async (batch: Batch): Promise<void> => {
      assert.equal(this.#busy, false, "one call at a time");
      this.#busy = true;
      await this.full;
      await new Promise(setImmediate);
      this.#busy = false;
      if (this.batches.length >= this.killAfter) {
        this.#stop.abort();
        return;
      }
      this.batches.push(batch);
      this.resume = JSON.parse(JSON.stringify(batch.resume));
    };
    this.#running = input.run(handOver, structuredClone(this.resume), signal);
    this.#running.catch(() => undefined); // stop() tells
  }

  /** @throws what the input's run threw */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  get running(): Promise<void> {
    return this.#running;
  }

  get records(): readonly Placed[] {
    return this.batches.flatMap(({ records }) => records);
  }

  get texts(): readonly string[] {
    return this.records.map(({ record }) => record.text);
  }

  /** The texts of a lane, in order. */
  textsOf(lane: string): readonly string[] {
    return this.batches
      .filter((batch) => batch.lane === lane)
      .flatMap(({ records }) => records.map((r) => r.record.text));
  }

  /** Resolves when there are so many records. */
  async until(records: number): Promise<void> {
    await eventually(
      () => this.records.length >= records,
      () => `${this.records.length} of ${records} records came`,
    );
  }

  /** Every number once, rising within its stream. */
  numbersRise(): void {
    const last = new Map<string, number>();
    for (const { stream, records } of this.batches)
      for (const { offset } of records) {
        assert.ok(offset > (last.get(stream) ?? 0), `${offset} after ${last.get(stream)}`);
        last.set(stream, offset);
      }
  }
}

export async function eventually(holds: () => boolean, what: () => string, withinMs = 15_000): Promise<void> {
  const until = Date.now() + withinMs;
  while (!holds()) {
    assert.ok(Date.now() < until, what());
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
