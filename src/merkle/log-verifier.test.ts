import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { LogProblem } from "./log-problem.ts";
import { type LogToVerify, verifyLog } from "./log-verifier.ts";
import { bundleOf, type MemoryLog, memoryLog, numberedEntries, sha256 } from "./memory-log.test-support.ts";

const check = (log: MemoryLog, more: Partial<LogToVerify> = {}) =>
  verifyLog({
    sha256,
    read: async (path) => log.files.get(path),
    checkpoint: { path: "checkpoint", checkpoint: log.checkpoint },
    listed: log.files.keys(),
    ...more,
  });

const places = (problems: readonly LogProblem[]): string[] =>
  problems.map(({ path, entry }) => (entry === undefined ? path : `${path} ${entry}`));

/** A log of 600 entries after something was done to its files: what is found. */
async function found(tamper: (files: Map<string, Uint8Array>) => void): Promise<readonly LogProblem[]> {
  const log = memoryLog(numberedEntries(600));
  tamper(log.files);
  return (await check(log)).problems;
}

const flip = (files: Map<string, Uint8Array>, path: string, at: number): void => {
  const bytes = Buffer.from(files.get(path)!);
  bytes[at] = bytes[at]! ^ 1;
  files.set(path, bytes);
};

/** Entries 256 to 511 as they are, for a bundle that is then changed. */
const second = (): Uint8Array[] => [...numberedEntries(512).slice(256)];

test("a whole log of any size is found right, and nothing that was read is changed", async () => {
  for (const size of [0, 1, 2, 255, 256, 257, 511, 512, 600, 65_536, 65_900]) {
    const log = memoryLog(numberedEntries(size));
    const before = new Map([...log.files].map(([path, bytes]) => [path, Buffer.from(bytes)]));
    const seen: number[] = [];
    const report = await check(log, { onProgress: (done) => void seen.push(done) });
    assert.deepEqual(report, { problems: [], problemCount: 0, firstEntry: 0, entries: size });
    assert.equal(seen.at(-1) ?? 0, size);
    for (const [path, bytes] of log.files) assert.ok(before.get(path)!.equals(bytes), path);
  }
});

test("a byte changed anywhere is found, and the object it is in is named", async () => {
  for (const [size, numRuns] of [
    [66_000, 8],
    [600, 100],
  ] as const) {
    const log = memoryLog(numberedEntries(size));
    const property = fc.asyncProperty(
      fc.constantFrom(...log.files.keys()),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      async (path, where, bits) => {
        const bytes = Buffer.from(log.files.get(path)!);
        const at = where % bytes.length;
        bytes[at] = bytes[at]! ^ bits;
        const { problems } = await check({ ...log, files: new Map([...log.files, [path, bytes]]) });
        assert.deepEqual([...new Set(problems.map((problem) => problem.path))], [path], JSON.stringify(problems));
      },
    );
    await fc.assert(property, { numRuns });
  }
});

test("a changed byte in a tile names the tile and the hash, on every level, whole or partial", async () => {
  const [low] = await found((files) => flip(files, "tile/0/001", 32 * 7 + 3));
  assert.deepEqual(low, { path: "tile/0/001", entry: 263, what: "hash 7 is not that of the entry" });
  const [edge] = await found((files) => flip(files, "tile/0/002.p/88", 32 * 5));
  assert.deepEqual(edge, { path: "tile/0/002.p/88", entry: 517, what: "hash 5 is not that of entry 517" });
  const high = await found((files) => flip(files, "tile/1/000.p/2", 32));
  assert.deepEqual(high, [{ path: "tile/1/000.p/2", what: "hash 1 is not that of tile/0/001" }]);
});

test("an entry that was changed, swapped, taken out, doubled or put in is named", async () => {
  const bundle = async (change: (entries: Uint8Array[]) => void) => {
    const entries = second();
    change(entries);
    return found((files) => files.set("tile/entries/001", bundleOf(entries)));
  };
  const at = (entry: number, what: string) => [{ path: "tile/entries/001", entry, what }];
  assert.deepEqual(
    await bundle((entries) => void entries.splice(9, 1, Buffer.from("forged"))),
    at(265, "is not the entry that the log has here"),
  );
  assert.deepEqual(
    await bundle((entries) => void entries.splice(3, 3, entries[5]!, entries[4]!, entries[3]!)),
    at(259, "stands in the place of the entry 2 after it, and that one in its"),
  );
  assert.deepEqual(
    await bundle((entries) => void entries.splice(4, 1)),
    at(260, "the entry is missing: the bundle holds 255 entries, not 256"),
  );
  assert.deepEqual(
    await bundle((entries) => void entries.splice(4, 0, entries[3]!)),
    at(260, "the entry before it stands twice: the bundle holds 257 entries, not 256"),
  );
  assert.deepEqual(
    await bundle((entries) => void entries.splice(4, 0, Buffer.from("new"))),
    at(260, "an entry was put in here that the log does not have: the bundle holds 257 entries, not 256"),
  );
  assert.deepEqual(
    await bundle((entries) => void entries.splice(0, 256, ...numberedEntries(256))),
    at(256, "is not the entry that the log has here; 255 more of the bundle are not either"),
  );
  assert.deepEqual(
    await bundle((entries) => void entries.splice(100)),
    at(356, "the bundle holds 100 entries, not 256"),
  );
  const cut = await found((files) => files.set("tile/entries/001", bundleOf(second()).subarray(0, -1)));
  assert.deepEqual(cut, at(511, "the bundle ends within an entry"));
  const short = await found((files) =>
    files.set("tile/entries/001", Buffer.concat([bundleOf(second()), Buffer.of(0)])),
  );
  assert.deepEqual(short, at(512, "the bundle ends within the length of an entry"));
});

test("what was appended behind the checkpoint, and what was cut off before it, is found", async () => {
  const tail = numberedEntries(601).slice(512);
  assert.deepEqual(
    places(
      await found((files) => {
        files.set("tile/entries/002.p/89", bundleOf(tail));
        files.set("tile/entries/003.p/1", bundleOf(tail.slice(0, 1)));
      }),
    ),
    ["tile/entries/002.p/89", "tile/entries/003.p/1"],
  );
  assert.deepEqual(places(await found((files) => files.set("tile/entries/002.p/88", bundleOf(tail)))), [
    "tile/entries/002.p/88 600",
  ]);
  const cut = await found((files) => {
    for (const path of [...files.keys()].filter((name) => name.includes("/002.p/"))) files.delete(path);
  });
  assert.deepEqual(places(cut), ["tile/0/002.p/88", "checkpoint", "tile/entries/002.p/88 512"]);
  assert.match(cut[1]!.what, /cannot be reached/);
});

test("a missing or misshapen file is named, and checking goes on with what is left", async () => {
  assert.deepEqual(places(await found((files) => files.delete("tile/0/001"))), ["tile/0/001"]);
  assert.deepEqual(places(await found((files) => files.delete("tile/1/000.p/2"))), ["tile/1/000.p/2"]);
  assert.deepEqual(places(await found((files) => files.delete("tile/entries/001"))), ["tile/entries/001 256"]);
  assert.deepEqual(await found((files) => files.set("tile/0/001", Buffer.alloc(31))), [
    { path: "tile/0/001", what: "the tile has 31 bytes, not 8192" },
  ]);
  const both = await found((files) => {
    files.delete("tile/0/001");
    flip(files, "tile/entries/001", 40);
  });
  assert.deepEqual(places(both), ["tile/0/001", "tile/entries/001 256"]);
  assert.deepEqual(await found((files) => files.set("tile/0/0", Buffer.alloc(1))), [
    { path: "tile/0/0", what: "is no tile of a log" },
  ]);
});

test("a part that was rewritten from the entries up is named where it meets what was not", async () => {
  const entries = [...numberedEntries(600)];
  entries[300] = Buffer.from("forged");
  const forged = memoryLog(entries).files;
  const swap = (...paths: string[]) =>
    found((files) => {
      for (const path of paths) files.set(path, forged.get(path)!);
    });
  assert.deepEqual(await swap("tile/entries/001", "tile/0/001"), [
    {
      path: "tile/0/001",
      entry: 256,
      what: "and tile/entries/001 agree, but do not lead to hash 1 of tile/1/000.p/2",
    },
  ]);
  const whole = await swap(...forged.keys());
  assert.deepEqual(places(whole), ["checkpoint"]);
  assert.match(whole[0]!.what, /^its root is .*, but tile\/0\/002\.p\/88, tile\/1\/000\.p\/2 lead to /);
  assert.equal(whole[0]!.line, 3);
});

test("of a pruned log the hashes are checked and it is said from where on entries were seen", async () => {
  const log = memoryLog(numberedEntries(1000));
  for (const path of ["tile/entries/000", "tile/entries/001"]) log.files.delete(path);
  const report = await check(log);
  assert.deepEqual(report, { problems: [], problemCount: 0, firstEntry: 512, entries: 488 });
  flip(log.files, "tile/0/000", 32 * 9);
  assert.deepEqual(places((await check(log)).problems), ["tile/0/000 0"]);
  const gap = memoryLog(numberedEntries(1000));
  gap.files.delete("tile/entries/001");
  assert.deepEqual(places((await check(gap)).problems), ["tile/entries/001 256"]);
  const bare = memoryLog(numberedEntries(1000));
  for (const path of [...bare.files.keys()].filter((name) => name.startsWith("tile/entries/"))) bare.files.delete(path);
  assert.deepEqual(places((await check(bare)).problems), ["tile/entries/003.p/232 768"]);
});

test("another checkpoint must be of a beginning of the log", async () => {
  const log = memoryLog(numberedEntries(66_000));
  const other = memoryLog([Buffer.from("other"), ...numberedEntries(65_999)]);
  const sizes = [0, 1, 256, 300, 65_535, 65_536, 65_999, 66_000];
  const named = (from: MemoryLog) =>
    sizes.map((size) => ({ path: `kept at ${size}`, checkpoint: from.checkpointAt(size) }));
  assert.deepEqual((await check(log, { others: named(log) })).problems, []);
  const { problems } = await check(log, { others: named(other) });
  assert.deepEqual(
    places(problems),
    sizes.slice(1).map((size) => `kept at ${size}`),
  );
  assert.match(problems[0]!.what, /it is of another past/);
  assert.match(problems.at(-1)!.what, /of the same size and has another root/);
  const short = memoryLog(numberedEntries(600));
  const [longer] = (await check(short, { others: [{ path: "kept", checkpoint: log.checkpoint }] })).problems;
  assert.match(longer!.what, /covers 66000 entries, more than the 600 of checkpoint: this is an older copy/);
  const stranger = { path: "kept", checkpoint: { ...short.checkpoint, origin: "s.taishi/2" } };
  assert.equal((await check(short, { others: [stranger] })).problems[0]!.line, 1);
});

test("partial tiles of an earlier size may stay, where they are the beginning of what they became", async () => {
  const log = memoryLog(numberedEntries(66_000));
  const early = memoryLog(numberedEntries(300));
  const files = new Map([...log.files, ...early.files]);
  assert.deepEqual((await check({ ...log, files })).problems, []);
  for (const path of ["tile/entries/001.p/44", "tile/0/001.p/44", "tile/1/000.p/1"]) {
    const changed = new Map(files);
    flip(changed, path, 20);
    assert.deepEqual(
      (await check({ ...log, files: changed })).problems.map((problem) => problem.path),
      [path],
    );
  }
});

test("what is asked about each bundle that is right is reported with the rest", async () => {
  const log = memoryLog(numberedEntries(600));
  const given: [number, number][] = [];
  const { problems } = await check(log, {
    onBundle: (firstEntry, bytes) => {
      given.push([firstEntry, bytes.length]);
      return firstEntry === 256 ? [{ path: "blob/x", entry: 256, what: "is missing" }] : [];
    },
  });
  assert.deepEqual(
    given.map(([first]) => first),
    [0, 256, 512],
  );
  assert.deepEqual(problems, [{ path: "blob/x", entry: 256, what: "is missing" }]);
});

test("of very many problems a hundred are kept and all are counted", async () => {
  const log = memoryLog(numberedEntries(40_000));
  for (const path of [...log.files.keys()].filter((name) => name.startsWith("tile/entries/")).slice(1))
    log.files.set(path, Buffer.from([0, 0]));
  const { problems, problemCount } = await check(log);
  assert.deepEqual([problems.length, problemCount], [100, 156]);
});
