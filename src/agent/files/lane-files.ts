// The files of one lane: the live one, those it was rotated to, and those that lost their names while they were open. Looks at
// them until nothing moves, and says which are older. The live file's size and beginning are taken before the others are
// looked for: so whatever was written before that is in the others, where it is not in it.
import { stat } from "node:fs/promises";
import { type Content, openContent, type Shape } from "./content.ts";
import type { RotatedName } from "./directory-listing.ts";
import { mostHead, type Stream } from "./known-streams.ts";
import { targetOf } from "./lane-paths.ts";
import type { LongLine } from "./line-cutter.ts";
import type { Reading } from "./reading.ts";
import { type Compression, compressionOf, oldestFirst } from "./rotated-name.ts";

const mostLooks = 20;

/** A file that is, or was, there. */
export interface Tracked {
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
  /** Bytes when expanded, once they were counted. */
  length: number | undefined;
  /** Its size when it was last asked for; only to tell how far behind reading is. */
  measured: number;
  /** Tick at which it was last seen to change. */
  since: number;
  content: Content | undefined;
  /** What the live file began with before its rotated ones were looked for: they are older than that. */
  glimpse: Buffer | undefined;
  stream: Stream | undefined;
  /** How far its stream was read when it was held to be of that. */
  checked: number | undefined;
  /** Tick since which it has more than was read of a stream that is read in another lane. */
  ahead: number | undefined;
  /** Looked at since it last changed. */
  identified: boolean;
  /** Read to its end as of its last change; of what is compressed, its size does not say. */
  drained: boolean;
  longLine: LongLine | undefined;
}

export class LaneFiles {
  readonly #path: string;
  readonly #expected: boolean;
  readonly #reading: Reading;
  readonly #files = new Map<string, Tracked>();
  #live: Tracked | undefined;
  #sawLive = false;
  /** Which names led to which files when it was looked last. */
  #names = "";
  #lastSeen: number;

  /** @param expected the live file should be there */
  constructor(path: string, expected: boolean, reading: Reading) {
    this.#path = path;
    this.#expected = expected;
    this.#reading = reading;
    this.#lastSeen = reading.tick;
  }

  get isThere(): boolean {
    return this.#files.size > 0;
  }

  /** Ticks for which nothing was there. */
  get absence(): number {
    return this.#reading.tick - this.#lastSeen;
  }

  /** The one that is written to. */
  get live(): Tracked | undefined {
    return this.#live;
  }

  /** @returns false where names change while it looks: a file may have been missed between two of its names */
  async look(): Promise<boolean> {
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
    if (!this.#sawLive && !this.#expected)
      this.#live = oldestFirst(files.filter(({ role }) => role === "rotated")).at(-1);
    return true;
  }

  async #lookOnce(): Promise<{ readonly keys: ReadonlySet<string>; readonly names: string }> {
    const keys = new Set<string>();
    // The live file first; see above.
    const names = [await this.#see({ path: this.#path, counter: "" }, "live", keys)];
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
    const target = await targetOf(this.#path);
    return target === this.#path ? [target] : [this.#path, target];
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
      const expected = role === "live" && this.#expected;
      this.#reading.tell(path, !expected && isAbsence(thrown) ? undefined : wordsOf(thrown));
      return path;
    }
  }

  #update(file: Tracked, { size, changed }: Shape, role: Tracked["role"]): void {
    if (file.size === size && file.changed === changed && file.role === role) return;
    if (file.size !== size || file.changed !== changed) {
      file.identified = false;
      file.drained = false;
      file.length = undefined;
    }
    file.size = size;
    file.measured = size;
    file.changed = changed;
    if (role === "gone" && file.role !== "gone") file.wasLive = file.role === "live";
    file.role = role;
    file.since = this.#reading.tick;
  }

  /** Oldest first. */
  get all(): readonly Tracked[] {
    const files = [...this.#files.values()];
    const order = [...oldestFirst(files.filter(({ role }) => role === "rotated"))];
    const gone = files.filter(({ role }) => role === "gone");
    // What was rotated before it lost its name is as old as its last change; what was live is newer than all rotated ones.
    for (const file of gone.filter(({ wasLive }) => !wasLive)) {
      order.splice(order.findLastIndex(({ changed }) => changed <= file.changed) + 1, 0, file);
    }
    const live = files.filter(({ role }) => role === "live");
    return [...order, ...gone.filter(({ wasLive }) => wasLive), ...live];
  }

  /** Whether nothing will come after what it has now. What is compressed and can be read to its end is over. */
  isOver(file: Tracked): boolean {
    const { once, settleTicks } = this.#reading.options;
    if (file.compression !== undefined) return file.content?.failure === undefined;
    return once || (file !== this.#live && this.#reading.tick - file.since >= settleTicks);
  }

  /** Whether it is compressed and ends before its end: it is being written, or it is damaged. */
  isBroken({ path, compression, content }: Tracked): boolean {
    const broken = content?.failure !== undefined;
    if (compression !== undefined)
      this.#reading.tell(`${path} (compressed)`, broken ? "it ends before its end" : undefined);
    return broken;
  }

  async open(file: Tracked): Promise<Content | undefined> {
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

  /** Takes the live file's size as it is now. */
  measure(): void {
    const file = this.#live;
    file?.content?.shape().then(
      ({ size }) => {
        file.measured = size;
      },
      () => undefined, // closed meanwhile, and gone with that
    );
  }

  /** Lets go of what was read and is over. */
  async closeRead(): Promise<void> {
    for (const [key, file] of this.#files) {
      if (file.role === "live" || !this.isOver(file)) continue;
      const { content } = file;
      file.content = undefined;
      if (file.role === "gone") this.#files.delete(key);
      await content?.close();
    }
  }

  async close(): Promise<void> {
    for (const file of this.#files.values()) await file.content?.close();
    this.#files.clear();
    this.#names = "";
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
    length: undefined,
    wasLive: false,
    glimpse: undefined,
    stream: undefined,
    checked: undefined,
    ahead: undefined,
    identified: false,
    drained: false,
    longLine: undefined,
  };
  return { key, path, role, counter: "", compression, size, measured: size, changed, since, content, ...unread };
}

async function statOf(path: string) {
  const stats = await stat(path, { bigint: true });
  const { dev, ino, size, mtimeNs } = stats;
  return { dev, ino, size: Number(size), mtimeNs, isFile: stats.isFile(), isDirectory: stats.isDirectory() };
}

function isAbsence(thrown: unknown): boolean {
  return (thrown as NodeJS.ErrnoException).code === "ENOENT";
}

export function wordsOf(thrown: unknown): string {
  const { code, message } = thrown as NodeJS.ErrnoException;
  if (code === "ENOENT") return "there is no such file";
  if (code === "EACCES" || code === "EPERM") return "permission denied";
  return message;
}
