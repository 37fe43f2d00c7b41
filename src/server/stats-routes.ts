// /api/v1/stats: how much happened, over time and by what. Exact, complete as of `size` entries (I5, I6), of sums that the index
// keeps: no event is read, so it costs about the same however long the log is. /api/v1/status: how the log and the service are.
import { Type } from "typebox";
import { kinds, risks } from "../event/event.ts";
import { formatMillis } from "../event/time.ts";
import type { CountQueries } from "../query/query.ts";
import { filterOf, filterShapes, parametersOf, queryReader } from "./filter-query.ts";
import { refuseParameters } from "./read-routes.ts";
import type { Route } from "./route.ts";

const count = (description: string) => Type.Integer({ minimum: 0, description });
const counts = Type.Array(Type.Integer({ minimum: 0 }), { description: "Of each bucket, in their order." });
const instantOrNull = (description: string) =>
  Type.Union([Type.String({ format: "date-time" }), Type.Null()], { description });

/** Further types are told together. */
const mostSeries = 50;

const statsShapes = {
  ...filterShapes,
  by: Type.Union([Type.Literal("risk"), Type.Literal("type"), Type.Literal("kind")], {
    default: "risk",
    description: "What the series are of.",
  }),
  buckets: Type.Integer({ minimum: 1, maximum: 500, default: 60, description: "Of equal width; the last may be cut." }),
};
const topShapes = {
  ...filterShapes,
  by: Type.Union([Type.Literal("resource"), Type.Literal("type")], { default: "resource" }),
  limit: Type.Integer({ minimum: 1, maximum: 100, default: 10 }),
};

const Stats = Type.Object(
  {
    from: instantOrNull("As asked, or the first match; null where there is none."),
    to: instantOrNull("As asked, or behind the last match; exclusive."),
    width: Type.Integer({ minimum: 1, description: "Milliseconds of a bucket; bucket i begins at from + i × width." }),
    size: count("Entries of the log that the answer covers."),
    total: count("Exact number of all matches between from and to."),
    buckets: count("How many there are."),
    series: Type.Array(Type.Object({ key: Type.String(), total: count("Of the series."), counts }), {
      description: `Risks and kinds in their own order, types by their totals; those without a match are left out. At most ${mostSeries}.`,
    }),
    other: Type.Union([Type.Object({ keys: count("How many."), total: count("Of them all."), counts }), Type.Null()], {
      description: "Further types together; null where there are none.",
    }),
  },
  { $id: "Stats" },
);

const TopStats = Type.Object(
  {
    size: count("Entries of the log that the answer covers."),
    total: count("Exact number of all matches, of resources or none."),
    items: Type.Array(
      Type.Object({
        type: Type.Optional(Type.String({ description: "By type: the type." })),
        resource: Type.Optional(
          Type.Object({ type: Type.String(), id: Type.String() }, { description: "By resource: the resource." }),
        ),
        count: count("Exact number of its matches."),
      }),
      { description: "Most first." },
    ),
  },
  { $id: "TopStats" },
);

export function statsRoutes(queries: CountQueries): readonly Route[] {
  const readStats = queryReader(statsShapes);
  const readTop = queryReader(topShapes);
  const stats: Route = {
    method: "GET",
    path: "/api/v1/stats",
    act: "read",
    bodyLimit: 0,
    operationId: "countEvents",
    audited: { name: "CountEvents", readOnly: true },
    summary: "Count events over time",
    description: "Exact counts per bucket of time and risk, type or kind, of sums that are kept: no event is read.",
    parameters: parametersOf(statsShapes),
    answer: Stats,
    handle: async ({ caller, query }) => {
      const values = readStats(query);
      const by = (values.get("by") as "risk" | "type" | "kind" | undefined) ?? "risk";
      const filter = filterOf(values, caller.account);
      const buckets = (values.get("buckets") as number | undefined) ?? 60;
      const { covered, from, to, width, groups } = await queries.histogram({ filter, by, buckets });
      const length = Math.ceil((to - from) / width);
      const series = groups.map((group) => ({ ...group, total: sum(group.counts) }));
      series.sort(by === "type" ? (a, b) => b.total - a.total : inOrder(by === "risk" ? risks : kinds));
      const rest = series.splice(mostSeries);
      const known = filter.from !== undefined || filter.to !== undefined || series.length > 0;
      return JSON.stringify({
        from: known ? formatMillis(from) : null,
        to: known ? formatMillis(Math.min(to, lastInstant)) : null,
        width,
        size: covered,
        total: sum(series.map(({ total }) => total)) + sum(rest.map(({ total }) => total)),
        buckets: length,
        series: series.map(({ key, total, counts }) => ({ key, total, counts })),
        other:
          rest.length === 0
            ? null
            : {
                keys: rest.length,
                total: sum(rest.map(({ total }) => total)),
                counts: Array.from({ length }, (_, i) => sum(rest.map(({ counts }) => counts[i]!))),
              },
      });
    },
  };
  const top: Route = {
    method: "GET",
    path: "/api/v1/stats/top",
    act: "read",
    bodyLimit: 0,
    operationId: "topEvents",
    audited: { name: "TopEvents", readOnly: true },
    summary: "Say which resources or types occur most",
    parameters: parametersOf(topShapes),
    answer: TopStats,
    handle: async ({ caller, query }) => {
      const values = readTop(query);
      const by = (values.get("by") as "resource" | "type" | undefined) ?? "resource";
      const filter = filterOf(values, caller.account);
      const limit = (values.get("limit") as number | undefined) ?? 10;
      const { covered, total, items } = await queries.top({ filter, by, limit });
      return JSON.stringify({
        size: covered,
        total,
        items: items.map(({ key: [type, id], count }) =>
          by === "type" ? { type, count } : { resource: { type, id }, count },
        ),
      });
    },
  };
  return [stats, top];
}

/** The last millisecond that RFC 3339 can write; events lie before the year 10000. */
const lastInstant = 253_402_300_799_999;

/** How the service is, as far as one account may know. */
export interface ServiceStatus {
  /** Entries of the account's log on disk, covered by a signed checkpoint, and by a cosigned one; null without witnesses. */
  readonly stored: number;
  readonly signed: number;
  readonly witnessed: number | null;
  readonly minimumIndex: number;
  /** When the newest checkpoint was signed, epoch milliseconds. */
  readonly checkpointTime: number | undefined;
  /** Sums over all logs, as /readyz tells them to everybody. */
  readonly index: { readonly covered: number; readonly size: number };
  readonly disk: { readonly free: number; readonly floor: number; readonly below: boolean };
  readonly ready: boolean;
  /** Epoch milliseconds. */
  readonly started: number;
}

const Status = Type.Object(
  {
    account: Type.String(),
    version: Type.String(),
    time: Type.String({ format: "date-time", description: "The service's clock." }),
    started: Type.String({ format: "date-time" }),
    uptime: count("Whole seconds since the start."),
    ready: Type.Boolean({ description: "Whether appends and queries are served, as /readyz says." }),
    log: Type.Object({
      stored: count("Entries on disk."),
      signed: count("Entries that a signed checkpoint covers."),
      witnessed: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()], {
        description: "Entries that a cosigned checkpoint covers; null where there are no witnesses.",
      }),
      minimumIndex: count("Entries with a smaller number may have been pruned."),
      checkpoint: instantOrNull("When the newest checkpoint was signed."),
    }),
    index: Type.Object({ behind: count("Entries, over all logs, that queries do not cover yet.") }),
    disk: Type.Object({
      free: count("Bytes."),
      floor: count("Bytes below which appends are refused."),
      below: Type.Boolean(),
    }),
  },
  { $id: "Status" },
);

export function statusRoute(
  status: (account: string) => ServiceStatus,
  version: string,
  clock: { now(): number },
): Route {
  return {
    method: "GET",
    path: "/api/v1/status",
    act: "read",
    bodyLimit: 0,
    passive: true,
    operationId: "getStatus",
    audited: { name: "GetStatus", readOnly: true },
    summary: "Say how the log and the service are",
    description: "As of about a second ago. Asking is no use of a session.",
    answer: Status,
    handle: async ({ caller, query }) => {
      refuseParameters(query);
      const { account } = caller;
      const now = clock.now();
      const { stored, signed, witnessed, minimumIndex, checkpointTime, index, disk, ready, started } = status(account);
      const { free, floor, below } = disk;
      return JSON.stringify({
        account,
        version,
        time: formatMillis(now),
        started: formatMillis(started),
        uptime: Math.max(0, Math.floor((now - started) / 1000)),
        ready,
        log: {
          stored,
          signed,
          witnessed,
          minimumIndex,
          checkpoint: checkpointTime === undefined ? null : formatMillis(checkpointTime),
        },
        index: { behind: Math.max(0, index.size - index.covered) },
        disk: { free, floor, below },
      });
    },
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function inOrder(keys: readonly string[]) {
  return (a: { readonly key: string }, b: { readonly key: string }): number =>
    keys.indexOf(a.key) - keys.indexOf(b.key);
}
