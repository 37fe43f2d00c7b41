// Volcengine CloudTrail events as trail events: EventDetail objects, one a line, or what LookupEvents answers. Pure; knows
// no files. A detail that is text, or a line of its own, is kept byte for byte; one inside other JSON is given as an object.
import { maxDepth, nestsDeeperThan } from "../event/canonical.ts";
import type { TrailEventInput } from "../event/schema.ts";
import {
  isMembers,
  type Members,
  optionalText,
  parseJson,
  refusal,
  requiredText,
  requiredTime,
  resourcesOf,
  withoutMark,
  withoutUndefined,
} from "./json-text.ts";

const longestName = 128;

/**
 * The events of a text: an answer of LookupEvents or its Result, an array of items or of EventDetail objects, or such
 * objects one a line (empty lines are skipped).
 * @throws TaishiError invalid-parameter, naming the line or item and its member
 */
export function* volcengineTrailEvents(text: string): Generator<TrailEventInput> {
  const whole = withoutMark(text);
  const document = singleDocument(whole);
  if (document === undefined) {
    let number = 0;
    for (const line of whole.split("\n")) {
      number++;
      if (line.trim() !== "") yield* volcengineTrailLine(line.replace(/\r$/, ""), `line ${number}`);
    }
    return;
  }
  yield* eventsOf(document, whole.trim(), "the file");
}

/** The events of one line: one of an EventDetail or an item of LookupEvents, those of a whole answer. */
export function* volcengineTrailLine(line: string, where: string): Generator<TrailEventInput> {
  yield* eventsOf(parseJson(line, where), line, where);
}

/** The text as one JSON value; undefined where it is several or none. */
function singleDocument(text: string): unknown {
  // What nests too deep is left to the lines, whose refusal says which one it is.
  if (nestsDeeperThan(Buffer.from(text), maxDepth)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function* eventsOf(value: unknown, text: string, where: string): Generator<TrailEventInput> {
  if (Array.isArray(value)) {
    for (const [index, item] of (value as readonly unknown[]).entries())
      yield eventOf(item, undefined, `${where === "the file" ? "item" : where} [${index}]`);
    return;
  }
  const trails = isMembers(value) ? trailsOf(value) : undefined;
  if (trails === undefined) {
    yield eventOf(value, text, where);
    return;
  }
  for (const [index, item] of trails.entries())
    yield eventOf(item, undefined, `${where === "the file" ? "" : `${where} `}Trails[${index}]`);
}

function trailsOf(value: Members): readonly unknown[] | undefined {
  const result = isMembers(value.Result) ? value.Result : value;
  return Array.isArray(result.Trails) ? (result.Trails as readonly unknown[]) : undefined;
}

/** @param text the value's own text, where it stands alone */
function eventOf(value: unknown, text: string | undefined, where: string): TrailEventInput {
  if (!isMembers(value)) throw refusal(where, "", "must be an object");
  return "EventDetail" in value ? fromItem(value, where) : fromDetail(value, text ?? value, where);
}

function fromItem(item: Members, where: string): TrailEventInput {
  const given = item.EventDetail ?? "";
  if (typeof given !== "string" && !isMembers(given)) throw refusal(where, "EventDetail", "must be text or an object");
  const inner = typeof given === "string" ? innerOf(given) : given;
  return {
    ...base(item, where),
    ...withoutUndefined({
      ...found(item, inner),
      resources: resourcesOf(item.RelatedResources, "ResourceType", "ResourceID"),
    }),
    ...(given !== "" && { detail: given }),
  } as TrailEventInput;
}

function fromDetail(detail: Members, text: string | Members, where: string): TrailEventInput {
  return { ...base(detail, where), ...withoutUndefined(found(detail, detail)), detail: text } as TrailEventInput;
}

function base(record: Members, where: string): Pick<TrailEventInput, "kind" | "time" | "type" | "source"> {
  return {
    kind: "trail",
    time: requiredTime(record, "EventTime", where),
    type: requiredText(record, "EventName", where, longestName),
    source: requiredText(record, "EventSource", where, longestName),
  };
}

/** What the item says, else its detail. */
function found(outer: Members, detail: Members) {
  const identity = isMembers(detail.UserIdentity) ? detail.UserIdentity : {};
  const either = (name: string): string | undefined => optionalText(outer[name]) ?? optionalText(detail[name]);
  return {
    eventId: either("EventID"),
    requestId: either("RequestID"),
    accessKeyId: either("AccessKeyID") ?? optionalText(identity.AccessKeyID),
    userName: either("UserName") ?? optionalText(identity.UserName),
    identityType: optionalText(identity.Type),
    sourceIp: either("SourceIPAddress"),
    region: either("Region"),
    errorCode: either("ErrorCode"),
    apiVersion: either("ApiVersion"),
    readOnly: typeof detail.ReadOnly === "boolean" ? detail.ReadOnly : undefined,
    extraIndex: either("ExtraIndex"),
  };
}

/** A detail of another form is kept all the same, and says nothing. */
function innerOf(text: string): Members {
  try {
    const value = parseJson(text, "EventDetail");
    return isMembers(value) ? value : {};
  } catch {
    return {};
  }
}
