// The syslog input over real sockets.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import dgram from "node:dgram";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, test } from "node:test";
import tls from "node:tls";
import { Value } from "typebox/value";
import { TaishiError } from "../../errors.ts";
import { first, second } from "../../server/certificates.test-support.ts";
import { eventually, HandedOver } from "../handed-over.test-support.ts";
import { SyslogInput } from "./syslog-input.ts";
import { listenOf, listenText, type SyslogOptions, syslogSchema } from "./syslog-options.ts";

const directory = mkdtempSync(join(tmpdir(), "taishi-syslog-"));
after(() => rmSync(directory, { recursive: true }));

/** Stopped after a test that failed as well, or its file would never end. */
const agents: HandedOver[] = [];
afterEach(() => Promise.allSettled(agents.splice(0).map((agent) => agent.stop())));

const file = (name: string, content: string): string => {
  writeFileSync(join(directory, name), content);
  return join(directory, name);
};
const certs = {
  cert: file("cert.pem", first.cert),
  key: file("key.pem", first.key),
  other: file("other.pem", second.cert),
};

function optionsOf(given: Partial<SyslogOptions>): SyslogOptions {
  const options = Value.Default(syslogSchema, given);
  assert.ok(Value.Check(syslogSchema, options));
  return options;
}

async function started(given: Partial<SyslogOptions>, agent = new HandedOver(), now = () => 5) {
  const input = new SyslogInput(optionsOf(given), { now });
  agents.push(agent);
  agent.start(input);
  await Promise.race([
    eventually(
      () => input.state.text.startsWith("listening"),
      () => "it does not listen",
    ),
    agent.running,
  ]);
  return { input, agent };
}

async function sent(socket: net.Socket, text: string | Buffer): Promise<void> {
  await new Promise<void>((resolve, reject) => socket.write(text, (error) => (error ? reject(error) : resolve())));
}

test("TCP: messages in both framings are records of their sender's lane, numbered on over a restart", async () => {
  const { input, agent } = await started({ listen: "tcp://127.0.0.1:0" });
  const socket = net.connect(input.port!, "127.0.0.1");
  await sent(socket, "<13>one\n7 <13>tw");
  await agent.until(1);
  await sent(socket, "o<13>three\n");
  await agent.until(3);
  assert.match(input.state.text, /^listening on tcp:\/\/127\.0\.0\.1:0, 1 connections$/);
  await agent.stop();
  assert.equal(input.state.text, "not listening on tcp://127.0.0.1:0");

  const again = await started({ listen: "tcp://127.0.0.1:0" }, agent);
  net.connect(again.input.port!, "127.0.0.1").end("<13>four");
  await agent.until(4);
  await agent.stop();
  assert.deepEqual(agent.textsOf("127.0.0.1"), ["<13>one", "<13>two", "<13>three", "<13>four"]);
  assert.deepEqual(
    agent.records.map(({ offset }) => offset),
    [1, 2, 3, 4],
  );
  assert.equal(new Set(agent.batches.map(({ stream }) => stream)).size, 1);
  assert.match(agent.batches[0]!.stream, /^n-[0-9a-f]{32}$/);
  assert.equal(agent.records[0]!.record.read, 5);
});

test("TCP: while nothing can be stored senders wait, and then everything comes, in order", async () => {
  const agent = new HandedOver();
  const gate = Promise.withResolvers<void>();
  agent.full = gate.promise;
  const { input } = await started({ listen: "tcp://127.0.0.1:0" }, agent);
  const line = (n: number): string => `<13>${n} ${"x".repeat(1000)}`;
  const count = 60_000;
  const socket = net.connect(input.port!, "127.0.0.1");
  let written = 0;
  const writing = (async () => {
    for (let n = 0; n < count; n++) {
      if (!socket.write(`${line(n)}\n`)) await once(socket, "drain");
      written = n + 1;
    }
    socket.end();
  })();
  await eventually(
    () => (input.state.behind ?? 0) > 10_000,
    () => `${input.state.behind} are behind`,
  );
  let before = -1;
  while (before !== written) {
    before = written;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  assert.ok(written < count, "the sender waits");
  assert.ok(input.state.behind! < 20_000, "what is in memory is bounded");
  gate.resolve();
  await writing;
  await agent.until(count);
  await agent.stop();
  assert.deepEqual(
    agent.texts.map((text) => text.slice(4, text.indexOf(" "))),
    Array.from({ length: count }, (_, n) => String(n)),
  );
  agent.numbersRise();
  assert.ok(Math.max(...agent.batches.map(({ records }) => records.length)) <= 1_000);
});

test("TCP: a connection that breaks, or is idle for too long, leaves its half message torn", async () => {
  const { input, agent } = await started({ listen: "tcp://127.0.0.1:0", "idle-timeout": 1 });
  const broken = net.connect(input.port!, "127.0.0.1");
  await sent(broken, "<13>whole\n<13>broken off");
  await agent.until(1);
  broken.resetAndDestroy();
  await agent.until(2);
  const idle = net.connect(input.port!, "127.0.0.1");
  idle.on("error", () => undefined);
  await sent(idle, "<13>idle");
  await agent.until(3);
  await agent.stop();
  assert.deepEqual(
    agent.records.map(({ record, torn }) => [record.text, torn]),
    [
      ["<13>whole", undefined],
      ["<13>broken off", "its connection ended within it"],
      ["<13>idle", "its connection ended within it"],
    ],
  );
});

test("TCP: more connections than allowed are refused, and that is told", async () => {
  const { input, agent } = await started({ listen: "tcp://127.0.0.1:0", connections: 1 });
  const socket = net.connect(input.port!, "127.0.0.1");
  await sent(socket, "<13>in\n");
  await agent.until(1);
  const refused = net.connect(input.port!, "127.0.0.1");
  refused.on("error", () => undefined);
  await new Promise((resolve) => refused.once("close", resolve));
  assert.equal(input.state.problem, "a connection was refused: there were 1 already");
  await agent.stop();
});

test("a lane that nothing came of for long is over, and one may begin anew", async () => {
  let now = 1_000_000;
  const { input, agent } = await started({ listen: "tcp://127.0.0.1:0" }, new HandedOver(), () => now);
  const socket = net.connect(input.port!, "127.0.0.1");
  await sent(socket, "<13>one\n");
  await agent.until(1);
  now += 3_600_000;
  const other = net.connect({ port: input.port!, host: "127.0.0.1", localAddress: "127.0.0.2" });
  await sent(other, "<13>two\n");
  await eventually(
    () => agent.batches.some(({ laneEnds }) => laneEnds),
    () => "no lane ended",
  );
  await sent(socket, "<13>three\n");
  await agent.until(3);
  await agent.stop();
  assert.deepEqual(
    agent.batches.map(({ lane, records, laneEnds }) => [lane, records.length, laneEnds]),
    [
      ["127.0.0.1", 1, undefined],
      ["127.0.0.1", 0, true],
      ["127.0.0.2", 1, undefined],
      ["127.0.0.1", 1, undefined],
    ],
  );
  agent.numbersRise();
});

test("UDP: a datagram is a record, of up to 64 KiB, whatever line feeds are in it", async () => {
  const { input, agent } = await started({ listen: "udp://127.0.0.1:0" });
  const socket = dgram.createSocket("udp4");
  const large = `<13>${"y".repeat(60_000)}`;
  for (const text of ["<13>one\n", "9 <13>a\nb\0", "\n", large]) {
    const received = agent.records.length;
    await new Promise((resolve) => socket.send(text, input.port!, "127.0.0.1", resolve));
    if (text !== "\n") await agent.until(received + 1);
  }
  socket.close();
  assert.equal(input.state.text, "listening on udp://127.0.0.1:0, 0 datagrams lost");
  await agent.stop();
  assert.deepEqual(agent.textsOf("127.0.0.1"), ["<13>one", "9 <13>a\nb", large]);
});

test("UDP: what is lost because nothing can be stored is counted and told", async () => {
  const agent = new HandedOver();
  const gate = Promise.withResolvers<void>();
  agent.full = gate.promise;
  const { input } = await started({ listen: "udp://127.0.0.1:0" }, agent);
  const socket = dgram.createSocket("udp4");
  const large = Buffer.from(`<13>${"y".repeat(60_000)}`);
  let count = 0;
  while (!/, [1-9]\d* datagrams lost/.test(input.state.text)) {
    assert.ok(count < 5_000, "nothing was lost");
    await new Promise((resolve) => socket.send(large, input.port!, "127.0.0.1", resolve));
    if (++count % 10 === 0) await new Promise(setImmediate); // it shares this thread
  }
  assert.match(input.state.problem!, /a datagram was lost/);
  socket.close();
  gate.resolve();
  const lost = (): number => Number(/(\d+) datagrams lost/.exec(input.state.text)![1]);
  await eventually(
    () => agent.records.length + lost() === count,
    () => `${agent.records.length} came and ${lost()} of ${count} are lost`,
  );
  await agent.stop();
});

test("TLS: with the certificate, with another one once its files change, and not with files that do not fit", async () => {
  const cert = file("live-cert.pem", first.cert);
  const key = file("live-key.pem", first.key);
  const { input, agent } = await started({ listen: "tls://127.0.0.1:0", cert, key });
  const connect = async (ca: string): Promise<tls.TLSSocket> => {
    const socket = tls.connect({ port: input.port!, host: "127.0.0.1", ca, checkServerIdentity: () => undefined });
    await once(socket, "secureConnect");
    return socket;
  };
  (await connect(first.cert)).end("<13>one\n");
  await agent.until(1);
  writeFileSync(cert, second.cert);
  await eventually(
    () => input.state.problem !== null,
    () => "the wrong key is not told",
  );
  assert.match(input.state.problem!, /live-cert\.pem and .*live-key\.pem cannot be used/);
  (await connect(first.cert)).end("<13>two\n");
  await agent.until(2);
  writeFileSync(key, second.key);
  await eventually(
    () => input.state.problem === null,
    () => "the new certificate is not taken",
  );
  await assert.rejects(connect(first.cert), /self-signed|unable to verify/);
  (await connect(second.cert)).end("<13>three\n");
  await agent.until(3);
  await agent.stop();
  assert.deepEqual(agent.texts, ["<13>one", "<13>two", "<13>three"]);
});

test("TLS: with client-ca only clients that show a certificate of it are read", async () => {
  const { input, agent } = await started({
    listen: "tls://127.0.0.1:0",
    cert: certs.cert,
    key: certs.key,
    "client-ca": certs.other,
  });
  const options = { port: input.port!, host: "127.0.0.1", ca: first.cert, checkServerIdentity: () => undefined };
  for (const wrong of [{}, { cert: first.cert, key: first.key }]) {
    const socket = tls.connect({ ...options, ...wrong });
    socket.on("error", () => undefined);
    socket.write("<13>forged\n");
    await new Promise((resolve) => socket.once("close", resolve));
  }
  tls.connect({ ...options, cert: second.cert, key: second.key }).end("<13>right\n");
  await agent.until(1);
  assert.deepEqual(agent.texts, ["<13>right"]);
  assert.match(input.state.problem!, /a client's TLS handshake failed/);
  await agent.stop();
});

test("Unix: a stream socket; one that a killed process left behind is replaced, one in use is not", async () => {
  const path = join(directory, "log.sock");
  const left = net.createServer().listen(path);
  await once(left, "listening");
  const inUse = new HandedOver();
  inUse.start(new SyslogInput(optionsOf({ listen: `unix-stream://${path}` }), { now: () => 5 }));
  await assert.rejects(inUse.running, (thrown: TaishiError) => {
    assert.equal(thrown.code, "invalid-parameter");
    assert.match(thrown.message, /cannot listen on unix-stream:.*EADDRINUSE/);
    return true;
  });
  // As a kill leaves it: nobody listens any more, the file is still there.
  left.close();
  await once(left, "close");
  spawnSync(process.execPath, [
    "-e",
    `require("net").createServer().listen(${JSON.stringify(path)},()=>process.kill(process.pid,"SIGKILL"))`,
  ]);
  assert.ok(existsSync(path));
  const { agent } = await started({ listen: `unix-stream://${path}` });
  net.connect(path).end("<13>one\n<13>two");
  await agent.until(2);
  await agent.stop();
  assert.deepEqual(agent.textsOf("unix"), ["<13>one", "<13>two"]);
});

test("what is wrong in the options is told with its name", () => {
  const wrong = (given: Partial<SyslogOptions>): string => {
    try {
      new SyslogInput(optionsOf(given), { now: () => 5 });
    } catch (thrown) {
      assert.ok(thrown instanceof TaishiError);
      return thrown.message;
    }
    return "fine";
  };
  assert.match(wrong({ listen: "unix:///dev/log" }), /datagram Unix sockets .* cannot be read/);
  assert.match(wrong({ listen: "tcp://0.0.0.0:99999" }), /not of the form HOST:PORT/);
  assert.match(wrong({ listen: "http://0.0.0.0:99" }), /does not begin with/);
  assert.match(wrong({ listen: "tls://0.0.0.0" }), /^cert: is required/);
  assert.match(wrong({ listen: "tcp://0.0.0.0", cert: certs.cert }), /are for tls/);
  assert.match(wrong({ listen: "tls://0.0.0.0", cert: join(directory, "no.pem"), key: certs.key }), /is missing/);
  assert.match(wrong({ listen: "tls://0.0.0.0", cert: certs.other, key: certs.key }), /cannot be used/);
  assert.deepEqual(
    ["udp://0.0.0.0", "tcp://[::]", "tls://[::1]:7000"].map((listen) =>
      listenText(
        listenOf(optionsOf({ listen, ...(listen.startsWith("tls") ? { cert: certs.cert, key: certs.key } : {}) })),
      ),
    ),
    ["udp://0.0.0.0:514", "tcp://[::]:601", "tls://[::1]:7000"],
  );
});
