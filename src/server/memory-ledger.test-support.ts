// The server's tests' ledger: logs in memory and the queries over them, by looking at every entry. Only tests import this file.
import { TaishiError } from "../errors.ts";
import { entryTail, parseEntry } from "../event/entry.ts";
import { streamOf } from "../event/stream.ts";
import type { AppendBatch, Appender, Receipt } from "../ledger/port.ts";
import { entryTest } from "../query/event-match.ts";
import type {
  CountQueries,
  CountRequest,
  ListRequest,
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
} from "../query/query.ts";

/** When everything was received. */
export const received = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

/** One log per account; complete as soon as append resolves. */
export class MemoryLedger
  implements Appender, Pick<Queries, "list" | "entry">, CountQueries, SearchQueries, StoryQueries
{
  readonly batches: AppendBatch[] = [];
  readonly #logs = new Map<string, NumberedEntry[]>();
  readonly #keys = new Map<string, { digest: string; receipt: Receipt }>();
  /** Awaited before every append and list. */
  gate: Promise<void> = Promise.resolve();
  failure: unknown;
  /** Appends and lists that were begun. */
  begun = 0;

  log(account: string): NumberedEntry[] {
    const log = this.#logs.get(account) ?? [];
    this.#logs.set(account, log);
    return log;
  }

  async append(batch: AppendBatch): Promise<Receipt> {
    this.begun++;
    await this.gate;
    if (this.failure !== undefined) throw this.failure;
    const key = batch.idempotency && `${batch.account} ${batch.idempotency.key}`;
    const before = key === undefined ? undefined : this.#keys.get(key);
    if (before !== undefined) {
      if (before.digest !== batch.idempotency?.digest) throw new TaishiError("idempotency-conflict");
      return { ...before.receipt, duplicates: before.receipt.accepted };
    }
    this.batches.push(batch);
    const log = this.log(batch.account);
    const first = log.length;
    let start = 0;
    for (const end of batch.ends) {
      const head = Buffer.from(batch.heads.subarray(start, end)).toString();
      log.push({ ...parseEntry(Buffer.from(head + entryTail(received))), seq: log.length });
      start = end;
    }
    const { account } = batch;
    const accepted = batch.ends.length;
    const receipt = { account, accepted, duplicates: 0, first, last: log.length - 1, treeSize: log.length };
    if (key !== undefined) this.#keys.set(key, { digest: batch.idempotency!.digest, receipt });
    return receipt;
  }

  async list({ filter, order, window }: ListRequest): Promise<Page> {
    this.begun++;
    await this.gate;
    if (this.failure !== undefined) throw this.failure;
    const log = this.log(filter.account);
    const has = <T>(list: readonly T[] | undefined, item: T): boolean => list === undefined || list.includes(item);
    const matches = log.filter(
      ({ event }) =>
        event.kind === "security" &&
        has(filter.kinds, event.kind) &&
        has(filter.types, event.type) &&
        has(filter.risks, event.risk) &&
        (filter.resourceType ?? event.resource.type) === event.resource.type &&
        (filter.resourceId ?? event.resource.id) === event.resource.id &&
        (filter.project === undefined || filter.project === event.resource.project) &&
        event.time >= (filter.from ?? 0) &&
        event.time < (filter.to ?? Number.POSITIVE_INFINITY),
    );
    const sign = order === "asc" ? 1 : -1;
    const compare = (a: { time: number; seq: number }, b: { time: number; seq: number }): number =>
      sign * (a.time - b.time || a.seq - b.seq);
    const at = ({ seq, event: { time } }: NumberedEntry) => ({ time, seq });
    matches.sort((a, b) => compare(at(a), at(b)));
    const rest =
      "offset" in window
        ? matches.slice(window.offset)
        : matches.filter((entry) => compare(at(entry), window.after) > 0);
    return { total: matches.length, size: log.length, entries: rest.slice(0, window.limit) };
  }

  async histogram({ filter, by, buckets }: CountRequest): ReturnType<CountQueries["histogram"]> {
    const { entries, size: covered } = await this.list({ filter, order: "asc", window: { offset: 0, limit: 1e6 } });
    const from = filter.from ?? entries[0]?.event.time ?? 0;
    const to = filter.to ?? (entries.at(-1)?.event.time ?? from - 1) + 1;
    const width = Math.max(1, Math.ceil((to - from) / buckets));
    const groups = new Map<string, number[]>();
    for (const { event } of entries) {
      const key = streamOf(event)[by];
      const counts = groups.get(key) ?? new Array<number>(Math.ceil((to - from) / width)).fill(0);
      groups.set(key, counts);
      counts[Math.floor((event.time - from) / width)]! += 1;
    }
    return { covered, from, to, width, groups: [...groups].map(([key, counts]) => ({ key, counts })) };
  }

  async top({ filter, by, limit }: TopRequest): ReturnType<CountQueries["top"]> {
    const {
      entries,
      size: covered,
      total,
    } = await this.list({
      filter,
      order: "asc",
      window: { offset: 0, limit: 1e6 },
    });
    const counts = new Map<string, number>();
    for (const { event } of entries) {
      const { type, resourceType, resourceId } = streamOf(event);
      const name = JSON.stringify(by === "type" ? [type] : [resourceType, resourceId]);
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    const items = [...counts].map(([name, count]) => ({ key: JSON.parse(name) as string[], count }));
    return { covered, total, items: items.sort((a, b) => b.count - a.count).slice(0, limit) };
  }

  /** Looks at no more than `reach` entries in one call, as the real one does. */
  reach = 10;

  async search(request: SearchRequest): Promise<SearchPage> {
    const { filter, match, order, after, limit, below = Number.POSITIVE_INFINITY } = request;
    const window = after === undefined ? { offset: 0, limit: this.reach + 1 } : { after, limit: this.reach + 1 };
    const { entries, size } = await this.list({ filter, order, window });
    const found: NumberedEntry[] = [];
    for (const [i, entry] of entries.entries()) {
      const { time } = entry.event;
      if (i === this.reach) return { size, entries: found, next: positionOf(entries[i - 1]!), scanned: i };
      if (entry.seq < below && entryTest(match).matches(entry)) found.push(entry);
      if (found.length === limit) return { size, entries: found, next: { time, seq: entry.seq }, scanned: i + 1 };
    }
    return { size, entries: found, next: null, scanned: entries.length };
  }

  /** What the next story is. */
  told: StoryPage | undefined;
  readonly stories: StoryRequest[] = [];

  async story(request: StoryRequest): Promise<StoryPage> {
    this.stories.push(request);
    const cut = { asked: false, around: false, events: false };
    return this.told ?? { size: 0, threads: [], common: [], scanned: 0, around: undefined, cut };
  }

  async range(account: string, first: number, count: number): ReturnType<SearchQueries["range"]> {
    const log = this.log(account);
    const next = Math.max(first, Math.min(first + count, log.length));
    return { entries: log.slice(first, next), next };
  }

  async entry(account: string, seq: number): Promise<NumberedEntry | undefined> {
    return this.log(account)[seq];
  }
}

function positionOf({ seq, event }: NumberedEntry): { readonly time: number; readonly seq: number } {
  return { time: event.time, seq };
}
