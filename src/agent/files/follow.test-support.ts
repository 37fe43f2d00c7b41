// A directory with log files, and an input that follows them and is stopped and started like an agent: what was handed over
// is kept together with where to go on, or neither is.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { systemClock } from "../../clock.ts";
import type { Batch, Placed } from "../input.ts";
import { FileInput } from "./file-input.ts";

export interface Taken extends Placed {
  readonly lane: string;
  readonly stream: string;
}

export interface FollowSettings {
  readonly once?: boolean;
  readonly from?: "start" | "end";
  readonly "poll-seconds"?: number;
  readonly "settle-seconds"?: number;
}

export class Follower {
  readonly directory = mkdtempSync(join(tmpdir(), "taishi-files-"));
  readonly #settings: FollowSettings;
  #paths: readonly string[] = [];
  readonly #once: boolean;
  readonly taken: Taken[] = [];
  readonly batches: Batch[] = [];
  resume: unknown;
  input: FileInput;
  /** Called before a batch is kept; where it resolves to false the batch is lost, as in a crash. */
  gate: (batch: Batch) => Promise<boolean> = () => Promise.resolve(true);
  #stop: AbortController | undefined;
  #running: Promise<void> | undefined;

  constructor(names: readonly string[], settings: FollowSettings = {}) {
    this.#once = settings.once ?? false;
    this.#settings = settings;
    this.follow(names);
    this.input = this.#made();
  }

  /** What the next start is given. */
  follow(names: readonly string[]): void {
    this.#paths = names.map((name) => this.path(name));
  }

  #made(): FileInput {
    const { from = "start", "poll-seconds": poll = 0.02, "settle-seconds": settle = 0.1 } = this.#settings;
    const settings = { paths: [...this.#paths], from, "poll-seconds": poll, "settle-seconds": settle };
    return new FileInput(settings, { once: this.#once, base: this.directory, clock: systemClock });
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  get texts(): readonly string[] {
    return this.taken.map(({ record }) => record.text);
  }

  start(): void {
    const stop = new AbortController();
    this.#stop = stop;
    this.input = this.#made();
    const handOver = async (batch: Batch): Promise<void> => {
      const kept = await this.gate(batch);
      if (stop.signal.aborted || !kept) throw new Error("crashed");
      this.batches.push(batch);
      this.resume = JSON.parse(JSON.stringify(batch.resume));
      for (const placed of batch.records) this.taken.push({ ...placed, lane: batch.lane, stream: batch.stream });
    };
    this.#running = this.input.run(handOver, this.resume, stop.signal).catch((thrown: Error) => {
      if (thrown.message !== "crashed") throw thrown;
    });
  }

  async stop(): Promise<void> {
    this.#stop?.abort();
    await this.#running;
  }

  /** Resolves when the input ended by itself. */
  async ended(): Promise<void> {
    await this.#running;
  }

  /** Waits until so many records are there, and a little longer for what should not come. @throws after 20 seconds */
  async until(records: number, extraMs = 60): Promise<readonly string[]> {
    for (let waited = 0; this.taken.length < records; waited += 10) {
      if (waited > 20_000) throw new Error(`${this.taken.length} of ${records} records: ${this.input.state.problem}`);
      await sleep(10);
    }
    await sleep(extraMs);
    return this.texts;
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
