// Finding ranks over many sorted lists at once: how many pairs stand before a position, and which pairs have the ranks
// r, r+1, …. The page at any depth costs the same, because depth is only a number: estimates from the lists' directories
// lead near it, exact ranks correct them, and a short walk ends on it. Pure; knows no file and no filter.
import type { Position } from "./port.ts";

/** One sorted list, with as little of it decoded as the question needs. */
export interface RankedList {
  readonly count: number;
  readonly firstTime: number;
  readonly lastTime: number;
  /** Exact number of pairs before (time, seq); may decode one block. */
  rank(time: number, seq: number): number;
  /** About the same, never decreasing in (time, seq), told without decoding. */
  estimate(time: number, seq: number): number;
  timeAt(index: number): number;
  seqAt(index: number): number;
}

/** A list with the text of its key, without family and account. */
export interface NamedList {
  readonly text: string;
  readonly list: RankedList;
}

/** Pairs of all lists before (time, seq). */
export function rankOf(lists: readonly RankedList[], time: number, seq: number): number {
  let rank = 0;
  for (const list of lists) {
    if (list.lastTime < time) rank += list.count;
    else if (list.firstTime <= time) rank += list.rank(time, seq);
  }
  return rank;
}

function estimateOf(lists: readonly RankedList[], time: number, seq: number): number {
  let rank = 0;
  for (const list of lists) {
    if (list.lastTime < time) rank += list.count;
    else if (list.firstTime <= time) rank += list.estimate(time, seq);
  }
  return rank;
}

export function countOf(lists: readonly RankedList[]): number {
  let count = 0;
  for (const list of lists) count += list.count;
  return count;
}

/** The pairs with the ranks [rank, rank + limit), ascending; fewer where the lists end. */
export function pairsAt(lists: readonly RankedList[], rank: number, limit: number): Position[] {
  const total = countOf(lists);
  if (limit <= 0 || rank >= total) return [];
  const start = approach(lists, rank, total);
  return walk(lists, start, rank, Math.min(limit, total - rank));
}

/** How many pairs the walk may have to skip: stepping over them is cheaper than another round of ranks. */
const slack = 32;
/** Rounds led by estimates; after them plain halving, which ends whatever the data is. */
const guidedRounds = 6;

/** A position whose rank is at most `rank` and at least `rank - slack`. */
function approach(lists: readonly RankedList[], rank: number, total: number): Position {
  let firstTime = Number.POSITIVE_INFINITY;
  let lastTime = Number.NEGATIVE_INFINITY;
  for (const list of lists) {
    if (list.firstTime < firstTime) firstTime = list.firstTime;
    if (list.lastTime > lastTime) lastTime = list.lastTime;
  }
  const byTime = narrow(lists, rank, (time) => ({ time, seq: 0 }), firstTime, 0, lastTime + 1, total);
  if (rank - byTime.rank <= slack) return { time: byTime.at, seq: 0 };
  // More pairs than the slack share one time: the same search again, over their seqs.
  const time = byTime.at;
  const bySeq = narrow(lists, rank, (seq) => ({ time, seq }), 0, byTime.rank, 2 ** 53, total);
  return { time, seq: bySeq.at };
}

/**
 * Searches one axis between `low`, whose exact rank is known and at most `rank`, and `high`, whose rank is above it,
 * until the rank is near or the ends are neighbours.
 */
function narrow(
  lists: readonly RankedList[],
  rank: number,
  place: (at: number) => Position,
  low: number,
  lowRank: number,
  high: number,
  total: number,
): { readonly at: number; readonly rank: number } {
  let [at, atRank, end] = [low, lowRank, high];
  const aim = rank - slack / 2;
  let error = 0;
  for (let round = 0; rank - atRank > slack && end - at > 1; round++) {
    const pivot = round < guidedRounds ? invert(lists, aim - error, place, at, end, total) : middle(at, end);
    const { time, seq } = place(pivot);
    const exact = rankOf(lists, time, seq);
    error = exact - estimateOf(lists, time, seq);
    if (exact <= rank) [at, atRank] = [pivot, exact];
    else end = pivot;
  }
  return { at, rank: atRank };
}

/** A place strictly between low and high where the estimate is about `wanted`. */
function invert(
  lists: readonly RankedList[],
  wanted: number,
  place: (at: number) => Position,
  low: number,
  high: number,
  total: number,
): number {
  let [from, to] = [low, high];
  let [fromRank, toRank] = [0, total];
  while (to - from > 1 && toRank - fromRank > slack / 8) {
    const pivot = middle(from, to);
    const { time, seq } = place(pivot);
    const estimated = estimateOf(lists, time, seq);
    if (estimated <= wanted) [from, fromRank] = [pivot, estimated];
    else [to, toRank] = [pivot, estimated];
  }
  return Math.min(Math.max(from, low + 1), high - 1);
}

function middle(low: number, high: number): number {
  return low + Math.floor((high - low) / 2);
}

/** Merges the lists from `start` on and returns `limit` pairs from `rank` on. */
function walk(lists: readonly RankedList[], start: Position, rank: number, limit: number): Position[] {
  // A binary heap of list numbers; times and seqs hold each list's next pair.
  const heap: number[] = [];
  const next = new Float64Array(lists.length);
  const times = new Float64Array(lists.length);
  const seqs = new Float64Array(lists.length);
  let skip = rank;
  for (let i = 0; i < lists.length; i++) {
    const list = lists[i]!;
    const at =
      list.lastTime < start.time ? list.count : list.firstTime > start.time ? 0 : list.rank(start.time, start.seq);
    skip -= at;
    if (at === list.count) continue;
    next[i] = at;
    times[i] = list.timeAt(at);
    seqs[i] = list.seqAt(at);
    heap.push(i);
  }
  const before = (a: number, b: number): boolean =>
    times[a]! < times[b]! || (times[a]! === times[b]! && seqs[a]! < seqs[b]!);
  const sink = (from: number): void => {
    const moving = heap[from]!;
    let at = from;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, moving)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = moving;
  };
  for (let i = (heap.length >> 1) - 1; i >= 0; i--) sink(i);

  const found: Position[] = [];
  while (found.length < limit && heap.length > 0) {
    const top = heap[0]!;
    if (skip > 0) skip--;
    else found.push({ time: times[top]!, seq: seqs[top]! });
    const list = lists[top]!;
    const at = next[top]! + 1;
    if (at < list.count) {
      next[top] = at;
      times[top] = list.timeAt(at);
      seqs[top] = list.seqAt(at);
    } else {
      const last = heap.pop()!;
      if (heap.length === 0) break;
      heap[0] = last;
    }
    sink(0);
  }
  return found;
}
