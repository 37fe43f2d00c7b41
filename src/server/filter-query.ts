// The parameters that say which events are meant, the same for the list, the tail, exports and counts: their schemas, and reading
// them. Every name is known or refused; nothing is guessed. Pure.
import { type TSchema, Type } from "typebox";
import { Compile } from "typebox/compile";
import { TaishiError } from "../errors.ts";
import { kinds, risks } from "../event/event.ts";
import { readTime } from "../event/time.ts";
import { address } from "../query/event-facts.ts";
import type { Match } from "../query/event-match.ts";
import type { ListRequest } from "../query/query.ts";
import type { RouteParameter } from "./route.ts";

const maxAlternatives = 100;
export const oneOf = <T extends string>(values: readonly T[]) => Type.Union(values.map((value) => Type.Literal(value)));
const list = <T extends string>(values: readonly T[], description: string) =>
  Type.Array(oneOf(values), { minItems: 1, maxItems: maxAlternatives, description });
const alternatives = "Several are alternatives: repeat the parameter or separate them with commas.";
const time = (description: string) =>
  Type.String({ minLength: 1, maxLength: 40, description: `${description} RFC 3339, or epoch milliseconds.` });

/** What a filter's parameters must look like once their text is split. */
export const filterShapes = {
  kind: list(kinds, alternatives),
  type: Type.Array(Type.String({ minLength: 1, maxLength: 128 }), {
    minItems: 1,
    maxItems: maxAlternatives,
    description: alternatives,
  }),
  risk: list(risks, alternatives),
  resourceType: Type.String({ minLength: 1, maxLength: 128 }),
  resourceId: Type.String({ minLength: 1, maxLength: 256 }),
  project: Type.String({ minLength: 1, maxLength: 256, description: "Only together with resourceId." }),
  from: time("Events at or after this time."),
  to: time("Events before this time."),
} as const;

/** What is found by looking at entries (query/event-match.ts). */
export const matchShapes = {
  q: Type.String({
    minLength: 1,
    maxLength: 256,
    description:
      "Words that must all occur, in any case, somewhere in the event or its record; several words between double quotes are one. With this, user, ip or content.KEY entries are read to find what matches: there may be no total.",
  }),
  user: Type.String({ minLength: 1, maxLength: 256, description: "Exact name of a user that the event names." }),
  ip: Type.String({ minLength: 2, maxLength: 64, description: "An address that the event has at either end." }),
} as const;

const attributePrefix = "content.";
const mostAttributes = 10;

/** How attributes are asked for; the name stands for all that begin so. */
export const attributeParameter: RouteParameter = {
  name: "content.KEY",
  in: "query",
  schema: Type.String({ minLength: 1, maxLength: 1024 }),
  description: `Exact value of a security event's content KEY, or of the member KEY of an event of another kind; up to ${mostAttributes} such parameters.`,
};

const lists: readonly string[] = ["kind", "type", "risk"];

export type Shapes = Readonly<Record<string, TSchema>>;
/** By name, what was sent: text, an integer where the shape is one, or a sorted list. */
export type Values = ReadonlyMap<string, unknown>;

export function parametersOf(shapes: Shapes): readonly RouteParameter[] {
  return Object.entries(shapes).map(([name, schema]) => ({ name, in: "query", schema }));
}

/**
 * Reads queries of these parameters; where they have `q` among them, of attributes too.
 * @returns throws TaishiError invalid-parameter with `field`
 */
export function queryReader(shapes: Shapes): (query: URLSearchParams) => Values {
  const checks = new Map(
    Object.entries(shapes).map(([name, shape]) => {
      const { type } = shape as { readonly type?: unknown };
      return [name, { shape: Compile(shape), integer: type === "integer" }] as const;
    }),
  );
  return (query) => {
    const values = new Map<string, unknown>();
    for (const name of new Set(query.keys())) {
      if ("q" in shapes && name.startsWith(attributePrefix)) {
        values.set(name, attributeValue(name, query.getAll(name)));
        continue;
      }
      const check = checks.get(name);
      if (check === undefined) throw refuse(name.slice(0, 64), "is not a known parameter");
      const value = readValue(name, query.getAll(name), check.integer);
      if (!check.shape.Check(value)) throw refuse(name, check.shape.Errors(value)[0]?.message ?? "is invalid");
      values.set(name, value);
    }
    return values;
  };
}

function readValue(name: string, sent: readonly string[], integer: boolean): unknown {
  if (lists.includes(name)) return [...new Set(sent.flatMap((text) => text.split(",")))].sort();
  if (sent.length > 1) throw refuse(name, "is given more than once");
  const text = sent[0]!;
  return integer && /^-?\d{1,15}$/.test(text) ? Number(text) : text;
}

function attributeValue(name: string, sent: readonly string[]): string {
  const field = name.slice(0, 64);
  if (name.length === attributePrefix.length || name.length > 128 + attributePrefix.length)
    throw refuse(field, "names no attribute");
  const value = readValue(field, sent, false) as string;
  if (value.length < 1 || value.length > 1024) throw refuse(field, "must have 1 to 1024 characters");
  return value;
}

/**
 * What is asked of the entries themselves; undefined where nothing is.
 * @throws TaishiError invalid-parameter with `field`
 */
export function matchOf(values: Values): Match | undefined {
  const q = values.get("q") as string | undefined;
  const user = values.get("user") as string | undefined;
  const ip = values.get("ip") as string | undefined;
  const attributes = [...values].flatMap(([name, value]) =>
    name.startsWith(attributePrefix) ? [[name.slice(attributePrefix.length), value as string] as const] : [],
  );
  if (attributes.length > mostAttributes) throw refuse("content", `is given more than ${mostAttributes} times`);
  checkAddress(ip);
  const words = q === undefined ? undefined : wordsOf(q);
  if (words?.length === 0) throw refuse("q", "has no word");
  if (words === undefined && user === undefined && ip === undefined && attributes.length === 0) return undefined;
  return {
    ...(words === undefined ? {} : { words }),
    ...(user === undefined ? {} : { user }),
    ...(ip === undefined ? {} : { ip }),
    ...(attributes.length === 0 ? {} : { attributes: attributes.sort(([a], [b]) => (a < b ? -1 : 1)) }),
  };
}

/** @throws TaishiError invalid-parameter (ip) */
export function checkAddress(ip: string | undefined): void {
  if (ip !== undefined && address(ip) === undefined) throw refuse("ip", "is not an IP address");
}

/** `failed "for root"` is two words. */
function wordsOf(q: string): readonly string[] {
  const found = q.match(/"[^"]*"|[^\s"]+/g) ?? [];
  return [...new Set(found.map((word) => word.replaceAll('"', "")).filter((word) => word.trim() !== ""))];
}

/** @throws TaishiError invalid-parameter with `field` */
export function filterOf(values: Values, account: string): ListRequest["filter"] {
  const bound = (name: "from" | "to"): number | undefined => {
    const text = values.get(name) as string | undefined;
    if (text === undefined) return undefined;
    return readTime(/^-?\d+$/.test(text) ? Number(text) : text, name);
  };
  const filter = {
    kinds: values.get("kind"),
    types: values.get("type"),
    risks: values.get("risk"),
    resourceType: values.get("resourceType"),
    resourceId: values.get("resourceId"),
    project: values.get("project"),
    from: bound("from"),
    to: bound("to"),
  };
  if (filter.project !== undefined && filter.resourceId === undefined)
    throw refuse("project", "needs resourceId beside it");
  if (filter.from !== undefined && filter.to !== undefined && filter.from > filter.to)
    throw refuse("from", "is after to");
  const given = Object.entries(filter).filter(([, value]) => value !== undefined);
  // The caller's own account and nothing else (I7).
  return { account, ...Object.fromEntries(given) };
}

export function refuse(field: string, why: string): TaishiError {
  return new TaishiError("invalid-parameter", `${field}: ${why}`, { field });
}
