// Proofs out of the ledger's files: of an entry under a checkpoint, of one size under another, and of silence. Only reads;
// whose log it is and whether it may be shown is decided by who asks.
import { TaishiError } from "../errors.ts";
import { formatSeconds } from "../event/time.ts";
import { parseCheckpoint } from "../merkle/checkpoint.ts";
import { equalBytes, parseNote } from "../merkle/note.ts";
import { consistencyProof, inclusionProof, rootOfInclusion } from "../merkle/proof.ts";
import { hasTile, type Tile, tilePath } from "../merkle/tile.ts";
import { formatTlogProof } from "../merkle/tlog-proof.ts";
import { leafHash, tileWidth } from "../merkle/tree.ts";
import type { AbsenceEvidence, SignedCheckpoint } from "./port.ts";
import { sha256 } from "./signer.ts";
import type { LedgerReader, LogRow } from "./store.ts";
import { LedgerTiles } from "./tiles.ts";

/** A tile or bundle that a signed checkpoint covers. @throws TaishiError not-found beyond the newest one */
export function readTile(reader: LedgerReader, account: string, tile: Tile): Uint8Array {
  const log = logOf(reader, account);
  if (!hasTile(reader.latestCheckpoint(log.id)?.size ?? 0, tile))
    throw new TaishiError("not-found", `no signed checkpoint needs ${tilePath(tile)}`);
  const tiles = new LedgerTiles(reader, log);
  const { level, index, width } = tile;
  return level === "entries" ? tiles.entries(index, width) : tiles.hashes(level, index * tileWidth, width);
}

/**
 * The tlog-proof of an entry, with the entry in its extra line.
 * @param note a signed checkpoint that covers the entry
 * @throws TaishiError where the entry was pruned; internal where the ledger's hashes do not lead to the signed root
 */
export async function proveEntry(reader: LedgerReader, account: string, seq: number, note: string): Promise<string> {
  const { size, root } = parseCheckpoint(parseNote(note).text);
  const extra = reader.read(account, [seq])[0]!;
  const hashes = await inclusionProof(sha256, new LedgerTiles(reader, logOf(reader, account)), seq, size);
  const leaf = leafHash(sha256, extra);
  if (!equalBytes(rootOfInclusion(sha256, { index: seq, size, leaf, proof: hashes }), root))
    throw new TaishiError("internal", "the ledger's hashes do not lead to the signed root; run `taishi fsck`");
  return formatTlogProof({ index: seq, extra, hashes, checkpoint: note });
}

/** RFC 6962 §2.1.2. @throws TaishiError invalid-parameter where the log has no such sizes */
export async function proveConsistency(
  reader: LedgerReader,
  account: string,
  from: number,
  to: number,
): Promise<readonly Uint8Array[]> {
  const log = logOf(reader, account);
  if (from > to) throw new TaishiError("invalid-parameter", "from: is larger than to", { field: "from" });
  if (to > log.size) throw new TaishiError("invalid-parameter", `to: the log has ${log.size} entries`, { field: "to" });
  return consistencyProof(sha256, new LedgerTiles(reader, log), from, to);
}

/**
 * Two kept checkpoints of one size around an interval, in epoch milliseconds. Times are those of the cosignatures: whole
 * seconds, rounded down, so the later one must be of a second that does not begin before `to`.
 * @throws TaishiError not-found, saying what is known
 */
export function proveAbsence(reader: LedgerReader, account: string, from: number, to: number): AbsenceEvidence {
  const log = logOf(reader, account);
  const { before, after } = reader.checkpointsAround(log.id, from, Math.ceil(to / 1000) * 1000);
  if (before === undefined)
    throw new TaishiError("not-found", `there is no checkpoint from ${formatSeconds(from)} or before`, {
      field: "from",
    });
  if (after === undefined)
    throw new TaishiError(
      "not-found",
      `there is no checkpoint from ${formatSeconds(to)} or after yet; the newest is of ${formatSeconds(reader.latestCheckpoint(log.id)?.time ?? 0)}, and a log that does not grow gets one every minute`,
      { field: "to" },
    );
  if (before.size !== after.size)
    throw new TaishiError(
      "not-found",
      `the log grew from ${before.size} entries at ${formatSeconds(before.time)} to ${after.size} at ${formatSeconds(after.time)}, and no kept checkpoints lie closer around the interval`,
    );
  return { before, after };
}

/** The checkpoints that link the log's keys, oldest first. @throws TaishiError not-found */
export function linkingCheckpoints(reader: LedgerReader, account: string): readonly SignedCheckpoint[] {
  return reader.linkingCheckpoints(logOf(reader, account));
}

function logOf(reader: LedgerReader, account: string): LogRow {
  const log = reader.log(account);
  if (log === undefined) throw new TaishiError("not-found", `there is no account ${account}`, { field: "account" });
  return log;
}
