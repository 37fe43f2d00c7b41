// The ledger as the HTTP thread sees it: hands batches to the writer's thread, bounds what waits there, and tells the
// index what was committed before the caller is told, so that an acknowledged append is in the very next query (I6).
import type { KeyObject } from "node:crypto";
import { type Fatal, TaishiError } from "../errors.ts";
import type { Event } from "../event/event.ts";
import { type FactBatch, factsOf, selectFacts } from "../event/stream.ts";
import type { CosignedCheckpoint, Offered } from "../ledger/cosigned.ts";
import type { RotatedLog } from "../ledger/key-rotation.ts";
import { type AppendBatch, type Appender, followedEvents, type HeadBatch, type Receipt } from "../ledger/port.ts";
import type { CheckpointRow } from "../ledger/store.ts";
import type { LogStatus } from "../ledger/writer.ts";
import { startThread } from "./start-thread.ts";
import { ThreadCalls } from "./thread-calls.ts";

import type { AppendAnswer, WriterInput, WriterReady } from "./writer-thread.ts";

/** Bytes of heads and blobs that may wait for the writer before appends are refused as overloaded. */
const mostWaitingBytes = 64 * 1024 * 1024;

export type CommitListener = (
  account: string,
  first: number,
  facts: FactBatch,
  followed: AppendBatch["followed"],
) => void;

export class LedgerClient implements Appender {
  readonly service: string;
  /** What a rotation of the log key did that was finished at the start. */
  readonly rotated: readonly RotatedLog[] | undefined;
  readonly #calls: ThreadCalls;
  readonly #sizes: Map<string, number>;
  readonly #minimums: Map<string, number>;
  #onCommit: CommitListener = () => {};
  #refusal: TaishiError | undefined;
  #waitingBytes = 0;
  #waitingBatches = 0;
  #appended = 0;

  private constructor(calls: ThreadCalls, ready: WriterReady) {
    this.#calls = calls;
    this.service = ready.service;
    this.rotated = ready.rotated;
    this.#sizes = new Map(ready.logs.map(({ account, size }) => [account, size]));
    this.#minimums = new Map(ready.logs.map(({ account, minimum }) => [account, minimum]));
  }

  /** @throws Fatal where the ledger must not be served (I2) */
  static async start(input: WriterInput, onFatal: (error: Fatal) => void): Promise<LedgerClient> {
    const worker = startThread("writer", input);
    const { calls, ready } = await ThreadCalls.start<WriterReady>(worker, onFatal);
    return new LedgerClient(calls, ready);
  }

  /** Who is told of every commit, before its caller is. */
  onCommit(listener: CommitListener): void {
    this.#onCommit = listener;
  }

  /** Refuses appends with this error until it is taken back with undefined. */
  refuseAppends(refusal: TaishiError | undefined): void {
    this.#refusal = refusal;
  }

  /** @throws TaishiError where appends are refused at present */
  checkAppends(): void {
    if (this.#refusal !== undefined) throw this.#refusal;
  }

  async append(batch: AppendBatch): Promise<Receipt> {
    this.checkAppends();
    const { facts, followed, ...rest } = batch;
    const heads = ownBytes(batch.heads);
    const bytes = batch.blobs.reduce((sum, blob) => sum + blob.bytes.length, heads.length);
    if (this.#waitingBytes > 0 && this.#waitingBytes + bytes > mostWaitingBytes)
      throw new TaishiError("overloaded", undefined, { retryAfter: 1 });
    this.#waitingBytes += bytes;
    this.#waitingBatches++;
    try {
      const message: HeadBatch = { ...rest, heads };
      const { receipt, appended, kept } = await this.#calls.call<AppendAnswer>("append", message, [heads.buffer]);
      if (appended) {
        this.#appended += receipt.accepted - receipt.duplicates;
        this.#sizes.set(batch.account, Math.max(receipt.treeSize, this.size(batch.account)));
        if (kept === undefined) this.#onCommit(batch.account, receipt.first, facts, followed);
        else this.#onCommit(batch.account, receipt.first, selectFacts(facts, kept), select(followed, kept));
      }
      return receipt;
    } finally {
      this.#waitingBytes -= bytes;
      this.#waitingBatches--;
    }
  }

  /** Entries of the account's log that are acknowledged. */
  size(account: string): number {
    return this.#sizes.get(account) ?? 0;
  }

  /** Entries of the account's log below are past their retention, all but those of kind system. */
  minimum(account: string): number {
    return this.#minimums.get(account) ?? 0;
  }

  /** @param minimum a multiple of 256 up to which the ledger's files are closed; never less than before */
  async setMinimum(account: string, minimum: number): Promise<void> {
    await this.#calls.call("setMinimum", { account, minimum });
    this.#minimums.set(account, minimum);
  }

  /** A closed file was replaced by one without what is past its retention. */
  async reopenSegment(number: number): Promise<void> {
    await this.#calls.call("reopenSegment", number);
  }

  get sizes(): ReadonlyMap<string, number> {
    return this.#sizes;
  }

  get waiting(): { readonly bytes: number; readonly batches: number } {
    return { bytes: this.#waitingBytes, batches: this.#waitingBatches };
  }

  /** Events appended since the start. */
  get appended(): number {
    return this.#appended;
  }

  async createLog(account: string, salted = false): Promise<void> {
    await this.#calls.call("createLog", { account, salted });
    if (!this.#sizes.has(account)) this.#sizes.set(account, 0);
  }

  /** The newest checkpoint, kept for ever from now on. */
  checkpoint(account: string): Promise<CheckpointRow> {
    return this.#calls.call("handOut", account);
  }

  /** The newest checkpoints of these logs, for witnesses. */
  offer(accounts: readonly string[]): Promise<readonly Offered[]> {
    return this.#calls.call("offer", accounts);
  }

  /** Puts cosignatures, which were verified, into checkpoints. @returns those that have them now, on disk */
  cosigned(given: readonly CosignedCheckpoint[]): Promise<readonly Offered[]> {
    return this.#calls.call("cosigned", given);
  }

  /** The newest checkpoint of the log that a quorum of witnesses cosigned. */
  witnessed(account: string): Promise<CheckpointRow | undefined> {
    return this.#calls.call("witnessed", account);
  }

  /** Links every log to the next key, which alone signs from then on; the entries that say so are told like any other. */
  async rotateLogKey(nextKey: KeyObject): Promise<readonly RotatedLog[]> {
    const logs = await this.#calls.call<readonly RotatedLog[]>("rotateLogKey", nextKey);
    for (const { account, seq, event, appended } of logs) {
      if (!appended) continue;
      this.#sizes.set(account, Math.max(seq + 1, this.size(account)));
      this.#onCommit(account, seq, factsOf([event]), followedEvents([event]));
    }
    return logs;
  }

  status(): Promise<readonly LogStatus[]> {
    return this.#calls.call("status", undefined);
  }

  close(): Promise<void> {
    this.#refusal = new TaishiError("shutting-down", undefined, { retryAfter: 5 });
    return this.#calls.end();
  }
}

/** The followed events at these places of a batch. */
function select(followed: AppendBatch["followed"], kept: Uint32Array): AppendBatch["followed"] {
  if (followed === undefined) return undefined;
  const selected: Event[] = [];
  kept.forEach((from, to) => {
    const event = followed[from];
    if (event !== undefined) selected[to] = event;
  });
  return selected.length === 0 ? undefined : selected;
}

/** The bytes in a buffer that can be moved to another thread: not one that is shared with others, as Node's pool is. */
function ownBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer, byteLength, byteOffset } = bytes;
  const mostlyOurs = byteOffset === 0 && buffer.byteLength <= 2 * byteLength && buffer.byteLength !== Buffer.poolSize;
  return mostlyOurs && buffer instanceof ArrayBuffer ? new Uint8Array(buffer, 0, byteLength) : new Uint8Array(bytes);
}
