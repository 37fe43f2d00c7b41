// The server as its peers see it: credentials, forms of errors, limits, connections, proxies, TLS and the stop.
import assert from "node:assert/strict";
import { get as httpsGet } from "node:https";
import { connect } from "node:net";
import { test } from "node:test";
import { connect as tlsConnect } from "node:tls";
import { first, second } from "./certificates.test-support.ts";
import { callers, get, openHouse, post, problemOf, sampleEvent, toySignature, Wire } from "./doubles.test-support.ts";

const path = "/api/v1/events";
const body = JSON.stringify({ events: [sampleEvent()] });

function request(head: string, text = ""): string {
  return `${head}\r\nHost: taishi\r\n${text === "" ? "" : `Content-Length: ${Buffer.byteLength(text)}\r\n`}\r\n${text}`;
}

test("credentials that are missing, unknown, foreign or wrong are told apart", async () => {
  await using house = await openHouse();
  const answerTo = (headers: Record<string, string>) => fetch(house.url + path, { headers });
  const none = await answerTo({});
  assert.equal(none.status, 401);
  assert.equal(none.headers.get("www-authenticate"), 'Bearer realm="taishi", TOY realm="taishi"');
  assert.equal((await problemOf(none)).code, "missing-credentials");
  const unknown = await answerTo({ authorization: "Bearer nobody" });
  assert.equal(unknown.status, 401);
  assert.match(unknown.headers.get("www-authenticate") ?? "", /^Bearer realm="taishi", error="invalid_token"/);
  assert.equal((await problemOf(unknown)).code, "invalid-token");
  assert.equal((await problemOf(await answerTo({ authorization: "Bearer" }))).code, "invalid-token");
  assert.equal((await problemOf(await answerTo({ authorization: "Basic eDp5" }))).code, "missing-credentials");
  assert.equal((await problemOf(await answerTo({ authorization: "TOY Credential=nobody" }))).code, "unknown-key");
  assert.equal(
    (await problemOf(await answerTo({ authorization: "TOY Credential=auditor" }))).code,
    "signature-mismatch",
  );
  assert.equal((await answerTo({ authorization: "bearer  auditor" })).status, 200);
  assert.equal((await answerTo({ authorization: toySignature("auditor", path, "") })).status, 200);
});

test("nothing of a body is awaited where a token or a signature's headers are refused", async () => {
  await using house = await openHouse();
  for (const authorization of ["Bearer nobody", "Bearer auditor", "TOY Credential=nobody"]) {
    const wire = new Wire(house.port);
    wire.send(
      `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\nContent-Type: application/json\r\nContent-Length: 9000000\r\n\r\n`,
    );
    await wire.until(/"requestId"/);
    assert.match(wire.text, /^HTTP\/1\.1 40[13] /);
    assert.match(wire.text, /connection: close/i);
    wire.end();
  }
});

test("with Expect: 100-continue the body is invited only after the headers were accepted", async () => {
  await using house = await openHouse();
  const head = (token: string): string =>
    `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n`;
  const good = new Wire(house.port);
  good.send(head("writer"));
  await good.until(/^HTTP\/1\.1 100 Continue\r\n\r\n/);
  good.send(body);
  await good.until(/HTTP\/1\.1 200 OK/);
  await good.closed;
  const bad = new Wire(house.port);
  bad.send(head("nobody").replace(/Content-Length: \d+/, "Content-Length: 20000000"));
  await bad.until(/HTTP\/1\.1 401 /);
  assert.doesNotMatch(bad.text, /100 Continue/);
  bad.end();
});

test("keys that ask too often get 429 with Retry-After", async () => {
  const asked: string[] = [];
  await using house = await openHouse({
    rateLimit: {
      take: (key) => {
        asked.push(key);
        return asked.length < 2 ? true : 7;
      },
    },
  });
  assert.equal((await get(house, path)).status, 200);
  const answer = await get(house, path);
  assert.equal(answer.status, 429);
  assert.equal(answer.headers.get("retry-after"), "7");
  assert.equal((await problemOf(answer)).code, "rate-limited");
  assert.deepEqual(asked, [callers.auditor.accessKey, callers.auditor.accessKey]);
});

test("errors have the form of their path", async () => {
  await using house = await openHouse();
  for (const target of ["/api", "/api/v1/nothing", "/log/checkpoint", "/api/v1/events/1/2", "/api/%zz"]) {
    const answer = await fetch(house.url + target);
    assert.equal(answer.status, 404, target);
    assert.equal((await problemOf(answer)).code, "not-found");
  }
  for (const target of ["/v3", "/v3/0123/instances", "/v3.0/OS-CREDENTIAL"]) {
    const answer = await fetch(house.url + target);
    assert.equal(answer.status, 404, target);
    assert.deepEqual(Object.keys((await answer.json()) as object), ["error_code", "error_msg"]);
  }
  for (const target of ["/nothing", "/apis", "/logs", "/%zz"]) {
    const answer = await fetch(house.url + target);
    assert.equal(answer.status, 404, target);
    assert.deepEqual(await answer.json(), { ResponseMetadata: { Error: { Code: "not-found" } } });
    assert.equal(answer.headers.get("x-content-type-options"), "nosniff");
  }
});

test("a known path with another method is 405 with Allow", async () => {
  await using house = await openHouse();
  const cases = [
    [path, "DELETE", "POST, GET"],
    [`${path}/1`, "PUT", "GET"],
    ["/openapi.json", "POST", "GET"],
    ["/metrics", "HEAD", "GET"],
  ] as const;
  for (const [target, method, allowed] of cases) {
    const answer = await fetch(house.url + target, { method });
    assert.equal(answer.status, 405, target);
    assert.equal(answer.headers.get("allow"), allowed);
    if (method !== "HEAD") assert.equal((await problemOf(answer)).code, "method-not-allowed");
  }
});

test("the gateway gets the request exactly as it was sent, whatever its method", async () => {
  await using house = await openHouse();
  const target = "/?Version=2024-01-01&Action=List%41&x=a+b&&y";
  const answer = await fetch(house.url + target, {
    method: "POST",
    body: new Uint8Array([0x1f, 0x8b, 0xff, 0]),
    headers: { "content-encoding": "gzip", "X-Thing": "a" },
  });
  assert.equal(answer.status, 200);
  const given = house.gateway.requests[0]!;
  assert.equal(given.target, target);
  assert.deepEqual([...given.body], [0x1f, 0x8b, 0xff, 0]);
  assert.equal(given.headers["x-thing"], "a");
  assert.equal(given.address, "127.0.0.1");
  assert.deepEqual(given.hosts, [`127.0.0.1:${house.port}`]);
  for (const method of ["GET", "PUT", "DELETE", "OPTIONS", "HEAD"])
    assert.equal((await fetch(`${house.url}/`, { method })).status, 200, method);
  assert.equal(house.gateway.requests.length, 6);
});

test("a target in absolute form is served like any other", async () => {
  await using house = await openHouse();
  const wire = new Wire(house.port);
  wire.send(request("GET http://taishi/healthz HTTP/1.1") + request("POST HTTP://taishi?Action=A HTTP/1.1"));
  await wire.until(/"status":"ok"/);
  await wire.until(/"target":"\/\?Action=A"/);
  wire.send(request("OPTIONS * HTTP/1.1"));
  await wire.until(/"target":"\*"/);
  wire.end();
});

test("a client that does not read its answers loses its connection", async () => {
  await using house = await openHouse({ limits: { silenceTimeout: 1000 } });
  await post(house, JSON.stringify({ events: Array(500).fill(sampleEvent({ detail: "x".repeat(30_000) })) }));
  const socket = connect(house.port, "127.0.0.1");
  socket.on("error", () => {});
  socket.pause();
  socket.write(request(`GET ${path}?limit=500 HTTP/1.1\r\nAuthorization: Bearer auditor`));
  const inFlight = async (): Promise<string> => (await fetch(`${house.url}/metrics`)).text();
  while (!/^taishi_http_requests_in_flight 2$/m.test(await inFlight()));
  while (!/^taishi_http_requests_in_flight 1$/m.test(await inFlight()));
  socket.destroy();
});

test("a browser at the root is sent to the console, a client is not", async () => {
  await using house = await openHouse();
  const headers = { accept: "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8" };
  const browser = await fetch(`${house.url}/`, { headers, redirect: "manual" });
  assert.equal(browser.status, 302);
  assert.equal(browser.headers.get("location"), "/console/");
  assert.equal((await fetch(`${house.url}/?Action=ListAuditLogs`, { headers, redirect: "manual" })).status, 200);
  assert.equal((await fetch(`${house.url}/`, { headers: { accept: "*/*" }, redirect: "manual" })).status, 200);
});

test("what the gateway refuses by the head alone is answered before a body byte is read", async () => {
  await using house = await openHouse();
  const answer = await fetch(`${house.url}/?Action=Refused`, { method: "POST", body: new Uint8Array(64 * 1024) });
  assert.equal(answer.status, 401);
  assert.equal(house.gateway.requests.length, 0);
});

test("a failing gateway is answered in the gateway's form", async () => {
  await using house = await openHouse();
  const answer = await fetch(`${house.url}/?Action=Fail`, { method: "POST" });
  assert.equal(answer.status, 500);
  assert.deepEqual(await answer.json(), { ResponseMetadata: { Error: { Code: "internal" } } });
});

test("a body too large for the gateway is answered in its form, declared or not", async () => {
  await using house = await openHouse();
  for (const head of ["Content-Length: 100000000", "Transfer-Encoding: chunked"]) {
    const wire = new Wire(house.port);
    wire.send(`POST /?Action=A HTTP/1.1\r\nHost: x\r\n${head}\r\n\r\n`);
    if (head.startsWith("T")) wire.send(`200000\r\n${"x".repeat(0x200000)}\r\n`);
    await wire.until(/"Code":"too-large"/);
    assert.match(wire.text, /^HTTP\/1\.1 413 /);
    wire.end();
  }
  assert.equal(house.gateway.requests.length, 0);
});

test("a client that sends 100 MB before it listens gets to read its 413", async () => {
  await using house = await openHouse();
  const piece = Buffer.alloc(1_000_000, "x");
  for (const [target, answer] of [
    ["/?Action=A", /"Code":"too-large"/],
    [path, /"code":"too-large"/],
  ] as const) {
    const wire = new Wire(house.port);
    wire.send(
      `POST ${target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer writer\r\nContent-Type: application/json\r\nContent-Length: 100000000\r\n\r\n`,
    );
    await wire.sendAll(Array(100).fill(piece));
    await wire.closed;
    assert.match(wire.text, answer);
    assert.match(wire.text, /connection: close/i);
  }
});

test("a refused body without end is let through for a bounded part only", async () => {
  await using house = await openHouse({ limits: { wireBytes: 1000, lingerBytes: 100_000 } });
  const wire = new Wire(house.port);
  wire.send(
    `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer writer\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`,
  );
  const pump = setInterval(() => wire.send(`8000\r\n${"x".repeat(0x8000)}\r\n`), 1);
  await wire.closed;
  clearInterval(pump);
  assert.match(wire.text, /^HTTP\/1\.1 413 /);
});

test("a connection lives on after a refusal with a small body, and pipelined requests keep their order", async () => {
  await using house = await openHouse();
  const wire = new Wire(house.port);
  const append = (token: string, text: string): string =>
    request(`POST ${path} HTTP/1.1\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json`, text);
  wire.send(
    append("nobody", body) + append("writer", "{}") + request("GET /nothing HTTP/1.1") + append("writer", body),
  );
  wire.send(request("GET /healthz HTTP/1.1"));
  await wire.until(/"status":"ok"/);
  const statuses = [...wire.text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status);
  assert.deepEqual(statuses, ["401", "400", "404", "200", "200"]);
  wire.end();
  assert.equal(house.ledger.batches.length, 1);
});

test("a connection lives on where a small body was refused half-way", async () => {
  await using house = await openHouse({ limits: { bufferedBytes: 10 } });
  const wire = new Wire(house.port);
  const append = request(
    `POST ${path} HTTP/1.1\r\nAuthorization: Bearer writer\r\nContent-Type: application/json`,
    body,
  );
  wire.send(append.slice(0, -20));
  await wire.until(/"code":"overloaded"/);
  wire.send(append.slice(-20) + request("GET /healthz HTTP/1.1"));
  await wire.until(/"status":"ok"/);
  wire.end();
});

test("a body that stops arriving is refused and its connection ends", async () => {
  await using house = await openHouse({ limits: { bodyIdleTimeout: 50, lingerTimeout: 50 } });
  const wire = new Wire(house.port);
  wire.send(
    `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer writer\r\nContent-Type: application/json\r\nContent-Length: 90000\r\n\r\n{"events"`,
  );
  await wire.closed;
  assert.match(wire.text, /^HTTP\/1\.1 400 .*did not arrive in time/s);
});

test("headers that do not arrive, or are no HTTP, or are too long, end the connection with a status", async () => {
  await using house = await openHouse({ limits: { headersTimeout: 100 } });
  const cases = [
    ["GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ", /^HTTP\/1\.1 408 /],
    ["hello\r\n\r\n", /^HTTP\/1\.1 400 /],
    [`GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${"x".repeat(70_000)}\r\n\r\n`, /^HTTP\/1\.1 431 /],
    ["GET / HTTP/1.1\r\n\r\n", /^HTTP\/1\.1 400 /],
  ] as const;
  for (const [sent, expected] of cases) {
    const wire = new Wire(house.port);
    wire.send(sent);
    await wire.closed;
    assert.match(wire.text, expected);
    assert.equal(wire.answers, 1);
  }
  assert.equal((await fetch(`${house.url}/healthz`)).status, 200);
});

test("headers of 60 KiB are read", async () => {
  await using house = await openHouse();
  const wire = new Wire(house.port);
  wire.send(`GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: ${"x".repeat(60_000)}\r\n\r\n`);
  await wire.until(/^HTTP\/1\.1 200 /);
  wire.end();
});

test("a client that goes away in the middle of its body leaves nothing behind", async () => {
  await using house = await openHouse();
  const wire = new Wire(house.port);
  wire.send(
    `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer writer\r\nContent-Type: application/json\r\nContent-Length: 90000\r\n\r\n{"events"`,
  );
  const held = async (): Promise<string> => {
    const text = await (await fetch(`${house.url}/metrics`)).text();
    return /^taishi_http_buffered_body_bytes (\d+)$/m.exec(text)![1]!;
  };
  while ((await held()) !== "9");
  wire.end();
  while ((await held()) !== "0");
  assert.equal(house.ledger.batches.length, 0);
});

test("forwarded addresses and hosts are believed from trusted proxies only", async () => {
  const headers = { "x-forwarded-for": "198.51.100.7, 203.0.113.9", "x-forwarded-host": "audit.example.com" };
  const seen = async (trustedProxies: readonly string[]) => {
    await using house = await openHouse({ trustedProxies });
    await fetch(`${house.url}/?Action=A`, { headers });
    const { address, hosts } = house.gateway.requests[0]!;
    return { address, hosts: hosts.map((host) => host.replace(/:\d+$/, "")) };
  };
  assert.deepEqual(await seen([]), { address: "127.0.0.1", hosts: ["127.0.0.1"] });
  assert.deepEqual(await seen(["10.0.0.0/8"]), { address: "127.0.0.1", hosts: ["127.0.0.1"] });
  assert.deepEqual(await seen(["127.0.0.0/8"]), { address: "203.0.113.9", hosts: ["127.0.0.1", "audit.example.com"] });
  assert.equal((await seen(["127.0.0.1", "203.0.113.0/24"])).address, "198.51.100.7");
});

test("a range of trusted proxies that cannot be read stops the start", async () => {
  await assert.rejects(openHouse({ trustedProxies: ["10.0.0.0/99"] }));
});

test("stopping lets what is in flight end, refuses what comes, and closes every connection", async () => {
  const house = await openHouse();
  let open: () => void = () => {};
  house.ledger.gate = new Promise((resolve) => {
    open = resolve;
  });
  const append = request(
    `POST ${path} HTTP/1.1\r\nAuthorization: Bearer writer\r\nContent-Type: application/json`,
    body,
  );
  const busy = new Wire(house.port);
  const early = new Wire(house.port);
  const fresh = new Wire(house.port);
  early.send(request("GET /healthz HTTP/1.1"));
  await early.until(/200 OK/);
  busy.send(append);
  const inFlight = async (): Promise<boolean> =>
    /buffered_body_bytes [1-9]/.test(await (await fetch(`${house.url}/metrics`)).text());
  while (!(await inFlight()));
  const closed = house.server.close();
  await early.closed;
  fresh.send(append);
  await fresh.until(/"code":"shutting-down"/);
  assert.match(fresh.text, /^HTTP\/1\.1 503 /);
  assert.match(fresh.text, /^retry-after: 1\r$/im);
  assert.match(fresh.text, /^connection: close\r$/im);
  await assert.rejects(fetch(`${house.url}/healthz`), "nothing new is let in");
  open();
  await closed;
  await busy.closed;
  assert.match(busy.text, /^HTTP\/1\.1 200 OK/);
  assert.equal(house.ledger.batches.length, 1);
  await fresh.closed;
});

test("stopping does not wait for ever for a request that hangs", async () => {
  const house = await openHouse({ limits: { closeGrace: 50 } });
  house.ledger.gate = new Promise(() => {});
  const wire = new Wire(house.port);
  wire.send(request(`GET ${path} HTTP/1.1\r\nAuthorization: Bearer auditor`) + request("GET /healthz HTTP/1.1"));
  while (house.ledger.begun === 0) await fetch(`${house.url}/healthz`);
  await house.server.close();
  await wire.closed;
});

test("metrics and health need no key, name no account, and are Prometheus text and JSON", async () => {
  let ready = false;
  await using house = await openHouse({
    health: () => ({ ready, index: { covered: 1, size: 2 }, writer: "ok" }),
    metricsSources: [
      { name: "taishi_writer_queue_batches", help: "Waiting.", read: () => 4 },
      { name: "taishi_checkpoint_age_seconds", help: "Age.", read: () => undefined },
    ],
  });
  await get(house, `${path}/12?x=1`);
  const metrics = await fetch(`${house.url}/metrics`);
  assert.match(metrics.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
  const text = await metrics.text();
  assert.match(text, /^taishi_writer_queue_batches 4$/m);
  assert.doesNotMatch(text, /^taishi_checkpoint_age_seconds \d/m);
  assert.match(
    text,
    /^taishi_http_request_duration_seconds_count\{[^}]*route="\/api\/v1\/events\/:seq"[^}]*status="400"\} 1$/m,
  );
  assert.match(text, /^process_cpu_user_seconds_total /m);
  assert.doesNotMatch(text, /2100000001|AKauditor/);
  assert.deepEqual(await (await fetch(`${house.url}/healthz`)).json(), {
    status: "ok",
    time: "2026-01-02T03:04:05.678Z",
  });
  const behind = await fetch(`${house.url}/readyz`);
  assert.equal(behind.status, 503);
  assert.deepEqual(await behind.json(), { ready: false, index: { covered: 1, size: 2 }, writer: "ok" });
  ready = true;
  assert.equal((await fetch(`${house.url}/readyz`)).status, 200);
});

test("two servers in one process keep separate metrics", async () => {
  await using one = await openHouse();
  await using other = await openHouse();
  await post(one, body);
  assert.match(await (await fetch(`${other.url}/metrics`)).text(), /^taishi_appended_events_total 0$/m);
});

test("the server speaks TLS and takes a new certificate without a restart", async () => {
  await using house = await openHouse({ tls: first });
  const commonName = (): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const socket = tlsConnect({ port: house.port, host: "127.0.0.1", rejectUnauthorized: false }, () => {
        resolve(socket.getPeerCertificate().subject.CN);
        socket.destroy();
      });
      socket.on("error", reject);
    });
  assert.equal(await commonName(), "first");
  house.server.reloadTls(second);
  assert.equal(await commonName(), "second");
  assert.throws(() => house.server.reloadTls({ cert: "no", key: "certificate" }));
  assert.equal(await commonName(), "second");
  const status = await new Promise((resolve, reject) => {
    httpsGet(`${house.url}/healthz`, { rejectUnauthorized: false, agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    }).on("error", reject);
  });
  assert.equal(status, 200);
});
