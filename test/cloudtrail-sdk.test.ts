// The published example of CloudTrail's LookupEvents through the stock Volcengine client, and the service's own audit: on
// a fresh store it answers with the calls just made.
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import type * as OpenApi from "@volcengine/openapi";
import { root } from "./repository.ts";
import { type Credentials, firstKey, TaishiProcess, taishi, taishiJson } from "./taishi-process.ts";

const { Service } = createRequire(import.meta.url)("@volcengine/openapi") as typeof OpenApi;

let data: string;
let service: TaishiProcess;
let first: Credentials;

before(async () => {
  data = mkdtempSync(join(tmpdir(), "taishi-trail-"));
  service = await TaishiProcess.serve({ data });
  first = firstKey(data);
});

after(async () => {
  assert.equal(await service.stop(), 0, service.stderr);
  rmSync(data, { recursive: true });
});

function client({ accessKey, secretKey }: Credentials) {
  return new Service({
    host: service.host,
    protocol: "http:",
    serviceName: "cloud_trail",
    region: "cn-north-1",
    defaultVersion: "2021-09-01",
    accessKeyId: accessKey,
    secretKey,
  });
}

interface Result {
  readonly Trails: readonly Record<string, string>[];
  readonly NextToken: string;
}

async function lookup(credentials: Credentials, request: object): Promise<Result> {
  const answer = await client(credentials).createJSONAPI("LookupEvents")(request);
  assert.equal(answer.ResponseMetadata.Error, undefined, JSON.stringify(answer));
  return answer.Result as Result;
}

async function tenant(name: string): Promise<Credentials> {
  const { account } = await taishiJson<{ account: string }>("account", "create", "--name", name, "--data", data);
  return taishiJson<Credentials>("key", "create", "--account", account, "--role", "admin", "--data", data);
}

async function append({ token }: Credentials, events: readonly object[]): Promise<void> {
  const answer = await fetch(`${service.url}/api/v1/events`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ events }),
  });
  assert.equal(answer.status, 200, await answer.text());
}

const condition = (key: string, value: string) => ({ LookupConditionKey: key, LookupConditionValue: value });

test("on a fresh store LookupEvents answers with the calls just made, each with who, what and how it ended", async () => {
  const list = client(first).createJSONAPI("ListAuditLogs", { Version: "2024-01-01" });
  await list({ ResourceId: "ep-1", ResourceType: "endpoint" });
  await list({ ResourceId: "ep-1", ResourceType: "endpoint", PageSize: 0 });
  const listed = async () => {
    const { Trails } = await lookup(first, { MaxResults: 0, NextToken: "", LookupConditions: [condition("", "")] });
    return Trails.filter(({ EventName }) => EventName === "ListAuditLogs");
  };
  // A read does not wait until it is on record, so on a busy machine its record may come a moment later.
  let calls = await listed();
  for (let waited = 0; calls.length < 2 && waited < 100; waited++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    calls = await listed();
  }
  assert.deepEqual(calls.map(({ EventSource, ErrorCode }) => [EventSource, ErrorCode]).sort(), [
    ["ark", ""],
    ["ark", "InvalidParameter.PageSize"],
  ]);
  for (const { AccessKeyID, SourceIPAddress, EventDetail, EventID } of calls) {
    assert.equal(AccessKeyID, first.accessKey);
    assert.equal(SourceIPAddress, "127.0.0.1");
    const detail = JSON.parse(EventDetail!) as Record<string, unknown>;
    assert.equal(detail.EventID, EventID);
    assert.match(String(detail.RequestParameters), /"ResourceId":"ep-1"/);
  }
  const { Trails: found } = await lookup(first, { LookupConditions: [condition("EventID", calls[0]!.EventID!)] });
  assert.deepEqual(
    found.map(({ EventID }) => EventID),
    [calls[0]!.EventID],
  );
});

test("administrative acts of the command line are in the log of the account concerned", async () => {
  const credentials = await tenant("audited");
  const { Trails } = await lookup(credentials, { LookupConditions: [condition("EventSource", "taishi")] });
  const names = Trails.map(({ EventName }) => EventName);
  assert.ok(names.includes("CreateAccount") && names.includes("CreateAccessKey"), names.join(" "));
  const made = Trails.find(({ EventName }) => EventName === "CreateAccessKey");
  assert.ok(!made?.EventDetail?.includes(credentials.secretKey));
  assert.ok(!made?.EventDetail?.includes(credentials.token));
});

test("the stock client gets the published answer, the detail byte for byte", async () => {
  const { appended, request, result } = JSON.parse(
    readFileSync(join(root, "src/dialects/cloudtrail/examples/lookup-events.json"), "utf8"),
  ) as { appended: object[]; request: object; result: Result };
  const credentials = await tenant("published");
  await append(credentials, appended);
  const { Trails } = await lookup(credentials, request);
  assert.deepEqual(Trails, result.Trails);
});

test("conditions are ANDed, and pages go on from their tokens while new events arrive", async () => {
  const credentials = await tenant("paged");
  const event = (i: number, more: object = {}) => ({
    kind: "trail",
    time: 1_700_000_000_000 + i * 1000,
    type: i % 2 === 0 ? "GetUser" : "CreateUser",
    source: "iam",
    requestId: `request-${i}`,
    accessKeyId: `AK${i % 5}`,
    userName: "alice",
    region: "cn-beijing",
    ...more,
  });
  await append(
    credentials,
    Array.from({ length: 130 }, (_, i) => event(i)),
  );
  const window = { StartTime: 1_700_000_000, EndTime: 1_700_001_000 };
  const even = await lookup(credentials, {
    ...window,
    LookupConditions: [condition("EventName", "GetUser"), condition("AccessKeyID", "AK0")],
  });
  assert.deepEqual(
    even.Trails.map(({ RequestID }) => RequestID),
    Array.from({ length: 13 }, (_, i) => `request-${120 - 10 * i}`),
  );
  const seen: (string | undefined)[] = [];
  let token = "";
  for (let pages = 0; pages === 0 || token !== ""; pages++) {
    const page = await lookup(credentials, {
      ...window,
      NextToken: token,
      MaxResults: pages % 2 === 0 ? 50 : 7,
      LookupConditions: [condition("IdentityName", "alice")],
    });
    seen.push(...page.Trails.map(({ RequestID }) => RequestID));
    token = page.NextToken ?? "";
    await append(credentials, [event(200 + pages), event(-1 - pages)]);
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 130 }, (_, i) => `request-${129 - i}`),
  );
});

test("a token that was cut or belongs to another query is refused in CloudTrail's form", async () => {
  const credentials = await tenant("tokens");
  await append(
    credentials,
    Array.from({ length: 3 }, (_, i) => ({ kind: "trail", time: 1_700_000_000_000 + i, type: "A", source: "s" })),
  );
  const window = { StartTime: 1_600_000_000, EndTime: 1_800_000_000, MaxResults: 1 };
  const { NextToken } = await lookup(credentials, window);
  for (const bad of [
    { ...window, NextToken: NextToken.slice(0, -3) },
    { ...window, NextToken, EndTime: 1_800_000_001 },
    { ...window, MaxResults: 51 },
    { ...window, MaxResults: -1 },
    { ...window, LookupConditions: [condition("Nonsense", "x")] },
    { StartTime: 2, EndTime: 1 },
  ]) {
    const answer = await client(credentials).createJSONAPI("LookupEvents")(bad);
    const { Code } = answer.ResponseMetadata.Error as unknown as { Code: string };
    assert.match(Code, /^Invalid/, JSON.stringify(bad));
  }
});

test("AWS CloudTrail files, plain and gzipped, are imported once", async () => {
  const credentials = await tenant("aws");
  const record = {
    eventVersion: "1.08",
    userIdentity: { type: "IAMUser", userName: "Alice", accessKeyId: "AKIAEXAMPLE" },
    eventTime: "2024-01-15T08:35:00Z",
    eventSource: "ec2.amazonaws.com",
    eventName: "StartInstances",
    awsRegion: "us-east-2",
    sourceIPAddress: "192.0.2.7",
    userAgent: "aws-cli",
    requestParameters: { instancesSet: {} },
    responseElements: null,
    requestID: "e4336db0-149f-4a6b-844d-EXAMPLEb9d16",
    eventID: "e755e09c-42f9-4c5c-9064-EXAMPLE228c7",
    readOnly: false,
    eventType: "AwsApiCall",
  };
  const plain = join(data, "aws.json");
  const zipped = join(data, "aws.json.gz");
  writeFileSync(plain, JSON.stringify({ Records: [record] }));
  writeFileSync(zipped, gzipSync(JSON.stringify({ Records: [{ ...record, eventID: "second", requestID: "second" }] })));
  const where = ["--account", credentials.account, "--format", "aws-cloudtrail", "--data", data];
  for (const file of [plain, zipped, plain]) {
    const { code, stderr } = await taishi("import", file, ...where);
    assert.equal(code, 0, stderr);
  }
  const { Trails } = await lookup(credentials, {
    StartTime: 1_700_000_000,
    EndTime: 1_710_000_000,
    LookupConditions: [condition("EventName", "StartInstances")],
  });
  assert.equal(Trails.length, 2);
  const found = Trails.find(({ EventID }) => EventID === record.eventID);
  assert.deepEqual(
    [found?.RequestID, found?.UserName, found?.AccessKeyID, found?.SourceIPAddress, found?.Region],
    [record.requestID, "Alice", "AKIAEXAMPLE", "192.0.2.7", "us-east-2"],
  );
});

test("a trail exports the account's events into gzip files with a manifest", async () => {
  const credentials = await tenant("exported");
  const form = (action: string, parameters: object) =>
    client(credentials).createUrlEncodeAPI(action, { Version: "2018-01-01", method: "POST" })(parameters);
  const created = await form("CreateTrail", { TrailName: "all", TosBucketName: "audit-bucket", TosKeyPrefix: "logs" });
  assert.equal(created.ResponseMetadata.Error, undefined, JSON.stringify(created));
  await form("StartLogging", { TrailName: "all" });
  await append(credentials, [
    { kind: "trail", time: Date.now(), type: "Exported", source: "iam", requestId: "export-1" },
  ]);
  const bucket = join(data, "exports", credentials.account, "audit-bucket");
  const files = (): string[] =>
    existsSync(bucket)
      ? readdirSync(bucket, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".gz"))
      : [];
  for (let tries = 0; files().length === 0; tries++) {
    assert.ok(tries < 600, "nothing was exported");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const text = files()
    .map((name) => gunzipSync(readFileSync(join(bucket, name))).toString())
    .join("");
  assert.match(text, /export-1/);
  const described = await form("DescribeTrails", {});
  const { Trails } = described.Result as { Trails: Record<string, unknown>[] };
  assert.equal(Trails[0]?.TrailName, "all");
  assert.ok(Trails[0]?.LatestDeliveryTime);
});
