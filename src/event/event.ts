// The normalised fact: what every source produces, every entry holds and every view shows. Plain data, no behaviour.

export const kinds = ["security", "trail", "database", "unparsed", "system"] as const;
export type Kind = (typeof kinds)[number];

/** Risk levels in ascending order, spelled as Ark spells them. */
export const risks = ["Info", "Low", "Medium", "High", "Critical"] as const;
export type Risk = (typeof risks)[number];

/** What an event happened to. `project` is a cloud project's name; absent means none was said. */
export interface Resource {
  readonly type: string;
  readonly id: string;
  readonly project?: string;
}

export interface Content {
  readonly key: string;
  readonly value: string;
}

/** Something that happened to a resource: a login, an exec, a connection, an interception, a key access. */
export interface SecurityEvent {
  readonly kind: "security";
  /** When it happened: integer milliseconds since the epoch, 1970 to 9999. */
  readonly time: number;
  /** E.g. "SshLogin". Ark lists its seven types; others are kept and found through the own API. */
  readonly type: string;
  readonly resource: Resource;
  readonly risk: Risk;
  /** In the order received. */
  readonly contents: readonly Content[];
  /** One sentence for people; a dialect renders one when absent. */
  readonly detail?: string;
  /** The rule that graded it, where one did. */
  readonly rule?: string;
}

/** A call of some API, as CloudTrail tells it. */
export interface TrailEvent {
  readonly kind: "trail";
  readonly time: number;
  /** CloudTrail's EventName, e.g. "GetUser". */
  readonly type: string;
  /** CloudTrail's EventSource, e.g. "iam". */
  readonly source: string;
  /** Absent: derived from the log's origin and the entry's number (event/trail-event.ts). */
  readonly eventId?: string;
  readonly requestId?: string;
  readonly accessKeyId?: string;
  readonly userName?: string;
  /** CloudTrail's UserIdentity.Type, e.g. "Root", "User". */
  readonly identityType?: string;
  readonly sourceIp?: string;
  readonly region?: string;
  readonly errorCode?: string;
  readonly apiVersion?: string;
  readonly readOnly?: boolean;
  readonly extraIndex?: string;
  readonly resources?: readonly { readonly id: string; readonly type: string }[];
  /** CloudTrail's EventDetail: JSON text, byte for byte as given, or assembled from an object. */
  readonly detail?: string;
  /** The detail was given as an object, so a derived EventID belongs into it when it is shown. */
  readonly assembled?: true;
}

/** A statement or a connection of a database instance. Texts as the database's audit log has them; absent means empty. */
export interface DatabaseEvent {
  readonly kind: "database";
  readonly time: number;
  /** "Query", "Connect", "Quit" and what else the database calls its records. */
  readonly name: string;
  readonly instance: string;
  readonly recordId?: string;
  readonly connectionId?: string;
  /** The database's error number as text, "0" on success. */
  readonly status?: string;
  readonly commandClass?: string;
  readonly sql?: string;
  readonly user?: string;
  readonly host?: string;
  readonly externalUser?: string;
  readonly ip?: string;
  readonly database?: string;
  /** The imported audit file it came with; such events belong to no file of our own making. */
  readonly file?: string;
}

/** A record that a source could make no event of. The record itself is in the entry. */
export interface UnparsedEvent {
  readonly kind: "unparsed";
  /** When the record was read or received. */
  readonly time: number;
  /** "Unparsed". */
  readonly type: string;
  readonly resource: Resource;
  /** Why it is no event, without a quotation of the record. */
  readonly reason: string;
}

/** Something views depend on that the service did itself: closing of a file, a policy, a trail, a rotation. Never sent in. */
export interface SystemEvent {
  readonly kind: "system";
  readonly time: number;
  /** E.g. "AuditFileClosed". */
  readonly type: string;
  readonly resource: Resource;
  /** Any JSON object of canonical values. */
  readonly data: Readonly<Record<string, unknown>>;
}

export type Event = SecurityEvent | TrailEvent | DatabaseEvent | UnparsedEvent | SystemEvent;
