// From the parameters of LookupEvents to what is looked for. Pure. Every default, limit and quirk of the parameters is
// here; parameters that are not known are ignored, as the cloud does. Spec: CloudTrail LookupEvents 2021-09-01.
import { isObject, type Parameters } from "../../clouds/volcengine/parameters.ts";
import { timeLimit } from "../../event/time.ts";
import { type LookupKey, lookupKeys } from "../../event/trail-event.ts";
import { refuse } from "./errors.ts";

export interface Condition {
  readonly key: LookupKey;
  readonly value: string;
}

export interface LookupEvents {
  /** ANDed; none means every trail event. */
  readonly conditions: readonly Condition[];
  /** As given, Unix seconds, both inclusive; undefined where the default applies. What a token is bound to. */
  readonly start: number | undefined;
  readonly end: number | undefined;
  /** 1 to 50. */
  readonly limit: number;
  /** undefined: the first page. */
  readonly token: string | undefined;
}

type Values = Readonly<Record<string, unknown>>;

export const mostResults = 50;
export const mostConditions = 50;
const longestValue = 1024;
const longestToken = 1024;
const latestSecond = timeLimit / 1000 - 1;

/** @throws CloudTrailError by the service's table */
export function decodeLookupEvents({ values, form }: Parameters): LookupEvents {
  const lenient = form === "flat";
  let start = seconds(values, "StartTime", lenient);
  let end = seconds(values, "EndTime", lenient);
  // Clients whose numbers cannot be absent send 0 for both; 0 and another bound is the epoch.
  if (start === 0 && (end === 0 || end === undefined)) start = undefined;
  if (end === 0) end = undefined;
  return {
    conditions: decodeConditions(values.LookupConditions ?? undefined, lenient),
    start,
    end,
    limit: maxResults(values, lenient),
    token: nextToken(values),
  };
}

function decodeConditions(given: unknown, lenient: boolean): readonly Condition[] {
  const name = "LookupConditions";
  if (given === undefined || given === "") return [];
  const list = lenient && isObject(given) ? [given] : given;
  if (!Array.isArray(list) || list.length > mostConditions) throw refuse("InvalidParameter", name);
  const conditions: Condition[] = [];
  for (const item of list as readonly unknown[]) {
    if (!isObject(item)) throw refuse("InvalidParameter", name);
    const key = text(item, "LookupConditionKey");
    // The published example has a condition with both members empty.
    if (key === "") continue;
    const known = lookupKeys.find((one) => one === key);
    if (known === undefined) throw refuse("InvalidParameter", "LookupConditionKey");
    conditions.push({ key: known, value: conditionValue(item, known) });
  }
  return conditions;
}

function conditionValue(item: Values, key: LookupKey): string {
  const value = text(item, "LookupConditionValue");
  // No event has an empty value; answering nothing, or everything, would both mislead.
  if (value === "") throw refuse("ParameterMissing", "LookupConditionValue");
  if (key !== "ReadOnly") return value;
  const said = value.toLowerCase();
  if (said !== "true" && said !== "false") throw refuse("InvalidParameter", "LookupConditionValue");
  return said;
}

function text(item: Values, name: string): string {
  const value = item[name] ?? "";
  if (typeof value !== "string" || value.length > longestValue || !value.isWellFormed())
    throw refuse("InvalidParameter", name);
  return value;
}

function maxResults(values: Values, lenient: boolean): number {
  const value = integer(values, "MaxResults", lenient);
  if (value === undefined || value === 0) return mostResults;
  if (Number.isNaN(value) || value < 1 || value > mostResults) throw refuse("InvalidParameter", "MaxResults");
  return value;
}

function seconds(values: Values, name: "StartTime" | "EndTime", lenient: boolean): number | undefined {
  const value = integer(values, name, lenient);
  if (value === undefined) return undefined;
  if (Number.isNaN(value) || value < 0 || value > latestSecond) throw refuse(`InvalidParameter${name}`);
  return value;
}

/** NaN for what is no integer; JSON numbers only, except where everything is text. null is as absent. */
function integer(values: Values, name: string, lenient: boolean): number | undefined {
  const value = values[name] ?? undefined;
  if (value === undefined || (lenient && value === "")) return undefined;
  if (lenient && typeof value === "string") return /^-?\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
  return typeof value === "number" && Number.isSafeInteger(value) ? value : Number.NaN;
}

function nextToken(values: Values): string | undefined {
  const value = values.NextToken ?? undefined;
  // Two quotes are what the API explorer's example sends for none.
  if (value === undefined || value === "" || value === '""') return undefined;
  if (typeof value !== "string" || value.length > longestToken) throw refuse("InvalidParameter", "NextToken");
  return value;
}
