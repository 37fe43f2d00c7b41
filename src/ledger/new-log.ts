// A new log out of an older copy of one that has signed more since (I2): the same entries and the same tree under a new
// origin, so that nothing it will sign contradicts what was signed under the old one. The caller records in each log what
// it continues. For a ledger that nobody has open.
import { chmodSync } from "node:fs";
import { transaction } from "../durable/database.ts";
import { toBase64 } from "../merkle/note.ts";
import { openLedger, openSegmentFile, segmentNumbers, segmentPath } from "./segments.ts";
import type { CheckpointSigner } from "./signer.ts";
import { LedgerReader } from "./store.ts";

export interface ContinuedLog {
  readonly account: string;
  readonly formerOrigin: string;
  readonly size: number;
  /** Of the entries it begins with, in base64. */
  readonly root: string;
}

/** @param service the new service's id, 16 hex digits */
export function startNewLogs(
  directory: string,
  service: string,
  signer: CheckpointSigner,
  now: number,
): readonly ContinuedLog[] {
  const database = openLedger(directory, () => service);
  const reader = LedgerReader.of(database, directory);
  const continued: ContinuedLog[] = [];
  try {
    transaction(database, () => {
      const insert = database.prepare("INSERT INTO checkpoint (log, size, time, kept, note) VALUES (?, ?, ?, 1, ?)");
      const heads = reader.logs().map((log) => ({ log, root: reader.edgeAt(log, log.size).root() }));
      database.exec("DELETE FROM checkpoint");
      database.prepare("UPDATE meta SET value = ? WHERE key = 'service'").run(service);
      for (const { log, root } of heads) {
        const origin = `${service}.taishi/${log.account}`;
        database.prepare("UPDATE log SET origin = ? WHERE id = ?").run(origin, log.id);
        insert.run(log.id, log.size, now, signer.sign({ origin, size: log.size, root }, now));
        continued.push({ account: log.account, formerOrigin: log.origin, size: log.size, root: toBase64(root) });
      }
    });
  } finally {
    reader.close();
    database.close();
  }
  // The checkpoints in closed files are the former log's.
  for (const number of segmentNumbers(directory).slice(0, -1)) {
    const path = segmentPath(directory, number);
    chmodSync(path, 0o600);
    const closed = openSegmentFile(path);
    closed.exec("DELETE FROM checkpoint; PRAGMA wal_checkpoint(TRUNCATE)");
    closed.close();
    chmodSync(path, 0o400);
  }
  return continued;
}
