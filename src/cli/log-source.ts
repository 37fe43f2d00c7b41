// One account's log straight from the ledger's files, read-only, beside a server or without one: for the verbs that hand
// out tiles and proofs. What is handed out is signed through whoever owns the directory.
import { openSigningKey } from "../durable/secret-file.ts";
import { TaishiError } from "../errors.ts";
import { dataPaths } from "../flow/data-paths.ts";
import type { SignedCheckpoint } from "../ledger/port.ts";
import { CheckpointSigner } from "../ledger/signer.ts";
import { LedgerReader, type LogRow } from "../ledger/store.ts";
import { type DataFlags, type Located, locate, withOperations } from "./data-directory.ts";

/** How long a checkpoint is waited for, and how often it is looked. */
const coverMs = 2_000;
const lookMs = 100;

/** Runs `work` with a reader of the ledger and the account's row as of now. @throws TaishiError not-found */
export async function withLog<T>(
  flags: DataFlags & { readonly account: string },
  work: (reader: LedgerReader, log: LogRow, located: Located) => T | Promise<T>,
): Promise<T> {
  const located = locate(flags);
  const reader = LedgerReader.open(dataPaths(located.data, located.secrets).ledger);
  try {
    const log = reader.log(flags.account);
    if (log === undefined)
      throw new TaishiError("not-found", `there is no account ${flags.account}`, { field: "--account" });
    return await work(reader, log, located);
  } finally {
    reader.close();
  }
}

/** The keys that sign the logs of this directory. */
export function openSigner({ data, secrets }: Located): CheckpointSigner {
  const { logKey, clockKey } = dataPaths(data, secrets);
  return new CheckpointSigner({
    logKey: openSigningKey(logKey, { create: false }),
    clockKey: openSigningKey(clockKey, { create: false }),
  });
}

/**
 * The newest signed checkpoint, kept for ever from now on. Waits a moment for one that covers `size` entries, or that is not
 * older than `time` in epoch milliseconds.
 * @throws TaishiError overloaded where none comes that covers so many; an older one is given as it is
 */
export function handOut(
  flags: DataFlags & { readonly account: string },
  { size = 0, time = 0 }: { readonly size?: number; readonly time?: number } = {},
): Promise<SignedCheckpoint> {
  const { account } = flags;
  return withOperations(flags, { index: false }, async (operations) => {
    for (let waited = 0; ; waited += lookMs) {
      const checkpoint = await operations.checkpoint({ account });
      if (checkpoint.size >= size && (checkpoint.time >= time || waited >= coverMs)) return checkpoint;
      if (waited >= coverMs)
        throw new TaishiError(
          "overloaded",
          `the newest signed checkpoint covers ${checkpoint.size} entries, not ${size} yet`,
        );
      await new Promise((resolve) => setTimeout(resolve, lookMs));
    }
  });
}

/** @throws TaishiError invalid-parameter naming the argument */
export function readCount(text: string, name: string): number {
  const count = Number(text);
  if (!/^(?:0|[1-9]\d*)$/.test(text) || !Number.isSafeInteger(count))
    throw new TaishiError("invalid-parameter", `${name}: must be a whole number from 0`, { field: name });
  return count;
}
