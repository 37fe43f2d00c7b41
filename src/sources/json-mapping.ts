// A mapping of JSON records to events, as an operator writes it: paths to members, constants, forms of times. Read once, with
// what is wrong with it named by its place; then a pure function from a record to its outcome.
import { type Static, Type } from "typebox";
import { TaishiError } from "../errors.ts";
import { risks } from "../event/event.ts";
import { labelNames } from "../event/labels.ts";
import { parseRfc3339 } from "../event/time.ts";
import { type JsonPath, readPath, valueAt } from "./json-path.ts";
import { anyText, epochMillis, type Members, readObject, rewriteStrings, textOf } from "./json-record.ts";
import { removed } from "./secrets.ts";
import type { Draft, Outcome, RawRecord } from "./source.ts";

const closed = { additionalProperties: false } as const;

const Path = Type.String({ minLength: 1, maxLength: 1024, description: "A path to a member: $.a.b[0]['c.d']" });

export const Field = Type.Union(
  [
    Path,
    Type.Object(
      {
        path: Path,
        required: Type.Optional(Type.Boolean({ description: "A record without it is malformed." })),
        default: Type.Optional(Type.String({ description: "Its value where there is none." })),
        map: Type.Optional(
          Type.Record(Type.String(), Type.String(), { description: "Other values for these; what is not here stays." }),
        ),
      },
      closed,
    ),
    Type.Object({ value: Type.String({ description: "The same for every record." }) }, closed),
  ],
  { description: "A path, or an object with a path, or one with a constant value." },
);
export type Field = Static<typeof Field>;

export const timeForms = ["rfc3339", "s", "ms", "us", "ns"] as const;

export const Time = Type.Union(
  [
    Path,
    Type.Object(
      {
        path: Path,
        format: Type.Optional(
          Type.Union(
            timeForms.map((form) => Type.Literal(form)),
            { description: "RFC 3339, or a count of seconds, ms, us or ns since 1970 (default rfc3339)." },
          ),
        ),
      },
      closed,
    ),
    Type.Object({ received: Type.Literal(true, { description: "When the record was read." }) }, closed),
  ],
  { description: "When it happened." },
);
export type Time = Static<typeof Time>;

export const ContentField = Type.Object(
  {
    key: Type.String({ minLength: 1, maxLength: 256 }),
    path: Type.Optional(Path),
    value: Type.Optional(Type.String()),
    required: Type.Optional(Type.Boolean()),
    default: Type.Optional(Type.String()),
    map: Type.Optional(Type.Record(Type.String(), Type.String())),
  },
  closed,
);

export const Where = Type.Array(
  Type.Object(
    {
      path: Path,
      equals: Type.Optional(Type.Array(Type.String(), { description: "One of these; absent: it is there." })),
    },
    closed,
  ),
  { maxItems: 100, description: "All must hold; other records are no events." },
);

const Names = Type.Record(Type.String(), Field);

export const Mapping = Type.Object(
  {
    kind: Type.Union([Type.Literal("security"), Type.Literal("trail"), Type.Literal("database")]),
    time: Type.Optional(Time),
    type: Type.Optional(Field),
    source: Type.Optional(Field),
    name: Type.Optional(Field),
    contents: Type.Optional(
      Type.Array(ContentField, { maxItems: 1000, description: "Of security events, in this order." }),
    ),
    detail: Type.Optional(Field),
    risk: Type.Optional(Field),
    fields: Type.Optional(Names),
    resources: Type.Optional(Type.Array(Type.Object({ type: Field, id: Field }, closed), { maxItems: 100 })),
    labels: Type.Optional(Names),
    where: Type.Optional(Where),
    redact: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), {
        maxItems: 1000,
        description: 'Names of members, wherever they are, whose texts are kept as "*****".',
      }),
    ),
  },
  closed,
);
export type Mapping = Static<typeof Mapping>;

const trailFields = [
  "eventId",
  "requestId",
  "accessKeyId",
  "userName",
  "identityType",
  "sourceIp",
  "region",
  "errorCode",
  "apiVersion",
  "readOnly",
  "extraIndex",
] as const;
const databaseFields = [
  "recordId",
  "connectionId",
  "status",
  "commandClass",
  "sql",
  "user",
  "host",
  "externalUser",
  "ip",
  "database",
] as const;

/** Which members a mapping of a kind has beside those of every kind; "!" marks what it must have. */
const membersOfKind: Readonly<Record<Mapping["kind"], readonly string[]>> = {
  security: ["type!", "contents", "detail", "risk"],
  trail: ["type!", "source!", "detail", "fields", "resources"],
  database: ["name!", "fields"],
};
const membersOfAll = ["kind", "time", "labels", "where", "redact"];

/** A record cannot be read as the mapping says: `message` is the reason. */
class Unreadable extends Error {}

type Read = (record: Members) => string | undefined;

/**
 * @returns what makes an outcome of a record
 * @throws TaishiError invalid-parameter or missing-parameter; `field` is the place within the mapping, "contents[2].path"
 */
export function compileMapping(mapping: Mapping): (record: RawRecord) => Outcome {
  checkMembers(mapping);
  const timeOf = compileTime(mapping.time ?? "$.time");
  const labels = compileNames(mapping.labels, "labels", (name) => isLabel(name));
  const where = (mapping.where ?? []).map(({ path, equals }, index) => ({
    path,
    at: readPath(path, `where[${index}].path`),
    equals,
  }));
  const draftOf = compileDraft(mapping);
  const hidden = new Set(mapping.redact);
  return (raw) => {
    const records = [raw];
    const first = readObject(raw.text, true);
    if (typeof first === "string") return { why: "malformed", reason: first, records };
    const text =
      hidden.size === 0
        ? raw.text
        : rewriteStrings(raw.text, (_, path) => (path.some((name) => hidden.has(name)) ? removed : undefined));
    const redacted = text === raw.text ? {} : { redacted: text };
    const record = text === raw.text ? first : (readObject(text, true) as Members);
    for (const { path, at, equals } of where) {
      const value = anyText(valueAt(record, at));
      if (value === undefined || (equals !== undefined && !equals.includes(value)))
        return { why: "no-event", reason: `the mapping does not ask for its ${path}`, records, ...redacted };
    }
    try {
      const draft = draftOf(record, timeOf(record, raw), text);
      return { draft, labels: valuesOf(labels, record), records, ...redacted };
    } catch (thrown) {
      if (!(thrown instanceof Unreadable)) throw thrown;
      return { why: "malformed", reason: thrown.message, records, ...redacted };
    }
  };
}

function checkMembers(mapping: Mapping): void {
  const members = membersOfKind[mapping.kind];
  for (const member of members)
    if (member.endsWith("!") && !(member.slice(0, -1) in mapping))
      throw new TaishiError("missing-parameter", `${member.slice(0, -1)}: is required for kind ${mapping.kind}`, {
        field: member.slice(0, -1),
      });
  for (const member of Object.keys(mapping))
    if (!membersOfAll.includes(member) && !members.some((known) => known.replace("!", "") === member))
      throw refusal(member, `has no place in a mapping of kind ${mapping.kind}`);
}

function refusal(field: string, why: string): TaishiError {
  return new TaishiError("invalid-parameter", `${field}: ${why}`, { field });
}

function isLabel(name: string): string | undefined {
  return (labelNames as readonly string[]).includes(name) || /^label\../.test(name)
    ? undefined
    : "is no label; other names begin with label.";
}

type DraftOf = (record: Members, time: number, text: string) => Draft;

function compileDraft(mapping: Mapping): DraftOf {
  if (mapping.kind === "security") return compileSecurity(mapping);
  if (mapping.kind === "trail") return compileTrail(mapping);
  const name = needed(mapping.name, "name");
  const fields = compileNames(mapping.fields, "fields", oneOf(databaseFields, "database"));
  return (record, time) => ({ kind: "database", time, name: name(record), ...valuesOf(fields, record) });
}

function compileSecurity(mapping: Mapping): DraftOf {
  const type = needed(mapping.type, "type");
  const contents = (mapping.contents ?? []).map(({ key, path, value, ...how }, index) => {
    const field = `contents[${index}]`;
    if ((path === undefined) === (value === undefined)) throw refusal(field, "has either a path or a value");
    return { key, read: compileField(value === undefined ? { path: path!, ...how } : { value }, field) };
  });
  const detail = mapping.detail === undefined ? undefined : compileField(mapping.detail, "detail");
  const risk = mapping.risk === undefined ? undefined : compileField(mapping.risk, "risk");
  return (record, time) => {
    const level = risk?.(record);
    const known = risks.find((name) => name === level);
    if (level !== undefined && known === undefined) throw new Unreadable("its risk is none of the five levels");
    return {
      kind: "security",
      time,
      type: type(record),
      contents: contents.flatMap(({ key, read }) => {
        const value = read(record);
        return value === undefined ? [] : [{ key, value }];
      }),
      ...(known === undefined ? {} : { risk: known }),
      ...defined({ detail: detail?.(record) }),
    };
  };
}

function compileTrail(mapping: Mapping): DraftOf {
  const type = needed(mapping.type, "type");
  const source = needed(mapping.source, "source");
  const detail = mapping.detail === undefined ? undefined : compileField(mapping.detail, "detail");
  const fields = compileNames(mapping.fields, "fields", oneOf(trailFields, "trail"));
  const resources = (mapping.resources ?? []).map((resource, index) => ({
    type: compileField(resource.type, `resources[${index}].type`),
    id: compileField(resource.id, `resources[${index}].id`),
  }));
  return (record, time, text) => {
    const { readOnly, ...texts } = valuesOf(fields, record);
    const found = resources.flatMap((resource) => {
      const [of, id] = [resource.type(record), resource.id(record)];
      return of === undefined || id === undefined ? [] : [{ type: of, id }];
    });
    if (readOnly !== undefined && readOnly !== "true" && readOnly !== "false")
      throw new Unreadable("its readOnly is neither true nor false");
    return {
      kind: "trail",
      time,
      type: type(record),
      source: source(record),
      ...texts,
      ...(readOnly === undefined ? {} : { readOnly: readOnly === "true" }),
      ...(found.length === 0 ? {} : { resources: found }),
      ...defined({ detail: detail === undefined ? text.toWellFormed() : detail(record) }),
    };
  };
}

function defined<T extends object>(members: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

function oneOf(names: readonly string[], kind: string): (name: string) => string | undefined {
  return (name) => (names.includes(name) ? undefined : `is no field of a ${kind} event: ${names.join(", ")}`);
}

type Names = readonly (readonly [string, Read])[];

/** @param wrong why a name is none, or undefined */
function compileNames(
  fields: Readonly<Record<string, Field>> | undefined,
  field: string,
  wrong: (name: string) => string | undefined,
): Names {
  return Object.entries(fields ?? {}).map(([name, given]) => {
    const why = wrong(name);
    if (why !== undefined) throw refusal(`${field}.${name}`, why);
    return [name, compileField(given, `${field}.${name}`)];
  });
}

function valuesOf(names: Names, record: Members): Readonly<Record<string, string>> {
  return Object.fromEntries(
    names.flatMap(([name, read]) => {
      const value = read(record);
      return value === undefined || value === "" ? [] : [[name, value]];
    }),
  );
}

/** A field that every record must have. */
function needed(given: Field | undefined, field: string): (record: Members) => string {
  const read = compileField(given!, field);
  return (record) => {
    const value = read(record);
    if (value === undefined) throw new Unreadable(`${pathOf(given!)} is missing`);
    return value;
  };
}

function pathOf(given: Field): string {
  return typeof given === "string" ? given : "path" in given ? given.path : given.value;
}

function compileField(given: Field, field: string): Read {
  if (typeof given === "object" && "value" in given) {
    const constant = given.value.toWellFormed();
    return () => constant;
  }
  const { path, required, default: fallback, map } = typeof given === "string" ? { path: given } : given;
  const at: JsonPath = readPath(path, typeof given === "string" ? field : `${field}.path`);
  const others = new Map(Object.entries(map ?? {}));
  return (record) => {
    const value = anyText(valueAt(record, at)) ?? fallback;
    if (value === undefined && required === true) throw new Unreadable(`${path} is missing`);
    return value === undefined ? undefined : (others.get(value) ?? value).toWellFormed();
  };
}

function compileTime(given: Time): (record: Members, raw: RawRecord) => number {
  if (typeof given === "object" && "received" in given) return (_, raw) => raw.read;
  const { path, format = "rfc3339" } = typeof given === "string" ? { path: given } : given;
  const at = readPath(path, typeof given === "string" ? "time" : "time.path");
  const decimals = { rfc3339: undefined, s: 0, ms: 3, us: 6, ns: 9 }[format] as 0 | 3 | 6 | 9 | undefined;
  return (record) => {
    const value = valueAt(record, at);
    if (value === undefined || value === null) throw new Unreadable(`${path} is missing`);
    const time = decimals === undefined ? parseRfc3339(textOf(value) ?? "") : epochMillis(value, decimals);
    if (time === undefined || time < 0) throw new Unreadable(`${path} is no time of the form ${format}`);
    return time;
  };
}
