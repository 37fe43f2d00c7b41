// Where an agent's events go: a service's own API over HTTP, or the service that the agent runs in.
import { zstdCompressSync } from "node:zlib";
import type { Delivery, Destination } from "../agent/shipper.ts";
import { TaishiError } from "../errors.ts";
import type { Appender } from "../ledger/port.ts";
import { readBatch } from "../server/append.ts";
import { request } from "./http-client.ts";

const timeoutMs = 60_000;
const worthCompressing = 2_000;

/** @param token asked at every request: it may have been replaced */
export function httpDestination(server: string, token: () => string): Destination {
  const url = new URL("api/v1/events", server.endsWith("/") ? server : `${server}/`).href;
  return {
    async send(body, signal): Promise<Delivery> {
      const compress = body.length > worthCompressing;
      const reply = await request(url, {
        method: "POST",
        headers: {
          authorization: `Bearer ${token()}`,
          "content-type": "application/x-ndjson",
          ...(compress ? { "content-encoding": "zstd" } : {}),
        },
        body: compress ? zstdCompressSync(body) : body,
        timeoutMs,
        limit: 1024 * 1024,
        signal,
      });
      return readReply(reply.status, reply.headers.get("retry-after"), Buffer.from(reply.body).toString("utf8"));
    },
  };
}

/** @param account whose log takes the events */
export function appenderDestination(appender: Appender, account: string, maxEvents: number): Destination {
  return {
    async send(body): Promise<Delivery> {
      try {
        const { duplicates } = await appender.append(readBatch(body, { account, format: "ndjson", maxEvents }));
        return { outcome: "stored", duplicates };
      } catch (thrown) {
        if (!(thrown instanceof TaishiError)) throw thrown;
        const { retryAfter, index } = thrown.details;
        return judged(thrown.status, thrown.message, index, retryAfter);
      }
    },
  };
}

function readReply(status: number, retryAfter: string | null, text: string): Delivery {
  let body: { duplicates?: unknown; title?: unknown; detail?: unknown; index?: unknown };
  try {
    body = JSON.parse(text) as typeof body;
  } catch {
    // A proxy's page, or an answer cut off: told by its status alone.
    return { outcome: "later", reason: `the answer (${status}) is not the service's` };
  }
  if (status === 200 && typeof body.duplicates === "number") return { outcome: "stored", duplicates: body.duplicates };
  const reason = String(body.detail ?? body.title ?? `status ${status}`).slice(0, 500);
  const seconds = Number(retryAfter ?? Number.NaN);
  return judged(
    status,
    reason,
    typeof body.index === "number" ? body.index : undefined,
    Number.isFinite(seconds) ? seconds : undefined,
  );
}

function judged(status: number, reason: string, index?: number, retryAfter?: number): Delivery {
  if (status === 413) return { outcome: "too-large", reason };
  if (status === 400 && index !== undefined) return { outcome: "refused", index, reason };
  if (status === 429 || status >= 500)
    return { outcome: "later", reason, ...(retryAfter === undefined ? {} : { afterMs: retryAfter * 1000 }) };
  return { outcome: "denied", reason: `${status}: ${reason}` };
}
