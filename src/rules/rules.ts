// What an event means to a detector: its risk, its tags, and the rule that said so. Pure but for the memory it is given: the
// same events in the same order give the same judgements. The language is described in docs/rules.md.
//
// Every rule looks at every event. The first one that holds and has a risk decides; rules without a risk only add their tags.
// A rule that remembers (count, first-seen, after) remembers whatever another rule decided.
import { createHash } from "node:crypto";
import type { Content, Risk } from "../event/event.ts";
import type { Labels } from "../event/labels.ts";
import { type Condition, shownValues } from "./condition.ts";
import { type MemoryRow, RuleMemory } from "./rule-memory.ts";

/** What rules know of an event. */
export interface Facts {
  readonly kind: "security" | "trail" | "database";
  readonly type: string;
  readonly time: number;
  /** The origin's own grading. */
  readonly risk?: Risk;
  readonly labels: Labels;
  /** The source's own. */
  readonly tags: readonly string[];
  readonly contents?: readonly Content[];
}

export interface Judgement {
  readonly risk: Risk;
  /** To go before the event's own; each once. */
  readonly tags: readonly string[];
  /** The rule that decided the risk; absent where none did and the risk is the origin's, or Info. */
  readonly rule?: string;
  /** What each rule said that is for events of this type, in order; empty unless asked for. */
  readonly reasons: readonly Reason[];
}

export interface Reason {
  readonly rule: string;
  readonly holds: boolean;
  /** Why not, or what made it hold. */
  readonly why: string;
}

/** Of several events, told apart by the values of labels. */
interface Over {
  readonly by: readonly Member[];
  readonly withinMs: number;
  /** As written, e.g. "10m". */
  readonly within: string;
}

export type Remembering =
  | (Over & { readonly kind: "count"; readonly atLeast: number })
  | (Over & { readonly kind: "first-seen" })
  | (Over & { readonly kind: "after"; readonly rule: string });

export interface Rule {
  readonly id: string;
  readonly when: readonly (readonly [member: Member, condition: Condition])[];
  readonly remembering?: Remembering;
  readonly risk?: Risk;
  readonly tags: readonly string[];
}

/** What a condition is about: "kind", "type", "tag", "risk", "content.NAME", or a label. */
export type Member = string;

/** Under how many different types rules are looked up at once; sources that map types freely cannot make it grow. */
const mostTypes = 1_000;
/** A key of more characters is remembered by its digest. */
const longestKey = 512;

export class Rules {
  readonly all: readonly Rule[];
  readonly #byType = new Map<string, readonly Rule[]>();
  readonly #followers = new Map<string, Rule[]>();

  constructor(rules: readonly Rule[]) {
    this.all = rules;
    for (const rule of rules)
      if (rule.remembering?.kind === "after")
        this.#followers.set(rule.remembering.rule, [...(this.#followers.get(rule.remembering.rule) ?? []), rule]);
  }

  /** A memory for these rules that goes on from what was kept. */
  memory(rows: Iterable<MemoryRow> = []): RuleMemory {
    const memory = new RuleMemory(this.all.filter(({ remembering }) => remembering !== undefined).map(({ id }) => id));
    memory.load(rows);
    return memory;
  }

  judge(facts: Facts, memory: RuleMemory, { explain = false } = {}): Judgement {
    const reasons: Reason[] = [];
    const tags = new Set<string>();
    const held: Rule[] = [];
    let decided: (Rule & { readonly risk: Risk }) | undefined;
    for (const rule of this.#candidates(facts)) {
      const unmet = rule.when.find(([member, condition]) => !condition.holds(valuesOf(facts, member)));
      const remembered = unmet === undefined ? remember(rule, facts, memory, explain) : undefined;
      const holds = unmet === undefined && remembered!.holds;
      if (explain)
        reasons.push({ rule: rule.id, holds, why: unmet === undefined ? remembered!.why : said(unmet, facts) });
      if (!holds) continue;
      held.push(rule);
      if (hasRisk(rule)) {
        if (decided !== undefined) continue;
        decided = rule;
      }
      for (const tag of rule.tags) tags.add(tag);
    }
    // Only now: a rule that follows another does not follow on the same event.
    for (const { id } of held)
      for (const { id: follower, remembering } of this.#followers.get(id) ?? []) {
        const key = keyOf(remembering!.by, facts);
        if (typeof key === "string") memory.add(follower, key, facts.time, 2);
      }
    return {
      risk: decided?.risk ?? facts.risk ?? "Info",
      tags: [...tags],
      ...(decided === undefined ? {} : { rule: decided.id }),
      reasons,
    };
  }

  /** The rules that an event of this kind and type can meet. */
  #candidates({ kind, type }: Facts): readonly Rule[] {
    const key = `${kind}/${type}`;
    let rules = this.#byType.get(key);
    if (rules === undefined) {
      const values: Readonly<Record<string, string>> = { kind, type };
      rules = this.all.filter(({ when }) =>
        when.every(([member, condition]) => values[member] === undefined || condition.holds([values[member]])),
      );
      if (this.#byType.size < mostTypes) this.#byType.set(key, rules);
    }
    return rules;
  }
}

function hasRisk(rule: Rule): rule is Rule & { readonly risk: Risk } {
  return rule.risk !== undefined;
}

function valuesOf(facts: Facts, member: Member): readonly string[] {
  if (member === "kind" || member === "type") return [facts[member]];
  if (member === "tag") return facts.tags;
  if (member === "risk") return facts.risk === undefined ? [] : [facts.risk];
  if (member.startsWith("content.")) {
    const name = member.slice("content.".length);
    return (facts.contents ?? []).filter(({ key, value }) => key === name && value !== "").map(({ value }) => value);
  }
  const value = facts.labels[member as keyof Labels];
  return value === undefined || value === "" ? [] : [value];
}

/** Remembers the event, and says whether what was remembered before it makes the rule hold; why only where it is asked. */
function remember(
  { id, remembering }: Rule,
  facts: Facts,
  memory: RuleMemory,
  explain: boolean,
): { readonly holds: boolean; readonly why: string } {
  if (remembering === undefined) return unconditional;
  const { kind, by, within, withinMs } = remembering;
  const key = keyOf(by, facts);
  if (typeof key === "object")
    return { holds: false, why: explain ? `${key.missing} is not known, and events are told apart by it` : "" };
  const near = memory.times(id, key).filter((time) => Math.abs(time - facts.time) <= withinMs).length;
  const told = (holds: boolean, why: (apart: string) => string): { readonly holds: boolean; readonly why: string } => {
    if (!explain) return { holds, why: "" };
    return { holds, why: why(by.map((member) => `${member} ${shownValues(valuesOf(facts, member))}`).join(", ")) };
  };
  if (kind === "after") {
    const held = near > 0 ? "held" : "did not hold";
    return told(near > 0, (apart) => `${remembering.rule} ${held} for ${apart} within ${within}`);
  }
  if (kind === "first-seen") {
    memory.add(id, key, facts.time, 4);
    return told(near === 0, (apart) => `${apart} was ${near === 0 ? "not " : ""}seen within ${within}`);
  }
  // Twice as many as are asked for: strays with impossible times do not push the others out at once.
  memory.add(id, key, facts.time, 2 * remembering.atLeast);
  const many = near + 1 >= 2 * remembering.atLeast ? `at least ${near + 1}` : String(near + 1);
  return told(
    near + 1 >= remembering.atLeast,
    (apart) => `${many} of ${apart} within ${within}; asked are ${remembering.atLeast}`,
  );
}

const unconditional = { holds: true, why: "all conditions hold" } as const;

function keyOf(by: readonly Member[], facts: Facts): string | { readonly missing: Member } {
  const parts: string[] = [];
  for (const member of by) {
    const [value] = valuesOf(facts, member);
    if (value === undefined) return { missing: member };
    parts.push(member, value);
  }
  const key = JSON.stringify(parts);
  return key.length <= longestKey ? key : `sha256:${createHash("sha256").update(key).digest("hex")}`;
}

function said([member, condition]: readonly [Member, Condition], facts: Facts): string {
  return `${member} is ${shownValues(valuesOf(facts, member))}; asked is ${condition.says}`;
}
