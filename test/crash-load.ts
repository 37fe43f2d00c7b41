// The load that is running when the service is killed: four connections that append batches of every size, each with an
// idempotency key and a marker in every event, and the record of what was acknowledged. Also sends again what was not.
import { Agent, request } from "node:http";
import { signatureHeaders } from "./signed-request.ts";
import type { Credentials } from "./taishi-process.ts";

export interface Receipt {
  readonly accepted: number;
  readonly duplicates: number;
  readonly first: number;
  readonly last: number;
}

/** How a connection's requests are made; each kind must survive. */
export interface Style {
  readonly credentials: Credentials;
  readonly signed: boolean;
  readonly ndjson: boolean;
}

/** A batch and what is known of it. Its events are made again from these numbers whenever they are needed. */
export interface Batch {
  readonly id: number;
  readonly connection: number;
  readonly style: Style;
  readonly size: number;
  /** Milliseconds since the epoch, one an event. */
  readonly times: Float64Array;
  /** Bytes of one long string in its first event: above 64 KiB the ledger keeps it as a blob. */
  readonly padding?: number;
  /** Once acknowledged. */
  receipt: Receipt | undefined;
}

export function marker(batch: Batch, i: number): string {
  return `${batch.id}-${i}`;
}

/** Sends the batch under its key; the same batch always has the same bytes. @throws Error where it is not acknowledged */
export async function send(agent: Agent, host: string, batch: Batch): Promise<Receipt> {
  for (;;) {
    const answer = await sendOnce(agent, host, batch);
    if (answer.status === 200) return JSON.parse(answer.text) as Receipt;
    // Asked to come back: the key makes it safe.
    if (answer.status !== 503 && answer.status !== 429)
      throw new Refused(`batch ${batch.id}: ${answer.status} ${answer.text}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** An answer that no append of the load should get. */
export class Refused extends Error {}

/** Sends the batch and takes whatever the answer is. @throws Error where the connection breaks */
export function sendOnce(agent: Agent, host: string, batch: Batch): Promise<{ status: number; text: string }> {
  const target = "/api/v1/events";
  const { credentials, signed, ndjson } = batch.style;
  const body = Buffer.from(bodyOf(batch));
  const { accessKey, secretKey } = credentials;
  const signer = { accessKey, secretKey, service: "taishi", region: "cn-beijing" };
  const headers = {
    host,
    "content-type": ndjson ? "application/x-ndjson" : "application/json",
    "content-length": body.length,
    "idempotency-key": `crash-${batch.id}`,
    ...(signed
      ? signatureHeaders(signer, { method: "POST", host, target, body, time: Date.now() })
      : { authorization: `Bearer ${credentials.token}` }),
  };
  return new Promise((resolve, reject) => {
    const sent = request(`http://${host}${target}`, { agent, method: "POST", headers }, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (piece: string) => {
        text += piece;
      });
      answer.on("error", reject);
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, text }));
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

function bodyOf(batch: Batch): string {
  const events = Array.from(batch.times, (time, i) =>
    JSON.stringify({
      kind: "security",
      time,
      resource: { type: "endpoint", id: `ep-crash-${(batch.id * 31 + i) % 50}` },
      type: "Connection",
      contents: [
        { key: "Marker", value: marker(batch, i) },
        { key: "Process", value: "curl" },
        ...(i === 0 && batch.padding !== undefined ? [{ key: "Padding", value: "=".repeat(batch.padding) }] : []),
      ],
    }),
  );
  return batch.style.ndjson ? `${events.join("\n")}\n` : `{"events":[${events.join(",")}]}`;
}

export interface Load {
  readonly host: string;
  readonly styles: readonly Style[];
  /** The next batch for a connection; called when its last one is acknowledged. */
  readonly next: (connection: number) => Batch;
}

/**
 * Runs until the connections break, which is what a kill does to them.
 * @returns every batch that was begun, in the order begun
 * @throws Refused where the service answers what it should not
 */
export async function runUntilBroken({ host, styles, next }: Load): Promise<readonly Batch[]> {
  const begun: Batch[] = [];
  await Promise.all(
    styles.map(async (_, connection) => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      try {
        for (;;) {
          const batch = next(connection);
          begun.push(batch);
          batch.receipt = await send(agent, host, batch);
        }
      } catch (thrown) {
        if (thrown instanceof Refused) throw thrown;
      } finally {
        agent.destroy();
      }
    }),
  );
  return begun;
}
