// The rules of one source with a memory that lives in the spool: what they remember goes in as rows of key and value, in the
// commit of the events that made it, and comes back from them at the next start.

import type { MemoryRow, RuleMemory } from "../rules/rule-memory.ts";
import type { Facts, Rules } from "../rules/rules.ts";
import type { Grade } from "./item.ts";

export class SpooledRules {
  readonly #rules: Rules;
  readonly #memory: RuleMemory;

  /** @param rows what takeChanges gave, in the state of the last commit */
  constructor(rules: Rules, rows: Iterable<{ readonly key: string; readonly value: string }>) {
    this.#rules = rules;
    this.#memory = rules.memory([...rows].map(rowOf));
  }

  grade(event: Facts): Grade {
    const { risk, tags, rule } = this.#rules.judge(event, this.#memory);
    return rule === undefined ? { risk, tags } : { risk, tags, rule };
  }

  /** What is remembered otherwise than at the last call, by key; undefined: forgotten. */
  takeChanges(): ReadonlyMap<string, string | undefined> {
    return new Map(
      this.#memory
        .takeChanges()
        .map(({ rule, key, times }) => [
          JSON.stringify([rule, key]),
          times.length === 0 ? undefined : JSON.stringify(times),
        ]),
    );
  }
}

function rowOf({ key, value }: { readonly key: string; readonly value: string }): MemoryRow {
  const [rule, own] = JSON.parse(key) as [string, string];
  return { rule, key: own, times: JSON.parse(value) as number[] };
}
