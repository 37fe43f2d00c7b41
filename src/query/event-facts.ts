// What an event says of who and where, whatever its kind and however its source calls it: users, addresses, processes, containers,
// keys. Owns the names; knows no filter. Used by searches by user and address, and by the story that joins events.
import type { Event } from "../event/event.ts";

const userKeys: ReadonlySet<string> = new Set(["user", "username", "loginuser", "auditedas", "account"]);
const addressKeys: ReadonlySet<string> = new Set([
  "sourceip",
  "destinationip",
  "sourceipaddress",
  "clientip",
  "remoteip",
  "peerip",
  "ip",
]);
const processKeys: ReadonlySet<string> = new Set(["processid", "pid"]);
const containerKeys: ReadonlySet<string> = new Set(["containerid", "container"]);
const accessKeys: ReadonlySet<string> = new Set(["accesskeyid", "accesskey"]);

/** Its attributes by name: contents of a security event, the texts of the others. */
export function* attributesOf(event: Event): Generator<readonly [key: string, value: string]> {
  if (event.kind === "security") {
    for (const { key, value } of event.contents) yield [key, value];
    return;
  }
  const texts = event.kind === "system" ? event.data : event;
  for (const [key, value] of Object.entries(texts)) {
    if (typeof value === "string") yield [key, value];
    else if (typeof value === "boolean") yield [key, String(value)];
  }
}

export interface EventFacts {
  readonly users: ReadonlySet<string>;
  readonly addresses: ReadonlySet<string>;
  /** Where it came from, of an event that has two ends. */
  readonly source: string | undefined;
  readonly processes: ReadonlySet<string>;
  readonly containers: ReadonlySet<string>;
  readonly accessKeys: ReadonlySet<string>;
}

export function factsOfEvent(event: Event): EventFacts {
  const users = new Set<string>();
  const addresses = new Set<string>();
  const processes = new Set<string>();
  const containers = new Set<string>();
  const keys = new Set<string>();
  let source: string | undefined;
  const add = (set: Set<string>, value: string | undefined): void => {
    if (value !== undefined && value !== "") set.add(value);
  };
  if (event.kind === "security") {
    for (const { key, value } of event.contents) {
      const name = key.toLowerCase();
      if (userKeys.has(name)) add(users, value);
      else if (addressKeys.has(name)) {
        add(addresses, address(value));
        if (name !== "destinationip") source ??= address(value);
      } else if (processKeys.has(name)) add(processes, value);
      else if (containerKeys.has(name)) add(containers, value);
      else if (accessKeys.has(name)) add(keys, value);
      else if (key === "SSH") {
        // "source port destination port", as SSH_CONNECTION has it.
        const [from, , to] = value.trim().split(/\s+/);
        add(addresses, address(from));
        add(addresses, address(to));
        source ??= address(from);
      }
    }
    if (event.resource.type === "container") add(containers, event.resource.id);
  } else if (event.kind === "trail") {
    add(users, event.userName);
    add(addresses, address(event.sourceIp));
    source = address(event.sourceIp);
    add(keys, event.accessKeyId);
  } else if (event.kind === "database") {
    add(users, event.user);
    add(users, event.externalUser);
    add(addresses, address(event.ip));
    add(addresses, address(event.host));
    source = address(event.ip) ?? address(event.host);
  }
  return { users, addresses, source, processes, containers, accessKeys: keys };
}

/** An address in the form it is compared in, or undefined where the text is none. */
export function address(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const plain = text
    .trim()
    .replace(/^::ffff:(?=\d+\.)/i, "")
    .toLowerCase();
  return /^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]*:[0-9a-f:.]+(?:%\w+)?)$/.test(plain) ? plain : undefined;
}
