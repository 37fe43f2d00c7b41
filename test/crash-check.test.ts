// The crash run is only as good as its checks: each must fail on a service that lost, doubled, renumbered or reordered.
import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import { after, before, test } from "node:test";
import { checkReceipts, checkRound } from "./crash-check.ts";
import { type Batch, marker } from "./crash-load.ts";
import type { TaishiProcess } from "./taishi-process.ts";

const credentials = { account: "1", accessKey: "AK", secretKey: "SK", token: "T" };
const style = { credentials, signed: false, ndjson: false };
const span = { from: 0, to: 1000 };

function batch(id: number, connection: number, first: number, size: number): Batch {
  const times = Float64Array.from({ length: size }, (_, i) => 100 * id + i);
  return {
    id,
    connection,
    style,
    size,
    times,
    receipt: { accepted: size, duplicates: 0, first, last: first + size - 1 },
  };
}

const batches = [batch(0, 0, 0, 3), batch(1, 1, 3, 2)];
const whole = batches.flatMap((one) =>
  Array.from(one.times, (time, i) => ({
    seq: one.receipt!.first + i,
    time: new Date(time).toISOString(),
    contents: [{ key: "Marker", value: marker(one, i) }],
  })),
);

/** What the stand-in answers next: pages of at most three events. */
let events = whole;
let total = whole.length;
let server: Server;
let service: TaishiProcess;

before(async () => {
  server = createServer((request, response) => {
    const at = Number(new URL(request.url!, "http://x").searchParams.get("cursor") ?? 0);
    const next = at + 3 < events.length ? String(at + 3) : null;
    response.end(JSON.stringify({ events: events.slice(at, at + 3), next, total }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address() as { port: number };
  service = { url: `http://127.0.0.1:${address.port}` } as TaishiProcess;
});
after(() => server.close());

async function check(answer: { events?: typeof whole; total?: number }): Promise<void> {
  events = answer.events ?? whole;
  total = answer.total ?? whole.length;
  await checkRound(service, credentials, span, batches);
}

test("a service that has everything once and in order passes, over several pages", async () => {
  await check({});
});

test("a lost event is found", async () => {
  await assert.rejects(check({ events: whole.slice(0, -1) }), /1 acknowledged events are gone/);
});

test("a doubled event is found", async () => {
  const again = { ...whole[4]!, seq: 5, time: new Date(500).toISOString() };
  await assert.rejects(check({ events: [...whole, again] }), /twice or was never sent/);
});

test("a renumbered event is found", async () => {
  const moved = whole.map((event, i) => (i === 4 ? { ...event, seq: 9 } : event));
  await assert.rejects(check({ events: moved }), /marker 1-1/);
});

test("events out of order are found", async () => {
  const swapped = [whole[1]!, whole[0]!, ...whole.slice(2)];
  await assert.rejects(check({ events: swapped }), /out of order/);
});

test("a wrong total is found", async () => {
  await assert.rejects(check({ total: 6 }), /total of the round/);
});

test("receipts that overlap, run backwards or have gaps are found", () => {
  checkReceipts(batches);
  assert.throws(() => checkReceipts([batch(0, 0, 0, 3), batch(1, 1, 2, 2)]), /overlaps/);
  assert.throws(() => checkReceipts([batch(0, 0, 5, 3), batch(1, 0, 0, 2)]), /before the one sent before it/);
  const gap = { ...batch(0, 0, 0, 3), receipt: { accepted: 3, duplicates: 0, first: 0, last: 3 } };
  assert.throws(() => checkReceipts([gap]), /not consecutive/);
  assert.throws(() => checkReceipts([{ ...batch(0, 0, 0, 3), receipt: undefined }]), /never acknowledged/);
});
