// The middle of the agent: from batches of records to acknowledged events, through stops at every place.
import assert from "node:assert/strict";
import { test } from "node:test";
import { openDatabase } from "../durable/database.ts";
import { Fatal } from "../errors.ts";
import { readEvent } from "../event/read.ts";
import { createLog } from "../log.ts";
import { Agent } from "./agent.ts";
import {
  batchOf,
  eventsOf,
  listInput,
  MemoryService,
  openSpool,
  pipelineOf,
  temporary,
} from "./agent-house.test-support.ts";
import type { Input } from "./input.ts";
import type { Pipeline } from "./pipeline.ts";
import { Shipper } from "./shipper.ts";
import type { Spool } from "./spool.ts";

const never = new AbortController().signal;
const clock = { now: () => 1_790_000_000_000 };

function itemsIn(spool: Spool) {
  return spool.oldest(10_000, 1e9).map(({ bytes }) => eventsOf(bytes)[0]!);
}

function agentOf(spool: Spool, pipeline: Pipeline, texts: readonly string[], service: MemoryService): Agent {
  return new Agent({
    name: "node",
    sources: [{ name: "s", source: "pairs", input: listInput(texts), pipeline }],
    spool,
    spoolLimit: 1_000_000,
    shipper: new Shipper({ spool, destination: service, clock, firstBackoffMs: 1 }),
    clock,
    log: createLog("silent"),
  });
}

test("a batch becomes items the service takes: tags, risk, rule, record, parser and position", async () => {
  const spool = openSpool(temporary());
  await pipelineOf(spool).handOver(batchOf(["begin a", "one", "end a", "noise"]), never);
  const items = itemsIn(spool);
  assert.deepEqual(
    items.map(({ position }) => position),
    [20, 30, 40].map((offset) => ({ source: "node/s", stream: "f-1", offset: offset * 4096 })),
  );
  assert.deepEqual(items[1], {
    kind: "security",
    time: 1_790_000_000_000,
    type: "Told",
    resource: { type: "endpoint", id: "u" },
    risk: "High",
    contents: [
      { key: "Text", value: "end a" },
      { key: "Tag", value: "Rule,Own" },
    ],
    rule: "r-1",
    record: { raw: "begin a\nend a", parser: { name: "pairs", version: "1" } },
    position: { source: "node/s", stream: "f-1", offset: 30 * 4096 },
  });
  assert.deepEqual([items[2]?.kind, items[2]?.reason, items[2]?.record.raw], ["unparsed", "noise", "noise"]);
  for (const item of items) assert.doesNotThrow(() => readEvent(item, 0));
  spool.close(0);
});

test("a pipeline that is made anew after any batch goes on as if it had not stopped, and gives up what is old", async () => {
  const texts = ["begin a", "x", "begin b", "end a", "y", "end b", "begin c", "z"];
  const run = async (stops: boolean) => {
    const spool = openSpool(temporary());
    let pipeline = pipelineOf(spool);
    for (const [i, text] of texts.entries()) {
      await pipeline.handOver(batchOf([text], i), never);
      if (stops) pipeline = pipelineOf(spool);
    }
    const later = pipelineOf(spool, { clock: { now: () => 1_790_000_060_001 } });
    await later.expire(never);
    await pipelineOf(spool).end(never);
    const items = itemsIn(spool);
    spool.close(0);
    return items;
  };
  const whole = await run(false);
  assert.deepEqual(await run(true), whole);
  assert.deepEqual(
    whole.map(({ contents }) => contents?.map(({ value }) => value).join()),
    ["x,Rule,Own", "end a,Rule,Own", "y,Rule,Own", "end b,Rule,Own", "z,Rule,Own", "begin c,Rule,Own,no end"],
  );
  assert.equal(whole.at(-1)?.position.offset, 80 * 4096 + 1, "after the last record's own");
});

test("records that a parser fails on, that are too long, or that make no acceptable event are kept with the reason", async () => {
  const spool = openSpool(temporary());
  const pipeline = pipelineOf(spool, { resources: { map: () => ({ resource: { type: "t", id: "" }, mapped: true }) } });
  await pipelineOf(spool).handOver(batchOf(["begin a", "crash", "end a"]), never);
  const cut = { record: { text: "begin of it", read: 1_790_000_000_000 }, offset: 77, cut: { digest: "d", size: 9e7 } };
  const torn = {
    record: { text: "half", read: 1_790_000_000_000 },
    offset: 78,
    torn: "its connection ended within it",
  };
  await pipelineOf(spool).handOver({ ...batchOf([], 3), records: [cut, torn] }, never);
  await pipeline.handOver(batchOf(["x"], 8), never);
  const bytes = { text: "a\ufffdb", bytes: Buffer.from([97, 0xff, 98]), read: 1_790_000_000_000 };
  await pipelineOf(spool).handOver({ ...batchOf([], 9), records: [{ record: bytes, offset: 900 }] }, never);
  const items = itemsIn(spool);
  assert.deepEqual(
    items.map(({ reason }) => reason),
    [
      "the parser pairs 1 failed on it",
      undefined,
      "longer than its input takes; the record is cut: it had 90000000 bytes with SHA-256 d",
      "its connection ended within it",
      "its event would be refused: resource.id",
      undefined,
    ],
  );
  assert.equal(items[1]?.record.raw, "begin a\nend a", "what waited was not lost with the parser that failed");
  assert.equal(items[5]?.record.rawBase64, "Yf9i");
  spool.close(0);
});

test("what is ignored is counted, and the counts outlive a restart", async () => {
  const spool = openSpool(temporary());
  const ignore = new Set(["no-event"] as const);
  await pipelineOf(spool, { ignore }).handOver(batchOf(["noise", "a", "noise"]), never);
  await pipelineOf(spool, { ignore }).handOver(batchOf(["noise"], 3), never);
  assert.deepEqual(Object.fromEntries(pipelineOf(spool).counts), { "ignored no-event": 3, events: 1 });
  assert.equal(spool.items, 1);
  spool.close(0);
});

test("a full spool stops reading until there is room; nothing is discarded", async () => {
  const texts = Array.from({ length: 300 }, (_, i) => `line ${i}`);
  const spool = openSpool(temporary(), 5_000);
  const service = new MemoryService();
  let away = true;
  service.answer = () => (away ? { outcome: "later", reason: "away", afterMs: 5 } : undefined);
  const agent = agentOf(spool, pipelineOf(spool), texts, service);
  const run = agent.run(never);
  while (!spool.isFull) await new Promise((resolve) => setTimeout(resolve, 5));
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok(spool.bytes < 10_000, `${spool.bytes} bytes`);
  assert.match(agent.status.problem ?? "", /the spool is full: reading waits; away/);
  away = false;
  await run;
  assert.deepEqual(service.texts, texts);
  assert.equal(agent.status.problem, null);
});

test("lost answers, refusals by size and by event, and a service that is away: every event is there once, in order", async () => {
  const texts = Array.from({ length: 100 }, (_, i) => `line ${i}`);
  const spool = openSpool(temporary());
  const service = new MemoryService();
  let call = 0;
  service.answer = (events) => {
    call++;
    if (events.length > 10) return { outcome: "too-large", reason: "too many" };
    const bad = events.findIndex(({ kind, record }) => kind === "security" && record.raw === "line 57");
    if (bad !== -1) return { outcome: "refused", index: bad, reason: "contents: no such thing" };
    if (call % 3 === 0) return "lose the answer";
    return call % 4 === 0 ? { outcome: "later", reason: "busy", afterMs: 1 } : undefined;
  };
  const agent = agentOf(spool, pipelineOf(spool), texts, service);
  await agent.run(never);
  assert.deepEqual(service.texts, texts);
  const refused = service.events.filter(({ kind }) => kind === "unparsed");
  assert.deepEqual(
    refused.map(({ reason, record }) => [reason, record.raw]),
    [["the server refused its event: contents: no such thing", "line 57"]],
  );
  const { sent, duplicates } = agent.status;
  assert.equal(sent, 100);
  assert.ok(duplicates > 0, "answers were lost");
});

test("an agent stopped anywhere and started again delivers every record once, in order", async () => {
  const texts = Array.from({ length: 400 }, (_, i) =>
    i % 5 === 0 ? `begin k${i}` : i % 5 === 3 ? `end k${i - 3}` : `l ${i}`,
  );
  const expected = texts.filter((text) => !text.startsWith("begin"));
  const directory = temporary();
  const service = new MemoryService();
  service.answer = () => (Math.random() < 0.2 ? "lose the answer" : undefined);
  for (let starts = 0; ; starts++) {
    assert.ok(starts < 500, "it never came to the end");
    const stop = new AbortController();
    const spool = openSpool(directory);
    const agent = agentOf(spool, pipelineOf(spool), texts, service);
    const timer = setTimeout(() => stop.abort(), Math.random() * 15);
    await agent.run(stop.signal);
    clearTimeout(timer);
    if (!stop.signal.aborted) break;
  }
  assert.deepEqual(service.texts, expected);
});

test("a commit that the disk refuses is tried again, and the input waits", async () => {
  const spool = openSpool(temporary());
  const pipeline = pipelineOf(spool);
  const real = spool.commit.bind(spool);
  let failures = 1;
  spool.commit = (commit) => {
    if (failures-- > 0) throw Object.assign(new Error("database or disk is full"), { errcode: 13 });
    real(commit);
  };
  const handedOver = pipeline.handOver(batchOf(["a", "b"]), never);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.match(pipeline.problem ?? "", /the spool cannot be written: database or disk is full/);
  assert.equal(spool.items, 0);
  await handedOver;
  assert.deepEqual([spool.items, pipeline.problem], [2, null]);
  spool.close(0);
});

test("a file that is no spool is refused", () => {
  const directory = temporary();
  const options = { path: `${directory}/spool.db`, kind: "TSlg", format: 1, synchronous: "FULL" } as const;
  openDatabase({ ...options, create: () => {} }).close();
  assert.throws(() => openSpool(directory), Fatal);
});

test("what an input holds in memory when the agent is told to stop is still handed over", async () => {
  const directory = temporary();
  const spool = openSpool(directory);
  const stop = new AbortController();
  const service = new MemoryService();
  const input: Input = {
    state: { text: "pushed", behind: 0, problem: null },
    run: async (handOver, _resume, signal) => {
      stop.abort();
      assert.ok(signal.aborted);
      await handOver(batchOf(["one", "two"]));
    },
  };
  const agent = new Agent({
    name: "node",
    sources: [{ name: "s", source: "pairs", input, pipeline: pipelineOf(spool) }],
    spool,
    spoolLimit: 1_000_000,
    shipper: new Shipper({ spool, destination: service, clock, firstBackoffMs: 1 }),
    clock,
    log: createLog("silent"),
  });
  await agent.run(stop.signal);
  const kept = openSpool(directory);
  assert.deepEqual(
    [...service.events, ...itemsIn(kept)].map(({ record }) => record.raw),
    ["one", "two"],
  );
  kept.close(0);
});
