// Contents that are in several files, or begin alike: what is the same is read once, what differs is read whole, by an input
// that reads what is there, ends, and goes on another time.
import assert from "node:assert/strict";
import {
  appendFileSync,
  copyFileSync,
  linkSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { type TestContext, test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { Follower } from "./follow.test-support.ts";

const lines = (from: number, to: number): string[] =>
  Array.from(
    { length: to - from },
    (_, i) => `line number ${from + i} of a log that is long enough to be told from another`,
  );
const text = (from: number, to: number): string =>
  lines(from, to)
    .map((line) => `${line}\n`)
    .join("");

/** Runs over these names that read what is there. */
class Runs {
  readonly follower: Follower;
  readonly path: (name: string) => string;

  constructor(t: TestContext) {
    this.follower = new Follower([], { once: true });
    this.path = (name) => this.follower.path(name);
    t.after(() => this.follower.remove());
  }

  async readAll(...names: readonly string[]): Promise<void> {
    this.follower.follow(names);
    this.follower.start();
    await this.follower.ended();
  }

  texts(name?: string): readonly string[] {
    const { taken } = this.follower;
    return taken.filter(({ lane }) => name === undefined || lane === this.path(name)).map(({ record }) => record.text);
  }
}

test("a file, its rotations by rename and by copy, its compressions and its copies are read once", async (t) => {
  const runs = new Runs(t);
  const live = runs.path("a.log");
  writeFileSync(live, text(0, 10));
  await runs.readAll("a.log");
  appendFileSync(live, text(10, 20));
  renameSync(live, `${live}.1`);
  writeFileSync(live, text(20, 30));
  await runs.readAll("a.log");
  appendFileSync(live, text(30, 40));
  copyFileSync(live, `${live}-20261121`);
  truncateSync(live);
  appendFileSync(live, text(40, 50));
  writeFileSync(`${live}.2.gz`, gzipSync(readFileSync(`${live}.1`)));
  utimesSync(`${live}.2.gz`, 1, 1);
  rmSync(`${live}.1`);
  await runs.readAll("a.log");
  copyFileSync(live, runs.path("copy.log"));
  symlinkSync(live, runs.path("link.log"));
  linkSync(live, runs.path("hard.log"));
  appendFileSync(live, text(50, 60));
  writeFileSync(`${live}-20261122.zst`, zstdCompressSync(readFileSync(live)));
  await runs.readAll("*.log");
  appendFileSync(live, text(60, 70));
  await runs.readAll("a.log", "a.log", "a.log*", "*.log", "*");
  assert.deepEqual(runs.texts(), lines(0, 70));
});

test("what was compressed before it was read is read from there, on from where the file was read to", async (t) => {
  for (const [ending, compress] of [
    [".gz", gzipSync],
    [".zst", zstdCompressSync],
  ] as const) {
    const runs = new Runs(t);
    const live = runs.path("a.log");
    writeFileSync(live, text(0, 5));
    await runs.readAll("a.log");
    writeFileSync(`${live}.1${ending}`, compress(Buffer.from(text(0, 3000))));
    writeFileSync(live, text(3000, 3010));
    await runs.readAll("a.log");
    await runs.readAll("a.log");
    assert.deepEqual(runs.texts(), lines(0, 3010), ending);
    const offsets = runs.follower.taken.slice(0, 3000).map(({ offset }) => offset);
    assert.ok(
      offsets.every((offset, i) => i === 0 || offset > offsets[i - 1]!),
      "offsets are those of the content",
    );
  }
});

test("a compressed file that is not whole is read as far as it goes, and on when it is whole", async (t) => {
  const runs = new Runs(t);
  const whole = gzipSync(text(0, 2000));
  writeFileSync(runs.path("a.log"), text(2000, 2001));
  writeFileSync(runs.path("a.log.1.gz"), whole.subarray(0, whole.length / 2));
  await runs.readAll("a.log");
  assert.ok(runs.texts().length < 2000);
  writeFileSync(runs.path("a.log.1.gz"), whole);
  await runs.readAll("a.log");
  assert.deepEqual([...runs.texts()].sort(), lines(0, 2001).sort());
  // What was there to be read before the rest of what is older was not waits for nobody; else the order is kept.
  assert.deepEqual(
    runs.texts().filter((line) => line !== lines(2000, 2001)[0]),
    lines(0, 2000),
  );
});

test("live files that begin alike are two contents, from the first line on", async (t) => {
  const runs = new Runs(t);
  const header = "# the same header in every file";
  const add = (name: string, line: string): void => appendFileSync(runs.path(name), `${line}\n`);
  for (const name of ["a.log", "b.log"]) add(name, header);
  await runs.readAll("a.log", "b.log");
  add("a.log", "only in a");
  add("b.log", "only in b");
  await runs.readAll("a.log", "b.log");
  add("b.log", "more in b");
  add("a.log", "more in a");
  await runs.readAll("a.log", "b.log");
  assert.deepEqual(runs.texts("a.log"), [header, "only in a", "more in a"]);
  assert.deepEqual(runs.texts("b.log"), [header, "only in b", "more in b"]);
  const streams = new Set(runs.follower.taken.map(({ lane, stream }) => `${lane} ${stream}`));
  assert.equal(streams.size, 2);
});

test("a file that goes on where another with the same beginning ends is read on", async (t) => {
  const runs = new Runs(t);
  writeFileSync(runs.path("a.log"), text(0, 10));
  writeFileSync(runs.path("b.log"), text(0, 20));
  writeFileSync(runs.path("c.log"), text(0, 10) + text(20, 30));
  await runs.readAll("*.log");
  // c is another content than b, and so read from its beginning.
  assert.deepEqual(runs.texts(), [...lines(0, 20), ...lines(0, 10), ...lines(20, 30)]);
});

test("the same while it is followed", async (t) => {
  const f = new Follower(["*.log"]);
  t.after(() => f.remove());
  writeFileSync(f.path("a.log"), text(0, 10));
  f.start();
  await f.until(10);
  writeFileSync(f.path("b.log"), text(0, 20));
  writeFileSync(f.path("c.log"), text(0, 10) + text(20, 30));
  const texts = await f.until(40, 300);
  // Which of the two is the one that was known nobody can say.
  assert.deepEqual([...texts].sort(), [...lines(0, 10), ...lines(0, 30)].sort());
  appendFileSync(f.path("a.log"), text(30, 31));
  assert.deepEqual((await f.until(51, 300)).slice(40), [...lines(0, 10), ...lines(30, 31)]);
});

test("read to the end of a header that every file has, what was rotated away comes before what came after it", async (t) => {
  const header = "# the same header in every file\n";
  const live = "a.log";
  const pack: Readonly<Record<string, (content: string) => Buffer>> = {
    "a.log.1": Buffer.from,
    "a.log.1.gz": (content) => gzipSync(content),
  };
  for (const [rotated, packed] of Object.entries(pack))
    for (const after of ["", text(5, 6), text(5, 40)]) {
      const runs = new Runs(t);
      writeFileSync(runs.path(live), header);
      await runs.readAll(live);
      writeFileSync(runs.path(rotated), packed(header + text(0, 5)));
      writeFileSync(runs.path(live), header + after);
      await runs.readAll(live);
      const expected = [header + text(0, 5), header + after].flatMap((content) => content.trimEnd().split("\n"));
      assert.deepEqual(runs.texts(), expected, rotated);
    }
});

test("rotated files are found beside the live one, oldest first, and unfinished ones left alone", async (t) => {
  const runs = new Runs(t);
  const names = [
    "auth.log",
    "auth.log.1",
    "auth.log.2",
    "auth.log.3",
    "auth.log.swp",
    "auth.log.4.gz.part",
    "auth.logs",
  ];
  for (const [i, name] of [...names, "v.log", "v-2026-11-21T10-00-00.000.log", "v-x.log"].entries()) {
    writeFileSync(runs.path(name), `this is the content of ${name}\n`);
    utimesSync(runs.path(name), 1000 - i, 1000 - i);
  }
  await runs.readAll("auth.log*", "v.log", "none.log");
  assert.deepEqual(
    runs.texts("auth.log").map((line) => line.replace(/.* /, "")),
    ["auth.log.3", "auth.log.2", "auth.log.1", "auth.log"],
  );
  assert.equal(runs.texts("v.log").length, 2);
  assert.equal(runs.texts("auth.logs").length, 1);
  assert.equal(runs.texts().length, 7);
  assert.match(runs.follower.input.state.problem!, /none\.log: there is no such file/);
});

test("numbers that count up are read in that order, also from before the first run", async (t) => {
  const runs = new Runs(t);
  const add = (name: string, from: number, to: number): void => {
    writeFileSync(runs.path(name), name.endsWith(".gz") ? gzipSync(text(from, to)) : text(from, to));
    utimesSync(runs.path(name), from, from);
  };
  add("a.log.8.gz", 1, 10);
  add("a.log.9", 10, 20);
  add("a.log.10", 20, 30);
  add("a.log", 30, 40);
  await runs.readAll("a.log");
  assert.deepEqual(runs.texts(), lines(1, 40));
});
