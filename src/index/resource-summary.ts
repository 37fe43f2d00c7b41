// What each run holds of each resource, in numbers: for every list its resource, its count, its first and last time, and where
// it stands. Made once per run and account by one pass over the leaves, in slices; kept in memory, bounded. Derived from what is
// derived (I4): dropped with its run, made again when asked. So "which resources occur most" costs sums, not lookups.
import { separator } from "../event/stream.ts";
import { familyPrefix } from "./list-key.ts";
import type { Run, StoredList } from "./run.ts";
import { Slice, type Turns } from "./slices.ts";

/** Bytes of all summaries, roughly. Those of the account that is asked stay whatever they take. */
const mostBytes = 64 * 1024 * 1024;
const bytesPerList = 40;
const bytesPerName = 120;

/** Numbers for the resources of one account: `id␁type`, escaped as in keys. */
export class ResourceNames {
  readonly names: string[] = [];
  readonly #numbers = new Map<string, number>();

  number(name: string): number {
    let number = this.#numbers.get(name);
    if (number === undefined) {
      number = this.names.length;
      this.names.push(name);
      this.#numbers.set(name, number);
    }
    return number;
  }
}

/** The resource and the rest of a fine key. */
export function splitFine(text: string): { readonly name: string; readonly group: string } {
  const afterId = text.indexOf(separator);
  const afterType = text.indexOf(separator, afterId + 1);
  const afterProject = text.indexOf(separator, afterType + 1);
  // Kind, type and risk decide with the resource's type whether a filter means the list; the project does not.
  return {
    name: text.slice(0, afterType),
    group: text.slice(afterId + 1, afterType) + text.slice(afterProject),
  };
}

/** One run's lists of one account, by columns. */
export class ResourceTable {
  readonly run: Run;
  /** Resource type, kind, type and risk, as groupPlaces says; list i is of groups[group[i]]. */
  readonly groups: string[] = [];
  count = 0;
  resource = new Uint32Array(256);
  group = new Uint32Array(256);
  counts = new Float64Array(256);
  firsts = new Float64Array(256);
  lasts = new Float64Array(256);
  #leaves = new Uint32Array(256);
  #places = new Uint32Array(256);
  readonly #groupNumbers = new Map<string, number>();

  constructor(run: Run) {
    this.run = run;
  }

  add(list: StoredList, text: string, leaf: number, place: number, names: ResourceNames): void {
    const { name, group } = splitFine(text);
    // Events without a resource are nobody's.
    if (name.startsWith(separator)) return;
    if (this.count === this.resource.length) this.#grow();
    const i = this.count++;
    let number = this.#groupNumbers.get(group);
    if (number === undefined) {
      number = this.groups.length;
      this.groups.push(group);
      this.#groupNumbers.set(group, number);
    }
    this.resource[i] = names.number(name);
    this.group[i] = number;
    this.counts[i] = list.count;
    this.firsts[i] = list.span.firstTime;
    this.lasts[i] = list.span.lastTime;
    this.#leaves[i] = leaf;
    this.#places[i] = place;
  }

  /** Pairs of list i before each of the times, which are ascending. */
  ranks(i: number, times: readonly number[]): number[] {
    const list = this.run.ranked(this.run.listAt(this.#leaves[i]!, this.#places[i]!));
    return times.map((time) => (time > list.lastTime ? list.count : time <= list.firstTime ? 0 : list.rank(time, 0)));
  }

  #grow(): void {
    const grown = <T extends Uint32Array | Float64Array>(column: T, larger: T): T => {
      larger.set(column);
      return larger;
    };
    const length = this.resource.length * 2;
    this.resource = grown(this.resource, new Uint32Array(length));
    this.group = grown(this.group, new Uint32Array(length));
    this.counts = grown(this.counts, new Float64Array(length));
    this.firsts = grown(this.firsts, new Float64Array(length));
    this.lasts = grown(this.lasts, new Float64Array(length));
    this.#leaves = grown(this.#leaves, new Uint32Array(length));
    this.#places = grown(this.#places, new Uint32Array(length));
  }
}

/** All runs' tables of one account. */
export interface ResourceSummary {
  readonly names: ResourceNames;
  readonly tables: ReadonlyMap<Run, ResourceTable>;
}

export class ResourceSummaries {
  readonly #turns: Turns;
  /** By account, the one asked last at the end. */
  readonly #accounts = new Map<string, { readonly names: ResourceNames; readonly tables: Map<Run, ResourceTable> }>();

  constructor(turns: Turns) {
    this.#turns = turns;
  }

  /**
   * The summary of the runs that there are when it resolves.
   * @param runs gives those that there are now; throws where the index is closed
   */
  async of(account: string, runs: () => readonly Run[]): Promise<ResourceSummary> {
    for (;;) {
      const summary = this.#accounts.get(account) ?? { names: new ResourceNames(), tables: new Map() };
      this.#accounts.delete(account);
      this.#accounts.set(account, summary);
      const missing = runs().find((run) => !summary.tables.has(run));
      if (missing === undefined) {
        this.#trim();
        return summary;
      }
      const table = await this.#make(missing, account, summary.names, () => runs().includes(missing));
      if (table !== undefined && this.#accounts.get(account) === summary) summary.tables.set(missing, table);
    }
  }

  /** Those that were asked for. */
  get accounts(): readonly string[] {
    return [...this.#accounts.keys()];
  }

  /** The run is going. */
  drop(run: Run): void {
    for (const { tables } of this.#accounts.values()) tables.delete(run);
  }

  /** undefined where the run went meanwhile. */
  async #make(
    run: Run,
    account: string,
    names: ResourceNames,
    isThere: () => boolean,
  ): Promise<ResourceTable | undefined> {
    const slice = new Slice(this.#turns, () => false);
    const prefix = familyPrefix("f", account);
    const table = new ResourceTable(run);
    for (const { id, lists } of run.leavesOf(prefix)) {
      for (const [place, list] of lists.entries())
        if (list.text.startsWith(prefix)) table.add(list, list.text.slice(prefix.length), id, place, names);
      if (!slice.spend(lists.length * 16)) continue;
      await slice.pause();
      if (!isThere()) return undefined;
    }
    return table;
  }

  #trim(): void {
    let bytes = 0;
    for (const { names, tables } of this.#accounts.values()) {
      bytes += names.names.length * bytesPerName;
      for (const { count } of tables.values()) bytes += count * bytesPerList;
    }
    for (const [account, { names, tables }] of this.#accounts) {
      if (bytes <= mostBytes || this.#accounts.size === 1) return;
      this.#accounts.delete(account);
      bytes -= names.names.length * bytesPerName;
      for (const { count } of tables.values()) bytes -= count * bytesPerList;
    }
  }
}
