import assert from "node:assert/strict";
import { generateKeyPairSync, verify } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";
import { TaishiError } from "../errors.ts";
import { cosignedMessage, parseCheckpoint, parseCosignatureBlob } from "../merkle/checkpoint.ts";
import { parseNote, signaturesBy } from "../merkle/note.ts";
import { verifyConsistency, verifyInclusion } from "../merkle/proof.ts";
import { tilesOf } from "../merkle/tile.ts";
import { parseTlogProof } from "../merkle/tlog-proof.ts";
import { leafHash, nodeHash, TreeEdge } from "../merkle/tree.ts";
import { proveAbsence, proveConsistency, proveEntry, readTile } from "./prove.ts";
import { openLedger } from "./segments.ts";
import { CheckpointSigner, sha256, verifyCheckpoint } from "./signer.ts";
import { LedgerReader } from "./store.ts";
import { LedgerWriter } from "./writer.ts";

const account = "2100000001";
const size = 66_001; // a tile of level 2, partial tiles of all levels
const logKey = generateKeyPairSync("ed25519").privateKey;
const clockKeys = generateKeyPairSync("ed25519");
const signer = new CheckpointSigner({ logKey, clockKey: clockKeys.privateKey });
const start = 1_700_000_000_000;

let directory: string;
let database: DatabaseSync;
let writer: LedgerWriter;
let reader: LedgerReader;
const clock = { time: start, now: () => clock.time };
let leaves: Uint8Array[];

/** Appends entries with empty heads but for a number. */
function append(first: number, count: number): void {
  const heads = Array.from({ length: count }, (_, i) =>
    Buffer.from(
      `{"event":{"contents":[],"kind":"security","resource":{"id":"e","type":"endpoint"},"risk":"Info","time":${first + i},"type":"SshLogin"}`,
    ),
  );
  let end = 0;
  const ends = Uint32Array.from(heads, (head) => {
    end += head.length;
    return end;
  });
  const [outcome] = writer.append([{ account, heads: Buffer.concat(heads), ends, blobs: [] }]);
  assert.ok(outcome !== undefined && "receipt" in outcome && outcome.receipt.first === first);
}

before(() => {
  directory = mkdtempSync(join(tmpdir(), "taishi-prove-"));
  database = openLedger(directory, () => "testservice");
  writer = new LedgerWriter({ database, signer, clock });
  writer.createLog(account);
  for (let at = 0; at < size; at += 10_000) append(at, Math.min(10_000, size - at));
  clock.time += 1_000;
  writer.checkpoint();
  reader = LedgerReader.open(directory);
  leaves = [];
  for (let n = 0; n * 256 < size; n++)
    for (const entry of reader.bundle(account, n)) leaves.push(leafHash(sha256, entry));
});

after(() => {
  reader.close();
  database.close();
  rmSync(directory, { recursive: true });
});

/** RFC 6962 §2.1 over perfect subtrees. */
function subtree(from: number, count: number): Uint8Array {
  if (count === 1) return leaves[from]!;
  return nodeHash(sha256, subtree(from, count / 2), subtree(from + count / 2, count / 2));
}

function rootOf(count: number): Uint8Array {
  const edge = new TreeEdge(sha256);
  for (const leaf of leaves.slice(0, count)) edge.append(leaf);
  return edge.root();
}

test("every tile of the tree holds the hashes that C2SP says, and every bundle its entries", () => {
  const seen = new Map<string, number>();
  for (const tile of tilesOf(size)) {
    const { level, index, width } = tile;
    seen.set(String(level), (seen.get(String(level)) ?? 0) + 1);
    const bytes = Buffer.from(readTile(reader, account, tile));
    if (level === "entries") {
      let at = 0;
      for (let i = 0; i < width; i++) {
        const length = bytes.readUInt16BE(at);
        const leaf = leafHash(sha256, bytes.subarray(at + 2, at + 2 + length));
        assert.deepEqual(leaf, leaves[index * 256 + i]);
        at += 2 + length;
      }
      assert.equal(at, bytes.length);
      continue;
    }
    assert.equal(bytes.length, 32 * width);
    const count = 256 ** level;
    for (let i = 0; i < width; i++) {
      // Level 2 whole, of the others each tile's ends: hashing a level anew costs as much as the whole tree.
      if (level < 2 && i > 0 && i < width - 1) continue;
      const expected = subtree((index * 256 + i) * count, count);
      assert.ok(bytes.subarray(32 * i, 32 * (i + 1)).equals(expected), `${level}/${index}, hash ${i}`);
    }
  }
  assert.deepEqual(Object.fromEntries(seen), { entries: 258, 0: 258, 1: 2, 2: 1 });
});

test("a partial tile of an earlier size is the beginning of the full one", () => {
  for (const level of [0, "entries"] as const) {
    const full = Buffer.from(readTile(reader, account, { level, index: 3, width: 256 }));
    const part = readTile(reader, account, { level, index: 3, width: 17 });
    assert.ok(full.subarray(0, part.length).equals(part));
    assert.ok(part.length < full.length / 10);
  }
});

test("nothing beyond the newest signed checkpoint is given, though it is stored", () => {
  const width = size % 256;
  const last = Math.floor(size / 256);
  append(size, 1);
  for (const level of [0, "entries"] as const) {
    readTile(reader, account, { level, index: last, width });
    assert.throws(() => readTile(reader, account, { level, index: last, width: width + 1 }), { code: "not-found" });
    assert.throws(() => readTile(reader, account, { level, index: last + 1, width: 1 }), { code: "not-found" });
  }
  assert.throws(() => readTile(reader, "77", { level: 0, index: 0, width: 1 }), { code: "not-found" });
});

test("a proof of an entry leads from its bytes to the signed root", async () => {
  const { note } = reader.latestCheckpoint(reader.log(account)!.id)!;
  const { root } = verifyCheckpoint(note, signer.verifier(`testservice.taishi/${account}`));
  for (const seq of [0, 255, 256, 40_000, 65_535, 65_536, size - 1]) {
    const proof = parseTlogProof(await proveEntry(reader, account, seq, note));
    assert.equal(proof.checkpoint, note);
    const leaf = leafHash(sha256, proof.extra!);
    verifyInclusion(sha256, { index: proof.index, size, leaf, proof: proof.hashes, root });
    assert.deepEqual([proof.index, leaf], [seq, leaves[seq]]);
  }
});

test("hashes that do not lead to the signed root are never handed out as a proof", async () => {
  const { note } = reader.latestCheckpoint(reader.log(account)!.id)!;
  database.exec("UPDATE node SET hash = zeroblob(32) WHERE level = 1 AND n = 9");
  await assert.rejects(proveEntry(reader, account, 0, note), { code: "internal" });
  const back = database.prepare("UPDATE node SET hash = ? WHERE level = 1 AND n = 9");
  back.run(subtree(9 * 256, 256));
  await proveEntry(reader, account, 0, note);
});

test("one size is shown to begin with another, and sizes that are none are refused", async () => {
  const newRoot = rootOf(size);
  for (const from of [0, 1, 255, 256, 257, 1000, 65_535, 65_536, 65_537, size]) {
    const proof = await proveConsistency(reader, account, from, size);
    verifyConsistency(sha256, { oldSize: from, oldRoot: rootOf(from), newSize: size, newRoot, proof });
  }
  await assert.rejects(proveConsistency(reader, account, 2, 1), { code: "invalid-parameter" });
  await assert.rejects(proveConsistency(reader, account, 1, 10 * size), { code: "invalid-parameter" });
});

/** The time that the clock key put into a note, in milliseconds. */
function cosignedTime(note: string): number {
  const key = signer.clockVerifier(`testservice.taishi/${account}`);
  const parsed = parseNote(note);
  const { time, signature } = parseCosignatureBlob(signaturesBy(parsed, key)[0]!.signature);
  assert.ok(verify(null, Buffer.from(cosignedMessage(time, parsed.text)), clockKeys.publicKey, signature));
  return time * 1000;
}

test("silence is shown to the minute, at whatever time of the hour, and growth is not passed off as silence", () => {
  const minute = 60_000;
  let grown = reader.size(account);
  const grow = (): void => {
    append(grown++, 1);
    writer.checkpoint();
  };
  /** Runs the writer's clock as it does while nothing comes. */
  const wait = (minutes: number): void => {
    for (let i = 0; i < minutes * 4; i++) {
      clock.time += minute / 4;
      writer.checkpoint();
    }
  };
  clock.time = Math.ceil(start / 3_600_000) * 3_600_000 + 7 * minute;
  grow();
  const silentFrom = clock.time;
  wait(20); // within one hour: no hourly checkpoint falls into it
  const silentTo = clock.time;
  grow();
  wait(5);
  grow();
  wait(1);

  const { before: first, after: last } = proveAbsence(reader, account, silentFrom + 1_000, silentTo - minute);
  assert.equal(parseCheckpoint(parseNote(first.note).text).size, grown - 2);
  assert.deepEqual(parseCheckpoint(parseNote(first.note).text), parseCheckpoint(parseNote(last.note).text));
  assert.ok(cosignedTime(first.note) <= silentFrom + 1_000);
  assert.ok(cosignedTime(last.note) >= silentTo - minute);
  assert.ok(first.time >= silentFrom && last.time <= silentTo, "and no wider than the silence");
  const kept = database.prepare("SELECT count(*) AS count FROM checkpoint").get() as { count: number };
  assert.ok(kept.count <= 10, `${kept.count} checkpoints are kept`);

  const refused = (from: number, to: number, message: RegExp): void =>
    assert.throws(
      () => proveAbsence(reader, account, from, to),
      (thrown) => thrown instanceof TaishiError && thrown.code === "not-found" && message.test(thrown.message),
    );
  refused(silentFrom - 1, silentTo - minute, /grew from/);
  refused(silentFrom + 1_000, silentTo + 1_000, /grew from/);
  refused(start - 1, silentTo, /no checkpoint from .* or before/);
  refused(silentFrom, clock.time + 3 * minute, /no checkpoint from .* or after yet; the newest is of/);
  // A cosignature tells whole seconds, rounded down: half a second later is not covered by it.
  clock.time += 500;
  grow();
  const edge = writer.handOut(account);
  refused(edge.time, edge.time, /or after yet/);
});
