// The agent within the service, on a thread of its own: parsing must not hold up requests. It sends its batches to the main
// thread, which appends them as if they had come over HTTP.
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import type { AgentStatus } from "../agent/agent.ts";
import type { AgentConfig } from "../agent/config.ts";
import type { Delivery } from "../agent/shipper.ts";
import { systemClock } from "../clock.ts";
import { Fatal } from "../errors.ts";
import { createLog } from "../log.ts";
import { createCollector } from "./collector.ts";

export interface CollectorInput {
  readonly config: AgentConfig;
  readonly base: string;
  readonly agentName: string;
  readonly spoolDirectory: string;
  readonly logLevel: string;
}

/** What the thread says. */
export type CollectorWord =
  | { readonly ready: true }
  | { readonly failed: string; readonly hint: string | undefined }
  | { readonly send: number; readonly body: Uint8Array }
  | { readonly status: AgentStatus };
/** What it is told. */
export type CollectorOrder = { readonly answer: number; readonly delivery: Delivery } | { readonly stop: true };

const statusEveryMs = 2_000;

const port = parentPort as MessagePort;
const say = (word: CollectorWord): void => port.postMessage(word);
const { logLevel, ...input } = workerData as CollectorInput;
const stop = new AbortController();
const waiting = new Map<number, (delivery: Delivery) => void>();
let sent = 0;

port.on("message", (order: CollectorOrder) => {
  if ("stop" in order) stop.abort();
  else {
    waiting.get(order.answer)?.(order.delivery);
    waiting.delete(order.answer);
  }
});

try {
  const { agent, run } = createCollector({
    ...input,
    destination: {
      send: (body) =>
        new Promise<Delivery>((resolve) => {
          waiting.set(++sent, resolve);
          say({ send: sent, body });
        }),
    },
    once: false,
    clock: systemClock,
    log: createLog(logLevel),
  });
  const telling = setInterval(() => say({ status: agent.status }), statusEveryMs);
  say({ ready: true });
  say({ status: agent.status });
  await run(stop.signal);
  clearInterval(telling);
} catch (thrown) {
  say({ failed: (thrown as Error).message, hint: thrown instanceof Fatal ? thrown.hint : undefined });
}
port.close();
