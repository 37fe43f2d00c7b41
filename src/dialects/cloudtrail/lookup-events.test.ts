import assert from "node:assert/strict";
import { createSecretKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { systemClock } from "../../clock.ts";
import { createGateway } from "../../clouds/volcengine/gateway.ts";
import { MemoryQueries } from "../../delivery/memory-queries.test-support.ts";
import { TaishiError } from "../../errors.ts";
import { derivedEventId, lookupKeys } from "../../event/trail-event.ts";
import type { Request } from "../../exchange.ts";
import type { Caller, Keyring, Role } from "../../identity/caller.ts";
import type { LookupEventsResult, TrailItem } from "./encode.ts";
import { lookupEventsAction } from "./lookup-events.ts";

const { Service } = createRequire(import.meta.url)("@volcengine/openapi") as {
  Service: new (
    options: object,
  ) => { createJSONAPI(action: string, options: object): (body: object) => Promise<Envelope> };
};

interface Envelope {
  readonly ResponseMetadata: Record<string, unknown> & {
    readonly Error?: { readonly CodeN?: number; readonly Code: string; readonly Message: string };
  };
  readonly Result?: LookupEventsResult;
}

const now = Date.UTC(2026, 0, 1);
const second = now / 1000;
const roles: readonly Role[] = ["admin", "writer", "auditor"];
/** One key per role and account: "auditor@1". Its secret is "SK " and its name, its token the name. */
const keyring: Keyring = {
  byAccessKey(accessKey) {
    const caller = this.byToken(accessKey);
    return caller === undefined ? undefined : { caller, secretKey: `SK ${accessKey}` };
  },
  byToken(token): Caller | undefined {
    const [role, account] = token.split("@");
    const known = roles.find((item) => item === role);
    if (known === undefined || account === undefined) return undefined;
    return { account, accessKey: token, role: known, operator: false };
  },
};
const origin = (account: string): string => `0123456789abcdef.taishi/${account}`;
const target = "/?Action=LookupEvents&Version=2021-09-01";

function trailOver(queries: MemoryQueries, options: { keyByte?: number; clock?: { now(): number } } = {}) {
  const clock = options.clock ?? { now: () => now };
  const tokenKey = createSecretKey(Buffer.alloc(32, options.keyByte ?? 1));
  const action = lookupEventsAction({ queries, clock, tokenKey, origin });
  const gateway = createGateway({ actions: [action], keyring, clock });
  const send = async (parts: Partial<Request>, key = "auditor@1", more: Record<string, string> = {}) => {
    const response = await gateway({
      method: "POST",
      target,
      body: new Uint8Array(),
      address: "192.0.2.1",
      hosts: [],
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...more },
      ...parts,
    });
    return { status: response.status, ...(JSON.parse(String(response.body)) as Envelope) };
  };
  const post = (body: unknown, key?: string, more?: Record<string, string>) =>
    send({ body: Buffer.from(typeof body === "string" ? body : JSON.stringify(body)) }, key, more);
  const trails = async (body: unknown, key?: string): Promise<LookupEventsResult> => {
    const { status, Result, ResponseMetadata } = await post(body, key);
    assert.equal(status, 200, JSON.stringify(ResponseMetadata));
    return Result!;
  };
  return { gateway, send, post, trails };
}

function event(secondsAgo: number, change: Record<string, unknown> = {}): Record<string, unknown> {
  return { kind: "trail", time: now - secondsAgo * 1000, type: "GetUser", source: "iam", ...change };
}

const ids = ({ Trails }: LookupEventsResult): string[] => Trails.map(({ RequestID }) => RequestID);
const by = (key: string, value: unknown) => ({ LookupConditionKey: key, LookupConditionValue: value });
/** A log whose event i, of the request r<i>, happened i seconds ago. */
function logOf(count: number, change: (i: number) => Record<string, unknown> = () => ({})): MemoryQueries {
  const log = new MemoryQueries();
  for (let i = 0; i < count; i++) log.append("1", now, event(i, { requestId: `r${i}`, ...change(i) }));
  return log;
}

interface Example {
  readonly appended: readonly unknown[];
  readonly request: object;
  readonly result: LookupEventsResult;
}
const example = JSON.parse(readFileSync(new URL("examples/lookup-events.json", import.meta.url), "utf8")) as Example;

test("the published example is answered as published, member for member", async () => {
  const log = new MemoryQueries();
  log.append("1", now, ...example.appended);
  const { status, Result, ResponseMetadata } = await trailOver(log).post(example.request);
  assert.equal(status, 200);
  // Compared as text: the order of members is part of the form.
  assert.equal(JSON.stringify(Result), JSON.stringify(example.result));
  assert.deepEqual(
    [ResponseMetadata.Action, ResponseMetadata.Version, ResponseMetadata.Service],
    ["LookupEvents", "2021-09-01", "cloud_trail"],
  );
});

test("the cloud's own client gets the published example over HTTP", async (context) => {
  const log = new MemoryQueries();
  log.append("1", now, ...example.appended);
  const { gateway } = trailOver(log, { clock: systemClock });
  const server = createServer((incoming, answer) => {
    const pieces: Uint8Array[] = [];
    incoming.on("data", (piece: Uint8Array) => pieces.push(piece));
    incoming.on("end", async () => {
      const response = await gateway({
        method: incoming.method!,
        target: incoming.url!,
        headers: incoming.headers as Record<string, string>,
        body: Buffer.concat(pieces),
        address: "127.0.0.1",
        hosts: [incoming.headers.host!],
      });
      answer.writeHead(response.status, response.headers).end(response.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const client = new Service({
    host: `127.0.0.1:${port}`,
    protocol: "http:",
    defaultVersion: "2021-09-01",
    serviceName: "cloud_trail",
    region: "cn-beijing",
    accessKeyId: "auditor@1",
    secretKey: "SK auditor@1",
  });
  const { Result } = await client.createJSONAPI("LookupEvents", { method: "POST" })(example.request);
  assert.deepEqual(Result, example.result);
});

test("an event without detail gets a whole EventDetail, with its derived EventID, that names it again", async () => {
  const log = new MemoryQueries();
  log.append("1", now, event(1, { userName: "li", identityType: "User", readOnly: true }), event(2));
  const { trails } = trailOver(log);
  const { Trails } = await trails({ LookupConditions: [by("IdentityName", "li")] });
  const [item] = Trails as [TrailItem];
  assert.equal(item.EventID, derivedEventId(origin("1"), 0));
  const detail = JSON.parse(item.EventDetail) as Record<string, unknown>;
  const published = JSON.parse(example.result.Trails[0]!.EventDetail) as Record<string, unknown>;
  assert.deepEqual(Object.keys(detail), [...Object.keys(published), "ReadOnly"]);
  assert.equal(detail.EventID, item.EventID);
  assert.deepEqual(detail.UserIdentity, {
    AccountID: "1",
    Type: "User",
    PrincipalID: "",
    TRN: "",
    AccessKeyID: "",
    UserName: "li",
  });
  assert.deepEqual((await trails({ LookupConditions: [by("EventID", item.EventID)] })).Trails, [item]);
  // Of another log's origin, or with another term that is not the event's, it names nothing.
  assert.deepEqual((await trails({ LookupConditions: [by("EventID", derivedEventId(origin("2"), 0))] })).Trails, []);
  const both = [by("EventID", item.EventID), by("ReadOnly", "false")];
  assert.deepEqual((await trails({ LookupConditions: both })).Trails, []);
  assert.deepEqual(
    (await trails({ EndTime: second - 100, LookupConditions: [by("EventID", item.EventID)] })).Trails,
    [],
  );
});

test("an event sent with the EventID that another derives stands beside it, in the order of time", async () => {
  const log = new MemoryQueries();
  const eventId = derivedEventId(origin("1"), 1);
  log.append("1", now, event(9, { requestId: "older", eventId }), event(5, { requestId: "derived" }));
  log.append("1", now, event(1, { requestId: "newer", eventId }));
  const { trails } = trailOver(log);
  const LookupConditions = [by("EventID", eventId)];
  assert.deepEqual(ids(await trails({ LookupConditions })), ["newer", "derived", "older"]);
  const seen: string[] = [];
  for (let NextToken = "", pages = 0; pages === 0 || NextToken !== ""; pages++) {
    const page = await trails({ MaxResults: 1, NextToken, LookupConditions });
    seen.push(...ids(page));
    NextToken = page.NextToken;
  }
  assert.deepEqual(seen, ["newer", "derived", "older"]);
});

test("each of the fourteen keys finds its event and no other", async () => {
  const values: Record<string, string> = {
    EventID: "e-1",
    RequestID: "r-1",
    EventSource: "kms",
    EventName: "Decrypt",
    ApiVersion: "2021-02-18",
    ReadOnly: "True",
    IdentityType: "Root",
    IdentityName: "li",
    AccessKeyID: "AK1",
    Region: "cn-shanghai",
    ResourceType: "key",
    ResourceID: "trn:kms:1",
    ErrorCode: "Denied",
    ExtraIndex: "x",
  };
  const log = new MemoryQueries();
  const sent = event(1, {
    eventId: "e-1",
    requestId: "r-1",
    source: "kms",
    type: "Decrypt",
    apiVersion: "2021-02-18",
    readOnly: true,
    identityType: "Root",
    userName: "li",
    accessKeyId: "AK1",
    region: "cn-shanghai",
    resources: [{ type: "key", id: "trn:kms:1" }],
    errorCode: "Denied",
    extraIndex: "x",
  });
  log.append("1", now, sent, event(2, { requestId: "other" }));
  log.append("2", now, sent);
  const { trails } = trailOver(log);
  for (const key of lookupKeys) {
    assert.deepEqual(ids(await trails({ LookupConditions: [by(key, values[key])] })), ["r-1"], key);
    const wrong = key === "ReadOnly" ? "false" : `${values[key]}x`;
    assert.deepEqual(ids(await trails({ LookupConditions: [by(key, wrong)] })), [], key);
  }
  const all = lookupKeys.map((key) => by(key, values[key]));
  assert.deepEqual(ids(await trails({ LookupConditions: all })), ["r-1"]);
  assert.deepEqual(ids(await trails({ LookupConditions: [...all, by("EventName", "GetUser")] })), []);
});

test("what the index finds wrongly is not shown", async () => {
  const log = logOf(5, (i) => ({ userName: i === 3 ? "li" : "wang" }));
  log.lookupErrs = true;
  assert.deepEqual(ids(await trailOver(log).trails({ LookupConditions: [by("IdentityName", "li")] })), ["r3"]);
});

test("names for people and resources stand only where there is something to say", async () => {
  const log = new MemoryQueries();
  const resources = [{ type: "trail", id: "trn:cloud_trail::1:trail/main" }];
  log.append("1", now, event(1, { source: "cloud_trail", type: "DescribeTrails", resources }), event(2));
  const { post } = trailOver(log);
  const [ours, plain] = (await post({})).Result!.Trails as [TrailItem, TrailItem];
  assert.deepEqual([ours.EventNameDisplay, ours.EventSourceDisplay], ["查询跟踪", "操作审计"]);
  assert.deepEqual(ours.RelatedResources, [
    {
      IntegratedTrn: resources[0]!.id,
      ResourceID: resources[0]!.id,
      ResourceType: "trail",
      ResourceTypeDisplay: "",
      ServiceCode: "cloud_trail",
      SourceType: "",
    },
  ]);
  assert.deepEqual(Object.keys(plain), Object.keys(example.result.Trails[0]!));
  const english = (await post({}, undefined, { "accept-language": "en-US,en;q=0.9" })).Result!.Trails[0]!;
  assert.equal(english.EventSourceDisplay, "CloudTrail");
});

test("the default window is the last ninety days through this second, and any other may be asked for", async () => {
  const day = 24 * 3600;
  const log = new MemoryQueries();
  for (const [requestId, ago] of Object.entries({ now: 0, edge: 90 * day, old: 90 * day + 1, ahead: -60 }))
    log.append("1", now, event(ago, { requestId }));
  log.append("1", now, event(-0.999, { requestId: "instant" }));
  const { trails } = trailOver(log);
  assert.deepEqual(ids(await trails({})), ["instant", "now", "edge"]);
  assert.deepEqual(ids(await trails({ StartTime: 0, EndTime: 0 })), ["instant", "now", "edge"]);
  assert.deepEqual(ids(await trails({ StartTime: 0, EndTime: second + 3600 })), [
    "ahead",
    "instant",
    "now",
    "edge",
    "old",
  ]);
  assert.deepEqual(ids(await trails({ StartTime: second - 91 * day, EndTime: second - 1 })), ["edge", "old"]);
  // Both bounds are inclusive, a second to its end.
  assert.deepEqual(ids(await trails({ StartTime: second - 1, EndTime: second })), ["instant", "now"]);
});

test("pages neither shift nor repeat nor lose anything while events arrive, whatever their sizes", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 60 }),
      fc.array(fc.tuple(fc.integer({ min: 1, max: 50 }), fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 4 })), {
        minLength: 1,
        maxLength: 4,
      }),
      fc.boolean(),
      fc.integer({ min: 1, max: 70 }),
      async (times, steps, conditional, reach) => {
        const log = new MemoryQueries();
        log.lookupReach = reach;
        for (const [i, ago] of times.entries()) log.append("1", now, event(ago, { requestId: `r${i}` }));
        const { trails } = trailOver(log);
        const parameters = conditional ? { LookupConditions: [by("EventName", "GetUser")] } : {};
        const expected = times
          .map((ago, i) => ({ ago, i }))
          .sort((a, b) => a.ago - b.ago || b.i - a.i)
          .map(({ i }) => `r${i}`);
        const seen: string[] = [];
        for (let NextToken = "", page = 0; page === 0 || NextToken !== ""; page++) {
          const [MaxResults, late] = steps[page % steps.length]!;
          const found = await trails({ ...parameters, NextToken, MaxResults });
          assert.ok(found.Trails.length <= MaxResults);
          seen.push(...ids(found));
          NextToken = found.NextToken;
          for (const ago of late) log.append("1", now, event(ago, { requestId: "late" }));
          assert.ok(page < 200);
        }
        assert.deepEqual(seen, expected);
      },
    ),
    { numRuns: 60 },
  );
});

test("a page ends with the work it may cost and goes on with its token", async () => {
  const log = logOf(40, (i) => ({ userName: i === 39 ? "li" : "wang" }));
  log.lookupReach = 1;
  const { trails } = trailOver(log);
  const LookupConditions = [by("IdentityName", "li")];
  const first = await trails({ LookupConditions });
  assert.deepEqual(ids(first), []);
  assert.notEqual(first.NextToken, "");
  const second = await trails({ LookupConditions, NextToken: first.NextToken });
  const third = await trails({ LookupConditions, NextToken: second.NextToken });
  assert.deepEqual([...ids(second), ...ids(third)], ["r39"]);
  assert.equal(third.NextToken, "");
});

test("a token keeps the default window it began with, and outlasts a restart with the same key", async () => {
  const log = logOf(3);
  let time = now;
  const clock = { now: () => time };
  const { NextToken } = await trailOver(log, { clock }).trails({ MaxResults: 1 });
  time += 90 * 24 * 3600 * 1000 + 3_600_000;
  assert.deepEqual(ids(await trailOver(log, { clock }).trails({ NextToken })), ["r1", "r2"]);
  const { status, ResponseMetadata } = await trailOver(log, { clock, keyByte: 2 }).post({ NextToken });
  assert.deepEqual([status, ResponseMetadata.Error?.Code], [400, "InvalidParameter"]);
});

test("a token cut, forged, of another query or of another account is refused", async () => {
  const log = logOf(5);
  log.append("2", now, event(1));
  const { trails, post } = trailOver(log);
  const asked = { StartTime: second - 3600, LookupConditions: [by("EventName", "GetUser"), by("EventSource", "iam")] };
  const { NextToken } = await trails({ ...asked, MaxResults: 1 });
  const reordered = [...asked.LookupConditions].reverse();
  assert.equal(ids(await trails({ ...asked, NextToken, LookupConditions: reordered })).length, 4);
  const bad = { CodeN: undefined, Code: "InvalidParameter", Message: "The parameter 'NextToken' is invalid." };
  const refused = async (body: object, key?: string): Promise<void> => {
    const { status, ResponseMetadata } = await post(body, key);
    assert.equal(status, 400);
    assert.deepEqual({ CodeN: ResponseMetadata.Error?.CodeN, ...ResponseMetadata.Error }, bad);
  };
  await refused({ ...asked, NextToken }, "auditor@2");
  await refused({ ...asked, NextToken, EndTime: second });
  await refused({ ...asked, NextToken, StartTime: second - 3601 });
  await refused({ ...asked, NextToken, LookupConditions: [by("EventName", "GetUser")] });
  await refused({ NextToken });
  for (let i = 0; i < NextToken.length; i++) {
    const other = NextToken[i] === "A" ? "B" : "A";
    await refused({ ...asked, NextToken: NextToken.slice(0, i) + other + NextToken.slice(i + 1) });
    await refused({ ...asked, NextToken: NextToken.slice(0, i) + NextToken.slice(i + 1) });
  }
  for (const token of [`${NextToken}=`, `${NextToken}.`, " ", "613f1ed7-2-5ed3-1-1", "x".repeat(5000), 7, ["x"]])
    await refused({ ...asked, NextToken: token });
});

test("a token of nothing, as typed clients and the API explorer send it, is as absent", async () => {
  const { trails } = trailOver(logOf(2));
  for (const NextToken of ["", '""', null]) assert.equal(ids(await trails({ NextToken })).length, 2);
});

test("bad parameters are refused with the service's own codes and sentences", async () => {
  const { post } = trailOver(logOf(1));
  const cases: readonly (readonly [body: unknown, code: string, message: string])[] = [
    [{ StartTime: 10, EndTime: 10 }, "InvalidTimeRange", "The end time must be later than the start time."],
    [{ StartTime: 11, EndTime: 10 }, "InvalidTimeRange", "The end time must be later than the start time."],
    [{ StartTime: second + 1 }, "InvalidTimeRange", "The end time must be later than the start time."],
    [{ StartTime: -1 }, "InvalidParameterStartTime", "The specified StartTime is invalid."],
    [{ StartTime: "10" }, "InvalidParameterStartTime", "The specified StartTime is invalid."],
    [{ StartTime: now }, "InvalidParameterStartTime", "The specified StartTime is invalid."],
    [{ EndTime: 1.5 }, "InvalidParameterEndTime", "The specified EndTime is invalid."],
    [{ EndTime: -1 }, "InvalidParameterEndTime", "The specified EndTime is invalid."],
    [{ MaxResults: 51 }, "InvalidParameter", "The parameter 'MaxResults' is invalid."],
    [{ MaxResults: -1 }, "InvalidParameter", "The parameter 'MaxResults' is invalid."],
    [{ MaxResults: "5" }, "InvalidParameter", "The parameter 'MaxResults' is invalid."],
    [{ MaxResults: 2 ** 60 }, "InvalidParameter", "The parameter 'MaxResults' is invalid."],
    [{ LookupConditions: [by("Nonsense", "x")] }, "InvalidParameter", "The parameter 'LookupConditionKey' is invalid."],
    [
      { LookupConditions: [by("eventname", "x")] },
      "InvalidParameter",
      "The parameter 'LookupConditionKey' is invalid.",
    ],
    [
      { LookupConditions: [by("EventName", "")] },
      "ParameterMissing",
      "The request parameter LookupConditionValue is missing.",
    ],
    [
      { LookupConditions: [by("ReadOnly", "maybe")] },
      "InvalidParameter",
      "The parameter 'LookupConditionValue' is invalid.",
    ],
    [
      { LookupConditions: [by("EventName", 5)] },
      "InvalidParameter",
      "The parameter 'LookupConditionValue' is invalid.",
    ],
    [{ LookupConditions: "EventName" }, "InvalidParameter", "The parameter 'LookupConditions' is invalid."],
    [{ LookupConditions: [5] }, "InvalidParameter", "The parameter 'LookupConditions' is invalid."],
    [
      { LookupConditions: Array.from({ length: 51 }, () => by("", "")) },
      "InvalidParameter",
      "The parameter 'LookupConditions' is invalid.",
    ],
    ["[]", "BadRequest", "Bad Request"],
    ["{", "BadRequest", "Bad Request"],
  ];
  for (const [body, Code, Message] of cases) {
    const { status, ResponseMetadata, Result } = await post(body);
    assert.deepEqual(
      [status, Result, ResponseMetadata.Error],
      [400, undefined, { Code, Message }],
      JSON.stringify(body),
    );
  }
});

test("MaxResults 0 and absent are fifty", async () => {
  const { trails } = trailOver(logOf(60));
  for (const MaxResults of [0, undefined, null, 50]) assert.equal((await trails({ MaxResults })).Trails.length, 50);
  assert.equal((await trails({ MaxResults: 50 })).NextToken === "", false);
});

test("a page ends where its events are megabytes each, and the next goes on", async () => {
  const log = new MemoryQueries();
  for (let i = 0; i < 7; i++)
    log.append("1", now, event(i + 1, { requestId: `r${i}`, detail: JSON.stringify({ Big: "x".repeat(14 << 20) }) }));
  const { trails } = trailOver(log);
  for (const asked of [
    {},
    { LookupConditions: [{ LookupConditionKey: "EventSource", LookupConditionValue: "iam" }] },
  ]) {
    const found: string[] = [];
    let pages = 0;
    for (let NextToken = ""; pages === 0 || NextToken !== ""; pages++) {
      const page = await trails({ ...asked, MaxResults: 50, NextToken });
      found.push(...ids(page));
      NextToken = page.NextToken;
    }
    assert.deepEqual(found, ["r0", "r1", "r2", "r3", "r4", "r5", "r6"]);
    assert.equal(pages, 4, "two in each");
  }
});

test("parameters may come flat, in a query or a form", async () => {
  const { send } = trailOver(logOf(5));
  const flat =
    "MaxResults=2&LookupConditions.1.LookupConditionKey=RequestID&LookupConditions.1.LookupConditionValue=r3";
  const got = await send({ method: "GET", target: `${target}&${flat}&StartTime=1&EndTime=${second}` });
  assert.deepEqual(ids(got.Result!), ["r3"]);
  const form = { "content-type": "application/x-www-form-urlencoded" };
  assert.deepEqual(ids((await send({ body: Buffer.from(flat) }, undefined, form)).Result!), ["r3"]);
  const bad = await send({ method: "GET", target: `${target}&MaxResults=2x` });
  assert.equal(bad.ResponseMetadata.Error?.Code, "InvalidParameter");
});

test("auditors and admins read their own account's events; writers read none", async () => {
  const log = logOf(1);
  log.append("2", now, event(1, { requestId: "of 2" }));
  const { trails, post } = trailOver(log);
  assert.deepEqual(ids(await trails({}, "admin@1")), ["r0"]);
  assert.deepEqual(ids(await trails({}, "auditor@2")), ["of 2"]);
  const { status, ResponseMetadata } = await post({}, "writer@1");
  assert.equal(status, 403);
  assert.deepEqual(ResponseMetadata.Error, {
    Code: "AccessDenied",
    Message: "You have no permission for this action.",
  });
});

test("our own failures are InternalError without their reason; our load keeps the gateway's form", async () => {
  const log = logOf(1);
  log.failure = new Error("the secret reason");
  const { post } = trailOver(log);
  const failed = await post({});
  assert.deepEqual(
    [failed.status, failed.ResponseMetadata.Error],
    [500, { Code: "InternalError", Message: "The request has failed due to an unknown error." }],
  );
  log.failure = new TaishiError("index-behind", undefined, { retryAfter: 1 });
  const behind = await post({});
  assert.deepEqual([behind.status, behind.ResponseMetadata.Error?.Code], [503, "ServiceOverloadTemp"]);
});
