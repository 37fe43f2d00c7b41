// Tells the service how the agent is: PUT /api/v1/agents/{name}.
import type { AgentStatus } from "../agent/agent.ts";
import { request } from "./http-client.ts";

export async function reportAgent(options: {
  readonly server: string;
  readonly token: () => string;
  readonly status: AgentStatus;
  readonly version: string;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { server, token, version, signal } = options;
  const { agent, time: _, ...report } = options.status;
  const base = server.endsWith("/") ? server : `${server}/`;
  const reply = await request(new URL(`api/v1/agents/${encodeURIComponent(agent)}`, base).href, {
    method: "PUT",
    headers: { authorization: `Bearer ${token()}`, "content-type": "application/json" },
    body: JSON.stringify({ version, ...report }),
    timeoutMs: 10_000,
    limit: 64 * 1024,
    signal,
  });
  if (reply.status !== 200) throw new Error(`the service answered ${reply.status}`);
}
