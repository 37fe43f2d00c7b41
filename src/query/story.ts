// What belongs together: from the events that somebody asks about to those that share an address, a process, a container, a key or
// a user with them, and to what happened next where they logged in. Pure; works on what was looked at and says what it left out.
// A value that very many events share joins nothing: it is named as common instead.
import type { Event } from "../event/event.ts";
import { factsOfEvent } from "./event-facts.ts";

export const lanes = ["login", "container", "process", "connection", "key", "api", "database", "other"] as const;
export type Lane = (typeof lanes)[number];

export const links = ["resource", "address", "process", "container", "key", "user"] as const;
export type Link = (typeof links)[number];

/** Why an event is in a story: it shares `value` with the event numbered `with`. Absent: it is what was asked for. */
export interface Joined {
  readonly by: Link;
  readonly value: string;
  readonly with: number;
}

/** What joining needs of an event; small, because many are held. */
export interface Strand {
  readonly seq: number;
  readonly time: number;
  readonly lane: Lane;
  /** "link␁value" of everything it can be joined by, its resource apart. */
  readonly tokens: readonly string[];
  /** "" where it happened to none. */
  readonly resource: string;
}

export interface Thread {
  readonly strand: Strand;
  readonly joined: Joined | undefined;
}

const separator = "\u0001";
/** Everybody is these: they say nothing about who. */
const nobodies: ReadonlySet<string> = new Set(["root", "system", "nobody", "daemon", "unknown", "admin", "-", "?"]);
const nowhere = /^(?:127\.|0\.0\.0\.0$|::1?$|169\.254\.169\.254$)/;

/** A value in more events than this, of those looked at, joins nothing. */
const mostCommon = 200;
/** How long after a login what happens to the same resource may be its doing. */
const afterLoginMs = 30 * 60_000;
/** Steps from what was asked for. */
const mostSteps = 4;

export function strandOf(seq: number, event: Event): Strand {
  const { users, addresses, processes, containers, accessKeys } = factsOfEvent(event);
  const resource = resourceOf(event);
  const tokens: string[] = [];
  const add = (link: Link, value: string): void => void tokens.push(link + separator + value);
  for (const user of users) if (!nobodies.has(user.toLowerCase())) add("user", user);
  for (const address of addresses) if (!nowhere.test(address)) add("address", address);
  // A pid is one process only on one machine, for a while.
  for (const process of processes) if (resource !== "" && process !== "0") add("process", `${resource}#${process}`);
  for (const container of containers) add("container", container);
  for (const key of accessKeys) add("key", key);
  return { seq, time: event.time, lane: laneOf(event), tokens, resource };
}

export function laneOf(event: Event): Lane {
  if (event.kind === "database") return "database";
  if (event.kind === "trail") {
    if (/^(?:SignIn|ConsoleLogin|Login)/.test(event.type)) return "login";
    return /^(?:kms|tks)$/i.test(event.source) ? "key" : "api";
  }
  if (event.kind !== "security") return "other";
  const { type } = event;
  if (/Login$/.test(type)) return /^(?:Container|Pod)/.test(type) ? "container" : "login";
  if (/^(?:Container|Pod)/.test(type)) return "container";
  if (/Connection$/.test(type)) return "connection";
  if (/^(?:KMS|Tks|Key)/i.test(type)) return "key";
  if (/^(?:Varmor|Process|Exec|File)/.test(type)) return "process";
  return "other";
}

function resourceOf(event: Event): string {
  if (event.kind === "trail") return "";
  if (event.kind === "database") return `instance/${event.instance}`;
  return `${event.resource.type}/${event.resource.id}`;
}

export interface Story {
  /** By time, then number. */
  readonly threads: readonly Thread[];
  /** Whether more belong to it than were wanted. */
  readonly cut: boolean;
  /** Values that were not followed, because too many events share them. */
  readonly common: readonly { readonly by: Link; readonly value: string; readonly events: number }[];
}

/**
 * @param seeds what was asked for
 * @param others what else was looked at; may hold the seeds too
 * @param anchor a token that is followed however common it is, being what was asked for
 */
export function joinStory(
  seeds: readonly Strand[],
  others: readonly Strand[],
  limit: number,
  anchor?: { readonly by: Link; readonly value: string },
): Story {
  const anchored = anchor === undefined ? undefined : anchor.by + separator + anchor.value;
  const bySeq = new Map([...others, ...seeds].map((strand) => [strand.seq, strand]));
  const byToken = new Map<string, Strand[]>();
  const byResource = new Map<string, Strand[]>();
  for (const strand of bySeq.values()) {
    for (const token of strand.tokens) push(byToken, token, strand);
    if (strand.resource !== "") push(byResource, strand.resource, strand);
  }
  const threads = new Map<number, Thread>();
  const common = new Map<string, number>();
  let cut = seeds.length > limit;
  let edge: Strand[] = seeds.slice(0, limit);
  for (const strand of edge) threads.set(strand.seq, { strand, joined: undefined });
  const join = (strand: Strand, joined: Joined, next: Strand[]): void => {
    if (threads.has(strand.seq)) return;
    if (threads.size >= limit) {
      cut = true;
      return;
    }
    threads.set(strand.seq, { strand, joined });
    next.push(strand);
  };
  for (let step = 0; step < mostSteps && edge.length > 0; step++) {
    const next: Strand[] = [];
    // The earlier is told as the reason of the later.
    for (const strand of edge.sort(byTime)) {
      for (const token of strand.tokens) {
        const sharing = byToken.get(token) ?? [];
        if (sharing.length > mostCommon && token !== anchored) {
          common.set(token, sharing.length);
          continue;
        }
        const [by, value] = token.split(separator) as [Link, string];
        for (const other of sharing) join(other, { by, value, with: strand.seq }, next);
      }
      // What happens where somebody has just come in.
      if (strand.lane !== "login" && strand.lane !== "container") continue;
      for (const other of byResource.get(strand.resource) ?? [])
        if (other.time >= strand.time && other.time <= strand.time + afterLoginMs)
          join(other, { by: "resource", value: strand.resource, with: strand.seq }, next);
    }
    edge = next;
  }
  return {
    threads: [...threads.values()].sort((a, b) => byTime(a.strand, b.strand)),
    cut,
    common: [...common].map(([token, events]) => {
      const [by, value] = token.split(separator) as [Link, string];
      return { by, value, events };
    }),
  };
}

function byTime(a: Strand, b: Strand): number {
  return a.time - b.time || a.seq - b.seq;
}

function push(lists: Map<string, Strand[]>, key: string, strand: Strand): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [strand]);
  else list.push(strand);
}
