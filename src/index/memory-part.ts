// The newest events, in memory only: per account their times by seq, per list the seqs in it. Bounded by the events and
// streams and terms it may take; when full it is frozen and written as a run. Needs no log of its own (I4): what it holds is read
// again from the ledger after a restart.
import type { FactBatch } from "../event/stream.ts";
import { coarseText, compareKeys, familyPrefix, resourceText, type Selector } from "./list-key.ts";
import { NumberList } from "./number-list.ts";
import type { Pairs } from "./posting-list.ts";
import type { NamedList, RankedList } from "./selection.ts";
import type { TermHasher } from "./term-hash.ts";
import { TermPart } from "./term-part.ts";

/** A stream costs about as much memory as this many events; a part with too many streams is full early. */
const eventsPerStream = 4;
const wideCharacter = /[\ud800-\uffff]/;

export class MemoryPart {
  readonly accounts = new Map<string, AccountPart>();
  readonly terms = new TermPart();
  readonly #capacity: number;
  readonly #hasher: TermHasher;
  /** Whether some key holds a character that UTF-16 and UTF-8 put in different order. */
  #wide = false;
  #events = 0;
  #streams = 0;

  constructor(capacity: number, hasher: TermHasher) {
    this.#capacity = capacity;
    this.#hasher = hasher;
  }

  get events(): number {
    return this.#events;
  }

  get full(): boolean {
    return this.#events + this.terms.weight >= this.#capacity || this.#streams * eventsPerStream > this.#capacity;
  }

  /** Takes facts from position `at` of a batch on, until the batch ends or this is full; says where it stopped. */
  add(account: string, first: number, facts: FactBatch, at: number): number {
    let part = this.accounts.get(account);
    if (part === undefined) {
      part = new AccountPart(account, first + at);
      this.accounts.set(account, part);
      this.#wide ||= wideCharacter.test(account);
    }
    let i = at;
    for (; i < facts.keys.length && !this.full; i++) {
      const key = facts.keys[i]!;
      if (part.add(key, facts.times[i]!)) {
        this.#streams++;
        this.#wide ||= wideCharacter.test(key);
      }
      const terms = facts.terms?.[i];
      if (terms !== undefined && terms.length > 0) this.#addTerms(account, facts.times[i]!, first + i, terms);
      this.#events++;
    }
    return i;
  }

  #addTerms(account: string, time: number, seq: number, terms: readonly string[]): void {
    this.terms.begin(time, seq);
    for (const term of terms) this.terms.add(this.#hasher.of(account, term));
  }

  /** How the keys of this part's lists compare. */
  get compare(): (a: string, b: string) => number {
    return this.#wide ? compareKeys : (a, b) => (a < b ? -1 : a > b ? 1 : 0);
  }

  /** The lists a filter means. */
  lists(selector: Selector): NamedList[] {
    return this.accounts.get(selector.account)?.lists(selector) ?? [];
  }
}

interface StreamPart {
  readonly key: string;
  readonly fine: MemoryList;
  readonly coarse: MemoryList;
}

class AccountPart {
  readonly account: string;
  /** Seq of the first event here; the account's events of a part are consecutive. */
  readonly base: number;
  times = new Float64Array(64);
  count = 0;
  readonly #streams = new Map<string, StreamPart>();
  readonly #resources = new Map<string, StreamPart[]>();
  readonly #coarse = new Map<string, MemoryList>();

  constructor(account: string, base: number) {
    this.account = account;
    this.base = base;
  }

  /** Takes the next event, or none where the key is empty; true where its stream is new here. */
  add(key: string, time: number): boolean {
    if (key === "") {
      this.#place(0);
      this.count++;
      return false;
    }
    let stream = this.#streams.get(key);
    const isNew = stream === undefined;
    stream ??= this.#open(key);
    this.#place(time);
    stream.fine.push(this.count, time);
    stream.coarse.push(this.count, time);
    this.count++;
    return isNew;
  }

  #place(time: number): void {
    if (this.count === this.times.length) {
      const grown = new Float64Array(this.count * 2);
      grown.set(this.times);
      this.times = grown;
    }
    this.times[this.count] = time;
  }

  lists(selector: Selector): NamedList[] {
    const found: NamedList[] = [];
    if (selector.resource === undefined) {
      for (const [text, list] of this.#coarse) if (selector.matches(text)) found.push({ text, list: list.ordered() });
    } else {
      for (const { key, fine } of this.#resources.get(selector.resource) ?? [])
        if (key.startsWith(selector.within) && selector.matches(key)) found.push({ text: key, list: fine.ordered() });
    }
    return found;
  }

  /** Every stream's list. */
  *fine(): Generator<NamedList> {
    for (const { key, fine } of this.#streams.values()) yield { text: key, list: fine.ordered() };
  }

  /** Every list with the key it has in a run. */
  *keyed(): Generator<KeyedList> {
    const coarse = familyPrefix("c", this.account);
    for (const [text, list] of this.#coarse) yield { key: coarse + text, list };
    const fine = familyPrefix("f", this.account);
    for (const stream of this.#streams.values()) yield { key: fine + stream.key, list: stream.fine };
  }

  #open(key: string): StreamPart {
    const text = coarseText(key);
    let coarse = this.#coarse.get(text);
    if (coarse === undefined) {
      coarse = new MemoryList(this);
      this.#coarse.set(text, coarse);
    }
    const stream = { key, fine: new MemoryList(this), coarse };
    this.#streams.set(key, stream);
    const resource = resourceText(key);
    const siblings = this.#resources.get(resource);
    if (siblings === undefined) this.#resources.set(resource, [stream]);
    else siblings.push(stream);
    return stream;
  }
}

export interface KeyedList {
  readonly key: string;
  readonly list: MemoryList;
}

/** One list: numbers of its events within the account's part, which stand for times and seqs. */
class MemoryList extends NumberList implements RankedList {
  readonly #owner: AccountPart;

  constructor(owner: AccountPart) {
    super(owner);
    this.#owner = owner;
  }

  get firstTime(): number {
    return this.timeAt(0);
  }

  get lastTime(): number {
    return this.timeAt(this.length - 1);
  }

  rank(time: number, seq: number): number {
    const { times, base } = this.#owner;
    const order = this.order;
    const number = seq - base;
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = order[middle]!;
      const at = times[other]!;
      if (at < time || (at === time && other < number)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  estimate(time: number, seq: number): number {
    return this.rank(time, seq);
  }

  timeAt(index: number): number {
    return this.#owner.times[this.order[index]!]!;
  }

  seqAt(index: number): number {
    return this.#owner.base + this.order[index]!;
  }

  /** Up to `into.times.length` pairs from `index` on, copied; says how many. */
  copy(index: number, into: Pick<Pairs, "times" | "seqs">): number {
    const { times, base } = this.#owner;
    const count = Math.min(into.times.length, this.length - index);
    for (let i = 0; i < count; i++) {
      const number = this.order[index + i]!;
      into.times[i] = times[number]!;
      into.seqs[i] = base + number;
    }
    return count;
  }
}

/** Lists sorted at once; small enough for one slice. */
const sortedTogether = 2048;

/** All lists of a frozen part in the order of their keys. Calls `pause` between pieces of work of some milliseconds. */
export async function* inKeyOrder(part: MemoryPart, pause: () => Promise<void>): AsyncGenerator<KeyedList> {
  const { compare } = part;
  const sorted: KeyedList[][] = [];
  let piece: KeyedList[] = [];
  const close = async (): Promise<void> => {
    piece.sort((a, b) => compare(a.key, b.key));
    sorted.push(piece);
    piece = [];
    await pause();
  };
  for (const account of part.accounts.values())
    for (const keyed of account.keyed()) {
      piece.push(keyed);
      if (piece.length === sortedTogether) await close();
    }
  if (piece.length > 0) await close();
  const next = sorted.map(() => 0);
  for (;;) {
    let least: KeyedList | undefined;
    let from = -1;
    for (let i = 0; i < sorted.length; i++) {
      const candidate = sorted[i]![next[i]!];
      if (candidate !== undefined && (least === undefined || compare(candidate.key, least.key) < 0)) {
        least = candidate;
        from = i;
      }
    }
    if (least === undefined) return;
    next[from]!++;
    yield least;
  }
}
