import assert from "node:assert/strict";
import { test } from "node:test";
import { createGateway } from "../../clouds/volcengine/gateway.ts";
import { type Trail, TrailQuotaError, type TrailSettings, type Trails } from "../../delivery/port.ts";
import { TaishiError } from "../../errors.ts";
import type { Caller, Keyring } from "../../identity/caller.ts";
import { trailActions } from "./trail-actions.ts";
import { generations } from "./trail-result.ts";

const now = Date.UTC(2026, 0, 1);

interface Envelope {
  readonly ResponseMetadata: { readonly Version: string; readonly Error?: { Code: string; Message: string } };
  readonly Result?: Record<string, unknown> & { readonly Trails?: readonly Record<string, unknown>[] };
}

const keyring: Keyring = {
  byAccessKey: () => undefined,
  byToken(token): Caller | undefined {
    const [role, account] = token.split("@") as [Caller["role"], string];
    return { account, accessKey: token, role, operator: false };
  },
};

/** Trails in memory, as delivery/port.ts promises them. */
class MemoryTrails implements Trails {
  readonly #trails = new Map<string, Trail>();
  delivery: Trail["delivery"] = {};
  failure: unknown;

  async list(account: string): Promise<readonly Trail[]> {
    if (this.failure !== undefined) throw this.failure;
    return [...this.#trails]
      .filter(([key]) => key.startsWith(`${account} `))
      .map(([, trail]) => ({ ...trail, delivery: this.delivery }));
  }

  async create(account: string, settings: TrailSettings): Promise<Trail> {
    const key = `${account} ${settings.name}`;
    if (this.#trails.has(key)) throw new TaishiError("already-exists");
    if ((await this.list(account)).length >= 2) throw new TrailQuotaError();
    return this.#put(key, { ...settings, created: now, updated: now, logging: false, delivery: {} });
  }

  async update(account: string, name: string, change: (before: TrailSettings) => TrailSettings): Promise<Trail> {
    const key = `${account} ${name}`;
    const before = this.#known(key);
    return this.#put(key, { ...before, ...change(before), updated: now + 1000 });
  }

  async remove(account: string, name: string): Promise<void> {
    this.#known(`${account} ${name}`);
    this.#trails.delete(`${account} ${name}`);
  }

  async setLogging(account: string, name: string, logging: boolean): Promise<Trail> {
    const key = `${account} ${name}`;
    const time = logging ? { loggingStarted: now + 2000 } : { loggingStopped: now + 3000 };
    return this.#put(key, { ...this.#known(key), logging, ...time });
  }

  #put(key: string, trail: Trail): Trail {
    this.#trails.set(key, trail);
    return trail;
  }

  #known(key: string): Trail {
    const trail = this.#trails.get(key);
    if (trail === undefined) throw new TaishiError("not-found");
    return trail;
  }
}

function over(trails: Trails) {
  const gateway = createGateway({ actions: trailActions(trails), keyring, clock: { now: () => now } });
  return async (
    action: string,
    query: string,
    { version = "2021-09-01", key = "admin@21", form = false }: { version?: string; key?: string; form?: boolean } = {},
  ) => {
    const target = `/?Action=${action}&Version=${version}`;
    const response = await gateway({
      method: form ? "POST" : "GET",
      target: form || query === "" ? target : `${target}&${query}`,
      body: form ? Buffer.from(query) : new Uint8Array(),
      address: "192.0.2.1",
      hosts: [],
      headers: { authorization: `Bearer ${key}`, "content-type": "application/x-www-form-urlencoded; charset=utf-8" },
    });
    return { status: response.status, ...(JSON.parse(String(response.body)) as Envelope) };
  };
}

const main =
  "TrailName=main&TosBucketName=audit&TosKeyPrefix=a%2Fb%2F&EventRW=Write&EventSources.1=iam&EventSources.2=kms";

test("a trail is made, shown, changed, started, stopped and deleted in both generations and both transports", async () => {
  for (const version of generations)
    for (const form of [false, true]) {
      const trails = new MemoryTrails();
      const call = over(trails);
      const options = { version, form };
      const created = await call("CreateTrail", `${main}&TosBucketRegion=cn-beijing&TrailType=0`, options);
      assert.equal(created.status, 200, JSON.stringify(created));
      const { Result = {} } = created;
      assert.deepEqual(
        [Result.TrailName, Result.EventRW, Result.EventSources, Result.TosBucketName, Result.TosKeyPrefix],
        ["main", "Write", ["iam", "kms"], "audit", "a/b"],
      );
      assert.equal(Result.TosBucketRegion, "cn-beijing");
      assert.equal(Result.IncludeAllEventSources, version === "2021-09-01" ? false : undefined);
      const updated = await call("UpdateTrail", "TrailName=main&EventRW=All", options);
      assert.deepEqual(
        [updated.Result?.EventRW, updated.Result?.EventSources, updated.Result?.TosBucketName],
        ["All", ["iam", "kms"], "audit"],
      );
      assert.deepEqual((await call("StartLogging", "TrailName=main", options)).Result, {});
      trails.delivery = { delivered: now + 60_000, error: "full" };
      await call("CreateTrail", "TrailName=other&TosBucketName=audit", options);
      const shown = await call("DescribeTrails", "TrailNames.1=main&TrailNames.2=unknown", options);
      assert.equal(shown.Result?.Trails?.length, 1);
      const [trail] = shown.Result.Trails as [Record<string, unknown>];
      const { LoggingStatus, StartLoggingTime, StopLoggingTime, LatestDeliveryTime, LatestDeliveryError } = trail;
      assert.deepEqual(
        { LoggingStatus, StartLoggingTime, StopLoggingTime, LatestDeliveryTime, LatestDeliveryError },
        {
          LoggingStatus: "Enable",
          StartLoggingTime: "2026-01-01T00:00:02Z",
          StopLoggingTime: "",
          LatestDeliveryTime: "2026-01-01T00:01:00Z",
          LatestDeliveryError: "full",
        },
      );
      assert.deepEqual([trail.CreatorID, trail.CreatedTime, trail.UpdatedTime].slice(0, 2), [
        21,
        "2026-01-01T00:00:00Z",
      ]);
      await call("StopLogging", "TrailName=main", options);
      const all = await call("DescribeTrails", "", options);
      assert.deepEqual(
        all.Result?.Trails?.map((one) => [one.TrailName, one.LoggingStatus]),
        [
          ["main", "Disable"],
          ["other", "Disable"],
        ],
      );
      assert.deepEqual((await call("DeleteTrail", "TrailName=main", options)).Result, {});
      assert.equal((await call("DescribeTrails", "", options)).Result?.Trails?.length, 1);
      assert.deepEqual((await call("DescribeTrails", "", { ...options, key: "admin@22" })).Result?.Trails, []);
    }
});

test("auditors see trails and only admins change them", async () => {
  const call = over(new MemoryTrails());
  assert.equal((await call("DescribeTrails", "", { key: "auditor@21" })).status, 200);
  for (const [action, key] of [
    ["DescribeTrails", "writer@21"],
    ["CreateTrail", "auditor@21"],
    ["UpdateTrail", "auditor@21"],
    ["DeleteTrail", "auditor@21"],
    ["StartLogging", "writer@21"],
    ["StopLogging", "auditor@21"],
  ] as const) {
    const { status, ResponseMetadata } = await call(action, main, { key });
    assert.deepEqual([status, ResponseMetadata.Error?.Code], [403, "AccessDenied"], `${action} ${key}`);
  }
});

test("bad trails are refused with the service's own codes and sentences", async () => {
  const call = over(new MemoryTrails());
  await call("CreateTrail", main);
  const bucket = "&TosBucketName=audit";
  const cases: readonly (readonly [action: string, query: string, status: number, code: string, message: string])[] = [
    ["CreateTrail", "", 400, "ParameterMissing", "The request parameter TrailName is missing."],
    ["CreateTrail", `TrailName=a%2Fb${bucket}`, 400, "InvalidTrailName", "The specified trail name 'a/b' is invalid."],
    ["CreateTrail", `TrailName=$%26${bucket}`, 400, "InvalidTrailName", "The specified trail name '$&' is invalid."],
    [
      "CreateTrail",
      "TrailName=x",
      400,
      "InvalidTrailConfiguration",
      "You must specify at least one TOS bucket or TLS project.",
    ],
    [
      "CreateTrail",
      `TrailName=x${bucket}&TlsTopicName=t`,
      400,
      "InvalidTrailConfiguration",
      "You must specify at least one TOS bucket or TLS project.",
    ],
    [
      "CreateTrail",
      "TrailName=x&TosBucketName=..",
      400,
      "InvalidTosBucketName",
      "The specified TOS bucket name is invalid.",
    ],
    [
      "CreateTrail",
      "TrailName=x&TosBucketName=Audit",
      400,
      "InvalidTosBucketName",
      "The specified TOS bucket name is invalid.",
    ],
    [
      "CreateTrail",
      `TrailName=x${bucket}&TosKeyPrefix=a/../b`,
      400,
      "InvalidTosBucketPrefix",
      "The specified TOS bucket prefix is invalid.",
    ],
    [
      "CreateTrail",
      `TrailName=x${bucket}&TosKeyPrefix=/a`,
      400,
      "InvalidTosBucketPrefix",
      "The specified TOS bucket prefix is invalid.",
    ],
    [
      "CreateTrail",
      `TrailName=x${bucket}&EventSources.1=a%20b`,
      400,
      "InvalidEventSources",
      "The specified event source 'a b' is invalid",
    ],
    [
      "CreateTrail",
      `TrailName=x${bucket}&IncludeAllEventSources=false`,
      400,
      "InvalidEventSources",
      "The specified event source '' is invalid",
    ],
    [
      "CreateTrail",
      `TrailName=x${bucket}&IncludeAllEventSources=maybe`,
      400,
      "InvalidParameter",
      "The parameter 'IncludeAllEventSources' is invalid.",
    ],
    [
      "CreateTrail",
      `TrailName=x${bucket}&EventRW=read`,
      400,
      "InvalidParameter",
      "The parameter 'EventRW' is invalid.",
    ],
    [
      "CreateTrail",
      `TrailName=x${bucket}&TrailType=1`,
      400,
      "InvalidParameter",
      "The parameter 'TrailType' is invalid.",
    ],
    [
      "CreateTrail",
      `TrailName=x${bucket}&TosSSEAlgorithm=AES256`,
      400,
      "InvalidParameter",
      "The parameter 'TosSSEAlgorithm' is invalid.",
    ],
    [
      "CreateTrail",
      `TrailName=x${bucket}&TosAccountId=22`,
      400,
      "InvalidParameter",
      "The parameter 'TosAccountId' is invalid.",
    ],
    ["CreateTrail", main, 409, "TrailAlreadyExists", "Trail 'main' already exists."],
    ["UpdateTrail", `TrailName=x${bucket}`, 404, "TrailNotExist", "Trail 'x' does not exist."],
    [
      "UpdateTrail",
      "TrailName=main&TosBucketName=a.b",
      400,
      "InvalidTosBucketName",
      "The specified TOS bucket name is invalid.",
    ],
    ["DeleteTrail", "TrailName=x", 404, "TrailNotExist", "Trail 'x' does not exist."],
    ["StartLogging", "TrailName=x", 404, "TrailNotExist", "Trail 'x' does not exist."],
    ["StopLogging", "", 400, "ParameterMissing", "The request parameter TrailName is missing."],
    ["DescribeTrails", "TrailNames.a=x", 400, "InvalidParameter", "The parameter 'TrailNames' is invalid."],
    ["DescribeTrails", "TrailNames..1=x", 400, "BadRequest", "Bad Request"],
  ];
  for (const [action, query, status, Code, Message] of cases) {
    const got = await call(action, query);
    assert.deepEqual([got.status, got.ResponseMetadata.Error], [status, { Code, Message }], `${action} ${query}`);
  }
  await call("CreateTrail", `TrailName=second${bucket}`);
  const { status, ResponseMetadata } = await call("CreateTrail", `TrailName=third${bucket}`);
  assert.deepEqual(
    [status, ResponseMetadata.Error],
    [400, { Code: "TrailQuotaExceeded", Message: "The number of specified trail has exceeded the quota" }],
  );
});

test("what typed clients send for what was not set is as absent", async () => {
  const call = over(new MemoryTrails());
  const unset =
    "&TlsTopicName=&TosSSEAlgorithm=&TosAccountId=0&EventRW=&EventSources=&TrailType=0&IncludeAllEventSources=true";
  const { status, Result } = await call("CreateTrail", `TrailName=x&TosBucketName=audit${unset}`);
  assert.deepEqual([status, Result?.EventRW, Result?.EventSources, Result?.IsEventSourceAll], [200, "All", [], 1]);
});

test("our own failures are ServiceFailure without their reason", async () => {
  const trails = new MemoryTrails();
  trails.failure = new Error("the secret reason");
  const { status, ResponseMetadata } = await over(trails)("DescribeTrails", "");
  assert.deepEqual(
    [status, ResponseMetadata.Error],
    [500, { Code: "ServiceFailure", Message: "The requested service failed due to an unknown error." }],
  );
});
