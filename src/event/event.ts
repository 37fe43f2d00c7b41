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
}

export type Event = SecurityEvent;
