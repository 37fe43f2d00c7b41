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

/** @param facts those that are undefined or "" are left out, unless the type's example has them; of one name the first counts */
export function orderedContents(
  type: string,
  facts: readonly (readonly [key: string, value: string | undefined])[],
): readonly Content[] {
  const known = new Map<string, string>();
  // What is not known stays so: a later fact of that name is another one, which its origin has called so.
  for (const [key, value = ""] of facts) if (!known.has(key)) known.set(key, value);
  const first = published.get(type) ?? others;
  return [
    ...first.map((key) => ({ key, value: known.get(key) ?? "" })),
    ...[...known]
      .filter(([key, value]) => value !== "" && !first.includes(key))
      .map(([key, value]) => ({ key, value })),
  ];
}
