// Kills the agent and the service at random moments while lines flow through rotations of every kind, and then looks whether
// each line is in the log once, in order (I8). The writer is the test itself, so what was written is known.
import { createHash } from "node:crypto";
import {
  appendFileSync,
  copyFileSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { mulberry32 } from "../bench/workload.ts";
import { firstKey, TaishiProcess, taishi } from "./taishi-process.ts";

export interface CollectCrashes {
  readonly lines: number;
  /** Kills of the agent, and as many of the service. */
  readonly kills: number;
  readonly seed: number;
  readonly say: (line: string) => void;
}

export interface CollectOutcome {
  readonly lines: number;
  readonly agentKills: number;
  readonly serviceKills: number;
  readonly rotations: number;
  /** Starts after which something that had been sent was sent again. */
  readonly repeats: number;
  readonly seconds: number;
}

const firstTime = Date.UTC(2026, 10, 1);

/** Line i: one of sshd's, a millisecond after the one before. */
function lineOf(i: number): string {
  const time = new Date(firstTime + i).toISOString().replace("Z", "+00:00");
  return `${time} node-1 sshd[${1000 + (i % 30_000)}]: Accepted publickey for user${i} from 192.0.2.${i % 250} port ${1024 + (i % 60_000)} ssh2: ED25519 SHA256:${createHash("sha256").update(String(i)).digest("base64").slice(0, 43)}\n`;
}

/** @throws Error saying which line is missing, doubled or out of order */
export async function runCollectCrashes({ lines, kills, seed, say }: CollectCrashes): Promise<CollectOutcome> {
  const began = performance.now();
  const directory = mkdtempSync(join(tmpdir(), "taishi-collect-"));
  let draws = 0;
  const random = (): number => mulberry32(seed, draws++);
  const data = join(directory, "data");
  const logFile = join(directory, "auth.log");
  const spool = join(directory, "spool");
  let service = await TaishiProcess.serve({ data, arguments: ["--log-level", "error"] });
  const { token } = firstKey(data);
  writeFileSync(join(directory, "token"), `${token}\n`, { mode: 0o600 });
  writeFileSync(
    join(directory, "agent.yaml"),
    `agent: node-1\nserver: ${service.url}\ntoken-file: token\nspool: spool\nsources:\n  - name: auth\n    source: sshd\n    input: { files: [${logFile}] }\n`,
  );
  writeFileSync(logFile, "");
  const startAgent = (): Promise<TaishiProcess> =>
    TaishiProcess.collect({ arguments: ["--config", join(directory, "agent.yaml"), "--log-level", "error"] });
  let agent = await startAgent();
  let rotations = 0;
  let written = 0;
  let repeats = 0;
  let [agentKills, serviceKills] = [0, 0];

  const rotate = async (): Promise<void> => {
    const way = rotations % 3;
    const old = `${logFile}.${++rotations}`;
    if (way === 0) {
      renameSync(logFile, old);
      writeFileSync(logFile, "");
    } else if (way === 1) {
      // Nobody writes between the copy and the cut: what is written there is lost by whoever rotates, not by who follows.
      copyFileSync(logFile, old);
      truncateSync(logFile, 0);
    } else {
      renameSync(logFile, old);
      writeFileSync(logFile, "");
      // As logrotate's delaycompress: after a while, when the writer is done with it.
      await sleep(300);
      writeFileSync(`${old}.gz.part`, gzipSync(readFileSync(old)));
      const written = statSync(old).mtimeMs / 1000;
      utimesSync(`${old}.gz.part`, written, written); // as gzip does
      renameSync(`${old}.gz.part`, `${old}.gz`);
      rmSync(old);
    }
  };
  const write = async (): Promise<void> => {
    let nextRotation = Math.floor(lines / 20);
    while (written < lines) {
      // Lines flow until the last kill, and not long before it.
      if (written > (lines * (agentKills + serviceKills + 1)) / (2 * kills + 1)) {
        await sleep(20);
        continue;
      }
      const count = Math.min(lines - written, 1 + Math.floor(random() * 400));
      const text = Array.from({ length: count }, (_, i) => lineOf(written + i)).join("");
      // In two pieces, so that a reader meets half lines.
      const cut = Math.floor(random() * text.length);
      appendFileSync(logFile, text.slice(0, cut));
      await sleep(random() * 4);
      appendFileSync(logFile, text.slice(cut));
      written += count;
      if (written >= nextRotation) {
        nextRotation += Math.floor(lines / 20);
        await rotate();
      }
    }
  };

  try {
    const writing = write();
    while (agentKills < kills || serviceKills < kills) {
      await sleep(200 + random() * 900);
      const killAgent = serviceKills >= kills || (agentKills < kills && random() < 0.5);
      if (killAgent) {
        await agent.kill();
        agentKills++;
        agent = await startAgent();
      } else {
        await service.kill();
        serviceKills++;
        service = await TaishiProcess.serve({ data, host: service.host, arguments: ["--log-level", "error"] });
      }
      say(`killed the ${killAgent ? "agent" : "service"} (${agentKills} + ${serviceKills}) at ${written} lines`);
    }
    await writing;
    await agentIsDone(service.url, token, lines, spool, () => agent.stderr);
    repeats = (JSON.parse(readFileSync(join(spool, "status.json"), "utf8")) as { duplicates: number }).duplicates;
    await agent.stop();
    await checkLines(service.url, token, lines);
    await service.stop();
    const fsck = await taishi("fsck", "--data", data);
    if (fsck.code !== 0) throw new Error(`fsck: ${fsck.stdout}${fsck.stderr}`);
    return { lines, agentKills, serviceKills, rotations, repeats, seconds: (performance.now() - began) / 1000 };
  } finally {
    await agent.kill();
    await service.kill();
    rmSync(directory, { recursive: true });
  }
}

interface Listed {
  readonly events: readonly {
    readonly seq: number;
    readonly time: string;
    readonly raw: string;
    readonly position: { readonly offset: number };
  }[];
  readonly next: string | null;
  readonly total: number;
}

async function list(url: string, token: string, query: string): Promise<Listed> {
  const answer = await fetch(`${url}/api/v1/events?${query}`, { headers: { authorization: `Bearer ${token}` } });
  if (answer.status !== 200) throw new Error(`${answer.status}: ${await answer.text()}`);
  return (await answer.json()) as Listed;
}

/** Waits until as many lines came as were written; what is too much is found by looking at them. */
async function agentIsDone(
  url: string,
  token: string,
  lines: number,
  spool: string,
  stderr: () => string,
): Promise<void> {
  let last = -1;
  for (let still = 0; still < 600; still++) {
    const { total } = await list(url, token, "kind=security&limit=1");
    if (total >= lines) {
      // Long enough for what would come twice, and for a status that counts all of it.
      await sleep(3_000);
      return;
    }
    if (total !== last) still = 0;
    last = total;
    await sleep(100);
  }
  throw new Error(
    `after a minute without any progress ${last} of ${lines} lines are there\n${stderr()}\n${readFileSync(join(spool, "status.json"), "utf8")}`,
  );
}

async function checkLines(url: string, token: string, lines: number): Promise<void> {
  let cursor = "";
  let i = 0;
  let seq = -1;
  do {
    const page = await list(url, token, `kind=security&order=asc&limit=1000${cursor}`);
    for (const event of page.events) {
      const expected = lineOf(i).trimEnd();
      if (event.raw !== expected)
        throw new Error(`line ${i} should be "${expected}", is "${event.raw}" (${event.seq})`);
      if (event.seq <= seq) throw new Error(`line ${i} came before the line ahead of it: ${event.seq} after ${seq}`);
      seq = event.seq;
      i++;
    }
    cursor = page.next === null ? "" : `&cursor=${encodeURIComponent(page.next)}`;
  } while (cursor !== "");
  if (i !== lines) throw new Error(`${i} lines are there of ${lines}`);
  const unparsed = await list(url, token, "kind=unparsed&limit=1");
  if (unparsed.total > 0) throw new Error(`${unparsed.total} unparsed: ${JSON.stringify(unparsed.events)}`);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
