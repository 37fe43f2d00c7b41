// From the parameters of CloudTrail's actions on trails to settings. Pure. Both generations have the same names; 2018-01-01
// sends a form or a query, 2021-09-01 a query. Parameters that are not known are ignored, as the cloud does.
import type { Parameters } from "../../clouds/volcengine/parameters.ts";
import { type EventScope, eventScopes, isBucket, isPrefix, type TrailSettings } from "../../delivery/port.ts";
import { refuse } from "./errors.ts";

type Values = Readonly<Record<string, unknown>>;

const nameForm = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
const sourceForm = /^[A-Za-z0-9_.-]{1,128}$/;
const mostSources = 100;
const mostNames = 100;
const longestText = 256;
/** Said of the bucket, kept and shown; where the files really go is the operator's matter. */
export const labelNames = ["TosBucketRegion", "TosBucketProject", "TosWriteRoleTrn"] as const;
/** Any of these asks for a delivery to the log service, which there is none of here. */
const tlsNames = [
  "TlsAccountId",
  "TlsProjectName",
  "TlsProjectRegion",
  "TlsProjectTopicProject",
  "TlsTopicName",
  "TlsWriteRoleTrn",
] as const;

/** @throws CloudTrailError ParameterMissing | InvalidTrailName */
export function decodeTrailName({ values }: Parameters): string {
  const name = text(values, "TrailName");
  if (name === undefined) throw refuse("ParameterMissing", "TrailName");
  if (!nameForm.test(name)) throw refuse("InvalidTrailName", name);
  return name;
}

/** The trails asked for, undefined for all. Whether an organisation's are wanted too makes no difference: there are none. */
export function decodeTrailNames({ values, form }: Parameters): readonly string[] | undefined {
  const names = list(values, "TrailNames", form === "flat");
  if (names === undefined || names.length === 0) return undefined;
  if (names.length > mostNames) throw refuse("InvalidParameter", "TrailNames");
  return names;
}

/**
 * The settings that CreateTrail and UpdateTrail ask for.
 * @param before the trail as it is: what is not said stays so
 * @throws CloudTrailError by the service's table
 */
export function decodeSettings(
  parameters: Parameters,
  account: string,
  before: TrailSettings | undefined,
): TrailSettings {
  const { values } = parameters;
  const name = decodeTrailName(parameters);
  refuseWhatIsNotOffered(values, account);
  const bucket = text(values, "TosBucketName") ?? before?.bucket;
  if (bucket === undefined) throw refuse("InvalidTrailConfiguration");
  if (!isBucket(bucket)) throw refuse("InvalidTosBucketName");
  const prefix = trimmed(text(values, "TosKeyPrefix")) ?? before?.prefix ?? "";
  if (!isPrefix(prefix)) throw refuse("InvalidTosBucketPrefix");
  const labels: Record<string, string> = { ...before?.labels };
  for (const label of labelNames) {
    const value = text(values, label);
    if (value !== undefined) labels[label] = value;
  }
  return {
    name,
    scope: decodeScope(values) ?? before?.scope ?? "All",
    sources: decodeSources(parameters) ?? before?.sources ?? [],
    bucket,
    prefix,
    labels,
  };
}

function refuseWhatIsNotOffered(values: Values, account: string): void {
  if (tlsNames.some((name) => (values[name] ?? "") !== "")) throw refuse("InvalidTrailConfiguration");
  // Files are not encrypted here, so nobody may come to believe that they are.
  for (const name of ["TosSSEAlgorithm", "TosSSEKMSKeyID"])
    if ((values[name] ?? "") !== "") throw refuse("InvalidParameter", name);
  const type = values.TrailType ?? "";
  if (type !== "" && String(type) !== "0") throw refuse("InvalidParameter", "TrailType");
  // Typed clients send 0 for what was not set.
  const owner = String(values.TosAccountId ?? "");
  if (owner !== "" && owner !== "0" && owner !== account) throw refuse("InvalidParameter", "TosAccountId");
}

function decodeScope(values: Values): EventScope | undefined {
  const given = text(values, "EventRW");
  if (given === undefined) return undefined;
  const scope = eventScopes.find((one) => one === given);
  if (scope === undefined) throw refuse("InvalidParameter", "EventRW");
  return scope;
}

/** Empty means all; undefined, that nothing was said. */
function decodeSources({ values, form }: Parameters): readonly string[] | undefined {
  const all = flag(values, "IncludeAllEventSources", form === "flat");
  const sources = list(values, "EventSources", form === "flat");
  if (sources !== undefined && sources.length > mostSources) throw refuse("InvalidParameter", "EventSources");
  for (const source of sources ?? []) if (!sourceForm.test(source)) throw refuse("InvalidEventSources", source);
  if (all === true) return [];
  if (all === false && (sources === undefined || sources.length === 0)) throw refuse("InvalidEventSources", "");
  return sources === undefined ? undefined : [...new Set(sources)];
}

function flag(values: Values, name: string, lenient: boolean): boolean | undefined {
  const value = values[name] ?? "";
  if (value === "") return undefined;
  if (typeof value === "boolean") return value;
  if (lenient && (value === "true" || value === "false")) return value === "true";
  throw refuse("InvalidParameter", name);
}

/** "" is as absent: clients with typed structures send it for what was not set. */
function text(values: Values, name: string): string | undefined {
  const value = values[name] ?? "";
  if (typeof value !== "string" || value.length > longestText * 2 || !value.isWellFormed())
    throw refuse("InvalidParameter", name);
  return value === "" ? undefined : value;
}

function list(values: Values, name: string, lenient: boolean): readonly string[] | undefined {
  const value = values[name] ?? undefined;
  if (value === undefined || value === "") return undefined;
  const items: unknown = lenient && typeof value === "string" ? [value] : value;
  if (!Array.isArray(items) || !items.every((item) => typeof item === "string")) throw refuse("InvalidParameter", name);
  return items.filter((item) => item !== "");
}

/** A prefix as object stores take it, "logs/", without the slash at its end. */
function trimmed(prefix: string | undefined): string | undefined {
  return prefix?.replace(/\/$/, "");
}
