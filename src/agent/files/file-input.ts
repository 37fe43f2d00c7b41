// The input that follows files: through rotation by rename, copy, compression and deletion, each line once and in order.
// It keeps which contents were read how far (known-streams.ts), never names: so it may stop at any time and go on.
import { dirname } from "node:path";
import type { Clock } from "../../clock.ts";
import type { Batch, Input, InputState } from "../input.ts";
import { DirectoryListings } from "./directory-listing.ts";
import { detailedOf, type FileSettings } from "./file-settings.ts";
import { dayOf, KnownStreams } from "./known-streams.ts";
import { Lane } from "./lane.ts";
import { LanePaths } from "./lane-paths.ts";
import { HandOverFailure, Reading } from "./reading.ts";
import { WakeUp } from "./wake-up.ts";

/** A lane of which nothing was there for so many polls is over. */
const mostAbsence = 600;

export interface FileInputContext {
  /** Read what is there and end. */
  readonly once: boolean;
  /** What relative paths are meant from. */
  readonly base: string;
  readonly clock: Clock;
}

export class FileInput implements Input {
  readonly #settings: ReturnType<typeof detailedOf>;
  readonly #context: FileInputContext;
  readonly #lanes = new Map<string, Lane>();
  #reading: Reading | undefined;
  #unmatched = false;

  /** @param settings checked against fileSettings */
  constructor(settings: FileSettings, context: FileInputContext) {
    this.#settings = detailedOf(settings);
    this.#context = context;
  }

  get state(): InputState {
    const lanes = [...this.#lanes.values()];
    const there = lanes.filter((lane) => lane.isThere).length;
    return {
      text: `following ${there} file${there === 1 ? "" : "s"}`,
      behind: lanes.reduce((sum, { behind }) => sum + behind, this.#reading?.inFlight ?? 0),
      problem: this.#reading?.problem ?? (this.#unmatched ? "no file matches" : null),
    };
  }

  async run(handOver: (batch: Batch) => Promise<void>, resume: unknown, signal: AbortSignal): Promise<void> {
    const { paths, from, "poll-seconds": poll, "settle-seconds": settle } = this.#settings;
    const { once, base, clock } = this.#context;
    const streams = new KnownStreams(resume);
    const reading = new Reading({
      streams,
      listings: new DirectoryListings(),
      clock,
      once,
      settleTicks: Math.ceil(settle / poll) + 1,
      isLive: (path) => this.#lanes.has(path),
      handOver,
      signal,
    });
    this.#reading = reading;
    const lanePaths = new LanePaths(paths, base);
    const wakeUp = new WakeUp(poll * 1000, signal, () => {
      reading.tick++;
      reading.turn++;
      for (const lane of this.#lanes.values()) lane.measure();
    });
    let found = 0;
    let pruned = dayOf(clock.now());
    try {
      await this.#findLanes(lanePaths, reading);
      if (resume === undefined && from === "end") await this.#skip(reading, streams);
      while (!signal.aborted) {
        wakeUp.watch(new Set([...this.#lanes.keys()].map((path) => dirname(path))));
        const { handedOver } = reading;
        const more = await this.#step(reading, signal);
        if (once) {
          const isStill = handedOver === reading.handedOver;
          if (isStill && reading.isLast) return;
          reading.isLast = isStill;
        }
        await this.#endLanes(reading, streams);
        if (pruned < dayOf(clock.now()) || streams.isFull) {
          pruned = dayOf(clock.now());
          streams.prune(clock.now(), reading.present);
        }
        if (!more && !once) await wakeUp.wait();
        if (found !== reading.tick) await this.#findLanes(lanePaths, reading);
        found = reading.tick;
      }
    } catch (thrown) {
      // Aborted, it stops between two batches; what was handed over last is where it goes on.
      if (!signal.aborted) throw thrown instanceof HandOverFailure ? thrown.cause : thrown;
    } finally {
      wakeUp.close();
      for (const lane of this.#lanes.values()) await lane.close();
      this.#lanes.clear();
    }
  }

  /** Lanes take turns until nothing is left, or it is time to look for new ones. @returns whether there is more */
  async #step(reading: Reading, signal: AbortSignal): Promise<boolean> {
    const { tick } = reading;
    let busy = [...this.#lanes.values()];
    while (busy.length > 0 && (reading.tick === tick || this.#context.once)) {
      const still: Lane[] = [];
      for (const lane of busy) {
        if (await stepOf(lane, reading)) still.push(lane);
        signal.throwIfAborted();
      }
      busy = still;
    }
    return busy.length > 0;
  }

  async #findLanes(lanePaths: LanePaths, reading: Reading): Promise<void> {
    const found = await lanePaths.find(this.#lanes.keys());
    for (const { path, expected } of found)
      if (!this.#lanes.has(path)) this.#lanes.set(path, new Lane(path, expected, reading));
    const live = new Set(found.map(({ path }) => path));
    for (const lane of this.#lanes.values()) lane.isLive = live.has(lane.path);
    this.#unmatched = found.length === 0;
  }

  async #skip(reading: Reading, streams: KnownStreams): Promise<void> {
    for (const lane of this.#lanes.values()) await lane.skip();
    // In one batch: stopped before it, the next start skips again.
    const nowhere = { lane: "-", stream: "-", laneEnds: true } as const;
    await reading.handOver({ ...nowhere, records: [], resume: streams.kept() });
  }

  async #endLanes(reading: Reading, streams: KnownStreams): Promise<void> {
    for (const [path, lane] of this.#lanes) {
      if (lane.isLive && (lane.isThere || lane.absence < mostAbsence)) continue;
      const stream = lane.takeStream();
      if (stream !== undefined) {
        await reading.handOver({ lane: path, stream, records: [], resume: streams.kept(), laneEnds: true });
      }
      if (lane.isLive && lane.expected) continue; // it may come again
      await lane.close();
      this.#lanes.delete(path);
    }
  }
}

/** What the system refuses in one lane is told, and tried again at the next poll; others go on. */
async function stepOf(lane: Lane, reading: Reading): Promise<boolean> {
  const problem = `${lane.path} (reading)`;
  try {
    const more = await lane.step();
    reading.tell(problem, undefined);
    return more;
  } catch (thrown) {
    if (!(thrown instanceof Error) || !("syscall" in thrown)) throw thrown;
    reading.tell(problem, thrown.message);
    await lane.close();
    return false;
  }
}
