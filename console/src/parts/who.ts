// Whom a story can be asked of, beside its resource: the users and addresses that an event names, as far as its shown fields say.
// The service knows more names for them; what is missed here can still be asked for by hand.
import type { StoredEvent } from "../api.ts";

const userKeys = new Set(["user", "username", "loginuser", "auditedas", "account"]);
const addressText = /^(?:::ffff:)?(?:\d{1,3}(?:\.\d{1,3}){3})$|^[0-9a-f]*:[0-9a-f:]+$/i;

export interface Who {
  readonly users: readonly string[];
  readonly addresses: readonly string[];
}

export function whoOf(event: StoredEvent): Who {
  const users = new Set<string>();
  const addresses = new Set<string>();
  const named: (readonly [string, string])[] = [
    ...(event.contents ?? []).map(({ key, value }) => [key, value] as const),
    ...Object.entries(event).flatMap(([key, value]) => (typeof value === "string" ? [[key, value] as const] : [])),
  ];
  for (const [key, value] of named) {
    const name = key.toLowerCase();
    if (name === "user" || userKeys.has(name) || name === "externaluser") users.add(value);
    // SSH_CONNECTION is "source port destination port".
    for (const part of name === "ssh" ? value.split(/\s+/) : [value])
      if (
        (name === "ssh" || name === "host" || name.endsWith("ip") || name.includes("address")) &&
        addressText.test(part)
      )
        addresses.add(part);
  }
  users.delete("");
  return { users: [...users], addresses: [...addresses] };
}
