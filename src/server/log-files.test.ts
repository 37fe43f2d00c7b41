import assert from "node:assert/strict";
import { test } from "node:test";
import { TaishiError } from "../errors.ts";
import type { CallRecord } from "../exchange.ts";
import { parseNote } from "../merkle/note.ts";
import { parseTlogProof } from "../merkle/tlog-proof.ts";
import { get, type House, openHouse, problemOf, send, Wire } from "./doubles.test-support.ts";

const account = "2100000001";
const other = "2100000002";
const lasting = { public: "public, max-age=31536000, immutable", private: "private, max-age=31536000, immutable" };

async function openLogs(options: Parameters<typeof openHouse>[0] = {}): Promise<House> {
  const house = await openHouse(options);
  const entries = (name: string, count: number): Uint8Array[] =>
    Array.from({ length: count }, (_, i) => Buffer.from(`${name} ${i} ${"x".repeat(100)}`));
  house.logs.entries.set(account, entries("own", 70)).set(other, entries("theirs", 3));
  return house;
}

/** Without credentials. */
const anyone = (house: House, target: string, headers: Record<string, string> = {}) =>
  fetch(house.url + target, { headers: { "accept-encoding": "identity", ...headers } });

test("an account's reader gets its checkpoint, tiles and entries, and nobody may keep them for others", async () => {
  await using house = await openLogs();
  const checkpoint = await get(house, `/log/${account}/checkpoint`);
  assert.equal(checkpoint.status, 200);
  assert.equal(checkpoint.headers.get("content-type"), "text/plain; charset=utf-8");
  assert.equal(checkpoint.headers.get("cache-control"), "private, max-age=1");
  assert.match(parseNote(await checkpoint.text()).text, /^memory\.taishi\/2100000001\n70\n/);
  const tile = await get(house, `/log/${account}/tile/0/000.p/70`);
  assert.equal(tile.headers.get("content-type"), "application/octet-stream");
  assert.equal(tile.headers.get("cache-control"), lasting.private);
  assert.equal(tile.headers.get("content-encoding"), null);
  assert.equal((await tile.arrayBuffer()).byteLength, 70 * 32);
  const bundle = await get(house, `/log/${account}/tile/entries/000.p/2`);
  assert.equal(bundle.headers.get("cache-control"), lasting.private);
  const bytes = Buffer.from(await bundle.arrayBuffer());
  assert.equal(bytes.readUInt16BE(0), 106);
  assert.equal(bytes.subarray(2, 7).toString(), "own 0");
});

test("bundles are compressed for those who take gzip, and only for those", async () => {
  await using house = await openLogs();
  house.logs.visibility.set(account, "all");
  const ask = (path: string, accepted: string) =>
    anyone(house, `/log/${account}/tile/${path}`, { "accept-encoding": accepted });
  const plain = await ask("entries/000.p/70", "identity");
  const bytes = Buffer.from(await plain.arrayBuffer());
  assert.equal(plain.headers.get("content-encoding"), null);
  assert.equal(plain.headers.get("vary"), "accept-encoding");
  for (const accepted of ["gzip", "br;q=1, GZIP;q=0.5", "*"]) {
    const packed = await ask("entries/000.p/70", accepted);
    assert.equal(packed.headers.get("content-encoding"), "gzip", accepted);
    assert.ok(Number(packed.headers.get("content-length")) < bytes.length / 4);
    assert.ok(Buffer.from(await packed.arrayBuffer()).equals(bytes), "fetch expands it");
  }
  for (const refused of ["gzip;q=0", "br", "gzip;q=0.000, *"]) {
    const answer = await ask("entries/000.p/70", refused);
    assert.equal(answer.headers.get("content-encoding"), null, refused);
    await answer.arrayBuffer();
  }
  assert.equal((await ask("0/000.p/70", "gzip")).headers.get("content-encoding"), null);
});

test("HEAD says what GET says and sends no body", async () => {
  await using house = await openLogs();
  for (const path of ["checkpoint", "tile/0/000.p/70", "tile/entries/000.p/70"]) {
    const target = `/log/${account}/${path}`;
    const full = await get(house, target);
    const length = (await full.arrayBuffer()).byteLength;
    const head = await send(house, "HEAD", target, undefined, { as: "auditor" });
    assert.deepEqual([head.status, head.headers.get("content-type")], [200, full.headers.get("content-type")]);
    assert.equal((await head.arrayBuffer()).byteLength, 0);
    if (full.headers.get("content-encoding") === null)
      assert.equal(head.headers.get("content-length"), String(length), path);
  }
  const wire = new Wire(house.port);
  wire.send(`HEAD /log/${account}/tile/0/000.p/70 HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer auditor\r\n\r\n`);
  wire.send("GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  await wire.closed;
  assert.match(wire.text, /content-length: 2240\r\n[\s\S]*\r\n\r\nHTTP\/1\.1 200 /, "the next answer follows at once");
});

test("who may not read, is nobody, or asks for another's log is refused as a problem (I7)", async () => {
  await using house = await openLogs();
  const paths = ["checkpoint", "tile/0/000.p/1", "tile/entries/000.p/1"];
  for (const path of paths) {
    const nobody = await anyone(house, `/log/${account}/${path}`);
    assert.deepEqual([nobody.status, (await problemOf(nobody)).code], [401, "missing-credentials"]);
    assert.ok(nobody.headers.get("www-authenticate"));
    assert.equal(nobody.headers.get("cache-control"), "no-store");
    const writer = await get(house, `/log/${account}/${path}`, "writer");
    assert.deepEqual([writer.status, (await problemOf(writer)).code], [403, "forbidden"]);
    const told = async (whose: string) => {
      const answer = await get(house, `/log/${whose}/${path}`);
      const { requestId: _, ...problem } = await problemOf(answer);
      return { status: answer.status, problem: JSON.stringify(problem).replaceAll(whose, "ID") };
    };
    const theirs = await told(other);
    assert.equal(theirs.status, 404);
    assert.deepEqual(theirs, await told("2100000009"), "as one that does not exist");
    assert.equal((await anyone(house, `/log/2100000009/${path}`)).status, 401, "even to nobody");
  }
  assert.deepEqual(house.logs.asked, [], "and nothing was looked up");
});

test("visibility opens the hashes, or all, of one log to anyone", async () => {
  await using house = await openLogs();
  house.logs.visibility.set(other, "hashes");
  const status = async (path: string) => (await anyone(house, `/log/${path}`)).status;
  assert.equal(await status(`${other}/checkpoint`), 200);
  assert.equal(await status(`${other}/tile/0/000.p/3`), 200);
  assert.equal(await status(`${other}/tile/entries/000.p/3`), 401);
  assert.equal((await get(house, `/log/${other}/tile/entries/000.p/3`, "other")).status, 200);
  assert.equal((await get(house, `/log/${other}/tile/entries/000.p/3`)).status, 404, "another account's key");
  house.logs.visibility.set(other, "all");
  const open = await anyone(house, `/log/${other}/tile/entries/000.p/3`);
  assert.deepEqual([open.status, open.headers.get("cache-control")], [200, lasting.public]);
  assert.equal((await anyone(house, `/log/${other}/checkpoint`)).headers.get("cache-control"), "public, max-age=1");
  assert.equal((await get(house, `/log/${other}/checkpoint`, "writer")).status, 200, "a key closes nothing");
  assert.equal(await status(`${account}/checkpoint`), 401);
});

test("anyone's requests are limited by where they come from", async () => {
  const taken: string[] = [];
  const rateLimit = { take: (key: string) => taken.push(key) < 2 || 7 };
  await using house = await openLogs({ rateLimit });
  house.logs.visibility.set(account, "all");
  assert.equal((await anyone(house, `/log/${account}/checkpoint`)).status, 200);
  const limited = await anyone(house, `/log/${account}/checkpoint`);
  assert.deepEqual([limited.status, limited.headers.get("retry-after")], [429, "7"]);
  assert.deepEqual(new Set(taken).size, 1);
  assert.match(taken[0]!, /^address /);
});

test("what is no file of a log, and what no checkpoint covers, is not found; other methods are refused", async () => {
  await using house = await openLogs();
  const missing = [
    "tile/0/001",
    "tile/0/000.p/71",
    "tile/1/000",
    "tile/entries/000",
    "tile/0/000.p/0",
    "tile/0/000.p/256",
    "tile/0/0",
    "tile/00/000",
    "tile/0/x000/000",
    "tile/7/000",
    "tile/0/000/",
    "Checkpoint",
    "checkpoint/",
    "tile/0/..%2f000",
    "",
  ];
  for (const path of missing) {
    const answer = await get(house, `/log/${account}/${path}`);
    assert.deepEqual([answer.status, (await problemOf(answer)).code], [404, "not-found"], path);
  }
  for (const path of ["/log", "/log/", "/log/0123/checkpoint", "/log/abc/checkpoint", `/log/${account}`])
    assert.equal((await problemOf(await get(house, path))).status, 404, path);
  for (const method of ["POST", "PUT", "DELETE"]) {
    const answer = await send(house, method, `/log/${account}/checkpoint`);
    assert.deepEqual([answer.status, answer.headers.get("allow")], [405, "GET, HEAD"]);
    assert.equal((await problemOf(answer)).code, "method-not-allowed");
  }
});

test("reading a log is not audited, proofs are", async () => {
  const told: CallRecord[] = [];
  await using house = await openLogs({ onCall: (record) => void told.push(record) });
  await get(house, `/log/${account}/checkpoint`);
  await get(house, `/log/${other}/checkpoint`);
  await anyone(house, `/log/${account}/tile/0/000.p/1`);
  assert.deepEqual(told, []);
  await get(house, "/api/v1/events/3/proof");
  await get(house, "/api/v1/log");
  assert.deepEqual(
    told.map(({ name, readOnly }) => [name, readOnly]),
    [
      ["GetEventProof", true],
      ["GetLog", true],
    ],
  );
});

test("a proof is a file with the entry in it", async () => {
  await using house = await openLogs();
  const answer = await get(house, "/api/v1/events/3/proof");
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get("content-type"), "text/plain; charset=utf-8");
  assert.equal(answer.headers.get("content-disposition"), `attachment; filename="${account}-3.tlog-proof"`);
  assert.equal(answer.headers.get("cache-control"), "no-store");
  const proof = parseTlogProof(await answer.text());
  assert.equal(proof.index, 3);
  assert.match(Buffer.from(proof.extra!).toString(), /^own 3 /);
  for (const [target, status] of [
    ["70/proof", 404],
    ["-1/proof", 400],
    ["1.5/proof", 400],
    ["x/proof", 400],
    ["3/proof?a=b", 400],
  ] as const)
    assert.equal((await get(house, `/api/v1/events/${target}`)).status, status, target);
  assert.equal((await get(house, "/api/v1/events/3/proof", "writer")).status, 403);
  house.logs.failure = new TaishiError("overloaded", "not yet", { retryAfter: 1 });
  const waiting = await get(house, "/api/v1/events/3/proof");
  assert.deepEqual([waiting.status, waiting.headers.get("retry-after")], [503, "1"]);
});

test("consistency and absence say what they are asked for, and name the parameter that is wrong", async () => {
  await using house = await openLogs();
  const json = async (path: string) => {
    const answer = await get(house, path);
    assert.equal(answer.status, 200, await answer.clone().text());
    return (await answer.json()) as Record<string, unknown>;
  };
  const { proof, ...sizes } = await json("/api/v1/log/consistency?from=3&to=70");
  assert.deepEqual(sizes, { from: 3, to: 70 });
  assert.ok(Array.isArray(proof) && proof.length > 0);
  assert.ok(proof.every((hash) => Buffer.from(String(hash), "base64").length === 32));
  assert.deepEqual((await json("/api/v1/log/consistency?from=0&to=0")).proof, []);
  const edge = (time: number) => ({ size: 70, time, note: `note of ${time}` });
  const interval = "from=2026-01-02T00:00:00Z&to=1767315600000";
  assert.equal((await get(house, `/api/v1/log/absence?${interval}`)).status, 404);
  house.logs.evidence = { before: edge(1_767_312_000_999), after: edge(1_767_315_600_001) };
  assert.deepEqual(await json(`/api/v1/log/absence?${interval}`), {
    from: "2026-01-02T00:00:00.000Z",
    to: "2026-01-02T01:00:00.000Z",
    size: 70,
    before: { time: "2026-01-02T00:00:00Z", checkpoint: "note of 1767312000999" },
    after: { time: "2026-01-02T01:00:00Z", checkpoint: "note of 1767315600001" },
  });
  const bad: readonly [string, string][] = [
    ["consistency?from=1", "to"],
    ["consistency?to=1", "from"],
    ["consistency?from=2&to=1", "from"],
    ["consistency?from=1&to=71", "to"],
    ["consistency?from=1&to=-2", "to"],
    ["consistency?from=1&from=1&to=2", "from"],
    ["consistency?from=1&to=2&size=3", "size"],
    ["absence?from=2026-01-02T00:00:00Z", "to"],
    ["absence?from=yesterday&to=2026-01-02T00:00:00Z", "from"],
    ["absence?from=2026-01-02T00:00:01Z&to=2026-01-02T00:00:00Z", "from"],
    ["absence?from=1767312000&to=2026-01-02T00:00:00Z", "from"],
  ];
  for (const [path, field] of bad) {
    const answer = await get(house, `/api/v1/log/${path}`);
    assert.deepEqual([answer.status, (await problemOf(answer)).field], [400, field], path);
  }
});
