// Which resources have the most matches. Lists wholly within the times are sums; of those that a bound cuts, the whole count is
// what they can have at most, and only resources that could still be among the wanted are counted exactly, the most promising
// first. Exact whatever the data; how much of it is decoded depends on how alike resources are. Pure but for what lists decode.
import { escapePart, separator, unescapePart } from "../event/stream.ts";
import { before, mostFirst } from "./counts.ts";
import type { Filter, Top } from "./port.ts";
import { type ResourceSummary, type ResourceTable, splitFine } from "./resource-summary.ts";
import type { NamedList } from "./selection.ts";

/** Where a filter's members stand in a group's text: the resource's type, then kind, type and risk. */
const groupPlaces = { resourceType: 0, kinds: 1, types: 2, risks: 3 } as const;

/** @param parts what is in memory: every stream's list */
export function topResources(
  { names, tables }: ResourceSummary,
  parts: readonly { fine(): Iterable<NamedList> }[],
  filter: Filter,
  limit: number,
): Top["items"] {
  const isMeant = groupTest(filter);
  const from = filter.from ?? Number.NEGATIVE_INFINITY;
  const to = filter.to ?? Number.POSITIVE_INFINITY;
  const memory: { readonly resource: number; readonly count: number }[] = [];
  for (const part of parts)
    for (const { text, list } of part.fine()) {
      const { name, group } = splitFine(text);
      if (name.startsWith(separator) || !isMeant(group)) continue;
      const count = before(list, to) - before(list, from);
      if (count > 0) memory.push({ resource: names.number(name), count });
    }
  const tally = new Tally(names.names.length);
  for (const { resource, count } of memory) tally.sure[resource]! += count;
  for (const table of tables.values()) tally.add(table, table.groups.map(isMeant), from, to);
  return tally.most(limit, (resource) => keyOf(names.names[resource]!), from, to);
}

class Tally {
  readonly sure: Float64Array;
  /** What lists that a bound cuts hold in all. */
  readonly #uncertain: Float64Array;
  /** The cut lists of each resource: the number of the last one, and of each the one before it, counted from 1. */
  readonly #last: Uint32Array;
  readonly #cuts: { readonly table: ResourceTable; readonly list: number; readonly previous: number }[] = [];

  constructor(resources: number) {
    this.sure = new Float64Array(resources);
    this.#uncertain = new Float64Array(resources);
    this.#last = new Uint32Array(resources);
  }

  add(table: ResourceTable, isMeant: readonly boolean[], from: number, to: number): void {
    const { count, resource, group, counts, firsts, lasts } = table;
    for (let i = 0; i < count; i++) {
      if (!isMeant[group[i]!] || lasts[i]! < from || firsts[i]! >= to) continue;
      const number = resource[i]!;
      if (firsts[i]! >= from && lasts[i]! < to) {
        this.sure[number]! += counts[i]!;
        continue;
      }
      this.#uncertain[number]! += counts[i]!;
      this.#cuts.push({ table, list: i, previous: this.#last[number]! });
      this.#last[number] = this.#cuts.length;
    }
  }

  most(limit: number, keyOf: (resource: number) => readonly string[], from: number, to: number): Top["items"] {
    const atMost = (resource: number): number => this.sure[resource]! + this.#uncertain[resource]!;
    const promising: number[] = [];
    for (let resource = 0; resource < this.sure.length; resource++) if (atMost(resource) > 0) promising.push(resource);
    promising.sort((a, b) => atMost(b) - atMost(a));
    let found: Top["items"][number][] = [];
    for (const resource of promising) {
      // Of equal counts the key decides, so what could be equal is looked at too.
      if (found.length === limit && (limit === 0 || atMost(resource) < found[limit - 1]!.count)) break;
      const count = this.#exact(resource, from, to);
      if (count === 0) continue;
      if (found.length === limit && count < found[limit - 1]!.count) continue;
      found.push({ key: keyOf(resource), count });
      found = found.sort(mostFirst).slice(0, limit);
    }
    return found;
  }

  #exact(resource: number, from: number, to: number): number {
    let count = this.sure[resource]!;
    for (let at = this.#last[resource]!; at > 0; ) {
      const { table, list, previous } = this.#cuts[at - 1]!;
      const [start = 0, end = 0] = table.ranks(list, [from, to]);
      count += Math.max(0, end - start);
      at = previous;
    }
    return count;
  }
}

function groupTest(filter: Filter): (group: string) => boolean {
  const tests: { readonly at: number; readonly wanted: ReadonlySet<string> }[] = [];
  const want = (at: number, values: readonly string[] | undefined): void => {
    if (values !== undefined) tests.push({ at, wanted: new Set(values.map(escapePart)) });
  };
  want(groupPlaces.resourceType, filter.resourceType === undefined ? undefined : [filter.resourceType]);
  want(groupPlaces.kinds, filter.kinds);
  want(groupPlaces.types, filter.types);
  want(groupPlaces.risks, filter.risks);
  const known = new Map<string, boolean>();
  return (group) => {
    let meant = known.get(group);
    if (meant === undefined) {
      const parts = group.split(separator);
      meant = tests.every(({ at, wanted }) => wanted.has(parts[at]!));
      known.set(group, meant);
    }
    return meant;
  };
}

/** [resourceType, resourceId] */
function keyOf(name: string): readonly string[] {
  const [id = "", type = ""] = name.split(separator);
  return [unescapePart(type), unescapePart(id)];
}
