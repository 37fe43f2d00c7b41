// A record that is one JSON object, read without believing anything of it: members are asked for by type, integers that
// JavaScript cannot hold stay as they were written, and what is rewritten is rewritten in the text, byte for byte else.
import { maxDepth, nestsDeeperThan } from "../event/canonical.ts";
import { timeLimit } from "../event/time.ts";

export type Members = Readonly<Record<string, unknown>>;

interface RawNumber {
  readonly rawJSON: string;
}
// Of ECMAScript's "JSON.parse source text access", which TypeScript's library does not describe yet.
interface ExactJson {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): RawNumber;
  isRawJSON(value: unknown): value is RawNumber;
}
const exactJson = JSON as unknown as ExactJson;

/**
 * The object that a record's text is; a text's end after "not parsed: " where it is none. Of members of one name the last
 * counts.
 * @param exact every number that JavaScript would write otherwise is kept as it is written, else only long ones
 */
export function readObject(text: string, exact = false): Members | string {
  if (nestsDeeperThan(Buffer.from(text), maxDepth)) return `the record nests deeper than ${maxDepth}`;
  let value: unknown;
  try {
    value = exact || /\d{16}/.test(text) ? exactJson.parse(text, keepNumber) : JSON.parse(text);
  } catch {
    return "the record is not JSON";
  }
  return isMembers(value) ? value : "the record is no JSON object";
}

function keepNumber(_key: string, value: unknown, { source }: { readonly source?: string }): unknown {
  return typeof value === "number" && source !== undefined && String(value) !== source
    ? exactJson.rawJSON(source)
    : value;
}

export function isMembers(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !exactJson.isRawJSON(value);
}

/** The value as an object; one without members where it is none. */
export function membersOf(value: unknown): Members {
  return isMembers(value) ? value : {};
}

export function itemsOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as readonly unknown[]) : [];
}

/** A text that says something; undefined for "" and for what is none. Lone surrogates, which no event can hold, are U+FFFD. */
export function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value.toWellFormed() : undefined;
}

/** A text, a number as it is written, or a truth value; undefined for "" and all else. */
export function scalarOf(value: unknown): string | undefined {
  if (typeof value === "boolean") return String(value);
  return numberText(value) ?? textOf(value);
}

function numberText(value: unknown): string | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : undefined;
  return exactJson.isRawJSON(value) ? value.rawJSON : undefined;
}

/** Any value as text: what is no scalar as JSON; undefined for null, "" and what is not there. */
export function anyText(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  return scalarOf(value) ?? (typeof value === "object" ? JSON.stringify(value).toWellFormed() : undefined);
}

/**
 * Epoch milliseconds of a count since the epoch, as a JSON number or text, cut, not rounded, and never by way of a number
 * that cannot hold it; undefined where it is none or outside 1970 to 9999.
 * @param decimals of its unit: 0 seconds, 3, 6, 9 nanoseconds
 */
export function epochMillis(value: unknown, decimals: 0 | 3 | 6 | 9): number | undefined {
  const match = /^(\d{1,24})(?:\.(\d{1,24}))?$/.exec(numberText(value) ?? textOf(value) ?? "");
  if (match === null) return undefined;
  const whole = match[1]!;
  const time =
    decimals <= 3
      ? Number(whole + (match[2] ?? "").padEnd(3 - decimals, "0").slice(0, 3 - decimals))
      : Number(whole.slice(0, 3 - decimals) || "0");
  return time < timeLimit ? time : undefined;
}

/** @returns the text for a value, or undefined to leave it as it is; `path` are the names of the objects it is in */
export type Rewrite = (value: string, path: readonly string[]) => string | undefined;

/** Valid JSON text with some of its string values replaced, and everything else as it was. */
export function rewriteStrings(text: string, rewrite: Rewrite): string {
  const path: string[] = [];
  let name = "";
  let out = "";
  let copied = 0;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (character === "{" || character === "[") {
      path.push(name);
      if (character === "{") name = "";
    } else if (character === "}" || character === "]") name = path.pop() ?? "";
    else if (character === '"') {
      const end = stringEnd(text, i);
      const value = JSON.parse(text.slice(i, end)) as string;
      if (/^\s*:/.test(text.slice(end, end + 64))) name = value;
      else {
        const instead = rewrite(value, [...path, name]);
        if (instead !== undefined && instead !== value) {
          out += text.slice(copied, i) + JSON.stringify(instead);
          copied = end;
        }
      }
      i = end - 1;
    }
  }
  return out + text.slice(copied);
}

/** Where the string that begins at a quote ends. */
function stringEnd(text: string, quote: number): number {
  let at = quote + 1;
  while (text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}
