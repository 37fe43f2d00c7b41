// The parameters of GET /api/v1/events: their schemas, and reading them. Every name is known or refused; nothing is
// guessed. Pure.
import { Type } from "typebox";
import { Compile } from "typebox/compile";
import { TaishiError } from "../errors.ts";
import { kinds, risks } from "../event/event.ts";
import { readTime } from "../event/time.ts";
import type { ListRequest } from "../query/query.ts";
import { readCursor } from "./cursor.ts";
import type { RouteParameter } from "./route.ts";

const maxAlternatives = 100;
const oneOf = <T extends string>(values: readonly T[]) => Type.Union(values.map((value) => Type.Literal(value)));
const list = <T extends string>(values: readonly T[], description: string) =>
  Type.Array(oneOf(values), { minItems: 1, maxItems: maxAlternatives, description });
const alternatives = "Several are alternatives: repeat the parameter or separate them with commas.";
const time = (description: string) =>
  Type.String({ minLength: 1, maxLength: 40, description: `${description} RFC 3339, or epoch milliseconds.` });

/** What the query must look like once its text is split and its integers are read. */
const shapes = {
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
  order: Type.Union([Type.Literal("asc"), Type.Literal("desc")], {
    default: "desc",
    description: "By time, then number; desc is the exact reverse.",
  }),
  limit: Type.Integer({ minimum: 1, maximum: 1000, default: 100 }),
  cursor: Type.String({
    minLength: 1,
    maxLength: 256,
    description: "The `next` of the answer before, with the same filter and order.",
  }),
  page: Type.Integer({ minimum: 1, maximum: 2 ** 31 - 1, description: "From 1; not together with cursor." }),
};
type Name = keyof typeof shapes;

const lists: readonly string[] = ["kind", "type", "risk"];
const integers: readonly string[] = ["limit", "page"];
const checks = new Map(Object.entries(shapes).map(([name, shape]) => [name, Compile(shape)]));

export const listParameters: readonly RouteParameter[] = Object.entries(shapes).map(([name, schema]) => ({
  name,
  in: "query",
  schema,
}));

/**
 * The question that a query string of one account asks.
 * @throws TaishiError invalid-parameter with `field`
 */
export function readListQuery(query: URLSearchParams, account: string): ListRequest {
  const values = new Map<Name, unknown>();
  for (const name of new Set(query.keys())) {
    const check = checks.get(name);
    if (check === undefined) throw refuse(name.slice(0, 64), "is not a known parameter");
    const value = readValue(name, query.getAll(name));
    if (!check.Check(value)) throw refuse(name, check.Errors(value)[0]?.message ?? "is invalid");
    values.set(name as Name, value);
  }
  const filter = readFilter(values, account);
  const order = (values.get("order") as ListRequest["order"] | undefined) ?? "desc";
  const limit = (values.get("limit") as number | undefined) ?? 100;
  const page = values.get("page") as number | undefined;
  const cursor = values.get("cursor") as string | undefined;
  if (cursor === undefined) return { filter, order, window: { offset: ((page ?? 1) - 1) * limit, limit } };
  if (page !== undefined) throw refuse("page", "cannot be given together with cursor");
  return { filter, order, window: { after: readCursor({ filter, order }, cursor), limit } };
}

function readValue(name: string, sent: readonly string[]): unknown {
  if (lists.includes(name)) return [...new Set(sent.flatMap((text) => text.split(",")))].sort();
  if (sent.length > 1) throw refuse(name, "is given more than once");
  const text = sent[0]!;
  return integers.includes(name) && /^-?\d{1,15}$/.test(text) ? Number(text) : text;
}

function readFilter(values: ReadonlyMap<Name, unknown>, account: string): ListRequest["filter"] {
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

function refuse(field: string, why: string): TaishiError {
  return new TaishiError("invalid-parameter", `${field}: ${why}`, { field });
}
