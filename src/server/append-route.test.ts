// Appending over real sockets: what is taken, what is refused, and that a refusal changes nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { TaishiError } from "../errors.ts";
import {
  callers,
  openHouse,
  type PostOptions,
  post,
  problemOf,
  sampleEvent,
  toySignature,
} from "./doubles.test-support.ts";

const body = JSON.stringify({ events: [sampleEvent(), sampleEvent({ type: "ContainerEscape" })] });
const path = "/api/v1/events";

test("an append answers with exactly the receipt", async () => {
  await using house = await openHouse();
  const answer = await post(house, body);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get("content-type"), "application/json; charset=utf-8");
  assert.equal(answer.headers.get("cache-control"), "no-store");
  const { account } = callers.writer;
  assert.deepEqual(await answer.json(), { account, accepted: 2, duplicates: 0, first: 0, last: 1, treeSize: 2 });
  const again = (await (await post(house, body)).json()) as Record<string, unknown>;
  assert.equal(again.first, 2, "without a key the same events are new events");
});

test("lines, gzip and zstd, several members or frames, all say the same", async () => {
  await using house = await openHouse();
  const lines = [sampleEvent(), sampleEvent()].map((event) => JSON.stringify(event));
  const half = body.length >> 1;
  const halves = [Buffer.from(body).subarray(0, half), Buffer.from(body).subarray(half)];
  const forms: readonly [string | Uint8Array, Record<string, string>][] = [
    [lines.join("\n"), { "content-type": "application/x-ndjson" }],
    [`${lines.join("\r\n\r\n")}\r\n`, { "content-type": "application/ndjson" }],
    [lines.join("\n"), { "content-type": "application/jsonl; charset=UTF-8" }],
    [body, { "content-type": "Application/JSON" }],
    [gzipSync(body), { "content-encoding": "gzip" }],
    [Buffer.concat(halves.map((part) => gzipSync(part))), { "content-encoding": "gzip" }],
    [zstdCompressSync(body), { "content-encoding": "zstd" }],
    [Buffer.concat(halves.map((part) => zstdCompressSync(part))), { "content-encoding": "zstd" }],
    [body, { "content-encoding": "identity" }],
  ];
  for (const [sent, headers] of forms) {
    const answer = await post(house, sent, { headers });
    assert.equal(answer.status, 200, `${JSON.stringify(headers)} ${await answer.clone().text()}`);
    assert.equal(((await answer.json()) as { accepted: number }).accepted, 2);
  }
});

test("a body in chunks of unknown length is taken", async () => {
  await using house = await openHouse();
  const pieces = [body.slice(0, 10), body.slice(10)].map((text) => new TextEncoder().encode(text));
  const answer = await fetch(house.url + path, {
    method: "POST",
    headers: { authorization: "Bearer writer", "content-type": "application/json" },
    body: ReadableStream.from(pieces) as ReadableStream<Uint8Array>,
    duplex: "half",
  });
  assert.equal(answer.status, 200);
});

type Refusal = readonly [what: string, sent: string | Uint8Array, options: PostOptions, status: number, code: string];
const ndjson = { headers: { "content-type": "application/x-ndjson" } };
const gzip = { headers: { "content-encoding": "gzip" } };
const zstd = { headers: { "content-encoding": "zstd" } };
const utf8 = Buffer.from(body);
utf8[body.indexOf("SshLogin")] = 0xc0;

const refusals: readonly Refusal[] = [
  ["no JSON", "hello", {}, 400, "malformed-body"],
  ["an empty body", "", {}, 400, "malformed-body"],
  ["JSON cut in half", body.slice(0, body.length >> 1), {}, 400, "malformed-body"],
  ["lines cut in half", body.slice(0, 40), ndjson, 400, "malformed-body"],
  ["200,000 deep", `{"events":[${"[".repeat(200_000)}`, {}, 400, "invalid-parameter"],
  ["200,000 deep in the envelope", '{"events":'.repeat(200_000), {}, 400, "invalid-parameter"],
  ["invalid UTF-8", utf8, {}, 400, "malformed-body"],
  ["a lone surrogate", body.replace("SshLogin", "\\uDEAD"), {}, 400, "invalid-parameter"],
  ["an empty batch", '{"events":[]}', {}, 400, "invalid-parameter"],
  ["no lines", "\n\n", ndjson, 400, "invalid-parameter"],
  ["truncated gzip", gzipSync(body).subarray(0, 40), gzip, 400, "malformed-body"],
  ["gzip and garbage", Buffer.concat([gzipSync(body), Buffer.from("{}")]), gzip, 400, "malformed-body"],
  ["truncated zstd", zstdCompressSync(body).subarray(0, 40), zstd, 400, "malformed-body"],
  ["zstd and garbage", Buffer.concat([zstdCompressSync(body), Buffer.from("{}")]), zstd, 400, "malformed-body"],
  ["plain text called gzip", body, gzip, 400, "malformed-body"],
  ["6 KB of zstd for 200 MB", zstdCompressSync(Buffer.alloc(200_000_000)), zstd, 413, "too-large"],
  ["200 KB of gzip for 200 MB", gzipSync(Buffer.alloc(200_000_000)), gzip, 413, "too-large"],
  ["an unknown encoding", body, { headers: { "content-encoding": "br" } }, 415, "unsupported-media-type"],
  ["a form", body, { headers: { "content-type": "application/x-www-form-urlencoded" } }, 415, "unsupported-media-type"],
  ["a broken media type", body, { headers: { "content-type": "json" } }, 415, "unsupported-media-type"],
  [
    "another charset",
    body,
    { headers: { "content-type": "application/json; charset=gbk" } },
    415,
    "unsupported-media-type",
  ],
  ["an empty idempotency key", body, { headers: { "idempotency-key": "" } }, 400, "invalid-parameter"],
  ["a long idempotency key", body, { headers: { "idempotency-key": "k".repeat(256) } }, 400, "invalid-parameter"],
  ["an auditor's key", body, { as: "auditor" }, 403, "forbidden"],
  ["10,001 events", Array(10_001).fill(JSON.stringify(sampleEvent())).join("\n"), ndjson, 413, "too-large"],
];

test("bad appends are refused as problems, and nothing is stored", async (t) => {
  await using house = await openHouse();
  for (const [what, sent, options, status, code] of refusals)
    await t.test(what, async () => {
      const answer = await post(house, sent, options);
      assert.equal(answer.status, status);
      assert.equal((await problemOf(answer)).code, code);
    });
  assert.equal(house.ledger.batches.length, 0);
});

test("a bad event gives its index and field", async () => {
  await using house = await openHouse();
  const events = [sampleEvent(), sampleEvent({ time: "2026-02-30T00:00:00Z" })];
  const problem = await problemOf(await post(house, JSON.stringify({ events })));
  assert.equal(problem.index, 1);
  assert.equal(problem.field, "time");
  assert.equal(house.ledger.batches.length, 0);
});

test("an idempotency key gives the first receipt again, and conflicts with another body", async () => {
  await using house = await openHouse();
  const headers = { "idempotency-key": "nightly 1" };
  const first = (await (await post(house, body, { headers })).json()) as Record<string, unknown>;
  const again = (await (await post(house, body, { headers })).json()) as Record<string, unknown>;
  assert.deepEqual(again, { ...first, duplicates: 2 });
  const compressed = await post(house, gzipSync(body), { headers: { ...headers, "content-encoding": "gzip" } });
  assert.deepEqual(await compressed.json(), again, "the key stands for the body as expanded");
  const conflict = await post(house, body.replace("SshLogin", "Other"), { headers });
  assert.equal(conflict.status, 409);
  assert.equal((await problemOf(conflict)).code, "idempotency-conflict");
  assert.equal((await post(house, body, { as: "other", headers })).status, 200);
  assert.equal(house.ledger.batches.length, 2, "another account's key is another key");
});

test("a signed append is verified over the bytes on the wire and is its own idempotency key", async () => {
  await using house = await openHouse();
  const wire = gzipSync(body);
  const headers = { authorization: toySignature("writer", path, wire), "content-encoding": "gzip" };
  const first = await post(house, wire, { headers });
  assert.equal(first.status, 200);
  assert.match(house.ledger.batches[0]!.idempotency!.key, /^sig:AKwriter:[0-9a-f]{64}$/);
  const again = (await (await post(house, wire, { headers })).json()) as Record<string, unknown>;
  assert.equal(again.duplicates, 2);
  const tampered = Buffer.from(wire);
  tampered[tampered.length - 1]! ^= 1;
  const refused = await post(house, tampered, { headers });
  assert.equal(refused.status, 401);
  assert.equal((await problemOf(refused)).code, "signature-mismatch");
  assert.equal(house.ledger.batches.length, 1);
});

test("a caller's idempotency key cannot be taken for a signature", async () => {
  await using house = await openHouse();
  await post(house, body, { headers: { "idempotency-key": "sig:AKwriter:00" } });
  assert.ok(!house.ledger.batches[0]!.idempotency!.key.startsWith("sig:"));
});

test("what the writer refuses is told with its status and when to come back", async () => {
  await using house = await openHouse();
  house.ledger.failure = new TaishiError("overloaded", undefined, { retryAfter: 2.5 });
  const busy = await post(house, body);
  assert.equal(busy.status, 503);
  assert.equal(busy.headers.get("retry-after"), "3");
  assert.equal((await problemOf(busy)).code, "overloaded");
  house.ledger.failure = new Error("a path and a secret");
  const broken = await post(house, body);
  assert.equal(broken.status, 500);
  assert.doesNotMatch(JSON.stringify(await problemOf(broken)), /secret/);
});

test("bodies of all requests together are bounded, and what they held is given back", async () => {
  await using house = await openHouse({ limits: { bufferedBytes: 100_000 } });
  const large = JSON.stringify({ events: [sampleEvent({ detail: "x".repeat(60_000) })] });
  let open: () => void = () => {};
  house.ledger.gate = new Promise((resolve) => {
    open = resolve;
  });
  const first = post(house, large);
  const metric = async (): Promise<string> => (await fetch(`${house.url}/metrics`)).text();
  while (!/^taishi_http_buffered_body_bytes 6\d{4}$/m.test(await metric()));
  const second = await post(house, large);
  assert.equal(second.status, 503);
  assert.equal(second.headers.get("retry-after"), "1");
  assert.equal((await problemOf(second)).code, "overloaded");
  open();
  assert.equal((await first).status, 200);
  assert.match(await metric(), /^taishi_http_buffered_body_bytes 0$/m);
  assert.equal((await post(house, large)).status, 200);
});

test("metrics count new events and bytes, not repetitions", async () => {
  await using house = await openHouse();
  const headers = { "idempotency-key": "k" };
  await post(house, body, { headers });
  await post(house, body, { headers });
  const text = await (await fetch(`${house.url}/metrics`)).text();
  assert.match(text, /^taishi_appended_events_total 2$/m);
});
