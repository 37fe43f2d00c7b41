// One run read whole: every list and term is decoded and handed on, and everything beside them that queries go by – the
// directories, the order, the counts – is held against what was decoded. Trusts nothing stored. Only reads.
import { blockPairs, damaged, type Pairs } from "./posting-list.ts";
import type { Run, StoredList } from "./run.ts";
import type { TermBlock } from "./term-block.ts";

export interface RunVisitor {
  /** Pairs of the list with this key, a block at a time, in order. */
  pairs(key: Uint8Array, pairs: Pairs): void;
  terms(block: TermBlock): void;
  /** How many pairs the lists of each family had. */
  counts(coarse: number, fine: number): void;
  /** What is wrong, with the key of the list where there is one. */
  problem(what: string, key?: Uint8Array): void;
  /** Between pieces of work of some milliseconds. */
  pause(): Promise<void>;
}

/** @throws Error where the file is damaged so that it cannot be read on */
export async function visitRun(run: Run, visitor: RunVisitor): Promise<void> {
  await new RunPass(run, visitor).lists();
  if (run.terms !== undefined) await visitTerms(run, visitor);
}

const [coarse, fine] = ["c".charCodeAt(0), "f".charCodeAt(0)];
/** Leaves, and blocks of terms, between two pauses. */
const piece = 64;

class RunPass {
  readonly #run: Run;
  readonly #visitor: RunVisitor;
  /** Number of the next long list's first block. */
  #nextBlock = 1;
  #counts = { [coarse]: 0, [fine]: 0 } as Record<number, number>;
  #previous: Uint8Array | undefined;

  constructor(run: Run, visitor: RunVisitor) {
    this.#run = run;
    this.#visitor = visitor;
  }

  async lists(): Promise<void> {
    const run = this.#run;
    const { problem } = this.#visitor;
    const firsts = run.leafFirsts();
    let id = 1;
    for (let leaf = run.leaf(id); leaf !== undefined; leaf = run.leaf(++id)) {
      const first = firsts.next().value as { key: Uint8Array; leaf: number } | undefined;
      if (first?.leaf !== id || leaf[0] === undefined || Buffer.compare(first.key, leaf[0].key) !== 0)
        problem(`the directory of run ${run.id} does not say where leaf ${id} begins`, leaf[0]?.key);
      for (const list of leaf) this.#list(list);
      if (id % piece === 0) await this.#visitor.pause();
    }
    if (firsts.next().done !== true || run.rows("leaf") !== id - 1)
      problem(`run ${run.id} has more leaves than can be read in order`);
    if (run.rows("block") !== this.#nextBlock - 1) problem(`run ${run.id} has blocks that are no list's`);
    this.#visitor.counts(this.#counts[coarse]!, this.#counts[fine]!);
  }

  #list(list: StoredList): void {
    const { key, count, span } = list;
    const complain = (what: string): void => this.#visitor.problem(`in run ${this.#run.id} ${what}`, key);
    if (this.#previous !== undefined && Buffer.compare(this.#previous, key) >= 0) complain("a list is out of order");
    this.#previous = key;
    if (!(key[0]! in this.#counts)) throw damaged("a list of no family");
    this.#counts[key[0]!]! += count;
    const blocks = Math.ceil(count / blockPairs);
    const directory = blocks > 1 ? this.#directory(list, blocks) : undefined;
    let [time, seq] = [-1, -1];
    for (let number = 0; number < blocks; number++) {
      const pairs = this.#run.block(list, number);
      const [firstTime, firstSeq] = [pairs.times[0]!, pairs.seqs[0]!];
      if (directory !== undefined && (directory.times[number] !== firstTime || directory.seqs[number] !== firstSeq))
        complain("a list's directory does not fit its blocks");
      if (number === 0 && (firstTime !== span.firstTime || firstSeq !== span.firstSeq))
        complain("a list does not begin where its leaf says");
      let sorted = true;
      for (let i = 0; i < pairs.count; i++) {
        const [at, number] = [pairs.times[i]!, pairs.seqs[i]!];
        sorted &&= at > time || (at === time && number > seq);
        time = at;
        seq = number;
      }
      if (!sorted) complain("a list's pairs are out of order");
      this.#visitor.pairs(key, pairs);
    }
    if (time !== span.lastTime || seq !== span.lastSeq) complain("a list does not end where its leaf says");
  }

  #directory(list: StoredList, blocks: number) {
    if (list.firstBlock !== this.#nextBlock) throw damaged("a list names another's blocks");
    this.#nextBlock += blocks + 1;
    return this.#run.directory(list);
  }
}

async function visitTerms(run: Run, visitor: RunVisitor): Promise<void> {
  const terms = run.terms!;
  const firsts = terms.firsts();
  let [hash, time, seq] = [-1, -1, -1];
  let id = 1;
  for (let block = terms.block(id); block !== undefined; block = terms.block(++id)) {
    const { hashes, times, seqs, count } = block;
    const first = firsts.next().value;
    if (first?.block !== id || first.hash !== hashes[0] || first.time !== times[0] || first.seq !== seqs[0])
      visitor.problem(`the directory of run ${run.id} does not say where block ${id} of its terms begins`);
    let sorted = true;
    for (let i = 0; i < count; i++) {
      const [h, t, s] = [hashes[i]!, times[i]!, seqs[i]!];
      sorted &&= h > hash || (h === hash && (t > time || (t === time && s > seq)));
      [hash, time, seq] = [h, t, s];
    }
    if (!sorted) visitor.problem(`in run ${run.id} the terms are out of order`);
    visitor.terms(block);
    if (id % piece === 0) await visitor.pause();
  }
  if (firsts.next().done !== true || run.rows("term_block") !== id - 1)
    visitor.problem(`run ${run.id} has more terms than can be read in order`);
}
