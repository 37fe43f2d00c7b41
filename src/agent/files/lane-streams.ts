// Which streams the files of a lane are, and which of them is read for each. A file is what its bytes say; but what begins like
// a stream that is known may be a copy that is still being made, and a compressed file may not be whole yet: these are
// waited for, and what is newer with them.
import { type Content, tailAt } from "./content.ts";
import { mostHead, type Stream } from "./known-streams.ts";
import type { LaneFiles, Tracked } from "./lane-files.ts";
import type { Reading } from "./reading.ts";

export class LaneStreams {
  readonly #files: LaneFiles;
  readonly #reading: Reading;
  #shown = new Set<Stream>();

  constructor(files: LaneFiles, reading: Reading) {
    this.#files = files;
    this.#reading = reading;
  }

  /** Those that a file of the lane is of. */
  get shown(): ReadonlySet<Stream> {
    return this.#shown;
  }

  /**
   * Finds which streams the files are, oldest first.
   * @returns how many can be read now: a file that begins like one that was not read yet comes after that; undefined where
   *   the live file is another since it was looked at
   */
  async identifyAll(all: readonly Tracked[]): Promise<number | undefined> {
    let ready = 0;
    let waits = false;
    for (const file of all) {
      // What is newer than a file that is not known yet may be known, but is no new stream before that.
      const problem = file.identified ? undefined : await this.identify(file, all, !waits);
      if (problem === "changed") return undefined;
      if (problem === "later") break;
      waits ||= this.isWaitedFor(file);
      ready++;
    }
    const shown = new Set(all.flatMap(({ stream }) => (stream === undefined ? [] : [stream])));
    for (const stream of this.#shown) if (!shown.has(stream)) this.#reading.disown(stream, this);
    this.#shown = shown;
    return ready;
  }

  /**
   * @param mayBeNew whether it may be a stream that is not known yet
   * @param isAll it is all there, whatever it looks like: what is being written may yet become another stream
   */
  async identify(
    file: Tracked,
    all: readonly Tracked[],
    mayBeNew: boolean,
    isAll = false,
  ): Promise<"later" | "changed" | undefined> {
    const { streams, clock } = this.#reading.options;
    const was = file.stream;
    file.stream = undefined;
    const content = await this.#files.open(file);
    if (content === undefined) return;
    content.rewind();
    const beginning = Buffer.from(await content.read(0, this.#reading.buffer.subarray(0, mostHead)));
    const { glimpse } = file;
    if (glimpse !== undefined && !beginning.subarray(0, glimpse.length).equals(glimpse)) return "changed";
    const complete = beginning.length < mostHead && content.failure === undefined;
    const size = file.compression === undefined ? file.size : complete ? beginning.length : undefined;
    const over = isAll || this.#files.isOver(file);
    const match = await streams.match(beginning, complete && over, size, (offset) => tailAt(content, offset));
    const broken = this.#files.isBroken(file);
    if (match === "undecided") {
      // Looked at again when it has changed, or has not for long enough.
      file.identified = file === this.#files.live || over || broken;
      file.drained = over;
      return;
    }
    if ("stream" in match) file.stream = match.stream;
    else if (was?.offset === 0 && match.alike.includes(was)) file.stream = was;
    else {
      const { alike, head } = match;
      if (!mayBeNew || alike.some(({ offset }) => offset === 0)) return "later";
      // What ends before its end is looked at again when it has changed.
      file.identified = broken;
      if (broken && alike.length > 0) return;
      if (alike.length > 0 && file !== this.#files.live) {
        file.stream = await this.#copied(file, content, alike, all);
        if (file.stream === undefined && !over) return; // it may be a copy that is being made
      }
      if (file.stream === undefined && streams.isFull) {
        this.#reading.tell(file.path, "there are too many files: it is not read");
        file.identified = file.drained = true;
        return;
      }
      file.stream ??= streams.create(head, file !== this.#files.live, clock.now());
    }
    if (file.stream !== was) file.longLine = undefined;
    file.identified = true;
    return;
  }

  /** The stream of another file that begins with all of this one: it is a copy that is being made, or was given up. */
  async #copied(
    file: Tracked,
    content: Content,
    alike: readonly Stream[],
    order: readonly Tracked[],
  ): Promise<Stream | undefined> {
    if (file.compression !== undefined) return undefined;
    const { size } = await content.shape();
    const tail = await tailAt(content, size);
    for (const other of order) {
      if (other === file || other.stream === undefined || !alike.includes(other.stream)) continue;
      if (other.compression !== undefined || other.content === undefined) continue;
      if ((await tailAt(other.content, size)) === tail) return other.stream;
    }
    return undefined;
  }

  /**
   * What is to be read, oldest first: files that are not known yet, and of each stream one file, in the place of its oldest.
   * @param ready so many of the files are known so far
   */
  toRead(all: readonly Tracked[], ready: number): readonly Tracked[] {
    const found: { readonly file: Tracked; readonly at: number }[] = [];
    for (const [at, file] of all.entries()) {
      const { stream } = file;
      const same = stream === undefined ? [file] : all.filter((other) => other.stream === stream);
      if (stream !== undefined && !this.#reading.owns(stream, this)) continue;
      if (same.some((other) => this.#rank(other) > this.#rank(file))) continue;
      if (same.find((other) => this.#rank(other) === this.#rank(file)) !== file) continue;
      found.push({ file, at: file === this.#files.live ? at : all.indexOf(same[0]!) });
    }
    return found
      .filter(({ at }) => at < ready)
      .sort((a, b) => a.at - b.at)
      .map(({ file }) => file);
  }

  /** Of several files of one stream the live one is read, else the plain one that has most, with a name before one without. */
  #rank(file: Tracked): number {
    const { role, compression, size } = file;
    if (file === this.#files.live) return Infinity;
    return compression === undefined ? size + (role === "gone" ? 0 : 0.5) : 0;
  }

  /** It is older than the live file, and not known yet what it is. */
  isWaitedFor(file: Tracked): boolean {
    const { stream, size, drained, compression } = file;
    return stream === undefined && file !== this.#files.live && size > 0 && !drained && compression === undefined;
  }

  close(): void {
    for (const stream of this.#shown) this.#reading.disown(stream, this);
    this.#shown.clear();
  }
}
