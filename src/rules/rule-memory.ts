// What rules remember of events that are gone: times, by rule and by the values that are counted apart. Owns the bounds;
// knows neither rules nor files. Its owner keeps the changes in the same transaction as the events that made them, so that
// after any crash it remembers exactly the events that are kept.

/** Of each rule: beyond this the key that was longest without an event is forgotten. */
export const mostKeys = 10_000;

/** What a rule knows under one key; no times: it is forgotten. */
export interface MemoryRow {
  readonly rule: string;
  /** Opaque; at most about 1,000 characters. */
  readonly key: string;
  /** Epoch milliseconds in the order of arrival, which is not that of the times. */
  readonly times: readonly number[];
}

export class RuleMemory {
  /** Keys in the order of their last event. */
  readonly #rules: ReadonlyMap<string, Map<string, readonly number[]>>;
  readonly #changed = new Map<string, Set<string>>();
  readonly #mostKeys: number;

  /** @param rules ids of those that remember */
  constructor(rules: Iterable<string>, limits: { readonly mostKeys?: number } = {}) {
    this.#rules = new Map([...rules].map((rule) => [rule, new Map<string, readonly number[]>()]));
    this.#mostKeys = limits.mostKeys ?? mostKeys;
  }

  /** Goes on from rows kept before. Those of rules that are no more become changes: they are forgotten. */
  load(rows: Iterable<MemoryRow>): void {
    // Their order is not kept: the last times stand for it.
    const byLast = [...rows].sort((a, b) => (a.times.at(-1) ?? 0) - (b.times.at(-1) ?? 0));
    for (const { rule, key, times } of byLast) {
      const known = this.#rules.get(rule);
      if (known === undefined) this.#change(rule, key);
      else this.#put(known, rule, key, times);
    }
  }

  times(rule: string, key: string): readonly number[] {
    return this.#rules.get(rule)?.get(key) ?? [];
  }

  /** @param most how many of the latest arrivals are kept */
  add(rule: string, key: string, time: number, most: number): void {
    const known = this.#rules.get(rule);
    if (known === undefined) throw new Error(`no rule ${rule} remembers anything`);
    const times = [...(known.get(key) ?? []), time].slice(-most);
    this.#put(known, rule, key, times);
    this.#change(rule, key);
  }

  /** What is otherwise than at the last call. */
  takeChanges(): readonly MemoryRow[] {
    const rows = [...this.#changed].flatMap(([rule, keys]) =>
      [...keys].map((key) => ({ rule, key, times: this.times(rule, key) })),
    );
    this.#changed.clear();
    return rows;
  }

  #put(known: Map<string, readonly number[]>, rule: string, key: string, times: readonly number[]): void {
    known.delete(key);
    known.set(key, times);
    for (const oldest of known.keys()) {
      if (known.size <= this.#mostKeys) break;
      known.delete(oldest);
      this.#change(rule, oldest);
    }
  }

  #change(rule: string, key: string): void {
    const keys = this.#changed.get(rule) ?? new Set();
    keys.add(key);
    this.#changed.set(rule, keys);
  }
}
