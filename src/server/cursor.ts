// Cursors of the own API: where a walk through a list stands. Opaque to callers, bound to the account, the filter and
// the order they came from, so that one cannot be continued as another. They hold nothing that its caller may not see
// (I7) and need no secret: a forged position only moves within what the caller may read anyway.
import { hash } from "node:crypto";
import { TaishiError } from "../errors.ts";
import { canonicalJson } from "../event/canonical.ts";
import type { Match } from "../query/event-match.ts";
import type { ListRequest } from "../query/query.ts";

/** The time and seq after which a list goes on. */
export interface CursorPosition {
  readonly time: number;
  readonly seq: number;
}

type Query = Pick<ListRequest, "filter" | "order"> & { readonly match?: Match | undefined };

const version = 1;

export function writeCursor(query: Query, { time, seq }: CursorPosition): string {
  return Buffer.from(`${version}.${digest(query)}.${time}.${seq}`).toString("base64url");
}

/** @throws TaishiError invalid-parameter where the text is no cursor or belongs to another query */
export function readCursor(query: Query, text: string): CursorPosition {
  const match = /^1\.([0-9a-f]{16})\.(\d{1,15})\.(\d{1,16})$/.exec(Buffer.from(text, "base64url").toString("latin1"));
  const time = Number(match?.[2]);
  const seq = Number(match?.[3]);
  if (match === null || !Number.isSafeInteger(seq) || writeCursor(query, { time, seq }) !== text)
    throw new TaishiError("invalid-parameter", "cursor: was not given for this query", { field: "cursor" });
  return { time, seq };
}

function digest({ filter, order, match }: Query): string {
  const known = Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
  return hash(
    "sha256",
    canonicalJson({ filter: known, order, ...(match === undefined ? {} : { match }) }),
    "hex",
  ).slice(0, 16);
}
