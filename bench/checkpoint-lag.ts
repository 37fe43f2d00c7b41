// How long an acknowledged event waits for a signed checkpoint that covers it: appends one event at a time at moments that
// have nothing to do with the service's own second, and asks its control socket for the newest checkpoint until it does.
import { join } from "node:path";
import { remoteOperations } from "../src/flow/control.ts";
import type { Credentials, TaishiProcess } from "../test/taishi-process.ts";
import { eventAt } from "./workload.ts";

export interface CheckpointLags {
  readonly service: TaishiProcess;
  readonly data: string;
  readonly credentials: Credentials;
  readonly samples: number;
}

const pollMs = 10;
const givenUpAfterMs = 30_000;

/** Seconds, one a sample. */
export async function checkpointLags({
  service,
  data,
  credentials,
  samples,
}: CheckpointLags): Promise<readonly number[]> {
  const operations = remoteOperations(join(data, "control.sock"));
  const { account, token } = credentials;
  const lags: number[] = [];
  for (let i = 0; i < samples; i++) {
    await sleep((i * 137) % 1000);
    const answer = await fetch(`${service.url}/api/v1/events`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ events: [eventAt(i)] }),
    });
    if (answer.status !== 200) throw new Error(`append answered ${answer.status}: ${await answer.text()}`);
    const { treeSize } = (await answer.json()) as { treeSize: number };
    const acknowledged = performance.now();
    while ((await operations.checkpoint({ account })).size < treeSize) {
      if (performance.now() - acknowledged > givenUpAfterMs) throw new Error("no checkpoint covers the event");
      await sleep(pollMs);
    }
    lags.push((performance.now() - acknowledged) / 1000);
  }
  return lags;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
