// The parameters of GET /api/v1/events: which events (filter-query.ts), in which order, and which page of them. Pure.
import { Type } from "typebox";
import type { Match } from "../query/event-match.ts";
import type { ListRequest } from "../query/query.ts";
import { readCursor } from "./cursor.ts";
import {
  attributeParameter,
  filterOf,
  filterShapes,
  matchOf,
  matchShapes,
  parametersOf,
  queryReader,
  refuse,
} from "./filter-query.ts";

const shapes = {
  ...filterShapes,
  ...matchShapes,
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
const read = queryReader(shapes);

export const listParameters = [...parametersOf(shapes), attributeParameter];

/** A question to the list; with `match` it is a search. */
export interface ListQuestion extends ListRequest {
  readonly match: Match | undefined;
}

/**
 * The question that a query string of one account asks.
 * @throws TaishiError invalid-parameter with `field`
 */
export function readListQuery(query: URLSearchParams, account: string): ListQuestion {
  const values = read(query);
  const filter = filterOf(values, account);
  const match = matchOf(values);
  const order = (values.get("order") as ListRequest["order"] | undefined) ?? "desc";
  const limit = (values.get("limit") as number | undefined) ?? 100;
  const page = values.get("page") as number | undefined;
  const cursor = values.get("cursor") as string | undefined;
  if (match !== undefined && page !== undefined)
    throw refuse("page", "cannot be given together with q, user, ip or content.KEY: go on with the cursor");
  if (cursor === undefined) return { filter, match, order, window: { offset: ((page ?? 1) - 1) * limit, limit } };
  if (page !== undefined) throw refuse("page", "cannot be given together with cursor");
  return { filter, match, order, window: { after: readCursor({ filter, match, order }, cursor), limit } };
}
