// Streams sorted lists into a run: a frozen memory part, or several runs made one. Memory stays bounded whatever the
// sizes: one leaf and one block per source. Pairs keep their order (time, then seq); none is ever dropped.
import { inKeyOrder, type MemoryPart } from "./memory-part.ts";
import { blockPairs, type Pairs } from "./posting-list.ts";
import type { Run, StoredList } from "./run.ts";
import type { RunWriter } from "./run-writer.ts";
import type { Slice } from "./slices.ts";
import { mergeTerms, writeTerms } from "./term-merge.ts";

/** What a list costs beside its pairs: its key, its span, its place in a leaf. */
const listWork = 24;

/** Writes all lists and terms of a frozen part. @throws Stopped */
export async function writePart(part: MemoryPart, writer: RunWriter, slice: Slice): Promise<void> {
  const pairs = { times: new Float64Array(blockPairs), seqs: new Float64Array(blockPairs) };
  for await (const { key, list } of inKeyOrder(part, () => slice.pause())) {
    list.ordered();
    for (let at = 0; at < list.count; ) {
      const count = list.copy(at, pairs);
      writer.append(pairs.times, pairs.seqs, 0, count);
      at += count;
      if (slice.spend(count)) await slice.pause();
    }
    writer.endList(Buffer.from(key));
    if (slice.spend(listWork)) await slice.pause();
  }
  await writeTerms(part.terms, writer, slice);
}

/** Which pairs a merge leaves out: those below a number, in lists that a key's text says. */
export interface Forgetting {
  readonly below: number;
  readonly isForgotten: (key: string) => boolean;
}

/** Writes the lists and terms of all runs as one's. @throws Stopped */
export async function mergeRuns(
  runs: readonly Run[],
  writer: RunWriter,
  slice: Slice,
  forgetting?: Forgetting,
): Promise<void> {
  await mergeLists(runs, writer, slice, forgetting);
  await mergeTerms(
    runs.flatMap(({ terms }) => terms ?? []),
    writer,
    slice,
  );
}

async function mergeLists(
  runs: readonly Run[],
  writer: RunWriter,
  slice: Slice,
  forgetting: Forgetting | undefined,
): Promise<void> {
  const sources = runs.map((run) => new RunSource(run, forgetting));
  const same: RunSource[] = [];
  for (;;) {
    same.length = 0;
    let least: StoredList | undefined;
    for (const source of sources) {
      const list = source.list;
      if (list === undefined) continue;
      const side = least === undefined ? -1 : Buffer.compare(list.key, least.key);
      if (side < 0) {
        least = list;
        same.length = 0;
      }
      if (side <= 0) same.push(source);
    }
    if (least === undefined) return;
    for (let i = same.length - 1; i >= 0; i--) if (!same[i]!.open()) same.splice(i, 1);
    while (same.length > 0) {
      const work = drain(same, writer);
      if (slice.spend(work)) await slice.pause();
    }
    writer.endList(least.key);
    let work = listWork;
    for (const source of sources) if (source.done) work += source.advance();
    if (slice.spend(work)) await slice.pause();
  }
}

/** Moves the longest piece that stands before every other source's next pair; drops sources that have no more. */
function drain(sources: RunSource[], writer: RunWriter): number {
  let first = sources[0]!;
  let second: RunSource | undefined;
  for (let i = 1; i < sources.length; i++) {
    const source = sources[i]!;
    if (source.before(first)) {
      second = first;
      first = source;
    } else if (second === undefined || source.before(second)) second = source;
  }
  const { times, seqs, count } = first.pairs;
  let end = first.at + 1;
  if (second === undefined) end = count;
  else {
    const time = second.pairs.times[second.at]!;
    const seq = second.pairs.seqs[second.at]!;
    while (end < count && (times[end]! < time || (times[end] === time && seqs[end]! < seq))) end++;
  }
  writer.append(times, seqs, first.at, end);
  const moved = end - first.at + 8;
  if (!first.moveTo(end)) sources.splice(sources.indexOf(first), 1);
  return moved;
}

const noPairs: Pairs = { times: new Float64Array(0), seqs: new Float64Array(0), count: 0 };

/** One run on its way through a merge: its lists in order, and the pairs of the current one. */
class RunSource {
  readonly #run: Run;
  readonly #forgetting: Forgetting | undefined;
  /** Pairs of the current list below this number are left out. */
  #below = 0;
  #leaf: readonly StoredList[] | undefined;
  #leafId = 1;
  #place = 0;
  #block = 0;
  pairs: Pairs = noPairs;
  /** Place of the next pair in `pairs`. */
  at = 0;
  /** Whether the current list was read to its end. */
  done = false;

  constructor(run: Run, forgetting: Forgetting | undefined) {
    this.#run = run;
    this.#forgetting = forgetting;
    this.#leaf = run.leaf(1);
  }

  get list(): StoredList | undefined {
    return this.#leaf?.[this.#place];
  }

  /** Goes to the first pair of the current list; false, and done, where there is none to be kept. */
  open(): boolean {
    const forgetting = this.#forgetting;
    this.#below = forgetting?.isForgotten(Buffer.from(this.list!.key).toString()) === true ? forgetting.below : 0;
    this.#block = -1;
    this.done = false;
    return this.#next();
  }

  /** Goes on at `place` of the block or at the next block; false, and done, where the list ends. */
  moveTo(place: number): boolean {
    this.at = place;
    return place < this.pairs.count || this.#next();
  }

  /** Decodes the next block that has a pair to be kept. */
  #next(): boolean {
    this.at = 0;
    while (++this.#block * blockPairs < this.list!.count) {
      this.pairs = kept(this.#run.block(this.list!, this.#block), this.#below);
      if (this.pairs.count > 0) return true;
    }
    this.pairs = noPairs;
    this.done = true;
    return false;
  }

  before(other: RunSource): boolean {
    const a = this.pairs.times[this.at]!;
    const b = other.pairs.times[other.at]!;
    return a < b || (a === b && this.pairs.seqs[this.at]! < other.pairs.seqs[other.at]!);
  }

  /** Goes to the next list; says what that cost. */
  advance(): number {
    this.done = false;
    this.#place++;
    if (this.#place < this.#leaf!.length) return 1;
    this.#leaf = this.#run.leaf(++this.#leafId);
    this.#place = 0;
    return listWork * 4;
  }
}

function kept(pairs: Pairs, below: number): Pairs {
  if (below === 0) return pairs;
  const { times, seqs } = pairs;
  let count = 0;
  for (let i = 0; i < pairs.count; i++)
    if (seqs[i]! >= below) {
      times[count] = times[i]!;
      seqs[count++] = seqs[i]!;
    }
  return { times, seqs, count };
}
