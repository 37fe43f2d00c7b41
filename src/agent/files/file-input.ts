// Follows files through rotation by rename, by copy and truncation, and by compression; through deletion and restarts. What
// was read is known by content (identity.ts), so it is read once, whatever the file is called by now. Reads no faster than
// what it hands over is taken.
import { closeSync, constants, fstatSync, openSync, readSync, statSync, watch } from "node:fs";
import { dirname, resolve } from "node:path";
import { Type } from "typebox";
import type { Batch, Input, InputState, Placed } from "../input.ts";
import type { InputContext, InputKind } from "../inputs.ts";
import { type Archive, readArchive, skipTo } from "./archive.ts";
import { digest, headOf, type ReadAt, tailOf } from "./identity.ts";
import { findLanes, type Lane } from "./lanes.ts";
import { LineCutter } from "./line-cutter.ts";

export const FilesSettings = Type.Union([
  Type.Array(Type.String({ minLength: 1 }), { minItems: 1, description: "Paths or globs of live files." }),
  Type.Object(
    {
      paths: Type.Array(Type.String({ minLength: 1 }), { minItems: 1 }),
      from: Type.Union([Type.Literal("start"), Type.Literal("end")], {
        default: "start",
        description: "Where to begin in files that are there at the very first start.",
      }),
      "poll-seconds": Type.Number({ default: 1, minimum: 0.01, maximum: 3600 }),
    },
    { additionalProperties: false },
  ),
]);

export interface FileOptions {
  readonly patterns: readonly string[];
  readonly from: "start" | "end";
  readonly pollMs: number;
}

export const filesKind: InputKind = {
  schema: FilesSettings,
  once: true,
  create(settings: string[] | { paths: string[]; from?: "start" | "end"; "poll-seconds"?: number }, context) {
    const {
      paths,
      from = "start",
      "poll-seconds": poll = 1,
    } = Array.isArray(settings) ? { paths: settings } : settings;
    return new FileInput(
      { patterns: paths.map((path) => resolve(context.base, path)), from, pollMs: poll * 1000 },
      context,
    );
  },
};

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
  path: string;
  stream: string;
  /** When there was nothing more to read in it: its size and time of writing then. */
  done: string | undefined;
  /** The bytes from the stream's offset on that are read, but in no whole line yet. */
  cutter: LineCutter;
  position: number;
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
    const turn: Turn = { signal, handOver: (batch) => this.#handOver(path, batch, handOver) };
    let more = false;
    for (const old of rotated) {
      if (signal.aborted) return false;
      more = (await this.#tried(old, () => this.#closed(old, turn))) || more;
    }
    const held = this.#held.get(path);
    const key = keyOf(path);
    if (held !== undefined && held.key !== key) {
      // Renamed or deleted: read to its end before what came in its place.
      more = (await this.#tried(path, () => this.#read(held.fd, path, turn, true))) || more;
      if (more) return true;
      const left = this.#files.get(held.key);
      if (left !== undefined && left.cutter.open > 0 && !this.#isQuiet(held.fd)) return false;
      closeSync(held.fd);
      this.#held.delete(path);
    }
    if (more || signal.aborted) return more;
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
    if (file !== undefined && !this.#agrees(file.stream, read)) file = undefined; // truncated, or the inode was used again
    if (file === undefined) {
      const found = this.#recognise(key, path, Number(stat.size), read, isClosed);
      if (found === undefined) return false;
      file = { key, path, ...found, done: undefined };
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
      const lines = file.cutter.push(this.#buffer.subarray(0, length), this.#context.clock.now());
      file.position += length;
      await this.#advance(file, read, lines, turn);
      if (chunks === chunksInTurn - 1) return true;
    }
    const size = Number(fstatSync(fd).size);
    if (isClosed && file.cutter.open > 0 && (this.#context.once || this.#isQuiet(fd))) {
      const last = file.cutter.flush(this.#context.clock.now());
      await this.#advance(file, read, last === undefined ? [] : [last], turn);
    }
    this.#behind.set(path, Math.max(0, size - stream.offset));
    if (file.cutter.open === 0 && size === file.position) file.done = looks;
    return false;
  }

  /** Hands lines over and notes how far the content was read, in one. */
  async #advance(file: File, read: ReadAt, lines: readonly Placed[], turn: Turn): Promise<void> {
    const stream = this.#streams.get(file.stream)!;
    const end = file.position - file.cutter.open;
    for (let from = 0; from < lines.length; from += mostRecords) {
      const records = lines.slice(from, from + mostRecords);
      const isLast = from + mostRecords >= lines.length;
      stream.offset = isLast ? end : records.at(-1)!.offset;
      stream.tail = tailOf(read, stream.offset) ?? emptyTail;
      await turn.handOver({ stream: file.stream, records });
    }
    if (lines.length === 0 && end > stream.offset) {
      stream.offset = end; // empty lines alone
      stream.tail = tailOf(read, end) ?? emptyTail;
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
    this.#files.set(key, { key, path, stream: id, done: looks, cutter: new LineCutter(0), position: 0 });
    return false;
  }

  /** Which content a file has that was not seen before under this inode; undefined while too little of it is there. */
  #recognise(key: string, path: string, size: number, read: ReadAt, isClosed: boolean) {
    const head = headOf(read, isClosed);
    if (head === undefined) {
      this.#behind.set(path, size);
      return undefined;
    }
    const id = this.#match(head, (offset) => (offset <= size ? tailOf(read, offset) : undefined), size, { key, read });
    const stream = this.#streams.get(id) ?? this.#newStream(id, size, read);
    return { stream: id, cutter: new LineCutter(stream.offset), position: stream.offset };
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
  #match(
    head: string,
    tailAt: (offset: number) => string | undefined,
    size: number,
    self: { readonly key: string; readonly read: ReadAt } | undefined,
  ): string {
    for (let n = 1; ; n++) {
      const id = n === 1 ? head : `${head}#${n}`;
      const stream = this.#streams.get(id);
      if (stream === undefined) return id;
      if (tailAt(stream.offset) !== stream.tail) continue;
      if (self === undefined || !this.#isAnothers(id, stream, size, self)) return id;
    }
  }

  /** Whether another file that is still there has this stream, and this one is no copy of it but merely begins alike. */
  #isAnothers(
    id: string,
    { offset }: Stream,
    size: number,
    self: { readonly key: string; readonly read: ReadAt },
  ): boolean {
    for (const { key, path, stream } of this.#files.values()) {
      if (stream !== id || key === self.key || keyOf(path) !== key) continue;
      if (offset < tellingBytes) return true;
      const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
      try {
        const read = readerOf(fd);
        if (!this.#agrees(id, read)) continue; // that one was cut back: this is the copy made before it was
        const common = Math.min(size, Number(fstatSync(fd).size));
        const from = Math.max(0, common - comparedBytes);
        if (!read(from, common - from).equals(self.read(from, common - from))) return true;
      } finally {
        closeSync(fd);
      }
    }
    return false;
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

/** One lane's reading in one round. */
interface Turn {
  readonly signal: AbortSignal;
  readonly handOver: (batch: Pick<Batch, "stream" | "records">) => Promise<void>;
}

/** Sleeps until the time is over, a watched folder changes, or the signal aborts. Watching is never relied on. */
class Waker {
  readonly #signal: AbortSignal;
  readonly #watchers = new Map<string, ReturnType<typeof watch> | undefined>();
  #wake: () => void = () => {};
  #changed = false;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener("abort", () => this.#wake(), { once: true });
  }

  watch(folder: string): void {
    if (this.#watchers.has(folder)) return;
    try {
      const watcher = watch(folder, { persistent: false }, () => {
        this.#changed = true;
        this.#wake();
      });
      watcher.on("error", () => this.#watchers.delete(folder));
      this.#watchers.set(folder, watcher);
    } catch {
      this.#watchers.set(folder, undefined); // polled only: some file systems cannot be watched
    }
  }

  async wait(ms: number): Promise<void> {
    if (!this.#changed && !this.#signal.aborted)
      await new Promise<void>((done) => {
        const timer = setTimeout(done, ms);
        this.#wake = () => {
          clearTimeout(timer);
          done();
        };
      });
    // What changes many times a second is not looked at as often.
    await new Promise((done) => setTimeout(done, Math.min(20, ms)));
    this.#changed = false;
  }

  close(): void {
    for (const watcher of this.#watchers.values()) watcher?.close();
  }
}

function readerOf(fd: number): ReadAt {
  return (at, length) => {
    const buffer = Buffer.allocUnsafe(length);
    return buffer.subarray(0, length === 0 ? 0 : readSync(fd, buffer, 0, length, at));
  };
}

function keyOf(path: string): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false, bigint: true });
  return stat === undefined ? undefined : `${stat.dev}:${stat.ino}`;
}
