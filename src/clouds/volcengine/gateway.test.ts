import assert from "node:assert/strict";
import { test } from "node:test";
import { type ErrorCode, errorTable, TaishiError } from "../../errors.ts";
import type { CallRecord, Request, Response } from "../../exchange.ts";
import type { Caller, Keyring } from "../../identity/caller.ts";
import { newRequestId } from "./envelope.ts";
import { type Action, type Call, createGateway } from "./gateway.ts";
import { errorResponse, gatewayErrors } from "./gateway-errors.ts";
import { signRequest } from "./signer.ts";

const now = Date.UTC(2024, 5, 27, 2, 12, 38);
const caller: Caller = { account: "2100000001", accessKey: "AK1", role: "auditor", operator: false };
const keyring: Keyring = {
  byAccessKey: (accessKey) => (accessKey === "AK1" ? { caller, secretKey: "SK1" } : undefined),
  byToken: (token) => (token === "good-token" ? caller : undefined),
};
const requestId = "20240627101238231161005082456C1E";

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly metadata: Record<string, unknown>;
  readonly error: { CodeN?: number; Code: string; Message: string } | undefined;
  readonly result: unknown;
}

function read(response: Response): Answer {
  const body = JSON.parse(String(response.body)) as {
    ResponseMetadata: Record<string, unknown> & { Error?: Answer["error"] };
    Result?: unknown;
  };
  const { Error: error, ...metadata } = body.ResponseMetadata;
  assert.notEqual("Result" in body, error !== undefined, "either a Result or an Error");
  return { status: response.status, headers: response.headers, metadata, error, result: body.Result };
}

function gatewayOf(handle: (call: Call) => Promise<unknown>, faults: unknown[] = []) {
  const common = { version: "2024-01-01", service: "ark", maxBodyBytes: 100 };
  const actions: Action[] = [
    { ...common, action: "ListThings", methods: ["GET", "POST"], handle },
    { ...common, action: "MakeThing", methods: ["POST"], handle },
  ];
  return createGateway({
    actions,
    keyring,
    clock: { now: () => now },
    newRequestId: () => requestId,
    onFault: (error) => faults.push(error),
  });
}

const path = "/?Action=ListThings&Version=2024-01-01";

function request(parts: Partial<Request> = {}): Request {
  return {
    method: "POST",
    target: path,
    headers: { host: "h", authorization: "Bearer good-token" },
    body: new Uint8Array(),
    address: "192.0.2.1",
    hosts: ["h"],
    ...parts,
  };
}

function signed(parts: Partial<Request> = {}, key: { accessKey?: string; secretKey?: string } = {}, at = now): Request {
  const plain = request({ ...parts, headers: { host: "h" } });
  const by = { accessKey: "AK1", secretKey: "SK1", region: "cn-shanghai", service: "ark", ...key };
  return { ...plain, headers: signRequest({ ...plain, headers: { host: "h" } }, by, at) };
}

test("a signed call reaches its action with who asks, and its result comes back in the envelope", async () => {
  let seen: Call | undefined;
  const gateway = gatewayOf((call) => {
    seen = call;
    return Promise.resolve({ Answer: 42 });
  });
  const answer = read(await gateway(signed({ body: Buffer.from("{}") })));
  assert.equal(answer.status, 200);
  assert.equal(answer.headers["content-type"], "application/json; charset=utf-8");
  assert.deepEqual(answer.metadata, {
    RequestId: requestId,
    Action: "ListThings",
    Version: "2024-01-01",
    Service: "ark",
    Region: "cn-shanghai",
  });
  assert.deepEqual(answer.result, { Answer: 42 });
  assert.deepEqual(seen?.caller, caller);
  assert.equal(seen?.address, "192.0.2.1");
  assert.equal(seen?.region, "cn-shanghai");
});

test("a bearer token is as good as a signature, and its region is cn-beijing", async () => {
  const gateway = gatewayOf(() => Promise.resolve({}));
  for (const scheme of ["Bearer", "bearer", "BEARER "]) {
    const answer = read(await gateway(request({ headers: { authorization: `${scheme} good-token` } })));
    assert.equal(answer.status, 200);
    assert.equal(answer.metadata.Region, "cn-beijing");
  }
});

test("each refusal at the door has the cloud's code, number and status", async () => {
  const gateway = gatewayOf(() => Promise.resolve({}));
  const refused = async (sent: Request, status: number, Code: string, CodeN: number | undefined, message: RegExp) => {
    const answer = read(await gateway(sent));
    assert.deepEqual([answer.status, answer.error?.Code, answer.error?.CodeN], [status, Code, CodeN]);
    assert.match(answer.error?.Message ?? "", message);
  };
  const anonymous = { host: "h" };
  await refused(request({ headers: anonymous }), 401, "MissingAuthenticationToken", 100003, /^Request is missing A/);
  await refused(
    request({ headers: { authorization: "Basic eA==" } }),
    400,
    "InvalidAuthorization",
    100024,
    /^Invalid 'A/,
  );
  await refused(
    request({ headers: { authorization: "Bearer bad" } }),
    401,
    "InvalidSecretToken",
    100026,
    /bearer token/,
  );
  await refused(request({ headers: { authorization: "Bearer" } }), 401, "InvalidSecretToken", 100026, /bearer token/);
  await refused(
    signed({}, { secretKey: "SK2" }),
    401,
    "SignatureDoesNotMatch",
    100010,
    /^The request signature we calc/,
  );
  await refused(signed({}, { accessKey: "AK9" }), 401, "InvalidAccessKey", 100009, /^The accesskey \[AK9\] included/);
  await refused(
    signed({}, {}, now - 901_000),
    400,
    "InvalidTimestamp",
    100006,
    /^The Signature of the request is expired\.$/,
  );
  await refused(signed({}, {}, now + 901_000), 400, "InvalidTimestamp", 100006, /expired/);
  const good = signed({ body: Buffer.from("{}") });
  await refused({ ...good, body: Buffer.from("[]") }, 401, "SignatureDoesNotMatch", 100010, /./);
  const without = (name: string) => ({ ...good, headers: { ...good.headers, [name]: undefined } });
  await refused(
    without("x-date"),
    400,
    "MissingRequestInfo",
    100004,
    /^The request is missing timestamp information\.$/,
  );
  await refused(without("x-content-sha256"), 401, "SignatureDoesNotMatch", 100010, /./);
  const token = { ...good, headers: { ...good.headers, "x-security-token": "STS2" } };
  await refused(token, 401, "InvalidSecretToken", 100026, /session tokens are not offered/);
  const scope = {
    ...good,
    headers: { ...good.headers, authorization: good.headers.authorization!.replace("/request", "/x") },
  };
  await refused(scope, 400, "InvalidCredential", 100025, /^Invalid credential in 'Authorization'/);
  const to = (target: string, method = "POST") => request({ target, method });
  await refused(to("/"), 400, "MissingParameter", 100002, /^The request is missing Action parameter\.$/);
  await refused(
    to("/?Action=ListThings"),
    400,
    "MissingParameter",
    100002,
    /^The request is missing Version parameter\.$/,
  );
  await refused(to(`${path}&Action=ListThings`), 400, "InvalidParameter.Action", undefined, /only once/);
  await refused(to(`${path}&X=%zz`), 400, "InvalidParameter", undefined, /UTF-8/);
  await refused(
    to(path.replace("ListThings", "Nothing")),
    404,
    "InvalidActionOrVersion",
    100008,
    /^Could not find operation Nothing for version 2024-01-01\.$/,
  );
  await refused(
    to(path.replace("2024", "2023")),
    404,
    "InvalidActionOrVersion",
    100008,
    /ListThings for version 2023-01-01/,
  );
  for (const method of ["HEAD", "PUT", "DELETE", "OPTIONS", "get"])
    await refused(to(path, method), 405, "MethodNotAllowed", 100020, new RegExp(method));
  await refused(to(path.replace("ListThings", "MakeThing"), "GET"), 405, "MethodNotAllowed", 100020, /GET/);
  await refused(request({ body: new Uint8Array(101) }), 413, "RequestTooLarge", undefined, /./);
  const presigned = to(`${path}&X-Algorithm=HMAC-SHA256&X-Signature=${"0".repeat(64)}`);
  await refused({ ...presigned, headers: {} }, 401, "MissingAuthenticationToken", 100003, /Only GET/);
});

test("the unauthenticated do not learn which actions exist", async () => {
  const gateway = gatewayOf(() => Promise.resolve({}));
  for (const target of [path, path.replace("ListThings", "Nothing")])
    assert.equal(read(await gateway(request({ target, headers: {} }))).status, 401);
});

test("the head alone admits a call with its limit, or refuses it as the call itself would be", async () => {
  const gateway = gatewayOf(() => Promise.resolve({}));
  assert.deepEqual(gateway.admit(signed(), "192.0.2.1"), { maxBodyBytes: 100 });
  assert.deepEqual(gateway.admit(request(), "192.0.2.1"), { maxBodyBytes: 100 });
  for (const sent of [request({ headers: {} }), signed({}, { accessKey: "AK9" }), request({ method: "PUT" })]) {
    const admission = gateway.admit(sent, "192.0.2.1");
    assert.ok("refusal" in admission);
    assert.deepEqual(admission.refusal, await gateway(sent));
  }
});

test("a failure of ours is told to the log and not to the caller", async () => {
  const faults: unknown[] = [];
  const broken = new Error("secret path /data/ledger.db");
  const gateway = gatewayOf(() => Promise.reject(broken), faults);
  const answer = read(await gateway(request()));
  assert.equal(answer.status, 500);
  assert.deepEqual(answer.error, {
    CodeN: 100014,
    Code: "InternalError",
    Message: "Service has some internal Error. Pls Contact With Admin.",
  });
  assert.deepEqual(faults, [broken]);
});

test("a busy index is 503 with Retry-After in whole seconds", async () => {
  const gateway = gatewayOf(() => Promise.reject(new TaishiError("index-behind", undefined, { retryAfter: 1.2 })));
  const answer = read(await gateway(request()));
  assert.equal(answer.status, 503);
  assert.equal(answer.headers["retry-after"], "2");
  assert.deepEqual([answer.error?.Code, answer.error?.CodeN], ["ServiceOverloadTemp", 100035]);
});

test("every code of the error table has an answer with the table's status", () => {
  for (const code of Object.keys(errorTable) as ErrorCode[]) {
    const answer = read(errorResponse(new TaishiError(code), { requestId, action: "A", version: "V" }));
    assert.equal(answer.status, errorTable[code].status, code);
    assert.doesNotMatch(answer.error?.Message ?? "%s", /%s|undefined/, code);
    assert.match(answer.error?.Code ?? "", /^[A-Za-z.]+$/);
  }
  const numbers = Object.values(gatewayErrors).map(({ CodeN }) => CodeN);
  assert.equal(new Set(numbers).size, numbers.length);
});

test("a refused operation is named as the cloud names it", () => {
  const error = new TaishiError("forbidden");
  const { error: said } = read(errorResponse(error, { requestId, action: "ListThings", service: "ark" }));
  assert.equal(said?.Message, "User is not authorized to perform: ark:ListThings on resource: .");
});

test("values from the caller cannot break the message they stand in", () => {
  const error = new TaishiError("unknown-key", undefined, { subject: 'a$&%s"\n' });
  const { error: said } = read(errorResponse(error, { requestId }));
  assert.equal(said?.Message, 'The accesskey [a$&%s"\n] included in the request is invalid.');
  const field = new TaishiError("missing-parameter", undefined, { field: "$&" });
  assert.equal(read(errorResponse(field, { requestId })).error?.Message, "The required parameter $& is missing.");
});

test("two actions of one name and version are a mistake of ours, found at once", () => {
  const action: Action = {
    action: "A",
    version: "V",
    service: "s",
    methods: ["GET"],
    maxBodyBytes: 1,
    handle: () => Promise.resolve({}),
  };
  assert.throws(
    () => createGateway({ actions: [action, action], keyring, clock: { now: () => now } }),
    /two actions are called A V/,
  );
});

test("a request id is the time in Beijing and twenty random hexadecimal digits", () => {
  const id = newRequestId(now);
  assert.match(id, /^20240627101238[0-9A-F]{20}$/);
  assert.notEqual(id, newRequestId(now));
  assert.match(newRequestId(Date.UTC(2024, 11, 31, 16)), /^20250101000000/);
});

test("a key beyond its rate is refused with the seconds to wait, and only after it was verified", async () => {
  const taken: string[] = [];
  const gateway = createGateway({
    actions: [],
    keyring,
    clock: { now: () => now },
    rateLimit: {
      take: (accessKey) => {
        taken.push(accessKey);
        return 7;
      },
    },
  });
  const { status, error, headers } = read(await gateway(request()));
  assert.deepEqual(
    [status, error?.Code, error?.CodeN, headers["retry-after"]],
    [429, "FlowLimitExceeded", 100018, "7"],
  );
  const wrong = read(await gateway(request({ headers: { authorization: "Bearer wrong" } })));
  assert.equal(wrong.status, 401);
  assert.deepEqual(taken, ["AK1"]);
});

test("a call's record holds its parameters without secrets, and none of those who are not authenticated", async () => {
  const records: CallRecord[] = [];
  const gateway = createGateway({
    actions: [],
    keyring,
    clock: { now: () => now },
    onCall: (record) => void records.push(record),
  });
  const bearer = { authorization: "Bearer good-token" };
  const target = (query: string) => `/?Action=CreateUser&Version=2018-01-01${query}`;
  await gateway(request({ method: "GET", target: target("&Password=hunter2&UserName=anna"), headers: bearer }));
  await gateway(
    request({
      target: target(""),
      headers: bearer,
      body: Buffer.from('{"Name":"a","SecretKey":"hunter2","Deep":{"Token":"hunter2"}}'),
    }),
  );
  await gateway(request({ target: target(""), headers: bearer, body: Buffer.from("hunter2") }));
  await gateway(request({ target: target("&Anything=hunter2"), headers: { authorization: "Bearer wrong" } }));
  assert.equal(records.length, 4);
  assert.ok(!JSON.stringify(records).includes("hunter2"));
  assert.match(records[0]!.parameters ?? "", /anna/);
  assert.match(records[1]!.parameters ?? "", /"Name":"a"/);
  assert.deepEqual(
    [records[2]!.parameters, records[3]!.parameters, records[3]!.account],
    [undefined, undefined, undefined],
  );
});
