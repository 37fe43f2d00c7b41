import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import { Fatal, TaishiError } from "../errors.ts";
import { formatCheckpoint } from "../merkle/checkpoint.ts";
import { formatNote } from "../merkle/note.ts";
import { tilePath, tilesOf } from "../merkle/tile.ts";
import { leafHash, nodeHash, type Sha256, TreeEdge } from "../merkle/tree.ts";
import { type StaticLogSource, writeStaticLog } from "./static-log.ts";

const sha256: Sha256 = (data, into, at) => into.set(hash("sha256", data, "buffer"), at);
const directories: string[] = [];

afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

function temporary(): string {
  const directory = mkdtempSync(join(tmpdir(), "taishi-static-"));
  directories.push(directory);
  return join(directory, "log");
}

/** A log of numbered entries in memory; bundle 1 has a blob. */
class MemoryLog implements StaticLogSource {
  readonly leaves: readonly Uint8Array[];
  readonly marks: readonly string[];
  /** Called for every bundle that is read. */
  onEntries: (index: number) => void = () => {};

  constructor(size: number, mark = "entry") {
    this.marks = Array.from({ length: size }, (_, i) => `${mark} ${i}`);
    this.leaves = this.marks.map((text) => leafHash(sha256, Buffer.from(text)));
  }

  hashes(level: number, from: number, count: number): Uint8Array {
    const width = 256 ** level;
    return Buffer.concat(Array.from({ length: count }, (_, i) => this.#subtree((from + i) * width, width)));
  }

  entries(index: number, width: number): Uint8Array {
    this.onEntries(index);
    const texts = this.marks.slice(index * 256, index * 256 + width).map((text) => Buffer.from(text));
    return Buffer.concat(texts.flatMap((text) => [Uint8Array.of(0, text.length), text]));
  }

  rootAt(size: number): Uint8Array {
    const edge = new TreeEdge(sha256);
    for (const leaf of this.leaves.slice(0, size)) edge.append(leaf);
    return edge.root();
  }

  *blobs(index: number): Generator<{ name: string; bytes: Uint8Array }> {
    const bytes = Buffer.from("a long string");
    if (index === 1) yield { name: hash("sha256", bytes, "hex"), bytes };
  }

  note(origin = "s.taishi/1", size = this.leaves.length): string {
    const text = formatCheckpoint({ origin, size, root: this.rootAt(size) });
    return formatNote({ text, signatures: [{ name: origin, keyId: Buffer.alloc(4), signature: Buffer.alloc(64) }] });
  }

  #subtree(from: number, width: number): Uint8Array {
    if (width === 1) return this.leaves[from]!;
    return nodeHash(sha256, this.#subtree(from, width / 2), this.#subtree(from + width / 2, width / 2));
  }
}

function filesIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(directory.length + 1))
    .sort();
}

test("the directory holds the checkpoint, every tile and bundle of its size, the blobs, and nothing else", async () => {
  const directory = temporary();
  const log = new MemoryLog(600);
  const seen: number[] = [];
  const report = await writeStaticLog(directory, log.note(), log, (done, all) => void seen.push(done / all));
  const tiles = [...tilesOf(600)];
  const [blob] = [...log.blobs(1)];
  assert.deepEqual(filesIn(directory), ["checkpoint", `blob/${blob!.name}`, ...tiles.map(tilePath)].sort());
  assert.deepEqual(report, { origin: "s.taishi/1", size: 600, written: tiles.length, kept: 0, pruned: 0 });
  assert.equal(readFileSync(join(directory, "checkpoint"), "utf8"), log.note());
  for (const { level, index, width } of tiles) {
    const bytes = readFileSync(join(directory, tilePath({ level, index, width })));
    const expected = level === "entries" ? log.entries(index, width) : log.hashes(level, index * 256, width);
    assert.ok(bytes.equals(expected), tilePath({ level, index, width }));
  }
  assert.deepEqual([seen[0], seen.at(-1)], [0, 1]);
});

test("a later export writes only what is new, and drops partial tiles that are full now", async () => {
  const directory = temporary();
  await writeStaticLog(directory, new MemoryLog(600).note(), new MemoryLog(600));
  const first = join(directory, "tile/entries/000");
  const { mtimeMs, ino } = statSync(first);
  const log = new MemoryLog(800);
  const read: number[] = [];
  log.onEntries = (index) => void read.push(index);
  const report = await writeStaticLog(directory, log.note(), log);
  assert.deepEqual(read, [2, 3], "full bundles are not even read");
  assert.deepEqual([statSync(first).mtimeMs, statSync(first).ino], [mtimeMs, ino]);
  assert.equal(report.kept, 4);
  const fresh = temporary();
  await writeStaticLog(fresh, log.note(), log);
  // The partial tile of level 1 is needed as long as the full one is not there.
  assert.deepEqual(
    filesIn(directory).filter((name) => !filesIn(fresh).includes(name)),
    ["tile/1/000.p/2"],
  );
  for (const name of filesIn(fresh))
    assert.ok(readFileSync(join(directory, name)).equals(readFileSync(join(fresh, name))), name);
});

test("stopped at any file it leaves no checkpoint that is not covered, and is completed by the next run", async () => {
  const log = new MemoryLog(600);
  for (let stop = 0; stop < 3; stop++) {
    const directory = temporary();
    const failing = new MemoryLog(600);
    failing.onEntries = (index) => {
      if (index === stop) throw new Error("the disk is gone");
    };
    await assert.rejects(writeStaticLog(directory, log.note(), failing), /the disk is gone/);
    assert.ok(!existsSync(join(directory, "checkpoint")));
    await writeStaticLog(directory, log.note(), log);
    const whole = temporary();
    await writeStaticLog(whole, log.note(), log);
    assert.deepEqual(filesIn(directory), filesIn(whole));
  }
});

test("an empty log has a checkpoint and no tile", async () => {
  const directory = temporary();
  const log = new MemoryLog(0);
  await writeStaticLog(directory, log.note(), log);
  assert.deepEqual(filesIn(directory), ["checkpoint"]);
});

test("pruned bundles are left out and counted; their hashes are there", async () => {
  const directory = temporary();
  const log = new MemoryLog(600);
  class Gone extends TaishiError {
    override get status(): number {
      return 410;
    }
  }
  log.onEntries = (index) => {
    if (index === 0) throw new Gone("not-found");
  };
  const report = await writeStaticLog(directory, log.note(), log);
  assert.equal(report.pruned, 1);
  assert.ok(!existsSync(join(directory, "tile/entries/000")) && existsSync(join(directory, "tile/0/000")));
});

test("an export of another log, a longer one, or another past is not continued, and nothing in it changes", async () => {
  const directory = temporary();
  const log = new MemoryLog(600);
  await writeStaticLog(directory, log.note(), log);
  const before = filesIn(directory);
  const refused = async (note: string, source: StaticLogSource, why: RegExp): Promise<void> => {
    await assert.rejects(
      writeStaticLog(directory, note, source),
      (thrown) => thrown instanceof TaishiError && why.test(thrown.message),
    );
    assert.deepEqual(filesIn(directory), before);
    assert.equal(readFileSync(join(directory, "checkpoint"), "utf8"), log.note());
  };
  await refused(log.note("s.taishi/2"), log, /holds the log s\.taishi\/1, not s\.taishi\/2/);
  await refused(new MemoryLog(500).note(), new MemoryLog(500), /holds 600 entries, more than the 500/);
  await refused(new MemoryLog(700, "other").note(), new MemoryLog(700, "other"), /another past of this log/);
  const changed = new MemoryLog(700);
  await assert.rejects(writeStaticLog(directory, new MemoryLog(700, "other").note(), changed), Fatal);
  writeFileSync(join(directory, "checkpoint"), "nonsense");
  await assert.rejects(writeStaticLog(directory, changed.note(), changed), /cannot be read/);
});
