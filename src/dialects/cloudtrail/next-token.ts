// The NextToken of LookupEvents: where a reading stands, sealed so that only we can have made it, for this account and
// these parameters. It holds no secret; what it may never do is carry a reading into another account or query (I7).
import { createHmac, type KeyObject, timingSafeEqual } from "node:crypto";
import type { LookupEvents } from "./decode.ts";
import { refuse } from "./errors.ts";

/** A reading: its window and size were settled with the first page and hold for all. */
export interface Reading {
  /** Epoch milliseconds, inclusive. */
  readonly from: number;
  /** Epoch milliseconds, exclusive. */
  readonly to: number;
  /** Only entries below this number belong to the reading. */
  readonly size: number;
  /** What comes strictly after this, in descending order, is next. */
  readonly after: { readonly time: number; readonly seq: number };
}

/** Changes whenever the token's form does: a token of another form is refused, not misread. */
const form = "cloudtrail/1";
const members = 5;

/** What a token is bound to: MaxResults is not in it, and neither is the order of conditions. */
type Bound = Pick<LookupEvents, "conditions" | "start" | "end">;

export function sealToken(key: KeyObject, account: string, asked: Bound, reading: Reading): string {
  const { from, to, size, after } = reading;
  const payload = Buffer.from(JSON.stringify([from, to, size, after.time, after.seq]));
  return `${payload.toString("base64url")}.${seal(key, account, asked, payload).toString("base64url")}`;
}

/** @throws CloudTrailError InvalidParameter where the token is cut, altered, of another query or another account */
export function openToken(key: KeyObject, account: string, asked: Bound, token: string): Reading {
  const [first = "", second = "", ...rest] = token.split(".");
  const payload = Buffer.from(first, "base64url");
  const claimed = Buffer.from(second, "base64url");
  const right = seal(key, account, asked, payload);
  // Decoding is lenient: only the one spelling that we write is taken.
  const spelled = `${payload.toString("base64url")}.${claimed.toString("base64url")}` === token;
  if (rest.length > 0 || !spelled || claimed.length !== right.length || !timingSafeEqual(claimed, right))
    throw refuse("InvalidParameter", "NextToken");
  const numbers = JSON.parse(payload.toString()) as readonly number[];
  if (numbers.length !== members) throw refuse("InvalidParameter", "NextToken");
  const [from, to, size, time, seq] = numbers as [number, number, number, number, number];
  return { from, to, size, after: { time, seq } };
}

function seal(key: KeyObject, account: string, { conditions, start, end }: Bound, payload: Buffer): Buffer {
  const terms = [...new Set(conditions.map(({ key: name, value }) => JSON.stringify([name, value])))].sort();
  const bound = JSON.stringify([form, account, terms, start ?? null, end ?? null]);
  // The text of a JSON array ends where its bracket closes, so nothing can be moved between the two parts.
  return createHmac("sha256", key).update(bound).update(payload).digest();
}
