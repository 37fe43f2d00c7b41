// The parameters of a call as its record keeps them: JSON text without secrets, cut to a bound. Pure. Errs on the side of
// removing: whatever is named like a secret goes, whatever it holds.
import { isObject, type JsonObject } from "./operation.ts";
import type { QueryParameter } from "./query-string.ts";

/** Bytes of UTF-8 that are kept. */
export const longestParameters = 4096;
const removed = "***";
/** Names of what is secret with everything in it. */
const secret = /token|secret|credential|signature|authorization|private|^(?:sk|ak_?sk)$/i;
/** Names of what is secret but for the `user` in it: a login's body has an object of this name, which says who asks. */
const password = /passw|pwd|passphrase/i;

export interface RecordedCall {
  readonly params: Readonly<Record<string, string>>;
  readonly query: readonly QueryParameter[];
  readonly body?: JsonObject | undefined;
}

/** Undefined where there is nothing to tell. */
export function recordedParameters({ params, query, body }: RecordedCall): string | undefined {
  const all: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const [name, value] of Object.entries(params)) all[name] = value;
  for (const { name, value } of query) {
    const before = all[name];
    all[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value];
  }
  for (const [name, value] of Object.entries(body ?? {})) all[name] = value;
  if (Object.keys(all).length === 0) return undefined;
  return cut(JSON.stringify(clean(all, "")), longestParameters);
}

/** Recursion is bounded: bodies nested deeper than 64 are refused before they are parsed. */
function clean(value: unknown, name: string): unknown {
  if (secret.test(name)) return removed;
  const hides = password.test(name);
  if (isObject(value))
    return Object.fromEntries(
      Object.entries(value).map(([member, item]) => [
        member,
        hides && !(member === "user" && isObject(item)) ? removed : clean(item, member),
      ]),
    );
  if (hides) return removed;
  return Array.isArray(value) ? value.map((item) => clean(item, "")) : value;
}

/** To a number of bytes of UTF-8, never in the middle of a character. */
function cut(text: string, bytes: number): string {
  const all = Buffer.from(text, "utf8");
  if (all.length <= bytes) return text;
  let end = bytes;
  while (end > 0 && (all[end]! & 0xc0) === 0x80) end--;
  return all.subarray(0, end).toString("utf8");
}
