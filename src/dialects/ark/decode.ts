// From the parameters of ListAuditLogs to a question for the index. Pure. Every default, limit and quirk of the parameters
// is here; parameters that are not known are ignored, as the cloud does. Spec: Ark ListAuditLogs 2024-01-01, both forms.
import { isObject, type Parameters } from "../../clouds/volcengine/parameters.ts";
import { type Risk, risks } from "../../event/event.ts";
import { timeLimit } from "../../event/time.ts";
import type { ListRequest } from "../../query/query.ts";
import { invalid, missing } from "./errors.ts";
import { abnormalConnection, type Form, isLogType, type LogType, logTypes } from "./log-types.ts";

export interface ListAuditLogs {
  readonly request: ListRequest;
  readonly form: Form;
  /** How Connection is spelled in the answer. */
  readonly connection: "Connection" | typeof abnormalConnection;
  readonly pageNumber: number;
  readonly pageSize: number;
}

type Values = Readonly<Record<string, unknown>>;

export const resourceTypes = ["endpoint", "modelcustomizationjob"] as const;
const longestId = 256;
/** Numbers above this are milliseconds, others seconds: 1e11 s is the year 5138, 1e11 ms is 1973. */
const largestSeconds = 1e11;

/**
 * @param account whose events are listed, whatever the parameters say (I7)
 * @throws TaishiError missing-parameter | invalid-parameter, naming the parameter
 */
export function decodeListAuditLogs(parameters: Parameters, account: string): ListAuditLogs {
  const { values } = parameters;
  const lenient = parameters.form === "flat";
  const resourceId = requiredText(values, "ResourceId");
  const resourceType = oneOf(requiredText(values, "ResourceType"), resourceTypes, "ResourceType");
  const given = filterObject(values);
  const { types, form, connection } = decodeTypes(given, lenient);
  const riskLevels = decodeRisks(given, lenient);
  const { from, to } = decodeTimes(given, lenient);
  const pageNumber = integer(values, "PageNumber", 1, 2 ** 31 - 1, lenient) ?? 1;
  const pageSize = integer(values, "PageSize", 1, 100, lenient) ?? 10;
  const project = optionalText(values, "ProjectName");
  oneOf(optionalText(values, "SortBy") ?? "Timestamp", ["Timestamp"], "SortBy");
  const filter: ListRequest["filter"] = {
    account,
    kinds: ["security"],
    types,
    resourceType,
    resourceId,
    ...(riskLevels.length > 0 && { risks: riskLevels }),
    ...(project !== undefined && { project }),
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
  };
  const window = { offset: (pageNumber - 1) * pageSize, limit: pageSize };
  return { request: { filter, order: decodeOrder(values), window }, form, connection, pageNumber, pageSize };
}

function decodeOrder(values: Values): ListRequest["order"] {
  // Volcengine's Node SDK has the enum value " Asc", with a space before it.
  const order = oneOf((optionalText(values, "SortOrder") ?? "Desc").trim(), ["Asc", "Desc"], "SortOrder");
  return order === "Asc" ? "asc" : "desc";
}

function filterObject(values: Values): Values {
  const filter = values.Filter ?? undefined;
  if (filter === undefined || filter === "") return {};
  if (!isObject(filter)) throw invalid("Filter", "It must be an object.");
  return filter;
}

/** LogTypes makes the 2024-07 form; an empty list of them does so only where LogType is absent. */
function decodeTypes(
  filter: Values,
  lenient: boolean,
): { types: readonly LogType[]; form: Form; connection: ListAuditLogs["connection"] } {
  const current = optionalText(filter, "LogType");
  const earlier = textList(filter, "LogTypes", lenient);
  if (current !== undefined) {
    if (earlier !== undefined && earlier.length > 0) throw invalid("LogTypes", "Give either LogType or LogTypes.");
    return { types: [oneOf(current, logTypes, "LogType")], form: "current", connection: "Connection" };
  }
  if (earlier === undefined) return { types: logTypes, form: "current", connection: "Connection" };
  const types = new Set<LogType>();
  for (const name of earlier) {
    const type = name === abnormalConnection ? "Connection" : name;
    if (!isLogType(type))
      throw invalid("LogTypes", `It must hold only ${[...logTypes, abnormalConnection].join(", ")}.`);
    types.add(type);
  }
  // Spelled as asked, the first spelling where both are; that form's own where neither was.
  const asked = earlier.find((name) => name === "Connection" || name === abnormalConnection);
  return {
    types: types.size === 0 ? logTypes : [...types],
    form: "2024-07",
    connection: asked === "Connection" ? "Connection" : abnormalConnection,
  };
}

function decodeRisks(filter: Values, lenient: boolean): readonly Risk[] {
  const levels = textList(filter, "RiskLevels", lenient) ?? [];
  return [...new Set(levels.map((level) => oneOf(level, risks, "RiskLevels")))];
}

/** Both bounds are inclusive: a second through its last millisecond, a millisecond exactly. */
function decodeTimes(filter: Values, lenient: boolean): { from: number | undefined; to: number | undefined } {
  const start = instant(filter, "StartTime", lenient);
  const end = instant(filter, "EndTime", lenient);
  const from = start === undefined ? undefined : start.millis;
  const to = end === undefined ? undefined : end.millis + end.unit;
  if (from !== undefined && to !== undefined && from >= to) throw invalid("StartTime", "It must not be after EndTime.");
  return { from, to };
}

function instant(filter: Values, name: string, lenient: boolean): { millis: number; unit: number } | undefined {
  const value = integer(filter, name, 0, timeLimit - 1, lenient);
  if (value === undefined) return undefined;
  return value > largestSeconds ? { millis: value, unit: 1 } : { millis: value * 1000, unit: 1000 };
}

/** JSON numbers only, except where everything is text. null is as absent; 0 and -1 are not. */
function integer(values: Values, name: string, least: number, most: number, lenient: boolean): number | undefined {
  const value = values[name] ?? undefined;
  if (value === undefined || (lenient && value === "")) return undefined;
  const number = lenient && typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : value;
  if (typeof number !== "number" || !Number.isInteger(number) || number < least || number > most)
    throw invalid(name, `It must be an integer from ${least} to ${most}.`);
  return number;
}

function requiredText(values: Values, name: string): string {
  const text = optionalText(values, name);
  if (text === undefined) throw missing(name);
  return text;
}

/** "" is as absent: clients with typed structures send it for what was not set. */
function optionalText(values: Values, name: string): string | undefined {
  const value = values[name] ?? undefined;
  if (value === undefined || value === "") return undefined;
  if (typeof value !== "string") throw invalid(name, "It must be a string.");
  if (value.length > longestId) throw invalid(name, `It must not be longer than ${longestId} characters.`);
  if (!value.isWellFormed()) throw invalid(name, "It holds a lone surrogate.");
  return value;
}

function textList(values: Values, name: string, lenient: boolean): readonly string[] | undefined {
  const value = values[name] ?? undefined;
  if (value === undefined || (lenient && value === "")) return undefined;
  const list: unknown = lenient && typeof value === "string" ? [value] : value;
  if (!Array.isArray(list) || !list.every((item) => typeof item === "string"))
    throw invalid(name, "It must be an array of strings.");
  return list;
}

function oneOf<const T extends string>(text: string, allowed: readonly T[], name: string): T {
  const found = allowed.find((item) => item === text);
  if (found === undefined) throw invalid(name, `It must be ${allowed.join(" or ")}.`);
  return found;
}
