// The memory double of the index: arrays, filter and sort, so plain that it is obviously right. Tests compare engines
// with it; nothing else may use it, since every question costs a pass over everything.
import { type FactBatch, parseStreamKey } from "../event/stream.ts";
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
import { checkLookup } from "./term-search.ts";

interface Fact extends Position {
  key: string;
  readonly terms: readonly string[];
}

export class MemoryIndex implements IndexStore {
  readonly #logs = new Map<string, Fact[]>();

  covered(account: string): number {
    return this.#logs.get(account)?.length ?? 0;
  }

  add(account: string, first: number, facts: FactBatch): void {
    if (first + facts.keys.length > seqLimit) throw new RangeError("the index takes no entry beyond number 2^52");
    if (first !== this.covered(account)) throw new RangeError(`the index of ${account} does not stand at ${first}`);
    if (facts.terms !== undefined && facts.terms.length !== facts.keys.length)
      throw new RangeError("facts have terms for each entry or for none");
    const log = this.#logs.get(account) ?? [];
    this.#logs.set(account, log);
    facts.keys.forEach((key, i) => {
      // An entry past its retention keeps its number.
      log.push({ key, terms: facts.terms?.[i] ?? [], time: facts.times[i]!, seq: first + i });
    });
  }

  async ready(): Promise<void> {}

  async find(filter: Filter, order: Order, window: Window): Promise<Hits> {
    const matches = this.#matches(filter).sort(order === "asc" ? ascending : (a, b) => ascending(b, a));
    const from =
      "offset" in window
        ? window.offset
        : matches.filter((fact) => {
            const side = ascending(fact, window.after);
            return order === "asc" ? side <= 0 : side >= 0;
          }).length;
    const positions = matches.slice(from, from + window.limit).map(({ time, seq }) => ({ time, seq }));
    return { total: matches.length, positions };
  }

  async count(filter: Filter): Promise<number> {
    return this.#matches(filter).length;
  }

  async histogram(filter: Filter, by: CountedBy, buckets: number): Promise<Histogram> {
    const all = this.#matches({ ...filter, from: 0, to: Number.MAX_SAFE_INTEGER });
    const times = all.map(({ time }) => time);
    const first = times.reduce((least, time) => Math.min(least, time), Number.POSITIVE_INFINITY);
    const last = times.reduce((most, time) => Math.max(most, time), Number.NEGATIVE_INFINITY);
    const from = filter.from ?? (all.length === 0 ? (filter.to ?? 0) : Math.min(first, filter.to ?? first));
    const to = filter.to ?? (all.length === 0 ? from : Math.max(from, last + 1));
    const width = Math.max(1, Math.ceil((to - from) / buckets));
    const groups = new Map<string, number[]>();
    for (const { key, time } of all) {
      if (time < from || time >= to) continue;
      const group = parseStreamKey(key)[by];
      const counts = groups.get(group) ?? new Array<number>(Math.ceil((to - from) / width)).fill(0);
      groups.set(group, counts);
      counts[Math.floor((time - from) / width)]! += 1;
    }
    const sorted = [...groups].sort(([a], [b]) => (a < b ? -1 : 1));
    const covered = this.covered(filter.account);
    return { covered, from, to, width, groups: sorted.map(([key, counts]) => ({ key, counts })) };
  }

  async top(filter: Filter, by: "type" | "resource", limit: number): Promise<Top> {
    const all = this.#matches(filter);
    const counts = new Map<string, number>();
    for (const { key } of all) {
      const { type, resourceType, resourceId } = parseStreamKey(key);
      const name = JSON.stringify(by === "type" ? [type] : [resourceType, resourceId]);
      if (by === "type" || resourceId !== "") counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    const items = [...counts].map(([name, count]) => ({ key: JSON.parse(name) as string[], count }));
    const text = ({ key }: { key: string[] }): string => key.join("\0");
    items.sort((a, b) => b.count - a.count || (text(a) < text(b) ? -1 : 1));
    return { covered: this.covered(filter.account), total: all.length, items: items.slice(0, limit) };
  }

  async lookup(lookup: Lookup, order: Order, after: Position | undefined, limit: number): Promise<Found> {
    checkLookup(lookup, limit);
    const { account, terms, from, to, below, atLeast } = lookup;
    const sign = order === "asc" ? 1 : -1;
    const matches = (this.#logs.get(account) ?? [])
      .filter((fact) => terms.every((term) => fact.terms.includes(term)))
      .filter(({ time }) => (from === undefined || from <= time) && (to === undefined || time < to))
      .filter(({ seq }) => seq < (below ?? Number.POSITIVE_INFINITY) && seq >= (atLeast ?? 0))
      .filter((fact) => after === undefined || sign * ascending(fact, after) > 0)
      .sort((a, b) => sign * ascending(a, b));
    const positions = matches.slice(0, limit).map(({ time, seq }) => ({ time, seq }));
    return { positions, scannedTo: matches.length > limit ? positions.at(-1)! : null };
  }

  async forget(account: string, below: number): Promise<void> {
    for (const fact of this.#logs.get(account) ?? [])
      if (fact.seq < below && fact.key !== "" && parseStreamKey(fact.key).kind !== "system") fact.key = "";
  }

  stats(): IndexStats {
    let events = 0;
    for (const log of this.#logs.values()) events += log.length;
    return { events, inMemory: events, runs: 0 };
  }

  async clear(): Promise<void> {
    this.#logs.clear();
  }

  async close(): Promise<void> {}

  #matches(filter: Filter): Fact[] {
    if (filter.project !== undefined && filter.resourceId === undefined)
      throw new RangeError("a project needs a resourceId beside it");
    return (this.#logs.get(filter.account) ?? []).filter(({ key, time }) => {
      if (key === "") return false;
      const stream = parseStreamKey(key);
      return (
        (filter.kinds?.includes(stream.kind) ?? true) &&
        (filter.types?.includes(stream.type) ?? true) &&
        (filter.risks?.includes(stream.risk) ?? true) &&
        (filter.resourceType === undefined || filter.resourceType === stream.resourceType) &&
        (filter.resourceId === undefined || filter.resourceId === stream.resourceId) &&
        (filter.project === undefined || filter.project === stream.project) &&
        (filter.from === undefined || filter.from <= time) &&
        (filter.to === undefined || time < filter.to)
      );
    });
  }
}

function ascending(a: Position, b: Position): number {
  return a.time - b.time || a.seq - b.seq;
}
