// Which streams the files of a lane are, and which of them is read for each. A file is what its bytes say; but what begins like
// a stream that is known may be a copy that is still being made, and a compressed file may not be whole yet: these are
// waited for, and what is newer with them. Files that are alike up to the place that was read, and not after it, are several
// contents, of which the oldest is the stream.
import { lengthOf, tailAt } from "./content.ts";
import { mostHead, type Stream } from "./known-streams.ts";
import type { LaneFiles, Tracked } from "./lane-files.ts";
import type { Reading } from "./reading.ts";

/** Of two live files that have no more than this in common nobody can say that they are the same. */
const leastCopy = 256;

export class LaneStreams {
  readonly #files: LaneFiles;
  readonly #reading: Reading;
  #shown = new Set<Stream>();
  /** Of streams that several files are of: the one that is read. */
  #readers = new Map<Stream, Tracked>();
  /** Those that were told apart last. */
  #told: readonly Tracked[] = [];

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
    let isNew = all.length !== this.#told.length || all.some((file, i) => file !== this.#told[i]);
    for (const file of all) {
      if (this.#isPassed(file)) file.identified = false;
      isNew ||= !file.identified;
      // What is newer than a file that is not known yet may be known, but is no new stream before that.
      let problem = file.identified ? undefined : await this.identify(file, all, !waits);
      if (problem === "later" && !waits && this.#release(all.slice(ready + 1)))
        problem = await this.identify(file, all, true);
      if (problem === "changed") return undefined;
      if (problem === "later") break;
      waits ||= this.isWaitedFor(file);
      ready++;
    }
    if (isNew) ready = Math.min(ready, await this.#tellApart(all));
    this.#reading.show(this, all);
    const shown = new Set(all.flatMap(({ stream }) => (stream === undefined ? [] : [stream])));
    for (const stream of this.#shown) if (!shown.has(stream)) this.#reading.disown(stream, this);
    this.#shown = shown;
    return ready;
  }

  /** Takes streams that nothing was read of from newer files: an older one may be what begins so, and is read before. */
  #release(newer: readonly Tracked[]): boolean {
    let released = false;
    for (const file of newer) {
      const { stream } = file;
      if (stream === undefined || stream.offset > 0 || !this.#reading.release(stream, this)) continue;
      file.stream = undefined;
      file.identified = false;
      file.longLine = undefined;
      this.#shown.delete(stream);
      released = true;
    }
    return released;
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
    const isAnothers = (stream: Stream): boolean => this.#isAnothers(file, stream);
    const match = await streams.match(
      beginning,
      complete && over,
      size,
      (offset) => tailAt(content, offset),
      isAnothers,
    );
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
      if (alike.length > 0) {
        file.stream = await this.#copied(file, alike, all);
        // It may be a copy that is being made.
        if (file.stream === undefined && file !== this.#files.live && !over) return;
      }
      if (file.stream === undefined && streams.isFull) {
        this.#reading.tell(file.path, "there are too many files: it is not read");
        file.identified = file.drained = true;
        return;
      }
      file.stream ??= streams.create(head, file !== this.#files.live, clock.now());
    }
    if (file.stream !== was) file.longLine = undefined;
    file.checked = file.stream?.offset;
    file.identified = true;
    return;
  }

  /** Whether a live file has no more in common with another lane's than files that merely begin alike. */
  #isAnothers({ key, compression }: Tracked, stream: Stream): boolean {
    if (stream.offset >= leastCopy || compression !== undefined) return false;
    const others = this.#reading.besides(this).filter((other) => other.stream === stream);
    return others.length > 0 && others.every((other) => other.key !== key && other.compression === undefined);
  }

  /** The stream of another file that begins with all of this one: it is a copy that is being made, or was given up. */
  async #copied(file: Tracked, alike: readonly Stream[], all: readonly Tracked[]): Promise<Stream | undefined> {
    const size = await this.#lengthOf(file);
    if (size === undefined || file.content === undefined) return undefined;
    const tail = await tailAt(file.content, size);
    // A live file that was truncated may begin like those that it was rotated to.
    const here = file === this.#files.live ? [] : all;
    for (const other of [...here, ...(size < leastCopy ? [] : this.#reading.besides(this))]) {
      const { stream, content, compression } = other;
      // Another lane may hold this very file, and what it was before it was truncated.
      if (other.key === file.key || stream === undefined || content === undefined || !alike.includes(stream)) continue;
      if (compression !== undefined || (await tailAt(content, size)) !== tail) continue;
      if ((await tailAt(content, stream.offset)) === stream.tail) return stream;
    }
    return undefined;
  }

  /** Bytes when expanded; undefined where that cannot be said yet. */
  async #lengthOf(file: Tracked): Promise<number | undefined> {
    const content = await this.#files.open(file);
    if (content === undefined) return undefined;
    if (file.compression === undefined) return file.size;
    file.length ??= await lengthOf(content, file.compression);
    return content.failure === undefined ? file.length : undefined;
  }

  /**
   * Finds out which of several files of one stream is read, and which are of another stream after all.
   * @returns how many can be read: those after the first that must be looked at again when others were read cannot
   */
  async #tellApart(all: readonly Tracked[]): Promise<number> {
    let ready = all.length;
    this.#told = all;
    this.#readers = new Map();
    for (const [i, file] of all.entries()) {
      const { stream } = file;
      const best = stream === undefined ? undefined : this.#readers.get(stream);
      if (stream === undefined) continue;
      const [had, has] = best === undefined ? [0, 0] : [await this.#lengthOf(best), await this.#lengthOf(file)];
      if (best === undefined || had === undefined) this.#readers.set(stream, file);
      else if (has !== undefined) {
        const common = Math.min(had, has);
        // A copy that was given up has less than was read: that was compared before.
        const isSame =
          common <= stream.offset || (await tailAt(best.content!, common)) === (await tailAt(file.content!, common));
        if (!isSame) {
          file.stream = undefined;
          file.identified = false;
          ready = Math.min(ready, i);
        } else if (has > had || (has === had && this.#isBetter(file, best))) this.#readers.set(stream, file);
      }
    }
    return ready;
  }

  /** Of files that have as much the live one is read, else a plain one, with a name before one without. */
  #isBetter(file: Tracked, than: Tracked): boolean {
    const rank = (one: Tracked): number =>
      one === this.#files.live ? 3 : one.compression !== undefined ? 0 : one.role === "gone" ? 1 : 2;
    return rank(file) > rank(than);
  }

  /**
   * What is to be read, oldest first: files that are not known yet, and of each stream one file, in the place of its oldest.
   * What is newer than that which another lane still reads waits for it.
   * @param ready so many of the files are known so far
   * @returns with whether something waits
   */
  toRead(all: readonly Tracked[], ready: number): { readonly files: readonly Tracked[]; readonly waits: boolean } {
    const found: { readonly file: Tracked; readonly at: number }[] = [];
    let end = ready;
    for (const [i, file] of all.entries()) {
      const { stream } = file;
      if (stream !== undefined && this.#readers.get(stream) !== file) continue;
      const first = stream === undefined ? i : all.findIndex((other) => other.stream === stream);
      const at = file === this.#files.live ? i : first;
      if (stream === undefined || this.#reading.owns(stream, this, this.#mayTake(file, stream)))
        found.push({ file, at });
      else if (hasMore(file, stream) && !this.#isLeft(file, stream)) end = Math.min(end, at);
    }
    const files = found
      .filter(({ at }) => at < end)
      .sort((a, b) => a.at - b.at)
      .map(({ file }) => file);
    return { files, waits: end < ready };
  }

  /** Another lane has the stream, and it went on there: this file may have gone on otherwise. */
  #isPassed({ stream, checked, identified }: Tracked): boolean {
    if (!identified || stream === undefined || checked === undefined || checked >= stream.offset) return false;
    return this.#reading.isSettled(stream) && !this.#reading.isOwnedBy(stream, this);
  }

  /** It has more than was read of the stream, and those who were to read that have not. */
  #mayTake(file: Tracked, stream: Stream): boolean {
    if (!this.#isLeft(file, stream)) return false;
    const theirs = this.#reading.ownersFiles(stream);
    return theirs.every(
      ({ key, compression, size }) => key !== file.key && compression === undefined && size <= stream.offset,
    );
  }

  /** It has more than was read of the stream, and has had it for so long that whose stream it is would have read it. */
  #isLeft(file: Tracked, stream: Stream): boolean {
    const { options, tick, isLast } = this.#reading;
    if (!hasMore(file, stream)) file.ahead = undefined;
    else if (file.ahead === undefined || file.ahead < stream.moved) file.ahead = tick;
    if (file.ahead === undefined) return false;
    return options.once ? isLast : tick - file.ahead > options.settleTicks;
  }

  /** The live file has less than was read of the stream that it was held to be: it is another since. */
  isOutrun(file: Tracked | undefined): boolean {
    if (file?.stream === undefined || file.compression !== undefined || file.size >= file.stream.offset) return false;
    return this.#shown.has(file.stream) && this.#readers.get(file.stream) !== file;
  }

  /** It is older than the live file, and not known yet what it is. */
  isWaitedFor(file: Tracked): boolean {
    const { stream, size, drained, compression } = file;
    return stream === undefined && file !== this.#files.live && size > 0 && !drained && compression === undefined;
  }

  close(): void {
    for (const stream of this.#shown) this.#reading.disown(stream, this);
    this.#shown.clear();
    this.#readers.clear();
    this.#reading.leave(this);
  }
}

function hasMore({ compression, size, length, drained }: Tracked, { offset }: Stream): boolean {
  return compression === undefined ? size > offset : !drained && (length === undefined || length > offset);
}
