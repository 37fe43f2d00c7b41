// What is asked of an event beside what the index knows: words in its texts, attributes, users, addresses. Answered by looking at
// the entry. A text that cannot match is told by its bytes alone, before it is parsed. Pure.
import type { Entry } from "../event/entry.ts";
import type { Event } from "../event/event.ts";
import { streamOf } from "../event/stream.ts";
import type { Filter } from "../index/port.ts";
import { address, attributesOf, factsOfEvent } from "./event-facts.ts";

/** All that is given must hold. */
export interface Match {
  /** Each must occur, in any case, in some text of the event or in its record. */
  readonly words?: readonly string[];
  /** Exact user. */
  readonly user?: string;
  /** An address that the event has at either end. */
  readonly ip?: string;
  /** Exact attributes: contents of security events, members of the others. */
  readonly attributes?: readonly (readonly [key: string, value: string])[];
}

export interface EntryTest {
  /** False only where the entry of this JSON text cannot match. */
  maybe(text: string): boolean;
  matches(entry: Entry): boolean;
}

export function entryTest(match: Match): EntryTest {
  const words = (match.words ?? []).map((word) => word.toLowerCase());
  const escapedWords = words.map((word) => escaped(word).toLowerCase());
  const exact = [match.user, ...(match.attributes ?? []).map(([, value]) => value)].flatMap((text) =>
    text === undefined || text === "" ? [] : [escaped(text)],
  );
  const ip = match.ip === undefined ? undefined : (address(match.ip) ?? match.ip.toLowerCase());
  return {
    maybe: (text) => {
      // An attribute may be a boolean, whose text is there without quotes.
      if (!exact.every((part) => text.includes(part))) return false;
      if (words.length === 0 && ip === undefined) return true;
      const lower = text.toLowerCase();
      return escapedWords.every((word) => lower.includes(word)) && (ip === undefined || lower.includes(ip));
    },
    matches: (entry) => {
      const { event } = entry;
      if (match.user !== undefined || ip !== undefined) {
        const { users, addresses } = factsOfEvent(event);
        if (match.user !== undefined && !users.has(match.user)) return false;
        if (ip !== undefined && !addresses.has(ip)) return false;
      }
      for (const [key, value] of match.attributes ?? []) if (!hasAttribute(event, key, value)) return false;
      return words.length === 0 || hasWords(entry, words);
    },
  };
}

/** Whether an event is one that a filter means, as the index answers it. */
export function filterTest(filter: Filter): (event: Event) => boolean {
  const { kinds, types, risks, resourceType, resourceId, project, from, to } = filter;
  return (event) => {
    if ((from !== undefined && event.time < from) || (to !== undefined && event.time >= to)) return false;
    const stream = streamOf(event);
    return (
      (kinds?.includes(stream.kind) ?? true) &&
      (types?.includes(stream.type) ?? true) &&
      (risks?.includes(stream.risk) ?? true) &&
      (resourceType === undefined || resourceType === stream.resourceType) &&
      (resourceId === undefined || resourceId === stream.resourceId) &&
      (project === undefined || project === stream.project)
    );
  };
}

function hasAttribute(event: Event, key: string, value: string): boolean {
  for (const [name, found] of attributesOf(event)) if (name === key && found === value) return true;
  return false;
}

/** Words may be in different texts. */
function hasWords({ event, raw }: Entry, words: readonly string[]): boolean {
  const missing = new Set(words);
  const look = (text: string): void => {
    const lower = text.toLowerCase();
    for (const word of missing) if (lower.includes(word)) missing.delete(word);
  };
  const open: unknown[] = [event, raw];
  while (open.length > 0 && missing.size > 0) {
    const value = open.pop();
    if (typeof value === "string") look(value);
    else if (typeof value === "object" && value !== null) open.push(...Object.values(value));
  }
  return missing.size === 0;
}

/** As it stands in canonical JSON. */
function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
