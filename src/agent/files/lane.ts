// One live file and what it was rotated to: its lines, in order, through everything that becomes of its names. In each step
// it looks at what is there, finds which streams these contents are, and reads the oldest first. The live file's size and
// beginning are taken before older contents are looked for and read to their ends: so what a writer wrote to the old file
// before it opened the new one comes before what it wrote to the new one.
import type { Placed } from "../input.ts";
import { bytesBefore, type Content } from "./content.ts";
import { hashOf, idOf, type Stream, tailLength } from "./known-streams.ts";
import { LaneFiles, type Tracked } from "./lane-files.ts";
import { LaneStreams } from "./lane-streams.ts";
import { cutLines, LongLine, placed } from "./line-cutter.ts";
import { chunkLength, type Reading } from "./reading.ts";

const batchesPerStep = 16;
const mostRecords = 1_000;
/** 1 TiB: what offsets may be at most. */
const mostOffset = 2 ** 40;

/** What became of reading one content. */
type Outcome = "done" | "waits" | "more" | "changed";

export class Lane {
  readonly path: string;
  /** Whether the configuration names it, and not a pattern only. */
  readonly expected: boolean;
  /** False where it turned out to be a rotated file of another lane. */
  isLive = true;
  readonly #reading: Reading;
  readonly #files: LaneFiles;
  readonly #streams: LaneStreams;
  /** The one that something was handed over of last, until the lane ends. */
  #stream: Stream | undefined;

  constructor(path: string, expected: boolean, reading: Reading) {
    this.path = path;
    this.expected = expected;
    this.#reading = reading;
    this.#files = new LaneFiles(path, expected, reading);
    this.#streams = new LaneStreams(this.#files, reading);
  }

  /** Bytes that are there and not handed over; of a compressed file that was not read yet, its compressed size. */
  get behind(): number {
    let sum = 0;
    const counted = new Set<Stream>();
    for (const { stream, measured, compression, drained } of this.#files.all.toReversed()) {
      const unread = drained ? 0 : measured;
      if (stream === undefined) sum += unread;
      else if (this.#streams.shown.has(stream) && !counted.has(stream)) {
        counted.add(stream);
        sum += compression === undefined ? Math.max(0, measured - stream.offset) : unread;
      }
    }
    return sum;
  }

  get isThere(): boolean {
    return this.#files.isThere;
  }

  /** Ticks for which nothing of it was there. */
  get absence(): number {
    return this.#files.absence;
  }

  /**
   * Looks at what is there and reads a part of it.
   * @returns whether there is more that can be read now
   */
  async step(): Promise<boolean> {
    if (!(await this.#files.look())) return true;
    const all = this.#files.all;
    const ready = await this.#streams.identifyAll(all);
    if (ready === undefined) return true;
    let budget = batchesPerStep;
    const { files, waits } = this.#streams.toRead(all, ready);
    for (const file of files) {
      if (this.#streams.isWaitedFor(file)) return false;
      while (file.stream !== undefined && !file.drained) {
        const outcome = await this.#read(file);
        if (outcome === "done") break;
        if (outcome === "waits") return false;
        if (outcome === "changed" || --budget === 0) return true;
      }
    }
    const { live } = this.#files;
    if (this.#streams.isOutrun(live)) {
      live!.identified = false;
      return true;
    }
    if (ready < all.length || waits) return budget < batchesPerStep;
    await this.#files.closeRead();
    return false;
  }

  /** What is there now was dealt with before: only what comes is read. To be kept by what is handed over next. */
  async skip(): Promise<void> {
    await this.#files.look();
    for (const file of this.#files.all) {
      await this.#streams.identify(file, [], true, true);
      const { content, stream } = file;
      if (stream === undefined || content === undefined || stream.offset > 0) continue;
      const into = this.#reading.buffer.subarray(0, chunkLength);
      let lineEnd = 0;
      let end = 0;
      for (;;) {
        const bytes = await content.read(end, into);
        const lf = bytes.lastIndexOf(10);
        if (lf !== -1) lineEnd = end + lf + 1;
        end += bytes.length;
        if (bytes.length < into.length) break;
      }
      // A line that the live file holds a half of is read when its end is there.
      const offset = file === this.#files.live ? lineEnd : end;
      if (offset > 0) this.#reading.move(stream, offset, await bytesBefore(content, offset));
    }
  }

  /** The id of the stream it was in, if anything was handed over since this was asked last. */
  takeStream(): string | undefined {
    const stream = this.#stream;
    this.#stream = undefined;
    return stream === undefined ? undefined : idOf(stream);
  }

  /** Takes the live file's size as it is now, for those who ask how far behind it is. */
  measure(): void {
    this.#files.measure();
  }

  async close(): Promise<void> {
    await this.#files.close();
    this.#streams.close();
  }

  /** What is newer waits for the end of a line, but for a live file there is nothing newer, and what is broken may stay so. */
  #waitsOrDone(file: Tracked): Outcome {
    return file === this.#files.live || file.content?.failure !== undefined ? "done" : "waits";
  }

  async #read(file: Tracked): Promise<Outcome> {
    const reading = this.#reading;
    const content = await this.#files.open(file);
    const stream = file.stream!;
    const { offset } = stream;
    // A copy that was given up, of what was read elsewhere.
    const isPart = file !== this.#files.live && file.compression === undefined && file.size < offset;
    if (content === undefined || isPart) return "done";
    if (offset >= mostOffset - chunkLength) {
      reading.tell(file.path, "it is longer than 1 TiB: the rest is not read");
      return "done";
    }
    const before = Math.min(offset, tailLength);
    // Of the live file no more than there was when the older ones were looked for.
    const room = file === this.#files.live ? Math.max(0, file.size - offset) : chunkLength;
    const into = reading.buffer.subarray(0, before + Math.min(chunkLength, room));
    const bytes = await content.read(offset - before, into);
    // Read in one: what is new is of the content that the stream is, and not of one that took its place meanwhile.
    const known = offset === 0 ? stream.headLength : before;
    if (bytes.length < known || hashOf(bytes.subarray(0, known)) !== (offset === 0 ? stream.head : stream.tail)) {
      file.identified = false;
      return "changed";
    }
    const fresh = bytes.subarray(before);
    const now = reading.options.clock.now();
    let used = 0;
    while (used < fresh.length) {
      const most = { records: mostRecords, bytes: chunkLength };
      const cut = cutLines(fresh.subarray(used), offset + used, now, most);
      if (cut.used === 0) break;
      used += cut.used;
      await this.#advance(stream, cut.records, offset + used, bytes.subarray(0, before + used));
    }
    if (used > 0) return "more";
    if (fresh.length === chunkLength) return this.#readLong(file, content, stream);
    return this.#readRest(file, stream, Buffer.from(bytes), before);
  }

  #advance(stream: Stream, records: readonly Placed[], offset: number, before: Buffer): Promise<void> {
    this.#stream = stream;
    return this.#reading.advance(this.path, stream, records, offset, before);
  }

  /** What stands after the last line's end: a record only where it will never get an end. */
  async #readRest(file: Tracked, stream: Stream, bytes: Buffer, before: number): Promise<Outcome> {
    const rest = bytes.subarray(before);
    if (rest.length === 0) {
      file.drained = !this.#files.isBroken(file);
      return "done";
    }
    if (this.#files.isBroken(file)) return "done";
    if (!this.#files.isOver(file)) return this.#waitsOrDone(file);
    const offset = stream.offset + rest.length;
    const record = placed(rest, offset, this.#reading.options.clock.now(), { crlf: false, valid: false });
    await this.#advance(stream, [record], offset, bytes);
    return "more";
  }

  /** A line of more than a chunk; what was read of it is kept while its end is not there. */
  async #readLong(file: Tracked, content: Content, stream: Stream): Promise<Outcome> {
    if (file.longLine?.offset !== stream.offset) file.longLine = new LongLine(stream.offset);
    const line = file.longLine;
    let ended = false;
    for (;;) {
      const room = file === this.#files.live ? Math.max(0, file.size - line.next) : chunkLength;
      const into = this.#reading.buffer.subarray(0, Math.min(chunkLength, room));
      const piece = await content.read(line.next, into);
      ended = line.add(piece);
      if (ended || piece.length < chunkLength) break;
    }
    if (!ended && !this.#files.isOver(file)) return this.#waitsOrDone(file);
    file.longLine = undefined;
    const record = line.record(this.#reading.options.clock.now(), ended);
    const before = await bytesBefore(content, record.offset);
    await this.#advance(stream, [record], record.offset, before);
    return "more";
  }
}
