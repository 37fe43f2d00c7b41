// The action LookupEvents of service cloud_trail, version 2021-09-01: authorise, decode, read, encode. Holds no state: a
// reading's window and size travel in its token, so its pages neither shift nor repeat while events arrive (I5).
import type { KeyObject } from "node:crypto";
import type { Clock } from "../../clock.ts";
import type { Action } from "../../clouds/volcengine/gateway.ts";
import { readParameters } from "../../clouds/volcengine/parameters.ts";
import type { TrailEvent } from "../../event/event.ts";
import { derivedEventId, seqOfEventId, term, trailTerms } from "../../event/trail-event.ts";
import { listFitting, type NumberedEntry, type Queries } from "../../query/query.ts";
import { mostPageText, textWeight } from "../../query/weight.ts";
import { authorise } from "./auth.ts";
import { type Condition, decodeLookupEvents, type LookupEvents } from "./decode.ts";
import { firstLanguage } from "./display.ts";
import { encodeTrail, type LookupEventsResult } from "./encode.ts";
import { errorForm, refuse } from "./errors.ts";
import { openToken, type Reading, sealToken } from "./next-token.ts";

/** No real call comes near; more is refused before it is read. */
const maxBodyBytes = 64 * 1024;
const defaultWindowSeconds = 90 * 24 * 3600;
/** Looks at the index per page: what bounds a page is the work, and what is not reached goes on with the token. */
const mostLooks = 16;
/** Entries a further look asks for: it only comes to one where many are passed over. */
const furtherLimit = 500;

export interface LookupOptions {
  readonly queries: Pick<Queries, "list" | "lookup" | "entry">;
  readonly clock: Clock;
  /** Seals tokens; the same after a restart, or tokens end with the process. */
  readonly tokenKey: KeyObject;
  /** The origin of an account's log, from which EventIDs derive. */
  readonly origin: (account: string) => string;
}

type Position = Reading["after"];
interface Hit {
  readonly event: TrailEvent;
  readonly seq: number;
  readonly eventId: string;
}
interface Look {
  readonly size: number;
  readonly entries: readonly NumberedEntry[];
  /** Everything up to here was looked at; null: nothing is left. */
  readonly next: Position | null;
}
type Ask = (after: Position | undefined, limit: number, below: number | undefined) => Promise<Look>;

export function lookupEventsAction(options: LookupOptions): Action {
  return {
    action: "LookupEvents",
    version: "2021-09-01",
    service: "cloud_trail",
    methods: ["GET", "POST"],
    maxBodyBytes,
    errorForm,
    async handle(call): Promise<LookupEventsResult> {
      authorise(call.caller, "LookupEvents");
      const { account } = call.caller;
      const asked = decodeLookupEvents(readParameters(call));
      const begun = asked.token === undefined ? undefined : openToken(options.tokenKey, account, asked, asked.token);
      const { from, to } = begun ?? windowOf(asked, options.clock.now());
      const ask =
        asked.conditions.length === 0
          ? askList(options.queries, account, from, to)
          : await askLookup(options, account, asked.conditions, from, to);
      const matches = matcher(asked.conditions, options.origin(account), from, to);
      const { hits, size, after } = await readPage(ask, matches, asked.limit, begun);
      const language = firstLanguage(call.acceptLanguage);
      return {
        NextToken: after === null ? "" : sealToken(options.tokenKey, account, asked, { from, to, size, after }),
        Trails: hits.map(({ event, eventId }) => encodeTrail(event, eventId, account, language)),
      };
    },
  };
}

/** Both seconds are inclusive, so that what was done in this very second is in the default window. */
function windowOf(asked: LookupEvents, now: number): { from: number; to: number } {
  const second = Math.floor(now / 1000);
  const start = asked.start ?? Math.max(0, second - defaultWindowSeconds);
  const end = asked.end ?? second;
  if (start >= end) throw refuse("InvalidTimeRange");
  return { from: start * 1000, to: (end + 1) * 1000 };
}

/** Without conditions: every trail event of the window, newest first. */
function askList(queries: LookupOptions["queries"], account: string, from: number, to: number): Ask {
  return async (after, limit) => {
    const { size, entries, cut } = await listFitting(queries, {
      filter: { account, kinds: ["trail"], from, to },
      order: "desc",
      window: after === undefined ? { offset: 0, limit } : { after, limit },
    });
    const last = entries.at(-1);
    return { size, entries, next: last === undefined || (entries.length < limit && !cut) ? null : positionOf(last) };
  };
}

/** With conditions: by the index's terms; an entry named by a derived EventID, which is no term, is put in its place. */
async function askLookup(
  { queries, origin }: LookupOptions,
  account: string,
  conditions: readonly Condition[],
  from: number,
  to: number,
): Promise<Ask> {
  const terms = conditions.map(({ key, value }) => term(key, value));
  const named = conditions.find(({ key }) => key === "EventID");
  const seq = named === undefined ? undefined : seqOfEventId(origin(account), named.value);
  const derived = seq === undefined ? undefined : await queries.entry(account, seq);
  return async (after, limit, below) => {
    const lookup = { account, terms, from, to, ...(below !== undefined && { below }) };
    const { size, entries, next } = await queries.lookup({
      lookup,
      order: "desc",
      limit,
      ...(after !== undefined && { after }),
    });
    if (derived === undefined || entries.some((entry) => entry.seq === derived.seq)) return { size, entries, next };
    const at = positionOf(derived);
    const due = (after === undefined || descending(after, at) < 0) && (next === null || descending(at, next) <= 0);
    if (!due) return { size, entries, next };
    return { size, entries: [...entries, derived].sort((a, b) => descending(positionOf(a), positionOf(b))), next };
  };
}

/** The event of an entry where it really is what was asked for: the index's terms are only where to look. */
function matcher(
  conditions: readonly Condition[],
  origin: string,
  from: number,
  to: number,
): (entry: NumberedEntry) => Hit | undefined {
  return ({ event, seq }) => {
    if (event.kind !== "trail" || event.time < from || event.time >= to) return undefined;
    const eventId = event.eventId ?? derivedEventId(origin, seq);
    const terms = conditions.length === 0 ? [] : trailTerms(event);
    const has = ({ key, value }: Condition): boolean =>
      key === "EventID" ? value === eventId : terms.includes(term(key, value));
    return conditions.every(has) ? { event, seq, eventId } : undefined;
  };
}

/** A page's hits and where the next one goes on, null where there is none. */
async function readPage(
  ask: Ask,
  matches: (entry: NumberedEntry) => Hit | undefined,
  limit: number,
  begun: Reading | undefined,
): Promise<{ hits: readonly Hit[]; size: number; after: Position | null }> {
  const hits: Hit[] = [];
  let weight = 0;
  let size = begun?.size;
  let after = begun?.after;
  for (let looks = 0; looks < mostLooks; looks++) {
    // One more than wanted tells whether there is a further page.
    const found = await ask(after, looks === 0 ? limit + 1 : furtherLimit, size);
    size ??= found.size;
    for (const entry of found.entries) {
      const hit = entry.seq < size ? matches(entry) : undefined;
      if (hit === undefined) continue;
      weight += textWeight(hit.event);
      const isFull = hits.length === limit || (hits.length > 0 && weight > mostPageText);
      if (isFull) return { hits, size, after: lastOf(hits) };
      hits.push(hit);
    }
    if (found.next === null) return { hits, size, after: null };
    after = found.next;
  }
  return { hits, size: size ?? 0, after: after ?? null };
}

function lastOf(hits: readonly Hit[]): Position {
  const { event, seq } = hits.at(-1)!;
  return { time: event.time, seq };
}

function positionOf({ event, seq }: NumberedEntry): Position {
  return { time: event.time, seq };
}

/** Negative where `a` comes before `b`, newest first. */
function descending(a: Position, b: Position): number {
  return b.time - a.time || b.seq - a.seq;
}
