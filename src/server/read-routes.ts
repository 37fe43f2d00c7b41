// GET /api/v1/events and /api/v1/events/{seq}: reading back what was appended. An answer is complete as of `size`
// entries of the caller's log (I5, I6), and only ever of the caller's log (I7).
import { Type } from "typebox";
import { TaishiError } from "../errors.ts";
import { kinds, risks } from "../event/event.ts";
import { formatMillis } from "../event/time.ts";
import type { Match } from "../query/event-match.ts";
import { type ListRequest, listFitting, type NumberedEntry, type Queries, type SearchQueries } from "../query/query.ts";
import { writeCursor } from "./cursor.ts";
import { listParameters, readListQuery } from "./list-query.ts";
import type { Route } from "./route.ts";

export const sequenceNumber = Type.Integer({ minimum: 0, description: "Zero-based number in the account's log." });
const instant = (description: string) => Type.String({ format: "date-time", description });

export const StoredEvent = Type.Object(
  {
    seq: sequenceNumber,
    received: instant("When the service took it in; never decreases within a log."),
    kind: Type.Union(kinds.map((kind) => Type.Literal(kind))),
    time: instant("When it happened."),
    type: Type.Optional(Type.String({ description: "Security, trail and system events." })),
    resource: Type.Optional(
      Type.Object({ type: Type.String(), id: Type.String(), project: Type.Optional(Type.String()) }),
    ),
    risk: Type.Optional(Type.Union(risks.map((risk) => Type.Literal(risk)))),
    contents: Type.Optional(Type.Array(Type.Object({ key: Type.String(), value: Type.String() }))),
    detail: Type.Optional(Type.String()),
    rule: Type.Optional(Type.String({ description: "Security events: the rule that graded it." })),
    reason: Type.Optional(Type.String({ description: "Unparsed records: why no event could be made of it." })),
    source: Type.Optional(Type.String({ description: "Trail events: EventSource." })),
    instance: Type.Optional(Type.String({ description: "Database events: the instance." })),
    data: Type.Optional(Type.Record(Type.String(), Type.Unknown(), { description: "System events." })),
    parser: Type.Optional(
      Type.Object(
        { name: Type.String(), version: Type.String() },
        { description: "What read the record, where the event came from a source." },
      ),
    ),
    position: Type.Optional(
      Type.Object(
        { source: Type.String(), stream: Type.String(), offset: Type.Integer() },
        { description: "Where it stands at its source." },
      ),
    ),
    raw: Type.Optional(Type.String({ description: "The record as received." })),
    rawBase64: Type.Optional(Type.String({ description: "The same where it is not UTF-8." })),
  },
  {
    $id: "StoredEvent",
    description: "An event as it is kept, with its number, and the further members that its kind was sent with.",
  },
);

const EventPage = Type.Object(
  {
    events: Type.Array(StoredEvent),
    next: Type.Union([Type.String(), Type.Null()], { description: "Give it as `cursor` to go on; null at the end." }),
    total: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()], {
      description:
        "Exact number of all matches, on whatever page. Null only for a search by q, user, ip or content.KEY that did not look at everything in one answer.",
    }),
    size: Type.Integer({ minimum: 0, description: "Entries of the log that the answer covers." }),
    scannedTo: Type.Optional(
      Type.Union([Type.Object({ time: instant("Its time."), seq: sequenceNumber }), Type.Null()], {
        description:
          "Of a search: the last event that was looked at, in the order asked for; all before it that match are in this answer or one before. Null: everything was looked at.",
      }),
    ),
    scanned: Type.Optional(Type.Integer({ minimum: 0, description: "Of a search: how many events were looked at." })),
  },
  { $id: "EventPage" },
);

export function listRoute(queries: Pick<Queries, "list"> & Pick<SearchQueries, "search">): Route {
  return {
    method: "GET",
    path: "/api/v1/events",
    act: "read",
    bodyLimit: 0,
    operationId: "listEvents",
    audited: { name: "ListEvents", readOnly: true },
    summary: "List events by filter",
    description:
      "Complete as of `size` entries, which include everything acknowledged before the request. A search (q, user, ip, content.KEY) reads entries and looks at a bounded number of them in one answer, which may hold fewer events than asked for, even none: `next` goes on.",
    parameters: listParameters,
    answer: EventPage,
    handle: async ({ caller, query }) => {
      const { match, ...request } = readListQuery(query, caller.account);
      if (match !== undefined) return search(queries, { ...request, match });
      const { limit } = request.window;
      // One more than asked for tells whether there is a next page.
      const wanted = { ...request, window: { ...request.window, limit: limit + 1 } };
      const page = await listFitting(queries, wanted);
      const entries = page.entries.slice(0, limit);
      // A page by its number is whole: what it left out would be on no page.
      if (page.cut && entries.length < limit && query.has("page"))
        throw new TaishiError(
          "page-too-large",
          `limit: only ${entries.length} of the events of this page fit into one answer; ask for fewer at a time`,
          { field: "limit", fits: entries.length },
        );
      const last = entries.at(-1);
      const next =
        last === undefined || (page.entries.length <= limit && !page.cut)
          ? null
          : writeCursor(request, { time: last.event.time, seq: last.seq });
      return JSON.stringify({ events: entries.map(storedEvent), next, total: page.total, size: page.size });
    },
  };
}

async function search(
  queries: Pick<SearchQueries, "search">,
  { filter, match, order, window }: ListRequest & { readonly match: Match },
): Promise<string> {
  const { limit } = window;
  const after = "after" in window ? { after: window.after } : {};
  const { entries, size, next, scanned } = await queries.search({ filter, match, order, limit, ...after });
  return JSON.stringify({
    events: entries.map(storedEvent),
    next: next === null ? null : writeCursor({ filter, match, order }, next),
    // Only what was looked at from the beginning to the end is counted (I5).
    total: next === null && !("after" in window) ? entries.length : null,
    size,
    scannedTo: next === null ? null : { time: formatMillis(next.time), seq: next.seq },
    scanned,
  });
}

export function entryRoute(queries: Pick<Queries, "entry">): Route {
  return {
    method: "GET",
    path: "/api/v1/events/{seq}",
    act: "read",
    bodyLimit: 0,
    operationId: "getEvent",
    audited: { name: "GetEvent", readOnly: true },
    summary: "Get one event by its number",
    parameters: [{ name: "seq", in: "path", required: true, schema: sequenceNumber }],
    answer: StoredEvent,
    errors: [404],
    handle: async ({ caller, path, query }) => {
      refuseParameters(query);
      const seq = sequenceNumberOf(path.seq ?? "");
      const entry = await queries.entry(caller.account, seq);
      if (entry === undefined) throw new TaishiError("not-found", `the log has no event ${seq}`, { field: "seq" });
      return JSON.stringify(storedEvent(entry));
    },
  };
}

/** An event as each cloud's API would return it, by the API's name; only those that would. */
export type EventDialects = (
  entry: NumberedEntry,
  account: string,
  acceptLanguage: string | undefined,
) => Readonly<Record<string, unknown>>;

export function dialectsRoute(queries: Pick<Queries, "entry">, dialects: EventDialects): Route {
  return {
    method: "GET",
    path: "/api/v1/events/{seq}/dialects",
    act: "read",
    bodyLimit: 0,
    operationId: "getEventDialects",
    audited: { name: "GetEventDialects", readOnly: true },
    summary: "Get one event as each cloud's API would return it",
    parameters: [{ name: "seq", in: "path", required: true, schema: sequenceNumber }],
    answer: Type.Record(Type.String(), Type.Unknown(), {
      $id: "EventDialects",
      description:
        "By the API's name: an item of its answer, or a line of its file. An API that would not return it is not there.",
    }),
    errors: [404, 410],
    handle: async ({ caller, headers, path, query }) => {
      refuseParameters(query);
      const seq = sequenceNumberOf(path.seq ?? "");
      const entry = await queries.entry(caller.account, seq);
      if (entry === undefined) throw new TaishiError("not-found", `the log has no event ${seq}`, { field: "seq" });
      return JSON.stringify(dialects(entry, caller.account, headers["accept-language"]));
    },
  };
}

/** @throws TaishiError invalid-parameter (seq) */
export function sequenceNumberOf(text: string): number {
  const seq = Number(text);
  if (!/^(?:0|[1-9]\d*)$/.test(text) || !Number.isSafeInteger(seq))
    throw new TaishiError("invalid-parameter", "seq: must be a whole number from 0", { field: "seq" });
  return seq;
}

/** For routes that take none. @throws TaishiError invalid-parameter naming the first */
export function refuseParameters(query: URLSearchParams): void {
  for (const name of query.keys()) {
    const field = name.slice(0, 64);
    throw new TaishiError("invalid-parameter", `${field}: is not a known parameter`, { field });
  }
}

/** An event as the own API shows it. */
export function storedEvent({
  seq,
  received,
  event,
  parser,
  position,
  raw,
  rawBase64,
}: NumberedEntry): Record<string, unknown> {
  // Members that are undefined are not printed.
  return {
    seq,
    received: formatMillis(received),
    ...event,
    time: formatMillis(event.time),
    parser,
    position,
    raw,
    rawBase64,
  };
}
