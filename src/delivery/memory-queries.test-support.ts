// A double of the queries for tests: logs in memory that answer as query/query.ts says, by looking at every entry. Lookups
// look only so far in one call, as the real ones may. Only tests import this file.
import type { Event, TrailEvent } from "../event/event.ts";
import { readEvent } from "../event/read.ts";
import { trailTerms } from "../event/trail-event.ts";
import type {
  ListRequest,
  LookupPage,
  LookupRequest,
  NumberedEntry,
  Page,
  Queries,
  WalkRequest,
} from "../query/query.ts";

type Position = NonNullable<LookupRequest["after"]>;

export class MemoryQueries implements Queries {
  readonly #logs = new Map<string, NumberedEntry[]>();
  /** Entries one lookup looks at, matching or not. */
  lookupReach = Number.POSITIVE_INFINITY;
  /** Whether lookups find entries that lack the terms, as an index by hashes may. */
  lookupErrs = false;
  readonly asked: string[] = [];
  failure: unknown;

  log(account: string): NumberedEntry[] {
    const log = this.#logs.get(account) ?? [];
    this.#logs.set(account, log);
    return log;
  }

  /** Appends what would be sent to the API. */
  append(account: string, received: number, ...sent: readonly unknown[]): void {
    for (const [index, item] of sent.entries()) this.put(account, received, readEvent(item, index));
  }

  put(account: string, received: number, event: Event): void {
    const log = this.log(account);
    // As the ledger gives it back: JSON, nothing shared.
    log.push({ event: JSON.parse(JSON.stringify(event)) as Event, received, v: 1, seq: log.length });
  }

  async list({ filter, order, window }: ListRequest): Promise<Page> {
    this.#ask("list");
    const log = this.log(filter.account);
    const has = <T>(allowed: readonly T[] | undefined, value: T): boolean =>
      allowed === undefined || allowed.includes(value);
    const matches = log.filter(({ event }) => {
      const type = event.kind === "database" ? event.name : event.type;
      const resource = "resource" in event ? event.resource.type : undefined;
      return (
        has(filter.kinds, event.kind) &&
        has(filter.types, type) &&
        (filter.resourceType ?? resource) === resource &&
        event.time >= (filter.from ?? 0) &&
        event.time < (filter.to ?? Number.POSITIVE_INFINITY)
      );
    });
    matches.sort((a, b) => compare(order, positionOf(a), positionOf(b)));
    const rest =
      "offset" in window
        ? matches.slice(window.offset)
        : matches.filter((entry) => compare(order, positionOf(entry), window.after) > 0);
    return { total: matches.length, size: log.length, entries: rest.slice(0, window.limit) };
  }

  async lookup({ lookup, order, after, limit }: LookupRequest): Promise<LookupPage> {
    this.#ask("lookup");
    const log = this.log(lookup.account);
    const candidates = log
      .filter(
        ({ event, seq }) =>
          event.kind === "trail" &&
          event.time >= (lookup.from ?? 0) &&
          event.time < (lookup.to ?? Number.POSITIVE_INFINITY) &&
          seq < (lookup.below ?? Number.POSITIVE_INFINITY),
      )
      .sort((a, b) => compare(order, positionOf(a), positionOf(b)))
      .filter((entry) => after === undefined || compare(order, positionOf(entry), after) > 0);
    const reached = candidates.slice(0, this.lookupReach);
    const found = reached.filter(({ event }) => {
      const terms = trailTerms(event as TrailEvent);
      return this.lookupErrs || lookup.terms.every((one) => terms.includes(one));
    });
    const entries = found.slice(0, limit);
    const last =
      found.length > limit ? entries.at(-1) : reached.length < candidates.length ? reached.at(-1) : undefined;
    return { size: log.length, entries, next: last === undefined ? null : positionOf(last) };
  }

  async entry(account: string, seq: number): Promise<NumberedEntry | undefined> {
    this.#ask("entry");
    return this.log(account)[seq];
  }

  async *walk({ filter, firstSeq, lastSeq }: WalkRequest): AsyncGenerator<readonly NumberedEntry[]> {
    this.#ask("walk");
    const { entries } = await this.list({ filter, order: "asc", window: { offset: 0, limit: 1e9 } });
    const wanted = entries.filter(({ seq }) => seq >= firstSeq && seq <= lastSeq).sort((a, b) => a.seq - b.seq);
    for (let at = 0; at < wanted.length; at += 100) yield wanted.slice(at, at + 100);
  }

  #ask(what: string): void {
    this.asked.push(what);
    if (this.failure !== undefined) throw this.failure;
  }
}

function positionOf({ event, seq }: NumberedEntry): Position {
  return { time: event.time, seq };
}

function compare(order: "asc" | "desc", a: Position, b: Position): number {
  return (a.time - b.time || a.seq - b.seq) * (order === "asc" ? 1 : -1);
}
