import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { Follower } from "./follow.test-support.ts";

type Settings = ConstructorParameters<typeof Follower>[1];

function follower(t: TestContext, names: readonly string[], settings?: Settings): Follower {
  const made = new Follower(names, settings);
  t.after(() => made.remove());
  return made;
}

const lines = (name: string, from: number, to: number): readonly string[] =>
  Array.from({ length: to - from }, (_, i) => `${name} is line number ${from + i}`);
const text = (of: readonly string[]): string => of.map((line) => `${line}\n`).join("");

test("a file is read from its start and followed", async (t) => {
  const f = follower(t, ["a.log"]);
  writeFileSync(f.path("a.log"), text(lines("a", 0, 3)));
  f.start();
  await f.until(3);
  appendFileSync(f.path("a.log"), text(lines("a", 3, 5)));
  assert.deepEqual(await f.until(5), lines("a", 0, 5));
  const [first] = f.taken;
  assert.equal(first!.offset, lines("a", 0, 1)[0]!.length + 1);
  assert.equal(first!.lane, f.path("a.log"));
  const sha = createHash("sha256")
    .update(text(lines("a", 0, 1)))
    .digest("hex");
  assert.equal(first!.stream, sha.slice(0, 32));
  assert.equal(f.input.state.behind, 0);
  assert.equal(f.input.state.problem, null);
});

test("a line without its end waits for it; CR goes, NULs stay, empty lines are passed over, other bytes are kept", async (t) => {
  const f = follower(t, ["a.log"]);
  const bytes = Buffer.from("first line of a file\r\n\n\r\nwith \0 and \r in it\nb\xffd and half", "latin1");
  writeFileSync(f.path("a.log"), bytes);
  f.start();
  await f.until(2, 200);
  assert.deepEqual(f.texts, ["first line of a file", "with \0 and \r in it"]);
  appendFileSync(f.path("a.log"), " is whole\n");
  await f.until(3);
  assert.equal(f.texts[2], "b\ufffdd and half is whole");
  assert.deepEqual(f.taken[2]!.record.bytes, Buffer.from("b\xffd and half is whole", "latin1"));
  assert.equal(f.taken[0]!.record.bytes, undefined);
  assert.equal(f.taken[2]!.offset, bytes.length + " is whole\n".length);
});

for (const [way, rotate] of Object.entries<(f: Follower) => void>({
  "rename and create": (f) => {
    renameSync(f.path("a.log"), f.path("a.log.1"));
    writeFileSync(f.path("a.log"), "");
  },
  "copy and truncate": (f) => {
    copyFileSync(f.path("a.log"), f.path("a.log.1"));
    truncateSync(f.path("a.log"));
  },
  "gzip at once": (f) => {
    renameSync(f.path("a.log"), f.path("a.log.1"));
    execFileSync("gzip", [f.path("a.log.1")]);
  },
  "zstd at once, dated": (f) => {
    renameSync(f.path("a.log"), f.path("a.log-20261121"));
    execFileSync("zstd", ["-q", "--rm", f.path("a.log-20261121")]);
  },
  "lumberjack's names": (f) => renameSync(f.path("a.log"), f.path("a-2026-11-21T10-00-00.000.log")),
}))
  for (const running of [true, false])
    test(`rotated by ${way} while it ${running ? "runs" : "is stopped"}, every line comes once and in order`, async (t) => {
      const f = follower(t, ["a.log"]);
      writeFileSync(f.path("a.log"), text(lines("a", 0, 10)));
      f.start();
      await f.until(10);
      if (!running) await f.stop();
      appendFileSync(f.path("a.log"), text(lines("a", 10, 15)));
      rotate(f);
      appendFileSync(f.path("a.log"), text(lines("b", 0, 5)));
      if (!running) f.start();
      assert.deepEqual(await f.until(20, 300), [...lines("a", 0, 15), ...lines("b", 0, 5)]);
      assert.equal(new Set(f.taken.map(({ lane }) => lane)).size, 1);
      await f.stop();
      f.start();
      await sleep(300);
      assert.equal(f.taken.length, 20, "nothing comes again");
    });

test("older rotated files, compressed or not, are read before it, oldest first", async (t) => {
  const f = follower(t, ["a.log"]);
  writeFileSync(f.path("a.log"), text(lines("d", 0, 3)));
  writeFileSync(f.path("a.log.10.gz"), gzipSync(text(lines("a", 0, 3))));
  const frames = [lines("b", 0, 2), lines("b", 2, 3)].map((part) => zstdCompressSync(text(part)));
  writeFileSync(f.path("a.log.2.zst"), Buffer.concat(frames));
  writeFileSync(f.path("a.log.1"), text(lines("c", 0, 3)));
  writeFileSync(f.path("a.log.other"), text(lines("x", 0, 3)));
  f.start();
  const expected = ["a", "b", "c", "d"].flatMap((name) => lines(name, 0, 3));
  assert.deepEqual(await f.until(12, 200), expected);
});

test("files that begin with the same line are told apart, and nothing of them is lost", async (t) => {
  const f = follower(t, ["a.log"]);
  const header = "# this is the header of every log";
  writeFileSync(f.path("a.log.2"), text([header, ...lines("a", 0, 3)]));
  writeFileSync(f.path("a.log.1"), text([header, ...lines("b", 0, 9)]));
  writeFileSync(f.path("a.log"), text([header]));
  f.start();
  await f.until(15);
  renameSync(f.path("a.log"), f.path("a.log.0"));
  writeFileSync(f.path("a.log"), text([header, ...lines("c", 0, 2)]));
  const all = [header, ...lines("a", 0, 3), header, ...lines("b", 0, 9), header, header, ...lines("c", 0, 2)];
  // The third's one line is the beginning of the fourth: where all that was read of it is there too, it is the same.
  const texts = await f.until(17, 300);
  assert.deepEqual(texts, all.toSpliced(14, 1));
  const ids = new Set(f.taken.map(({ stream }) => stream.replace(/^[0-9a-f]{32}/, "")));
  assert.deepEqual([...ids], ["", "#2", "#3"]);
});

test("the same content is read once: as a copy, by another path, through a link, hard-linked, compressed", async (t) => {
  const f = follower(t, ["a.log", "sub/copy.log", "link.log", "hard.log", "old.gz"]);
  writeFileSync(f.path("a.log"), text(lines("a", 0, 50)));
  mkdirSync(f.path("sub"));
  copyFileSync(f.path("a.log"), f.path("sub/copy.log"));
  symlinkSync(f.path("a.log"), f.path("link.log"));
  linkSync(f.path("a.log"), f.path("hard.log"));
  writeFileSync(f.path("old.gz"), gzipSync(text(lines("a", 0, 50))));
  writeFileSync(f.path("a.log.1.gz"), gzipSync(text(lines("a", 0, 50))));
  f.start();
  assert.deepEqual(await f.until(50, 300), lines("a", 0, 50));
});

test("a file that is deleted is read to its end, with the half line it ended with", async (t) => {
  const f = follower(t, ["a.log"]);
  writeFileSync(f.path("a.log"), text(lines("a", 0, 2)));
  let open = (): void => {};
  f.start();
  await f.until(2);
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  f.gate = () => opened.then(() => true);
  appendFileSync(f.path("a.log"), `${text(lines("a", 2, 3))}`);
  await sleep(150);
  appendFileSync(f.path("a.log"), `${text(lines("a", 3, 4))}and a half`);
  unlinkSync(f.path("a.log"));
  writeFileSync(f.path("a.log"), text(lines("b", 0, 2)));
  open();
  assert.deepEqual(await f.until(7, 200), [...lines("a", 0, 4), "and a half", ...lines("b", 0, 2)]);
});

test("half a line at the end of a renamed file waits for the rest as long as it grows", async (t) => {
  const f = follower(t, ["a.log"], { "settle-seconds": 0.4 });
  writeFileSync(f.path("a.log"), `${text(lines("a", 0, 2))}a half`);
  f.start();
  await f.until(2);
  renameSync(f.path("a.log"), f.path("a.log.1"));
  writeFileSync(f.path("a.log"), text(lines("b", 0, 2)));
  await sleep(150);
  assert.equal(f.taken.length, 2, "what is newer waits");
  appendFileSync(f.path("a.log.1"), " and the other\nlast half");
  assert.deepEqual(await f.until(6, 300), [
    ...lines("a", 0, 2),
    "a half and the other",
    "last half",
    ...lines("b", 0, 2),
  ]);
  assert.equal(f.taken[3]!.offset, text(lines("a", 0, 2)).length + "a half and the other\nlast half".length);
});

test("a copy that is still being made is not another content", async (t) => {
  const f = follower(t, ["a.log"], { "settle-seconds": 0.3 });
  const whole = text(lines("a", 0, 2_000));
  writeFileSync(f.path("a.log"), whole);
  f.start();
  await f.until(2_000);
  for (const part of [100, 20_000, 40_000]) {
    writeFileSync(f.path("a.log.1"), whole.slice(0, part));
    await sleep(500);
    assert.equal(f.taken.length, 2_000);
  }
  appendFileSync(f.path("a.log"), text(lines("a", 2_000, 2_010)));
  copyFileSync(f.path("a.log"), f.path("a.log.1"));
  truncateSync(f.path("a.log"));
  appendFileSync(f.path("a.log"), text(lines("b", 0, 10)));
  assert.deepEqual(await f.until(2_020, 300), [...lines("a", 0, 2_010), ...lines("b", 0, 10)]);
});

test("a compressed file that is still being written is read when it is whole", async (t) => {
  const f = follower(t, ["a.log"]);
  const packed = gzipSync(
    text(Array.from({ length: 500 }, (_, i) => `${i} ${createHash("md5").update(`${i}`).digest("hex")}`)),
  );
  writeFileSync(f.path("a.log.1.gz"), packed.subarray(0, 9_000));
  writeFileSync(f.path("a.log"), text(lines("b", 0, 1)));
  f.start();
  await f.until(1);
  await sleep(200);
  assert.match(f.input.state.problem!, /a\.log\.1\.gz \(compressed\): it ends before its end/);
  writeFileSync(f.path("a.log.1.gz"), packed);
  await f.until(501);
  assert.equal(new Set(f.texts).size, 501);
  assert.equal(f.input.state.problem, null);
});

test("truncated in place and written anew with the same first line, it is another content", async (t) => {
  const f = follower(t, ["a.log"]);
  const header = "# header that is always there";
  writeFileSync(f.path("a.log"), text([header, ...lines("a", 0, 5)]));
  f.start();
  await f.until(6);
  writeFileSync(f.path("a.log"), text([header, ...lines("b", 0, 20)]));
  assert.deepEqual(await f.until(27, 200), [header, ...lines("a", 0, 5), header, ...lines("b", 0, 20)]);
});

test("lines above 16 MiB are cut, with the digest and size of the whole", async (t) => {
  const f = follower(t, ["a.log"]);
  const fits = Buffer.alloc(16 * 1024 * 1024, "é");
  const long = Buffer.alloc(40 * 1024 * 1024 + 1, "abcdefg");
  writeFileSync(f.path("a.log"), Buffer.concat([fits, Buffer.from("\r\n"), long, Buffer.from("\nshort\n")]));
  f.start();
  await f.until(3);
  const [first, second, third] = f.taken;
  assert.equal(first!.cut, undefined);
  assert.equal(first!.record.text, fits.toString());
  assert.deepEqual(second!.cut, { size: long.length, digest: createHash("sha256").update(long).digest("hex") });
  assert.equal(second!.record.text, long.subarray(0, 65_536).toString());
  assert.equal(second!.offset, fits.length + 2 + long.length + 1);
  assert.equal(third!.record.text, "short");
});

test("globs find files that come later; rotated names belong to the file they extend", async (t) => {
  const f = follower(t, ["*.log*"]);
  mkdirSync(f.path("dir.log"));
  f.start();
  await sleep(100);
  writeFileSync(f.path("a.log.1"), text(lines("a", 0, 2)));
  writeFileSync(f.path("a.log"), text(lines("a", 2, 4)));
  writeFileSync(f.path("b.log"), text(lines("b", 0, 2)));
  await f.until(6);
  const of = (name: string): readonly string[] =>
    f.taken.filter(({ lane }) => lane === f.path(name)).map(({ record }) => record.text);
  assert.deepEqual(of("a.log"), lines("a", 0, 4));
  assert.deepEqual(of("b.log"), lines("b", 0, 2));
});

test("from the end, only what comes is read, also after a stop before anything came", async (t) => {
  const f = follower(t, ["a.log", "later.log"], { from: "end" });
  writeFileSync(f.path("a.log"), `${text(lines("a", 0, 5))}begun `);
  writeFileSync(f.path("a.log.1.gz"), gzipSync(text(lines("old", 0, 5))));
  f.start();
  await sleep(200);
  await f.stop();
  appendFileSync(f.path("a.log"), "and ended\n");
  writeFileSync(f.path("later.log"), text(lines("later", 0, 1)));
  f.start();
  assert.deepEqual([...(await f.until(2, 200))].sort(), ["begun and ended", ...lines("later", 0, 1)].sort());
});

test("what cannot be read is told and tried again", async (t) => {
  const f = follower(t, ["a.log"]);
  f.start();
  const told = async (pattern: RegExp): Promise<void> => {
    for (let i = 0; !pattern.test(f.input.state.problem ?? ""); i++) {
      if (i > 200) assert.match(f.input.state.problem ?? "", pattern);
      await sleep(10);
    }
  };
  await told(/a\.log: there is no such file/);
  mkdirSync(f.path("a.log"));
  await told(/a\.log: it is a directory/);
  rmSync(f.path("a.log"), { recursive: true });
  execFileSync("mkfifo", [f.path("a.log")]);
  await told(/a\.log: it is not a file/);
  unlinkSync(f.path("a.log"));
  symlinkSync(f.path("a.log"), f.path("a.log"));
  await told(/a\.log: ELOOP/);
  unlinkSync(f.path("a.log"));
  if (process.getuid?.() !== 0) {
    writeFileSync(f.path("a.log"), text(lines("x", 0, 1)));
    chmodSync(f.path("a.log"), 0);
    await told(/a\.log: permission denied/);
    unlinkSync(f.path("a.log"));
  }
  writeFileSync(f.path("a.log"), text(lines("a", 0, 2)));
  assert.deepEqual(await f.until(2), lines("a", 0, 2));
  assert.equal(f.input.state.problem, null);
});

test("a link that is set to another file is followed, after the rest of the first", async (t) => {
  const f = follower(t, ["current"]);
  writeFileSync(f.path("day-1.txt"), text(lines("a", 0, 2)));
  symlinkSync("day-1.txt", f.path("current"));
  f.start();
  await f.until(2);
  appendFileSync(f.path("day-1.txt"), text(lines("a", 2, 4)));
  writeFileSync(f.path("day-2.txt"), text(lines("b", 0, 2)));
  symlinkSync("day-2.txt", f.path("next"));
  renameSync(f.path("next"), f.path("current"));
  assert.deepEqual(await f.until(6, 200), [...lines("a", 0, 4), ...lines("b", 0, 2)]);
});

test("once: it reads everything, half lines and short files too, and ends; a second run reads what was added", async (t) => {
  const f = follower(t, ["a.log", "short.log", "empty.log"], { once: true });
  writeFileSync(f.path("a.log.1"), `${text(lines("a", 0, 2))}half`);
  writeFileSync(f.path("a.log"), `${text(lines("b", 0, 2))}other half`);
  writeFileSync(f.path("short.log"), "x\n");
  writeFileSync(f.path("empty.log"), "");
  f.start();
  await f.ended();
  assert.deepEqual(f.texts, [...lines("a", 0, 2), "half", ...lines("b", 0, 2), "other half", "x"]);
  appendFileSync(f.path("a.log"), "\nmore\n");
  appendFileSync(f.path("short.log"), "y and much more than a short file has\n");
  f.start();
  await f.ended();
  assert.deepEqual(f.texts.slice(7), ["more", "y and much more than a short file has"]);
});

test("batches hold at most 1,000 records and 1 MiB, and reading waits for each", async (t) => {
  const f = follower(t, ["a.log"]);
  let open = 0;
  let most = 0;
  f.gate = async () => {
    most = Math.max(most, ++open);
    await sleep(1);
    open--;
    return true;
  };
  const big = Array.from({ length: 30 }, (_, i) => `${i}`.padEnd(100_000, "x"));
  writeFileSync(f.path("a.log"), text([...lines("a", 0, 2_500), ...big]));
  f.start();
  await f.until(2_530);
  assert.equal(most, 1);
  for (const { records } of f.batches) {
    assert.ok(records.length <= 1_000);
    const bytes = records.reduce((sum, { record }) => sum + record.text.length, 0);
    assert.ok(bytes <= 1024 * 1024);
  }
  assert.equal(f.input.state.behind, 0);
});

test("a lane whose files are gone ends; a file that comes back begins another", async (t) => {
  const f = follower(t, ["*.log"], { "poll-seconds": 0.01 });
  writeFileSync(f.path("a.log"), text(lines("a", 0, 2)));
  f.start();
  await f.until(2);
  assert.equal(f.input.state.text, "following 1 file");
  unlinkSync(f.path("a.log"));
  for (let i = 0; f.batches.at(-1)!.laneEnds !== true; i++) {
    assert.ok(i < 3_000, "the lane has not ended");
    await sleep(10);
  }
  const last = f.batches.at(-1)!;
  assert.deepEqual([last.lane, last.stream, last.records], [f.path("a.log"), f.taken[0]!.stream, []]);
  writeFileSync(f.path("a.log"), text(lines("b", 0, 2)));
  assert.deepEqual((await f.until(4)).slice(2), lines("b", 0, 2));
});

test("how far behind it is counts what is there and was not handed over, also while it waits", async (t) => {
  const f = follower(t, ["a.log", "b.log"]);
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  f.gate = () => opened.then(() => true);
  const first = text(lines("a", 0, 5));
  writeFileSync(f.path("a.log"), first);
  f.start();
  await sleep(200);
  assert.equal(f.input.state.behind, first.length);
  appendFileSync(f.path("a.log"), text(lines("a", 5, 6)));
  await sleep(200);
  assert.equal(f.input.state.behind, text(lines("a", 0, 6)).length);
  open();
  await f.until(6);
  assert.equal(f.input.state.behind, 0);
});
