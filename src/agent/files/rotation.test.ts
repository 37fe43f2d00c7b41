// A writer that rotates its log in every way, and an agent that is stopped, started and crashed meanwhile.
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

/** Writes numbered lines to a.log and knows what it wrote. */
class Writer {
  readonly written: string[] = [];
  readonly #f: Follower;
  readonly #header: string | undefined;
  readonly #random: () => number;
  #number = 0;

  constructor(f: Follower, header: string | undefined, random: () => number) {
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

  /** Older files move on by one, and the last is deleted once all is read. */
  shift(): void {
    const names = readdirSync(this.#f.directory).filter((name) => name.startsWith("a.log."));
    const numbered = names.map((name) => ({ name, number: Number(name.split(".")[2]) }));
    for (const { name, number } of numbered.sort((a, b) => b.number - a.number))
      if (number >= 5 && this.#f.taken.length === this.written.length) unlinkSync(this.#f.path(name));
      else renameSync(this.#f.path(name), this.#f.path(name.replace(`.${number}`, `.${number + 1}`)));
  }

  rename(): void {
    this.shift();
    renameSync(this.#live, this.#f.path("a.log.1"));
    if (this.#random() < 0.5) writeFileSync(this.#live, "");
  }

  /** As a writer does that has the file open: half a line before, the rest and more after the renaming. */
  async renameWithin(): Promise<void> {
    const file = openSync(this.#live, "a");
    const text = this.#lines(3);
    const half = Math.floor(this.#random() * text.length);
    writeSync(file, text.slice(0, half));
    await sleep(this.#random() * 60);
    this.shift();
    renameSync(this.#live, this.#f.path("a.log.1"));
    if (this.#random() < 0.5) await sleep(this.#random() * 60);
    writeSync(file, text.slice(half));
    closeSync(file);
  }

  async copyTruncate(): Promise<void> {
    this.shift();
    const to = this.#f.path("a.log.1");
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
    const plain = readdirSync(this.#f.directory).filter((name) => /^a\.log\.\d+$/.test(name));
    const name = plain[Math.floor(this.#random() * plain.length)];
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
  const f = new Follower([random() < 0.3 ? "a.log*" : "a.log"], {
    "poll-seconds": 0.01,
    "settle-seconds": settleMs / 1000,
  });
  const writer = new Writer(f, random() < 0.5 ? "# a header that every file begins with" : undefined, random);
  let running = false;
  const story: string[] = [];
  try {
    for (let step = 0; step < steps; step++) {
      const dice = random();
      const hasLive = existsSync(f.path("a.log")) && statSync(f.path("a.log")).size > 0;
      if (dice < 0.5 || !hasLive) writer.write(1 + Math.floor(random() * (random() < 0.05 ? 3_000 : 30)));
      else if (dice < 0.58) story.push(`${step} rename`) && writer.rename();
      else if (dice < 0.64) story.push(`${step} rename within`) && (await writer.renameWithin());
      else if (dice < 0.72) story.push(`${step} copy and truncate`) && (await writer.copyTruncate());
      else if (dice < 0.8) story.push(`${step} compress`) && (await writer.compress());
      else if (dice < 0.9) await sleep(random() * 60);
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
