import assert from "node:assert/strict";
import { cpSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { TaishiError } from "../errors.ts";
import { parseEntry, restoreBlobs } from "../event/entry.ts";
import { parseNote } from "../merkle/note.ts";
import { Anchor } from "./anchor.ts";
import { fsck } from "./fsck.ts";
import {
  account,
  batchOf,
  check,
  firstValue,
  keys,
  markersIn,
  numbered,
  open,
  receiptOf,
  signer,
  temporary,
} from "./ledger-house.test-support.ts";
import { openLedger } from "./segments.ts";
import { verifyCheckpoint } from "./signer.ts";
import { LedgerReader } from "./store.ts";
import type { Outcome } from "./writer.ts";

test("batches of any size are numbered in order and read back, across bundles and a restart", async () => {
  const directory = temporary();
  let ledger = open(directory);
  let size = 0;
  for (const count of [1, 254, 1, 1, 500, 3, 260]) {
    const receipt = receiptOf(ledger.writer.append([batchOf(numbered(size, count))])[0]);
    assert.equal(receipt.first, size);
    assert.equal(receipt.last, size + count - 1);
    size += count;
    assert.equal(receipt.treeSize, size);
    if (count === 500) {
      ledger.writer.close();
      ledger = open(directory);
    }
  }
  const reader = LedgerReader.open(directory);
  assert.deepEqual(markersIn(reader, size), numbered(0, size));
  assert.throws(() => reader.read(account, [size]), RangeError);
  reader.close();
  ledger.writer.close();
  const report = await check(directory);
  assert.deepEqual(report.problems, []);
  assert.equal(report.entries, size);
});

test("a group of batches is one transaction, and each gets its own receipt", () => {
  const { writer, database } = open(temporary());
  const outcomes = writer.append([batchOf(["a", "b"]), batchOf(["c"]), batchOf(["d"], { account: "999" })]);
  assert.deepEqual(
    outcomes.map((outcome) => ("receipt" in outcome ? outcome.receipt.first : outcome.refusal.code)),
    [0, 2, "not-found"],
  );
  database.close();
});

test("the same idempotency key gives the first receipt again, in one group, later, and after a restart (I8)", () => {
  const directory = temporary();
  const idempotency = { key: "k1", digest: "aa".repeat(32) };
  let ledger = open(directory);
  const batch = batchOf(["a", "b"], { idempotency });
  const [first, again] = ledger.writer.append([batch, batch]);
  assert.deepEqual(receiptOf(first), { account, accepted: 2, duplicates: 0, first: 0, last: 1, treeSize: 2 });
  assert.deepEqual(receiptOf(again), { account, accepted: 2, duplicates: 2, first: 0, last: 1, treeSize: 2 });
  ledger.database.close();
  ledger = open(directory);
  assert.equal(receiptOf(ledger.writer.append([batch])[0]).duplicates, 2);
  const other = ledger.writer.append([batchOf(["c"], { idempotency: { ...idempotency, digest: "bb".repeat(32) } })])[0];
  assert.ok(other !== undefined && "refusal" in other && other.refusal.code === "idempotency-conflict");
  assert.equal(ledger.writer.status()[0]?.size, 2);
  ledger.clock.time += 8 * 24 * 3_600_000;
  ledger.writer.checkpoint();
  assert.equal(receiptOf(ledger.writer.append([batch])[0]).first, 2, "after seven days the key is forgotten");
  ledger.database.close();
});

test("a full disk refuses the group, keeps what was there, and goes on when there is room", async () => {
  const directory = temporary();
  const { writer, database } = open(directory);
  writer.append([batchOf(numbered(0, 300))]);
  const { page_count: pages } = database.prepare("PRAGMA page_count").get() as { page_count: number };
  database.exec(`PRAGMA max_page_count=${pages}`);
  let refused: Outcome | undefined;
  let size = 300;
  for (let tries = 0; tries < 100 && refused === undefined; tries++) {
    const [outcome] = writer.append([batchOf(numbered(size, 200))]);
    if (outcome !== undefined && "refusal" in outcome) refused = outcome;
    else size += 200;
  }
  assert.ok(refused !== undefined && "refusal" in refused && refused.refusal.code === "disk-full");
  assert.equal(writer.status()[0]?.size, size);
  database.exec("PRAGMA max_page_count=1000000");
  assert.equal(receiptOf(writer.append([batchOf(numbered(size, 200))])[0]).first, size);
  writer.close();
  assert.deepEqual((await check(directory)).problems, []);
});

test("times of receipt never decrease, even when the clock does", () => {
  const directory = temporary();
  const { writer, clock, database } = open(directory);
  writer.append([batchOf(["a"])]);
  clock.time -= 5000;
  writer.append([batchOf(["b"])]);
  const reader = LedgerReader.open(directory);
  const received = reader.read(account, [0, 1]).map((bytes) => parseEntry(bytes).received);
  assert.deepEqual(received, [1_700_000_000_000, 1_700_000_000_000]);
  reader.close();
  database.close();
});

test("checkpoints verify with the log's key, carry the clock's line, and are signed again when idle for a minute", () => {
  const directory = temporary();
  const { writer, clock, database } = open(directory);
  assert.equal(
    verifyCheckpoint(writer.handOut(account).note, signer.verifier(`testservice.taishi/${account}`)).size,
    0,
  );
  writer.append([batchOf(numbered(0, 10))]);
  clock.time += 1000;
  writer.checkpoint();
  const { note, time } = writer.handOut(account);
  const verified = verifyCheckpoint(note, signer.verifier(`testservice.taishi/${account}`));
  assert.equal(verified.size, 10);
  assert.deepEqual(
    parseNote(note).signatures.map(({ name }) => name),
    [`testservice.taishi/${account}`, "testservice.taishi/clock"],
  );
  assert.throws(
    () => verifyCheckpoint(note.replace("\n10\n", "\n11\n"), signer.verifier(verified.origin)),
    SyntaxError,
  );
  clock.time += 59_000;
  writer.checkpoint();
  assert.equal(writer.handOut(account).time, time);
  clock.time += 2000;
  writer.checkpoint();
  assert.equal(writer.handOut(account).time, time + 61_000);
  const reader = LedgerReader.open(directory);
  assert.deepEqual(
    reader.snapshot().checkpoints.map(({ size }) => size),
    [0, 10, 10],
    "all of these were handed out, so all are kept",
  );
  reader.close();
  database.close();
});

test("a ledger cut below its last checkpoint is refused at start, saying what to do (I2)", () => {
  const directory = temporary();
  const { writer, database } = open(directory);
  writer.append([batchOf(numbered(0, 20))]);
  writer.checkpoint();
  database.exec("DELETE FROM entry WHERE seq >= 15; UPDATE log SET size = 15");
  database.close();
  assert.throws(() => open(directory), { name: "Fatal", message: /fewer than the 20 of the last checkpoint/ });
});

test("an entry changed under the last checkpoint is refused at start or found by fsck", async () => {
  const directory = temporary();
  const { writer, database } = open(directory);
  writer.append([batchOf(numbered(0, 300))]);
  writer.checkpoint();
  database.exec("UPDATE entry SET bytes = CAST(replace(CAST(bytes AS TEXT), 'm299', 'm298') AS BLOB) WHERE seq = 299");
  database.close();
  assert.throws(() => open(directory), { name: "Fatal", message: /differs from the last checkpoint/ });
  assert.match((await check(directory)).problems[0]?.what ?? "", /checkpoint of size 300/);
});

test("the anchor catches a ledger that was rolled back whole", () => {
  const directory = temporary();
  const anchor = join(temporary(), "anchor.json");
  const older = temporary();
  let ledger = open(directory, anchor);
  ledger.writer.append([batchOf(numbered(0, 5))]);
  ledger.writer.close();
  cpSync(directory, older, { recursive: true });
  ledger = open(directory, anchor);
  ledger.writer.append([batchOf(numbered(5, 5))]);
  ledger.writer.close();
  open(directory, anchor).database.close();
  assert.throws(() => open(older, anchor), { name: "Fatal", message: /fewer than the 10 of the anchor/ });
});

test("fsck finds a changed byte, a missing bundle, a stray bundle, a wrong node and a foreign checkpoint", async () => {
  const damages: readonly [string, string, RegExp][] = [
    [
      "UPDATE bundle SET frames = substr(frames, 1, 400) || x'00' || substr(frames, 402) WHERE n = 0",
      "byte",
      /bundle 0/,
    ],
    ["DELETE FROM bundle WHERE n = 1", "bundle", /bundle/],
    ["INSERT INTO bundle SELECT log, 9, frames FROM bundle WHERE n = 0", "stray", /3 bundles in file 1 instead of 2/],
    ["UPDATE node SET hash = zeroblob(32) WHERE n = 1", "node", /stored hash of level 1, index 1/],
    ["UPDATE checkpoint SET note = replace(note, '600', '599')", "checkpoint", /not valid/],
  ];
  for (const [sql, name, expected] of damages) {
    const directory = temporary();
    const { writer } = open(directory);
    writer.append([batchOf(numbered(0, 600))]);
    writer.close();
    assert.deepEqual((await check(directory)).problems, [], name);
    const database = openLedger(directory, () => "");
    database.exec(sql);
    database.close();
    const { problems } = await check(directory);
    assert.ok(
      problems.some(({ what }) => expected.test(what)),
      `${name}: ${JSON.stringify(problems.slice(0, 3))}`,
    );
  }
});

test("strings beyond an entry's size live as blobs, come back, and are covered by fsck", async () => {
  const directory = temporary();
  const { writer, database } = open(directory);
  const long = "长".repeat(40_000);
  const batch = batchOf([long, "short"]);
  assert.equal(batch.blobs.length, 1);
  writer.append([batch]);
  const reader = LedgerReader.open(directory);
  const entry = parseEntry(reader.read(account, [0])[0]!);
  assert.equal(firstValue(restoreBlobs(entry, (digest) => reader.blob(digest, account, 0))), long);
  reader.close();
  assert.deepEqual((await check(directory)).problems, []);
  database.exec("UPDATE blob SET bytes = x'00'");
  database.close();
  const { problems } = await check(directory);
  assert.equal(problems.length, 2);
});

test("a salted log's entries carry 16 random bytes each", () => {
  const directory = temporary();
  const { writer, database } = open(directory);
  writer.createLog("7", { salted: true });
  writer.append([batchOf(["a", "a"], { account: "7" })]);
  const reader = LedgerReader.open(directory);
  const salts = reader.read("7", [0, 1]).map((bytes) => parseEntry(bytes).salt ?? "");
  assert.equal(Buffer.from(salts[0]!, "base64").length, 16);
  assert.notEqual(salts[0], salts[1]);
  reader.close();
  database.close();
});

test("a batch that cannot be stored is refused as a value, not thrown", () => {
  const { writer, database } = open(temporary());
  const [outcome] = writer.append([batchOf(["x"], { account: "404" })]);
  assert.ok(outcome !== undefined && "refusal" in outcome && outcome.refusal instanceof TaishiError);
  database.close();
});

test("a log that the anchor knows and the ledger has not is refused at start, and named by fsck (I2)", async () => {
  const directory = temporary();
  const anchorFile = join(temporary(), "anchor.json");
  const ledger = open(directory, anchorFile);
  ledger.writer.append([batchOf(numbered(0, 3))]);
  ledger.writer.checkpoint();
  ledger.database.exec("DELETE FROM log; DELETE FROM entry; DELETE FROM checkpoint");
  ledger.database.close();
  assert.throws(() => open(directory, anchorFile), { name: "Fatal", message: /which the anchor knows/ });
  const reader = LedgerReader.open(directory);
  const report = await fsck(reader, {
    keys,
    anchor: new Anchor(anchorFile),
  });
  reader.close();
  assert.match(report.problems[0]?.what ?? "", /which is gone/);
});

test("a log without any checkpoint is a sign of tampering, at start and for fsck", async () => {
  const directory = temporary();
  const { writer, database } = open(directory);
  writer.append([batchOf(numbered(0, 3))]);
  writer.checkpoint();
  database.exec("DELETE FROM checkpoint");
  database.close();
  assert.throws(() => open(directory), { name: "Fatal", message: /no checkpoint at all/ });
  assert.match((await check(directory)).problems[0]?.what ?? "", /no checkpoint at all/);
});

test("an anchor never goes back, and one that cannot be written is told at once", () => {
  const path = join(temporary(), "anchor.json");
  const anchor = new Anchor(path);
  const root = new Uint8Array(32);
  anchor.move(new Map([["o", { size: 5, root }]]));
  assert.throws(() => anchor.move(new Map([["o", { size: 4, root }]])), { name: "Fatal", message: /go back/ });
  assert.equal(new Anchor(path).head("o")?.size, 5);
  assert.throws(() => new Anchor(join(path, "below", "a.json")), { name: "Fatal" });
});

test("an anchor that is only compared with leaves the file to the server that writes it", () => {
  const path = join(temporary(), "anchor.json");
  const root = new Uint8Array(32);
  const ofServer = new Anchor(path);
  ofServer.move(new Map([["o", { size: 5, root }]]));
  const before = statSync(path).ino;
  const compared = new Anchor(path, { readOnly: true });
  assert.equal(compared.head("o")?.size, 5);
  assert.equal(statSync(path).ino, before, "it was written");
  assert.equal(new Anchor(join(temporary(), "none.json"), { readOnly: true }).origins.length, 0);
});
