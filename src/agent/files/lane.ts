// One live file and what it was rotated to: its lines, in order, through everything that becomes of its names. In each step
// it looks at what is there, finds which streams these contents are, and reads the oldest first. The live file's size and
// beginning are taken before older contents are looked for and read to their ends: so what a writer wrote to the old file
// before it opened the new one comes before what it wrote to the new one.
import { lstat, realpath, stat } from "node:fs/promises";
import type { Placed } from "../input.ts";
import { type Content, openContent, type Shape } from "./content.ts";
import type { RotatedName } from "./directory-listing.ts";
import { hashOf, idOf, mostHead, type Stream, tailLength } from "./known-streams.ts";
import { cutLines, endWithoutCr, LongLine, placed } from "./line-cutter.ts";
import { chunkLength, type Reading } from "./reading.ts";
import { type Compression, compressionOf, oldestFirst } from "./rotated-name.ts";

const batchesPerStep = 16;
const mostRecords = 1_000;
const mostLooks = 20;

/** A file that is, or was, there. */
interface Tracked {
  readonly key: string;
  path: string;
  /** `gone`: no name of this lane leads to it any more, but it is open. */
  role: "live" | "rotated" | "gone";
  /** What it was before it was gone. */
  wasLive: boolean;
  counter: string;
  readonly compression: Compression | undefined;
  size: number;
  changed: bigint;
  /** Its size when it was last asked for; only to tell how far behind reading is. */
  measured: number;
  /** Tick at which it was last seen to change. */
  since: number;
  content: Content | undefined;
  /** What the live file began with before its rotated ones were looked for: they are older than that. */
  glimpse: Buffer | undefined;
  stream: Stream | undefined;
  /** Looked at since it last changed. */
  identified: boolean;
  /** Read to its end as of its last change; of what is compressed, its size does not say. */
  drained: boolean;
  longLine: LongLine | undefined;
}

/** What became of reading one content. */
type Outcome = "done" | "waits" | "more" | "changed";

export class Lane {
  readonly path: string;
  /** Whether the configuration names it, and not a pattern only. */
  readonly expected: boolean;
  /** False where it turned out to be a rotated file of another lane. */
  isLive = true;
  readonly #reading: Reading;
  readonly #files = new Map<string, Tracked>();
  #shown = new Set<Stream>();
  #live: Tracked | undefined;
  #sawLive = false;
  /** Which names led to which files when it was looked last. */
  #names = "";
  #lastSeen: number;
  /** The one that something was handed over of last, until the lane ends. */
  #stream: Stream | undefined;

  constructor(path: string, expected: boolean, reading: Reading) {
    this.path = path;
    this.expected = expected;
    this.#reading = reading;
    this.#lastSeen = reading.tick;
  }

  /** Bytes that are there and not handed over; of a compressed file that was not read yet, its compressed size. */
  get behind(): number {
    let sum = 0;
    const counted = new Set<Stream>();
    for (const { stream, measured, compression, drained } of this.#ordered().toReversed()) {
      const unread = drained ? 0 : measured;
      if (stream === undefined) sum += unread;
      else if (this.#shown.has(stream) && !counted.has(stream)) {
        counted.add(stream);
        sum += compression === undefined ? Math.max(0, measured - stream.offset) : unread;
      }
    }
    return sum;
  }

  get isThere(): boolean {
    return this.#files.size > 0;
  }

  /** Ticks for which nothing of it was there. */
  get absence(): number {
    return this.#reading.tick - this.#lastSeen;
  }

  /**
   * Looks at what is there and reads a part of it.
   * @returns whether there is more that can be read now
   */
  async step(): Promise<boolean> {
    if (!(await this.#look())) return true;
    const all = this.#ordered();
    const ready = await this.#identifyAll(all);
    if (ready === undefined) return true;
    let budget = batchesPerStep;
    for (const file of this.#toRead(all, ready)) {
      if (this.#isWaitedFor(file)) return false;
      while (file.stream !== undefined && !file.drained) {
        const outcome = await this.#read(file);
        if (outcome === "done") break;
        if (outcome === "waits") return false;
        if (outcome === "changed" || --budget === 0) return true;
      }
    }
    if (ready < all.length) return budget < batchesPerStep;
    await this.#closeRead();
    return false;
  }

  /** What is there now was dealt with before: only what comes is read. To be kept by what is handed over next. */
  async skip(): Promise<void> {
    await this.#look();
    for (const file of this.#ordered()) {
      await this.#identify(file, [], true, true);
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
      const offset = file === this.#live ? lineEnd : end;
      if (offset > 0) this.#reading.move(stream, offset, await bytesBefore(content, offset));
    }
  }

  /** Takes the sizes as they are now, for those who ask how far behind it is. */
  measure(): void {
    for (const file of this.#files.values())
      if (file.role === "live")
        file.content?.shape().then(
          ({ size }) => {
            file.measured = size;
          },
          () => undefined, // closed meanwhile, and gone with that
        );
  }

  /** The id of the stream it was in, if anything was handed over since this was asked last. */
  takeStream(): string | undefined {
    const stream = this.#stream;
    this.#stream = undefined;
    return stream === undefined ? undefined : idOf(stream);
  }

  async close(): Promise<void> {
    for (const file of this.#files.values()) await file.content?.close();
    for (const stream of this.#shown) this.#reading.disown(stream, this);
    this.#files.clear();
  }

  // What is there

  /** @returns false where names change while it looks: a file may have been missed between two of its names */
  async #look(): Promise<boolean> {
    let seen = await this.#lookOnce();
    // Two looks that agree, or one that agrees with what is known.
    for (let i = 0; seen.names !== this.#names; i++) {
      this.#names = seen.names;
      if (i >= mostLooks) return false;
      this.#reading.turn++;
      seen = await this.#lookOnce();
    }
    for (const [key, file] of this.#files) {
      if (seen.keys.has(key)) continue;
      if (file.content === undefined) this.#files.delete(key);
      else this.#update(file, await file.content.shape(), "gone");
    }
    if (this.#files.size > 0) this.#lastSeen = this.#reading.tick;
    const files = [...this.#files.values()];
    this.#live = files.find(({ role }) => role === "live");
    this.#sawLive ||= this.#live !== undefined;
    // Files that are named by their dates from the start: the newest is written to.
    if (!this.#sawLive && !this.expected)
      this.#live = oldestFirst(files.filter(({ role }) => role === "rotated")).at(-1) as Tracked | undefined;
    return true;
  }

  async #lookOnce(): Promise<{ readonly keys: ReadonlySet<string>; readonly names: string }> {
    const keys = new Set<string>();
    // The live file first; see above.
    const names = [await this.#see({ path: this.path, counter: "" }, "live", keys)];
    for (const name of await this.#rotatedNames()) names.push(await this.#see(name, "rotated", keys));
    return { keys, names: names.sort().join("\n") };
  }

  async #rotatedNames(): Promise<readonly RotatedName[]> {
    const { listings, isLive } = this.#reading.options;
    const { turn } = this.#reading;
    const names: RotatedName[] = [];
    for (const live of await this.#livePaths())
      try {
        names.push(...(await listings.rotatedOf(live, turn, isLive)));
        this.#reading.tell(`${live} (directory)`, undefined);
      } catch (thrown) {
        if (!isAbsence(thrown)) this.#reading.tell(`${live} (directory)`, wordsOf(thrown));
      }
    return names;
  }

  /** Its path, and where that leads to if it is a link: rotation happens there. */
  async #livePaths(): Promise<readonly string[]> {
    try {
      if (!(await lstat(this.path)).isSymbolicLink()) return [this.path];
      return [this.path, await realpath(this.path)];
    } catch {
      return [this.path]; // that it is not there was told when it was looked at
    }
  }

  async #see({ path, counter }: RotatedName, role: "live" | "rotated", seen: Set<string>): Promise<string> {
    const compression = compressionOf(path);
    if (compression === null) {
      if (role === "live") this.#reading.tell(path, "this compression cannot be read");
      return path;
    }
    let shape: Shape;
    try {
      const { dev, ino, size, mtimeNs, ...kind } = await statOf(path);
      if (!kind.isFile) throw new Error(kind.isDirectory ? "it is a directory" : "it is not a file");
      shape = { key: `${dev}:${ino}`, size, changed: mtimeNs };
      const name = `${path} ${shape.key}`;
      if (seen.has(shape.key)) return name;
      let file = this.#files.get(shape.key);
      if (file !== undefined && file.compression !== compression) {
        // Another file has its number by now, or it was renamed to what it is not.
        await file.content?.close();
        this.#files.delete(shape.key);
        file = undefined;
      }
      if (file === undefined || (role === "live" && file.content === undefined)) {
        const content = await openContent(path, compression);
        shape = await content.shape(); // of what was opened, whatever the path leads to now
        const known = this.#files.get(shape.key);
        if (name !== `${path} ${shape.key}` || (known !== undefined && known.compression !== compression)) {
          await content.close();
          return `${path} changes, ${this.#reading.turn}`;
        }
        if (known?.content !== undefined) await content.close();
        else if (known !== undefined) known.content = content;
        file = known ?? newFile(path, role, compression, content, shape, this.#reading.tick);
        this.#files.set(shape.key, file);
      }
      file.path = path;
      file.counter = counter;
      seen.add(shape.key);
      this.#update(file, shape, role);
      file.glimpse = undefined;
      if (role === "live" && !file.identified) file.glimpse = await file.content!.read(0, Buffer.alloc(mostHead));
      this.#reading.tell(path, undefined);
      return name;
    } catch (thrown) {
      // A file may go at any time; what the configuration names should be there.
      const expected = role === "live" && this.expected;
      this.#reading.tell(path, !expected && isAbsence(thrown) ? undefined : wordsOf(thrown));
      return path;
    }
  }

  #update(file: Tracked, { size, changed }: Shape, role: Tracked["role"]): void {
    if (file.size === size && file.changed === changed && file.role === role) return;
    if (file.size !== size || file.changed !== changed) {
      file.identified = false;
      file.drained = false;
    }
    file.size = size;
    file.measured = size;
    file.changed = changed;
    if (role === "gone" && file.role !== "gone") file.wasLive = file.role === "live";
    file.role = role;
    file.since = this.#reading.tick;
  }

  /** Oldest first. */
  #ordered(): readonly Tracked[] {
    const files = [...this.#files.values()];
    const order = [...oldestFirst(files.filter(({ role }) => role === "rotated"))] as Tracked[];
    const gone = files.filter(({ role }) => role === "gone");
    // What was rotated before it lost its name is as old as its last change; what was live is newer than all rotated ones.
    for (const file of gone.filter(({ wasLive }) => !wasLive)) {
      order.splice(order.findLastIndex(({ changed }) => changed <= file.changed) + 1, 0, file);
    }
    const live = files.filter(({ role }) => role === "live");
    return [...order, ...gone.filter(({ wasLive }) => wasLive), ...live];
  }

  /**
   * What is to be read, oldest first: files that are not known yet, and of each stream one file, in the place of its oldest.
   * @param ready so many of the files are known so far
   */
  #toRead(all: readonly Tracked[], ready: number): readonly Tracked[] {
    const found: { readonly file: Tracked; readonly at: number }[] = [];
    for (const [at, file] of all.entries()) {
      const { stream } = file;
      const same = stream === undefined ? [file] : all.filter((other) => other.stream === stream);
      if (stream !== undefined && !this.#reading.owns(stream, this)) continue;
      if (same.some((other) => this.#rank(other) > this.#rank(file))) continue;
      if (same.find((other) => this.#rank(other) === this.#rank(file)) !== file) continue;
      found.push({ file, at: file === this.#live ? at : all.indexOf(same[0]!) });
    }
    return found
      .filter(({ at }) => at < ready)
      .sort((a, b) => a.at - b.at)
      .map(({ file }) => file);
  }

  /** Whether nothing will come after what it has now. What is compressed and can be read to its end is over. */
  #isOver(file: Tracked): boolean {
    const { once, settleTicks } = this.#reading.options;
    if (file.compression !== undefined) return file.content?.failure === undefined;
    return once || (file !== this.#live && this.#reading.tick - file.since >= settleTicks);
  }

  // Which streams these are

  /** @returns how many can be read now: a file that begins like one that was not read yet comes after that; undefined where the live file is another since it was looked at */
  async #identifyAll(all: readonly Tracked[]): Promise<number | undefined> {
    let ready = 0;
    let waits = false;
    for (const file of all) {
      // What is newer than a file that is not known yet may be known, but is no new stream before that.
      const problem = file.identified ? undefined : await this.#identify(file, all, !waits);
      if (problem === "changed") return undefined;
      if (problem === "later") break;
      waits ||= this.#isWaitedFor(file);
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
  async #identify(
    file: Tracked,
    all: readonly Tracked[],
    mayBeNew: boolean,
    isAll = false,
  ): Promise<"later" | "changed" | undefined> {
    const { streams, clock } = this.#reading.options;
    const was = file.stream;
    file.stream = undefined;
    const content = await this.#open(file);
    if (content === undefined) return;
    content.rewind();
    const beginning = Buffer.from(await content.read(0, this.#reading.buffer.subarray(0, mostHead)));
    const { glimpse } = file;
    if (glimpse !== undefined && !beginning.subarray(0, glimpse.length).equals(glimpse)) return "changed";
    const complete = beginning.length < mostHead && content.failure === undefined;
    const size = file.compression === undefined ? file.size : complete ? beginning.length : undefined;
    const over = isAll || this.#isOver(file);
    const match = await streams.match(beginning, complete && over, size, (offset) => tailAt(content, offset));
    const broken = this.#isBroken(file);
    if (match === "undecided") {
      // Looked at again when it has changed, or has not for long enough.
      file.identified = file === this.#live || over || broken;
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
      if (alike.length > 0 && file !== this.#live) {
        file.stream = await this.#copied(file, content, alike, all);
        if (file.stream === undefined && !over) return; // it may be a copy that is being made
      }
      if (file.stream === undefined && streams.isFull) {
        this.#reading.tell(file.path, "there are too many files: it is not read");
        file.identified = file.drained = true;
        return;
      }
      file.stream ??= streams.create(head, file !== this.#live, clock.now());
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

  /** Whether it is compressed and ends before its end: it is being written, or it is damaged. */
  #isBroken({ path, compression, content }: Tracked): boolean {
    const broken = content?.failure !== undefined;
    if (compression !== undefined)
      this.#reading.tell(`${path} (compressed)`, broken ? "it ends before its end" : undefined);
    return broken;
  }

  /** Of several files of one stream the live one is read, else the plain one that has most, with a name before one without. */
  #rank(file: Tracked): number {
    const { role, compression, size } = file;
    if (file === this.#live) return Infinity;
    return compression === undefined ? size + (role === "gone" ? 0 : 0.5) : 0;
  }

  /** It is older than the live file, and not known yet what it is. */
  #isWaitedFor(file: Tracked): boolean {
    const { stream, size, drained, compression } = file;
    return stream === undefined && file !== this.#live && size > 0 && !drained && compression === undefined;
  }

  /** What is newer waits for the end of a line, but for a live file there is nothing newer, and what is broken may stay so. */
  #waitsOrDone(file: Tracked): Outcome {
    return file === this.#live || file.content?.failure !== undefined ? "done" : "waits";
  }

  async #open(file: Tracked): Promise<Content | undefined> {
    if (file.content !== undefined) return file.content;
    try {
      const content = await openContent(file.path, file.compression);
      const { key } = await content.shape();
      if (key === file.key) file.content = content;
      else await content.close(); // another one has its name by now
    } catch (thrown) {
      if (!isAbsence(thrown)) this.#reading.tell(file.path, wordsOf(thrown));
    }
    return file.content;
  }

  // Reading

  async #read(file: Tracked): Promise<Outcome> {
    const reading = this.#reading;
    const content = await this.#open(file);
    const stream = file.stream!;
    const { offset } = stream;
    // A copy that was given up, of what was read elsewhere.
    const isPart = file !== this.#live && file.compression === undefined && file.size < offset;
    if (content === undefined || isPart) return "done";
    const before = Math.min(offset, tailLength);
    // Of the live file no more than there was when the older ones were looked for.
    const room = file === this.#live ? Math.max(0, file.size - offset) : chunkLength;
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
      file.drained = !this.#isBroken(file);
      return "done";
    }
    if (this.#isBroken(file)) return "done";
    if (!this.#isOver(file)) return this.#waitsOrDone(file);
    const offset = stream.offset + rest.length;
    const line = rest.subarray(0, endWithoutCr(rest, 0, rest.length));
    const records = line.length === 0 ? [] : [placed(line, offset, this.#reading.options.clock.now())];
    await this.#advance(stream, records, offset, bytes);
    return "more";
  }

  /** A line of more than a chunk; what was read of it is kept while its end is not there. */
  async #readLong(file: Tracked, content: Content, stream: Stream): Promise<Outcome> {
    if (file.longLine?.offset !== stream.offset) file.longLine = new LongLine(stream.offset);
    const line = file.longLine;
    let ended = false;
    for (;;) {
      const room = file === this.#live ? Math.max(0, file.size - line.next) : chunkLength;
      const into = this.#reading.buffer.subarray(0, Math.min(chunkLength, room));
      const piece = await content.read(line.next, into);
      ended = line.add(piece);
      if (ended || piece.length < chunkLength) break;
    }
    if (!ended && !this.#isOver(file)) return this.#waitsOrDone(file);
    file.longLine = undefined;
    const record = line.record(this.#reading.options.clock.now(), ended);
    const before = await bytesBefore(content, record.offset);
    await this.#advance(stream, [record], record.offset, before);
    return "more";
  }

  /** Lets go of what was read and is over. */
  async #closeRead(): Promise<void> {
    for (const [key, file] of this.#files) {
      if (file.role === "live" || !this.#isOver(file)) continue;
      const { content } = file;
      file.content = undefined;
      if (file.role === "gone") this.#files.delete(key);
      await content?.close();
    }
  }
}

function newFile(
  path: string,
  role: Tracked["role"],
  compression: Compression | undefined,
  content: Content,
  { key, size, changed }: Shape,
  since: number,
): Tracked {
  const unread = {
    wasLive: false,
    glimpse: undefined,
    stream: undefined,
    identified: false,
    drained: false,
    longLine: undefined,
  };
  return { key, path, role, counter: "", compression, size, measured: size, changed, since, content, ...unread };
}

async function bytesBefore(content: Content, offset: number): Promise<Buffer> {
  const from = Math.max(0, offset - tailLength);
  return content.read(from, Buffer.alloc(offset - from));
}

async function tailAt(content: Content, offset: number): Promise<string | undefined> {
  const bytes = await bytesBefore(content, offset);
  return bytes.length === Math.min(offset, tailLength) ? hashOf(bytes) : undefined;
}

async function statOf(path: string) {
  const stats = await stat(path, { bigint: true });
  const { dev, ino, size, mtimeNs } = stats;
  return { dev, ino, size: Number(size), mtimeNs, isFile: stats.isFile(), isDirectory: stats.isDirectory() };
}

function isAbsence(thrown: unknown): boolean {
  return (thrown as NodeJS.ErrnoException).code === "ENOENT";
}

function wordsOf(thrown: unknown): string {
  const { code, message } = thrown as NodeJS.ErrnoException;
  if (code === "ENOENT") return "there is no such file";
  if (code === "EACCES" || code === "EPERM") return "permission denied";
  return message;
}
