// The records in a body: each as the text that stands there, because a parser must see what was sent, with its numbers and
// its spaces. A JSON object is one; an array is its elements; a Kubernetes EventList its items; anything else is taken line
// by line, which is NDJSON, and keeps what is no JSON at all. Pure.
import { isUtf8 } from "node:buffer";
import { nestsDeeperThan } from "../../event/canonical.ts";
import { elementTexts, isMembers, withoutMark } from "../../normalise/json-text.ts";
import type { RawRecord } from "../../sources/source.ts";
import { recordOf } from "../received.ts";

/** What nests deeper is no document. How deep a record may nest is its parser's to say. */
const deepest = 1_000;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/** @param read epoch milliseconds @returns none for an empty body or list */
export function recordsIn(body: Buffer, read: number): readonly RawRecord[] {
  if (isUtf8(body) && !nestsDeeperThan(body, deepest)) {
    const text = withoutMark(body.toString("utf8"));
    const value = jsonOf(text);
    if (value !== undefined) return textsOf(text, value).map((record) => ({ text: record, read }));
  }
  return linesOf(body, read);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // no JSON as a whole; undefined is no value of JSON
  }
}

function textsOf(text: string, value: unknown): readonly string[] {
  if (Array.isArray(value)) return elementTexts(`{"all":${text}}`, "all") ?? [];
  if (isMembers(value) && value.kind === "EventList" && Array.isArray(value.items))
    return elementTexts(text, "items") ?? [];
  return [text.trim()];
}

function linesOf(body: Buffer, read: number): readonly RawRecord[] {
  const records: RawRecord[] = [];
  for (let from = 0; from < body.length; ) {
    const lf = body.indexOf(lineFeed, from);
    const next = lf === -1 ? body.length : lf;
    const end = next > from && body[next - 1] === carriageReturn ? next - 1 : next;
    const record = recordOf(body.subarray(from, end), read);
    if (record.text.trim() !== "") records.push(record);
    from = next + 1;
  }
  return records;
}
