// Streams term lists into a run: those of a frozen part, or of several runs made one. Memory stays bounded whatever the
// sizes: one decoded block per run. No entry is ever dropped.
import type { Span } from "./posting-list.ts";
import type { RunTerms } from "./run-terms.ts";
import type { RunWriter } from "./run-writer.ts";
import type { Slice } from "./slices.ts";
import { isBefore, joinRates, type TermBlock } from "./term-block.ts";
import type { TermPart } from "./term-part.ts";

/** Writes a frozen part's terms. @throws Stopped */
export async function writeTerms(part: TermPart, writer: RunWriter, slice: Slice): Promise<void> {
  if (part.isEmpty) return;
  const { times, seqs } = part;
  writer.beginTerms(part.rate);
  for (const { hash, value } of part.sorted()) {
    const { order, length } = part.numbers(value);
    for (let i = 0; i < length; i++) {
      const number = order[i]!;
      writer.addTerm(hash, times[number]!, seqs[number]!);
      if (slice.spend(1)) await slice.pause();
    }
    if (slice.spend(1)) await slice.pause();
  }
}

/** Writes the terms of all runs as one. @throws Stopped */
export async function mergeTerms(runs: readonly RunTerms[], writer: RunWriter, slice: Slice): Promise<void> {
  const sources = runs.map((terms) => new TermSource(terms)).filter((source) => !source.done);
  let rate: Span | undefined;
  for (const source of sources) rate = rate === undefined ? source.rate : joinRates(rate, source.rate);
  if (rate === undefined) return;
  writer.beginTerms(rate);
  while (sources.length > 0) {
    let first = sources[0]!;
    let second: TermSource | undefined;
    for (let i = 1; i < sources.length; i++) {
      const source = sources[i]!;
      if (source.before(first)) {
        second = first;
        first = source;
      } else if (second === undefined || source.before(second)) second = source;
    }
    let moved = 1;
    do {
      writer.addTerm(first.hash, first.time, first.seq);
      moved++;
      first.advance();
    } while (!first.done && !first.entered && (second === undefined || first.before(second)));
    if (first.done) sources.splice(sources.indexOf(first), 1);
    if (slice.spend(moved)) await slice.pause();
  }
}

/** One run's terms on their way through a merge. */
class TermSource {
  readonly #terms: RunTerms;
  #block: TermBlock | undefined;
  #id = 1;
  #at = 0;
  hash = 0;
  time = 0;
  seq = 0;

  constructor(terms: RunTerms) {
    this.#terms = terms;
    this.#block = terms.block(1);
    this.#read();
  }

  get done(): boolean {
    return this.#block === undefined;
  }

  /** Whether it has just come to another block. */
  get entered(): boolean {
    return this.#at === 0;
  }

  get rate(): Span {
    return this.#block!.rate;
  }

  before(other: TermSource): boolean {
    return this.hash < other.hash || (this.hash === other.hash && isBefore(this.time, this.seq, other.time, other.seq));
  }

  advance(): void {
    this.#at++;
    if (this.#at === this.#block!.count) {
      this.#at = 0;
      this.#block = this.#terms.block(++this.#id);
    }
    this.#read();
  }

  #read(): void {
    const block = this.#block;
    if (block === undefined) return;
    this.hash = block.hashes[this.#at]!;
    this.time = block.times[this.#at]!;
    this.seq = block.seqs[this.#at]!;
  }
}
