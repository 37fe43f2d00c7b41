// GET /api/v1/story: one timeline of what belongs together, over all kinds, with why each event is in it (query/story.ts). Bounded,
// and says what was not looked at. Only ever of the caller's log (I7).
import { Type } from "typebox";
import { TaishiError } from "../errors.ts";
import { formatMillis } from "../event/time.ts";
import type { StoryQueries } from "../query/query.ts";
import { lanes, links } from "../query/story.ts";
import {
  checkAddress,
  filterOf,
  filterShapes,
  matchShapes,
  oneOf,
  parametersOf,
  queryReader,
  refuse,
} from "./filter-query.ts";
import { StoredEvent, sequenceNumber, storedEvent } from "./read-routes.ts";
import type { Route } from "./route.ts";

const { resourceType, resourceId, project, from, to } = filterShapes;
const { user, ip } = matchShapes;
const shapes = {
  resourceId,
  resourceType,
  project,
  user,
  ip,
  from,
  to,
  limit: Type.Integer({ minimum: 1, maximum: 500, default: 300, description: "Events of the story." }),
};

const count = (description: string) => Type.Integer({ minimum: 0, description });

const Story = Type.Object(
  {
    size: count("Entries of the log that the answer covers."),
    events: Type.Array(
      Type.Object({
        lane: oneOf(lanes),
        joined: Type.Union(
          [
            Type.Object({
              by: oneOf(links),
              value: Type.String({ description: "What both share; a process is TYPE/ID#PID of its resource." }),
              with: sequenceNumber,
            }),
            Type.Null(),
          ],
          {
            description:
              "The event it was joined to, which is in the story too; null where it is what was asked about.",
          },
        ),
        event: StoredEvent,
      }),
      { description: "By time, then number; without their records." },
    ),
    lanes: Type.Array(Type.Object({ lane: oneOf(lanes), count: count("Events in it.") }), {
      description: "Those that have events, in the order in which a story is told.",
    }),
    common: Type.Array(Type.Object({ by: oneOf(links), value: Type.String(), events: count("That share it.") }), {
      description: "Values that join nothing, because too many events share them.",
    }),
    scanned: count("Events that were looked at."),
    around: Type.Union(
      [
        Type.Object({ from: Type.String({ format: "date-time" }), to: Type.String({ format: "date-time" }) }),
        Type.Null(),
      ],
      { description: "Between these times everything was looked at to be joined; null where nothing was found." },
    ),
    cut: Type.Object(
      {
        asked: Type.Boolean({ description: "There is more of what was asked about: older events, not in the story." }),
        around: Type.Boolean({ description: "Not all of the time around it was looked at: see `around`." }),
        events: Type.Boolean({ description: "More belongs to it than `limit`." }),
      },
      { description: "What the story may lack. All false: it is whole, by these rules." },
    ),
  },
  { $id: "Story" },
);

/** The last millisecond that RFC 3339 can write. */
const lastInstant = 253_402_300_799_999;

export function storyRoute(queries: StoryQueries): Route {
  const read = queryReader(shapes);
  return {
    method: "GET",
    path: "/api/v1/story",
    act: "read",
    bodyLimit: 0,
    operationId: "getStory",
    audited: { name: "GetStory", readOnly: true },
    summary: "Tell the story of a resource, a user or an address",
    description:
      "Give resourceId (with or without resourceType), user, or ip. Events of all kinds that share an address, a process, a container, a key or a user with what was asked about, and what happened to a resource in the half hour after a login to it, up to four steps away.",
    parameters: parametersOf(shapes),
    answer: Story,
    handle: async ({ caller, query }) => {
      const values = read(query);
      const user = values.get("user") as string | undefined;
      const ip = values.get("ip") as string | undefined;
      checkAddress(ip);
      const filter = filterOf(values, caller.account);
      const given = [filter.resourceId, user, ip].filter((value) => value !== undefined).length;
      if (given === 0)
        throw new TaishiError("missing-parameter", "resourceId, user or ip: one is required", { field: "resourceId" });
      if (given > 1) throw refuse(user === undefined ? "ip" : "user", "cannot be given together with another");
      if (filter.resourceType !== undefined && filter.resourceId === undefined)
        throw refuse("resourceType", "needs resourceId beside it");
      const limit = (values.get("limit") as number | undefined) ?? 300;
      const { size, threads, common, scanned, around, cut } = await queries.story({
        filter,
        limit,
        ...(user === undefined ? {} : { user }),
        ...(ip === undefined ? {} : { ip }),
      });
      return JSON.stringify({
        size,
        events: threads.map(({ entry, lane, joined }) => ({
          lane,
          joined: joined ?? null,
          event: { ...storedEvent(entry), raw: undefined, rawBase64: undefined },
        })),
        lanes: lanes.flatMap((lane) => {
          const events = threads.filter((thread) => thread.lane === lane).length;
          return events === 0 ? [] : [{ lane, count: events }];
        }),
        common,
        scanned,
        around:
          around === undefined
            ? null
            : {
                from: formatMillis(around.from),
                to: formatMillis(Math.min(around.to, lastInstant)),
              },
        cut,
      });
    },
  };
}
