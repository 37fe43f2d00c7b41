import assert from "node:assert/strict";
import { test } from "node:test";
import { TaishiError } from "../../errors.ts";
import type { CallRecord, Request, Response } from "../../exchange.ts";
import type { Caller, Keyring } from "../../identity/caller.ts";
import type { Project, UserToken } from "../../identity/directory.ts";
import { unknownInstance } from "./errors.ts";
import { createHuaweiGateway, type HuaweiGateway, type HuaweiGatewayOptions } from "./gateway.ts";
import type { Answer, Call, Operation } from "./operation.ts";
import { signRequest } from "./signer.ts";

const now = Date.UTC(2026, 10, 21, 0, 27, 0);
const account = "2100000001";
const auditor: Caller = { account, accessKey: "AK1", role: "auditor", operator: false };
const keyring: Keyring = {
  byAccessKey: (accessKey) => (accessKey === "AK1" ? { caller: auditor, secretKey: "SK1" } : undefined),
  byToken: (token) => (token === "good-token" ? auditor : undefined),
};
const project: Project = { id: "a".repeat(32), account, name: "cn-north-4", created: 0 };
const second: Project = { ...project, id: "b".repeat(32), name: "cn-east-3" };
const foreign: Project = { ...project, id: "c".repeat(32), account: "2100000002" };
const user = { id: "d".repeat(32), account, name: "Anna", role: "admin", created: 0 } as const;
const held: UserToken = {
  user,
  project,
  issued: now,
  expires: now + 1,
  caller: { account, accessKey: "", userName: "Anna", role: "admin", operator: false },
};
const requestId = "0123456789abcdef0123456789abcdef";

interface World {
  readonly gateway: HuaweiGateway;
  readonly records: CallRecord[];
  readonly faults: unknown[];
}

function worldOf(
  handle: (call: Call) => Answer | Promise<Answer>,
  options: Partial<HuaweiGatewayOptions> = {},
  change: Partial<Operation> = {},
): World {
  const records: CallRecord[] = [];
  const faults: unknown[] = [];
  const common = { service: "gaussdb", readOnly: true, maxBodyBytes: 200, handle: async (call: Call) => handle(call) };
  const place = "/v3/{project_id}/instances/{instance_id}";
  const operations = [
    { ...common, name: "ListThings", methods: ["GET"], path: `${place}/things`, auth: "project" },
    { ...common, name: "SetThing", methods: ["PUT"], path: `${place}/thing`, auth: "project", readOnly: false },
    { ...common, name: "ListMine", methods: ["GET", "HEAD"], path: "/v3/auth/mine", auth: "caller" },
    { ...common, name: "Login", methods: ["POST"], path: "/v3/auth/login", auth: "none", readOnly: false },
  ] as const;
  const gateway = createHuaweiGateway({
    operations: operations.map((operation) => ({ ...operation, ...change }) as Operation),
    keyring,
    signIn: { byUserToken: (token) => (token === "user-token" ? held : undefined) },
    directory: { project: (id) => [project, second, foreign].find((candidate) => candidate.id === id) },
    clock: { now: () => now },
    newRequestId: () => requestId,
    onCall: (record) => {
      records.push(record);
    },
    onFault: (fault) => faults.push(fault),
    ...options,
  });
  return { gateway, records, faults };
}

const things = `/v3/${project.id}/instances/i1/things`;
const thing = `/v3/${project.id}/instances/i1/thing`;

function request(parts: Partial<Request> = {}): Request {
  return {
    method: "GET",
    target: things,
    headers: { host: "h", "x-auth-token": "user-token", "user-agent": "curl/8" },
    body: new Uint8Array(),
    address: "192.0.2.1",
    hosts: ["h"],
    ...parts,
  };
}

function signed(parts: Partial<Request> = {}, key = { accessKey: "AK1", secretKey: "SK1" }): Request {
  const plain = request({ ...parts, headers: { host: "h" } });
  return { ...plain, headers: signRequest({ ...plain, headers: { host: "h" } }, key, now) };
}

function json(response: Response): Record<string, unknown> {
  assert.equal(response.headers["content-type"], "application/json");
  assert.match(response.headers["x-request-id"] ?? "", /^[0-9a-f]{32}$/);
  return JSON.parse(String(response.body)) as Record<string, unknown>;
}

async function refused(response: Response | Promise<Response>, status: number, code: string, message = /./) {
  const answer = await response;
  const body = json(answer);
  assert.deepEqual([answer.status, body.error_code, body.request_id], [status, code, requestId]);
  assert.match(String(body.error_msg), message);
}

const nothing = (): Answer => ({ body: {} });

test("a signed call reaches its operation with who asks and for which project", async () => {
  let seen: Call | undefined;
  const { gateway } = worldOf((call) => {
    seen = call;
    return { body: { answer: 42 } };
  });
  const answer = await gateway(signed({ target: `${things}?start_time=1+0800&end_time=%2B1&flag` }));
  assert.equal(answer.status, 200);
  assert.deepEqual(json(answer), { answer: 42 });
  assert.deepEqual((seen as Call & { caller: Caller }).caller, auditor);
  assert.equal((seen as Call & { project: Project }).project.name, "cn-north-4");
  assert.deepEqual(seen?.params, { project_id: project.id, instance_id: "i1" });
  assert.deepEqual(seen?.query, [
    { name: "start_time", value: "1+0800" },
    { name: "end_time", value: "+1" },
    { name: "flag", value: "" },
  ]);
  assert.equal(seen?.address, "192.0.2.1");
});

test("a user's token and our own bearer token are as good as a signature", async () => {
  const { gateway, records } = worldOf(nothing);
  assert.equal((await gateway(request())).status, 200);
  assert.equal((await gateway(request({ headers: { authorization: "Bearer good-token" } }))).status, 200);
  assert.deepEqual(
    records.map(({ accessKey, userName }) => [accessKey, userName]),
    [
      [undefined, "Anna"],
      ["AK1", undefined],
    ],
  );
});

test("a GET with a body that means nothing is answered, as Node's SDK sends one", async () => {
  const { gateway } = worldOf(nothing);
  assert.equal((await gateway(signed({ body: Buffer.from("{}") }))).status, 200);
});

test("each refusal at the door has the cloud's code and status", async () => {
  const { gateway } = worldOf(nothing);
  await refused(gateway(request({ headers: {} })), 401, "APIGW.0301", /^Incorrect IAM .*: x-auth-token not found$/);
  const headers = { "x-auth-token": "bad", host: "h" };
  await refused(gateway(request({ headers })), 401, "APIGW.0301", /decrypt token fail$/);
  await refused(gateway(request({ headers: { authorization: "Bearer bad" } })), 401, "APIGW.0301");
  await refused(gateway(signed({}, { accessKey: "AK9", secretKey: "SK1" })), 401, "APIGW.0301", /: ak AK9 not exist$/);
  await refused(
    gateway(signed({}, { accessKey: "AK1", secretKey: "SK9" })),
    401,
    "APIGW.0301",
    /verify aksk signature fail, canonicalRequest:GET\|\/v3\//,
  );
  await refused(gateway(request({ target: "/v3/nothing" })), 404, "APIGW.0101", /does not exist/);
  await refused(gateway(request({ target: "/v3//instances/i1/things" })), 404, "APIGW.0101");
  await refused(gateway(request({ target: "/v3/%zz" })), 404, "APIGW.0101");
  const wrongMethod = await gateway(request({ method: "DELETE" }));
  await refused(wrongMethod, 405, "APIGW.0101");
  assert.equal(wrongMethod.headers.allow, "GET");
  const big = Buffer.alloc(201);
  await refused(gateway(request({ method: "PUT", target: thing, body: big })), 413, "APIGW.0201");
});

test("a failed signature is not made good by a token, nor a failed token by anything", async () => {
  const { gateway } = worldOf(nothing);
  const wrong = signed({}, { accessKey: "AK1", secretKey: "SK9" });
  const both = { ...wrong, headers: { ...wrong.headers, "x-auth-token": "user-token" } };
  await refused(gateway(both), 401, "APIGW.0301", /verify aksk/);
  const bearer = { authorization: "Bearer bad", "x-auth-token": "user-token" };
  await refused(gateway(request({ headers: bearer })), 401, "APIGW.0301", /decrypt/);
});

test("whose a project is counts as the path names it, and nobody learns of other accounts' projects", async () => {
  const { gateway } = worldOf(nothing);
  const of = (id: string): string => `/v3/${id}/instances/i1/things`;
  const answers = await Promise.all([of(foreign.id), of("9".repeat(32))].map((target) => gateway(signed({ target }))));
  for (const answer of answers) await refused(answer, 403, "DBS.200010", /not authorized/);
  assert.equal(answers[0]!.body, answers[1]!.body);
  const claims = signed({ target: of(foreign.id) });
  await refused(gateway({ ...claims, headers: { ...claims.headers, "x-project-id": project.id } }), 403, "DBS.200010");
  // Another project of the account: a key may, a token that was asked for one project may not.
  assert.equal((await gateway(signed({ target: of(second.id) }))).status, 200);
  await refused(gateway(request({ target: of(second.id) })), 403, "DBS.200010");
});

test("X-Language chooses the message's language and an unknown one is English", async () => {
  const { gateway } = worldOf(() => Promise.reject(unknownInstance()));
  const message = async (language: string): Promise<unknown> =>
    json(await gateway(request({ headers: { "x-auth-token": "user-token", "x-language": language } }))).error_msg;
  assert.equal(await message("zh-cn"), "数据库实例不存在。");
  assert.equal(await message("en-us"), "The DB instance does not exist.");
  assert.equal(await message("fr-fr"), "The DB instance does not exist.");
});

test("a failure of ours is told to the log and not to the caller", async () => {
  const { gateway, faults } = worldOf(() => Promise.reject(new Error("disk on fire")));
  const answer = await gateway(request());
  assert.doesNotMatch(String(answer.body), /fire/);
  assert.match(String(faults[0]), /disk on fire/);
});

test("the rate limit counts per key and per user, after authentication only", async () => {
  const asked: string[] = [];
  const rateLimit = {
    take: (key: string) => {
      asked.push(key);
      return key === "AK1" ? (true as const) : 7;
    },
  };
  const { gateway } = worldOf(nothing, { rateLimit });
  assert.equal((await gateway(signed())).status, 200);
  const limited = await gateway(request());
  await refused(limited, 429, "APIGW.0308");
  assert.equal(limited.headers["retry-after"], "7");
  await gateway(signed({}, { accessKey: "AK1", secretKey: "SK9" }));
  assert.deepEqual(asked, ["AK1", `user:${user.id}`]);
});

test("the head alone tells how much body may come, or refuses", () => {
  const { gateway, records } = worldOf(nothing);
  assert.deepEqual(gateway.admit(signed({ method: "PUT", target: thing })), { maxBodyBytes: 200 });
  assert.deepEqual(records, []);
  const refusal = gateway.admit(request({ method: "PUT", target: thing, headers: { "x-auth-token": "bad" } }));
  assert.ok("refusal" in refusal && refusal.refusal.status === 401);
  assert.deepEqual(
    records.map(({ name, errorCode, address }) => [name, errorCode, address]),
    [["SetThing", "APIGW.0301", "192.0.2.1"]],
  );
  assert.ok("refusal" in gateway.admit(request({ target: "/v3/nothing" })));
});

test("a HEAD has the headers of its GET and no body", async () => {
  const { gateway } = worldOf(() => ({ headers: { "x-subject-token": "t" }, body: { a: 1 } }));
  const head = await gateway(request({ method: "HEAD", target: "/v3/auth/mine" }));
  assert.deepEqual([head.status, head.body, head.headers["x-subject-token"]], [200, "", "t"]);
  const failed = await gateway(request({ method: "HEAD", target: "/v3/auth/mine/", headers: {} }));
  assert.deepEqual([failed.status, failed.body], [401, ""]);
});

test("bytes go out as they are", async () => {
  const body = Buffer.from("text");
  const { gateway } = worldOf(() => ({ headers: { "content-type": "text/plain" }, body }));
  const answer = await gateway(request());
  assert.equal(answer.body, body);
  assert.equal(answer.headers["content-type"], "text/plain");
});

test("a body that cannot be read is refused before the operation sees it", async () => {
  const { gateway } = worldOf((call) => ({ body: call.json() }));
  const put = (body: string | Buffer, more: Record<string, string> = {}): Promise<Response> =>
    gateway(
      request({
        method: "PUT",
        target: thing,
        headers: { "x-auth-token": "user-token", ...more },
        body: Buffer.from(body),
      }),
    );
  assert.deepEqual(json(await put('{"keep_days":7}\n')), { keep_days: 7 });
  assert.deepEqual(json(await put("")), {});
  for (const bad of ["[]", "1", "{", Buffer.from([0x7b, 0xff, 0x7d]), `${"[".repeat(70)}${"]".repeat(70)}`])
    await refused(put(bad), 400, "DBS.280001");
  await refused(put("{}", { "content-encoding": "gzip" }), 415, "APIGW.0201");
});

test("every call is on record with its outcome, who asked and what for", async () => {
  const { gateway, records } = worldOf((call) => {
    call.json();
    return { body: {} };
  });
  const body = Buffer.from('{"keep_days":7,"password":"pw"}');
  await gateway({ ...signed({ method: "PUT", target: `${thing}?a=1&a=2`, body }), address: "198.51.100.7" });
  assert.deepEqual(records, [
    {
      time: now,
      account,
      accessKey: "AK1",
      userName: undefined,
      source: "gaussdb",
      name: "SetThing",
      version: "v3",
      region: "cn-north-4",
      requestId,
      address: "198.51.100.7",
      userAgent: undefined,
      readOnly: false,
      parameters: JSON.stringify({
        project_id: project.id,
        instance_id: "i1",
        a: ["1", "2"],
        keep_days: 7,
        password: "***",
      }),
      errorCode: undefined,
      resources: [{ type: "instance", id: "i1" }],
    },
  ]);
});

test("of one who failed to prove who they are the record has the claim and no account", async () => {
  const { gateway, records } = worldOf(nothing);
  await gateway(signed({}, { accessKey: "AK1", secretKey: "SK9" }));
  await gateway(signed({}, { accessKey: "AK9", secretKey: "SK1" }));
  await gateway(request({ target: "/v3/nothing" }));
  assert.deepEqual(
    records.map(({ account, accessKey, errorCode, parameters }) => [account, accessKey, errorCode, parameters]),
    [
      [undefined, "AK1", "APIGW.0301", undefined],
      [undefined, "AK9", "APIGW.0301", undefined],
    ],
  );
});

test("what changed something is answered only when it is on record, what did not need not wait", async () => {
  let release = (): void => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { gateway } = worldOf(nothing, { onCall: () => held });
  assert.equal((await gateway(signed())).status, 200);
  let answered = false;
  const change = gateway(signed({ method: "PUT", target: thing })).then((answer) => {
    answered = true;
    return answer;
  });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(answered, false);
  release();
  assert.equal((await change).status, 200);
});

test("a change that could not be recorded is not answered as done; a read is", async () => {
  const full = new TaishiError("disk-full");
  const { gateway, faults } = worldOf(nothing, {
    onCall: () => {
      throw full;
    },
  });
  await refused(gateway(signed({ method: "PUT", target: thing })), 503, "APIGW.0201");
  assert.equal((await gateway(signed())).status, 200);
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(faults.length >= 2 && faults.every((fault) => fault === full));
});

test("an operation for everybody says itself whose call it was", async () => {
  const { gateway, records } = worldOf((call) => {
    call.tell({ userName: "Anna" });
    if (call.json().password !== "right") throw new TaishiError("wrong-password");
    call.tell({ account });
    return { status: 201, body: {} };
  });
  const login = (password: string): Promise<Response> =>
    gateway(
      request({
        method: "POST",
        target: "/v3/auth/login",
        headers: {},
        body: Buffer.from(`{"password":"${password}"}`),
      }),
    );
  assert.equal((await login("right")).status, 201);
  await refused(login("wrong"), 401, "APIGW.0301");
  assert.deepEqual(
    records.map(({ account, userName, errorCode, parameters }) => [account, userName, errorCode, parameters]),
    [
      [account, "Anna", undefined, '{"password":"***"}'],
      [undefined, "Anna", "APIGW.0301", '{"password":"***"}'],
    ],
  );
});

test("two operations in one place cannot be served", () => {
  assert.throws(() => worldOf(nothing, {}, { path: "/v3/same", methods: ["GET"] }), RangeError);
});

test("an error from before the gateway has its form too", () => {
  const { gateway } = worldOf(nothing);
  const answer = gateway.error(new TaishiError("shutting-down", undefined, { retryAfter: 2 }), { headers: {} });
  assert.equal(answer.status, 503);
  assert.equal(answer.headers["retry-after"], "2");
  assert.equal(json(answer).error_code, "APIGW.0201");
});
