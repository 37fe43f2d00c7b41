// One condition on one member of an event: how it is written, when it holds, how it is told. The rules and the resource
// mapping share it. A member has no value, one, or several (tags): a condition holds where one of them fits.
import { Networks } from "./networks.ts";
import { Pattern } from "./pattern.ts";

export interface Condition {
  holds(values: readonly string[]): boolean;
  /** The end of a sentence "asked is …". */
  readonly says: string;
  /** Where the condition is one regular expression and nothing else: its groups can be used. */
  readonly pattern?: Pattern;
}

/** Where in what is read a mistake is: members and positions from the top. */
export type Path = readonly (string | number)[];

export interface ConditionContext {
  /** Lists that `$name` means. */
  readonly lists: ReadonlyMap<string, readonly string[]>;
  readonly fail: (path: Path, why: string) => never;
}

const operators = ["equals", "in", "glob", "regex", "cidr", "port", "present", "not"] as const;
type Operator = (typeof operators)[number];

/** @param given what stands in the file: a text, a list of texts, or an object with one operator */
export function readCondition(given: unknown, path: Path, context: ConditionContext): Condition {
  if (typeof given !== "object" || given === null || Array.isArray(given)) return oneOf(texts(given, path, context));
  const members = Object.keys(given);
  const operator = members[0] as Operator;
  const strange = members.find((member) => !(operators as readonly string[]).includes(member));
  if (strange !== undefined) context.fail([...path, strange], `is not an operator; those are ${operators.join(", ")}`);
  if (members.length !== 1) context.fail(path, `must have one operator: ${operators.join(", ")}`);
  return byOperator[operator]((given as Record<string, unknown>)[operator], [...path, operator], context);
}

type Reader = (operand: unknown, path: Path, context: ConditionContext) => Condition;

const byOperator: Readonly<Record<Operator, Reader>> = {
  equals: (operand, path, context) => oneOf([text(operand, path, context)]),
  in: (operand, path, context) => oneOf(texts(operand, path, context)),
  glob: (operand, path, context) => {
    const globs = texts(operand, path, context);
    return {
      holds: (values) => values.some((value) => globs.some((glob) => fitsGlob(glob, value))),
      says: `like ${shownList(globs)}`,
    };
  },
  regex: (operand, path, context) => {
    const sources = texts(operand, path, context);
    const patterns = sources.map((source) => attempt(() => new Pattern(source), path, context));
    return {
      holds: (values) => values.some((value) => patterns.some((pattern) => pattern.test(value))),
      says: `matching ${sources.map((source) => `/${source}/`).join(" or ")}`,
      ...(patterns.length === 1 ? { pattern: patterns[0]! } : {}),
    };
  },
  cidr: (operand, path, context) => {
    const given = texts(operand, path, context);
    const networks = attempt(() => new Networks(given), path, context);
    return { holds: (values) => values.some((value) => networks.has(value)), says: `within ${shownList(given)}` };
  },
  port: (operand, path, context) => {
    const given = texts(operand, path, context);
    const ranges = given.map((range) => {
      const [, from = "", to] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(range) ?? [];
      const [low, high] = [Number(from), Number(to ?? from)];
      if (from === "" || low > high || high > 65_535)
        context.fail(path, `"${range}" is neither a port nor a range such as 8000-8999`);
      return [low, high] as const;
    });
    const fits = (value: string): boolean =>
      /^\d{1,5}$/.test(value) && ranges.some(([low, high]) => Number(value) >= low && Number(value) <= high);
    return { holds: (values) => values.some(fits), says: `of ports ${shownList(given)}` };
  },
  present: (operand, path, context) => {
    if (typeof operand !== "boolean") return context.fail(path, "must be true or false");
    return {
      holds: (values) => values.length > 0 === operand,
      says: operand ? "that it is known" : "that it is not known",
    };
  },
  not: (operand, path, context) => {
    const { holds, says } = readCondition(operand, path, context);
    return { holds: (values) => !holds(values), says: `not ${says}` };
  },
};

function oneOf(wanted: readonly string[]): Condition {
  const set = new Set(wanted);
  return { holds: (values) => values.some((value) => set.has(value)), says: shownList(wanted) };
}

/** `*` is any characters, `?` one; the whole text must fit. In time of at most both lengths multiplied. */
export function fitsGlob(glob: string, text: string): boolean {
  let [g, t, star, resume] = [0, 0, -1, 0];
  while (t < text.length) {
    if (glob[g] === "*") {
      star = g++;
      resume = t;
    } else if (g < glob.length && (glob[g] === "?" || glob[g] === text[t])) {
      g++;
      t++;
    } else if (star >= 0) {
      g = star + 1;
      t = ++resume;
    } else return false;
  }
  while (glob[g] === "*") g++;
  return g === glob.length;
}

function texts(given: unknown, path: Path, context: ConditionContext): readonly string[] {
  if (!Array.isArray(given)) return listed(text(given, path, context), path, context);
  if (given.length === 0) context.fail(path, "must not be an empty list");
  return given.flatMap((item, i) => listed(text(item, [...path, i], context), [...path, i], context));
}

/** What `$name` means; `$$` at the beginning is a dollar. */
function listed(given: string, path: Path, { lists, fail }: ConditionContext): readonly string[] {
  if (given.startsWith("$$")) return [given.slice(1)];
  if (!/^\$[A-Za-z]/.test(given)) return [given];
  const list = lists.get(given.slice(1));
  return list ?? fail(path, `there is no list ${given.slice(1)}`);
}

function text(given: unknown, path: Path, { fail }: ConditionContext): string {
  if (typeof given === "string" && given !== "") return given;
  // Ports and pids look like numbers.
  if (typeof given === "number" && Number.isSafeInteger(given)) return String(given);
  return fail(path, "must be a text that is not empty");
}

function attempt<Made>(make: () => Made, path: Path, { fail }: ConditionContext): Made {
  try {
    return make();
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return fail(path, thrown.message);
    throw thrown;
  }
}

const mostShown = 5;

function shownList(items: readonly string[]): string {
  if (items.length === 0) return "one of an empty list";
  const rest = items.length - mostShown;
  return items.slice(0, mostShown).join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}

/** A value as an explanation shows it. */
export function shownValues(values: readonly string[]): string {
  if (values.length === 0) return "not known";
  const all = values.join(", ");
  return all.length > 200 ? `${all.slice(0, 200).toWellFormed()}…` : all;
}
