// The form events are sent in, as TypeBox schemas: the same ones validate and are printed in the OpenAPI document.
import { type Static, Type } from "typebox";
import { risks } from "./event.ts";

const closed = { additionalProperties: false } as const;

const Time = Type.Union([Type.String(), Type.Number()], {
  description: "When it happened: RFC 3339, or epoch milliseconds as an integer.",
  examples: ["2024-09-29T11:38:34Z", 1727609914000],
});

const short = { minLength: 1, maxLength: 256 } as const;
/** A text that may be empty: then it is as absent. */
const Optional = (description: string) => Type.Optional(Type.String({ maxLength: 1024, description }));

const SentRecord = Type.Optional(
  Type.Object(
    {
      raw: Type.Optional(Type.String({ description: "The record as received, where it is UTF-8." })),
      rawBase64: Type.Optional(
        Type.String({ pattern: "^[A-Za-z0-9+/]*={0,2}$", description: "The record as received, where it is not." }),
      ),
      parser: Type.Optional(
        Type.Object(
          { name: Type.String({ minLength: 1, maxLength: 64 }), version: Type.String({ minLength: 1, maxLength: 32 }) },
          closed,
        ),
      ),
    },
    { ...closed, description: "What the event was made of, and by what; kept with it in the log." },
  ),
);

const Position = Type.Optional(
  Type.Object(
    {
      source: Type.String({ ...short, examples: ["node-1/auth"], description: "Who collected it." }),
      stream: Type.String({ ...short, description: "One content, e.g. a file by what it begins with." }),
      offset: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: "Grows within the stream." }),
    },
    {
      ...closed,
      description:
        "Where the event stands at its source. An event at or below the highest offset that the log has of its stream is there already, for ever: it is counted in `duplicates` and not stored again. In a batch all events have one or none.",
    },
  ),
);
const origin = { record: SentRecord, position: Position };

const ContentList = Type.Array(Type.Object({ key: Type.String(short), value: Type.String() }, closed), {
  maxItems: 1000,
  description: "Kept and returned in this order.",
});

const ResourceInput = Type.Object(
  {
    type: Type.String({ minLength: 1, maxLength: 128, examples: ["endpoint"] }),
    id: Type.String({ ...short, examples: ["ep-20241107-1"] }),
    project: Type.Optional(Type.String(short)),
  },
  closed,
);

export const SecurityEventInput = Type.Object(
  {
    kind: Type.Literal("security"),
    time: Time,
    resource: ResourceInput,
    type: Type.String({ minLength: 1, maxLength: 128, examples: ["SshLogin"] }),
    risk: Type.Optional(
      Type.Union(
        risks.map((risk) => Type.Literal(risk)),
        { default: "Info" },
      ),
    ),
    contents: Type.Optional(Type.Union([ContentList, Type.Record(Type.String(short), Type.String())])),
    detail: Type.Optional(Type.String({ description: "A sentence for people; rendered from contents when absent." })),
    rule: Type.Optional(Type.String({ minLength: 1, maxLength: 128, description: "The rule that graded it." })),
    ...origin,
  },
  { ...closed, $id: "SecurityEventInput", description: "Something that happened to a resource." },
);
export type SecurityEventInput = Static<typeof SecurityEventInput>;

export const TrailEventInput = Type.Object(
  {
    kind: Type.Literal("trail"),
    time: Time,
    type: Type.String({ minLength: 1, maxLength: 128, description: "EventName", examples: ["GetUser"] }),
    source: Type.String({ minLength: 1, maxLength: 128, description: "EventSource", examples: ["iam"] }),
    eventId: Optional("EventID; derived from the log's origin and the entry's number when absent."),
    requestId: Optional("RequestID"),
    accessKeyId: Optional("AccessKeyID"),
    userName: Optional("UserName, CloudTrail's IdentityName."),
    identityType: Optional("UserIdentity.Type, e.g. Root or User."),
    sourceIp: Optional("SourceIPAddress"),
    region: Optional("Region"),
    errorCode: Optional("ErrorCode"),
    apiVersion: Optional("ApiVersion"),
    readOnly: Type.Optional(Type.Boolean()),
    extraIndex: Optional("ExtraIndex: a key of the sender's own."),
    resources: Type.Optional(
      Type.Array(
        Type.Object({ type: Type.String(short), id: Type.String({ minLength: 1, maxLength: 1024 }) }, closed),
        {
          maxItems: 100,
        },
      ),
    ),
    detail: Type.Optional(
      Type.Union([Type.String(), Type.Record(Type.String(), Type.Unknown())], {
        description: "EventDetail: JSON text, kept and returned byte for byte, or an object.",
      }),
    ),
    ...origin,
  },
  { ...closed, $id: "TrailEventInput", description: "A call of some API, as CloudTrail tells it." },
);
export type TrailEventInput = Static<typeof TrailEventInput>;

export const DatabaseEventInput = Type.Object(
  {
    kind: Type.Literal("database"),
    time: Time,
    name: Type.String({ minLength: 1, maxLength: 64, examples: ["Query", "Connect", "Quit"] }),
    instance: Type.String({ ...short, description: "The database instance's id." }),
    recordId: Optional("The record's number."),
    connectionId: Optional("The connection's number."),
    status: Optional("The database's error number as text, 0 on success."),
    commandClass: Optional("E.g. select."),
    sql: Type.Optional(Type.String({ description: "The statement's text." })),
    user: Optional("E.g. root[root] @ localhost []."),
    host: Optional("The client's host name."),
    externalUser: Optional("The user as an outside system knows them."),
    ip: Optional("The client's address."),
    database: Optional("The default database."),
    ...origin,
  },
  { ...closed, $id: "DatabaseEventInput", description: "A statement or connection of a database instance." },
);
export type DatabaseEventInput = Static<typeof DatabaseEventInput>;

export const UnparsedEventInput = Type.Object(
  {
    kind: Type.Literal("unparsed"),
    time: Time,
    type: Type.Optional(Type.Literal("Unparsed")),
    resource: ResourceInput,
    reason: Type.String({ minLength: 1, maxLength: 1024, description: "Why no event could be made of the record." }),
    ...origin,
  },
  { ...closed, $id: "UnparsedEventInput", description: "A record that a source could make no event of." },
);
export type UnparsedEventInput = Static<typeof UnparsedEventInput>;

/** One event as it is sent to POST /api/v1/events. */
export const EventInput = Type.Union([SecurityEventInput, TrailEventInput, DatabaseEventInput, UnparsedEventInput]);
export type EventInput = Static<typeof EventInput>;
