// Counting without reading events: what a list holds before a time is a rank, so every number here is a difference of two.
// Only lists that a bound cuts are decoded, and of those the one block that holds the bound. Pure; knows no file.
import { separator, unescapePart } from "../event/stream.ts";
import { places } from "./list-key.ts";
import type { CountedBy, Filter, Histogram, Top } from "./port.ts";
import type { NamedList, RankedList } from "./selection.ts";

/** The family is told by the filter, as the lists were. */
function part(filter: Filter, text: string, member: "kind" | "risk" | "type" | "resourceType" | "resourceId"): string {
  return unescapePart(text.split(separator)[places[filter.resourceId === undefined ? "c" : "f"][member]] ?? "");
}

/** Pairs of a list before a time; decodes where the time is within it. */
export function before(list: RankedList, time: number): number {
  if (time > list.lastTime) return list.count;
  return time <= list.firstTime ? 0 : list.rank(time, 0);
}

/** Pairs of a list within a filter's times. */
function within(list: RankedList, { from, to }: Pick<Filter, "from" | "to">): number {
  const end = to === undefined ? list.count : before(list, to);
  return Math.max(0, end - (from === undefined ? 0 : before(list, from)));
}

export function histogramOf(
  lists: readonly NamedList[],
  filter: Filter,
  by: CountedBy,
  buckets: number,
): Omit<Histogram, "covered"> {
  const { from, to } = boundsOf(lists, filter);
  const width = Math.max(1, Math.ceil((to - from) / buckets));
  const length = Math.ceil((to - from) / width);
  const groups = new Map<string, Float64Array>();
  for (const { text, list } of lists) {
    if (list.count === 0 || list.lastTime < from || list.firstTime >= to) continue;
    const key = part(filter, text, by);
    const counts = groups.get(key) ?? new Float64Array(length);
    groups.set(key, counts);
    addBuckets(list, from, to, width, counts);
  }
  return {
    from,
    to,
    width,
    groups: [...groups]
      .map(([key, counts]) => ({ key, counts: [...counts] }))
      .filter(({ counts }) => counts.some((count) => count > 0))
      .sort((a, b) => order(a.key, b.key)),
  };
}

/** Looks only at the edges between a list's first and last time. */
function addBuckets(list: RankedList, from: number, to: number, width: number, counts: Float64Array): void {
  const first = Math.max(0, Math.floor((list.firstTime - from) / width));
  let done = before(list, from + first * width);
  for (let i = first; i < counts.length && done < list.count; i++) {
    const end = before(list, Math.min(to, from + (i + 1) * width));
    counts[i]! += end - done;
    done = end;
  }
}

function boundsOf(lists: readonly NamedList[], filter: Filter): { readonly from: number; readonly to: number } {
  let first = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  for (const { list } of lists) {
    if (list.count === 0) continue;
    if (list.firstTime < first) first = list.firstTime;
    if (list.lastTime > last) last = list.lastTime;
  }
  const any = first <= last;
  const from = filter.from ?? (any ? Math.min(first, filter.to ?? first) : (filter.to ?? 0));
  return { from, to: filter.to ?? Math.max(from, any ? last + 1 : from) };
}

/** Types of a filter's lists, or the one resource it names. */
export function topOf(
  lists: readonly NamedList[],
  filter: Filter,
  by: "type" | "resource",
  limit: number,
): Omit<Top, "covered"> {
  let total = 0;
  const counts = new Map<string, { readonly key: readonly string[]; count: number }>();
  for (const { text, list } of lists) {
    const count = within(list, filter);
    total += count;
    const key =
      by === "type"
        ? [part(filter, text, "type")]
        : [part(filter, text, "resourceType"), part(filter, text, "resourceId")];
    if (count === 0 || (by === "resource" && key[1] === "")) continue;
    const name = JSON.stringify(key);
    const item = counts.get(name);
    if (item === undefined) counts.set(name, { key, count });
    else item.count += count;
  }
  return { total, items: [...counts.values()].sort(mostFirst).slice(0, limit) };
}

export function mostFirst(a: Top["items"][number], b: Top["items"][number]): number {
  if (a.count !== b.count) return b.count - a.count;
  for (const [i, text] of a.key.entries()) {
    const side = order(text, b.key[i]!);
    if (side !== 0) return side;
  }
  return 0;
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
