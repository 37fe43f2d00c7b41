// From the query or the body of TaurusDB's and RDS's operations to what is asked of the audit files. Pure. Every default,
// limit and quirk of the parameters is here; parameters that are not known are ignored, as the cloud does.
// Spec: TaurusDB ListAuditLogs and its siblings; RDS for MySQL has the same under other names.
import type { FileQuery } from "../../audit-files/port.ts";
import { statementTypes } from "../../audit-files/statement-types.ts";
import type { JsonObject } from "../../clouds/huawei/operation.ts";
import type { QueryParameter } from "../../clouds/huawei/query-string.ts";
import { emptyBody, invalid, malformedNodeId, missing, notInteger } from "./errors.ts";
import { type Instant, parseInstant } from "./times.ts";

type Query = readonly QueryParameter[];

export interface Limits {
  readonly most: number;
  readonly fallback: number;
}

export const taurusLimits: Limits = { most: 100, fallback: 10 };
export const rdsLimits: Limits = { most: 50, fallback: 10 };
export const fullSqlLimits: Limits = { most: 50, fallback: 10 };
export const mostKeepDays = 732;
export const mostIds = 50;
export const spanDays = 30;

const dayMillis = 86_400_000;
const largestOffset = 2 ** 31 - 1;
/** Longer than any id or name that is kept. */
const longestText = 1024;
const known: ReadonlySet<string> = new Set(statementTypes);
const nodeId = /^[0-9a-zA-Z]{32}no\d{2}$/;

/** @throws TaishiError as DBS.280001, naming the parameter */
export function decodeList(query: Query, limits: Limits): FileQuery {
  const window = decodeWindow(query);
  const offset = integer(query, "offset", 0, largestOffset) ?? 0;
  // Go's SDK sends limit=0 where none was set. It is refused and not read as the default: a program that shows ten of
  // many files and believes them to be all would be wrong about an audit log without being told.
  const limit = integer(query, "limit", 1, limits.most) ?? limits.fallback;
  return { ...window, offset, limit };
}

export interface FullSqlList {
  readonly from: number;
  readonly to: number;
  readonly limit: number;
  /** Names up to and including this one were had already. */
  readonly after: string | undefined;
}

export function decodeFullSqlList(query: Query): FullSqlList {
  const window = decodeWindow(query);
  const limit = integer(query, "limit", 1, fullSqlLimits.most) ?? fullSqlLimits.fallback;
  const node = text(query, "node_id");
  if (node !== undefined && !nodeId.test(node)) throw malformedNodeId();
  return { ...window, limit, after: text(query, "last_file_name") };
}

/** Both bounds are inclusive, a second to its end. */
function decodeWindow(query: Query): { readonly from: number; readonly to: number } {
  const start = instant(query, "start_time");
  const end = instant(query, "end_time");
  if (end.millis <= start.millis) throw invalid("end_time", "must be later than start_time", "必须晚于start_time");
  if (end.millis - start.millis > spanDays * dayMillis)
    throw invalid(
      "end_time",
      `must be at most ${spanDays} days after start_time`,
      `与start_time的间隔不能超过${spanDays}天`,
    );
  return { from: start.millis, to: end.last };
}

function instant(query: Query, name: string): Instant {
  const value = text(query, name);
  if (value === undefined) throw missing(name);
  const parsed = parseInstant(value);
  if (parsed === undefined)
    throw invalid(
      name,
      "must be a time that exists, with its offset, as 2018-09-15T06:25:43+0800",
      "必须是带时区偏移量的有效时间,例如2018-09-15T06:25:43+0800",
    );
  return parsed;
}

function integer(query: Query, name: string, least: number, most: number): number | undefined {
  const value = text(query, name);
  if (value === undefined) return undefined;
  const number = /^\d{1,10}$/.test(value) ? Number(value) : Number.NaN;
  if (!(number >= least && number <= most)) throw notInteger(name, least, most);
  return number;
}

/** "" is as absent: Go's SDK sends a name alone for what was not set. */
function text(query: Query, name: string): string | undefined {
  const values = query.filter((parameter) => parameter.name === name).map(({ value }) => value);
  if (values.length > 1) throw invalid(name, "may occur only once", "只能出现一次");
  const [value = ""] = values;
  if (value.length > longestText)
    throw invalid(name, `must not be longer than ${longestText} characters`, `长度不能超过${longestText}个字符`);
  return value === "" ? undefined : value;
}

export interface PolicyChange {
  readonly keepDays: number;
  readonly reserve: boolean;
  readonly types: readonly string[];
}

/** @param reserveName how the service spells the flag */
export function decodePolicy(body: JsonObject, reserveName: string): PolicyChange {
  refuseEmpty(body);
  const keepDays = body.keep_days ?? undefined;
  if (keepDays === undefined) throw missing("keep_days");
  if (typeof keepDays !== "number" || !Number.isInteger(keepDays) || keepDays < 0 || keepDays > mostKeepDays)
    throw notInteger("keep_days", 0, mostKeepDays);
  const reserve = body[reserveName] ?? true;
  if (typeof reserve !== "boolean") throw invalid(reserveName, "must be true or false", "必须是true或false");
  const types: unknown = body.audit_types ?? [];
  if (!Array.isArray(types) || !types.every((type) => typeof type === "string" && known.has(type)))
    throw invalid(
      "audit_types",
      `must be an array of ${statementTypes.join(", ")}`,
      `必须是由以下值组成的数组:${statementTypes.join("、")}`,
    );
  return { keepDays, reserve, types: [...new Set(types as string[])] };
}

/** The ids in the order given; one may occur more than once. */
export function decodeIds(body: JsonObject): readonly string[] {
  refuseEmpty(body);
  const { ids } = body;
  if (ids === undefined || ids === null) throw missing("ids");
  const fits = (id: unknown): boolean => typeof id === "string" && id !== "" && id.length <= longestText;
  if (!Array.isArray(ids) || ids.length === 0 || ids.length > mostIds || !ids.every(fits))
    throw invalid(
      "ids",
      `must be an array of 1 to ${mostIds} ids of audit logs`,
      `必须是由1到${mostIds}个审计日志ID组成的数组`,
    );
  return ids as string[];
}

export function decodeSwitch(body: JsonObject): boolean {
  refuseEmpty(body);
  const status = body.switch_status ?? undefined;
  if (status === undefined) throw missing("switch_status");
  if (status !== "ON" && status !== "OFF") throw invalid("switch_status", "must be ON or OFF", "必须是ON或OFF");
  return status === "ON";
}

function refuseEmpty(body: JsonObject): void {
  if (Object.keys(body).length === 0) throw emptyBody();
}
