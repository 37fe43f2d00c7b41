// JSON text taken apart without losing how it was written: numbers and spaces of a record stay as they came. And what both
// converters ask of a record's members. Pure; never recursive, and what nests too deep is refused before it is parsed.
import { TaishiError } from "../errors.ts";
import { maxDepth, nestsDeeperThan } from "../event/canonical.ts";
import { readTime } from "../event/time.ts";

export type Members = Readonly<Record<string, unknown>>;

/** @param where names the place for people, e.g. "line 3" or "Records[7]" */
export function refusal(where: string, field: string, why: string): TaishiError {
  const at = field === "" ? where : `${where}.${field}`;
  return new TaishiError("invalid-parameter", `${at}: ${why}`, { field: at });
}

/** @throws TaishiError invalid-parameter: nested deeper than 64, or not JSON */
export function parseJson(text: string, where: string): unknown {
  if (nestsDeeperThan(Buffer.from(text), maxDepth)) throw refusal(where, "", `nests deeper than ${maxDepth}`);
  try {
    return JSON.parse(text);
  } catch (thrown) {
    throw refusal(where, "", `is not JSON: ${(thrown as Error).message}`);
  }
}

export function isMembers(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A text without a byte order mark, which editors and Windows tools put first. */
export function withoutMark(text: string): string {
  return text.startsWith("\uFEFF") ? text.slice(1) : text;
}

/**
 * The elements of the array that a member of the top object is, each as the text it has there; undefined where there is no
 * such member or it is no array. The text must be valid JSON.
 */
export function elementTexts(text: string, member: string): readonly string[] | undefined {
  let depth = 0;
  /** The last string seen at depth 1: a member's name once a colon follows. */
  let name = "";
  let inside = false;
  let start = -1;
  let found: string[] | undefined;
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!;
    if (character === '"') {
      const end = stringEnd(text, i);
      if (inside && depth === 2 && start < 0) start = i;
      if (depth === 1) name = JSON.parse(text.slice(i, end)) as string;
      i = end - 1;
    } else if (character === "{" || character === "[") {
      if (inside && depth === 2 && start < 0) start = i;
      depth++;
      // Of members of one name the last counts, as for every reader of JSON here.
      if (depth === 2 && name === member) {
        inside = character === "[";
        found = inside ? [] : undefined;
      }
    } else if (character === "}" || character === "]") {
      if (inside && depth === 2) {
        if (start >= 0) found?.push(text.slice(start, i).trimEnd());
        start = -1;
        inside = false;
      }
      depth--;
      if (depth === 1) name = "";
    } else if (character === "," && inside && depth === 2) {
      found?.push(text.slice(start, i).trimEnd());
      start = -1;
    } else if (inside && depth === 2 && start < 0 && !/\s/.test(character)) start = i;
  }
  return found;
}

/** The place after the string that begins at `start`. */
function stringEnd(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === '"') return i + 1;
  }
  return text.length;
}

/** @throws TaishiError invalid-parameter where it is missing, empty or no string of at most `longest` characters */
export function requiredText(record: Members, name: string, where: string, longest: number): string {
  const value = record[name];
  if (value === undefined || value === null || value === "") throw refusal(where, name, "is missing");
  if (typeof value !== "string") throw refusal(where, name, "must be a string");
  if (value.length > longest) throw refusal(where, name, `must not be longer than ${longest} characters`);
  return value;
}

/** The time as it was written, checked. @throws TaishiError invalid-parameter */
export function requiredTime(record: Members, name: string, where: string): string {
  const value = requiredText(record, name, where, 64);
  try {
    readTime(value, name);
  } catch (thrown) {
    throw thrown instanceof TaishiError ? refusal(where, name, thrown.message.replace(`${name}: `, "")) : thrown;
  }
  return value;
}

const longestText = 1024;

/** A text an event can be found by; undefined where there is none, or it is too long for that: the detail still has it. */
export function optionalText(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" && value.length <= longestText ? value : undefined;
}

const mostResources = 100;
const longestType = 256;

/** What of a record's resources an event can be found by: the first hundred that have both a type and an id. */
export function resourcesOf(
  list: unknown,
  typeName: string,
  idName: string,
): { type: string; id: string }[] | undefined {
  if (!Array.isArray(list)) return undefined;
  const resources: { type: string; id: string }[] = [];
  for (const item of list as readonly unknown[]) {
    if (!isMembers(item) || resources.length === mostResources) continue;
    const type = optionalText(item[typeName]);
    const id = optionalText(item[idName]);
    if (type !== undefined && type.length <= longestType && id !== undefined) resources.push({ type, id });
  }
  return resources.length === 0 ? undefined : resources;
}

/** The members that say something. */
export function withoutUndefined<T extends object>(members: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}
