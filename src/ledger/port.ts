// What the rest of the house sees of the ledger: appending, and the reading side. The write path is writer.ts.
import type { Blob } from "../event/entry.ts";
import type { Event } from "../event/event.ts";
import type { FactBatch } from "../event/stream.ts";
import type { HashReader } from "../merkle/proof.ts";
import type { Tile } from "../merkle/tile.ts";

/** A batch on its way to the writer: heads of entries (event/entry.ts) end to end, as UTF-8. */
export interface AppendBatch {
  readonly account: string;
  readonly heads: Uint8Array;
  /** Where head i ends in `heads`. */
  readonly ends: Uint32Array;
  readonly blobs: readonly Blob[];
  readonly facts: FactBatch;
  /**
   * Event i of the batch at place i, where others than the index follow its kind (database and system events); holes for
   * the rest. Absent where the batch has none.
   */
  readonly followed?: readonly Event[];
  /** The same key with the same digest gives the first receipt again (I8); with another digest it is refused. */
  readonly idempotency?: {
    readonly key: string;
    readonly digest: string;
    /** However old the first receipt is, as long as it has not been swept. */
    readonly lasting?: true;
  };
  readonly positions?: BatchPositions;
}

/** What the writer needs of a batch: facts are the index's, followed events those of who follows them. */
export type HeadBatch = Omit<AppendBatch, "facts" | "followed">;

/**
 * Where the events of a batch stand at their sources: event i at offsets[i] of streams[of[i]]. Those at or below what the log
 * has of their stream are left out of the append (I8).
 */
export interface BatchPositions {
  readonly streams: readonly { readonly source: string; readonly stream: string }[];
  readonly of: Uint32Array;
  readonly offsets: Float64Array;
}

/** The events of a batch that `followed` holds; undefined where it has none. */
export function followedEvents(events: readonly Event[]): readonly Event[] | undefined {
  const followed: Event[] = [];
  events.forEach((event, i) => {
    if (isFollowed(event)) followed[i] = event;
  });
  return followed.length === 0 ? undefined : followed;
}

export function isFollowed(event: Event): boolean {
  return event.kind === "database" || event.kind === "system";
}

export interface Receipt {
  readonly account: string;
  /** Events this request carried. */
  readonly accepted: number;
  /** Of these, how many were in the log already. */
  readonly duplicates: number;
  /** Zero-based numbers of the first and last entry that is new; where none is, the log's size and the number before. */
  readonly first: number;
  readonly last: number;
  /** Size of the account's log after the append. */
  readonly treeSize: number;
}

/** Type of the system entry that an act of retention is; its data has `minimum`, the number below which entries are gone. */
export const retentionType = "RetentionApplied";

export interface Appender {
  /**
   * Resolves when the batch is fsynced and numbered (I1), all of it or nothing.
   * @throws TaishiError overloaded | disk-full | shutting-down | idempotency-conflict | not-found (no such log)
   */
  append(batch: AppendBatch): Promise<Receipt>;
}

/** The reading side: complete entries of one account's log, as of what is committed. */
export interface LogReader {
  /** Entries in the account's log; 0 where there is none. */
  size(account: string): number;
  /** Entries below are past their retention, all but those of kind system; a multiple of 256. */
  minimum(account: string): number;
  /** Accounts that have a log. */
  accounts(): readonly string[];
  /**
   * Bytes of the entries with these numbers, in that order.
   * @throws RangeError beyond the log's end; TaishiError gone where one is past its retention
   */
  read(account: string, seqs: readonly number[]): readonly Uint8Array[];
  /** Entries from `from` to before `to`, which are in one bundle; undefined for those past their retention. */
  slice(account: string, from: number, to: number): readonly (Uint8Array | undefined)[];
  /** A blob's bytes. */
  blob(digest: string, account: string, seq: number): Uint8Array;
}

/** A checkpoint as it was signed, fsynced before anyone sees it. */
export interface SignedCheckpoint {
  readonly size: number;
  /** When it was signed, epoch milliseconds; its cosignature says the same in whole seconds, rounded down. */
  readonly time: number;
  /** The signed note. */
  readonly note: string;
}

/** The tree and the entries of one log, in the portions of C2SP tlog-tiles. */
export interface LogTiles extends HashReader {
  /** @throws RangeError where the log has fewer, or where they lie in two tiles */
  hashes(level: number, from: number, count: number): Uint8Array;
  /**
   * The C2SP entry bundle of the first `width` entries of bundle `index`.
   * @throws RangeError where the log has fewer; TaishiError where they were pruned
   */
  entries(index: number, width: number): Uint8Array;
}

/** Two checkpoints of one size, one at or before an interval and one at or after it. */
export interface AbsenceEvidence {
  readonly before: SignedCheckpoint;
  readonly after: SignedCheckpoint;
}

/** A checkpoint that the key of a log and the one after it signed. */
export interface LogLink {
  /** `name+hash+base64` of the key that went, and of the one that took its place. */
  readonly oldKey: string;
  readonly newKey: string;
  /** The signed note. */
  readonly note: string;
}

/** How far a log is, and what its readers check it with. */
export interface LogState {
  readonly account: string;
  readonly origin: string;
  /** `name+hash+base64` of the log's key and of the service's clock key. */
  readonly vkey: string;
  readonly clockVkey: string;
  /** Entries acknowledged, covered by the newest checkpoint, and covered by one that enough witnesses cosigned. */
  readonly stored: number;
  readonly signed: number;
  readonly witnessed: number | null;
  /** Entries below it may have been pruned. */
  readonly minimumIndex: number;
  /** The newest signed checkpoint. */
  readonly checkpoint: string;
}

/** What readers may see of the logs: never anything beyond the newest signed checkpoint. */
export interface PublishedLogs {
  /**
   * The newest signed checkpoint, or one that was the newest a moment ago. It is kept for ever from now on.
   * @throws TaishiError not-found
   */
  checkpoint(account: string): Promise<SignedCheckpoint>;
  /**
   * The checkpoint for the log's readers: the newest that enough witnesses cosigned, where there are witnesses and they keep
   * up, else the newest signed one. Never smaller than one given before.
   * @throws TaishiError not-found
   */
  published(account: string): Promise<SignedCheckpoint>;
  /** @throws TaishiError not-found beyond the newest signed checkpoint, or where it was pruned */
  tile(account: string, tile: Tile): Promise<Uint8Array>;
  /**
   * A tlog-proof with the entry in it. An entry that no checkpoint covers yet is waited for.
   * @throws TaishiError not-found; overloaded where no checkpoint comes in time
   */
  proof(account: string, seq: number): Promise<string>;
  /** RFC 6962 §2.1.2. @throws TaishiError invalid-parameter (from, to); overloaded as for proof */
  consistency(account: string, from: number, to: number): Promise<readonly Uint8Array[]>;
  /**
   * The tightest evidence that nothing was received from `from` to `to`, in epoch milliseconds.
   * @throws TaishiError not-found, saying what is known
   */
  absence(account: string, from: number, to: number): Promise<AbsenceEvidence>;
  /** How each key of the log leads to the next, oldest first; nothing where it was never rotated. @throws TaishiError not-found */
  links(account: string): Promise<readonly LogLink[]>;
  /** @throws TaishiError not-found */
  state(account: string): Promise<LogState>;
}
