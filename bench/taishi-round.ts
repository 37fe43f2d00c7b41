// One round of the product, as a stranger would run it: a fresh data directory, W in it, a clean stop and the bytes on
// disk, a start, the pages and questions, checkpoints, and the index rebuilt.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { firstKey, TaishiProcess, taishi } from "../test/taishi-process.ts";
import { checkpointLags } from "./checkpoint-lag.ts";
import {
  type Figures,
  type PageKind,
  type Place,
  pageFigure,
  pageKinds,
  pageParts,
  pageRatio,
  pageSizes,
} from "./figures.ts";
import { load } from "./load.ts";
import { type Asked, QueryClient } from "./query-client.ts";
import { latencyOf, median, percentile, timed } from "./statistics.ts";
import type { Expected } from "./workload.ts";

export interface TaishiRound {
  readonly directory: string;
  readonly events: number;
  readonly expected: Expected;
  readonly requests: number;
  readonly figures: Figures;
  readonly cleanUp: AsyncDisposableStack;
  readonly progress: (text: string) => void;
}

const warmUp = 20;
const lagSamples = 20;
const readyWithinMs = 60_000;

export async function taishiRound(round: TaishiRound): Promise<void> {
  const { events, figures, progress } = round;
  const base = mkdtempSync(join(round.directory, "taishi-bench-"));
  round.cleanUp.defer(() => rmSync(base, { recursive: true, force: true }));
  const data = join(base, "data");
  const serve = async (): Promise<TaishiProcess> => {
    const service = await TaishiProcess.serve({ data });
    round.cleanUp.defer(() => service.kill());
    return service;
  };

  const loading = await serve();
  const credentials = firstKey(data);
  const loaded = await load({ to: "http", url: loading.url, token: credentials.token }, events, progress);
  figures.add("taishi", "appends", loaded.events / loaded.seconds);
  figures.add("taishi", "ack.p50", percentile(loaded.acknowledgedMs, 0.5));
  figures.add("taishi", "ack.p99", percentile(loaded.acknowledgedMs, 0.99));
  figures.add("taishi", "rss.loaded", residentMb(loading.pid, "VmRSS"));
  figures.add("taishi", "rss.peak", residentMb(loading.pid, "VmHWM"));
  if (loaded.rates.length > 1)
    progress(`taishi: events/s by million: ${loaded.rates.map((rate) => Math.round(rate)).join(" ")}`);
  await stopCleanly(loading);

  const perEvent = (bytes: number): number => bytes / events;
  figures.add("taishi", "bytes", perEvent(bytesBelow(data)));
  for (const store of ["ledger", "index"])
    figures.add("taishi", `bytes.${store}`, perEvent(bytesBelow(join(data, store))));

  const start = performance.now();
  const service = await serve();
  await untilReady(service.url);
  figures.add("taishi", "ready", (performance.now() - start) / 1000);
  const client = new QueryClient(service.host, credentials);
  await askPages(client, round);
  await askQuestions(client, round);
  client.close();
  figures.add("taishi", "rss.queried", residentMb(service.pid, "VmRSS"));

  progress("taishi: checkpoints");
  const lags = await checkpointLags({ service, data, credentials, samples: lagSamples });
  figures.add("taishi", "checkpoint.p50", median(lags));
  figures.add("taishi", "checkpoint.max", Math.max(...lags));
  await stopCleanly(service);

  progress("taishi: reindex");
  const rebuilding = performance.now();
  const rebuilt = await taishi("reindex", "--data", data);
  if (rebuilt.code !== 0) throw new Error(`taishi reindex ended with ${rebuilt.code}:\n${rebuilt.stderr}`);
  figures.add("taishi", "reindex", events / ((performance.now() - rebuilding) / 1000));
  rmSync(base, { recursive: true, force: true });
}

async function askPages(client: QueryClient, { figures, expected, requests, progress }: TaishiRound): Promise<void> {
  for (const kind of pageKinds)
    for (const size of pageSizes) {
      const p50: Partial<Record<Place, number>> = {};
      for (const [place, asked] of Object.entries(pagesOf(kind, size, expected)) as [Place, Asked][]) {
        progress(`taishi: ${kind}, ${place} page of ${size}`);
        const latency = latencyOf(await timed(() => client.ask(asked), { times: requests, warmUp }));
        for (const part of pageParts) figures.add("taishi", pageFigure(kind, place, size, part), latency[part]);
        p50[place] = latency.p50;
      }
      figures.add("taishi", pageRatio(kind, size), p50.last! / p50.first!);
    }
}

function pagesOf(kind: PageKind, size: number, { busiest, total }: Expected): Record<Place, Asked> {
  const asked = kind === "ark" ? { kind, size, resourceId: busiest.id, total: busiest.total } : { kind, size, total };
  const last = Math.max(1, Math.ceil(asked.total / size));
  return {
    first: { ...asked, page: 1 },
    middle: { ...asked, page: Math.ceil(last / 2) },
    last: { ...asked, page: last },
  };
}

async function askQuestions(
  client: QueryClient,
  { figures, expected, requests, progress }: TaishiRound,
): Promise<void> {
  const { busiest, byType, total } = expected;
  const type = "Connection";
  const questions: Record<string, Asked> = {
    Q1: { kind: "ark", resourceId: busiest.id, type, page: 1, size: 10, total: busiest.byType[type] },
    Q2: { kind: "ark", resourceId: busiest.id, page: 1, size: 1, total: busiest.total },
    Q3: { kind: "own", type, page: 1, size: 1, total: byType[type] },
    Q4: { kind: "own", page: Math.max(1, Math.floor(total / 20)), size: 10, total },
  };
  for (const [id, asked] of Object.entries(questions)) {
    progress(`taishi: ${id}`);
    const latency = latencyOf(await timed(() => client.ask(asked), { times: requests, warmUp }));
    figures.add("taishi", `${id}.p50`, latency.p50);
    figures.add("taishi", `${id}.p99`, latency.p99);
  }
}

/** After a start the newest events are read again from the ledger. */
async function untilReady(url: string): Promise<void> {
  const end = performance.now() + readyWithinMs;
  while (performance.now() < end) {
    if ((await fetch(`${url}/readyz`)).status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`the service is not ready after ${readyWithinMs / 1000} s`);
}

async function stopCleanly(service: TaishiProcess): Promise<void> {
  const code = await service.stop();
  if (code !== 0) throw new Error(`taishi serve ended with ${code} on SIGTERM:\n${service.stderr}`);
}

/** A line of /proc/PID/status in MB. @throws Error where there is no such file: the bench runs on Linux */
function residentMb(pid: number, line: "VmRSS" | "VmHWM"): number {
  const match = new RegExp(`^${line}:\\s+(\\d+) kB$`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  if (match === null) throw new Error(`/proc/${pid}/status has no ${line}`);
  return (Number(match[1]) * 1024) / 1e6;
}

/** Bytes of all files below a directory, by their lengths. */
function bytesBelow(directory: string): number {
  return readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}
