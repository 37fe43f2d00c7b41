// Which contents were read, and how far. A content is known by its bytes, never by the name or number of its file: by what
// it begins with, and by what stands before the place up to which it was read. So a renamed, copied or compressed file is
// the stream it was, and a file that only begins like another is one of its own (I8).
import { createHash } from "node:crypto";

/** A head ends with a line, is at least this long, and at most 1 KiB. */
const leastHead = 16;
export const mostHead = 1024;
/** Of the bytes before the offset so many are remembered. */
export const tailLength = 1024;
const mostStreams = 10_000;
const forgetDays = 30;
const dayMs = 86_400_000;

/**
 * Most heads are `full`. A `growing` one is of a file that was read before it had a full head, and `over` one of a file that
 * was rotated away before: what begins like that and is longer is something else.
 */
export type HeadKind = "full" | "growing" | "over";

/** Hash, number, length and kind of the head, offset, hash of the tail, day it was last seen. */
type KeptStream = readonly [string, number, number, HeadKind, number, string, number];
interface Kept {
  readonly version: 1;
  readonly streams: readonly KeptStream[];
  /** Heads that were known, and the highest number given for them: a number is never given again. */
  readonly forgotten: readonly (readonly [string, number])[];
}

export interface Stream {
  readonly head: string;
  readonly number: number;
  readonly headLength: number;
  readonly headKind: HeadKind;
  /** All before it was handed over. */
  offset: number;
  tail: string;
  day: number;
  /** Tick at which the offset last grew; not kept. */
  moved: number;
}

export interface Head {
  readonly hash: string;
  readonly length: number;
  readonly full: boolean;
}

export type Match =
  | { readonly stream: Stream }
  /** Streams that begin so, none of which this is. */
  | { readonly alike: readonly Stream[]; readonly head: Head }
  | "undecided";

export class KnownStreams {
  readonly #byHead = new Map<string, Stream[]>();
  /** Those whose head is not full: they are not found by the head of a file that grew. */
  readonly #short = new Set<Stream>();
  readonly #forgotten = new Map<string, number>();
  #size = 0;

  /** @param resume what kept() gave; undefined at the first start */
  constructor(resume: unknown) {
    if (resume === undefined) return;
    const { streams, forgotten } = resume as Kept;
    for (const [head, number, headLength, headKind, offset, tail, day] of streams)
      this.#add({ head, number, headLength, headKind, offset, tail, day, moved: 0 });
    for (const [head, number] of forgotten) this.#forgotten.set(head, number);
  }

  /** JSON. Streams of which nothing was handed over are not in it. */
  kept(): Kept {
    const streams: KeptStream[] = [];
    for (const list of this.#byHead.values())
      for (const { head, number, headLength, headKind, offset, tail, day } of list)
        if (offset > 0) streams.push([head, number, headLength, headKind, offset, tail, day]);
    return { version: 1, streams, forgotten: [...this.#forgotten] };
  }

  /**
   * @param beginning the first bytes, up to mostHead
   * @param whole there will be no more than these bytes, if they are fewer
   * @param size of the content, undefined where not known yet
   * @param tailAt hash of the bytes before an offset, undefined where the content does not go so far
   * @param isAnothers of a stream that it might be: it surely is that of another content
   */
  async match(
    beginning: Buffer,
    whole: boolean,
    size: number | undefined,
    tailAt: (offset: number) => Promise<string | undefined>,
    isAnothers: (stream: Stream) => boolean,
  ): Promise<Match> {
    const head = headOf(beginning, whole);
    const alike = head === undefined ? [] : (this.#byHead.get(head.hash) ?? []);
    const short = [...this.#short].filter(
      ({ head: hash, headLength, headKind, offset }) =>
        headLength <= beginning.length &&
        (headKind === "growing" || size === offset) &&
        hashOf(beginning.subarray(0, headLength)) === hash,
    );
    const known = [...new Set([...alike, ...short])].filter(({ offset }) => offset > 0);
    // The furthest one first: what was read of a content includes what was read of its beginning.
    for (const stream of known.sort((a, b) => b.offset - a.offset))
      if ((await tailAt(stream.offset)) === stream.tail && !isAnothers(stream)) return { stream };
    return head === undefined ? "undecided" : { alike, head };
  }

  /**
   * A new stream, not kept until something of it is handed over.
   * @param rotated the file it is of will not grow any more
   */
  create(head: Head, rotated: boolean, now: number): Stream {
    const numbers = (this.#byHead.get(head.hash) ?? []).map(({ number }) => number);
    const stream: Stream = {
      head: head.hash,
      number: Math.max(0, this.#forgotten.get(head.hash) ?? 0, ...numbers) + 1,
      headLength: head.length,
      headKind: head.full ? "full" : rotated ? "over" : "growing",
      offset: 0,
      tail: "",
      day: dayOf(now),
      moved: 0,
    };
    this.#add(stream);
    return stream;
  }

  /** Unmakes a stream of which nothing was handed over. */
  discard(stream: Stream): void {
    if (stream.offset === 0) this.#forget(stream);
  }

  get isFull(): boolean {
    return this.#size >= mostStreams;
  }

  /** Forgets what was not seen for 30 days, and the oldest when there are too many. */
  prune(now: number, present: ReadonlySet<Stream>): void {
    const absent = [...this.#byHead.values()].flat().filter((stream) => !present.has(stream));
    const tooMany = Math.max(0, this.#size - mostStreams * 0.9);
    absent.sort((a, b) => a.day - b.day);
    for (const [i, stream] of absent.entries())
      if (stream.day < dayOf(now) - forgetDays || i < tooMany) this.#forget(stream);
    for (const head of this.#forgotten.keys()) {
      if (this.#forgotten.size <= mostStreams) break;
      this.#forgotten.delete(head);
    }
  }

  #forget(stream: Stream): void {
    const list = this.#byHead.get(stream.head) ?? [];
    if (!list.includes(stream)) return;
    const rest = list.filter((other) => other !== stream);
    if (rest.length === 0) this.#byHead.delete(stream.head);
    else this.#byHead.set(stream.head, rest);
    this.#short.delete(stream);
    this.#size--;
    if (stream.offset > 0)
      this.#forgotten.set(stream.head, Math.max(stream.number, this.#forgotten.get(stream.head) ?? 0));
  }

  #add(stream: Stream): void {
    const list = this.#byHead.get(stream.head);
    if (list === undefined) this.#byHead.set(stream.head, [stream]);
    else list.push(stream);
    if (stream.headKind !== "full") this.#short.add(stream);
    this.#size++;
  }
}

/** The name of the stream in positions: the same content has the same on every agent, but for the number. */
export function idOf({ head, number }: Stream): string {
  return number === 1 ? head : `${head}#${number}`;
}

export function dayOf(time: number): number {
  return Math.floor(time / dayMs);
}

/** Of 128 bits, in hex. */
export function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex").slice(0, 32);
}

/** Up to the end of the first line that ends at byte 16 or later; undefined while that is not there. */
function headOf(beginning: Buffer, whole: boolean): Head | undefined {
  const end = beginning.subarray(0, mostHead).indexOf(10, leastHead - 1);
  const fullLength = end !== -1 ? end + 1 : beginning.length >= mostHead ? mostHead : undefined;
  const length = fullLength ?? (whole && beginning.length > 0 ? beginning.length : undefined);
  if (length === undefined) return undefined;
  return { hash: hashOf(beginning.subarray(0, length)), length, full: fullLength !== undefined };
}
