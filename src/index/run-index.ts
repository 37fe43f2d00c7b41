// The embedded engine: sorted runs. Newest events in a memory part; full parts become immutable files; runs of one level
// are merged. Owns DATA/index and the order of its crash-safe steps: a run's file is fsynced, then the manifest lists it
// and moves the cursors in one transaction, then what it replaced is unlinked. Answers are computed without a pause, over
// runs, frozen parts and the active part at once, so that an event is in exactly one of them (I5, I6).
import { rmSync } from "node:fs";
import { Fatal } from "../errors.ts";
import type { FactBatch } from "../event/stream.ts";
import { histogramOf, topOf } from "./counts.ts";
import { DecodedCache } from "./decoded-cache.ts";
import { familyPrefix, isForgotten, selectorOf } from "./list-key.ts";
import { isDamage, Manifest } from "./manifest.ts";
import { MemoryPart } from "./memory-part.ts";
import { mergeRuns, writePart } from "./merge.ts";
import type {
  CountedBy,
  Filter,
  Found,
  Histogram,
  Hits,
  IndexStats,
  IndexStore,
  Lookup,
  Order,
  Position,
  Top,
  Window,
} from "./port.ts";
import { seqLimit } from "./posting-list.ts";
import { ResourceSummaries } from "./resource-summary.ts";
import { Run, type RunRecord } from "./run.ts";
import { RunWriter } from "./run-writer.ts";
import { countOf, type NamedList, pairsAt, type RankedList, rankOf } from "./selection.ts";
import { Slice, Stopped, Turns } from "./slices.ts";
import { TermHasher } from "./term-hash.ts";
import { checkLookup, searchTerms, type TermCursor } from "./term-search.ts";
import { topResources } from "./top-resources.ts";

export interface RunIndexOptions {
  readonly directory: string;
  /** Identity of the ledger this index is derived from; another one's index is dropped. */
  readonly ledgerId: string;
  /** Events kept in memory before they are written as a run. */
  readonly memoryEvents?: number;
  /** Runs of one level that are merged into one of the next. */
  readonly fanIn?: number;
  /** Bytes of decoded lists kept for queries. */
  readonly cacheBytes?: number;
}

export class RunIndex implements IndexStore {
  readonly #manifest: Manifest;
  readonly #memoryEvents: number;
  readonly #fanIn: number;
  readonly #cache: DecodedCache;
  readonly #hasher: TermHasher;
  readonly #turns = new Turns();
  readonly #resources = new ResourceSummaries(this.#turns);
  readonly #covered: Map<string, number>;
  #events = 0;
  #runs: Run[] = [];
  /** Full parts on their way to a run, oldest first. */
  #frozen: MemoryPart[] = [];
  #active: MemoryPart;
  #lastId: number;
  /** Grows with clear() and close(): background work of an older one stops. */
  #epoch = 0;
  #closed = false;
  #flushing = false;
  /** Acts of forgetting under way: no runs are merged meanwhile, because each of them is written anew. */
  #forgetting = false;
  #lastForget: Promise<void> = Promise.resolve();
  readonly #merging = new Set<number>();
  readonly #work = new Set<Promise<void>>();
  #failure: { readonly cause: unknown } | undefined;
  #waiting: { readonly resolve: () => void; readonly reject: (cause: unknown) => void }[] = [];

  /** @throws Fatal where the directory holds another program's files or a newer format's */
  static open(options: RunIndexOptions): RunIndex {
    const manifest = Manifest.open(options.directory, options.ledgerId);
    try {
      return new RunIndex(manifest, options);
    } catch (thrown) {
      manifest.close();
      throw thrown;
    }
  }

  private constructor(manifest: Manifest, options: RunIndexOptions) {
    this.#manifest = manifest;
    this.#memoryEvents = Math.max(1, options.memoryEvents ?? 262_144);
    this.#fanIn = Math.max(2, options.fanIn ?? 8);
    this.#cache = new DecodedCache(options.cacheBytes ?? 32 * 1024 * 1024);
    this.#hasher = new TermHasher(manifest.salt());
    this.#active = this.#newPart();
    this.#lastId = manifest.lastId();
    try {
      for (const record of manifest.runs()) this.#runs.push(this.#openRun(record));
    } catch (thrown) {
      for (const run of this.#runs) run.close();
      this.#runs = [];
      // A listed run that is missing, torn or no run at all: the whole index is made again (I4). A newer format is not
      // met here, because the manifest has been refused before.
      if (!isDamage(thrown) && !(thrown instanceof Fatal)) throw thrown;
      const lost = manifest.runs();
      manifest.clear();
      for (const { id } of lost) rmSync(manifest.path(id), { force: true });
    }
    this.#covered = manifest.covered();
    for (const size of this.#covered.values()) this.#events += size;
    this.#schedule();
  }

  covered(account: string): number {
    return this.#covered.get(account) ?? 0;
  }

  add(account: string, first: number, facts: FactBatch): void {
    this.#refuseClosed();
    if (first + facts.keys.length > seqLimit) throw new RangeError("the index takes no entry beyond number 2^52");
    if (first !== this.covered(account)) throw new RangeError(`the index of ${account} does not stand at ${first}`);
    if (facts.terms !== undefined && facts.terms.length !== facts.keys.length)
      throw new RangeError("facts have terms for each entry or for none");
    for (let at = 0; at < facts.keys.length; ) {
      at = this.#active.add(account, first, facts, at);
      if (this.#active.full) this.#freeze();
    }
    this.#events += facts.keys.length;
    if (facts.keys.length > 0) this.#covered.set(account, first + facts.keys.length);
  }

  /** Rejects once with what made background work fail; that work is then tried again. */
  ready(): Promise<void> {
    if (this.#closed) return Promise.reject(closedError());
    if (this.#failure !== undefined) {
      const { cause } = this.#failure;
      this.#failure = undefined;
      this.#schedule();
      return Promise.reject(cause);
    }
    if (!this.#behind()) return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  async find(filter: Filter, order: Order, window: Window): Promise<Hits> {
    const { lists, start, end } = this.#matches(filter);
    // Ranks [from, to) of all the filter's lists, times aside, are the page.
    let from = start;
    let to = end;
    if ("offset" in window) {
      if (order === "asc") from = start + window.offset;
      else to = end - window.offset;
    } else if (order === "asc") from = Math.max(start, rankOf(lists, window.after.time, window.after.seq + 1));
    else to = Math.min(end, rankOf(lists, window.after.time, window.after.seq));
    if (order === "asc") to = Math.min(to, from + window.limit);
    else from = Math.max(from, to - window.limit);
    const positions = from < to ? pairsAt(lists, from, to - from) : [];
    if (order === "desc") positions.reverse();
    return { total: end - start, positions };
  }

  async lookup(lookup: Lookup, order: Order, after: Position | undefined, limit: number): Promise<Found> {
    this.#refuseClosed();
    checkLookup(lookup, limit);
    const hashes = [...new Set(lookup.terms)].map((term) => this.#hasher.of(lookup.account, term));
    const holders = [...this.#runs.flatMap(({ terms }) => terms ?? []), ...this.#frozen.map(({ terms }) => terms)];
    const sources: TermCursor[][] = [];
    for (const holder of [...holders, this.#active.terms]) {
      const cursors: TermCursor[] = [];
      for (const hash of hashes) {
        const cursor = holder.cursor(hash, order);
        if (cursor === undefined) break;
        cursors.push(cursor);
      }
      if (cursors.length === hashes.length) sources.push(cursors);
    }
    return searchTerms(sources, lookup, order, after, limit);
  }

  async count(filter: Filter): Promise<number> {
    const { start, end } = this.#matches(filter);
    return end - start;
  }

  async histogram(filter: Filter, by: CountedBy, buckets: number): Promise<Histogram> {
    return { covered: this.covered(filter.account), ...histogramOf(this.#named(filter), filter, by, buckets) };
  }

  async top(filter: Filter, by: "type" | "resource", limit: number): Promise<Top> {
    if (by === "type" || filter.resourceId !== undefined)
      return { covered: this.covered(filter.account), ...topOf(this.#named(filter), filter, by, limit) };
    const summary = await this.#resources.of(filter.account, () => this.#openRuns());
    // From here on without a pause: the summary is of the very runs that are there now.
    const { start, end } = this.#matches(filter);
    const parts = [...this.#frozen, this.#active].flatMap((part) => part.accounts.get(filter.account) ?? []);
    const items = topResources(summary, parts, filter, limit);
    return { covered: this.covered(filter.account), total: end - start, items };
  }

  stats(): IndexStats {
    const inMemory = this.#frozen.reduce((sum, part) => sum + part.events, this.#active.events);
    return { events: this.#events, inMemory, runs: this.#runs.length };
  }

  /** One at a time: each writes the runs anew that the one before made. */
  forget(account: string, below: number): Promise<void> {
    const turn = this.#lastForget.then(() => this.#forget(account, below));
    this.#lastForget = turn.catch(() => {});
    return turn;
  }

  async #forget(account: string, below: number): Promise<void> {
    this.#refuseClosed();
    const epoch = this.#epoch;
    const slice = new Slice(this.#turns, () => this.#epoch !== epoch);
    this.#forgetting = true;
    const made: RunRecord[] = [];
    try {
      // What is only in memory becomes a run first.
      if (this.#active.accounts.has(account)) this.#freeze();
      const parts = new Set(this.#frozen);
      while (this.#frozen.some((part) => parts.has(part)) || this.#merging.size > 0) {
        if (this.#failure !== undefined) await this.ready();
        // An empty race would never end.
        if (this.#work.size > 0) await Promise.race(this.#work);
        await slice.pause();
      }
      const forgetting = { below, isForgotten: isForgotten(account) };
      const replaced = this.#runs.filter((run) => hasAccount(run, account));
      for (const run of replaced)
        made.push(
          await this.#build(run.level, run.events, slice, (writer) => mergeRuns([run], writer, slice, forgetting)),
        );
      this.#publish(made, replaced, new Map());
      for (const run of replaced) this.#remove(run);
    } catch (thrown) {
      for (const { id } of made) rmSync(this.#manifest.path(id), { force: true });
      throw thrown;
    } finally {
      this.#forgetting = false;
      this.#schedule();
    }
  }

  async clear(): Promise<void> {
    this.#refuseClosed();
    // First, because with the old runs still listed what comes in from now on would be there twice.
    this.#manifest.clear();
    const dropped = this.#runs;
    this.#runs = [];
    this.#frozen = [];
    this.#active = this.#newPart();
    this.#covered.clear();
    this.#events = 0;
    this.#failure = undefined;
    this.#cache.clear();
    this.#epoch++;
    await Promise.all(this.#work);
    for (const run of dropped) this.#remove(run);
    this.#wake();
    // What came in meanwhile may wait to be written.
    this.#schedule();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#epoch++;
    await Promise.all(this.#work);
    for (const { reject } of this.#waiting.splice(0)) reject(closedError());
    for (const run of this.#runs) run.close();
    this.#cache.clear();
    this.#manifest.close();
  }

  /** The lists a filter means and the ranks in them, from `start` to before `end`, that its times leave. */
  #matches(filter: Filter): { readonly lists: RankedList[]; readonly start: number; readonly end: number } {
    const lists = this.#named(filter).map(({ list }) => list);
    const start = filter.from === undefined ? 0 : rankOf(lists, filter.from, 0);
    const end = filter.to === undefined ? countOf(lists) : rankOf(lists, filter.to, 0);
    return { lists, start, end: Math.max(start, end) };
  }

  /** The lists a filter means; its times are not looked at. */
  #named(filter: Filter): NamedList[] {
    this.#refuseClosed();
    const selector = selectorOf(filter);
    const prefix = familyPrefix(selector.family, selector.account);
    const lists: NamedList[] = [];
    for (const run of this.#runs)
      run.lists(prefix + selector.within, (list) => {
        const text = list.text.slice(prefix.length);
        if (selector.matches(text)) lists.push({ text, list: run.ranked(list) });
      });
    for (const part of [...this.#frozen, this.#active]) lists.push(...part.lists(selector));
    return lists;
  }

  #freeze(): void {
    this.#frozen.push(this.#active);
    this.#active = this.#newPart();
    this.#schedule();
  }

  #newPart(): MemoryPart {
    return new MemoryPart(this.#memoryEvents, this.#hasher);
  }

  /** Starts what is due: one flush at a time, and one merge per level. */
  #schedule(): void {
    if (this.#closed || this.#failure !== undefined) return;
    const part = this.#frozen[0];
    if (part !== undefined && !this.#flushing) {
      this.#flushing = true;
      this.#start(
        (slice) => this.#flush(part, slice),
        () => {
          this.#flushing = false;
        },
      );
    }
    if (this.#forgetting) return;
    for (const [level, runs] of this.#levels()) {
      if (runs.length < this.#fanIn || this.#merging.has(level)) continue;
      this.#merging.add(level);
      this.#start(
        (slice) => this.#merge(runs.slice(0, this.#fanIn), slice),
        () => {
          this.#merging.delete(level);
        },
      );
    }
  }

  #start(task: (slice: Slice) => Promise<void>, ended: () => void): void {
    const epoch = this.#epoch;
    const run = async (): Promise<void> => {
      try {
        const slice = new Slice(this.#turns, () => this.#epoch !== epoch);
        await slice.pause();
        await task(slice);
      } catch (thrown) {
        if (!(thrown instanceof Stopped) && this.#epoch === epoch) this.#fail(thrown);
      }
      ended();
      this.#work.delete(work);
      if (!this.#behind()) this.#wake();
      this.#schedule();
    };
    const work = run();
    this.#work.add(work);
  }

  async #flush(part: MemoryPart, slice: Slice): Promise<void> {
    const covered = new Map<string, number>();
    for (const { account, base, count } of part.accounts.values()) covered.set(account, base + count);
    const run = await this.#build(0, part.events, slice, (writer) => writePart(part, writer, slice));
    this.#publish([run], [], covered);
    this.#frozen.shift();
  }

  async #merge(runs: readonly Run[], slice: Slice): Promise<void> {
    const events = runs.reduce((sum, run) => sum + run.events, 0);
    const made = await this.#build(runs[0]!.level + 1, events, slice, (writer) => mergeRuns(runs, writer, slice));
    this.#publish([made], runs, new Map());
    for (const run of runs) this.#remove(run);
  }

  /** A finished file; the manifest does not list it yet. */
  async #build(
    level: number,
    events: number,
    slice: Slice,
    write: (writer: RunWriter) => Promise<void>,
  ): Promise<RunRecord> {
    const record = { id: ++this.#lastId, level, events };
    const path = this.#manifest.path(record.id);
    let writer: RunWriter | undefined;
    try {
      writer = new RunWriter(path);
      await write(writer);
      await writer.finish();
      await slice.pause();
      return record;
    } catch (thrown) {
      writer?.close();
      for (const suffix of ["", "-journal", "-wal", "-shm"]) rmSync(path + suffix, { force: true });
      throw thrown;
    }
  }

  /** Lists finished runs in place of those they were made from. Nothing between reading and answering may pause. */
  #publish(records: readonly RunRecord[], from: readonly Run[], covered: ReadonlyMap<string, number>): void {
    const made: Run[] = [];
    try {
      for (const record of records) made.push(this.#openRun(record));
      this.#manifest.replace(records, from, covered);
    } catch (thrown) {
      for (const run of made) this.#remove(run);
      throw thrown;
    }
    this.#runs = [...this.#runs.filter((other) => !from.includes(other)), ...made];
    // Who asked once will ask again: new runs are summed up before that.
    for (const account of this.#resources.accounts)
      this.#start(
        async () => void (await this.#resources.of(account, () => this.#openRuns())),
        () => {},
      );
  }

  #openRuns(): readonly Run[] {
    this.#refuseClosed();
    return this.#runs;
  }

  #openRun(record: RunRecord): Run {
    return new Run(this.#manifest.path(record.id), record, this.#cache);
  }

  #remove(run: Run): void {
    this.#resources.drop(run);
    run.close();
    rmSync(run.path, { force: true });
  }

  #levels(): Map<number, Run[]> {
    return Map.groupBy(this.#runs, ({ level }) => level);
  }

  /** Memory is bounded by one part being written and one being filled; the number of files by what merging leaves. */
  #behind(): boolean {
    if (this.#frozen.length > 1) return true;
    for (const runs of this.#levels().values()) if (runs.length > this.#fanIn * 3) return true;
    return false;
  }

  #fail(cause: unknown): void {
    const waiting = this.#waiting.splice(0);
    for (const { reject } of waiting) reject(cause);
    this.#failure = { cause };
  }

  #wake(): void {
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }

  #refuseClosed(): void {
    if (this.#closed) throw closedError();
  }
}

function hasAccount(run: Run, account: string): boolean {
  let found = false;
  run.lists(familyPrefix("c", account), () => {
    found = true;
  });
  return found;
}

function closedError(): Error {
  return new Error("the index is closed");
}
