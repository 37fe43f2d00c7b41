// One rare key among many events: LookupEvents by RequestID over HTTP, its signature checked, beside PostgreSQL with an
// index on that column. Loading is not timed here.
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { firstKey, TaishiProcess } from "../test/taishi-process.ts";
import type { Figures } from "./figures.ts";
import { startPostgres } from "./postgres-cluster.ts";
import { QueryClient } from "./query-client.ts";
import { latencyOf, timed } from "./statistics.ts";
import { requestIdAt, trailAt } from "./trail-workload.ts";

export interface LookupRound {
  readonly directory: string;
  readonly events: number;
  readonly requests: number;
  readonly figures: Figures;
  readonly cleanUp: AsyncDisposableStack;
  readonly progress: (text: string) => void;
}

const batch = 2000;
const warmUp = 20;

/** Different ids from all over the log, in no order. */
function ids(events: number, count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => requestIdAt((i * 7919 * 131) % events));
}

export async function taishiLookups(round: LookupRound): Promise<void> {
  const { events, requests, figures, progress } = round;
  const base = mkdtempSync(join(round.directory, "taishi-bench-"));
  round.cleanUp.defer(() => rmSync(base, { recursive: true, force: true }));
  const data = join(base, "data");
  const service = await TaishiProcess.serve({ data });
  round.cleanUp.defer(() => service.kill());
  const credentials = firstKey(data);
  for (let first = 0; first < events; first += batch) {
    if (first % 100_000 === 0) progress(`taishi: ${first} trail events`);
    const lines = Array.from({ length: Math.min(batch, events - first) }, (_, i) =>
      JSON.stringify(trailAt(first + i).event),
    );
    const answer = await fetch(`${service.url}/api/v1/events`, {
      method: "POST",
      headers: { authorization: `Bearer ${credentials.token}`, "content-type": "application/x-ndjson" },
      body: lines.join("\n"),
    });
    if (answer.status !== 200) throw new Error(`append answered ${answer.status}: ${await answer.text()}`);
    await answer.arrayBuffer();
  }
  const client = new QueryClient(service.host, credentials);
  const wanted = ids(events, requests + warmUp);
  let next = 0;
  progress("taishi: LookupEvents by RequestID");
  const latency = latencyOf(
    await timed(() => client.lookUp(wanted[next++ % wanted.length]!), { times: requests, warmUp }),
  );
  client.close();
  figures.add("taishi", "lookup.p50", latency.p50);
  figures.add("taishi", "lookup.p99", latency.p99);
  const ended = await service.stop();
  if (ended !== 0) throw new Error(`taishi serve ended with ${ended}`);
  rmSync(base, { recursive: true, force: true });
}

export async function postgresLookups(round: LookupRound & { readonly programs: string }): Promise<void> {
  const { events, requests, figures, progress } = round;
  const cluster = await startPostgres(round.programs, round.directory);
  const removal = round.cleanUp.adopt(cluster, (used) => used.remove());
  const client = await removal.connect();
  await client.query(
    "CREATE TABLE trail (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, time timestamptz NOT NULL, request_id text NOT NULL, event jsonb NOT NULL)",
  );
  await client.query("CREATE INDEX trail_request_id ON trail (request_id)");
  for (let first = 0; first < events; first += batch) {
    if (first % 100_000 === 0) progress(`postgres: ${first} trail events`);
    const rows = Array.from({ length: Math.min(batch, events - first) }, (_, i) => trailAt(first + i).event);
    await client.query({
      name: "append",
      text: "INSERT INTO trail (time, request_id, event) SELECT (e->>'time')::timestamptz, e->>'requestId', e FROM jsonb_array_elements($1::jsonb) AS e",
      values: [JSON.stringify(rows)],
    });
  }
  await client.query("VACUUM ANALYZE trail");
  const wanted = ids(events, requests + warmUp);
  let next = 0;
  const ask = async (): Promise<void> => {
    const requestId = wanted[next++ % wanted.length]!;
    const { rows } = await client.query({
      name: "lookup",
      text: "SELECT event FROM trail WHERE request_id = $1 ORDER BY time DESC LIMIT 50",
      values: [requestId],
    });
    if (rows.length !== 1) throw new Error(`${rows.length} rows of ${requestId}`);
  };
  progress("postgres: lookup by request id");
  const latency = latencyOf(await timed(ask, { times: requests, warmUp }));
  figures.add("postgres", "lookup.p50", latency.p50);
  figures.add("postgres", "lookup.p99", latency.p99);
  await client.end();
  await cluster.remove();
}
