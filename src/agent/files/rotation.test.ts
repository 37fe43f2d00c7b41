// A writer that rotates its log in every way, and an agent that is stopped, started and crashed meanwhile: each line comes
// once and in order. The writer does not do what no reader could make up for: it writes nothing between the copy and the
// truncation, deletes and truncates only what was read, and keeps a compressed file's time where the order would not be
// told by names (docs/sources/files.md).
import assert from "node:assert/strict";
import {
  appendFileSync,
  closeSync,
  copyFileSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { Follower } from "./follow.test-support.ts";

const settleMs = 400;

/** What rotated files are called: by numbers that count down, or up, or by dates. */
type Naming = "down" | "up" | "dated";

/** Writes numbered lines to a.log and knows what it wrote. */
class Writer {
  readonly written: string[] = [];
  readonly #f: Follower;
  readonly #header: string | undefined;
  readonly #naming: Naming;
  readonly #random: () => number;
  #number = 0;
  #rotations = 0;

  constructor(f: Follower, header: string | undefined, naming: Naming, random: () => number) {
    this.#naming = naming;
    this.#f = f;
    this.#header = header;
    this.#random = random;
  }

  get #live(): string {
    return this.#f.path("a.log");
  }

  write(lines: number): void {
    appendFileSync(this.#live, this.#lines(lines));
  }

  #lines(lines: number): string {
    const texts: string[] = [];
    const isNew = !existsSync(this.#live) || statSync(this.#live).size === 0;
    if (isNew && this.#header !== undefined) texts.push(this.#header);
    for (let i = 0; i < lines; i++) {
      const padding = this.#random() < 0.01 ? 5_000 : Math.floor(this.#random() * 60);
      texts.push(`line ${this.#number++} `.padEnd(20 + padding, "."));
    }
    this.written.push(...texts);
    return texts.map((text) => `${text}\n`).join("");
  }

  get #isRead(): boolean {
    return this.#f.taken.length === this.written.length;
  }

  get #rotated(): readonly { readonly name: string; readonly number: number }[] {
    const names = readdirSync(this.#f.directory).filter((name) => /^a\.log[.-]/.test(name));
    const numbered = names.map((name) => ({ name, number: Number(/\d+/.exec(name)![0]) }));
    return numbered.toSorted((a, b) => (this.#naming === "down" ? b.number - a.number : a.number - b.number));
  }

  /** Makes place: older files move on by one where they are called so, and the oldest is deleted once all is read. */
  #rotatedTo(): string {
    this.#pause();
    const rotated = this.#rotated;
    const isTooMany = rotated.length >= 5 && this.#isRead;
    for (const [i, { name, number }] of rotated.entries())
      if (isTooMany && i === 0) unlinkSync(this.#f.path(name));
      else if (this.#naming === "down")
        renameSync(this.#f.path(name), this.#f.path(name.replace(`.${number}`, `.${number + 1}`)));
    this.#rotations++;
    if (this.#naming === "down") return this.#f.path("a.log.1");
    return this.#f.path(
      this.#naming === "up" ? `a.log.${this.#rotations}` : `a.log-${20261121000000 + this.#rotations}`,
    );
  }

  /** Where one must go by them, times differ by more than the grain of the file system's clock. */
  #pause(): void {
    if (this.#naming === "up") Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
  }

  /** Only where all was read: else something would be lost, whoever reads. @returns whether it did */
  deleteRead(): boolean {
    if (!this.#isRead) return false;
    unlinkSync(this.#live);
    return true;
  }

  truncateRead(): boolean {
    if (!this.#isRead) return false;
    truncateSync(this.#live);
    return true;
  }

  rename(): void {
    renameSync(this.#live, this.#rotatedTo());
    if (this.#random() < 0.5) writeFileSync(this.#live, "");
  }

  /** As a writer does that has the file open: half a line before, the rest and more after the renaming. */
  async renameWithin(): Promise<void> {
    const file = openSync(this.#live, "a");
    const text = this.#lines(3);
    const half = Math.floor(this.#random() * text.length);
    writeSync(file, text.slice(0, half));
    await sleep(this.#random() * 60);
    renameSync(this.#live, this.#rotatedTo());
    if (this.#random() < 0.5) await sleep(this.#random() * 60);
    writeSync(file, text.slice(half));
    closeSync(file);
    this.#pause();
  }

  async copyTruncate(): Promise<void> {
    const to = this.#rotatedTo();
    if (this.#random() < 0.5) {
      // Slowly, as a big file is copied.
      const bytes = readFileSync(this.#live);
      for (let at = 0; at < bytes.length; at += Math.ceil(bytes.length / 3)) {
        appendFileSync(to, bytes.subarray(at, at + Math.ceil(bytes.length / 3)));
        await sleep(this.#random() * 30);
      }
    } else copyFileSync(this.#live, to);
    truncateSync(this.#live);
  }

  /** A rotated file becomes a compressed one with its time, slowly. */
  async compress(): Promise<void> {
    const plain = this.#rotated.filter((file) => /\d$/.test(file.name));
    // That numbers count up is known by the times of plain files: two are left.
    if (this.#naming === "up" && plain.length < 3) return;
    const name = plain[this.#naming === "up" ? 0 : Math.floor(this.#random() * plain.length)]?.name;
    if (name === undefined) return;
    const from = this.#f.path(name);
    const isGzip = this.#random() < 0.6;
    const to = `${from}.${isGzip ? "gz" : "zst"}`;
    const bytes = readFileSync(from);
    const packed = isGzip ? gzipSync(bytes) : zstdCompressSync(bytes);
    const half = Math.floor(packed.length / 2);
    writeFileSync(to, packed.subarray(0, half));
    await sleep(this.#random() * 40);
    appendFileSync(to, packed.subarray(half));
    const { mtime } = statSync(from);
    utimesSync(to, mtime, mtime);
    unlinkSync(from);
  }
}

function randomOf(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

async function trial(seed: number, steps: number): Promise<void> {
  const random = randomOf(seed);
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)]!;
  const given = pick([["a.log"], ["a.log"], ["a.log*"], ["link"], ["a.log", "a.log*", "link"]]);
  const naming = pick<Naming>(["down", "down", "up", "dated"]);
  const header = pick([undefined, "# a header that every file begins with"]);
  const f = new Follower(given, { "poll-seconds": 0.01, "settle-seconds": settleMs / 1000 });
  symlinkSync(f.path("a.log"), f.path("link"));
  const writer = new Writer(f, header, naming, random);
  let running = false;
  const story = [`${given.join()}, ${naming}, ${header}`];
  try {
    for (let step = 0; step < steps; step++) {
      const dice = random();
      const hasLive = existsSync(f.path("a.log")) && statSync(f.path("a.log")).size > 0;
      if (dice < 0.5 || !hasLive) writer.write(1 + Math.floor(random() * (random() < 0.05 ? 3_000 : 30)));
      else if (dice < 0.58) story.push(`${step} rename`) && writer.rename();
      else if (dice < 0.64) story.push(`${step} rename within`) && (await writer.renameWithin());
      else if (dice < 0.72) story.push(`${step} copy and truncate`) && (await writer.copyTruncate());
      else if (dice < 0.8) story.push(`${step} compress`) && (await writer.compress());
      else if (dice < 0.84) await sleep(random() * 60);
      else if (dice < 0.87) story.push(`${step} delete: ${writer.deleteRead()}`);
      else if (dice < 0.9) story.push(`${step} truncate: ${writer.truncateRead()}`);
      else if (!running) {
        let batches = 1 + Math.floor(random() * 20);
        const crashes = random() < 0.5;
        f.gate = async () => {
          if (random() < 0.2) await sleep(random() * 20);
          return !(crashes && --batches === 0);
        };
        f.start();
        running = true;
        story.push(`${step} start${crashes ? `, to crash after ${batches - 1} batches` : ""}`);
      } else {
        await f.stop();
        running = false;
        story.push(`${step} stop`);
      }
    }
    await f.stop();
    f.gate = () => Promise.resolve(true);
    f.start();
    await f.until(writer.written.length, 100);
    const wrong = f.texts.findIndex((text, i) => text !== writer.written[i]);
    assert.equal(
      wrong === -1 ? undefined : `${wrong}: ${f.texts[wrong]} for ${writer.written[wrong]}`,
      undefined,
      `seed ${seed}: ${f.texts.length} of ${writer.written.length} lines\n${story.join("\n")}`,
    );
    assert.equal(f.texts.length, writer.written.length, `seed ${seed}\n${story.join("\n")}`);
    for (const stream of new Set(f.taken.map((placed) => placed.stream))) {
      const offsets = f.taken.filter((placed) => placed.stream === stream).map(({ offset }) => offset);
      assert.ok(
        offsets.every((offset, i) => i === 0 || offset > offsets[i - 1]!),
        `seed ${seed}: offsets of ${stream} grow`,
      );
    }
  } catch (thrown) {
    throw new Error(`seed ${seed}\n${story.join("\n")}`, { cause: thrown });
  } finally {
    await f.remove();
  }
}

const trials = Number(process.env.TAISHI_ROTATION_TRIALS ?? 12);
const first = Number(process.env.TAISHI_ROTATION_SEED ?? 1);
for (let seed = first; seed < first + trials; seed++)
  test(`rotated, stopped and crashed at random, seed ${seed}: every line once and in order`, () => trial(seed, 120));

test("copied and truncated before anything of it was read, while what is older is read", async (t) => {
  // The agent is met at different places of its way.
  for (const [i, header] of ["", "# the same in all\n"].flatMap((header) => Array(8).fill(header)).entries()) {
    const f = new Follower(["a.log"], { "poll-seconds": 0.01, "settle-seconds": 0.2 });
    t.after(() => f.remove());
    const path = (name: string): string => f.path(name);
    writeFileSync(path("a.log.1"), `${header}the first line of all\n`);
    writeFileSync(path("a.log"), `${header}the first line after it\n`);
    let open = (): void => {};
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    f.gate = () => opened.then(() => true);
    f.start();
    await sleep(60 + i * 3);
    renameSync(path("a.log.1"), path("a.log.2"));
    copyFileSync(path("a.log"), path("a.log.1"));
    truncateSync(path("a.log"));
    appendFileSync(path("a.log"), `${header}the last line of them\n`);
    open();
    const texts = await f.until(header === "" ? 3 : 6);
    assert.deepEqual(
      texts.filter((line) => !line.startsWith("#")),
      ["the first line of all", "the first line after it", "the last line of them"],
    );
  }
});
