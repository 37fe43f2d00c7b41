// /api/v1/agents: what agents say of themselves, for those who watch them. In memory only: an agent tells it every few
// seconds, and what it collected is in the log in any case.
import { type TSchema, Type } from "typebox";
import { Compile } from "typebox/compile";
import type { Clock } from "../clock.ts";
import { TaishiError } from "../errors.ts";
import { formatMillis } from "../event/time.ts";
import { readJson, requireJson } from "./json-body.ts";
import { refuseParameters } from "./read-routes.ts";
import type { Route } from "./route.ts";

const count = Type.Integer({ minimum: 0 });
const text = Type.String({ maxLength: 1024 });
const maybe = <T extends TSchema>(schema: T, description?: string) =>
  Type.Union([schema, Type.Null()], description === undefined ? {} : { description });

export const AgentReport = Type.Object(
  {
    version: Type.String({ maxLength: 64 }),
    sources: Type.Array(
      Type.Object({
        name: Type.String({ maxLength: 128 }),
        source: Type.String({ maxLength: 64, description: "What its records are, e.g. sshd." }),
        input: Type.String({ maxLength: 256, description: "Where they come from, in words." }),
        behind: maybe(count, "Bytes or records that are there and not collected yet; null where that cannot be known."),
        problem: maybe(text),
        counts: Type.Record(Type.String({ maxLength: 64 }), count, { maxProperties: 32 }),
      }),
      { maxItems: 1000 },
    ),
    spool: Type.Object({ bytes: count, limit: count, events: count }),
    sent: count,
    duplicates: count,
    refused: count,
    acknowledged: maybe(Type.Integer(), "When the service last acknowledged events, epoch milliseconds."),
    problem: maybe(text),
  },
  { $id: "AgentReport", description: "How an agent is, as it says itself." },
);

const AgentList = Type.Object(
  {
    agents: Type.Array(
      Type.Object({
        name: Type.String(),
        seen: Type.String({ format: "date-time", description: "When it last said anything." }),
        report: AgentReport,
      }),
    ),
  },
  { $id: "AgentList" },
);

const mostAgents = 1_000;
const check = Compile(AgentReport);

interface Seen {
  readonly at: number;
  readonly report: unknown;
}

/** The last report of each agent, by account. */
export class AgentBoard {
  readonly #agents = new Map<string, Map<string, Seen>>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  put(account: string, name: string, report: unknown): void {
    const agents = this.#agents.get(account) ?? new Map<string, Seen>();
    this.#agents.set(account, agents);
    agents.delete(name); // the first of the map is the one not heard of for longest
    agents.set(name, { at: this.#clock.now(), report });
    const oldest = agents.keys().next();
    if (agents.size > mostAgents && oldest.done !== true) agents.delete(oldest.value);
  }

  list(account: string): readonly { readonly name: string; readonly seen: string; readonly report: unknown }[] {
    const agents = [...(this.#agents.get(account) ?? [])];
    return agents
      .map(([name, { at, report }]) => ({ name, seen: formatMillis(at), report }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }
}

export function agentRoutes(board: AgentBoard): readonly Route[] {
  const name = Type.String({ minLength: 1, maxLength: 128, pattern: "^[ -~]+$" });
  return [
    {
      method: "PUT",
      path: "/api/v1/agents/{name}",
      act: "append",
      bodyLimit: 1024 * 1024,
      operationId: "reportAgent",
      summary: "Say how an agent is",
      description: "`taishi collect` does so every ten seconds. Kept in memory until the service stops.",
      parameters: [{ name: "name", in: "path", required: true, schema: name }],
      requestBody: { "application/json": AgentReport },
      answer: Type.Object({}),
      precheck: requireJson,
      handle: async (call) => {
        refuseParameters(call.query);
        const agent = call.path.name ?? "";
        if (!/^[ -~]{1,128}$/.test(agent))
          throw new TaishiError("invalid-parameter", "name: must be 1 to 128 printable ASCII characters", {
            field: "name",
          });
        board.put(call.caller.account, agent, await readJson(call, check));
        return "{}";
      },
    },
    {
      method: "GET",
      path: "/api/v1/agents",
      act: "read",
      bodyLimit: 0,
      operationId: "listAgents",
      audited: { name: "ListAgents", readOnly: true },
      summary: "List agents and how they are",
      answer: AgentList,
      handle: async ({ caller, query }) => {
        refuseParameters(query);
        return JSON.stringify({ agents: board.list(caller.account) });
      },
    },
  ];
}
