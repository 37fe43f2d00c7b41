// The index and all queries on their own thread: follows the ledger, answers pages. It reads the ledger's file itself,
// read-only, so that neither the writer nor the HTTP thread ever waits for a query.
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import type { FactBatch } from "../event/stream.ts";
import { Follower } from "../index/follower.ts";
import type { IndexStats } from "../index/port.ts";
import { RunIndex } from "../index/run-index.ts";
import { LedgerReader } from "../ledger/store.ts";
import { entryTexts, type PageText, readPage } from "../query/page-reader.ts";
import type { ListRequest } from "../query/query.ts";
import { serveCalls } from "./thread-calls.ts";

export interface IndexInput {
  readonly indexDirectory: string;
  readonly ledgerDirectory: string;
  readonly service: string;
}

/** How long a query waits for the index to reach the ledger before it is refused. */
export const indexWaitMs = 5_000;

export interface IndexProgress {
  readonly covered: number;
  readonly size: number;
  readonly stats: IndexStats;
}

await serveCalls(parentPort as MessagePort, async () => {
  const input = workerData as IndexInput;
  const reader = LedgerReader.open(input.ledgerDirectory);
  const index = await RunIndex.open({ directory: input.indexDirectory, ledgerId: input.service });
  const follower = new Follower({ ledger: reader, index });
  follower.start();

  return {
    ready: undefined,
    handlers: {
      committed: ({ account, first, facts }: { account: string; first: number; facts: FactBatch }): void =>
        follower.committed(account, first, facts),
      grew: ({ account, size }: { account: string; size: number }): void => follower.grew(account, size),
      list: async ({ request, atLeast }: { request: ListRequest; atLeast: number }): Promise<PageText> => {
        await follower.reached(request.filter.account, atLeast, indexWaitMs);
        return readPage(index, reader, request);
      },
      entry: ({ account, seq }: { account: string; seq: number }): string | undefined =>
        seq < reader.size(account) ? entryTexts(reader, account, [seq])[0] : undefined,
      progress: (): IndexProgress => ({ ...follower.progress(), stats: index.stats() }),
      // Begins it: progress tells how far it is, and what fails is kept and tried again by the follower.
      rebuild: (): void => void follower.rebuild().catch(() => undefined),
      close: async (): Promise<void> => {
        await follower.close();
        await index.close();
        reader.close();
      },
    },
  };
});
