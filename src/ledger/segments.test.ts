// The ledger in several files: what goes on over a roll, what a stop in the middle of one leaves, and retention.
import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { chmodSync, existsSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { openDatabase } from "../durable/database.ts";
import { TaishiError } from "../errors.ts";
import { parseEntry, restoreBlobs } from "../event/entry.ts";
import type { SystemEvent } from "../event/event.ts";
import { parseNote } from "../merkle/note.ts";
import {
  account,
  batchOf,
  batchOfEvents,
  check,
  firstValue,
  markersIn,
  numbered,
  type Open,
  open,
  receiptOf,
  temporary,
} from "./ledger-house.test-support.ts";
import { pruneSegment } from "./prune-segment.ts";
import { fold, ledgerFile, openBeside, segmentNumbers, segmentPath } from "./segments.ts";
import { LedgerReader } from "./store.ts";

const systemEvent: SystemEvent = {
  kind: "system",
  time: 1_690_000_000_000,
  type: "TrailSet",
  resource: { type: "trail", id: "t" },
  data: { name: "t" },
};

/** Closes a file at once where it holds a whole bundle. */
const soon = { bytes: 1e9, ageMs: 0 };

/** Appends `count` markers in batches of 100; closes the file whenever that is due. */
function fill(ledger: Open, from: number, count: number): void {
  for (let at = from; at < from + count; at += 100) {
    receiptOf(ledger.writer.append([batchOf(numbered(at, Math.min(100, from + count - at)))])[0]);
    ledger.writer.checkpoint();
    ledger.writer.rollIfDue();
    ledger.clock.time += 1000;
  }
}

/** Size and root of the newest checkpoint. */
function head(directory: string): string[] {
  const reader = LedgerReader.open(directory);
  const { note } = reader.latestCheckpoint(reader.log(account)!.id)!;
  reader.close();
  return parseNote(note).text.split("\n").slice(1, 3);
}

test("a log goes on over many files: entries, root, receipts and fsck are those of one file", async () => {
  const [many, one] = [temporary(), temporary()];
  for (const [directory, limits] of [[many, soon] as const, [one, undefined] as const]) {
    const ledger = open(directory, undefined, limits);
    const keyed = batchOf(["keyed"], { idempotency: { key: "k", digest: "aa" } });
    const first = receiptOf(ledger.writer.append([keyed])[0]);
    fill(ledger, 1, 1300);
    assert.deepEqual(receiptOf(ledger.writer.append([keyed])[0]), { ...first, duplicates: 1 }, "in whichever file");
    ledger.writer.checkpoint();
    ledger.writer.close();
    const reopened = open(directory, undefined, limits);
    fill(reopened, 1301, 100);
    assert.deepEqual(receiptOf(reopened.writer.append([keyed])[0]), { ...first, duplicates: 1 }, "and after a restart");
    reopened.writer.close();
    assert.deepEqual((await check(directory)).problems, []);
    assert.equal((await check(directory)).entries, 1401);
    const reader = LedgerReader.open(directory);
    assert.deepEqual(markersIn(reader, 1401), ["keyed", ...numbered(1, 1400)]);
    reader.close();
  }
  assert.ok(segmentNumbers(many).length >= 4, `${segmentNumbers(many)}`);
  assert.deepEqual(segmentNumbers(one), [1]);
  assert.equal(head(many)[0], "1401");
});

test("the tree does not depend on where files end", () => {
  const directories = [soon, { bytes: 10_000, ageMs: 1e12 }, undefined].map((limits) => {
    const directory = temporary();
    const ledger = open(directory, undefined, limits);
    // The clock stands where the entry is made, so that all three logs have the same bytes.
    for (let at = 0; at < 2000; at += 50) {
      ledger.writer.append([batchOf(numbered(at, 50))]);
      ledger.writer.rollIfDue();
    }
    ledger.writer.checkpoint();
    ledger.writer.close();
    return directory;
  });
  assert.deepEqual(head(directories[0]!), head(directories[2]!));
  assert.deepEqual(head(directories[1]!), head(directories[2]!));
  assert.ok(segmentNumbers(directories[1]!).length > 1);
});

test("closed files are read-only and whole in themselves; a reader that is open follows", () => {
  const directory = temporary();
  const ledger = open(directory, undefined, soon);
  const reader = LedgerReader.open(directory);
  fill(ledger, 0, 700);
  assert.equal(reader.size(account), 700);
  assert.deepEqual(markersIn(reader, 700), numbered(0, 700));
  const closed = segmentNumbers(directory).slice(0, -1);
  assert.deepEqual(reader.closedSegments, closed);
  for (const number of closed) {
    assert.equal(statSync(segmentPath(directory, number)).mode & 0o777, 0o400);
    assert.equal(statSync(`${segmentPath(directory, number)}-wal`, { throwIfNoEntry: false })?.size ?? 0, 0);
  }
  reader.close();
  ledger.writer.close();
});

test("files close by age too, where they hold a whole bundle", () => {
  const directory = temporary();
  const ledger = open(directory, undefined, { bytes: 1e9, ageMs: 7 * 24 * 3_600_000 });
  ledger.writer.append([batchOf(numbered(0, 200))]);
  ledger.clock.time += 8 * 24 * 3_600_000;
  assert.equal(ledger.writer.rollIfDue(), false, "no bundle yet");
  ledger.writer.append([batchOf(numbered(200, 100))]);
  assert.equal(ledger.writer.rollIfDue(), true);
  assert.equal(ledger.writer.rollIfDue(), false);
  ledger.writer.close();
  assert.deepEqual(segmentNumbers(directory), [1, 2]);
});

test("long strings stay with entries that go on in the next file", async () => {
  const directory = temporary();
  const ledger = open(directory, undefined, soon);
  fill(ledger, 0, 300);
  const long = "x".repeat(70_000);
  ledger.writer.append([batchOf([long])]);
  fill(ledger, 301, 300);
  ledger.writer.close();
  assert.deepEqual((await check(directory)).problems, []);
  const reader = LedgerReader.open(directory);
  const entry = restoreBlobs(parseEntry(reader.read(account, [300])[0]!), (digest) =>
    reader.blob(digest, account, 300),
  );
  assert.equal(firstValue(entry), long);
  reader.close();
});

test("a stop in the middle of a roll leaves the file before or the file after (I1)", async () => {
  const directory = temporary();
  const ledger = open(directory, undefined, soon);
  fill(ledger, 0, 100);
  receiptOf(ledger.writer.append([batchOf(numbered(100, 200))])[0]);
  ledger.writer.checkpoint();
  // Before the rename: something half written lies beside.
  writeFileSync(`${segmentPath(directory, 2)}.new`, "half");
  ledger.writer.close();
  let reopened = open(directory, undefined, soon);
  assert.equal(existsSync(`${segmentPath(directory, 2)}.new`), false);
  fill(reopened, 300, 100);
  reopened.writer.close();
  assert.deepEqual(segmentNumbers(directory), [1, 2]);
  // After the rename, before the old file was told: it looks as if it were the one written.
  chmodSync(segmentPath(directory, 1), 0o600);
  const stale = openLedgerFile(directory, 1);
  stale.exec("DELETE FROM meta WHERE key = 'next'");
  stale.close();
  reopened = open(directory, undefined, soon);
  fill(reopened, 400, 100);
  reopened.writer.close();
  assert.equal(statSync(segmentPath(directory, 1)).mode & 0o222, 0);
  assert.deepEqual((await check(directory)).problems, []);
  const reader = LedgerReader.open(directory);
  assert.deepEqual(markersIn(reader, 500), numbered(0, 500));
  reader.close();
});

test("entries past their retention are gone, the tree and the service's own entries stay", async () => {
  const directory = temporary();
  const ledger = open(directory, undefined, soon);
  fill(ledger, 0, 200);
  ledger.writer.append([batchOfEvents([systemEvent])]);
  const long = "y".repeat(70_000);
  ledger.writer.append([batchOf([long])]);
  fill(ledger, 202, 1000);
  ledger.writer.append([batchOfEvents([act(512)])]);
  ledger.writer.checkpoint();
  const before = head(directory);
  const minimum = 512;
  assert.throws(() => ledger.writer.setMinimum(account, 500), RangeError, "not where a bundle ends");
  assert.throws(() => ledger.writer.setMinimum(account, 1280), RangeError, "not in the file that is written");
  ledger.writer.setMinimum(account, minimum);
  assert.throws(() => ledger.writer.setMinimum(account, 256), RangeError, "never back");
  const asked = (reader: LedgerReader): void => {
    assert.throws(() => reader.read(account, [511]), isGone);
    assert.throws(() => reader.bundle(account, 1), isGone);
    assert.deepEqual(parseEntry(reader.read(account, [200])[0]!).event, systemEvent);
    assert.equal(firstValue(parseEntry(reader.read(account, [512])[0]!)), "m512");
    const slice = reader.slice(account, 0, 256);
    assert.deepEqual(
      slice.flatMap((bytes, seq) => (bytes === undefined ? [] : [seq])),
      [200],
    );
  };
  const reader = LedgerReader.open(directory);
  asked(reader);
  let bundles = 0;
  for (const number of reader.closedSegments) {
    bundles += pruneSegment(directory, number, new Map([[account, minimum]]))?.bundles ?? 0;
    reader.reopen(number);
    ledger.writer.reopen(number);
  }
  assert.equal(bundles, 2);
  asked(reader);
  assert.equal(reader.blobSize(hash("sha256", long), account, 201), undefined, "the entry that had it is gone");
  reader.close();
  fill(ledger, 1203, 300);
  ledger.writer.close();
  const report = await check(directory);
  assert.deepEqual(report.problems, []);
  assert.equal(report.entries, 1503 - 512 + 1);
  assert.equal(before[0], "1203");
  // Once more there is nothing to do, and a restart finds its head.
  assert.equal(pruneSegment(directory, 1, new Map([[account, minimum]])), undefined);
  open(directory, undefined, soon).writer.close();
});

test("retention of one account leaves another's entries in the same file", async () => {
  const directory = temporary();
  const ledger = open(directory, undefined, soon);
  const other = "2100000002";
  ledger.writer.createLog(other);
  ledger.writer.append([batchOf(numbered(0, 300)), { ...batchOf(numbered(0, 300)), account: other }]);
  ledger.writer.rollIfDue();
  ledger.writer.append([batchOfEvents([act(256)])]);
  ledger.writer.setMinimum(account, 256);
  assert.equal(pruneSegment(directory, 1, new Map([[account, 256]]))?.bundles, 1);
  ledger.writer.close();
  const reader = LedgerReader.open(directory);
  assert.throws(() => reader.read(account, [0]), isGone);
  assert.equal(firstValue(parseEntry(reader.read(other, [0])[0]!)), "m0");
  reader.close();
  assert.deepEqual((await check(directory)).problems, []);
});

test("what retention left is tampered with, and fsck says so", async () => {
  const damages: [string, RegExp][] = [
    ["UPDATE tile SET hashes = zeroblob(8192)", /stored hash of level 1, index 0/],
    ["DELETE FROM tile", /0 bundles in file 1 instead of 1|leaf hashes of bundle 0.* are missing/],
    [
      "UPDATE entry SET bytes = CAST(replace(CAST(bytes AS TEXT), '\"t\"', '\"u\"') AS BLOB)",
      /not what its leaf hash says/,
    ],
    ["INSERT INTO entry SELECT log, 7, bytes FROM entry", /entry 7 is not what its leaf hash says/],
    ["UPDATE log SET minimum = 512", /entries below 512 are held back, but the log tells of no retention/],
  ];
  for (const [sql, expected] of damages) {
    const directory = temporary();
    const ledger = open(directory, undefined, soon);
    ledger.writer.append([batchOfEvents([systemEvent])]);
    fill(ledger, 1, 600);
    ledger.writer.append([batchOfEvents([act(256)])]);
    ledger.writer.setMinimum(account, 256);
    for (const number of segmentNumbers(directory).slice(0, -1))
      pruneSegment(directory, number, new Map([[account, 256]]));
    ledger.writer.close();
    assert.deepEqual((await check(directory)).problems, [], sql);
    const number = sql.includes("minimum") ? segmentNumbers(directory).at(-1)! : 1;
    chmodSync(segmentPath(directory, number), 0o600);
    const damaged = openLedgerFile(directory, number);
    damaged.exec(sql);
    damaged.close();
    const { problems } = await check(directory);
    assert.ok(
      problems.some(({ what }) => expected.test(what)),
      `${sql}: ${JSON.stringify(problems)}`,
    );
  }
});

test("a bundle that is not what the tree says stops retention, and nothing is removed", () => {
  const directory = temporary();
  const ledger = open(directory, undefined, soon);
  fill(ledger, 0, 400);
  ledger.writer.setMinimum(account, 256);
  ledger.writer.close();
  chmodSync(segmentPath(directory, 1), 0o600);
  const damaged = openLedgerFile(directory, 1);
  damaged.exec("UPDATE node SET hash = zeroblob(32)");
  damaged.close();
  assert.throws(() => pruneSegment(directory, 1, new Map([[account, 256]])), { name: "Fatal" });
  assert.deepEqual(
    readdirSync(directory).filter((name) => name.includes(".new")),
    [],
  );
});

const act = (minimum: number): SystemEvent => ({
  kind: "system",
  time: 1_690_000_000_000,
  type: "RetentionApplied",
  resource: { type: "log", id: account },
  data: { minimum },
});

function openLedgerFile(directory: string, number: number) {
  return openDatabase({ ...ledgerFile, path: segmentPath(directory, number), synchronous: "FULL", create: () => {} });
}

function isGone(thrown: unknown): boolean {
  return thrown instanceof TaishiError && thrown.code === "gone";
}

test("a file made beside that cannot be folded is not taken for complete", () => {
  const path = segmentPath(temporary(), 2);
  const made = openBeside(`${path}.new`);
  made.exec("PRAGMA busy_timeout=0");
  const reader = openDatabase({ ...ledgerFile, path: `${path}.new`, synchronous: "FULL", create: () => {} });
  reader.exec("BEGIN");
  reader.prepare("SELECT * FROM meta").all();
  made.exec("INSERT INTO meta VALUES ('service', 'x')");
  // As with a disk that fails in that moment: part of it stays in the write-ahead log, which no renaming takes along.
  assert.throws(() => fold(made, `${path}.new`), /could not be completed/);
  reader.exec("COMMIT");
  reader.close();
  fold(made, `${path}.new`);
  made.close();
});

test("with more closed files than are kept open, everything that goes through all of them does", async () => {
  const directory = temporary();
  const ledger = open(directory, undefined, soon);
  const files = 70;
  const long = "a string that is long enough to become a blob ".repeat(2_000);
  for (let i = 0; i < files; i++) {
    ledger.writer.append([batchOf(numbered(i * 256, 255)), batchOf([`${long}${i}`])]);
    ledger.writer.checkpoint();
    ledger.writer.handOut(account);
    ledger.clock.time += 1000;
    ledger.writer.rollIfDue();
  }
  ledger.writer.close();
  const reader = LedgerReader.open(directory);
  assert.equal(reader.closedSegments.length, files);
  const { id } = reader.log(account)!;
  assert.ok(reader.snapshot().checkpoints.length >= files);
  const { before, after } = reader.checkpointsAround(id, ledger.clock.time, ledger.clock.time - (files - 2) * 1000);
  assert.deepEqual([before?.size, after?.size], [files * 256, 3 * 256]);
  assert.deepEqual(reader.linkingCheckpoints(reader.log(account)!), []);
  let blobs = 0;
  for (const { digest } of reader.blobs()) {
    blobs++;
    // Whoever goes through them may look elsewhere meanwhile.
    reader.read(account, [(blobs * 997) % (files * 256)]);
    assert.ok(reader.blobSize(digest, account, blobs) !== undefined);
  }
  assert.equal(blobs, files);
  reader.close();
  assert.deepEqual((await check(directory)).problems, []);
});
