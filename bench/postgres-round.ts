// One round of the peer: a fresh PostgreSQL, W in it, and the questions Q1–Q4 with their exact totals.
import type pg from "pg";
import type { Figures } from "./figures.ts";
import { load } from "./load.ts";
import { startPostgres } from "./postgres-cluster.ts";
import { schema } from "./postgres-sink.ts";
import { latencyOf, percentile, timed } from "./statistics.ts";
import type { Expected } from "./workload.ts";

export interface PostgresRound {
  readonly programs: string;
  readonly directory: string;
  readonly events: number;
  readonly expected: Expected;
  readonly requests: number;
  readonly figures: Figures;
  readonly cleanUp: AsyncDisposableStack;
  readonly progress: (text: string) => void;
}

const warmUp = 10;
/** Some questions take long here; fewer repetitions tell their median as well. */
const secondsPerQuestion = 10;

/** @returns the server's version */
export async function postgresRound(round: PostgresRound): Promise<string> {
  const { events, expected, figures, progress } = round;
  const cluster = await startPostgres(round.programs, round.directory);
  const removal = round.cleanUp.adopt(cluster, (used) => used.remove());
  const client = await removal.connect();
  await client.query(schema);

  const loaded = await load({ to: "postgres", socketDirectory: cluster.socketDirectory }, events, progress);
  figures.add("postgres", "appends", loaded.events / loaded.seconds);
  figures.add("postgres", "ack.p50", percentile(loaded.acknowledgedMs, 0.5));
  figures.add("postgres", "ack.p99", percentile(loaded.acknowledgedMs, 0.99));

  progress("postgres: vacuum analyze");
  await client.query("VACUUM ANALYZE events");
  const { rows } = await client.query<{ bytes: string }>("SELECT pg_total_relation_size('events') AS bytes");
  figures.add("postgres", "bytes", Number(rows[0]!.bytes) / events);

  for (const question of questions(events, expected)) {
    progress(`postgres: ${question.id}`);
    const ask = async (): Promise<void> => check(question, await answer(client, question));
    const latency = latencyOf(await timed(ask, { times: round.requests, warmUp, atMostSeconds: secondsPerQuestion }));
    figures.add("postgres", `${question.id}.p50`, latency.p50);
    figures.add("postgres", `${question.id}.p99`, latency.p99);
  }
  await client.end();
  await cluster.remove();
  return cluster.version;
}

interface Question {
  readonly id: string;
  readonly where: string;
  readonly values: readonly string[];
  /** Absent where only the count is asked for. */
  readonly page?: { readonly offset: number; readonly limit: number };
  readonly total: number;
}

function questions(events: number, { busiest, byType }: Expected): readonly Question[] {
  return [
    {
      id: "Q1",
      where: "WHERE resource = $1 AND type = $2",
      values: [busiest.id, "Connection"],
      page: { offset: 0, limit: 10 },
      total: busiest.byType.Connection,
    },
    { id: "Q2", where: "WHERE resource = $1", values: [busiest.id], total: busiest.total },
    { id: "Q3", where: "WHERE type = $1", values: ["Connection"], total: byType.Connection },
    { id: "Q4", where: "", values: [], page: { offset: Math.floor(events / 2), limit: 10 }, total: events },
  ];
}

async function answer(
  client: pg.Client,
  { id, where, values, page }: Question,
): Promise<{ total: number; rows: number }> {
  const counted = await client.query<{ total: string }>({
    name: `${id} count`,
    text: `SELECT count(*) AS total FROM events ${where}`,
    values: [...values],
  });
  const total = Number(counted.rows[0]!.total);
  if (page === undefined) return { total, rows: 0 };
  const { rows } = await client.query({
    name: `${id} page`,
    text: `SELECT seq, event FROM events ${where} ORDER BY time DESC LIMIT ${page.limit} OFFSET ${page.offset}`,
    values: [...values],
  });
  return { total, rows: rows.length };
}

function check({ id, total, page }: Question, got: { total: number; rows: number }): void {
  const rows = page === undefined ? 0 : Math.min(page.limit, total - page.offset);
  if (got.total !== total || got.rows !== rows)
    throw new Error(`postgres answered ${id} with ${got.rows} of ${got.total} instead of ${rows} of ${total}`);
}
