// The webhook input over real HTTP.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import https from "node:https";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, test } from "node:test";
import { gzipSync } from "node:zlib";
import { Value } from "typebox/value";
import { TaishiError } from "../../errors.ts";
import { first, second } from "../../server/certificates.test-support.ts";
import { eventually, HandedOver } from "../handed-over.test-support.ts";
import { recordsIn } from "./body-records.ts";
import { WebhookInput } from "./webhook-input.ts";
import { type WebhookOptions, webhookSchema } from "./webhook-options.ts";

const directory = mkdtempSync(join(tmpdir(), "taishi-webhook-"));
after(() => rmSync(directory, { recursive: true }));
const agents: HandedOver[] = [];
afterEach(() => Promise.allSettled(agents.splice(0).map((agent) => agent.stop())));

function file(name: string, content: string): string {
  writeFileSync(join(directory, name), content);
  return join(directory, name);
}

function optionsOf(given: Partial<WebhookOptions>): WebhookOptions {
  const options = Value.Default(webhookSchema, { listen: "127.0.0.1:0", ...given });
  assert.ok(Value.Check(webhookSchema, options), JSON.stringify([...Value.Errors(webhookSchema, options)]));
  return options;
}

let now = 5;
async function started(given: Partial<WebhookOptions> = {}, agent = new HandedOver()) {
  const input = new WebhookInput(optionsOf(given), { now: () => now });
  agents.push(agent);
  agent.start(input);
  await Promise.race([
    eventually(
      () => input.port !== undefined,
      () => "it does not listen",
    ),
    agent.running,
  ]);
  const base = `http://127.0.0.1:${input.port}`;
  const post = (
    body: string | Uint8Array,
    headers: Record<string, string> = {},
    path = input.state.text.replace(/.*:0/, ""),
  ) => fetch(base + path, { method: "POST", body: body as string | Uint8Array<ArrayBuffer>, headers });
  return { input, agent, base, post };
}

const texts = (body: string | Buffer): readonly string[] => recordsIn(Buffer.from(body), 5).map(({ text }) => text);

test("the records in a body are the texts that stand there", () => {
  const one = '{ "evt.time" : 1610667584834631763,\n "a": [1, {"b": "]},{"}] }';
  assert.deepEqual(texts(` ${one}\n`), [one]);
  assert.deepEqual(texts(`\ufeff[ ${one} , 9007199254740993,"x", [] ,\n{}]`), [
    one,
    "9007199254740993",
    '"x"',
    "[]",
    "{}",
  ]);
  assert.deepEqual(texts("[]"), []);
  assert.deepEqual(texts(`{"kind":"EventList","metadata":{"items":[1]},"items":[${one},{"n":1.0}]}`), [
    one,
    '{"n":1.0}',
  ]);
  assert.deepEqual(texts('{"kind":"EventList","items":[]}'), []);
  assert.deepEqual(texts('{"kind":"Event","items":[1]}'), ['{"kind":"Event","items":[1]}']);
  assert.deepEqual(texts('{"a":1}\r\n\n  \n{"b":2}\n'), ['{"a":1}', '{"b":2}']);
  assert.deepEqual(texts('{"a":1}\nno JSON\n{"b":'), ['{"a":1}', "no JSON", '{"b":']);
  assert.deepEqual(texts(""), []);
  const deep = `${"[".repeat(5_000)}${"]".repeat(5_000)}`;
  assert.deepEqual(texts(deep), [deep]);
});

test("bytes that are no UTF-8 are kept", () => {
  const body = Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff]), Buffer.from('"}\n{"b":1}')]);
  const records = recordsIn(body, 7);
  assert.deepEqual(records[0], { text: '{"a":"\ufffd"}', bytes: body.subarray(0, 9), read: 7 });
  assert.deepEqual(records[1], { text: '{"b":1}', read: 7 });
});

test("a post is answered when all its records are on disk, in one batch", async () => {
  const gate = Promise.withResolvers<void>();
  const agent = new HandedOver();
  agent.full = gate.promise;
  const { post, base } = await started({ path: "/falco" }, agent);
  let answered = false;
  const body = JSON.stringify(Array.from({ length: 2_500 }, (_, n) => ({ n })));
  const answer = post(body).finally(() => {
    answered = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(answered, false);
  gate.resolve();
  assert.deepEqual(await (await answer).json(), { accepted: 2_500 });
  assert.deepEqual(
    agent.batches.map(({ lane, records }) => [lane, records.length]),
    [["/falco", 2_500]],
  );
  assert.equal((await post(gzipSync('{"z":1}'), { "Content-Encoding": "gzip" })).status, 200);
  assert.equal((await post("[]")).status, 200);
  assert.deepEqual(await (await fetch(`${base}/health`)).json(), { status: "ok" });
  await agent.stop();
  assert.equal(agent.texts.at(-1), '{"z":1}');
  agent.numbersRise();
});

test("many post at once: every record is there, once", async () => {
  const gate = Promise.withResolvers<void>();
  const agent = new HandedOver();
  agent.full = gate.promise;
  const { input, post } = await started({}, agent);
  const posts = Array.from({ length: 200 }, (_, n) => post(`{"n":${n}}\n{"m":${n}}`));
  await eventually(
    () => input.state.behind === 400,
    () => `${input.state.behind} wait`,
  );
  gate.resolve();
  const answers = await Promise.all(posts);
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
  await agent.stop();
  assert.equal(new Set(agent.texts).size, 400);
  assert.equal(agent.texts.length, 400);
  assert.equal(agent.batches.length, 2, "what waits is stored together");
});

test("what is refused: other paths and methods, bodies too large or damaged, other encodings", async () => {
  const { input, agent, base, post } = await started({ path: "/in", "body-size": 1024 });
  const big = "x".repeat(4_000_000);
  const statuses = [
    await post("{}", {}, "/in/"),
    await post("{}", {}, "/in?a=b"),
    await fetch(`${base}/in`),
    await post(big),
    await post(gzipSync(big), { "Content-Encoding": "gzip" }),
    await post("no gzip", { "Content-Encoding": "gzip" }),
    await post("{}", { "Content-Encoding": "br" }),
  ].map(({ status }) => status);
  assert.deepEqual(statuses, [404, 200, 405, 413, 413, 400, 415]);
  assert.match(input.state.problem!, /a request was refused: too-large \(2 times\)/);
  // A body whose length nobody announced.
  const socket = net.connect(input.port!, "127.0.0.1");
  socket.write("POST /in HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\n");
  socket.write("x".repeat(4096));
  const [answer] = (await once(socket, "data")) as [Buffer];
  assert.match(answer.toString(), /^HTTP\/1\.1 413 /);
  socket.destroy();
  await agent.stop();
  assert.deepEqual(agent.texts, ["{}"]);
});

test("a token is asked for before the body is read, and may be rotated", async () => {
  const path = file("token", "first-secret-token\n");
  const { agent, post } = await started({ "token-file": path });
  const status = async (authorization?: string) =>
    (await post("{}", authorization === undefined ? {} : { Authorization: authorization })).status;
  assert.deepEqual(
    [
      await status(),
      await status("Bearer wrong"),
      await status("first-secret-token"),
      await status("Bearer first-secret-token"),
    ],
    [401, 401, 401, 200],
  );
  file("token", "second-secret-token");
  now += 10_000;
  assert.deepEqual([await status("Bearer first-secret-token"), await status("bearer second-secret-token")], [401, 200]);
  rmSync(path);
  now += 10_000;
  const answer = await post("{}", { Authorization: "Bearer second-secret-token" });
  assert.equal(answer.status, 500);
  assert.ok(!(await answer.text()).includes(directory), "what is wrong with our files is not the sender's");
  await agent.stop();
  assert.equal(agent.texts.length, 2);
});

test("a signature is of the body as it was sent", async () => {
  const secret = "a-secret-of-some-length";
  const { agent, post } = await started({ hmac: { "secret-file": file("hmac", secret), header: "X-Signature" } });
  const sign = (body: string | Uint8Array): string => createHmac("sha256", secret).update(body).digest("hex");
  const zipped = gzipSync('{"z":1}');
  const statuses = [
    await post("{}"),
    await post("{}", { "X-Signature": sign("{} ") }),
    await post("{}", { "X-Signature": sign("{}") }),
    await post("{}", { "x-signature": `sha256=${sign("{}").toUpperCase()}` }),
    await post(zipped, { "X-Signature": sign(zipped), "Content-Encoding": "gzip" }),
  ].map(({ status }) => status);
  assert.deepEqual(statuses, [401, 401, 200, 200, 200]);
  await agent.stop();
  assert.equal(agent.texts.length, 3);
});

test("while too much waits to be stored others are told to come later", async () => {
  const gate = Promise.withResolvers<void>();
  const agent = new HandedOver();
  agent.full = gate.promise;
  const { post } = await started({}, agent);
  const body = JSON.stringify({ a: "x".repeat(15_000_000) });
  const waiting = Array.from({ length: 5 }, () => post(body));
  await new Promise((resolve) => setTimeout(resolve, 200));
  let refused: Response | undefined;
  for (let tries = 0; tries < 20 && refused === undefined; tries++) {
    const answer = await Promise.race([
      post(body),
      new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 300)),
    ]);
    if (answer?.status === 429) refused = answer;
  }
  assert.equal(refused?.headers.get("retry-after") !== null, true);
  gate.resolve();
  await Promise.all(waiting);
  await agent.stop();
});

test("who hangs up before it is stored will post again: it is not kept twice; nor is what a stop catches waiting", async () => {
  const gate = Promise.withResolvers<void>();
  const agent = new HandedOver();
  agent.full = gate.promise;
  const { input, post } = await started({}, agent);
  const one = post('{"n":1}');
  await eventually(
    () => input.state.behind === 1,
    () => "the first is not there",
  );
  const hangsUp = new AbortController();
  const two = fetch(`http://127.0.0.1:${input.port}/`, { method: "POST", body: '{"n":2}', signal: hangsUp.signal });
  const gone = assert.rejects(two);
  await eventually(
    () => input.state.behind === 2,
    () => "the second is not there",
  );
  hangsUp.abort();
  await gone;
  await eventually(
    () => input.state.behind === 1,
    () => "the second is still there",
  );
  const three = post('{"n":3}');
  await eventually(
    () => input.state.behind === 2,
    () => "the third is not there",
  );
  const stopped = agent.stop();
  assert.equal((await three).status, 503);
  gate.resolve();
  await stopped;
  assert.equal((await one).status, 503, "whether it was stored is not known");
  assert.deepEqual(agent.texts, ['{"n":1}']);
});

test("where storing fails the sender is told, and so is the agent", async () => {
  const input = new WebhookInput(optionsOf({}), { now: () => 5 });
  const running = input.run(() => Promise.reject(new Error("no disk")), undefined, new AbortController().signal);
  const ended = assert.rejects(running, /no disk/);
  await eventually(
    () => input.port !== undefined,
    () => "it does not listen",
  );
  const answer = await fetch(`http://127.0.0.1:${input.port}/`, { method: "POST", body: "{}" });
  assert.equal(answer.status, 503);
  await ended;
});

test("a sender that is too slow is cut off", async () => {
  const { input, agent } = await started({ "request-timeout": 1 });
  const socket = net.connect(input.port!, "127.0.0.1");
  socket.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{");
  const dribble = setInterval(() => socket.write(" "), 200);
  const [answer] = (await once(socket, "data")) as [Buffer];
  clearInterval(dribble);
  assert.match(answer.toString(), /^HTTP\/1\.1 408 /);
  socket.destroy();
  await agent.stop();
  assert.deepEqual(agent.texts, []);
});

test("TLS, with clients' certificates where they are asked for", async () => {
  const certificate = {
    cert: file("cert", first.cert),
    key: file("key", first.key),
    "client-ca": file("ca", second.cert),
  };
  const { input, agent } = await started(certificate);
  const post = async (client: https.RequestOptions): Promise<number | undefined> => {
    const options = { host: "127.0.0.1", port: input.port!, method: "POST", ca: first.cert, agent: false as const };
    const request = https.request({ ...options, checkServerIdentity: () => undefined, ...client });
    request.end("{}");
    const [response] = await once(request, "response");
    return (response as { statusCode?: number }).statusCode;
  };
  await assert.rejects(post({}));
  assert.equal(await post({ cert: second.cert, key: second.key }), 200);
  await agent.stop();
  assert.match(input.state.problem!, /TLS handshake failed/);
});

test("beyond this machine nobody may write unknown, nor show a token in plain text", () => {
  const cert = file("cert", first.cert);
  const key = file("key", first.key);
  const token = file("token", "first-secret-token\n");
  const wrong = (given: Partial<WebhookOptions>): string => {
    try {
      new WebhookInput(optionsOf({ listen: "0.0.0.0:1", ...given }), { now: () => 5 });
      return "fine";
    } catch (thrown) {
      assert.ok(thrown instanceof TaishiError);
      return thrown.message;
    }
  };
  assert.match(wrong({}), /one of token-file, hmac and client-ca is required/);
  assert.match(wrong({ "token-file": token }), /a token needs TLS/);
  assert.match(wrong({ "token-file": token, cert }), /cert and key go together/);
  assert.equal(wrong({ "token-file": token, cert, key }), "fine");
  assert.equal(wrong({ hmac: { "secret-file": token, header: "X" } }), "fine");
  assert.match(wrong({ "token-file": file("short", "abc"), cert, key }), /at least 16 characters/);
  assert.match(wrong({ listen: "localhost:1", "token-file": join(directory, "none") }), /is missing/);
  assert.equal(wrong({ listen: "[::1]:1" }), "fine");
});
