// Retention in a closed file: makes a copy of it in which the bundles that are past their retention are replaced by their
// leaf hashes, and puts it in the file's place in one step. The tree stays: every proof of what remains is still made,
// and every proof handed out still holds (C2SP tlog-tiles, pruning). The service's own entries, of kind system, stay
// whole, because what is shown depends on them. A stop before the rename leaves the file as it was.
import { chmodSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { openReadOnly, transaction } from "../durable/database.ts";
import { syncDirectory } from "../durable/files.ts";
import { Fatal } from "../errors.ts";
import { blobReferences, parseEntry } from "../event/entry.ts";
import { equalBytes } from "../merkle/note.ts";
import { hashingRoom, leafHash, perfectRoot } from "../merkle/tree.ts";
import { bundleWidth, decodeBundle } from "./bundle.ts";
import { fold, hasWriteAheadLog, ledgerFile, openBeside, segmentPath } from "./segments.ts";
import { sha256 } from "./signer.ts";

export interface Pruned {
  readonly bundles: number;
  /** Of the file. */
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

/**
 * Rewrites a closed file. May run on any thread, beside the writer and readers, but never twice at once; it takes about a
 * second per 100,000 entries that go.
 * @param minimums by account: entries below are past their retention
 * @returns undefined where nothing in the file is, or where the file is still being closed
 * @throws Fatal where a bundle's leaf hashes do not make the stored node above them: nothing is changed then
 */
export function pruneSegment(
  directory: string,
  number: number,
  minimums: ReadonlyMap<string, number>,
): Pruned | undefined {
  const path = segmentPath(directory, number);
  if (hasWriteAheadLog(path)) return undefined;
  const source = openReadOnly({ ...ledgerFile, path, immutable: true });
  try {
    const due = dueBundles(source, minimums);
    if (due.length === 0) return undefined;
    const beside = `${path}.new`;
    const made = openBeside(beside);
    let bundles = 0;
    try {
      made.prepare("ATTACH ? AS old").run(path);
      transaction(made, () => {
        bundles = copyRemaining(made, source, due);
      });
      made.exec("DETACH old");
      fold(made, beside);
    } catch (thrown) {
      made.close();
      rmSync(beside, { force: true });
      throw thrown;
    }
    made.close();
    const sizes = { bytesBefore: fileBytes(source), bytesAfter: 0 };
    const check = openReadOnly({ ...ledgerFile, path: beside, immutable: true });
    sizes.bytesAfter = fileBytes(check);
    check.close();
    chmodSync(beside, 0o400);
    renameSync(beside, path);
    syncDirectory(dirname(path));
    return { bundles, ...sizes };
  } finally {
    source.close();
  }
}

interface Due {
  readonly log: number;
  readonly account: string;
  /** Bundles before this one go. */
  readonly before: number;
}

function dueBundles(source: DatabaseSync, minimums: ReadonlyMap<string, number>): readonly Due[] {
  const logs = source.prepare("SELECT id, account FROM log").all() as unknown as { id: number; account: string }[];
  const any = source.prepare("SELECT 1 FROM bundle WHERE log = ? AND n < ? LIMIT 1");
  return logs
    .map(({ id, account }) => ({ log: id, account, before: Math.floor((minimums.get(account) ?? 0) / bundleWidth) }))
    .filter(({ log, before }) => before > 0 && any.get(log, before) !== undefined);
}

function copyRemaining(made: DatabaseSync, source: DatabaseSync, due: readonly Due[]): number {
  // The tail at the closing went on in the next file, and receipts are honoured for days only.
  made.exec(`
    INSERT INTO meta SELECT key, value FROM old.meta;
    INSERT INTO log SELECT * FROM old.log;
    INSERT INTO node SELECT * FROM old.node;
    INSERT INTO tile SELECT * FROM old.tile;
    INSERT INTO checkpoint SELECT * FROM old.checkpoint;
    INSERT INTO receipt SELECT * FROM old.receipt;
    INSERT INTO entry SELECT e.* FROM old.entry e WHERE e.seq / ${bundleWidth} IN
      (SELECT n FROM old.tile t WHERE t.log = e.log);
  `);
  const insertTile = made.prepare("INSERT INTO tile (log, n, hashes) VALUES (?, ?, ?)");
  const insertEntry = made.prepare("INSERT INTO entry (log, seq, bytes) VALUES (?, ?, ?)");
  const node = source.prepare("SELECT hash FROM node WHERE log = ? AND level = 1 AND n = ?");
  const room = hashingRoom();
  let bundles = 0;
  for (const { log, account, before } of due) {
    const rows = source.prepare("SELECT n, frames FROM bundle WHERE log = ? AND n < ? ORDER BY n").iterate(log, before);
    for (const row of rows as unknown as Iterable<{ n: number; frames: Uint8Array }>) {
      const entries = decodeBundle(row.frames);
      const hashes = Buffer.concat(entries.map((entry) => leafHash(sha256, entry)));
      const stored = node.get(log, row.n) as { hash: Uint8Array } | undefined;
      if (stored === undefined || !equalBytes(stored.hash, perfectRoot(sha256, hashes, room)))
        throw new Fatal(`bundle ${row.n} of account ${account} is not what the tree says; nothing was removed`, {
          hint: "Run `taishi fsck`; restore the ledger from a backup.",
        });
      insertTile.run(log, row.n, hashes);
      entries.forEach((bytes, i) => {
        if (parseEntry(bytes).event.kind === "system") insertEntry.run(log, row.n * bundleWidth + i, bytes);
      });
      bundles++;
    }
  }
  for (const { log, before } of everyLog(source, due))
    made.prepare("INSERT INTO bundle SELECT * FROM old.bundle WHERE log = ? AND n >= ?").run(log, before);
  copyBlobs(made, source);
  return bundles;
}

function everyLog(source: DatabaseSync, due: readonly Due[]): readonly { log: number; before: number }[] {
  const logs = source.prepare("SELECT id FROM log").all() as unknown as { id: number }[];
  return logs.map(({ id }) => ({ log: id, before: due.find(({ log }) => log === id)?.before ?? 0 }));
}

/** Blobs that an entry of the new file still refers to. */
function copyBlobs(made: DatabaseSync, source: DatabaseSync): void {
  if (source.prepare("SELECT 1 FROM blob LIMIT 1").get() === undefined) return;
  const copy = made.prepare("INSERT OR IGNORE INTO blob SELECT digest, bytes FROM old.blob WHERE digest = ?");
  const keep = (bytes: Uint8Array): void => {
    if (Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes('"$sha256"'))
      for (const { $sha256 } of blobReferences(parseEntry(bytes))) copy.run($sha256);
  };
  for (const row of made.prepare("SELECT bytes FROM entry").iterate()) keep((row as { bytes: Uint8Array }).bytes);
  for (const row of made.prepare("SELECT frames FROM bundle").iterate())
    for (const bytes of decodeBundle((row as { frames: Uint8Array }).frames)) keep(bytes);
}

function fileBytes(database: DatabaseSync): number {
  const row = database.prepare("SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size").get();
  return (row as { bytes: number }).bytes;
}
