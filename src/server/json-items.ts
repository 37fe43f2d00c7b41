// Finds the events in a body without building anything: where each begins and ends, so that one event is parsed at a
// time and a hostile body can cost no more than one event may. Decides nothing about their content; JSON.parse judges
// every slice, and a body whose slices are all valid is valid as a whole. RFC 8259; NDJSON: one value a line.

import { TaishiError } from "../errors.ts";
import { maxDepth } from "../event/canonical.ts";

/**
 * Called for each event in order: bytes start up to end of the body. `surrogates` says that the text holds an escape in
 * the surrogate range, so that the parsed strings may hold a lone one.
 */
export type ItemVisitor = (start: number, end: number, surrogates: boolean) => void;

/** Commas, braces and brackets of one event; a thousand contents need some three thousand. */
const maxMarks = 100_000;

const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const backslash = 0x5c;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/** What one look at a value found; a single object is reused, because this runs for every event. */
interface Found {
  end: number;
  surrogates: boolean;
}

/**
 * Looks at the value at `from` up to a comma, a closing bracket or brace that is not its own, or `limit`.
 * @throws TaishiError invalid-parameter where it is nested too deep or has too many members
 */
function scanValue(bytes: Uint8Array, from: number, limit: number, index: number, found: Found): void {
  let depth = 0;
  let marks = 0;
  let surrogates = false;
  let at = from;
  // Half of the cost of finding events is in these loops: strings are walked in place, and one comparison sorts out
  // most of the rest.
  for (; at < limit; at++) {
    const byte = bytes[at]!;
    if (byte === quote) {
      for (at++; at < limit; at++) {
        const inside = bytes[at];
        if (inside === quote) break;
        if (inside === backslash && startsSurrogate(bytes, ++at)) surrogates = true;
      }
    } else if (byte >= openBracket) {
      const shape = byte | 0x20; // brackets become braces
      if (shape === openBrace) {
        if (++depth > maxDepth) throw tooComplex(index, `is nested deeper than ${maxDepth}`);
        marks++;
      } else if (shape === closeBrace) {
        if (depth === 0) break;
        depth--;
      }
    } else if (byte === comma) {
      if (depth === 0) break;
      if (++marks > maxMarks) throw tooComplex(index, "has more members than an event may");
    }
  }
  found.end = Math.min(at, limit);
  found.surrogates = surrogates;
}

/** Whether the escape whose second character is at `at` is one of \uD800 to \uDFFF. */
function startsSurrogate(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 0x75 && (bytes[at + 1]! | 0x20) === 0x64 && bytes[at + 2]! >= 0x38;
}

/** The position of the quote that ends the string beginning at `at`, or `limit`. */
function stringEnd(bytes: Uint8Array, at: number, limit: number): number {
  for (let i = at + 1; i < limit; i++) {
    if (bytes[i] === quote) return i;
    if (bytes[i] === backslash) i++;
  }
  return limit;
}

function tooComplex(index: number, why: string): TaishiError {
  return new TaishiError("invalid-parameter", `events[${index}]: ${why}`, { field: "event", index });
}

/**
 * Visits the lines of an NDJSON body; lines of white space only are skipped.
 * @throws TaishiError of the visitor's, or invalid-parameter
 */
export function visitLines(bytes: Uint8Array, visit: ItemVisitor): void {
  const found: Found = { end: 0, surrogates: false };
  let index = 0;
  let start = 0;
  while (start < bytes.length) {
    const newline = bytes.indexOf(0x0a, start);
    const lineEnd = newline === -1 ? bytes.length : newline;
    const from = skipSpace(bytes, start, lineEnd);
    if (from < lineEnd) {
      scanValue(bytes, from, lineEnd, index, found);
      // Text after the value stays part of the slice, for JSON.parse to refuse.
      visit(from, lineEnd, found.surrogates);
      index++;
    }
    start = lineEnd + 1;
  }
}

/**
 * Visits the elements of `events` in a body of the form {"events":[…]}. Where the member is repeated the last one
 * wins: `restart` is called when another begins.
 * @throws TaishiError malformed-body | missing-parameter | invalid-parameter, or the visitor's
 */
export function visitEvents(bytes: Uint8Array, visit: ItemVisitor, restart: () => void): void {
  const found: Found = { end: 0, surrogates: false };
  const limit = bytes.length;
  const malformed = (): TaishiError =>
    new TaishiError("malformed-body", 'the body is not JSON of the form {"events":[…]}');
  const expect = (at: number, byte: number): number => {
    if (bytes[at] !== byte) throw malformed();
    return skipSpace(bytes, at + 1, limit);
  };
  let at = skipSpace(bytes, 0, limit);
  if (at === limit) throw new TaishiError("malformed-body", "the body is empty");
  if (bytes[at] === openBracket)
    throw new TaishiError("invalid-parameter", 'the body must be an object of the form {"events":[…]}', {
      field: "events",
    });
  at = expect(at, openBrace);
  let seen = false;
  while (bytes[at] !== closeBrace || seen) {
    if (bytes[at] !== quote) throw malformed();
    const keyEnd = stringEnd(bytes, at, limit);
    const name = parseName(bytes.subarray(at, keyEnd + 1));
    if (name === undefined) throw malformed();
    if (name !== "events")
      throw new TaishiError("invalid-parameter", `the body has an unknown member beside "events"`, {
        field: name.slice(0, 128),
      });
    at = expect(skipSpace(bytes, keyEnd + 1, limit), colon);
    if (at < limit && bytes[at] !== openBracket)
      throw new TaishiError("invalid-parameter", "events must be an array", { field: "events" });
    at = expect(at, openBracket);
    if (seen) restart();
    seen = true;
    for (let index = 0; bytes[at] !== closeBracket || index > 0; index++) {
      scanValue(bytes, at, limit, index, found);
      if (found.end >= limit) throw malformed();
      visit(at, found.end, found.surrogates);
      at = found.end;
      if (bytes[at] !== comma) break;
      at = skipSpace(bytes, at + 1, limit);
    }
    at = expect(at, closeBracket);
    if (bytes[at] !== comma) break;
    at = skipSpace(bytes, at + 1, limit);
  }
  at = expect(at, closeBrace);
  if (at !== limit) throw malformed();
  if (!seen) throw new TaishiError("missing-parameter", "events: is required", { field: "events" });
}

function parseName(bytes: Uint8Array): string | undefined {
  // No member we know is longer, and an unknown one need not be spelled out.
  if (bytes.length > 1024) return "…";
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8")) as string;
  } catch {
    return undefined;
  }
}

function skipSpace(bytes: Uint8Array, at: number, limit: number): number {
  while (at < limit) {
    const byte = bytes[at];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) break;
    at++;
  }
  return at;
}
