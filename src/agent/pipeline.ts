// One configured source: batches of records in, items in the spool. Each batch is one commit of everything that follows
// from it: the items, where the input goes on, what the lane's parser waits for, what the rules remember. A commit that the
// disk refuses is tried again until it is taken; meanwhile the input waits.
import type { Clock } from "../clock.ts";
import type { Content, Resource, Risk } from "../event/event.ts";
import type { Labels } from "../event/labels.ts";
import type { Log } from "../log.ts";
import { isParsed, type NoEvent, type Outcome, type Parser, type Source } from "../sources/source.ts";
import type { Batch, Placed } from "./input.ts";
import { cutNote, type Grade, itemOf } from "./item.ts";
import type { Commit, LaneState, Spool } from "./spool.ts";

/** What a source's rules are to its pipeline. */
export interface Grading {
  grade(event: {
    readonly kind: "security";
    readonly type: string;
    readonly time: number;
    readonly risk?: Risk;
    readonly labels: Labels;
    readonly tags: readonly string[];
    readonly contents?: readonly Content[];
  }): Grade;
  /** What is remembered otherwise than at the last call, by key. */
  takeChanges(): ReadonlyMap<string, string | undefined>;
}

export interface ResourceMapping {
  map(
    kind: "security" | "trail" | "database" | "unparsed",
    labels: Labels,
  ): { readonly resource: Resource; readonly mapped: boolean };
}

export interface PipelineOptions {
  /** As configured; unique within the agent. */
  readonly name: string;
  /** The agent's name and this source's: the source of positions. */
  readonly positionSource: string;
  readonly host: string;
  readonly source: Source;
  readonly options: unknown;
  readonly ignore: ReadonlySet<NoEvent>;
  readonly grading: Grading;
  readonly resources: ResourceMapping;
  readonly spool: Spool;
  readonly clock: Clock;
  readonly log: Log;
}

/** Room for the events of one record between its offset and the next record's; see offsetOf. */
const offsetsPerRecord = 4096;
const commitRetryMs = 2_000;

interface Lane {
  parser: Parser;
  stream: string;
  /** Whether its parser waited for anything at the last commit: nothing need be written while that stays so. */
  waited: boolean;
}

export class Pipeline {
  readonly #options: PipelineOptions;
  readonly #lanes = new Map<string, Lane>();
  readonly #offsets = new Map<string, number>();
  readonly #counts: Map<string, number>;
  /** One batch, or one round of giving up, at a time: lanes share rules and the spool's transaction. */
  #turn: Promise<void> = Promise.resolve();
  #problem: string | null = null;

  constructor(options: PipelineOptions) {
    this.#options = options;
    const { spool, name, source } = options;
    // What is wrong with the options is told now, and not with the first batch.
    source.parser(options.options as never);
    this.#counts = new Map(spool.counts(name));
    for (const [lane, state] of spool.lanes(name)) this.#lanes.set(lane, this.#resumed(state));
  }

  /** Events, unparsed records and ignored ones by why, since the spool was made. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  get problem(): string | null {
    return this.#problem;
  }

  /** Resolves when all that follows from the batch is on disk. @throws the signal's reason where it aborts first: nothing of it is */
  handOver(batch: Batch, signal: AbortSignal): Promise<void> {
    return this.#inTurn(async () => {
      await this.#options.spool.room(signal);
      signal.throwIfAborted();
      const draft = new CommitDraft(this.#options.clock.now());
      const lane = this.#lane(batch);
      for (const placed of batch.records) {
        const { offset } = placed;
        for (const outcome of this.#parsed(lane, placed)) this.#add(draft, outcome, batch.lane, batch.stream, offset);
      }
      if (batch.laneEnds)
        for (const outcome of lane.parser.end()) this.#add(draft, outcome, batch.lane, batch.stream, 0);
      draft.resume = batch.resume;
      this.#keepLane(draft, batch.lane, lane, batch.laneEnds === true);
      await this.#commit(draft, signal);
    });
  }

  #parsed(lane: Lane, { record, cut, torn }: Placed): readonly Outcome[] {
    const unparsed = (reason: string): readonly Outcome[] => [{ why: "malformed", reason, records: [record] }];
    if (cut !== undefined) return unparsed(`longer than its input takes; ${cutNote(cut.size, cut.digest)}`);
    if (torn !== undefined) return unparsed(torn);
    try {
      return lane.parser.take(record);
    } catch (thrown) {
      // A mistake of ours must not stop the source, nor lose the record: it is kept, and told to the operator.
      const { log, name, source, options } = this.#options;
      log.error({ source: name, err: thrown }, "a parser failed; its record is kept unparsed");
      const waiting = lane.parser.waiting().filter((waits) => waits !== record);
      lane.parser = source.parser(options as never);
      for (const waits of waiting) lane.parser.take(waits);
      return unparsed(`the parser ${source.name} ${source.version} failed on it`);
    }
  }

  /** Gives up what has waited too long; to be called now and then. */
  expire(signal: AbortSignal): Promise<void> {
    return this.#inTurn(async () => {
      const draft = new CommitDraft(this.#options.clock.now());
      for (const [name, lane] of this.#lanes) {
        for (const outcome of lane.parser.expire(draft.now)) this.#add(draft, outcome, name, lane.stream, 0);
        this.#keepLane(draft, name, lane, false);
      }
      if (draft.items.length > 0) await this.#commit(draft, signal);
    });
  }

  /** Gives up everything that is waited for: nothing more will come. */
  end(signal: AbortSignal): Promise<void> {
    return this.#inTurn(async () => {
      const draft = new CommitDraft(this.#options.clock.now());
      for (const [name, lane] of this.#lanes) {
        for (const outcome of lane.parser.end()) this.#add(draft, outcome, name, lane.stream, 0);
        this.#keepLane(draft, name, lane, true);
      }
      await this.#commit(draft, signal);
    });
  }

  /** Resolves when nothing of it is under way. */
  idle(): Promise<void> {
    return this.#turn;
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined); // who asked for it is told
    return turn;
  }

  #lane({ lane: name, stream }: Batch): Lane {
    let lane = this.#lanes.get(name);
    if (lane === undefined) {
      lane = this.#resumed({ stream, waiting: [] });
      this.#lanes.set(name, lane);
    }
    lane.stream = stream;
    return lane;
  }

  #resumed({ stream, waiting }: LaneState): Lane {
    const { source, options } = this.#options;
    const parser = source.parser(options as never);
    // Their outcomes were committed when they were first taken.
    for (const record of waiting) parser.take(record);
    return { parser, stream, waited: waiting.length > 0 };
  }

  #keepLane(draft: CommitDraft, name: string, lane: Lane, ends: boolean): void {
    const waiting = ends ? [] : lane.parser.waiting();
    if (ends) this.#lanes.delete(name);
    if (waiting.length > 0) draft.lanes.set(name, { stream: lane.stream, waiting });
    else if (lane.waited) draft.lanes.set(name, undefined);
    lane.waited = waiting.length > 0;
  }

  #add(draft: CommitDraft, outcome: Outcome, lane: string, stream: string, offset: number): void {
    const { source, ignore, resources, grading, host, name, positionSource } = this.#options;
    if (!isParsed(outcome) && ignore.has(outcome.why)) {
      draft.count(`ignored ${outcome.why}`, outcome.records.length);
      return;
    }
    const labels = this.#labels(isParsed(outcome) ? outcome.labels : {}, lane, host, name);
    const kind = isParsed(outcome) ? outcome.draft.kind : "unparsed";
    const { resource, mapped } = resources.map(kind, labels);
    draft.count(isParsed(outcome) ? "events" : "unparsed", 1);
    if (!mapped && kind !== "unparsed" && kind !== "trail") draft.count("unmapped", 1);
    const position = { source: positionSource, stream, offset: this.#offsetOf(draft, stream, offset) };
    const parser = { name: source.name, version: source.version };
    const grade =
      isParsed(outcome) && outcome.draft.kind === "security"
        ? grading.grade({ ...outcome.draft, labels, tags: tagsOf(outcome.draft.contents) })
        : undefined;
    draft.items.push(
      Buffer.from(itemOf(outcome, { parser, position, resource, ...(grade === undefined ? {} : { grade }) })),
    );
  }

  #labels(own: Labels, lane: string, host: string, name: string): Labels {
    return { host, file: lane, ...own, "label.source": name };
  }

  /**
   * The event's offset: the record's times 4096, or the next number where that is taken by another event of the record, or by
   * those that were given up meanwhile. The same records give the same offsets, so that even an agent that lost its spool sends
   * what the server knows.
   */
  #offsetOf(draft: CommitDraft, stream: string, offset: number): number {
    const last = this.#offsets.get(stream) ?? this.#options.spool.offset(this.#options.name, stream);
    const next = Math.max(last + 1, offset * offsetsPerRecord);
    this.#offsets.set(stream, next);
    draft.offsets.set(stream, next);
    return next;
  }

  async #commit(draft: CommitDraft, signal: AbortSignal): Promise<void> {
    const { spool, grading, name } = this.#options;
    const commit: Commit = {
      source: name,
      items: draft.items,
      resume: draft.resume,
      lanes: draft.lanes,
      offsets: draft.offsets,
      memory: grading.takeChanges(),
      counts: draft.counts,
      now: draft.now,
    };
    for (;;) {
      try {
        spool.commit(commit);
        break;
      } catch (thrown) {
        // Nothing was stored and nothing is lost: the input is not told, and the next attempt is the same.
        this.#problem = `the spool cannot be written: ${(thrown as Error).message}`;
        if (signal.aborted) throw thrown;
        await new Promise((resolve) => setTimeout(resolve, commitRetryMs));
      }
    }
    this.#problem = null;
    for (const [what, n] of draft.counts) this.#counts.set(what, (this.#counts.get(what) ?? 0) + n);
    // The spool knows them now; kept are those of streams in use.
    if (this.#offsets.size > 1_000) this.#offsets.clear();
  }
}

/** What becomes of a batch, while it is put together. */
class CommitDraft {
  readonly items: Uint8Array[] = [];
  readonly lanes = new Map<string, LaneState | undefined>();
  readonly offsets = new Map<string, number>();
  readonly counts = new Map<string, number>();
  readonly now: number;
  resume: unknown;

  constructor(now: number) {
    this.now = now;
  }

  count(what: string, n: number): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + n);
  }
}

function tagsOf(contents: readonly { readonly key: string; readonly value: string }[]): readonly string[] {
  const tag = contents.find(({ key }) => key === "Tag")?.value ?? "";
  return tag.split(",").filter((part) => part !== "");
}
