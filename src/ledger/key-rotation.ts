// Rotation of the log's signing key, the part within the ledger, told in crash order: an entry in every log says which key
// follows which; normal checkpoints cover the entries; then, in one transaction, a checkpoint of every log is signed by
// both keys and kept for ever. Done again after a stop it doubles no entry and contradicts nothing (I2). The files of the
// keys are flow/log-key-files.ts's.
import { hash, type KeyObject } from "node:crypto";
import { TaishiError } from "../errors.ts";
import { entryHead } from "../event/entry.ts";
import type { SystemEvent } from "../event/event.ts";
import type { HeadBatch } from "./port.ts";
import { CheckpointSigner } from "./signer.ts";
import type { LedgerWriter, LogStatus } from "./writer.ts";

/** The type of the system entry that names the old and the new key of its log. */
export const rotatedType = "LogKeyRotated";
/** Logs that get their entry in one transaction: bounds how many are open at once. */
const groupLogs = 256;

export interface RotationKeys {
  readonly logKey: KeyObject;
  readonly nextKey: KeyObject;
  readonly clockKey: KeyObject;
}

export interface RotatedLog {
  readonly account: string;
  /** `name+hash+base64` of the key that went, and of the one that signs from now on. */
  readonly oldKey: string;
  readonly newKey: string;
  /** The entry that says so. */
  readonly event: SystemEvent;
  readonly seq: number;
  /** False where an earlier try had appended it. */
  readonly appended: boolean;
  /** The checkpoint that both keys signed. */
  readonly note: string;
}

/** What signs, and what verifies the last checkpoint, while one key takes the other's place. */
export function linkingSigner({ logKey, nextKey, clockKey }: RotationKeys): CheckpointSigner {
  return new CheckpointSigner({ logKey: nextKey, previousKey: logKey, clockKey });
}

/**
 * Links all logs to the next key; afterwards only that signs. Nothing of the writer may be called in between.
 * @throws TaishiError disk-full: the old key goes on signing; calling this again with the same keys goes on with it
 */
export function rotateLogKey(writer: LedgerWriter, keys: RotationKeys, now: number): readonly RotatedLog[] {
  const before = new CheckpointSigner({ logKey: keys.logKey, clockKey: keys.clockKey });
  const after = new CheckpointSigner({ logKey: keys.nextKey, clockKey: keys.clockKey });
  const logs = writer.status();
  const named: Omit<RotatedLog, "note">[] = [];
  for (let at = 0; at < logs.length; at += groupLogs) {
    named.push(...appendEntries(writer, logs.slice(at, at + groupLogs), before, after, now));
    // Besides covering the entries it lets logs go that were opened for them.
    writer.checkpoint({ sweep: false });
  }
  const notes = writer.changeSigner(linkingSigner(keys), after);
  return named.map((log) => ({ ...log, note: notes.get(log.account)! }));
}

function appendEntries(
  writer: LedgerWriter,
  logs: readonly LogStatus[],
  before: CheckpointSigner,
  after: CheckpointSigner,
  now: number,
): Omit<RotatedLog, "note">[] {
  const acts = logs.map(({ account, origin }) => {
    const [oldKey, newKey] = [before.vkey(origin), after.vkey(origin)];
    const event: SystemEvent = {
      kind: "system",
      time: now,
      type: rotatedType,
      resource: { type: "log", id: account },
      data: { newKey, oldKey },
    };
    return { account, oldKey, newKey, event };
  });
  const outcomes = writer.append(acts.map(batchOf));
  return acts.map((act, i) => {
    const outcome = outcomes[i]!;
    if ("refusal" in outcome) throw outcome.refusal;
    return { ...act, seq: outcome.receipt.first, appended: outcome.appended };
  });
}

/**
 * The key of idempotency makes a repetition find the entry (I8). Receipts live seven days, but a rotation that a stop
 * interrupted is finished before any is swept, however late the next start.
 */
function batchOf({ account, oldKey, newKey, event }: Pick<RotatedLog, "account" | "oldKey" | "newKey" | "event">) {
  const { head, blobs } = entryHead(event);
  if (blobs.length > 0) throw new TaishiError("internal", "an entry of a rotation holds a blob");
  const heads = Buffer.from(head);
  return {
    account,
    heads,
    ends: Uint32Array.of(heads.length),
    blobs,
    idempotency: { key: `log-key ${newKey}`, digest: hash("sha256", `${oldKey} ${newKey}`, "hex"), lasting: true },
  } satisfies HeadBatch;
}
