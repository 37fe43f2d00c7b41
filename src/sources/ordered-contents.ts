// The contents of a security event in the order of Ark's published examples: what its type has there comes first, all of it,
// "" where it is not known; then what more is known, in the order given.
import type { Content } from "../event/event.ts";

const published: ReadonlyMap<string, readonly string[]> = new Map([
  ["ContainerLogin", ["Tag", "Arguments", "SSH"]],
  ["Connection", ["ProcessID", "SourceIP", "SourcePort", "DestinationIP", "DestinationPort", "Tag", "Process"]],
  ["ContainerBreakout", ["Tag", "Command", "Username", "ProcessID", "Process", "SandboxType"]],
  ["VarmorDefence", ["Command", "Operation", "ProcessID", "Process", "SandboxType"]],
]);

/** Of other types every event begins with these. */
const others = ["Tag", "Command", "Username", "ProcessID", "Process"];

/** @param facts each under one name; those that are undefined or "" are left out, unless the type's example has them */
export function orderedContents(
  type: string,
  facts: readonly (readonly [key: string, value: string | undefined])[],
): readonly Content[] {
  const known = new Map(facts.filter(([, value]) => value !== undefined && value !== ""));
  const first = published.get(type) ?? others;
  return [
    ...first.map((key) => ({ key, value: known.get(key) ?? "" })),
    ...[...known].filter(([key]) => !first.includes(key)).map(([key, value]) => ({ key, value: value! })),
  ];
}
