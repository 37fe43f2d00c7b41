// Audit files, policies and trails over real sockets: what a reader sees and takes, what an administrator sets, and that nobody
// learns of another account's (I7).
import assert from "node:assert/strict";
import { test } from "node:test";
import type { CallRecord } from "../exchange.ts";
import { callers, get, openHouse, problemOf, send } from "./doubles.test-support.ts";
import { MemoryAuditFiles, MemoryTrails } from "./memory-administration.test-support.ts";

type Members = Readonly<Record<string, unknown>>;
const { account } = callers.admin;
const at = Date.UTC(2026, 0, 2);
const hour = 3_600_000;

async function json(answer: globalThis.Response): Promise<Members> {
  assert.equal(answer.status, 200, await answer.clone().text());
  return (await answer.json()) as Members;
}

async function openDatabases() {
  const auditFiles = new MemoryAuditFiles();
  const told: CallRecord[] = [];
  const house = await openHouse({ auditFiles, onCall: (record) => void told.push(record) });
  const project = house.directory.createProject({ account, name: "a", id: undefined });
  const instance = house.directory.createInstance({ project: project.id, id: undefined }).id;
  for (const [i, content] of ["first\n", "second, 第二\n", "third\n"].entries())
    auditFiles.files.push({
      ...{ id: `f/${i}`, name: `audit "${i}".log`, instance, account, content, bytes: Buffer.byteLength(content) },
      ...{ begin: at + i * hour, end: at + i * hour + 1, closed: at + i * hour + 2 },
    });
  return { house, told, path: `/api/v1/instances/${instance}`, [Symbol.asyncDispose]: () => house.server.close() };
}

test("a reader lists an instance's files, newest first, and takes one byte for byte", async () => {
  await using databases = await openDatabases();
  const { house, told, path } = databases;
  const all = await json(await get(house, `${path}/audit-files`));
  assert.equal(all.total, 3);
  const [newest] = all.files as Members[];
  assert.deepEqual(newest, {
    id: "f/2",
    name: 'audit "2".log',
    bytes: 6,
    begin: "2026-01-02T02:00:00.000Z",
    end: "2026-01-02T02:00:00.001Z",
    closed: "2026-01-02T02:00:00.002Z",
  });
  const ids = async (query: string) =>
    ((await json(await get(house, `${path}/audit-files?${query}`))).files as Members[]).map(({ id }) => id);
  assert.deepEqual(await ids("limit=2&page=2"), ["f/0"]);
  assert.deepEqual(await ids("order=asc&limit=1"), ["f/0"]);
  assert.deepEqual(await ids(`from=${at + hour}&to=${at + 2 * hour}`), ["f/1"], "to is exclusive");

  const file = await get(house, `${path}/audit-files/f%2F1/content`);
  assert.equal(file.headers.get("content-length"), "15");
  assert.equal(file.headers.get("content-disposition"), 'attachment; filename="audit__1_.log"');
  assert.equal(file.headers.get("content-security-policy"), "sandbox");
  assert.equal(await file.text(), "second, 第二\n");
  const download = told.find(({ name }) => name === "DownloadAuditFile");
  assert.deepEqual(JSON.parse(download?.parameters ?? ""), { file: "f/1" });
  assert.equal(download?.resources?.[0]?.type, "instance");
});

test("an administrator sets the policy as a whole, and it is audited", async () => {
  await using databases = await openDatabases();
  const { house, told, path } = databases;
  const before = { keepDays: 7, reserve: true, types: [], fullSql: false, statementTypes: ["SELECT", "INSERT"] };
  assert.deepEqual(await json(await get(house, `${path}/audit-policy`)), before);
  const policy = { keepDays: 0, reserve: false, types: ["SELECT"], fullSql: true };
  const put = (body: object, as: "admin" | "auditor" | "other" = "admin") =>
    send(house, "PUT", `${path}/audit-policy`, body, { as });
  assert.deepEqual(await json(await put(policy)), { ...before, ...policy });
  assert.deepEqual(await json(await get(house, `${path}/audit-policy`)), { ...before, ...policy });
  const written = told.filter(({ name, errorCode }) => name === "SetAuditPolicy" && errorCode === undefined);
  assert.deepEqual(
    written.map(({ parameters }) => JSON.parse(parameters!)),
    [policy],
  );

  assert.equal((await problemOf(await put(policy, "auditor"))).code, "forbidden");
  for (const [wrong, field] of [
    [{ keepDays: 7 }, "reserve"],
    [{ ...policy, keepDays: 733 }, "keepDays"],
    [{ ...policy, types: ["FLY"] }, "types"],
    [{ ...policy, on: true }, "on"],
  ] as const)
    assert.equal((await problemOf(await put(wrong))).field, field);
});

test("another account's instance is as one that does not exist, and a writer reads nothing", async () => {
  await using databases = await openDatabases();
  const { house, path } = databases;
  const nowhere = `/api/v1/instances/${"f".repeat(32)}in01`;
  for (const rest of ["/audit-files", "/audit-files/f%2F1/content", "/audit-policy"]) {
    const told = async (base: string) => {
      const { requestId: _, ...problem } = await problemOf(await get(house, base + rest, "other"));
      return JSON.stringify(problem).replaceAll(base.slice(-36), "ID");
    };
    assert.equal(await told(path), await told(nowhere));
    assert.equal((await problemOf(await get(house, path + rest, "writer"))).code, "forbidden");
  }
  assert.equal((await problemOf(await get(house, `${path}/audit-files/none/content`))).code, "not-found");
  assert.equal((await problemOf(await get(house, `${path}/audit-files?limit=0`))).field, "limit");
  assert.equal((await problemOf(await get(house, `${path}/audit-files?from=soon`))).field, "from");
});

test("a reader sees the account's trails and how their delivery goes", async () => {
  const trails = new MemoryTrails();
  await using house = await openHouse({ trails });
  const trail = { name: "main", scope: "Write", sources: ["iam"], bucket: "audit", prefix: "a/b" } as const;
  trails.trails.set(account, [
    { ...trail, created: at, updated: at, logging: true, loggingStarted: at, delivery: { error: "no room" } },
  ]);
  const time = "2026-01-02T00:00:00.000Z";
  assert.deepEqual(await json(await get(house, "/api/v1/trails")), {
    trails: [
      {
        ...{ ...trail, created: time, updated: time, logging: true, loggingStarted: time, loggingStopped: null },
        ...{ delivered: null, error: "no room" },
      },
    ],
  });
  assert.deepEqual(await json(await get(house, "/api/v1/trails", "other")), { trails: [] });
  assert.equal((await problemOf(await get(house, "/api/v1/trails", "writer"))).code, "forbidden");
});
