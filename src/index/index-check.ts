// The index held against the ledger: what its runs say must be exactly what the entries they cover say, each pair of time
// and number in its two lists, and each term, once. Only reads, and may run beside the index's owner: it speaks of the runs
// that the manifest lists at one moment, which it opens before anything can replace them. What the owner has only in memory
// is not looked at. The entries are handed in by whoever reads the ledger, so that it is read once.
// Entries past their account's retention are left aside on both sides, wherever the index is with forgetting them; of
// terms, which do not say whose they are, all below the furthest retention of any account.
import type { Event } from "../event/event.ts";
import { escapePart, separator, streamKey } from "../event/stream.ts";
import { trailTerms } from "../event/trail-event.ts";
import { retentionType } from "../ledger/port.ts";
import { DecodedCache } from "./decoded-cache.ts";
import { DifferenceSketch, type ListMark, type OddPair } from "./difference-sketch.ts";
import { coarseText, familyPrefix, isForgotten } from "./list-key.ts";
import { type ManifestContent, readManifest, runPath } from "./manifest.ts";
import { Run } from "./run.ts";
import { type RunVisitor, visitRun } from "./run-check.ts";
import { TermHasher } from "./term-hash.ts";

export interface IndexProblem {
  /** "" where it is no account's own. */
  readonly account: string;
  readonly what: string;
}

/** What else is asked of the ledger in the end. */
export interface LedgerView {
  /** Entries in the account's log; 0 where there is none. */
  size(account: string): number;
  /** An entry's event, where there is one, to name what differs by. */
  read(account: string, seq: number): Event | undefined;
}

export interface IndexReport {
  /** Absent: there is none, it is made at the next start; outdated: an older format, made anew then. */
  readonly state: "compared" | "absent" | "outdated";
  readonly runs: number;
  /** Entries that the runs cover, over all accounts. */
  readonly entries: number;
  readonly problems: readonly IndexProblem[];
}

/** The families of lists, each with what a reader is told it is. */
const families = { c: "its lists for the whole account", f: "its lists by resource", t: "its terms" } as const;
type Family = keyof typeof families;

/** How often the manifest is read anew when a run it listed was merged away before it could be opened. */
const mostTries = 20;
/** Marks of lists remembered, so that most events need no new one. */
const mostMarks = 100_000;
/** Pairs named per account and family, and problems of runs' own form told. */
const mostNamed = 3;
const mostFormProblems = 20;
const cacheBytes = 1024 * 1024;

export class IndexCheck {
  readonly #content: ManifestContent | undefined;
  readonly #state: IndexReport["state"];
  readonly #runs: Run[];
  readonly #hasher: TermHasher;
  readonly #sketches: Readonly<Record<Family, DifferenceSketch>> = {
    c: new DifferenceSketch(),
    f: new DifferenceSketch(),
    t: new DifferenceSketch(),
  };
  readonly #groups = new Map<string, number>();
  readonly #marks = new Map<string, { readonly c: ListMark; readonly f: ListMark }>();
  readonly #problems: IndexProblem[] = [];
  #formProblems = 0;
  /** The log whose entries come by. */
  #account = "";
  #group = 0;
  #covered = 0;
  readonly #minimums: ReadonlyMap<string, number>;
  readonly #leastTerm: number;
  /** What the entries that came by say of retention. */
  readonly #told: Map<string, number>;
  #minimum = 0;

  /**
   * Reads all runs. Entries that come to the ledger from now on do not matter.
   * @param ledgerId of the ledger it must be derived from
   * @param minimums by account, the number below which its entries are past their retention
   */
  static async open(
    directory: string,
    ledgerId: string,
    minimums: ReadonlyMap<string, number> = new Map(),
  ): Promise<IndexCheck> {
    const problems: IndexProblem[] = [];
    const { content, runs, state } = openRuns(directory, problems);
    const check = new IndexCheck(content, runs, state, problems, minimums);
    if (content !== undefined && content.ledgerId !== ledgerId)
      check.#disagrees("", `it was made from the ledger ${content.ledgerId}, this is ${ledgerId}`);
    for (const run of runs) await check.#readRun(run);
    return check;
  }

  private constructor(
    content: ManifestContent | undefined,
    runs: readonly Run[],
    state: IndexReport["state"],
    problems: readonly IndexProblem[],
    minimums: ReadonlyMap<string, number>,
  ) {
    this.#content = content;
    this.#runs = [...runs];
    this.#state = state;
    this.#minimums = new Map(minimums);
    this.#told = new Map(minimums);
    this.#leastTerm = Math.max(0, ...minimums.values());
    this.#hasher = new TermHasher(content?.salt ?? "");
    for (const { account, what } of problems) this.#disagrees(account, what);
  }

  /** Takes an entry of the ledger; those of one log come together. */
  entry(account: string, seq: number, event: Event): void {
    if (account !== this.#account) {
      this.#account = account;
      this.#group = this.#groupOf(escapePart(account));
      this.#covered = this.#content?.covered.get(account) ?? 0;
      this.#minimum = this.#minimums.get(account) ?? 0;
      this.#marks.clear();
    }
    if (event.kind === "system" && event.type === retentionType && Number.isSafeInteger(event.data.minimum))
      this.#told.set(account, Math.max(this.#told.get(account) ?? 0, Number(event.data.minimum)));
    if (seq >= this.#covered || (seq < this.#minimum && event.kind !== "system")) return;
    const { c, f } = this.#marksOf(account, streamKey(event));
    this.#sketches.c.add(true, this.#group, c, event.time, seq);
    this.#sketches.f.add(true, this.#group, f, event.time, seq);
    if (event.kind !== "trail" || seq < this.#leastTerm) return;
    const hashes = this.#termsOf(account, event);
    for (const hash of hashes) this.#addTerm(true, hash, event.time, seq);
  }

  /** How far retention is by what the entries say; where that is further than was known, this check must be made again. */
  get minimums(): ReadonlyMap<string, number> {
    return this.#told;
  }

  /** After the last entry. */
  finish({ size, read }: LedgerView): IndexReport {
    const covered = this.#content?.covered ?? new Map<string, number>();
    let entries = 0;
    for (const [account, covers] of covered) {
      entries += covers;
      const stored = size(account);
      if (covers > stored)
        this.#disagrees(account, `it says that it covers ${covers} entries, of which the ledger has ${stored}`);
    }
    const inRuns = this.#runs.reduce((sum, { events }) => sum + events, 0);
    if (inRuns !== entries)
      this.#disagrees("", `its runs hold ${inRuns} events, and it says that it covers ${entries}`);
    for (const family of Object.keys(families) as Family[]) this.#compare(family, read);
    const runs = this.#runs.length;
    this.close();
    return { state: this.#state, runs, entries, problems: this.#problems };
  }

  close(): void {
    for (const run of this.#runs.splice(0)) run.close();
  }

  async #readRun(run: Run): Promise<void> {
    let last: Uint8Array | undefined;
    let mark: ListMark | undefined;
    let group = 0;
    let least = 0;
    const visitor: RunVisitor = {
      pairs: (key, { times, seqs, count }) => {
        const sketch = this.#sketches[String.fromCharCode(key[0]!) as "c" | "f"];
        if (key !== last || mark === undefined) {
          mark = sketch.markOf(key);
          const account = accountOf(key);
          group = this.#groupOf(account);
          least = isForgotten(account)(Buffer.from(key).toString()) ? (this.#minimums.get(account) ?? 0) : 0;
          last = key;
        }
        for (let i = 0; i < count; i++) if (seqs[i]! >= least) sketch.add(false, group, mark, times[i]!, seqs[i]!);
      },
      terms: ({ hashes, times, seqs, count }) => {
        for (let i = 0; i < count; i++)
          if (seqs[i]! >= this.#leastTerm) this.#addTerm(false, hashes[i]!, times[i]!, seqs[i]!);
      },
      counts: (coarse, fine) => {
        // What is forgotten leaves the lists, not the number.
        const fits = this.#leastTerm > 0 ? coarse <= run.events : coarse === run.events;
        if (coarse !== fine || !fits)
          visitor.problem(`run ${run.id} should hold ${run.events} events; its lists hold ${coarse} and ${fine}`);
      },
      problem: (what, key) => {
        if (this.#formProblems++ < mostFormProblems) this.#disagrees(key === undefined ? "" : accountOf(key), what);
      },
      pause: () => new Promise((resolve) => setImmediate(resolve)),
    };
    try {
      await visitRun(run, visitor);
    } catch (thrown) {
      // Whatever it is that cannot be read: the index says something else than the ledger.
      this.#disagrees("", `run ${run.id} cannot be read: ${(thrown as Error).message}`);
    }
  }

  #compare(family: Family, read: (account: string, seq: number) => Event | undefined): void {
    const sketch = this.#sketches[family];
    const differing = sketch.differences();
    if (differing.length === 0) return;
    const odd = Map.groupBy(sketch.oddPairs(), ({ group }) => group);
    const accounts = [...this.#groups.keys()];
    for (const { group, lacking } of differing) {
      // A term's hash does not say whose it is.
      const account = family === "t" ? "" : accounts[group]!;
      const net = lacking === 0 ? "" : lacking > 0 ? ` lack ${lacking} of them` : ` hold ${-lacking} too many`;
      const named = (odd.get(group) ?? []).slice(0, mostNamed).map((pair) => this.#name(family, account, pair, read));
      const sentence = `${families[family]} are not those of the entries${net === "" ? "" : `: they${net}`}`;
      this.#disagrees(account, named.length === 0 ? sentence : `${sentence}; ${named.join("; ")}`);
    }
  }

  #name(
    family: Family,
    account: string,
    pair: OddPair,
    read: (account: string, seq: number) => Event | undefined,
  ): string {
    const { expected, time, seq, list } = pair;
    const verb = expected ? "lacks" : "should not have";
    if (family === "t") return `${verb} a term of the entry ${seq} of time ${time}`;
    const text = expected ? this.#keyOf(family, account, read(account, seq)) : this.#foundKey(family, list);
    const name = text === undefined ? "a list" : `the list ${JSON.stringify(text.split(separator).slice(1))}`;
    return `${name} ${verb} the entry ${seq} of time ${time}`;
  }

  #keyOf(family: "c" | "f", account: string, event: Event | undefined): string | undefined {
    if (event === undefined) return undefined;
    const key = streamKey(event);
    return familyPrefix(family, account) + (family === "c" ? coarseText(key) : key);
  }

  /** The key of the stored list with this mark. */
  #foundKey(family: "c" | "f", wanted: ListMark): string | undefined {
    for (const run of this.#runs)
      for (let id = 1, leaf = run.leaf(id, true); leaf !== undefined; leaf = run.leaf(++id, true))
        for (const { key, text } of leaf)
          if (text.startsWith(family) && this.#sketches[family].markOf(key).every((word, i) => word === wanted[i]))
            return text;
    return undefined;
  }

  #marksOf(account: string, stream: string): { readonly c: ListMark; readonly f: ListMark } {
    const known = this.#marks.get(stream);
    if (known !== undefined) return known;
    if (this.#marks.size >= mostMarks) this.#marks.clear();
    const marks = {
      c: this.#sketches.c.markOf(Buffer.from(familyPrefix("c", account) + coarseText(stream))),
      f: this.#sketches.f.markOf(Buffer.from(familyPrefix("f", account) + stream)),
    };
    this.#marks.set(stream, marks);
    return marks;
  }

  /** Hashes of an event's terms, each once, as the index keeps them. */
  #termsOf(account: string, event: Parameters<typeof trailTerms>[0]): readonly number[] {
    const hashes = trailTerms(event).map((term) => this.#hasher.of(account, term));
    return hashes.filter((hash, i) => hashes.indexOf(hash) === i);
  }

  #addTerm(expected: boolean, hash: number, time: number, seq: number): void {
    this.#sketches.t.addWords(expected, 0, hash % 2 ** 32, hash / 2 ** 32, 0, 0, time, seq);
  }

  #groupOf(account: string): number {
    const group = this.#groups.get(account) ?? this.#groups.size;
    this.#groups.set(account, group);
    return group;
  }

  #disagrees(account: string, what: string): void {
    this.#problems.push({ account, what: `the index disagrees with the ledger: ${what}; run \`taishi reindex\`` });
  }
}

/** The account in a list's key, as it stands there: escapes and all. */
function accountOf(key: Uint8Array): string {
  const end = key.indexOf(separator.charCodeAt(0));
  return Buffer.from(key.subarray(1, end < 0 ? key.length : end)).toString();
}

interface Opened {
  readonly content: ManifestContent | undefined;
  readonly runs: readonly Run[];
  readonly state: IndexReport["state"];
}

/** All runs of one moment, open; what is unlinked from then on can still be read. */
function openRuns(directory: string, problems: IndexProblem[]): Opened {
  for (let tries = 1; ; tries++) {
    let content: ReturnType<typeof readManifest>;
    try {
      content = readManifest(directory);
    } catch (thrown) {
      problems.push({ account: "", what: `its manifest cannot be read: ${(thrown as Error).message}` });
      return { content: undefined, runs: [], state: "compared" };
    }
    if (typeof content === "string") return { content: undefined, runs: [], state: content };
    const cache = new DecodedCache(cacheBytes);
    const runs: Run[] = [];
    const failed: { id: number; thrown: unknown }[] = [];
    for (const record of content.runs)
      try {
        runs.push(new Run(runPath(directory, record.id), record, cache));
      } catch (thrown) {
        failed.push({ id: record.id, thrown });
      }
    if (failed.length === 0) return { content, runs, state: "compared" };
    // Merged away under us, or not there: the manifest of now tells which.
    const now = readManifest(directory);
    const listed = typeof now === "string" ? [] : now.runs.map(({ id }) => id);
    if (failed.every(({ id }) => listed.includes(id)) || tries === mostTries) {
      for (const { id, thrown } of failed)
        problems.push({ account: "", what: `run ${id} cannot be opened: ${(thrown as Error).message}` });
      return { content, runs, state: "compared" };
    }
    for (const run of runs) run.close();
  }
}
