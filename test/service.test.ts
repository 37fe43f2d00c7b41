// The running program as a stranger meets it: bad input in every form, roles and tenants, key changes, a restart, a second
// start, a signal. After each refusal nothing has changed.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { connect } from "node:tls";
import { zstdCompressSync } from "node:zlib";
import { type Signer, signatureHeaders } from "./signed-request.ts";
import { type Credentials, firstKey, TaishiProcess, taishi, taishiJson } from "./taishi-process.ts";

let data: string;
let service: TaishiProcess;
let admin: Credentials;

before(async () => {
  data = mkdtempSync(join(tmpdir(), "taishi-service-"));
  service = await TaishiProcess.serve({ data });
  admin = firstKey(data);
  const answer = await append(admin.token, [event("ep-1"), event("ep-1"), event("ep-2")]);
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
});

after(async () => {
  await service.stop();
  rmSync(data, { recursive: true });
});

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  // biome-ignore lint/suspicious/noExplicitAny: answers of many shapes, each looked at member by member
  readonly body: any;
}

function event(resource: string, more: object = {}): object {
  return {
    kind: "security",
    time: "2024-09-29T11:38:34Z",
    resource: { type: "endpoint", id: resource },
    type: "SshLogin",
    risk: "Medium",
    contents: { Tag: "Unknown" },
    ...more,
  };
}

/** A request with exactly these headers and bytes. */
function send(
  method: string,
  target: string,
  headers: Readonly<Record<string, string>> = {},
  body: string | Uint8Array = "",
): Promise<Answer> {
  const [host = "", port = ""] = service.host.split(":");
  return new Promise((resolve, reject) => {
    let answered = false;
    const outgoing = httpRequest({ host, port, method, path: target, headers, agent: false }, (incoming) => {
      answered = true;
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        const isJson = /json/.test(incoming.headers["content-type"] ?? "");
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers,
          body: isJson ? JSON.parse(text) : text,
        });
      });
    });
    outgoing.on("error", (cause) => {
      if (!answered) reject(cause);
    });
    if (method === "GET") outgoing.end();
    else outgoing.end(body);
  });
}

const json = { "content-type": "application/json" };
const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });
const append = (token: string, events: readonly object[]): Promise<Answer> =>
  send("POST", "/api/v1/events", { ...json, ...bearer(token) }, JSON.stringify({ events }));

const listTarget = "/?Action=ListAuditLogs&Version=2024-01-01";
const good = { ResourceId: "ep-1", ResourceType: "endpoint" };
const signer = (): Signer => ({ ...admin, service: "ark", region: "cn-beijing" });

function signed(
  body: string,
  more: { readonly target?: string; readonly signer?: Signer; readonly time?: number } = {},
): { target: string; headers: Record<string, string>; body: string } {
  const target = more.target ?? listTarget;
  const time = more.time ?? Date.now();
  const headers = signatureHeaders(more.signer ?? signer(), { method: "POST", host: service.host, target, body, time });
  return { target, headers: { ...json, host: service.host, ...headers }, body };
}

const post = ({ target, headers, body }: { target: string; headers: Record<string, string>; body: string }) =>
  send("POST", target, headers, body);
const listed = (parameters: object): Promise<Answer> => post(signed(JSON.stringify(parameters)));
/** Of all that was appended: what the service writes of its own calls comes beside. */
const size = async (): Promise<number> =>
  (await send("GET", "/api/v1/events?kind=security", bearer(admin.token))).body.total;

function refused(answer: Answer, status: number, code: string, codeN?: number): void {
  assert.deepEqual(
    [answer.status, answer.body.ResponseMetadata?.Error?.Code, answer.body.ResponseMetadata?.Error?.CodeN],
    [status, code, codeN],
    JSON.stringify(answer.body),
  );
  assert.equal("Result" in answer.body, false);
  assert.match(String(answer.headers["content-type"]), /^application\/json/);
  assert.match(answer.body.ResponseMetadata.RequestId, /^\d{14}[0-9A-F]{18,20}$/);
}

test("a signed query gets its page and exact total", async () => {
  const { status, body } = await listed(good);
  assert.equal(status, 200);
  assert.equal(body.Result.TotalCount, 2);
  assert.equal(body.Result.Items.length, 2);
});

test("requests with bad credentials are refused in the gateway's form", async () => {
  const body = JSON.stringify(good);
  refused(await send("POST", listTarget, json, body), 401, "MissingAuthenticationToken", 100003);
  refused(
    await post(signed(body, { signer: { ...signer(), secretKey: "wrong" } })),
    401,
    "SignatureDoesNotMatch",
    100010,
  );
  refused(
    await post(signed(body, { signer: { ...signer(), accessKey: "AKnobody" } })),
    401,
    "InvalidAccessKey",
    100009,
  );
  refused(await post(signed(body, { time: Date.now() - 901_000 })), 400, "InvalidTimestamp", 100006);
  refused(await post(signed(body, { time: Date.now() + 903_000 })), 400, "InvalidTimestamp", 100006);
  const lacking = signed(body);
  lacking.headers.authorization = lacking.headers.authorization!.replace("host;", "host;x-absent;");
  refused(await post(lacking), 401, "SignatureDoesNotMatch", 100010);
  const otherHash = signed(body);
  otherHash.headers["x-content-sha256"] = "0".repeat(64);
  refused(await post(otherHash), 401, "SignatureDoesNotMatch", 100010);
  refused(await post({ ...signed(body), body: body.replace("ep-1", "ep-2") }), 401, "SignatureDoesNotMatch", 100010);
  refused(
    await send("POST", listTarget, { ...json, authorization: "HMAC-SHA256 nonsense" }, body),
    400,
    "InvalidAuthorization",
    100024,
  );
  refused(await send("POST", listTarget, { ...json, ...bearer("tst_wrong") }, body), 401, "InvalidSecretToken", 100026);
});

test("a presigned POST is refused: presigning covers no body", async () => {
  const date = `${new Date().toISOString().slice(0, 19).replace(/[-:]/g, "")}Z`;
  const credential = encodeURIComponent(`${admin.accessKey}/${date.slice(0, 8)}/cn-beijing/ark/request`);
  const query = `${listTarget}&X-Algorithm=HMAC-SHA256&X-Credential=${credential}&X-Date=${date}&X-NotSignBody=&X-SignedHeaders=&X-SignedQueries=Action%3BVersion&X-Signature=${"0".repeat(64)}`;
  const { status, body } = await send("POST", query, json, JSON.stringify(good));
  assert.ok(status >= 400 && status < 500, JSON.stringify(body));
  assert.ok(body.ResponseMetadata.Error.Code);
});

test("unknown actions, versions and methods are named", async () => {
  const body = JSON.stringify(good);
  const at = (target: string) => post(signed(body, { target }));
  refused(await at("/?Action=Nonsense&Version=2024-01-01"), 404, "InvalidActionOrVersion", 100008);
  refused(await at("/?Action=ListAuditLogs&Version=2023-01-01"), 404, "InvalidActionOrVersion", 100008);
  refused(await at("/?Version=2024-01-01"), 400, "MissingParameter", 100002);
  refused(await send("PUT", listTarget, json, body), 405, "MethodNotAllowed", 100020);
});

test("bad parameters are named in Ark's form", async () => {
  const cases: readonly [object, string][] = [
    [{ ResourceType: "endpoint" }, "MissingParameter.ResourceId"],
    [{ ...good, ResourceType: "nonsense" }, "InvalidParameter.ResourceType"],
    [{ ...good, PageNumber: 0 }, "InvalidParameter.PageNumber"],
    [{ ...good, PageNumber: -1 }, "InvalidParameter.PageNumber"],
    [{ ...good, PageNumber: "x" }, "InvalidParameter.PageNumber"],
    [{ ...good, PageSize: 0 }, "InvalidParameter.PageSize"],
    [{ ...good, PageSize: 101 }, "InvalidParameter.PageSize"],
    [{ ...good, SortOrder: "Sideways" }, "InvalidParameter.SortOrder"],
    [{ ...good, SortBy: "Name" }, "InvalidParameter.SortBy"],
  ];
  for (const [parameters, code] of cases) refused(await listed(parameters), 400, code);
  refused(await listed({ ...good, Filter: { LogType: "Nonsense" } }), 400, "InvalidParameter.LogType");
  const backwards = await listed({ ...good, Filter: { StartTime: 1_727_609_915, EndTime: 1_727_609_914 } });
  assert.equal(backwards.status, 400);
  assert.match(backwards.body.ResponseMetadata.Error.Code, /^InvalidParameter\.(Start|End)Time$/);
});

test("a huge page number answers with no items and the exact total", async () => {
  const { status, body } = await listed({ ...good, PageNumber: 2 ** 31 - 1 });
  assert.equal(status, 200);
  assert.deepEqual([body.Result.TotalCount, body.Result.Items], [2, []]);
});

test("bodies that cannot be read are refused and change nothing", async () => {
  const before = await size();
  const text = JSON.stringify(good);
  const bodies = [text.slice(0, text.length / 2), "nonsense", "[]", "[".repeat(30_000), '"\u0000'];
  for (const body of bodies) {
    const { status, body: answer } = await post(signed(body));
    assert.equal(status, 400, body.slice(0, 40));
    assert.ok(answer.ResponseMetadata.Error.Code);
  }
  refused(await post(signed("[".repeat(200_000))), 413, "RequestTooLarge");
  const invalid = Buffer.concat([Buffer.from('{"ResourceId":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]);
  const { status } = await send("POST", listTarget, { ...json, ...bearer(admin.token) }, invalid);
  assert.equal(status, 400);

  const auth = { ...json, ...bearer(admin.token) };
  const api = (headers: Record<string, string>, body: string | Uint8Array) =>
    send("POST", "/api/v1/events", { ...auth, ...headers }, body);
  const whole = JSON.stringify({ events: [event("ep-1"), event("ep-1", { risk: "Terrible" })] });
  const second = await api({}, whole);
  assert.equal(second.status, 400);
  assert.match(String(second.headers["content-type"]), /^application\/problem\+json/);
  assert.deepEqual([second.body.index, second.body.field], [1, "risk"]);
  for (const body of [whole.slice(0, 100), "nonsense", "{}", '{"events":[]}', "[".repeat(200_000), invalid])
    assert.equal((await api({}, body)).status, 400, String(body).slice(0, 40));
  const bomb = zstdCompressSync(Buffer.alloc(200 * 1024 * 1024, 0x20));
  assert.ok(bomb.length < 32 * 1024, `${bomb.length} bytes`);
  assert.equal((await api({ "content-encoding": "zstd" }, bomb)).status, 413);
  assert.equal(await size(), before);
});

test("a body of 100 MB is refused in the form of its path, and the service goes on", async () => {
  const huge = Buffer.alloc(100 * 1024 * 1024, 0x20);
  const own = await send("POST", "/api/v1/events", { ...json, ...bearer(admin.token) }, huge);
  assert.equal(own.status, 413);
  assert.equal(own.body.code, "too-large");
  const ark = await send("POST", listTarget, { ...json, ...bearer(admin.token) }, huge);
  assert.equal(ark.status, 413);
  assert.ok(ark.body.ResponseMetadata.Error.Code);
  assert.equal((await listed(good)).status, 200);
});

test("roles and tenants are kept apart, and a key's end takes effect within a second", async () => {
  const { account } = await taishiJson<{ account: string }>("account", "create", "--name", "other", "--data", data);
  const create = (role: string) =>
    taishiJson<Credentials>("key", "create", "--account", account, "--role", role, "--data", data);
  const [writer, auditor] = [await create("writer"), await create("auditor")];
  assert.equal((await append(writer.token, [event("ep-other")])).status, 200);
  assert.equal((await append(auditor.token, [event("ep-other")])).status, 403);
  assert.equal((await send("GET", "/api/v1/events", bearer(writer.token))).status, 403);
  refused(
    await post(signed(JSON.stringify(good), { signer: { ...writer, service: "ark", region: "r" } })),
    403,
    "AccessDenied",
    100013,
  );
  // Another account's resource is as one that does not exist.
  const theirs = await listed({ ...good, ResourceId: "ep-other" });
  assert.deepEqual([theirs.status, theirs.body.Result.TotalCount], [200, 0]);
  const own = await post(signed(JSON.stringify(good), { signer: { ...auditor, service: "ark", region: "r" } }));
  assert.deepEqual([own.status, own.body.Result.TotalCount], [200, 0]);

  await taishiJson("key", "disable", auditor.accessKey, "--data", data);
  assert.equal((await send("GET", "/api/v1/events", bearer(auditor.token))).status, 401);
  await taishiJson("key", "enable", auditor.accessKey, "--data", data);
  assert.equal((await send("GET", "/api/v1/events", bearer(auditor.token))).status, 200);
  const rotated = await taishiJson<Credentials>("key", "rotate", auditor.accessKey, "--data", data);
  assert.equal((await send("GET", "/api/v1/events", bearer(auditor.token))).status, 401);
  assert.equal((await send("GET", "/api/v1/events", bearer(rotated.token))).status, 200);
});

test("appends with the same idempotency key, and resent signed ones, are stored once", async () => {
  const before = await size();
  const body = JSON.stringify({ events: [event("ep-once")] });
  const headers = { ...json, ...bearer(admin.token), "idempotency-key": "one" };
  const first = await send("POST", "/api/v1/events", headers, body);
  const again = await send("POST", "/api/v1/events", headers, body);
  assert.deepEqual(again.body, { ...first.body, duplicates: 1 });
  const other = await send("POST", "/api/v1/events", headers, body.replace("ep-once", "ep-twice"));
  assert.equal(other.status, 409);
  const request = signed(body, { target: "/api/v1/events", signer: { ...signer(), service: "taishi" } });
  assert.equal((await post(request)).body.duplicates, 0);
  assert.equal((await post(request)).body.duplicates, 1);
  assert.equal(await size(), before + 2);
});

test("the command line appends a file through the running server and lists it beside it", async () => {
  const file = join(data, "events.ndjson");
  const lines = Array.from({ length: 2500 }, (_, i) =>
    JSON.stringify(event("ep-file", { contents: { N: String(i) } })),
  );

  writeFileSync(file, `${lines.join("\n")}\n`);
  const flags = ["--account", admin.account, "--data", data];
  const done = await taishiJson<{ accepted: number; last: number }>("append", file, ...flags, "--idempotency-key", "f");
  assert.equal(done.accepted, 2500);
  const again = await taishiJson<{ duplicates: number }>("append", file, ...flags, "--idempotency-key", "f");
  assert.equal(again.duplicates, 2500);
  const listing = await taishi("list", ...flags, "--resource-id", "ep-file", "--limit", "3", "--json");
  assert.deepEqual(
    listing.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).contents[0].value),
    ["2499", "2498", "2497"],
  );
  const bad = join(data, "bad.ndjson");
  writeFileSync(bad, `${lines[0]}\n{"kind":"security"}\n`);
  const failed = await taishi("append", bad, ...flags);
  assert.equal(failed.code, 1);
  assert.match(failed.stderr, /event 2: .*required; 0 events before it are stored/);
});

test("a second server on the same directory ends with 1 and names the owner", async () => {
  const { code, stderr } = await taishi("serve", "--data", data, "--listen", "127.0.0.1:0");
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`in use by process ${service.pid}\\b`));
});

test("a restart changes no answer, fsck and reindex agree, and first secrets are in a private file", async () => {
  const before = (await listed(good)).body.Result;
  const total = await size();
  assert.equal(await service.stop(), 0);
  assert.equal(statSync(join(data, "first-key.json")).mode & 0o777, 0o600);
  assert.equal(statSync(data).mode & 0o777, 0o700);
  const check = await taishi("fsck", "--data", data);
  assert.equal(check.code, 0, check.stdout + check.stderr);
  const { entries } = await taishiJson<{ entries: number }>("reindex", "--data", data);
  service = await TaishiProcess.serve({ data });
  assert.deepEqual((await listed(good)).body.Result, before);
  assert.equal(await size(), total);
  assert.ok(entries >= total);
});

test("an index that was deleted or is another ledger's is made anew to the same answers (I4)", async () => {
  const before = (await listed(good)).body.Result;
  await service.stop();
  rmSync(join(data, "index"), { recursive: true });
  service = await TaishiProcess.serve({ data });
  assert.deepEqual((await listed(good)).body.Result, before);
});

test("plain HTTP beyond loopback needs a word, and wrong flags end with a reason", async () => {
  const serve = (...flags: string[]) => taishi("serve", "--data", join(data, "never"), ...flags);
  const open = await serve("--listen", "0.0.0.0:0");
  assert.deepEqual([open.code, existsSync(join(data, "never"))], [1, false]);
  assert.match(open.stderr, /--insecure-http/);
  assert.match((await serve("--listen", "nonsense")).stderr, /HOST:PORT/);
  assert.match((await serve("--tls-cert", "x")).stderr, /belong together/);
  assert.equal((await serve("--no-such-flag")).code, 2);
});

test("TLS is served, and its certificate is read again on SIGHUP", async () => {
  const folder = mkdtempSync(join(tmpdir(), "taishi-tls-"));
  const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  const issue = (name: string): void => {
    const subject = ["-subj", `/CN=${name}`, "-days", "2", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
    execFileSync("openssl", ["req", "-x509", "-nodes", ...subject, "-keyout", key, "-out", cert], { stdio: "ignore" });
  };

  const subjectOf = (port: number): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false }, () => {
        resolve(String(socket.getPeerCertificate().subject.CN));
        socket.end();
      });
      socket.once("error", reject);
    });
  issue("first.example");
  const secure = await TaishiProcess.serve({
    data: join(folder, "data"),
    arguments: ["--tls-cert", cert, "--tls-key", key],
    scheme: "https",
  });
  const port = Number(secure.host.split(":")[1]);
  assert.equal(await subjectOf(port), "first.example");
  issue("second.example");
  process.kill(secure.pid, "SIGHUP");
  for (let tries = 0; tries < 50 && (await subjectOf(port)) !== "second.example"; tries++)
    await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(await subjectOf(port), "second.example");
  assert.equal(await secure.stop(), 0);

  rmSync(folder, { recursive: true });
});
