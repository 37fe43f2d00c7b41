// GET /api/v1/trails: the standing exports of the caller's account, what they deliver and how that goes. They are made and changed
// by the cloud's own actions (CreateTrail and its like); here they are only seen.
import { Type } from "typebox";
import { formatMillis } from "../event/time.ts";
import { refuseParameters } from "./read-routes.ts";
import type { Route } from "./route.ts";

/** Times are epoch milliseconds. */
export interface TrailInfo {
  readonly name: string;
  readonly scope: "All" | "Read" | "Write";
  readonly sources: readonly string[];
  readonly bucket: string;
  readonly prefix: string;
  readonly created: number;
  readonly updated: number;
  readonly logging: boolean;
  readonly loggingStarted?: number;
  readonly loggingStopped?: number;
  readonly delivery: { readonly delivered?: number; readonly error?: string };
}

/** What the route needs of the trails. */
export interface TrailList {
  /** By name. */
  list(account: string): Promise<readonly TrailInfo[]>;
}

const time = Type.String({ format: "date-time" });
const maybeTime = (description: string) =>
  Type.Union([Type.String({ format: "date-time" }), Type.Null()], { description });
const TrailSchema = Type.Object(
  {
    name: Type.String(),
    scope: Type.Enum(["All", "Read", "Write"], { description: "Events said to be read-only, all others, or both." }),
    sources: Type.Array(Type.String(), { description: "Only events of these sources; none: of all." }),
    bucket: Type.String({ description: "The folder below the account's exports." }),
    prefix: Type.String({ description: 'The path in it, or "".' }),
    created: time,
    updated: time,
    logging: Type.Boolean({ description: "Whether it delivers what happens now." }),
    loggingStarted: maybeTime("Null: never."),
    loggingStopped: maybeTime("Null: never."),
    delivered: maybeTime("When its last file was complete on disk; null: none yet."),
    error: Type.Union([Type.String(), Type.Null()], {
      description: "Why the last attempt failed; null once one succeeds.",
    }),
  },
  { $id: "Trail", description: "A standing export of the account's trail events into files." },
);

export function trailRoute(trails: TrailList): Route {
  return {
    method: "GET",
    path: "/api/v1/trails",
    act: "read",
    bodyLimit: 0,
    operationId: "listTrails",
    audited: { name: "ListTrails", readOnly: true },
    summary: "List the account's trails: standing exports of its trail events",
    description: "By name. They are made and changed by CloudTrail's actions.",
    answer: Type.Object({ trails: Type.Array(TrailSchema) }, { $id: "TrailList" }),
    handle: async ({ caller, query }) => {
      refuseParameters(query);
      return JSON.stringify({ trails: (await trails.list(caller.account)).map(shown) });
    },
  };
}

function shown({ name, scope, sources, bucket, prefix, created, updated, logging, ...rest }: TrailInfo): object {
  const { loggingStarted, loggingStopped, delivery } = rest;
  return {
    name,
    scope,
    sources,
    bucket,
    prefix,
    created: formatMillis(created),
    updated: formatMillis(updated),
    logging,
    loggingStarted: known(loggingStarted),
    loggingStopped: known(loggingStopped),
    delivered: known(delivery.delivered),
    error: delivery.error ?? null,
  };
}

function known(time: number | undefined): string | null {
  return time === undefined ? null : formatMillis(time);
}
