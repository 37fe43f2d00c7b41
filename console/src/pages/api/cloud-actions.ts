// The clouds' actions that the explorer can ask: their parameters as the clouds name them, and the request that a filled form
// is. Pure; signs nothing. What the values mean is in docs/dialects/.
import { logTypes } from "../../../../src/dialects/ark/log-types.ts";
import { risks } from "../../api.ts";
import { type Signable, targetOf } from "../../signing/request.ts";

export interface Field {
  /** As the cloud spells it; a dot leads into an object. */
  readonly name: string;
  readonly kind: "text" | "integer" | "choice" | "choices" | "texts" | "seconds" | "time" | "conditions";
  readonly place: "body" | "query" | "path" | "header";
  readonly options?: readonly string[];
  readonly required?: true;
  readonly placeholder?: string;
  readonly minimum?: number;
  readonly maximum?: number;
}

/** A key and what it must be. */
export type Condition = readonly [key: string, value: string];
/** Of each field what was filled in; times are RFC 3339. */
export type Value = string | readonly string[] | readonly Condition[];
export type Values = Readonly<Record<string, Value | undefined>>;

export interface CloudAction {
  /** Its place in the address. */
  readonly id: "ark" | "ark-2024-07" | "cloudtrail" | "taurusdb" | "taurusdb-link";
  readonly cloud: "volcengine" | "huawei";
  readonly product: string;
  readonly action: string;
  readonly version: string;
  /** What is signed for, where the cloud's signature has that. */
  readonly service: string;
  readonly region: string;
  readonly method: "GET" | "POST";
  /** With {names} of fields in the path. */
  readonly path: string;
  readonly fields: readonly Field[];
  /** What the form holds at first. */
  readonly first: Values;
}

/** The clouds' texts come in one of two languages; the header that says which is signed like the rest. */
const acceptLanguage: Field = { name: "Accept-Language", kind: "choice", place: "header", options: ["zh-CN", "en"] };

function ark(id: "ark" | "ark-2024-07", product: string, logType: Field): CloudAction {
  return {
    id,
    cloud: "volcengine",
    product,
    action: "ListAuditLogs",
    version: "2024-01-01",
    service: "ark",
    region: "cn-beijing",
    method: "POST",
    path: "/?Action=ListAuditLogs&Version=2024-01-01",
    fields: [
      { name: "ResourceId", kind: "text", place: "body", required: true, placeholder: "ep-…" },
      {
        name: "ResourceType",
        kind: "choice",
        place: "body",
        required: true,
        options: ["endpoint", "modelcustomizationjob"],
      },
      logType,
      { name: "Filter.RiskLevels", kind: "choices", place: "body", options: risks },
      { name: "Filter.StartTime", kind: "seconds", place: "body" },
      { name: "Filter.EndTime", kind: "seconds", place: "body" },
      { name: "ProjectName", kind: "text", place: "body" },
      { name: "PageNumber", kind: "integer", place: "body", minimum: 1 },
      { name: "PageSize", kind: "integer", place: "body", minimum: 1, maximum: 100 },
      { name: "SortOrder", kind: "choice", place: "body", options: ["Desc", "Asc"] },
      acceptLanguage,
    ],
    first: { ResourceType: "endpoint" },
  };
}

const taurusdb: readonly Field[] = [
  { name: "project_id", kind: "text", place: "path", required: true },
  { name: "instance_id", kind: "text", place: "path", required: true },
];
const language: Field = { name: "X-Language", kind: "choice", place: "header", options: ["en-us", "zh-cn"] };

export const cloudActions: readonly CloudAction[] = [
  ark("ark", "Ark", { name: "Filter.LogType", kind: "choice", place: "body", options: logTypes }),
  ark("ark-2024-07", "Ark, 2024-07", {
    name: "Filter.LogTypes",
    kind: "choices",
    place: "body",
    options: [...logTypes.slice(0, 2), "AbnormalConnection", ...logTypes.slice(2)],
    // With it the answer has the form of July 2024; without it this would be today's form again.
    required: true,
  }),
  {
    id: "cloudtrail",
    cloud: "volcengine",
    product: "CloudTrail",
    action: "LookupEvents",
    version: "2021-09-01",
    service: "cloud_trail",
    region: "cn-north-1",
    method: "POST",
    path: "/?Action=LookupEvents&Version=2021-09-01",
    fields: [
      { name: "StartTime", kind: "seconds", place: "body" },
      { name: "EndTime", kind: "seconds", place: "body" },
      { name: "MaxResults", kind: "integer", place: "body", minimum: 1, maximum: 50 },
      { name: "NextToken", kind: "text", place: "body" },
      {
        name: "LookupConditions",
        kind: "conditions",
        place: "body",
        options: [
          "EventName",
          "EventSource",
          "EventID",
          "RequestID",
          "ApiVersion",
          "ReadOnly",
          "IdentityType",
          "IdentityName",
          "AccessKeyID",
          "Region",
          "ResourceType",
          "ResourceID",
          "ErrorCode",
          "ExtraIndex",
        ],
      },
      acceptLanguage,
    ],
    first: { MaxResults: "10" },
  },
  {
    id: "taurusdb",
    cloud: "huawei",
    product: "TaurusDB",
    action: "ListAuditLogs",
    version: "v3",
    service: "gaussdb",
    region: "",
    method: "GET",
    path: "/v3/{project_id}/instances/{instance_id}/audit-logs",
    fields: [
      ...taurusdb,
      { name: "start_time", kind: "time", place: "query", required: true },
      { name: "end_time", kind: "time", place: "query", required: true },
      { name: "offset", kind: "integer", place: "query", minimum: 0 },
      { name: "limit", kind: "integer", place: "query", minimum: 1, maximum: 100 },
      language,
    ],
    first: { offset: "0", limit: "10" },
  },
  {
    id: "taurusdb-link",
    cloud: "huawei",
    product: "TaurusDB",
    action: "ShowAuditLogDownloadLink",
    version: "v3",
    service: "gaussdb",
    region: "",
    method: "POST",
    path: "/v3/{project_id}/instances/{instance_id}/audit-log-link",
    fields: [...taurusdb, { name: "ids", kind: "texts", place: "body", required: true }, language],
    first: {},
  },
];

/** A form's fields as the cloud takes them: numbers are numbers, times what the cloud writes; what is empty is left out. */
export function argumentsOf(action: CloudAction, values: Values, place: Field["place"]): Record<string, unknown> {
  const all: Record<string, unknown> = {};
  for (const field of action.fields) {
    if (field.place !== place) continue;
    const value = wireValue(field, values[field.name]);
    if (value !== undefined) all[field.name] = value;
  }
  return all;
}

function wireValue({ kind }: Field, value: Value | undefined): unknown {
  if (value === undefined || value.length === 0) return undefined;
  if (kind === "conditions")
    return (value as readonly Condition[]).map(([LookupConditionKey, LookupConditionValue]) => ({
      LookupConditionKey,
      LookupConditionValue,
    }));
  if (kind === "integer") return Number(value);
  if (kind === "seconds") return Math.floor(Date.parse(value as string) / 1000);
  if (kind === "time") return `${new Date(value as string).toISOString().slice(0, 19)}+0000`;
  return value;
}

/** The body's object, with what has a dot in its name inside another. */
export function bodyOf(action: CloudAction, values: Values): Record<string, unknown> {
  const body: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(argumentsOf(action, values, "body"))) {
    const [outer = "", inner] = name.split(".");
    if (inner === undefined) body[outer] = value;
    else body[outer] = { ...(body[outer] as object | undefined), [inner]: value };
  }
  return body;
}

/** What is to be signed. @param host as the request will carry it */
export function requestOf(action: CloudAction, values: Values, host: string): Signable {
  const path = argumentsOf(action, values, "path");
  const target = targetOf(
    action.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(path[name] ?? ""))),
    Object.entries(argumentsOf(action, values, "query")).map(([name, value]) => ({ name, value: String(value) })),
  );
  const headers = Object.entries(argumentsOf(action, values, "header"));
  return {
    method: action.method,
    target,
    headers: {
      host,
      ...(action.method === "POST" ? { "content-type": "application/json" } : {}),
      ...Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), String(value)])),
    },
    body: action.method === "POST" ? JSON.stringify(bodyOf(action, values)) : "",
  };
}

/** Names of fields that must be filled in and are not. */
export function missingOf(action: CloudAction, values: Values): readonly string[] {
  return action.fields
    .filter(({ name, required }) => required === true && (values[name] ?? "").length === 0)
    .map(({ name }) => name);
}
