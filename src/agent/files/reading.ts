// What all lanes of an input share: which streams are known, how they are handed over, and what went wrong where.
import type { Clock } from "../../clock.ts";
import type { Batch, Placed } from "../input.ts";
import type { Content } from "./content.ts";
import type { DirectoryListings } from "./directory-listing.ts";
import { dayOf, hashOf, idOf, type KnownStreams, type Stream, tailLength } from "./known-streams.ts";
import type { Compression } from "./rotated-name.ts";

/** So much is read at once, and so much a batch holds. */
export const chunkLength = 1024 * 1024;

export interface ReadingOptions {
  readonly streams: KnownStreams;
  readonly listings: DirectoryListings;
  readonly clock: Clock;
  /** Read what is there and end: what is there now is all there is. */
  readonly once: boolean;
  /** Ticks without a change after which a file that was rotated away is held to be over. */
  readonly settleTicks: number;
  /** Paths that are live files of their own. */
  readonly isLive: (path: string) => boolean;
  readonly handOver: (batch: Batch) => Promise<void>;
  readonly signal: AbortSignal;
}

/** A file as other lanes see it. */
export interface LaneFile {
  readonly key: string;
  readonly size: number;
  readonly stream: Stream | undefined;
  readonly content: Content | undefined;
  readonly compression: Compression | undefined;
}

/** Not of a file: nothing can be read on. */
export class HandOverFailure extends Error {}

export class Reading {
  readonly options: ReadingOptions;
  /** Lanes are read one after the other. The first tailLength bytes are for what stands before a chunk. */
  readonly buffer = Buffer.allocUnsafeSlow(tailLength + chunkLength);
  /** Counts the polls: time that no clock can turn back. */
  tick = 0;
  /** Grows with every poll, and whenever directories must be listed anew. */
  turn = 0;
  /** Bytes of the batch that is being taken. */
  inFlight = 0;
  /** Batches. */
  handedOver = 0;
  readonly #problems = new Map<string, string>();
  readonly #owners = new Map<Stream, object>();
  readonly #lanes = new Map<object, readonly LaneFile[]>();

  constructor(options: ReadingOptions) {
    this.options = options;
  }

  /** Nothing else is left to be read: what waited for others need not wait. */
  isLast = false;

  /** A stream is read in one lane as long as it is seen there. @param takes where it is another's, it is not any more */
  owns(stream: Stream, lane: object, takes: boolean): boolean {
    if (takes || !this.#owners.has(stream)) this.#owners.set(stream, lane);
    return this.isOwnedBy(stream, lane);
  }

  isOwnedBy(stream: Stream, lane: object): boolean {
    return this.#owners.get(stream) === lane;
  }

  /** Nothing of it was read for so long that nothing more is expected where it was. */
  isSettled({ moved }: Stream): boolean {
    return this.options.once ? this.isLast : this.tick - moved > this.options.settleTicks;
  }

  /** Tells others what a lane's files are. */
  show(lane: object, files: readonly LaneFile[]): void {
    this.#lanes.set(lane, files);
  }

  /** The files of all other lanes. */
  besides(lane: object): readonly LaneFile[] {
    return [...this.#lanes].flatMap(([other, files]) => (other === lane ? [] : files));
  }

  /** The files of a stream in the lane that it is read in. */
  ownersFiles(stream: Stream): readonly LaneFile[] {
    const owner = this.#owners.get(stream);
    const files = owner === undefined ? undefined : this.#lanes.get(owner);
    return (files ?? []).filter((file) => file.stream === stream);
  }

  leave(lane: object): void {
    this.#lanes.delete(lane);
  }

  disown(stream: Stream, lane: object): void {
    if (this.#owners.get(stream) !== lane) return;
    this.#owners.delete(stream);
    this.options.streams.discard(stream);
  }

  /** Unmakes a stream that nothing was read of. @returns false where another lane has it */
  release(stream: Stream, lane: object): boolean {
    if (this.besides(lane).some((other) => other.stream === stream)) return false;
    this.#owners.delete(stream);
    this.options.streams.discard(stream);
    return true;
  }

  get present(): ReadonlySet<Stream> {
    return new Set(this.#owners.keys());
  }

  /** @param problem undefined where it is well again */
  tell(path: string, problem: string | undefined): void {
    this.#problems.delete(path);
    if (problem !== undefined) this.#problems.set(path, problem);
  }

  get problem(): string | null {
    const [path, problem] = [...this.#problems].at(-1) ?? [];
    if (path === undefined) return null;
    const others = this.#problems.size - 1;
    return `${path}: ${problem}${others === 0 ? "" : `; and ${others} other${others === 1 ? "" : "s"}`}`;
  }

  /**
   * Goes on in a stream, and hands over what stands before that.
   * @param before the bytes before the offset, tailLength of them where there are so many
   */
  async advance(
    lane: string,
    stream: Stream,
    records: readonly Placed[],
    offset: number,
    before: Buffer,
  ): Promise<void> {
    const { streams } = this.options;
    this.inFlight = offset - stream.offset;
    this.move(stream, offset, before);
    await this.handOver({ lane, stream: idOf(stream), records, resume: streams.kept() });
    this.inFlight = 0;
  }

  async handOver(batch: Batch): Promise<void> {
    const { handOver, signal } = this.options;
    try {
      await handOver(batch);
    } catch (cause) {
      throw new HandOverFailure("a batch was not taken", { cause });
    }
    this.handedOver++;
    signal.throwIfAborted();
  }

  /** Goes on in a stream without records, to be kept with what is handed over next. */
  move(stream: Stream, offset: number, before: Buffer): void {
    stream.offset = offset;
    stream.tail = hashOf(before.subarray(Math.max(0, before.length - tailLength)));
    stream.moved = this.tick;
    stream.day = dayOf(this.options.clock.now());
  }
}
