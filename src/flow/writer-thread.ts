// The ledger's writer on its own thread. Everything that waits when a turn begins is one transaction and one fsync: that
// is group commit. Checkpoints are signed here too, a little more often than once a second.

import type { KeyObject } from "node:crypto";
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { systemClock } from "../clock.ts";
import { Fatal, TaishiError } from "../errors.ts";
import { Anchor } from "../ledger/anchor.ts";
import type { CosignedCheckpoint, Offered } from "../ledger/cosigned.ts";
import { linkingSigner, type RotatedLog, rotateLogKey } from "../ledger/key-rotation.ts";
import type { HeadBatch } from "../ledger/port.ts";
import { openLedger } from "../ledger/segments.ts";
import { CheckpointSigner } from "../ledger/signer.ts";
import type { CheckpointRow } from "../ledger/store.ts";
import { LedgerWriter, type LogStatus, type Outcome } from "../ledger/writer.ts";
import { serveCalls } from "./thread-calls.ts";

export interface WriterInput {
  readonly directory: string;
  readonly newServiceId: string;
  readonly logKey: KeyObject;
  /** The key that a rotation, which a stop interrupted, was to put in its place. */
  readonly nextLogKey: KeyObject | undefined;
  readonly clockKey: KeyObject;
  readonly anchorFile: string | undefined;
  readonly segmentBytes: number;
  readonly segmentSeconds: number;
}

export interface WriterReady {
  readonly service: string;
  readonly logs: readonly LogStatus[];
  /** What a rotation that was finished now did. */
  readonly rotated: readonly RotatedLog[] | undefined;
}

export type AppendAnswer = Exclude<Outcome, { readonly refusal: TaishiError }>;

const checkpointEveryMs = 900;
/** Bytes of heads in one transaction: bounds the memory and the length of a commit. */
const groupBytes = 16 * 1024 * 1024;

interface Waiting {
  readonly batch: HeadBatch;
  readonly resolve: (answer: AppendAnswer) => void;
  readonly reject: (error: unknown) => void;
}

await serveCalls(parentPort as MessagePort, async (die) => {
  const input = workerData as WriterInput;
  const database = openLedger(input.directory, () => input.newServiceId);
  const { clockKey, nextLogKey } = input;
  let { logKey } = input;
  const writer = new LedgerWriter({
    database,
    signer:
      nextLogKey === undefined
        ? new CheckpointSigner({ logKey, clockKey })
        : linkingSigner({ logKey, nextKey: nextLogKey, clockKey }),
    clock: systemClock,
    segments: { directory: input.directory, bytes: input.segmentBytes, ageMs: input.segmentSeconds * 1000 },
    ...(input.anchorFile === undefined ? {} : { anchor: new Anchor(input.anchorFile) }),
  });
  const rotate = (nextKey: KeyObject): readonly RotatedLog[] => {
    const logs = rotateLogKey(writer, { logKey, nextKey, clockKey }, systemClock.now());
    logKey = nextKey;
    return logs;
  };
  const rotated = nextLogKey === undefined ? undefined : finishRotation(() => rotate(nextLogKey));
  const queue: Waiting[] = [];
  let dead = false;
  const stop = (thrown: unknown): void => {
    dead = true;
    die(thrown);
  };

  const commitGroup = (): void => {
    if (queue.length === 0 || dead) return;
    let bytes = 0;
    let count = 0;
    for (; count < queue.length && (count === 0 || bytes < groupBytes); count++)
      bytes += queue[count]!.batch.heads.length;
    const group = queue.splice(0, count);
    if (queue.length > 0) setImmediate(commitGroup);
    try {
      const outcomes = writer.append(group.map(({ batch }) => batch));
      // Given back at once: this thread makes so little garbage that its collector would let them pile up.
      for (const { batch } of group) (batch.heads.buffer as ArrayBuffer).transfer(0);
      group.forEach(({ resolve, reject }, i) => {
        const outcome = outcomes[i]!;
        if ("refusal" in outcome) reject(outcome.refusal);
        else resolve(outcome);
      });
    } catch (thrown) {
      // Nobody of the group is answered: their requests die with the process, and are found or not at the next start.
      stop(thrown);
    }
  };

  const timer = setInterval(() => {
    try {
      if (dead) return;
      writer.checkpoint();
      writer.rollIfDue();
    } catch (thrown) {
      // A full disk delays checkpoints and new files; what was acknowledged stays. Anything else is unknown state.
      if (!(thrown instanceof TaishiError)) stop(thrown);
    }
  }, checkpointEveryMs);

  return {
    ready: { service: writer.service, logs: writer.status(), rotated } satisfies WriterReady,
    handlers: {
      append: (batch: HeadBatch) =>
        new Promise<AppendAnswer>((resolve, reject) => {
          if (queue.push({ batch, resolve, reject }) === 1) setImmediate(commitGroup);
        }),
      createLog: ({ account, salted }: { account: string; salted: boolean }): void =>
        writer.createLog(account, { salted }),
      handOut: (account: string): CheckpointRow => writer.handOut(account),
      offer: (accounts: readonly string[]): readonly Offered[] => writer.offer(accounts),
      cosigned: (given: readonly CosignedCheckpoint[]): readonly Offered[] => writer.cosigned(given),
      witnessed: (account: string): CheckpointRow | undefined => writer.witnessed(account),
      rotateLogKey: (nextKey: KeyObject): readonly RotatedLog[] => rotate(nextKey),
      setMinimum: ({ account, minimum }: { account: string; minimum: number }): void =>
        writer.setMinimum(account, minimum),
      reopenSegment: (number: number): void => writer.reopen(number),
      status: (): readonly LogStatus[] => writer.status(),
      close: (): void => {
        // What came before the close is still answered for.
        while (queue.length > 0 && !dead) commitGroup();
        clearInterval(timer);
        writer.close();
      },
    },
  };
});

function finishRotation<T>(work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    if (!(thrown instanceof TaishiError)) throw thrown;
    throw new Fatal(`the rotation of the log key could not be finished: ${thrown.message}`, {
      hint: "Make room on the disk, then start again.",
      cause: thrown,
    });
  }
}
