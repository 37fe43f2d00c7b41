// A double of the ledger and its queries for this folder's tests: logs in memory, complete as soon as an append resolves,
// with the followers told before the appender is. Only tests import this file.
import { TaishiError } from "../errors.ts";
import { entryHead, entryTail, parseEntry, restoreBlobs } from "../event/entry.ts";
import type { DatabaseEvent, Event, SystemEvent } from "../event/event.ts";
import { streamOf } from "../event/stream.ts";
import type { Filter } from "../index/port.ts";
import type { ListRequest, NumberedEntry, Page, Queries, WalkRequest } from "../query/query.ts";

export type Follower = (account: string, first: number, events: readonly Event[]) => void;

export class MemoryLog implements Pick<Queries, "list" | "walk"> {
  now = Date.UTC(2026, 0, 1);
  readonly clock = { now: (): number => this.now };
  readonly followers = new Set<Follower>();
  /** Thrown by every append while set, before anything is kept. */
  refusal: TaishiError | undefined;
  /** Thrown by every query while set. */
  failure: TaishiError | undefined;
  /** Entries that walks gave out. */
  walked = 0;
  lists = 0;
  readonly #logs = new Map<string, NumberedEntry[]>();
  readonly #keys = new Map<string, { digest: string; first: number; last: number }>();

  log(account: string): NumberedEntry[] {
    const log = this.#logs.get(account) ?? [];
    this.#logs.set(account, log);
    return log;
  }

  async append(
    account: string,
    events: readonly Event[],
    idempotency?: { readonly key: string; readonly digest: string },
  ): Promise<{ first: number; last: number }> {
    await Promise.resolve();
    if (this.refusal !== undefined) throw this.refusal;
    const known = idempotency && this.#keys.get(account + idempotency.key);
    if (known !== undefined) {
      if (known.digest !== idempotency?.digest) throw new TaishiError("idempotency-conflict");
      return known;
    }
    const log = this.log(account);
    const first = log.length;
    for (const event of events) {
      const { head, blobs } = entryHead(event);
      const entry = parseEntry(Buffer.from(head + entryTail(this.now)));
      const restored = restoreBlobs(entry, (digest) => blobs.find((blob) => blob.digest === digest)!.bytes);
      log.push({ ...restored, seq: log.length });
    }
    const receipt = { first, last: log.length - 1 };
    if (idempotency !== undefined)
      this.#keys.set(account + idempotency.key, { ...receipt, digest: idempotency.digest });
    for (const follower of this.followers) follower(account, first, events);
    return receipt;
  }

  readonly appendSystem = async (account: string, event: SystemEvent): Promise<void> => {
    await this.append(account, [event]);
  };

  async list({ filter, order, window }: ListRequest): Promise<Page> {
    await Promise.resolve();
    if (this.failure !== undefined) throw this.failure;
    this.lists++;
    const sign = order === "asc" ? 1 : -1;
    const matches = this.#matches(filter).sort((a, b) => sign * (a.event.time - b.event.time || a.seq - b.seq));
    const rest =
      "offset" in window
        ? matches.slice(window.offset)
        : matches.filter(({ event, seq }) => sign * (event.time - window.after.time || seq - window.after.seq) > 0);
    return { total: matches.length, size: this.log(filter.account).length, entries: rest.slice(0, window.limit) };
  }

  async *walk({ filter, firstSeq, lastSeq }: WalkRequest): AsyncGenerator<readonly NumberedEntry[]> {
    await Promise.resolve();
    if (this.failure !== undefined) throw this.failure;
    const found = this.#matches(filter).filter(({ seq }) => seq >= firstSeq && seq <= lastSeq);
    this.walked += found.length;
    for (let at = 0; at < found.length; at += 3) {
      yield found.slice(at, at + 3);
      await Promise.resolve();
      if (this.failure !== undefined) throw this.failure;
    }
  }

  #matches(filter: Filter): NumberedEntry[] {
    const has = <T>(list: readonly T[] | undefined, item: T): boolean => list === undefined || list.includes(item);
    return this.log(filter.account).filter(({ event }) => {
      const stream = streamOf(event);
      return (
        has(filter.kinds, stream.kind) &&
        has(filter.types, stream.type) &&
        (filter.resourceType ?? stream.resourceType) === stream.resourceType &&
        (filter.resourceId ?? stream.resourceId) === stream.resourceId &&
        event.time >= (filter.from ?? 0) &&
        event.time < (filter.to ?? Number.POSITIVE_INFINITY)
      );
    });
  }
}

export function statement(members: Partial<DatabaseEvent> = {}): DatabaseEvent {
  return {
    commandClass: "select",
    instance: "in1",
    kind: "database",
    name: "Query",
    sql: "SELECT 1",
    time: Date.UTC(2026, 0, 1),
    ...members,
  };
}
