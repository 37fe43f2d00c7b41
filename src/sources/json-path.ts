// Paths to a member of a JSON value: the part of JSONPath (RFC 9535) that names exactly one. "$" is the record and may be left
// out: $.a.b, a.b, $['a.b'], $["a"][0]. No wildcards, filters, slices or negative indexes.
import { TaishiError } from "../errors.ts";
import { isMembers } from "./json-record.ts";

export type JsonPath = readonly (string | number)[];

const step =
  /(?:\.|^)([\p{L}_@][\p{L}\p{N}_@-]*)|\[(0|[1-9]\d{0,8})\]|\[('(?:[^'\\]|\\['\\])*'|"(?:[^"\\]|\\["\\])*")\]/uy;

/** @param field names the path's place in refusals @throws TaishiError invalid-parameter */
export function readPath(text: string, field: string): JsonPath {
  const path: (string | number)[] = [];
  let at = text.startsWith("$") ? 1 : 0;
  while (at < text.length) {
    step.lastIndex = at;
    const match = step.exec(text);
    if (match === null)
      throw new TaishiError(
        "invalid-parameter",
        `${field}: is no path at character ${at + 1}: ${text.slice(at, at + 20)}`,
        {
          field,
        },
      );
    path.push(match[1] ?? (match[2] === undefined ? match[3]!.slice(1, -1).replace(/\\(.)/g, "$1") : Number(match[2])));
    at = step.lastIndex;
  }
  return path;
}

/** What is there; undefined where nothing is. */
export function valueAt(record: unknown, path: JsonPath): unknown {
  let value = record;
  for (const name of path) {
    if (typeof name === "number") value = Array.isArray(value) ? (value as readonly unknown[])[name] : undefined;
    else value = isMembers(value) && Object.hasOwn(value, name) ? value[name] : undefined;
    if (value === undefined) return undefined;
  }
  return value;
}
