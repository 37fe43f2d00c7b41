// The index and all queries on their own thread: follows the ledger, answers pages. It reads the ledger's file itself,
// read-only, so that neither the writer nor the HTTP thread ever waits for a query.
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { TaishiError } from "../errors.ts";
import type { FactBatch } from "../event/stream.ts";
import { Follower } from "../index/follower.ts";
import type { Histogram, IndexStats, Top } from "../index/port.ts";
import { RunIndex } from "../index/run-index.ts";
import type { AbsenceEvidence, SignedCheckpoint } from "../ledger/port.ts";
import { linkingCheckpoints, proveAbsence, proveConsistency, proveEntry, readTile } from "../ledger/prove.ts";
import { LedgerReader } from "../ledger/store.ts";
import type { Tile } from "../merkle/tile.ts";
import {
  eachText,
  fittingTexts,
  type LookupText,
  type PageText,
  readLookup,
  readPage,
  readRange,
  readSearch,
  type SearchText,
  walkedSeqs,
} from "../query/page-reader.ts";
import type {
  CountRequest,
  ListRequest,
  LookupRequest,
  SearchRequest,
  StoryRequest,
  TopRequest,
  WalkRequest,
} from "../query/query.ts";
import { readStory, type StoryText } from "../query/story-reader.ts";
import { indexWaitMs } from "./index-lag.ts";
import { serveCalls } from "./thread-calls.ts";

export interface IndexInput {
  readonly indexDirectory: string;
  readonly ledgerDirectory: string;
  readonly service: string;
}

interface IntervalInput {
  readonly account: string;
  readonly from: number;
  readonly to: number;
}

const summedAtStart = 8;

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
  // Sums per resource are made by a pass over the runs: before somebody waits for them, of the longest logs.
  const longest = [...reader.accounts()].sort((a, b) => reader.size(b) - reader.size(a)).slice(0, summedAtStart);
  for (const account of longest) void index.top({ account }, "resource", 1).catch(() => undefined);
  /** The follower tries again whatever failed, a full disk above all: a query is refused for now, and nothing dies. */
  const caughtUp = async (account: string, size: number): Promise<void> => {
    try {
      await follower.reached(account, size, indexWaitMs);
    } catch (thrown) {
      if (thrown instanceof TaishiError) throw thrown;
      throw new TaishiError("index-behind", "the index cannot be written now; it is tried again", { retryAfter: 5 });
    }
  };

  return {
    ready: undefined,
    handlers: {
      committed: ({ account, first, facts }: { account: string; first: number; facts: FactBatch }): void =>
        follower.committed(account, first, facts),
      grew: ({ account, size }: { account: string; size: number }): void => follower.grew(account, size),
      list: async ({ request, atLeast }: { request: ListRequest; atLeast: number }): Promise<PageText> => {
        await caughtUp(request.filter.account, atLeast);
        return readPage(index, reader, request);
      },
      lookup: async ({ request, atLeast }: { request: LookupRequest; atLeast: number }): Promise<LookupText> => {
        await caughtUp(request.lookup.account, atLeast);
        return readLookup(index, reader, request);
      },
      walked: async ({ request, atLeast }: { request: WalkRequest; atLeast: number }): Promise<Float64Array> => {
        await caughtUp(request.filter.account, atLeast);
        return walkedSeqs(index, request);
      },
      search: async ({ request, atLeast }: { request: SearchRequest; atLeast: number }): Promise<SearchText> => {
        await caughtUp(request.filter.account, atLeast);
        return readSearch(index, reader, request);
      },
      story: async ({ request, atLeast }: { request: StoryRequest; atLeast: number }): Promise<StoryText> => {
        await caughtUp(request.filter.account, atLeast);
        return readStory(index, reader, request);
      },
      range: ({ account, first, count }: { account: string; first: number; count: number }) =>
        readRange(reader, account, first, count),
      histogram: async ({ request, atLeast }: { request: CountRequest; atLeast: number }): Promise<Histogram> => {
        const { filter, by, buckets } = request;
        await caughtUp(filter.account, atLeast);
        return index.histogram(filter, by, buckets);
      },
      top: async ({ request, atLeast }: { request: TopRequest; atLeast: number }): Promise<Top> => {
        const { filter, by, limit } = request;
        await caughtUp(filter.account, atLeast);
        return index.top(filter, by, limit);
      },
      texts: ({ account, seqs }: { account: string; seqs: readonly number[] }): readonly string[] =>
        fittingTexts(reader, account, seqs),
      entry: ({ account, seq }: { account: string; seq: number }): string | undefined =>
        seq < reader.size(account) ? eachText(reader, account, [seq]).next().value : undefined,
      // Tiles and proofs come from the ledger's files, not from the index: they are here because their reading is.
      tile: ({ account, tile }: { account: string; tile: Tile }): Uint8Array => readTile(reader, account, tile),
      proof: ({ account, seq, note }: { account: string; seq: number; note: string }): Promise<string> =>
        proveEntry(reader, account, seq, note),
      consistency: ({ account, from, to }: IntervalInput): Promise<readonly Uint8Array[]> =>
        proveConsistency(reader, account, from, to),
      absence: ({ account, from, to }: IntervalInput): AbsenceEvidence => proveAbsence(reader, account, from, to),
      linkingCheckpoints: ({ account }: { account: string }): readonly SignedCheckpoint[] =>
        linkingCheckpoints(reader, account),
      retentionPlan: ({ account, receivedBefore }: { account: string; receivedBefore: number }): number =>
        reader.closedBefore(account, receivedBefore),
      forget: async ({ account, below }: { account: string; below: number }): Promise<void> => {
        await caughtUp(account, below);
        await follower.forget(account, below);
      },
      closedSegments: (): readonly number[] => reader.closedSegments,
      reopenSegment: (number: number): void => reader.reopen(number),
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
