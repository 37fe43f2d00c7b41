// Rows edited by hand that are no entries and no hashes: what they say is compared with what is signed, at the start where
// the service would act on it, and by fsck always.
import assert from "node:assert/strict";
import { test } from "node:test";
import { openDatabase } from "../durable/database.ts";
import { Fatal } from "../errors.ts";
import { fsck } from "./fsck.ts";
import { account, batchOf, keys, newKey, numbered, open, temporary } from "./ledger-house.test-support.ts";
import { ledgerFile, segmentPath } from "./segments.ts";
import { CheckpointSigner, publicKeyOf } from "./signer.ts";
import { LedgerReader } from "./store.ts";

const logKey = newKey();
const clockKey = newKey();
const other = "2100000002";

/** Two logs of 601 and 300 entries, in one file. */
function filled(): string {
  const directory = temporary();
  const { writer, clock } = open(directory, undefined, undefined, new CheckpointSigner({ logKey, clockKey }));
  writer.createLog(other);
  for (let at = 0; at < 600; at += 100) {
    writer.append([batchOf(numbered(at, 100)), { ...batchOf(numbered(at, 50)), account: other }]);
    clock.time += 1_000;
    writer.checkpoint();
    writer.handOut(account);
  }
  writer.append([batchOf(numbered(600, 1), { idempotency: { key: "k", digest: "00".repeat(32) } })]);
  clock.time += 1_000;
  writer.checkpoint();
  writer.close();
  return directory;
}

async function problems(directory: string): Promise<string> {
  const reader = LedgerReader.open(directory);
  try {
    const current = publicKeyOf(logKey);
    const report = await fsck(reader, { keys: () => ({ ...keys(), current }), clockKey: publicKeyOf(clockKey) });
    return report.problems.map(({ what }) => what).join("\n");
  } finally {
    reader.close();
  }
}

const newest = "SELECT max(id) FROM checkpoint WHERE log = 1";
const changes: readonly {
  readonly name: string;
  readonly sql: string;
  readonly fsck: RegExp;
  readonly start?: RegExp;
}[] = [
  {
    name: "an older checkpoint's row is given the size of the log",
    sql: "DELETE FROM checkpoint WHERE log = 1 AND size > 500; UPDATE checkpoint SET size = 601 WHERE log = 1 AND size = 500",
    fsck: /row says size 601, its note 500/,
    start: /row of size 601 for its checkpoint of 500/,
  },
  {
    name: "everything is said to be past its retention",
    sql: "UPDATE log SET minimum = 1000000000192 WHERE id = 1",
    fsck: /held back, but the log tells of no retention/,
    start: /past their retention, which cannot be/,
  },
  {
    name: "two accounts' logs are exchanged",
    sql: `UPDATE log SET account = 'x' WHERE id = 1; UPDATE log SET account = '${account}' WHERE id = 2; UPDATE log SET account = '${other}' WHERE id = 1`,
    fsck: /bears the name testservice.taishi/,
    start: /bears the name/,
  },
  {
    name: "a time of receipt in the future",
    sql: "UPDATE log SET received = received + 86400000 WHERE id = 1",
    fsck: /another time of receipt/,
  },
  {
    name: "salts are said to be there",
    sql: "UPDATE log SET salted = 1 WHERE id = 1",
    fsck: /has no salt, unlike its log/,
  },
  {
    name: "a mark of a stream that there is not",
    sql: "INSERT INTO mark VALUES (1, zeroblob(32), 1000000000000)",
    fsck: /a mark of 1000000000000 of a stream that no entry is of/,
  },
  {
    name: "a receipt of entries to come",
    sql: "UPDATE receipt SET first = 700",
    fsck: /1 receipts in file 1 are of entries that are not there/,
  },
  {
    name: "a checkpoint's time is moved",
    sql: `UPDATE checkpoint SET time = time + 86400000 WHERE id = (${newest})`,
    fsck: /the clock key did not sign the time of the checkpoint of size 601/,
    start: /whose time its clock key did not sign/,
  },
  {
    name: "a hash of another file's, beyond the tree",
    sql: "INSERT INTO node VALUES (1, 1, 2, zeroblob(32))",
    fsck: /hashes of level 1 in file 1 are not those from 0 to before 2/,
  },
  {
    name: "a hash of a level not reached",
    sql: "INSERT INTO node VALUES (1, 2, 0, zeroblob(32))",
    fsck: /hashes of level 2 in file 1, which the log has not reached/,
  },
  {
    name: "rows of a log that there is not",
    sql: "INSERT INTO entry VALUES (77, 0, x'7b7d')",
    fsck: /rows of a log 77 in entry/,
  },
];

test("untouched it is whole, and starts", async () => {
  const directory = filled();
  assert.equal(await problems(directory), "");
  open(directory, undefined, undefined, new CheckpointSigner({ logKey, clockKey })).writer.close();
});

for (const { name, sql, fsck: found, start } of changes)
  test(`${name}: ${start === undefined ? "fsck says so" : "fsck and the start say so"}`, async () => {
    const directory = filled();
    const database = openDatabase({
      ...ledgerFile,
      path: segmentPath(directory, 1),
      synchronous: "FULL",
      create: () => {},
    });
    database.exec(sql);
    database.close();
    assert.match(await problems(directory), found);
    if (start === undefined) return;
    assert.throws(
      () => open(directory, undefined, undefined, new CheckpointSigner({ logKey, clockKey })),
      (thrown: unknown) => thrown instanceof Fatal && start.test(thrown.message),
    );
  });
