// The docker input against a stand-in that speaks the engine's documented event stream over a Unix socket: it remembers the
// last 256 events, tells those since a time (inclusive) and then what comes. A real engine is not driven here: it needs a
// kernel that lets it make containers.
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import http, { type ServerResponse } from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, test } from "node:test";
import { Value } from "typebox/value";
import { writeFileDurably } from "../../durable/files.ts";
import { TaishiError } from "../../errors.ts";
import { first, second } from "../../server/certificates.test-support.ts";
import { eventually, HandedOver } from "../handed-over.test-support.ts";
import { DockerInput } from "./docker-input.ts";
import { type DockerOptions, dockerSchema, eventsPath } from "./docker-options.ts";
import { ObjectSplitter } from "./object-splitter.ts";
import { SeenEvents, timeOf } from "./seen-events.ts";

const root = mkdtempSync(join(tmpdir(), "taishi-docker-"));
const agents: HandedOver[] = [];
const engines: FakeEngine[] = [];
after(() => rmSync(root, { recursive: true }));
afterEach(async () => {
  await Promise.allSettled(agents.splice(0).map((agent) => agent.stop()));
  for (const engine of engines.splice(0)) await engine.stop();
});

const second0 = 1_790_000_000n * 1_000_000_000n;

/** @param nano after second0 */
function event(n: number, nano: bigint): string {
  const time = second0 + nano;
  const attributes = { execID: `e${n}`, image: "web:1", name: 'a"}{b', timeNano: "1" };
  const actor = JSON.stringify({
    Action: `exec_start: sh -c "echo {${n}"`,
    Actor: { ID: "c1", Attributes: attributes },
  });
  return `${actor.slice(0, -1)},"scope":"local","time":${time / 1_000_000_000n},"timeNano":${time}}`;
}

class FakeEngine {
  readonly path = join(root, `e${engines.length}-${Math.random()}.sock`);
  readonly requests: string[] = [];
  readonly #told: { readonly text: string; readonly time: bigint }[] = [];
  readonly #streams = new Set<ServerResponse>();
  #server = http.createServer();
  separator = "\n";
  /** Bytes written at once. */
  pieces = Number.POSITIVE_INFINITY;

  async start(): Promise<void> {
    this.#server = http.createServer((request, response) => {
      this.requests.push(request.url!);
      response.writeHead(200, { "Content-Type": "application/json" });
      response.flushHeaders();
      const since = new URL(request.url!, "http://docker").searchParams.get("since");
      if (since !== null) {
        const [seconds = "0", fraction = "0"] = since.split(".");
        const from = BigInt(seconds) * 1_000_000_000n + BigInt(fraction);
        // From the newest backwards, up to the first that is older.
        const buffer = this.#told.slice(-256);
        const told = buffer.slice(buffer.findLastIndex(({ time }) => time < from) + 1);
        // One that happens while the reader connects is told from memory and as it happens.
        for (const { text } of [...told, ...told.slice(-1)]) this.#write(response, text);
      }
      this.#streams.add(response);
      response.once("close", () => this.#streams.delete(response));
    });
    this.#server.listen(this.path);
    await once(this.#server, "listening");
  }

  tell(text: string): void {
    this.#told.push({ text, time: timeOf(text)!.nanoseconds });
    for (const stream of this.#streams) this.#write(stream, text);
  }

  #write(stream: ServerResponse, text: string): void {
    const all = Buffer.from(text + this.separator);
    for (let at = 0; at < all.length; at += this.pieces) stream.write(all.subarray(at, at + this.pieces));
  }

  hangUp(): void {
    for (const stream of this.#streams) stream.destroy();
  }

  forget(): void {
    this.#told.length = 0;
  }

  async stop(): Promise<void> {
    this.hangUp();
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

async function engineStarted(): Promise<FakeEngine> {
  const engine = new FakeEngine();
  engines.push(engine);
  await engine.start();
  return engine;
}

function optionsOf(given: Partial<DockerOptions>): DockerOptions {
  const options = Value.Default(dockerSchema, given);
  assert.ok(Value.Check(dockerSchema, options));
  return options;
}

let now = 5;
function started(given: Partial<DockerOptions>, agent = new HandedOver()) {
  const input = new DockerInput(optionsOf(given), { now: () => now });
  agents.push(agent);
  agent.start(input);
  return { input, agent };
}

test("events are records as they came, whatever the stream is cut into and what is between them", async () => {
  for (const separator of ["\n", "", "\r\n", "\x1e", " \n\n"]) {
    const engine = await engineStarted();
    engine.separator = separator;
    engine.pieces = 7;
    const events = Array.from({ length: 5 }, (_, n) => event(n, BigInt(n)));
    engine.tell(events[0]!);
    const { agent } = started({ socket: engine.path });
    await agent.until(1);
    for (const text of events.slice(1)) engine.tell(text);
    await agent.until(5);
    await agent.stop();
    assert.deepEqual(agent.texts, events);
    agent.numbersRise();
    assert.equal(engine.requests[0], "/events?since=0.000000000&filters=%7B%22type%22%3A%5B%22container%22%5D%7D");
  }
});

test("over stops and broken connections no event is lost or doubled, of one instant and out of order ones neither", async () => {
  const engine = await engineStarted();
  const agent = new HandedOver();
  const told: string[] = [];
  let random = 7;
  const next = (below: number): number => {
    random = (random * 48_271) % 2_147_483_647;
    return random % below;
  };
  let { input } = started({ socket: `unix://${engine.path}` }, agent);
  for (let n = 0; n < 600; n++) {
    // Three in a nanosecond, some a little late, and now and then one of long ago.
    const nano = BigInt(Math.floor(n / 3)) * 100_000_000n - BigInt(next(4) === 0 ? 900_000_000 : 0);
    const text = event(n, n % 50 === 49 ? 77n : nano);
    told.push(text);
    engine.tell(text);
    if (next(20) === 0) engine.hangUp();
    if (next(25) === 0) {
      await agent.stop();
      agent.killAfter = agent.batches.length + next(3);
      input = started({ socket: engine.path }, agent).input;
    }
    if (next(10) === 0) {
      await Promise.race([
        agent.running,
        eventually(
          () => agent.records.length === told.length,
          () => input.state.text,
        ),
      ]);
      await agent.stop();
      agent.killAfter = Number.POSITIVE_INFINITY;
      input = started({ socket: engine.path }, agent).input;
      await agent.until(told.length);
    }
  }
  await agent.stop();
  agent.killAfter = Number.POSITIVE_INFINITY;
  started({ socket: engine.path }, agent);
  await agent.until(told.length);
  await new Promise((resolve) => setTimeout(resolve, 100));
  await agent.stop();
  assert.deepEqual(agent.texts, told);
  agent.numbersRise();
});

test("an engine whose clock was put back is read on, without repetition", async () => {
  const engine = await engineStarted();
  const hour = 3_600_000_000_000n;
  const { agent } = started({ socket: engine.path });
  const texts = [event(0, hour), event(1, hour + hour), event(2, 0n), event(3, 1n)];
  for (const text of texts) engine.tell(text);
  await agent.until(4);
  engine.hangUp();
  texts.push(event(4, 2n));
  engine.tell(texts[4]!);
  await agent.until(5);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await agent.stop();
  assert.deepEqual(agent.texts, texts);
});

test("an engine that has forgotten the last events is told as a gap; one that has not is not", async () => {
  const engine = await engineStarted();
  const { input, agent } = started({ socket: engine.path });
  engine.tell(event(0, 0n));
  await agent.until(1);
  engine.hangUp();
  engine.tell(event(1, 1n));
  await agent.until(2);
  assert.equal(input.state.problem, null);
  engine.hangUp();
  engine.forget();
  engine.tell(event(2, 2n));
  await agent.until(3);
  assert.match(input.state.problem!, /^events may be missing: the engine has forgotten/);
  now += 3_600_001;
  assert.equal(input.state.problem, null, "an hour later it is not told any more");
  await agent.stop();
});

test("from now on: what was before the first start is left out, what comes before the first event is not", async () => {
  const engine = await engineStarted();
  now = 1_790_000_000_000 + 1_000;
  engine.tell(event(0, 999_999_999n));
  const { agent } = started({ socket: engine.path, from: "now" });
  await eventually(
    () => agent.resume !== undefined,
    () => "no place was kept",
  );
  await agent.stop();
  engine.tell(event(1, 1_000_000_000n));
  engine.tell(event(2, 1_500_000_000n));
  now += 60_000;
  started({ socket: engine.path, from: "now" }, agent);
  await agent.until(2);
  await agent.stop();
  assert.deepEqual(agent.texts, [event(1, 1_000_000_000n), event(2, 1_500_000_000n)]);
});

test("an engine that is away, refuses or talks nonsense is told and tried again", async () => {
  const path = join(root, "away.sock");
  const { input, agent } = started({ socket: path });
  await eventually(
    () => input.state.problem !== null,
    () => "nothing is told",
  );
  assert.match(input.state.problem!, /^the engine at .*away\.sock: connect ENOENT/);
  const answers: ((response: ServerResponse) => void)[] = [
    (response) => response.writeHead(403).end("no"),
    (response) => response.end("HTTP is not JSON"),
    (response) => response.write(`${event(1, 1n)}\n`),
  ];
  const problems: (string | null)[] = [];
  const server = http.createServer((_, response) => {
    problems.push(input.state.problem);
    answers[problems.length - 1]!(response);
  });
  server.listen(path);
  await agent.until(1);
  problems.push(input.state.problem);
  assert.deepEqual(
    problems.map((problem) => problem?.replace(/^the engine at [^:]*: /, "")),
    [
      `connect ENOENT ${path}`,
      "it answered with status 403",
      "the engine sent something that is no JSON object",
      undefined,
    ],
  );
  await agent.stop();
  server.closeAllConnections();
  server.close();
});

test("tcp:// is TLS with certificates of both sides", async () => {
  const file = (name: string, text: string): string => {
    writeFileDurably(join(root, name), text, 0o600);
    return join(root, name);
  };
  const options = { cert: first.cert, key: first.key, ca: second.cert, requestCert: true, rejectUnauthorized: true };
  const server = https.createServer(options, (_, response) => response.write(event(1, 1n)));
  server.listen(0, "localhost");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const certificate = { ca: file("ca", first.cert), cert: file("cert", second.cert), key: file("key", second.key) };
  const { input, agent } = started({ socket: `tcp://localhost:${port}`, ...certificate });
  // The test's certificate names no host.
  await eventually(
    () => input.state.problem !== null,
    () => "nothing is told",
  );
  assert.match(input.state.problem!, /Hostname\/IP does not match/);
  await agent.stop();
  server.closeAllConnections();
  server.close();
  assert.throws(() => new DockerInput(optionsOf({ socket: "tcp://localhost:2375" }), { now: () => 5 }), TaishiError);
  assert.throws(() => new DockerInput(optionsOf({ socket: "docker.sock" }), { now: () => 5 }), TaishiError);
});

test("the request names the time to the nanosecond and all filters", () => {
  const options = optionsOf({ types: ["container", "daemon"], filters: { label: ["a=b"] } });
  assert.equal(
    decodeURIComponent(eventsPath(options, 1_790_000_000_000_000_007n)),
    '/events?since=1790000000.000000007&filters={"type":["container","daemon"],"label":["a=b"]}',
  );
  assert.equal(eventsPath(optionsOf({ types: [] }), 0n), "/events?since=0.000000000");
});

test("times are read to the nanosecond from the event itself", () => {
  assert.deepEqual(timeOf(event(1, 123_456_789n)), { nanoseconds: second0 + 123_456_789n, exact: true });
  assert.deepEqual(timeOf('{"status":"start","time":1790000000}'), { nanoseconds: second0, exact: false });
  assert.equal(timeOf('{"timeNano":1e30,"time":"5"}'), undefined);
  assert.equal(timeOf("{"), undefined);
});

test("an object's end is found whatever is in its strings, and a long one is cut", () => {
  const texts = ['{"a":"}\\"{\\\\"}', '{"a":{"b":[{}]}}', "{}"];
  const splitter = new ObjectSplitter();
  assert.deepEqual(
    splitter.take(Buffer.from(texts.join("")), 1).map(({ record }) => record.text),
    texts,
  );
  const long = Buffer.from(`{"a":"${"x".repeat(17 * 1024 * 1024)}"}`);
  const [cut] = [...splitter.take(long.subarray(0, 9_000_000), 1), ...splitter.take(long.subarray(9_000_000), 1)];
  assert.equal(cut?.cut?.size, long.length);
  assert.equal(cut?.record.text.length, 65_536);
});

test("events of an engine that tells only seconds may be alike: each is kept, and those told again are not", () => {
  const text = '{"status":"exec_start: ls","id":"c1","time":1790000000}';
  const seen = new SeenEvents(undefined);
  const take = (): boolean => {
    const known = seen.isKnown(text, timeOf(text));
    if (!known) seen.add(text, timeOf(text));
    return !known;
  };
  assert.deepEqual([take(), take(), take()], [true, true, true]);
  const again = new SeenEvents(JSON.parse(JSON.stringify(seen.kept)));
  assert.equal(again.reconnect(), second0 - 5_000_000_000n);
  assert.ok(again.awaits);
  assert.deepEqual(
    [1, 2, 3, 4].map(() => again.isKnown(text, timeOf(text))),
    [true, true, true, false],
  );
  assert.ok(!again.awaits);
});

test("what is remembered of events is bounded", () => {
  const seen = new SeenEvents(undefined);
  for (let n = 0; n < 5_000; n++) seen.add(`{"n":${n}}`, undefined);
  assert.equal(seen.kept.seen.length, 256);
});
