// Which lists there are and which of them a filter means. Two families: a fine list per stream (event/stream.ts), so that
// one resource's lists stand side by side, and a coarse list per (account, kind, resource type, type, risk), so that a
// question about the whole account touches few. Keys are text; in files they are compared as UTF-8 bytes.
import { escapePart, separator } from "../event/stream.ts";
import type { Filter } from "./port.ts";

/** The first character of every key. */
export type Family = "c" | "f";

/** Where each member stands in a key of the family. */
export const places = {
  f: { resourceId: 0, resourceType: 1, project: 2, kind: 3, type: 4, risk: 5 },
  c: { resourceId: -1, resourceType: 1, project: -1, kind: 0, type: 2, risk: 3 },
} as const;

/** What all keys of one account and family begin with. */
export function familyPrefix(family: Family, account: string): string {
  return family + escapePart(account) + separator;
}

/** The text of the coarse list an event of this stream belongs to: kind, resource type, type, risk. */
export function coarseText(streamKey: string): string {
  const [, resourceType, , kind, type, risk] = streamKey.split(separator);
  return `${kind}${separator}${resourceType}${separator}${type}${separator}${risk}`;
}

/** The part of a stream's key that names the resource, still escaped. */
export function resourceText(streamKey: string): string {
  return streamKey.slice(0, streamKey.indexOf(separator));
}

/**
 * Whether entries of the list with this key are forgotten with their account's oldest (retention): all are but those of
 * the service's own, of kind system.
 */
export function isForgotten(account: string): (key: string) => boolean {
  const coarse = familyPrefix("c", account);
  const fine = familyPrefix("f", account);
  return (key) => {
    if (key.startsWith(coarse)) return key.slice(coarse.length).split(separator)[0] !== "system";
    return key.startsWith(fine) && key.slice(fine.length).split(separator)[3] !== "system";
  };
}

/** The lists a filter means; their times are not looked at. */
export interface Selector {
  readonly family: Family;
  readonly account: string;
  /** The resource's id as it stands in keys; only with the fine family. */
  readonly resource: string | undefined;
  /** What the texts of all lists meant begin with, after the family prefix. */
  readonly within: string;
  /** Whether a list whose text begins with `within` is meant. */
  readonly matches: (text: string) => boolean;
}

/** @throws RangeError where a project is named without a resource */
export function selectorOf(filter: Filter): Selector {
  const { account, resourceId, resourceType, project } = filter;
  if (project !== undefined && resourceId === undefined) throw new RangeError("a project needs a resourceId beside it");
  const family: Family = resourceId === undefined ? "c" : "f";
  const resource = resourceId === undefined ? undefined : escapePart(resourceId);
  let within = "";
  if (resource !== undefined) {
    within = resource + separator;
    if (resourceType !== undefined) within += escapePart(resourceType) + separator;
  }
  const place = places[family];
  const tests: { readonly at: number; readonly wanted: ReadonlySet<string> }[] = [];
  const want = (at: number, values: readonly string[] | undefined): void => {
    if (values !== undefined) tests.push({ at, wanted: new Set(values.map(escapePart)) });
  };
  want(place.kind, filter.kinds);
  want(place.type, filter.types);
  want(place.risk, filter.risks);
  if (resourceType !== undefined) want(place.resourceType, [resourceType]);
  if (project !== undefined) want(place.project, [project]);
  const matches = (text: string): boolean => {
    if (tests.length === 0) return true;
    const parts = text.split(separator);
    return tests.every(({ at, wanted }) => wanted.has(parts[at]!));
  };
  return { family, account, resource, within, matches };
}

/**
 * Compares two keys as SQLite compares their UTF-8 bytes: by code point, where JavaScript's own order puts surrogates
 * before U+E000 to U+FFFF.
 */
export function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    const xHigh = x >= 0xd800;
    const yHigh = y >= 0xd800;
    if (xHigh && yHigh) {
      const xPair = x < 0xe000;
      const yPair = y < 0xe000;
      if (xPair !== yPair) return xPair ? 1 : -1;
    }
    return x - y;
  }
  return a.length - b.length;
}
