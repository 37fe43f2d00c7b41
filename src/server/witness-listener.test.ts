// The bounds of a witness's listener: sizes, times, methods, an orderly stop. What it answers is the witness's.
import assert from "node:assert/strict";
import { request } from "node:http";
import { connect } from "node:net";
import { after, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import pino from "pino";
import { Fatal, TaishiError } from "../errors.ts";
import type { Response } from "../exchange.ts";
import type { Limits } from "./limits.ts";
import { type TextExchange, WitnessListener } from "./witness-listener.ts";

const open = new Set<WitnessListener>();
after(async () => {
  for (const one of open) await one.close();
});

async function start(answer: (request: TextExchange) => Response, limits: Partial<Limits> = {}) {
  const fatal: Fatal[] = [];
  const listener = new WitnessListener({
    answer,
    failure: (error) => ({ status: error.status, headers: {}, body: error.code }),
    limits,
    log: pino({ level: "silent" }),
    onFatal: (error) => fatal.push(error),
  });
  open.add(listener);
  const { port } = await listener.listen("127.0.0.1", 0);
  return { listener, fatal, port, url: `http://127.0.0.1:${port}` };
}

const echo = ({ method, path, body }: TextExchange): Response => ({
  status: 200,
  headers: { "content-type": "text/plain" },
  body: `${method} ${path} ${body}`,
});

test("a request reaches the witness as text, without its query, and HEAD gets no body", async () => {
  const { url } = await start(echo);
  const answer = await fetch(`${url}/add-checkpoint?x=1`, { method: "POST", body: "old 0\n" });
  assert.equal(await answer.text(), "POST /add-checkpoint old 0\n");
  assert.equal(answer.headers.get("x-content-type-options"), "nosniff");
  const head = await fetch(`${url}/healthz`, { method: "HEAD" });
  assert.deepEqual([head.status, await head.text(), head.headers.get("content-length")], [200, "", "14"]);
});

test("a body above 64 KiB is refused, by its length or as it comes, and nothing is asked", async () => {
  let asked = 0;
  const { url } = await start((given) => {
    asked++;
    return echo(given);
  });
  const large = "x".repeat(64 * 1024 + 1);
  assert.equal((await fetch(url, { method: "POST", body: large })).status, 413);
  const stream = new ReadableStream({
    start(controller) {
      for (let i = 0; i < 10; i++) controller.enqueue(Buffer.alloc(10_000));
      controller.close();
    },
  });
  assert.equal((await fetch(url, { method: "POST", body: stream, duplex: "half" } as RequestInit)).status, 413);
  assert.equal(asked, 0);
  assert.equal((await fetch(url, { method: "POST", body: large.slice(1) })).status, 200);
});

test("who sends no headers, or no body, is let go", async () => {
  const { port, url } = await start(echo, { headersTimeout: 300, bodyIdleTimeout: 300 });
  const socket = connect(port, "127.0.0.1");
  const words: string[] = [];
  socket.setEncoding("utf8").on("data", (word: string) => words.push(word));
  socket.write("POST /add-checkpoint HTTP/1.1\r\nHost: x\r\n");
  await new Promise((resolve) => socket.once("close", resolve));
  assert.match(words.join(""), /^HTTP\/1\.1 408 /);
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const outgoing = request(url, { method: "POST", headers: { "content-length": "10" } }, (incoming) => {
      incoming.resume();
      resolve(incoming.statusCode);
      outgoing.destroy();
    });
    outgoing.on("error", reject);
    outgoing.write("old");
  });
  assert.ok(status === 408 || status === 400, String(status));
});

test("a failure is told in the witness's words; a fatal one stops the process", async () => {
  const { url, fatal } = await start(({ path }) => {
    throw path === "/full" ? new TaishiError("disk-full") : new Fatal("the file is in an unknown state");
  });
  assert.equal((await fetch(`${url}/full`)).status, 503);
  assert.equal(fatal.length, 0);
  assert.equal((await fetch(`${url}/fatal`)).status, 500);
  assert.equal(fatal.length, 1);
});

test("it stops in order: what is in flight is answered, connections that wait are closed", async () => {
  const { listener, url, port } = await start(echo);
  const idle = connect(port, "127.0.0.1");
  await new Promise((resolve) => idle.once("connect", resolve));
  const closed = new Promise((resolve) => idle.once("close", resolve));
  const outgoing = request(url, { method: "POST", headers: { "content-length": "4" } });
  const answered = new Promise<number | undefined>((resolve, reject) => {
    outgoing.on("response", (incoming) => {
      incoming.resume();
      resolve(incoming.statusCode);
    });
    outgoing.on("error", reject);
  });
  outgoing.write("ol");
  await delay(100);
  const stopped = listener.close();
  open.delete(listener);
  await delay(100);
  outgoing.end("d\n");
  assert.equal(await answered, 200);
  await Promise.all([stopped, closed]);
  await assert.rejects(fetch(url));
});
