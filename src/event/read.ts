// From what was sent to an Event, or a refusal that names the field. Pure. The schema decides the shape; this file
// decides what a shape cannot say: times, surrogates, the order of contents, what a detail repeats.
import { Compile } from "typebox/compile";
import { TaishiError } from "../errors.ts";
import type { Position, SourceRecord } from "./entry.ts";
import type { Content, DatabaseEvent, Event, Resource, SecurityEvent, TrailEvent, UnparsedEvent } from "./event.ts";
import { DatabaseEventInput, SecurityEventInput, TrailEventInput, UnparsedEventInput } from "./schema.ts";
import { readTime } from "./time.ts";
import { assembleDetail } from "./trail-event.ts";

const security = Compile(SecurityEventInput);
const trail = Compile(TrailEventInput);
const database = Compile(DatabaseEventInput);
const unparsed = Compile(UnparsedEventInput);
type Shape = Pick<typeof security, "Errors">;

type Refuse = (field: string, why: string) => TaishiError;

/**
 * The event that one sent item describes. Members come out in canonical order.
 * @param index the item's position in its batch, named in refusals
 * @throws TaishiError invalid-parameter or missing-parameter with `field` (dotted path) and `index`
 */
export function readEvent(input: unknown, index: number): Event {
  const kind = typeof input === "object" && input !== null && "kind" in input ? input.kind : undefined;
  if (kind === "trail") {
    if (!trail.Check(input)) throw shapeRefusal(trail, input, index);
    return readTrail(input, index);
  }
  if (kind === "database") {
    if (!database.Check(input)) throw shapeRefusal(database, input, index);
    return readDatabase(input, index);
  }
  if (kind === "unparsed") {
    if (!unparsed.Check(input)) throw shapeRefusal(unparsed, input, index);
    return readUnparsed(input, index);
  }
  if (!security.Check(input)) throw shapeRefusal(security, input, index);
  return readSecurity(input, index);
}

/**
 * What was sent beside an event about where it comes from; undefined where nothing was.
 * @param input one that readEvent took
 */
export function readOrigin(input: unknown, index: number): SourceRecord | undefined {
  const { record, position } = input as { record?: Omit<SourceRecord, "position">; position?: Position };
  if (record === undefined) return position === undefined ? undefined : { position };
  if (record.raw !== undefined && record.rawBase64 !== undefined)
    throw refusal(index)("record", "has raw and rawBase64; a record is one of them");
  const { rawBase64 } = record;
  if (rawBase64 !== undefined && Buffer.from(rawBase64, "base64").toString("base64") !== rawBase64)
    throw refusal(index)("record.rawBase64", "is not base64 with padding");
  return position === undefined ? record : { ...record, position };
}

function readSecurity(input: SecurityEventInput, index: number): SecurityEvent {
  const time = timeOf(input.time, index);
  const contents = readContents(input.contents, refusal(index));
  const { detail, rule, type } = input;
  const resource = readResource(input.resource);
  const risk = input.risk ?? "Info";
  if (detail === undefined && rule === undefined) return { contents, kind: "security", resource, risk, time, type };
  const said = detail === undefined ? {} : { detail };
  const judged = rule === undefined ? {} : { rule };
  return { contents, ...said, kind: "security", resource, risk, ...judged, time, type };
}

function readResource({ id, project, type }: Resource): Resource {
  return project === undefined ? { id, type } : { id, project, type };
}

function readUnparsed({ time, resource, reason }: UnparsedEventInput, index: number): UnparsedEvent {
  return { kind: "unparsed", reason, resource: readResource(resource), time: timeOf(time, index), type: "Unparsed" };
}

function readTrail(input: TrailEventInput, index: number): TrailEvent {
  const { kind, time: sent, type, source, detail: given, record: _record, position: _position, ...more } = input;
  const time = timeOf(sent, index);
  const object = typeof given === "object" ? (given as Record<string, unknown>) : undefined;
  const facts = { ...detailMembers(object ?? parsedObject(given)), ...withoutEmpty(more) };
  const refuse = refusal(index);
  const detail =
    object === undefined
      ? (given as string | undefined)
      : assembleDetail(
          object,
          {
            eventId: facts.eventId,
            requestId: facts.requestId,
            time,
            source,
            name: type,
            region: facts.region,
            sourceIp: facts.sourceIp,
          },
          (member, why) => refuse(member === "" ? "detail" : `detail.${member}`, why),
        );
  return sorted({
    ...facts,
    ...(detail === undefined || detail === "" ? {} : { detail }),
    ...(object === undefined ? {} : { assembled: true as const }),
    kind,
    source,
    time,
    type,
  });
}

function readDatabase(input: DatabaseEventInput, index: number): DatabaseEvent {
  const { kind, time, name, instance, record: _record, position: _position, ...more } = input;
  return sorted({ ...withoutEmpty(more), kind, instance, name, time: timeOf(time, index) });
}

type TrailFacts = Omit<Partial<TrailEvent>, "kind" | "time" | "type" | "source" | "detail" | "assembled">;

/** What a detail says of its event, for those outer fields that were not sent. */
function detailMembers(detail: Readonly<Record<string, unknown>> | undefined): TrailFacts {
  if (detail === undefined) return {};
  const text = (value: unknown): string | undefined =>
    typeof value === "string" && value !== "" && value.length <= 1024 ? value : undefined;
  const identity = detail.UserIdentity;
  const user = typeof identity === "object" && identity !== null ? (identity as Record<string, unknown>) : {};
  return withoutEmpty({
    eventId: text(detail.EventID),
    requestId: text(detail.RequestID),
    accessKeyId: text(detail.AccessKeyID) ?? text(user.AccessKeyID),
    userName: text(detail.UserName) ?? text(user.UserName),
    identityType: text(user.Type),
    sourceIp: text(detail.SourceIPAddress),
    region: text(detail.Region),
    errorCode: text(detail.ErrorCode),
    apiVersion: text(detail.ApiVersion),
    readOnly: typeof detail.ReadOnly === "boolean" ? detail.ReadOnly : undefined,
  });
}

/** The object that a detail given as text holds; a text of another form is kept all the same, and says nothing. */
function parsedObject(text: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof text !== "string" || !text.startsWith("{") || text.length > 1024 * 1024) return undefined;
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

/**
 * Refuses an event that holds a lone surrogate, which JSON text can say and UTF-8 cannot. Asked only where the text of
 * the request holds the escape of one, because it looks at every string.
 */
export function refuseLoneSurrogates(event: Event, index: number): void {
  const look = (value: unknown, path: string): void => {
    if (typeof value === "string") {
      if (!value.isWellFormed())
        throw new TaishiError("invalid-parameter", `events[${index}].${path}: holds a lone surrogate`, {
          field: path,
          index,
        });
    } else if (typeof value === "object" && value !== null)
      for (const [key, item] of Object.entries(value)) {
        look(key, path);
        look(item, path === "" ? key : `${path}.${key}`);
      }
  };
  look(event, "");
}

function refusal(index: number): Refuse {
  return (field, why) => new TaishiError("invalid-parameter", `events[${index}].${field}: ${why}`, { field, index });
}

function timeOf(sent: unknown, index: number): number {
  try {
    return readTime(sent, "time");
  } catch (thrown) {
    if (!(thrown instanceof TaishiError)) throw thrown;
    throw new TaishiError("invalid-parameter", `events[${index}].${thrown.message}`, { field: "time", index });
  }
}

function readContents(sent: SecurityEventInput["contents"], refuse: Refuse): readonly Content[] {
  if (sent === undefined) return [];
  if (Array.isArray(sent)) return sent.map(({ key, value }) => ({ key, value }));
  const members = Object.entries(sent as Record<string, string>);
  if (members.length > 1000) throw refuse("contents", "has more than 1000 members");
  if (members.length > 1 && members.some(([key]) => /^(0|[1-9]\d*)$/.test(key)))
    throw refuse("contents", "use the array form for keys that are numbers, whose order an object does not keep");
  return members.map(([key, value]) => ({ key, value }));
}

/** The members that say something: neither undefined nor empty. */
function withoutEmpty<T extends object>(members: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined && value !== "")) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

/** The same members in canonical order. */
function sorted<T extends object>(members: T): T {
  return Object.fromEntries(Object.entries(members).sort(([a], [b]) => (a < b ? -1 : 1))) as T;
}

function shapeRefusal(shape: Shape, input: unknown, index: number): TaishiError {
  const errors = shape.Errors(input) as { instancePath: string; message: string; keyword: string }[];
  // The deepest path is the most telling one; "schema is false" marks a member that is not known.
  const worst = errors.reduce<(typeof errors)[number] | undefined>(
    (best, error) => (best === undefined || error.instancePath.length > best.instancePath.length ? error : best),
    undefined,
  );
  const missing = errors.find((error) => error.keyword === "required");
  const params = (missing as { params?: { requiredProperties?: string[] } } | undefined)?.params;
  const path = (worst?.instancePath ?? "").slice(1).replaceAll("/", ".");
  if (missing !== undefined && (path === "" || missing.instancePath === worst?.instancePath)) {
    const parent = missing.instancePath.slice(1).replaceAll("/", ".");
    const name = params?.requiredProperties?.[0] ?? "a member";
    const field = parent === "" ? name : `${parent}.${name}`;
    return new TaishiError("missing-parameter", `events[${index}].${field}: is required`, { field, index });
  }
  const why = worst?.keyword === "boolean" ? "is not a known member" : (worst?.message ?? "is invalid");
  const at = path === "" ? `events[${index}]` : `events[${index}].${path}`;
  return new TaishiError("invalid-parameter", `${at}: ${why}`, { field: path === "" ? "event" : path, index });
}
