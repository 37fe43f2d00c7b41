// I2 at start: a log is compared with the last checkpoint signed for it, and with the anchor where there is one. A ledger
// found shorter or different is refused, with what to do.
import { Fatal } from "../errors.ts";
import type { Checkpoint } from "../merkle/checkpoint.ts";
import { equalBytes } from "../merkle/note.ts";
import type { Anchor } from "./anchor.ts";
import { bundleWidth } from "./bundle.ts";
import { type CheckpointSigner, cosignedTime, verifyCheckpointBy } from "./signer.ts";
import type { LedgerReader, LogRow } from "./store.ts";

const restore =
  "The ledger was cut, rolled back or exchanged. Restore its newest copy; do not start from an older one, because a log must never contradict what it has signed.";

/** @throws Fatal naming the account and what disagrees */
export function verifyHead(
  reader: LedgerReader,
  row: LogRow,
  signer: CheckpointSigner,
  anchor: Anchor | undefined,
): void {
  const fail = (what: string, cause?: unknown): Fatal =>
    new Fatal(`the log of account ${row.account} ${what}`, { hint: restore, cause });

  // Each log under its account's own name, or one account's events would be another's (I7).
  if (row.origin !== `${reader.service}.taishi/${row.account}`) throw fail(`bears the name ${row.origin}`);
  if (row.minimum % bundleWidth !== 0 || row.minimum > row.first)
    throw fail(`says that its entries below ${row.minimum} are past their retention, which cannot be`);
  const lastBundle = Math.floor(row.size / bundleWidth) - 1;
  if (lastBundle >= 0 && !reader.hasBundle(row.id, lastBundle))
    throw fail(`says it has ${row.size} entries, but bundle ${lastBundle} is missing`);
  reader.edgeAt(row, row.size);

  const latest = reader.latestCheckpoint(row.id);
  if (latest === undefined) throw fail("has no checkpoint at all, though every log begins with one");
  // A retired key does not count here: every log's last checkpoint is its successor's once a rotation is done, so one
  // that only the old key signed is of a copy from before.
  let signed: Checkpoint;
  try {
    signed = verifyCheckpointBy(latest.note, signer.verifiers(row.origin)).checkpoint;
  } catch (cause) {
    throw fail("has a last checkpoint that its log key did not sign", cause);
  }
  // What is signed next is taken from the row where the log has not grown.
  if (latest.size !== signed.size) throw fail(`has a row of size ${latest.size} for its checkpoint of ${signed.size}`);
  if (cosignedTime(latest.note, signer.clockVerifier(row.origin)) !== Math.floor(latest.time / 1000))
    throw fail("has a last checkpoint whose time its clock key did not sign");
  compare(signed, "the last checkpoint signed");
  const anchored = anchor?.head(row.origin);
  if (anchored !== undefined) compare(anchored, "the anchor");

  function compare(head: { readonly size: number; readonly root: Uint8Array }, name: string): void {
    if (head.size > row.size) throw fail(`has ${row.size} entries, fewer than the ${head.size} of ${name}`);
    if (!equalBytes(reader.edgeAt(row, head.size).root(), head.root))
      throw fail(`differs from ${name} at size ${head.size}`);
  }
}
