// Real files, rotated in every way while they are followed, by an input that is stopped at any moment and goes on from what it
// last handed over: every line once, in order.
import assert from "node:assert/strict";
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { createLog } from "../../log.ts";
import { temporary } from "../agent-house.test-support.ts";
import type { Batch } from "../input.ts";
import { FileInput, type FileOptions } from "./file-input.ts";
import { findLanes } from "./lanes.ts";
import { LineCutter } from "./line-cutter.ts";

/** What is handed over is kept as the agent's spool does: the batch with where to go on, in one. */
class Kept {
  resume: unknown;
  readonly batches: Batch[] = [];

  readonly handOver = async (batch: Batch): Promise<void> => {
    // As it comes back after a restart.
    this.resume = JSON.parse(JSON.stringify(batch.resume));
    this.batches.push(batch);
  };

  texts(lane?: string): string[] {
    return this.batches
      .filter((batch) => lane === undefined || batch.lane === lane)
      .flatMap(({ records }) => records.map(({ record }) => record.text));
  }
}

function inputOf(patterns: readonly string[], more: Partial<FileOptions & { once: boolean }> = {}): FileInput {
  const { once = false, from = "start", pollMs = 5 } = more;
  return new FileInput(
    { patterns, from, pollMs },
    { once, base: "/", clock: { now: () => Date.now() }, log: createLog("silent") },
  );
}

/** Reads all that is there. */
async function readAll(kept: Kept, patterns: readonly string[]): Promise<void> {
  await inputOf(patterns, { once: true }).run(kept.handOver, kept.resume, new AbortController().signal);
}

const lines = (from: number, to: number): string[] =>
  Array.from(
    { length: to - from },
    (_, i) => `line number ${from + i} of a log that is long enough to be told from another`,
  );
const text = (from: number, to: number): string =>
  lines(from, to)
    .map((line) => `${line}\n`)
    .join("");

test("a file, its rotations by rename and by copy, its compressions and its copies are read once", async () => {
  const directory = temporary();
  const live = join(directory, "a.log");
  const kept = new Kept();
  writeFileSync(live, text(0, 10));
  await readAll(kept, [live]);
  appendFileSync(live, text(10, 20));
  renameSync(live, `${live}.1`);
  writeFileSync(live, text(20, 30));
  await readAll(kept, [live]);
  appendFileSync(live, text(30, 40));
  copyFileSync(live, `${live}-20261121`);
  truncateSync(live);
  appendFileSync(live, text(40, 50));
  writeFileSync(`${live}.2.gz`, gzipSync(readFileSync(`${live}.1`)));
  utimesSync(`${live}.2.gz`, 1, 1);
  rmSync(`${live}.1`);
  await readAll(kept, [live]);
  copyFileSync(live, join(directory, "copy.log"));
  symlinkSync(live, join(directory, "link.log"));
  appendFileSync(live, text(50, 60));
  writeFileSync(`${live}-20261122.zst`, zstdCompressSync(readFileSync(live)));
  await readAll(kept, [join(directory, "*.log")]);
  await readAll(kept, [live, live, `${live}*`]);
  assert.deepEqual(kept.texts(), lines(0, 60));
});

test("what was compressed before it was read is read from there, on from where the file was read to", async () => {
  for (const [ending, compress] of [
    [".gz", gzipSync],
    [".zst", zstdCompressSync],
  ] as const) {
    const directory = temporary();
    const live = join(directory, "a.log");
    const kept = new Kept();
    writeFileSync(live, text(0, 5));
    await readAll(kept, [live]);
    writeFileSync(`${live}.1${ending}`, compress(Buffer.from(text(0, 3000))));
    writeFileSync(live, text(3000, 3010));
    await readAll(kept, [live]);
    await readAll(kept, [live]);
    assert.deepEqual(kept.texts(), lines(0, 3010), ending);
    const offsets = kept.batches.flatMap(({ records }) => records.map(({ offset }) => offset));
    assert.ok(
      offsets.slice(1, 3000).every((offset, i) => offset > offsets[i]!),
      "offsets are those of the content",
    );
  }
});

test("a compressed file that is not whole yet waits until it is", async () => {
  const live = join(temporary(), "a.log");
  const kept = new Kept();
  const whole = gzipSync(text(0, 2000));
  writeFileSync(live, text(2000, 2001));
  writeFileSync(`${live}.1.gz`, whole.subarray(0, whole.length / 2));
  await readAll(kept, [live]);
  assert.deepEqual(kept.texts(), lines(2000, 2001));
  writeFileSync(`${live}.1.gz`, whole);
  await readAll(kept, [live]);
  assert.deepEqual(kept.texts().sort(), [...lines(2000, 2001), ...lines(0, 2000)].sort());
});

test("files that begin alike are two contents, from the first line on", async () => {
  const directory = temporary();
  const [a, b] = [join(directory, "a.log"), join(directory, "b.log")];
  const kept = new Kept();
  const header = "# the same header in every file\n";
  writeFileSync(a, header);
  writeFileSync(b, header);
  await readAll(kept, [a, b]);
  appendFileSync(a, "only in a\n");
  appendFileSync(b, "only in b\n");
  await readAll(kept, [a, b]);
  appendFileSync(b, "more in b\n");
  appendFileSync(a, "more in a\n");
  await readAll(kept, [a, b]);
  assert.deepEqual(kept.texts(a), [header.trim(), "only in a", "more in a"]);
  assert.deepEqual(kept.texts(b), [header.trim(), "only in b", "more in b"]);
  const streams = new Set(kept.batches.map(({ lane, stream }) => `${lane} ${stream}`));
  assert.equal(streams.size, 2);
});

test("a file cut back and written anew, even beyond where it was, is another content", async () => {
  const live = join(temporary(), "a.log");
  const kept = new Kept();
  writeFileSync(live, text(0, 100));
  await readAll(kept, [live]);
  truncateSync(live);
  appendFileSync(live, text(100, 400));
  await readAll(kept, [live]);
  truncateSync(live);
  appendFileSync(live, text(100, 105));
  await readAll(kept, [live]);
  assert.deepEqual(kept.texts(), [...lines(0, 400), ...lines(100, 105)]);
});

test("a line is a record when it has its end, or in a rotated file when nobody goes on with it", async () => {
  const live = join(temporary(), "a.log");
  const kept = new Kept();
  const stop = new AbortController();
  const running = inputOf([live]).run(kept.handOver, undefined, stop.signal);
  const until = async (count: number) => {
    for (let tries = 0; kept.texts().length < count; tries++) {
      assert.ok(tries < 1000, `${kept.texts().length} of ${count} lines`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  writeFileSync(live, "a whole first line\nhalf");
  await until(1);
  appendFileSync(live, " and its rest\r\n\n\nlast, without an end");
  await until(2);
  renameSync(live, `${live}.1`);
  utimesSync(`${live}.1`, 1_000_000, 1_000_000);
  writeFileSync(live, "the next file's first line\n");
  await until(4);
  stop.abort();
  await running;
  assert.deepEqual(kept.texts(), [
    "a whole first line",
    "half and its rest",
    "last, without an end",
    "the next file's first line",
  ]);
});

test("what was deleted, or moved out of sight, is read to its end", async () => {
  const directory = temporary();
  const live = join(directory, "a.log");
  mkdirSync(join(directory, "archive"));
  const kept = new Kept();
  const stop = new AbortController();
  let holdUp: Promise<void> | undefined;
  const running = inputOf([live]).run(
    async (batch) => {
      await holdUp;
      await kept.handOver(batch);
    },
    undefined,
    stop.signal,
  );
  writeFileSync(live, text(0, 3));
  const until = async (count: number) => {
    for (let tries = 0; kept.texts().length < count; tries++) {
      assert.ok(tries < 1000, `${kept.texts().length} of ${count} lines`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  await until(3);
  let release = () => {};
  holdUp = new Promise((resolve) => {
    release = resolve;
  });
  appendFileSync(live, text(3, 5000));
  renameSync(live, join(directory, "archive", "elsewhere"));
  rmSync(join(directory, "archive", "elsewhere"));
  writeFileSync(live, text(5000, 5010));
  release();
  await until(5010);
  stop.abort();
  await running;
  assert.deepEqual(kept.texts(), lines(0, 5010));
});

test("through random writing, rotating and stopping every line is there once", async () => {
  for (let round = 0; round < 6; round++) {
    const live = join(temporary(), "app.log");
    const kept = new Kept();
    let written = 0;
    let rotations = 0;
    let stop = new AbortController();
    const start = (): Promise<void> => {
      stop = new AbortController();
      const { signal } = stop;
      return inputOf([live]).run(
        async (batch) => {
          await new Promise((resolve) => setTimeout(resolve, Math.random() * 3));
          if (signal.aborted) return new Promise(() => {}); // as a process that was killed: nothing of it was kept
          await kept.handOver(batch);
        },
        kept.resume,
        signal,
      );
    };
    let running = start();
    writeFileSync(live, "");
    for (let step = 0; step < 120; step++) {
      const count = Math.floor(Math.random() * 40);
      const more = text(written, written + count);
      const cut = Math.floor(Math.random() * more.length);
      appendFileSync(live, more.slice(0, cut));
      if (Math.random() < 0.3) await new Promise((resolve) => setTimeout(resolve, 3));
      appendFileSync(live, more.slice(cut));
      written += count;
      const die = Math.random();
      if (die < 0.06) {
        renameSync(live, `${live}.${++rotations}`);
        writeFileSync(live, "");
      } else if (die < 0.12) {
        copyFileSync(live, `${live}.${++rotations}`);
        truncateSync(live);
      } else if (die < 0.16 && existsSync(`${live}.${rotations}`)) {
        const old = `${live}.${rotations}`;
        writeFileSync(`${old}.part`, gzipSync(readFileSync(old)));
        // As gzip, zstd and logrotate do: order is known by when a content was last written.
        const written = statSync(old).mtimeMs / 1000;
        utimesSync(`${old}.part`, written, written);
        renameSync(`${old}.part`, `${old}.gz`);
        rmSync(old);
      } else if (die < 0.26) {
        stop.abort();
        await Promise.race([running, new Promise((resolve) => setTimeout(resolve, 20))]);
        running = start();
      } else if (die < 0.5) await new Promise((resolve) => setTimeout(resolve, Math.random() * 15));
    }
    stop.abort();
    await Promise.race([running, new Promise((resolve) => setTimeout(resolve, 50))]);
    await readAll(kept, [live]);
    // Order is held to in the tests above; rotations that overlap within a few milliseconds may be read out of it.
    assert.deepEqual(kept.texts().toSorted(), lines(0, written).toSorted(), `round ${round}, ${rotations} rotations`);
  }
});

test("lines are cut at LF whatever pieces they come in; those above 16 MiB are told by their digest", () => {
  const bytes = Buffer.concat([
    Buffer.from("a\r\nb\0c\n\n\xff\n", "latin1"),
    Buffer.alloc(17 * 1024 * 1024, 120),
    Buffer.from("\nend\n"),
  ]);
  const cut = (size: number) => {
    const cutter = new LineCutter(100);
    const out = [];
    for (let at = 0; at < bytes.length; at += size) out.push(...cutter.push(bytes.subarray(at, at + size), 1));
    return out;
  };
  const whole = cut(bytes.length);
  assert.deepEqual(cut(1_000_003), whole);
  assert.deepEqual(
    whole.map(({ record, offset, cut: of }) => [record.text.slice(0, 5), record.crlf, offset, of?.size]),
    [
      ["a", true, 103, undefined],
      ["b\0c", undefined, 107, undefined],
      ["\ufffd", undefined, 110, undefined],
      ["xxxxx", undefined, 111 + 17 * 1024 * 1024, 17 * 1024 * 1024],
      ["end", undefined, 115 + 17 * 1024 * 1024, undefined],
    ],
  );
  assert.equal(whole[3]?.record.text.length, 64 * 1024);
});

test("rotated files are found beside the live one, oldest first, and unfinished ones left alone", () => {
  const directory = temporary();
  const names = [
    "auth.log",
    "auth.log.1",
    "auth.log.2.gz",
    "auth.log-20261120",
    "auth.log.swp",
    "auth.log.3.gz.part",
    "auth.logs",
    "v.log",
    "v-2026-11-21T10-00-00.000.log",
    "v-x.log",
  ];
  for (const [i, name] of names.entries()) {
    writeFileSync(join(directory, name), name);
    utimesSync(join(directory, name), 1000 - i, 1000 - i);
  }
  const lanes = findLanes([join(directory, "auth.log*"), join(directory, "v.log"), join(directory, "none.log")]);
  const shown = lanes.map(({ path, rotated }) => [path, ...rotated].map((file) => file.slice(directory.length + 1)));
  assert.deepEqual(shown, [
    ["auth.log", "auth.log-20261120", "auth.log.2.gz", "auth.log.1"],
    ["auth.logs"],
    ["none.log"],
    ["v.log", "v-2026-11-21T10-00-00.000.log"],
  ]);
});

test("what cannot be followed is told, and followed when it can be", async () => {
  const directory = temporary();
  const live = join(directory, "a.log");
  mkdirSync(live);
  const kept = new Kept();
  const stop = new AbortController();
  const input = inputOf([live, join(directory, "missing.log")]);
  const running = input.run(kept.handOver, undefined, stop.signal);
  const until = async (holds: () => boolean) => {
    for (let tries = 0; !holds(); tries++) {
      assert.ok(tries < 1000, input.state.problem ?? "no problem");
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  await until(() => input.state.problem?.includes("is no file") === true);
  rmSync(live, { recursive: true });
  writeFileSync(live, text(0, 2));
  await until(() => kept.texts().length === 2);
  assert.match(input.state.problem ?? "", /missing\.log is not there/);
  stop.abort();
  await running;
});

test("a configuration may begin at the end of what is there, once", async () => {
  const live = join(temporary(), "a.log");
  const kept = new Kept();
  writeFileSync(live, text(0, 50));
  const run = (from: "end" | "start") =>
    inputOf([live], { from, once: true }).run(kept.handOver, kept.resume, new AbortController().signal);
  await run("end");
  appendFileSync(live, text(50, 60));
  kept.resume ??= { streams: {} };
  assert.deepEqual(kept.texts(), []);
});
