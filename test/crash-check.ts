// What must be true after a kill, asked of the service that was started again, over its own API: every acknowledged event is
// there once, under its number, in order, and the totals are exact.
import assert from "node:assert/strict";
import { type Batch, marker } from "./crash-load.ts";
import type { Credentials, TaishiProcess } from "./taishi-process.ts";

/** An event as the own API shows it. */
interface Stored {
  readonly seq: number;
  readonly time: string;
  readonly contents: readonly { readonly key: string; readonly value: string }[];
}

interface Page {
  readonly events: readonly Stored[];
  readonly next: string | null;
  readonly total: number;
}

/** The stretch of time that all events of one round lie in: from ≤ time < to. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Numbers given out must be whole stretches, apart from each other, and follow the order of acknowledgement. */
export function checkReceipts(batches: readonly Batch[]): void {
  const lastOf = new Map<number, number>();
  for (const { id, connection, size, receipt } of batches) {
    assert.ok(receipt !== undefined, `batch ${id} was never acknowledged`);
    assert.equal(receipt.accepted, size, `batch ${id}: accepted`);
    assert.equal(receipt.last - receipt.first + 1, size, `batch ${id}: numbers are not consecutive`);
    assert.ok(receipt.first > (lastOf.get(connection) ?? -1), `batch ${id}: numbered before the one sent before it`);
    lastOf.set(connection, receipt.last);
  }
  const sorted = batches.map(({ id, receipt }) => ({ id, ...receipt! })).sort((a, b) => a.first - b.first);
  for (const [i, { id, first }] of sorted.entries())
    assert.ok(i === 0 || first > sorted[i - 1]!.last, `batch ${id} overlaps batch ${sorted[i - 1]?.id}`);
}

/** Reads one account's events of a round back by cursor, oldest first, and holds them to the batches of that account. */
export async function checkRound(
  service: TaishiProcess,
  credentials: Credentials,
  span: Span,
  batches: readonly Batch[],
): Promise<void> {
  const due = new Map<string, { seq: number; time: number }>();
  for (const batch of batches)
    for (let i = 0; i < batch.size; i++)
      due.set(marker(batch, i), { seq: batch.receipt!.first + i, time: batch.times[i]! });
  const expected = due.size;

  let before = { time: Number.NEGATIVE_INFINITY, seq: -1 };
  for (let cursor: string | null = ""; cursor !== null; ) {
    const query = new URLSearchParams({ kind: "security", order: "asc", limit: "1000" });
    query.set("from", String(span.from));
    query.set("to", String(span.to));
    if (cursor !== "") query.set("cursor", cursor);
    const page: Page = await get<Page>(service, credentials, `/api/v1/events?${query}`);
    assert.equal(page.total, expected, "total of the round");
    for (const event of page.events) {
      const found = { time: Date.parse(event.time), seq: event.seq };
      assert.ok(
        found.time > before.time || (found.time === before.time && found.seq > before.seq),
        `event ${found.seq} is out of order`,
      );
      before = found;
      const name = markerOf(event);
      const wanted = due.get(name);
      assert.ok(wanted !== undefined, `event ${event.seq}, marker ${name}, is there twice or was never sent`);
      assert.deepEqual(found, { time: wanted.time, seq: wanted.seq }, `marker ${name}`);
      due.delete(name);
    }
    cursor = page.next;
  }
  assert.deepEqual([...due.keys()].slice(0, 10), [], `${due.size} acknowledged events are gone`);
}

/** The exact number of everything an account ever got. */
export async function checkTotal(service: TaishiProcess, credentials: Credentials, expected: number): Promise<void> {
  assert.equal(await totalOf(service, credentials), expected, `total of account ${credentials.account}`);
}

/** How many security events the account has. */
export async function totalOf(service: TaishiProcess, credentials: Credentials): Promise<number> {
  return (await get<Page>(service, credentials, "/api/v1/events?kind=security&limit=1")).total;
}

/** One event of a batch by its number. */
export async function checkOne(service: TaishiProcess, batch: Batch, i: number): Promise<void> {
  const seq = batch.receipt!.first + i;
  const event = await get<Stored>(service, batch.style.credentials, `/api/v1/events/${seq}`);
  assert.deepEqual(
    { seq: event.seq, marker: markerOf(event), time: Date.parse(event.time) },
    { seq, marker: marker(batch, i), time: batch.times[i] },
  );
}

function markerOf({ contents }: Stored): string {
  return contents.find(({ key }) => key === "Marker")?.value ?? "none";
}

async function get<T>(service: TaishiProcess, { token }: Credentials, target: string): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    let answer: Response;
    try {
      answer = await fetch(service.url + target, { headers: { authorization: `Bearer ${token}` } });
    } catch (cause) {
      // A service that died tells why.
      throw new Error(`GET ${target} had no answer; the service said:\n${service.stderr}`, { cause });
    }
    const text = await answer.text();
    if (answer.status === 200) return JSON.parse(text) as T;
    // Too many at once, or an index that still catches up, may ask to come back; nothing else may happen.
    if ((answer.status !== 503 && answer.status !== 429) || attempt >= 60)
      throw new Error(`GET ${target} answered ${answer.status}: ${text}`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
