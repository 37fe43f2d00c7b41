// The index as the HTTP thread sees it: the Queries port over the index's thread. Facts of commits are carried along
// while that thread keeps up; when it lags it is only told how far the ledger is and reads the rest itself, so that what
// waits in between stays bounded.
import type { Fatal } from "../errors.ts";
import type { FactBatch } from "../event/stream.ts";
import type { Histogram, Top } from "../index/port.ts";
import type { AbsenceEvidence, SignedCheckpoint } from "../ledger/port.ts";
import type { Tile } from "../merkle/tile.ts";
import {
  type LookupText,
  numberedEntry,
  type PageText,
  pageOf,
  type readRange,
  type SearchText,
} from "../query/page-reader.ts";
import type {
  CountQueries,
  CountRequest,
  ListRequest,
  LookupPage,
  LookupRequest,
  NumberedEntry,
  Page,
  Queries,
  SearchPage,
  SearchQueries,
  SearchRequest,
  StoryPage,
  StoryQueries,
  StoryRequest,
  TopRequest,
  WalkRequest,
} from "../query/query.ts";
import type { StoryText } from "../query/story-reader.ts";
import type { IndexInput, IndexProgress } from "./index-thread.ts";
import { startThread } from "./start-thread.ts";
import { ThreadCalls } from "./thread-calls.ts";

/** Entries that a walk brings over at a time. */
const walkStep = 1_000;
/** Events whose facts may be on their way to the index at once. */
const mostEventsOnTheWay = 100_000;

export class IndexClient implements Queries, CountQueries, SearchQueries, StoryQueries {
  readonly #calls: ThreadCalls;
  readonly #size: (account: string) => number;
  #onTheWay = 0;

  private constructor(calls: ThreadCalls, size: (account: string) => number) {
    this.#calls = calls;
    this.#size = size;
  }

  /** @param size entries of an account's log that are acknowledged: what every answer must cover (I6) */
  static async start(
    input: IndexInput,
    size: (account: string) => number,
    onFatal: (error: Fatal) => void,
  ): Promise<IndexClient> {
    const worker = startThread("index", input);
    const { calls } = await ThreadCalls.start(worker, onFatal);
    return new IndexClient(calls, size);
  }

  committed(account: string, first: number, facts: FactBatch): void {
    const count = facts.keys.length;
    if (this.#onTheWay + count > mostEventsOnTheWay) {
      this.#tell("grew", { account, size: first + count }, () => {});
      return;
    }
    this.#onTheWay += count;
    this.#tell("committed", { account, first, facts }, () => {
      this.#onTheWay -= count;
    });
  }

  async list(request: ListRequest): Promise<Page> {
    const atLeast = this.#size(request.filter.account);
    return pageOf(await this.#calls.call<PageText>("list", { request, atLeast }));
  }

  async entry(account: string, seq: number): Promise<NumberedEntry | undefined> {
    const text = await this.#calls.call<string | undefined>("entry", { account, seq });
    return text === undefined ? undefined : numberedEntry(seq, text);
  }

  async lookup(request: LookupRequest): Promise<LookupPage> {
    const atLeast = this.#size(request.lookup.account);
    const { size, seqs, texts, next } = await this.#calls.call<LookupText>("lookup", { request, atLeast });
    return { size, entries: texts.map((text, i) => numberedEntry(seqs[i]!, text)), next };
  }

  async search(request: SearchRequest): Promise<SearchPage> {
    const atLeast = this.#size(request.filter.account);
    const { size, seqs, texts, next, scanned } = await this.#calls.call<SearchText>("search", { request, atLeast });
    return { size, entries: texts.map((text, i) => numberedEntry(seqs[i]!, text)), next, scanned };
  }

  async range(account: string, first: number, count: number): ReturnType<SearchQueries["range"]> {
    const { seqs, texts, next } = await this.#calls.call<ReturnType<typeof readRange>>("range", {
      account,
      first,
      count,
    });
    return { entries: texts.map((text, i) => numberedEntry(seqs[i]!, text)), next };
  }

  async story(request: StoryRequest): Promise<StoryPage> {
    const atLeast = this.#size(request.filter.account);
    const { seqs, texts, threads, ...story } = await this.#calls.call<StoryText>("story", { request, atLeast });
    return {
      ...story,
      threads: threads.map((thread, i) => ({ ...thread, entry: numberedEntry(seqs[i]!, texts[i]!) })),
    };
  }

  histogram(request: CountRequest): Promise<Histogram> {
    return this.#calls.call("histogram", { request, atLeast: this.#size(request.filter.account) });
  }

  top(request: TopRequest): Promise<Top> {
    return this.#calls.call("top", { request, atLeast: this.#size(request.filter.account) });
  }

  async *walk(request: WalkRequest): AsyncGenerator<readonly NumberedEntry[]> {
    const { account } = request.filter;
    const walked = await this.#calls.call<Float64Array>("walked", { request, atLeast: this.#size(account) });
    for (let at = 0; at < walked.length; ) {
      const seqs = [...walked.subarray(at, at + walkStep)];
      const texts = await this.#calls.call<readonly string[]>("texts", { account, seqs });
      at += texts.length;
      yield texts.map((text, i) => numberedEntry(seqs[i]!, text));
    }
  }

  /** As prove.ts says; the same for those below. */
  tile(account: string, tile: Tile): Promise<Uint8Array> {
    return this.#calls.call("tile", { account, tile });
  }

  proof(account: string, seq: number, note: string): Promise<string> {
    return this.#calls.call("proof", { account, seq, note });
  }

  consistency(account: string, from: number, to: number): Promise<readonly Uint8Array[]> {
    return this.#calls.call("consistency", { account, from, to });
  }

  absence(account: string, from: number, to: number): Promise<AbsenceEvidence> {
    return this.#calls.call("absence", { account, from, to });
  }

  linkingCheckpoints(account: string): Promise<readonly SignedCheckpoint[]> {
    return this.#calls.call("linkingCheckpoints", { account });
  }

  /** Up to which number the account's entries are in closed files and were received before a time. */
  retentionPlan(account: string, receivedBefore: number): Promise<number> {
    return this.#calls.call("retentionPlan", { account, receivedBefore });
  }

  /** Takes the account's entries below a number, but for those of kind system, out of the index. */
  forget(account: string, below: number): Promise<void> {
    return this.#calls.call("forget", { account, below });
  }

  /** Numbers of the ledger's closed files. */
  closedSegments(): Promise<readonly number[]> {
    return this.#calls.call("closedSegments", undefined);
  }

  reopenSegment(number: number): Promise<void> {
    return this.#calls.call("reopenSegment", number);
  }

  progress(): Promise<IndexProgress> {
    return this.#calls.call("progress", undefined);
  }

  /** Deletes the index and starts making it anew; queries wait for it as ever. */
  async rebuild(): Promise<void> {
    await this.#calls.call("rebuild", undefined);
  }

  close(): Promise<void> {
    return this.#calls.end();
  }

  /** A failure of these calls ends the thread, which ThreadCalls reports once; there is nobody else to tell. */
  #tell(name: "committed" | "grew", input: unknown, done: () => void): void {
    this.#calls.call<void>(name, input).then(done, done);
  }
}
