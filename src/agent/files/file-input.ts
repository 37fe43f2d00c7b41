// Follows files through rotation by rename, by copy and truncation, and by compression; through deletion and restarts. What
// was read is known by content (identity.ts), so it is read once, whatever the file is called by now. Reads no faster than
// what it hands over is taken.
import { closeSync, constants, fstatSync, openSync, readSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { Batch, Input, InputState, Placed } from "../input.ts";
import type { InputContext } from "../inputs.ts";
import { type Archive, readArchive, skipTo } from "./archive.ts";
import { digest, headOf, type ReadAt, tailBytes, tailOf } from "./identity.ts";
import { findLanes, type Lane, rotatedFrom } from "./lanes.ts";
import { LineCutter } from "./line-cutter.ts";
import { Waker } from "./waker.ts";

export interface FileOptions {
  /** Absolute paths and globs. */
  readonly patterns: readonly string[];
  readonly from: "start" | "end";
  readonly pollMs: number;
}

/** How far a content was read. */
interface Stream {
  offset: number;
  /** Digest of the bytes before the offset. */
  tail: string;
  /** When it was last seen, epoch milliseconds. */
  seen: number;
}

/** A file that is there, as it was last looked at. */
interface File {
  readonly key: string;
  readonly lane: string;
  path: string;
  stream: string;
  /** When there was nothing more to read in it: its size and time of writing then. */
  done: string | undefined;
  /** The bytes from the stream's offset on that are read, but in no whole line yet. */
  cutter: LineCutter;
  position: number;
  /** The last bytes before the position, as they were read. */
  before: Buffer;
}

const chunkBytes = 1024 * 1024;
const mostRecords = 1_000;
const chunksInTurn = 64;
/** A line without an end in a rotated file is whole once nobody wrote to it for so long. */
const quietMs = 5_000;
const forgetAfterMs = 30 * 24 * 3_600_000;
const mostStreams = 2_000;
const comparedBytes = 4096;
/** Of less content than this nobody can say that it is a copy and not another that begins alike. */
const tellingBytes = 256;
const emptyTail = digest(new Uint8Array());

type HandOver = (batch: Batch) => Promise<void>;

export class FileInput implements Input {
  readonly #options: FileOptions;
  readonly #context: InputContext;
  readonly #streams = new Map<string, Stream>();
  readonly #files = new Map<string, File>();
  /** Live files held open, so that what was renamed out of sight or deleted is read to its end. */
  readonly #held = new Map<string, { readonly key: string; readonly fd: number }>();
  readonly #problems = new Map<string, string>();
  readonly #behind = new Map<string, number>();
  #lanes: readonly Lane[] = [];
  #buffer = Buffer.allocUnsafe(chunkBytes);
  #fresh = true;

  constructor(options: FileOptions, context: InputContext) {
    this.#options = options;
    this.#context = context;
  }

  get state(): InputState {
    const problem = [...this.#problems.values()][0] ?? null;
    const behind = [...this.#behind.values()].reduce((sum, bytes) => sum + bytes, 0);
    return { text: `following ${this.#lanes.length} files`, behind, problem };
  }

  async run(handOver: HandOver, resume: unknown, signal: AbortSignal): Promise<void> {
    this.#streams.clear();
    this.#files.clear();
    const before = (resume as { streams: Record<string, Stream> } | undefined)?.streams;
    this.#fresh = before === undefined;
    for (const [id, stream] of Object.entries(before ?? {})) this.#streams.set(id, { ...stream });
    const waker = new Waker(signal);
    try {
      while (!signal.aborted) {
        const more = await this.#round(handOver, signal, waker);
        this.#fresh = false;
        if (more) continue;
        if (this.#context.once) return;
        await waker.wait(this.#options.pollMs);
      }
    } finally {
      waker.close();
      for (const { fd } of this.#held.values()) closeSync(fd);
      this.#held.clear();
    }
  }

  /** @returns whether something was left for the next round */
  async #round(handOver: HandOver, signal: AbortSignal, waker: Waker): Promise<boolean> {
    this.#lanes = findLanes(this.#options.patterns);
    this.#problems.clear();
    if (this.#lanes.length === 0) this.#problems.set("", `there is no file ${this.#options.patterns.join(", ")}`);
    let more = false;
    for (const lane of this.#lanes) {
      if (signal.aborted) return false;
      waker.watch(dirname(lane.path));
      if (await this.#lane(lane, handOver, signal)) more = true;
    }
    return more;
  }

  async #lane({ path, rotated }: Lane, handOver: HandOver, signal: AbortSignal): Promise<boolean> {
    const turn: Turn = {
      lane: path,
      signal,
      handOver: (batch) => this.#handOver(path, batch, handOver),
      isStale: () => rotatedFrom(path).join("\n") !== rotated.join("\n"),
      waits: false,
    };
    for (const old of rotated) {
      if (signal.aborted) return false;
      // Compressed or renamed meanwhile: what it is now called comes before what is behind it.
      if (keyOf(old) === undefined) return true;
      if (await this.#tried(old, () => this.#closed(old, turn))) return true;
      // What is to come after a line that may still get its end waits with it.
      if (turn.waits) return false;
    }
    const held = this.#held.get(path);
    const key = keyOf(path);
    if (held !== undefined && held.key !== key) {
      // Renamed or deleted: read to its end before what came in its place.
      if (await this.#tried(path, () => this.#read(held.fd, path, turn, true))) return true;
      if (turn.waits) return false;
      closeSync(held.fd);
      this.#held.delete(path);
      return true; // what it was rotated into, and whatever came between, is looked for first
    }
    if (signal.aborted) return false;
    if (key === undefined) {
      this.#problems.set(path, `${path} is not there`);
      this.#behind.delete(path);
      return false;
    }
    return this.#tried(path, () => {
      if (this.#held.get(path) === undefined) {
        const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
        const stat = fstatSync(fd, { bigint: true });
        if (!stat.isFile()) {
          closeSync(fd);
          throw new Error(`${path} is no file`);
        }
        this.#held.set(path, { key: `${stat.dev}:${stat.ino}`, fd });
      }
      return this.#read(this.#held.get(path)!.fd, path, turn, this.#context.once);
    });
  }

  /** A rotated file, compressed or not. */
  async #closed(path: string, turn: Turn): Promise<boolean> {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      if (!/\.(?:gz|zst)$/.test(path)) return await this.#read(fd, path, turn, true);
      return await this.#readArchive(fd, path, turn);
    } finally {
      closeSync(fd);
    }
  }

  /** @param isClosed nobody is to add to it any more @returns whether there is more than was read in this turn */
  async #read(fd: number, path: string, turn: Turn, isClosed: boolean): Promise<boolean> {
    const stat = fstatSync(fd, { bigint: true });
    const key = `${stat.dev}:${stat.ino}`;
    const looks = `${stat.size}:${stat.mtimeNs}`;
    const read = readerOf(fd);
    let file = this.#files.get(key);
    if (file?.done === looks) return false;
    // Truncated, or the inode was used again; or a copy of it was read further than it.
    if (file !== undefined && (!this.#agrees(file.stream, read) || !this.#isAt(file))) file = undefined;
    if (file === undefined) {
      // Rotated since the folder was listed: what it was rotated into comes first.
      if (path === turn.lane && turn.isStale()) return true;
      const found = this.#recognise(key, turn.lane, path, Number(stat.size), read, isClosed);
      if (found === undefined) return false;
      file = { key, lane: turn.lane, path, ...found, done: undefined };
      this.#files.set(key, file);
    }
    file.path = path;
    const stream = this.#streams.get(file.stream)!;
    stream.seen = this.#context.clock.now();
    for (let chunks = 0; chunks < chunksInTurn; chunks++) {
      if (turn.signal.aborted) return false;
      const length = readSync(fd, this.#buffer, 0, chunkBytes, file.position);
      if (length === 0) break;
      // Cut back or written anew while it was read: what was read is of no content that is known.
      if (!this.#agrees(file.stream, read)) {
        this.#files.delete(key);
        return true;
      }
      const start = file.position - file.before.length;
      const all = Buffer.concat([file.before, this.#buffer.subarray(0, length)]);
      const lines = file.cutter.push(all.subarray(file.before.length), this.#context.clock.now());
      file.position += length;
      file.before = Buffer.from(all.subarray(-tailBytes));
      await this.#advance(file, tailIn(all, start), lines, turn);
      if (chunks === chunksInTurn - 1) return true;
    }
    const size = Number(fstatSync(fd).size);
    if (isClosed && file.cutter.open > 0 && (this.#context.once || this.#isQuiet(fd))) {
      const last = file.cutter.flush(this.#context.clock.now());
      const tailAt = tailIn(file.before, file.position - file.before.length);
      await this.#advance(file, tailAt, last === undefined ? [] : [last], turn);
    }
    this.#behind.set(path, Math.max(0, size - stream.offset));
    if (isClosed && file.cutter.open > 0) turn.waits = true;
    if (file.cutter.open === 0 && size === file.position) file.done = looks;
    return false;
  }

  /** Hands lines over and notes how far the content was read, in one. */
  async #advance(file: File, tailAt: (offset: number) => string, lines: readonly Placed[], turn: Turn): Promise<void> {
    const stream = this.#streams.get(file.stream)!;
    const end = file.position - file.cutter.open;
    for (let from = 0; from < lines.length; from += mostRecords) {
      const records = lines.slice(from, from + mostRecords);
      const isLast = from + mostRecords >= lines.length;
      stream.offset = isLast ? end : records.at(-1)!.offset;
      stream.tail = tailAt(stream.offset);
      await turn.handOver({ stream: file.stream, records });
    }
    if (lines.length === 0 && end > stream.offset) {
      stream.offset = end; // empty lines alone
      stream.tail = tailAt(end);
    }
  }

  async #readArchive(fd: number, path: string, turn: Turn): Promise<boolean> {
    const stat = fstatSync(fd, { bigint: true });
    const key = `${stat.dev}:${stat.ino}`;
    const looks = `${stat.size}:${stat.mtimeNs}`;
    if (this.#files.get(key)?.done === looks) return false;
    let archive: Archive;
    try {
      archive = await readArchive(
        path,
        [...this.#streams].map(([, { offset }]) => offset),
      );
    } catch (thrown) {
      // Somebody may still be writing it; what it was made of is read until then.
      if (this.#isQuiet(fd)) throw new Error(`${path} cannot be expanded: ${(thrown as Error).message}`);
      return false;
    }
    if (archive.size === 0) return false;
    const id = this.#match(archive.head, (offset) => archive.tails.get(offset), archive.size, undefined);
    const stream = this.#streams.get(id) ?? this.#newStream(id, archive.size);
    stream.seen = this.#context.clock.now();
    if (stream.offset < archive.size) {
      const cutter = new LineCutter(stream.offset);
      let position = stream.offset;
      const advance = async (lines: readonly Placed[], tail: Uint8Array): Promise<void> => {
        for (let from = 0; from < lines.length; from += mostRecords) {
          const records = lines.slice(from, from + mostRecords);
          stream.offset = from + mostRecords >= lines.length ? position - cutter.open : records.at(-1)!.offset;
          stream.tail = digest(tail); // put right below, when the end of the lines is known
          await turn.handOver({ stream: id, records });
        }
      };
      for await (const { bytes, tailBefore } of skipTo(path, stream.offset)) {
        if (turn.signal.aborted) return false;
        const lines = cutter.push(bytes, this.#context.clock.now());
        position += bytes.length;
        if (lines.length > 0) await advance(lines, tailBefore(position - cutter.open));
      }
      const last = cutter.flush(this.#context.clock.now());
      if (last !== undefined) await advance([last], archive.lastBytes);
      stream.offset = archive.size;
      stream.tail = digest(archive.lastBytes);
      await turn.handOver({ stream: id, records: [] });
    }
    this.#files.set(key, {
      key,
      lane: turn.lane,
      path,
      stream: id,
      done: looks,
      cutter: new LineCutter(0),
      position: 0,
      before: Buffer.alloc(0),
    });
    return false;
  }

  /** Which content a file has that was not seen before under this inode; undefined while too little of it is there. */
  #recognise(key: string, lane: string, path: string, size: number, read: ReadAt, isClosed: boolean) {
    const head = headOf(read, isClosed);
    if (head === undefined) {
      this.#behind.set(path, size);
      return undefined;
    }
    const id = this.#match(head, (offset) => (offset <= size ? tailOf(read, offset) : undefined), size, {
      key,
      lane,
      read,
    });
    const stream = this.#streams.get(id) ?? this.#newStream(id, size, read);
    const { offset } = stream;
    const from = Math.max(0, offset - tailBytes);
    return { stream: id, cutter: new LineCutter(offset), position: offset, before: read(from, offset - from) };
  }

  #newStream(id: string, size: number, read?: ReadAt): Stream {
    const atEnd = this.#fresh && this.#options.from === "end";
    const offset = atEnd ? size : 0;
    const tail = offset === 0 || read === undefined ? emptyTail : (tailOf(read, offset) ?? emptyTail);
    const stream = { offset, tail, seen: this.#context.clock.now() };
    this.#streams.set(id, stream);
    return stream;
  }

  /** The stream that begins so and had these bytes before its offset, or a name for a new one. */
  #match(head: string, tailAt: (offset: number) => string | undefined, size: number, self: Self | undefined): string {
    for (let n = 1; ; n++) {
      const id = n === 1 ? head : `${head}#${n}`;
      const stream = this.#streams.get(id);
      if (stream === undefined) return id;
      if (size < stream.offset && self !== undefined && this.#isPartOf(id, size, self)) return id;
      if (tailAt(stream.offset) !== stream.tail) continue;
      if (self === undefined || !this.#isAnothers(id, stream, size, self)) return id;
    }
  }

  /** Whether the file is the beginning of another that is there: a copy from before more was written. */
  #isPartOf(id: string, size: number, self: Self): boolean {
    if (size < tellingBytes) return false;
    const from = Math.max(0, size - comparedBytes);
    return this.#others(id, self.key).some((other) =>
      readingFile(other.path, (read) => read(from, size - from).equals(self.read(from, size - from))),
    );
  }

  #others(id: string, key: string): readonly File[] {
    return [...this.#files.values()].filter(
      (file) => file.stream === id && file.key !== key && keyOf(file.path) === file.key,
    );
  }

  /** Whether another file that is still there has this stream, and this one is no copy of it but merely begins alike. */
  #isAnothers(id: string, { offset }: Stream, size: number, self: Self): boolean {
    return this.#others(id, self.key).some((other) => {
      if (offset < tellingBytes && other.lane !== self.lane) return true;
      return readingFile(other.path, (read, otherSize) => {
        if (!this.#agrees(id, read)) return false; // that one was cut back: this is the copy made before it was
        const common = Math.min(size, otherSize);
        const from = Math.max(0, common - comparedBytes);
        return !read(from, common - from).equals(self.read(from, common - from));
      });
    });
  }

  /** Whether it is read as far as its content. */
  #isAt({ stream, position, cutter }: File): boolean {
    return this.#streams.get(stream)?.offset === position - cutter.open;
  }

  #agrees(id: string, read: ReadAt): boolean {
    const stream = this.#streams.get(id);
    return stream !== undefined && tailOf(read, stream.offset) === stream.tail;
  }

  #isQuiet(fd: number): boolean {
    return this.#context.clock.now() - Number(fstatSync(fd).mtimeMs) >= quietMs;
  }

  /** A file that cannot be read is told, and tried again in the next round. */
  async #tried(path: string, work: () => Promise<boolean>): Promise<boolean> {
    try {
      return await work();
    } catch (thrown) {
      const { code, message } = thrown as NodeJS.ErrnoException;
      if (code === undefined && !(thrown instanceof Error)) throw thrown;
      if (code !== "ENOENT") this.#problems.set(path, message);
      return false;
    }
  }

  async #handOver(
    lane: string,
    { stream, records }: Pick<Batch, "stream" | "records">,
    handOver: HandOver,
  ): Promise<void> {
    this.#forget();
    await handOver({ lane, stream, records, resume: { streams: Object.fromEntries(this.#streams) } });
  }

  /** Contents that were not seen for a month, and the longest unseen of too many. */
  #forget(): void {
    if (this.#streams.size === 0) return;
    const since = this.#context.clock.now() - forgetAfterMs;
    for (const [id, { seen }] of this.#streams) if (seen < since) this.#streams.delete(id);
    if (this.#streams.size <= mostStreams) return;
    const oldest = [...this.#streams].sort(([, a], [, b]) => a.seen - b.seen);
    for (const [id] of oldest.slice(0, this.#streams.size - mostStreams)) this.#streams.delete(id);
  }
}

/** A file that is to be recognised. */
interface Self {
  readonly key: string;
  readonly lane: string;
  readonly read: ReadAt;
}

/** One lane's reading in one round. */
interface Turn {
  readonly lane: string;
  readonly signal: AbortSignal;
  readonly handOver: (batch: Pick<Batch, "stream" | "records">) => Promise<void>;
  /** Whether other rotated files are there than were when the turn began. */
  readonly isStale: () => boolean;
  /** A rotated file ends in the middle of a line that somebody may still go on with. */
  waits: boolean;
}

/** Digests of the bytes before offsets within some bytes, which begin at `start` of the content. */
function tailIn(bytes: Buffer, start: number): (offset: number) => string {
  return (offset) => digest(bytes.subarray(Math.max(0, offset - start - tailBytes), offset - start));
}

function readerOf(fd: number): ReadAt {
  return (at, length) => {
    const buffer = Buffer.allocUnsafe(length);
    return buffer.subarray(0, length === 0 ? 0 : readSync(fd, buffer, 0, length, at));
  };
}

function readingFile<Result>(path: string, work: (read: ReadAt, size: number) => Result): Result {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    return work(readerOf(fd), Number(fstatSync(fd).size));
  } finally {
    closeSync(fd);
  }
}

function keyOf(path: string): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false, bigint: true });
  return stat === undefined ? undefined : `${stat.dev}:${stat.ino}`;
}
