import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { systemClock } from "../../clock.ts";
import { createGateway } from "../../clouds/volcengine/gateway.ts";
import { signRequest } from "../../clouds/volcengine/signer.ts";
import { TaishiError } from "../../errors.ts";
import type { SecurityEvent } from "../../event/event.ts";
import { readEvent } from "../../event/read.ts";
import type { Request } from "../../exchange.ts";
import type { Caller, Keyring, Role } from "../../identity/caller.ts";
import type { ListRequest, NumberedEntry, Page, Queries } from "../../query/query.ts";
import type { ListAuditLogsResult } from "./encode.ts";
import { listAuditLogsAction } from "./list-audit-logs.ts";

const { Service } = createRequire(import.meta.url)("@volcengine/openapi") as {
  Service: new (
    options: object,
  ) => {
    createJSONAPI(action: string, options: object): (body: object) => Promise<Envelope>;
    createAPI(action: string, options: object): (query: object) => Promise<Envelope>;
  };
};

interface Envelope {
  readonly ResponseMetadata: Record<string, unknown> & {
    readonly Error?: { readonly CodeN?: number; readonly Code: string; readonly Message: string };
  };
  readonly Result?: ListAuditLogsResult;
}

interface Example {
  readonly appended: readonly unknown[];
  readonly request: Record<string, unknown> & { readonly Filter: Record<string, unknown> };
  readonly result: ListAuditLogsResult;
}

const now = Date.UTC(2026, 0, 1);
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

/** A log in memory that answers as the port says, by looking at every event. */
class MemoryLog implements Pick<Queries, "list"> {
  readonly #entries: { account: string; entry: NumberedEntry }[] = [];
  readonly asked: ListRequest[] = [];

  append(account: string, ...sent: readonly unknown[]): void {
    for (const [index, item] of sent.entries()) {
      const event = readEvent(item, index) as SecurityEvent;
      this.#entries.push({ account, entry: { event, received: now, v: 1, seq: this.#entries.length } });
    }
  }

  list(request: ListRequest): Promise<Page> {
    this.asked.push(request);
    const { filter, order, window } = request;
    const within = (allowed: readonly string[] | undefined, value: string): boolean =>
      allowed === undefined || allowed.includes(value);
    const found = this.#entries
      .filter(({ account }) => account === filter.account)
      .map(({ entry }) => entry)
      .filter(
        ({ event }) =>
          event.kind === "security" &&
          within(filter.kinds, event.kind) &&
          within(filter.types, event.type) &&
          within(filter.risks, event.risk) &&
          (filter.resourceType ?? event.resource.type) === event.resource.type &&
          (filter.resourceId ?? event.resource.id) === event.resource.id &&
          (filter.project ?? event.resource.project) === event.resource.project &&
          event.time >= (filter.from ?? 0) &&
          event.time < (filter.to ?? Number.POSITIVE_INFINITY),
      )
      .sort((a, b) => a.event.time - b.event.time || a.seq - b.seq);
    if (order === "desc") found.reverse();
    assert.ok("offset" in window);
    const entries = found.slice(window.offset, window.offset + window.limit);
    return Promise.resolve({ total: found.length, size: this.#entries.length, entries });
  }
}

const target = "/?Action=ListAuditLogs&Version=2024-01-01";

function arkOver(log: Pick<Queries, "list">) {
  const gateway = createGateway({ actions: [listAuditLogsAction(log)], keyring, clock: { now: () => now } });
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
    send({ body: typeof body === "string" ? Buffer.from(body) : Buffer.from(JSON.stringify(body)) }, key, more);
  const get = (query: string, key?: string) => send({ method: "GET", target: `${target}&${query}` }, key);
  return { gateway, send, post, get };
}

const id = "ep-20240101000000-abcde";
const asked = { ResourceId: id, ResourceType: "endpoint" };

function event(time: number | string, change: Record<string, unknown> = {}): Record<string, unknown> {
  return { kind: "security", time, resource: { type: "endpoint", id }, type: "TksAccess", ...change };
}

const directory = new URL("examples/", import.meta.url);
const examples = readdirSync(directory).map((name): { name: string; example: Example } => ({
  name,
  example: JSON.parse(readFileSync(new URL(name, directory), "utf8")) as Example,
}));

test("there is an example for each of the seven types and for each published in 2024-07", () => {
  assert.equal(examples.length, 10);
  assert.equal(examples.filter(({ name }) => name.startsWith("2024-07")).length, 3);
});

for (const { name, example } of examples)
  test(`the published example is answered as published: ${name}`, async () => {
    const log = new MemoryLog();
    log.append("1", ...example.appended);
    const { status, Result, ResponseMetadata } = await arkOver(log).post(example.request);
    assert.equal(status, 200);
    // Compared as text: the order of members is part of the form.
    assert.equal(JSON.stringify(Result), JSON.stringify(example.result));
    assert.deepEqual(
      [ResponseMetadata.Action, ResponseMetadata.Version, ResponseMetadata.Service, ResponseMetadata.Region],
      ["ListAuditLogs", "2024-01-01", "ark", "cn-beijing"],
    );
  });

test("the stock @volcengine/openapi client gets every published example over HTTP", async (t) => {
  const log = new MemoryLog();
  for (const { example } of examples) log.append("1", ...example.appended);
  const action = listAuditLogsAction(log);
  // The client signs with the time of day, which a test cannot hold still; so here the gateway's clock is the real one.
  const gateway = createGateway({ actions: [action], keyring, clock: systemClock });
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      const { method = "", url = "", headers } = incoming;
      void gateway({
        method,
        target: url,
        headers: headers as Record<string, string | undefined>,
        body: Buffer.concat(chunks),
        address: "127.0.0.1",
        hosts: [headers.host ?? ""],
      }).then(({ status, headers, body }) => outgoing.writeHead(status, headers).end(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const options = {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    protocol: "http:",
    serviceName: "ark",
    region: "cn-beijing",
    accessKeyId: "auditor@1",
  };
  const client = new Service({ ...options, secretKey: "SK auditor@1" });
  const list = client.createJSONAPI("ListAuditLogs", { Version: "2024-01-01" });
  for (const { name, example } of examples) {
    const answer = await list(example.request);
    assert.deepEqual(answer.Result, example.result, name);
  }
  const { request, result } = examples[0]!.example;
  const flat = client.createAPI("ListAuditLogs", { Version: "2024-01-01", method: "GET" });
  const { Filter, ...rest } = request;
  const query = { ...rest, "Filter.LogTypes.1": (Filter.LogTypes as string[])[0] };
  assert.deepEqual((await flat(query)).Result, result);

  const stranger = new Service({ ...options, secretKey: "SK wrong" });
  const refused = await stranger.createJSONAPI("ListAuditLogs", { Version: "2024-01-01" })(request);
  assert.equal(refused.ResponseMetadata.Error?.Code, "SignatureDoesNotMatch");
});

test("without a filter all seven types are listed, and nothing else is", async () => {
  const log = new MemoryLog();
  const types = ["SshLogin", "ContainerLogin", "Connection", "ContainerBreakout", "VarmorDefence", "KMSAccess"];
  for (const [at, type] of [...types, "TksAccess", "Other"].entries()) log.append("1", event(2e11 + at, { type }));
  const { Result } = await arkOver(log).post(asked);
  assert.deepEqual(
    Result?.Items.map(({ LogType }) => LogType),
    [...types, "TksAccess"].toReversed(),
  );
  assert.deepEqual(log.asked[0]?.filter.kinds, ["security"]);
});

test("pages count from one, default to ten, and past the end are empty with the exact total", async () => {
  const log = new MemoryLog();
  for (let at = 0; at < 25; at++) log.append("1", event(2e11 + at * 1000));
  const { post } = arkOver(log);
  const page = async (more: object) => (await post({ ...asked, ...more })).Result!;
  assert.deepEqual(
    [
      (await page({})).Items.length,
      (await page({})).PageNumber,
      (await page({})).PageSize,
      (await page({})).TotalCount,
    ],
    [10, 1, 10, 25],
  );
  assert.equal((await page({ PageNumber: 3 })).Items.length, 5);
  const beyond = await page({ PageNumber: 2 ** 31 - 1, PageSize: 100 });
  assert.deepEqual(beyond, { TotalCount: 25, PageNumber: 2 ** 31 - 1, PageSize: 100, Items: [] });
});

test("the order is newest first unless Asc is asked, with or without the space of the Node SDK's enum", async () => {
  const log = new MemoryLog();
  log.append("1", event("2024-01-01T00:00:01Z"), event("2024-01-01T00:00:02Z"));
  const { post } = arkOver(log);
  const first = async (more: object) => (await post({ ...asked, ...more })).Result?.Items[0]?.Timestamp;
  assert.equal(await first({}), "2024-01-01T00:00:02Z");
  assert.equal(await first({ SortOrder: "Desc", SortBy: "Timestamp" }), "2024-01-01T00:00:02Z");
  assert.equal(await first({ SortOrder: "Asc" }), "2024-01-01T00:00:01Z");
  assert.equal(await first({ SortOrder: " Asc" }), "2024-01-01T00:00:01Z");
  assert.equal(await first({ SortOrder: "", SortBy: null }), "2024-01-01T00:00:02Z");
});

test("times are inclusive, in seconds through their last millisecond or in milliseconds exactly", async () => {
  const log = new MemoryLog();
  const second = Date.UTC(2024, 0, 1) / 1000;
  for (const millis of [-1, 0, 500, 999, 1000]) log.append("1", event(second * 1000 + millis));
  const { post } = arkOver(log);
  const total = async (Filter: object) => (await post({ ...asked, Filter })).Result?.TotalCount;
  assert.equal(await total({ StartTime: second, EndTime: second }), 3);
  assert.equal(await total({ StartTime: second }), 4);
  assert.equal(await total({ EndTime: second }), 4);
  assert.equal(await total({ StartTime: second * 1000 + 500, EndTime: second * 1000 + 500 }), 1);
  assert.equal(await total({ StartTime: second, EndTime: second * 1000 + 500 }), 2);
  assert.equal(await total({ StartTime: 0, EndTime: 1e11 }), 5);
  assert.equal(await total({ StartTime: null, EndTime: null }), 5);
});

test("risks, project and the resource's type narrow the list", async () => {
  const log = new MemoryLog();
  log.append("1", event(2e11, { risk: "High" }), event(2e11, { risk: "Low" }), event(2e11));
  log.append("1", event(2e11, { resource: { type: "endpoint", id, project: "p" } }));
  log.append("1", event(2e11, { resource: { type: "modelcustomizationjob", id } }));
  const { post } = arkOver(log);
  const total = async (more: object) => (await post({ ...asked, ...more })).Result?.TotalCount;
  assert.equal(await total({ Filter: { RiskLevels: ["High", "Low", "High"] } }), 2);
  assert.equal(await total({ Filter: { RiskLevels: ["Critical"] } }), 0);
  assert.equal(await total({ Filter: { RiskLevels: [] } }), 4);
  assert.equal(await total({ ProjectName: "p" }), 1);
  assert.equal(await total({ ProjectName: "" }), 4);
  assert.equal(await total({ ResourceType: "modelcustomizationjob" }), 1);
  assert.equal(await total({ Filter: {}, NotKnown: { a: 1 } }), 4);
});

test("the form of 2024-07 has five fields an item and spells Connection as asked", async () => {
  const log = new MemoryLog();
  log.append("1", event(2e11, { type: "Connection", risk: "High" }), event(2e11 - 1, { type: "SshLogin" }));
  const { post } = arkOver(log);
  const types = async (Filter: object) => (await post({ ...asked, Filter })).Result?.Items.map((item) => item.LogType);
  assert.deepEqual(await types({ LogTypes: ["AbnormalConnection"] }), ["AbnormalConnection"]);
  assert.deepEqual(await types({ LogTypes: ["Connection"] }), ["Connection"]);
  assert.deepEqual(await types({ LogTypes: ["SshLogin", "AbnormalConnection"] }), ["AbnormalConnection", "SshLogin"]);
  assert.deepEqual(await types({ LogTypes: [] }), ["AbnormalConnection", "SshLogin"]);
  assert.deepEqual(await types({ LogType: "Connection", LogTypes: [] }), ["Connection"]);
  assert.deepEqual(await types({ LogType: "" }), ["Connection", "SshLogin"]);
  const { Result } = await post({ ...asked, Filter: { LogTypes: ["SshLogin"] } });
  const fields = ["ResourceId", "ResourceType", "LogType", "LogDetail", "Timestamp"];
  assert.deepEqual(Object.keys(Result?.Items[0] ?? {}), fields);
});

test("flattened parameters of a GET mean the same, with numbers and lists as text", async () => {
  const log = new MemoryLog();
  const second = 1_719_453_125;
  log.append("1", event(second * 1000, { type: "SshLogin", risk: "High" }));
  const { get } = arkOver(log);
  const query = `ResourceId=${id}&ResourceType=endpoint&PageNumber=1&PageSize=5&SortOrder=Asc&SortBy=Timestamp`;
  const filter = `&Filter.LogType=SshLogin&Filter.RiskLevels.1=High&Filter.StartTime=${second}&Filter.EndTime=${second}`;
  const { status, Result } = await get(query + filter);
  assert.equal(status, 200);
  assert.deepEqual([Result?.TotalCount, Result?.PageSize], [1, 5]);
  assert.equal((await get(`${query}&Filter.LogTypes=SshLogin&Filter=&Filter.EndTime=`)).Result?.TotalCount, 1);
  const bad = await get(`${query}&PageSize=0x5`);
  assert.equal(bad.ResponseMetadata.Error?.Code, "InvalidParameter.PageSize");
});

test("what cannot be meant is refused by the parameter's name, and nothing is asked of the log", async () => {
  const log = new MemoryLog();
  const { post, send, get } = arkOver(log);
  const long = "x".repeat(257);
  const cases: readonly (readonly [body: unknown, code: string])[] = [
    [{}, "MissingParameter.ResourceId"],
    ["", "MissingParameter.ResourceId"],
    [{ ResourceType: "endpoint" }, "MissingParameter.ResourceId"],
    [{ ...asked, ResourceId: "" }, "MissingParameter.ResourceId"],
    [{ ...asked, ResourceId: null }, "MissingParameter.ResourceId"],
    [{ ...asked, ResourceId: 1 }, "InvalidParameter.ResourceId"],
    [{ ...asked, ResourceId: long }, "InvalidParameter.ResourceId"],
    [`{"ResourceId":"\\ud800","ResourceType":"endpoint"}`, "InvalidParameter.ResourceId"],
    [{ ResourceId: id }, "MissingParameter.ResourceType"],
    [{ ...asked, ResourceType: "Endpoint" }, "InvalidParameter.ResourceType"],
    [{ ...asked, ResourceType: "constructor" }, "InvalidParameter.ResourceType"],
    ...[0, -1, "x", "1", 1.5, 2 ** 31, 1e300, true, [1], {}].map(
      (PageNumber) => [{ ...asked, PageNumber }, "InvalidParameter.PageNumber"] as const,
    ),
    ...[0, 101, -1, "10", 10.5].map((PageSize) => [{ ...asked, PageSize }, "InvalidParameter.PageSize"] as const),
    [{ ...asked, SortBy: "Time" }, "InvalidParameter.SortBy"],
    [{ ...asked, SortOrder: "asc" }, "InvalidParameter.SortOrder"],
    [{ ...asked, SortOrder: 1 }, "InvalidParameter.SortOrder"],
    [{ ...asked, ProjectName: ["p"] }, "InvalidParameter.ProjectName"],
    ...["x", 1, [], true].map((Filter) => [{ ...asked, Filter }, "InvalidParameter.Filter"] as const),
    ...(
      [
        [{ LogType: "sshlogin" }, "LogType"],
        [{ LogType: "AbnormalConnection" }, "LogType"],
        [{ LogType: ["SshLogin"] }, "LogType"],
        [{ LogTypes: "SshLogin" }, "LogTypes"],
        [{ LogTypes: ["Nothing"] }, "LogTypes"],
        [{ LogTypes: [null] }, "LogTypes"],
        [{ LogType: "SshLogin", LogTypes: ["SshLogin"] }, "LogTypes"],
        [{ RiskLevels: ["Severe"] }, "RiskLevels"],
        [{ RiskLevels: "High" }, "RiskLevels"],
        [{ StartTime: "1719453125" }, "StartTime"],
        [{ StartTime: -1 }, "StartTime"],
        [{ StartTime: 1.5 }, "StartTime"],
        [{ StartTime: 1e18 }, "StartTime"],
        [{ EndTime: "now" }, "EndTime"],
        [{ StartTime: 1719453126, EndTime: 1719453125 }, "StartTime"],
        [{ StartTime: 1719453126000, EndTime: 1719453125 }, "StartTime"],
      ] as const
    ).map(([Filter, name]) => [{ ...asked, Filter }, `InvalidParameter.${name}`] as const),
    ["not JSON", "InvalidParameter.Body"],
    [`{"ResourceId":"${id}","Resou`, "InvalidParameter.Body"],
    [`{"ResourceId":"${id}","ResourceType":"endpoint",}`, "InvalidParameter.Body"],
    [[asked], "InvalidParameter.Body"],
    [`{"a":${"[".repeat(30_000)}`, "InvalidParameter.Body"],
  ];
  for (const [body, code] of cases) {
    const { status, ResponseMetadata, Result } = await post(body);
    const said = ResponseMetadata.Error;
    const what = JSON.stringify(body).slice(0, 100);
    assert.deepEqual([status, said?.Code, Result], [400, code, undefined], what);
    assert.equal(said !== undefined && "CodeN" in said, false, what);
    const [kind, name] = code.split(".");
    const sentence =
      kind === "MissingParameter"
        ? `The required parameter ${name} is missing.`
        : `The specified parameter ${name} is invalid.`;
    assert.ok(said?.Message.startsWith(sentence), said?.Message);
  }
  const latin1 = Buffer.from(`{"ResourceId":"\u00e9","ResourceType":"endpoint"}`, "latin1");
  assert.equal((await send({ body: latin1 })).ResponseMetadata.Error?.Code, "InvalidParameter.Body");
  const large = await send({ body: Buffer.alloc(64 * 1024 + 1, " ") });
  assert.deepEqual([large.status, large.ResponseMetadata.Error?.Code], [413, "RequestTooLarge"]);
  const bomb = await post("{}", "auditor@1", { "content-encoding": "zstd" });
  assert.deepEqual([bomb.status, bomb.ResponseMetadata.Error?.Code], [415, "UnsupportedMediaType"]);
  assert.equal((await get("ResourceId=a&ResourceId=b")).ResponseMetadata.Error?.Code, "InvalidParameter.ResourceId");
  assert.deepEqual(log.asked, []);
});

test("an auditor and an admin may read, a writer may not", async () => {
  const log = new MemoryLog();
  const { post } = arkOver(log);
  assert.equal((await post(asked, "auditor@1")).status, 200);
  assert.equal((await post(asked, "admin@1")).status, 200);
  const refused = await post(asked, "writer@1");
  assert.equal(refused.status, 403);
  assert.deepEqual(refused.ResponseMetadata.Error, {
    CodeN: 100013,
    Code: "AccessDenied",
    Message: "User is not authorized to perform: ark:ListAuditLogs on resource: .",
  });
  // Refused before its parameters are looked at, so that they cannot be probed.
  assert.equal((await post({}, "writer@1")).status, 403);
});

test("another account's resource looks exactly like one that never was", async () => {
  const log = new MemoryLog();
  log.append("1", event(2e11));
  const { post } = arkOver(log);
  const empty = { TotalCount: 0, PageNumber: 1, PageSize: 10, Items: [] };
  assert.deepEqual((await post(asked, "auditor@2")).Result, empty);
  assert.deepEqual((await post({ ...asked, ResourceId: "ep-none" }, "auditor@1")).Result, empty);
  assert.equal((await post(asked, "auditor@1")).Result?.TotalCount, 1);
});

test("an index that is behind is said to be so, never answered around", async () => {
  const behind = { list: () => Promise.reject(new TaishiError("index-behind", undefined, { retryAfter: 1 })) };
  const { status, ResponseMetadata } = await arkOver(behind).post(asked);
  assert.deepEqual([status, ResponseMetadata.Error?.Code], [503, "ServiceOverloadTemp"]);
});

test("the language of a rendered LogDetail follows Accept-Language; the sender's own is kept", async () => {
  const log = new MemoryLog();
  const contents = { Command: "cat", Process: "/usr/bin/cat", ProcessID: "7" };
  log.append("1", event(2e11, { type: "VarmorDefence", contents }));
  log.append("1", event(2e11 - 1, { type: "VarmorDefence", contents, detail: "" }));
  const { post } = arkOver(log);
  const details = async (language: string) =>
    (await post(asked, "auditor@1", { "accept-language": language })).Result?.Items.map(({ LogDetail }) => LogDetail);
  const english = "vArmor blocked a risky operation. Command: cat;Process: /usr/bin/cat;pid: 7";
  const chinese = "vArmor成功拦截了一次风险操作。命令: cat;进程: /usr/bin/cat;pid: 7";
  assert.deepEqual(await details("en-GB,en;q=0.9"), [english, ""]);
  assert.deepEqual(await details("zh-CN"), [chinese, ""]);
});

test("a signed call works as a bearer token does", async () => {
  const log = new MemoryLog();
  log.append("1", event(2e11));
  const body = Buffer.from(JSON.stringify(asked));
  const key = { accessKey: "auditor@1", secretKey: "SK auditor@1", region: "cn-north-1", service: "ark" };
  const headers = signRequest({ method: "POST", target, headers: { host: "h" }, body }, key, now);
  const answer = await arkOver(log).send({ headers, body, hosts: ["h"] });
  assert.deepEqual([answer.Result?.TotalCount, answer.ResponseMetadata.Region], [1, "cn-north-1"]);
});
