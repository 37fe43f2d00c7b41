// A file of rules, YAML, to Rules. Strict: what is not understood is refused with its line and member, so that a rule that
// is misspelt never stands there without effect. Pure.
import { isNode, LineCounter, parseDocument } from "yaml";
import { TaishiError } from "../errors.ts";
import { type Risk, risks } from "../event/event.ts";
import { labelNames } from "../event/labels.ts";
import { type ConditionContext, type Path, readCondition } from "./condition.ts";
import { defaultRules, defaultRulesName } from "./default-rules.ts";
import { type Member, type Remembering, type Rule, Rules } from "./rules.ts";

const mostBytes = 1024 * 1024;
const mostRules = 1_000;
const identifier = /^[a-z0-9][a-z0-9._-]{0,63}$/;
const shortest = 1_000;
const longest = 400 * 24 * 3_600_000;
const units: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 24 * 3_600_000 };

/**
 * @param name what the text is called in errors
 * @throws TaishiError invalid-parameter: "NAME, line N: MEMBER: why", with the member as `field`
 */
export function readRules(text: string, name: string): Rules {
  const file = new RulesFile(text, name);
  const own = file.lists();
  const lists = new Map(own);
  let builtIn: readonly Rule[] = [];
  if (file.extendsBuiltIn()) {
    const base = new RulesFile(defaultRules, defaultRulesName);
    for (const [list, items] of base.lists()) if (!lists.has(list)) lists.set(list, items);
    // The built-in rules are right: what one cannot take is in a list that the file put in place of its own.
    const fail = (_: Path, why: string): never => file.failInList(own, why);
    const without = new Set(file.without());
    const known = base.rules({ lists, fail });
    for (const id of without)
      if (!known.some((rule) => rule.id === id)) file.fail(["without"], `there is no built-in rule ${id}`);
    builtIn = known.filter(({ id }) => !without.has(id));
  } else if (file.without().length > 0) file.fail(["without"], "is for files that say extends: built-in");
  const rules = file.rules({ lists, fail: file.fail });
  // An own rule with the id of a built-in one takes its place; the others come before them.
  const byId = new Map(rules.map((rule) => [rule.id, rule]));
  const replaced = new Set(builtIn.map(({ id }) => id));
  const all = [...rules.filter(({ id }) => !replaced.has(id)), ...builtIn.map((rule) => byId.get(rule.id) ?? rule)];
  file.checkReferences(rules, all);
  return new Rules(all);
}

class RulesFile {
  readonly #name: string;
  readonly #document: ReturnType<typeof parseDocument>;
  readonly #lines = new LineCounter();
  readonly #top: Readonly<Record<string, unknown>>;

  constructor(text: string, name: string) {
    this.#name = name;
    if (text.length > mostBytes) throw refusal(`${name}: is larger than 1 MiB`, name);
    this.#document = parseDocument(text, { lineCounter: this.#lines, uniqueKeys: true, merge: false, version: "1.2" });
    const mistake = this.#document.errors[0] ?? this.#document.warnings[0];
    if (mistake !== undefined) {
      const line = mistake.linePos === undefined ? "" : `, line ${mistake.linePos[0].line}`;
      throw refusal(`${name}${line}: ${mistake.message.split("\n", 1)[0]!.replace(/ at line \d+.*$/, "")}`, name);
    }
    const top = this.#value() ?? {};
    this.#top = this.#members(top, [], ["extends", "without", "lists", "rules"]);
  }

  #value(): unknown {
    try {
      // Aliases could make a small file a huge object.
      return this.#document.toJS({ maxAliasCount: 100 });
    } catch (thrown) {
      if (thrown instanceof ReferenceError) throw refusal(`${this.#name}: ${thrown.message}`, this.#name);
      throw thrown;
    }
  }

  extendsBuiltIn(): boolean {
    const { extends: base } = this.#top;
    if (base !== undefined && base !== "built-in") this.fail(["extends"], "must be built-in");
    return base !== undefined;
  }

  without(): readonly string[] {
    return this.#top.without === undefined ? [] : this.#texts(this.#top.without, ["without"]);
  }

  lists(): ReadonlyMap<string, readonly string[]> {
    const given = this.#top.lists ?? {};
    const lists = this.#members(given, ["lists"]);
    return new Map(
      Object.entries(lists).map(([list, items]) => {
        const path = ["lists", list];
        if (!/^[A-Za-z][A-Za-z0-9_-]{0,63}$/.test(list)) this.fail(path, "must be letters, digits, - and _");
        if (!Array.isArray(items)) this.fail(path, "must be a list");
        return [list, (items as unknown[]).map((item, i) => this.#text(item, [...path, i]))];
      }),
    );
  }

  rules(context: ConditionContext): readonly Rule[] {
    const { rules: given = [] } = this.#top;
    if (!Array.isArray(given)) return this.fail(["rules"], "must be a list");
    if (given.length > mostRules) this.fail(["rules"], `must be at most ${mostRules}`);
    const rules = given.map((rule, i) => this.#rule(rule, ["rules", i], context));
    const ids = new Set<string>();
    for (const [i, { id }] of rules.entries()) {
      if (ids.has(id)) this.fail(["rules", i, "id"], `${id} is there twice`);
      ids.add(id);
    }
    return rules;
  }

  /** What only all rules together can say. */
  checkReferences(own: readonly Rule[], all: readonly Rule[]): void {
    const ids = new Set(all.map(({ id }) => id));
    const followed = new Set<string>();
    for (const { id, remembering } of all) {
      if (remembering?.kind !== "after") continue;
      const { rule } = remembering;
      followed.add(rule);
      const at = own.findIndex((each) => each.id === id);
      const path: Path = at === -1 ? ["without"] : ["rules", at, "after", "rule"];
      if (!ids.has(rule)) this.fail(path, at === -1 ? `${id} needs the rule ${rule}` : `there is no rule ${rule}`);
      if (rule === id) this.fail(path, "a rule cannot come after itself");
    }
    for (const [i, { id, risk, tags }] of own.entries())
      if (risk === undefined && tags.length === 0 && !followed.has(id))
        this.fail(["rules", i], "has no effect: it needs a risk, tags, or a rule that comes after it");
  }

  readonly fail = (path: Path, why: string): never => {
    const member = path.join(".");
    throw refusal(
      `${this.#name}${this.#line(path)}: ${member === "" ? why : `${member}: ${why}`}`,
      member || this.#name,
    );
  };

  /** Tells a mistake that a rule found in a list, at the list's item. */
  failInList(lists: ReadonlyMap<string, readonly string[]>, why: string): never {
    for (const [list, items] of lists)
      for (const [i, item] of items.entries()) if (why.includes(`"${item}"`)) return this.fail(["lists", list, i], why);
    return this.fail(["lists"], why);
  }

  #rule(given: unknown, path: Path, context: ConditionContext): Rule {
    const rule = this.#members(given, path, ["id", "when", "count", "first-seen", "after", "risk", "tags"]);
    const id = rule.id === undefined ? this.fail(path, "id is required") : this.#text(rule.id, [...path, "id"]);
    if (!identifier.test(id))
      this.fail([...path, "id"], "must be small letters, digits, -, _ and ., at most 64, a letter or digit first");
    const remembering = this.#remembering(rule, path);
    const risk = rule.risk as Risk | undefined;
    if (risk !== undefined && !risks.includes(risk)) this.fail([...path, "risk"], `must be one of ${risks.join(", ")}`);
    const tags = rule.tags === undefined ? [] : this.#texts(rule.tags, [...path, "tags"]);
    for (const tag of tags)
      if (!/^[^\p{C},]{1,64}$/u.test(tag))
        this.fail([...path, "tags"], "must be 1 to 64 characters each, without commas and control characters");
    return {
      id,
      when: this.#when(rule.when, [...path, "when"], context),
      ...(remembering === undefined ? {} : { remembering }),
      ...(risk === undefined ? {} : { risk }),
      tags,
    };
  }

  #when(given: unknown, path: Path, context: ConditionContext): Rule["when"] {
    if (given === undefined) return this.fail(path.slice(0, -1), "when is required");
    const entries = Object.entries(this.#members(given, path));
    if (entries.length === 0) this.fail(path, "must have a condition");
    return entries.map(([member, condition]) => {
      if (!["kind", "type", "tag", "risk"].includes(member) && !member.startsWith("content."))
        this.#label(member, [...path, member]);
      return [member, readCondition(condition, [...path, member], context)] as const;
    });
  }

  #remembering(rule: Readonly<Record<string, unknown>>, path: Path): Remembering | undefined {
    const [kind, ...others] = (["count", "first-seen", "after"] as const).filter((each) => rule[each] !== undefined);
    if (kind === undefined) return undefined;
    if (others.length > 0) this.fail([...path, others[0]!], `cannot stand beside ${kind}: make it two rules`);
    const more = { count: ["at-least"], "first-seen": [], after: ["rule"] }[kind];
    const inner = [...path, kind];
    const given = this.#members(rule[kind], inner, ["by", "within", ...more]);
    for (const member of ["by", "within", ...more])
      if (given[member] === undefined) this.fail(inner, `${member} is required`);
    const by = this.#texts(given.by, [...inner, "by"]);
    for (const label of by) this.#label(label, [...inner, "by"]);
    const within = this.#text(given.within, [...inner, "within"]);
    const over = { by, within, withinMs: this.#duration(within, [...inner, "within"]) };
    if (kind === "first-seen") return { kind, ...over };
    if (kind === "after") return { kind, ...over, rule: this.#text(given.rule, [...inner, "rule"]) };
    const atLeast = given["at-least"];
    if (!Number.isInteger(atLeast) || (atLeast as number) < 2 || (atLeast as number) > 100)
      this.fail([...inner, "at-least"], "must be a whole number from 2 to 100");
    return { kind, ...over, atLeast: atLeast as number };
  }

  #label(name: Member, path: Path): void {
    if ((labelNames as readonly string[]).includes(name) || /^label\../.test(name)) return;
    this.fail(path, `is no label: those are ${labelNames.join(", ")}, and label.NAME`);
  }

  #duration(text: string, path: Path): number {
    const [, number = "", unit = ""] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
    const duration = Number(number) * (units[unit] ?? 0);
    if (!(duration >= shortest && duration <= longest))
      this.fail(path, "must be a duration such as 30s, 10m, 1h or 30d, of at most 400d");
    return duration;
  }

  #members(given: unknown, path: Path, allowed?: readonly string[]): Readonly<Record<string, unknown>> {
    if (typeof given !== "object" || given === null || Array.isArray(given))
      return this.fail(path, "must have members, as NAME: VALUE");
    for (const member of Object.keys(given))
      if (allowed !== undefined && !allowed.includes(member))
        this.fail([...path, member], `is not a known member; those are ${allowed.join(", ")}`);
    return given as Readonly<Record<string, unknown>>;
  }

  #texts(given: unknown, path: Path): readonly string[] {
    if (!Array.isArray(given)) return [this.#text(given, path)];
    if (given.length === 0) this.fail(path, "must not be an empty list");
    return given.map((item, i) => this.#text(item, [...path, i]));
  }

  #text(given: unknown, path: Path): string {
    if (typeof given === "string" && given !== "") return given;
    if (typeof given === "number" && Number.isSafeInteger(given)) return String(given);
    return this.fail(path, "must be a text that is not empty");
  }

  /** Of the innermost member that is there. */
  #line(path: Path): string {
    for (let length = path.length; length > 0; length--) {
      const node = this.#document.getIn(path.slice(0, length), true);
      if (isNode(node) && node.range) return `, line ${this.#lines.linePos(node.range[0]).line}`;
    }
    return "";
  }
}

function refusal(message: string, field: string): TaishiError {
  return new TaishiError("invalid-parameter", message, { field });
}
