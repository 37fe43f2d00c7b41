// docs/dialects/ark.md and the code say the same.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { errorResponse } from "../../clouds/volcengine/gateway-errors.ts";
import { type ErrorCode, errorTable, TaishiError } from "../../errors.ts";
import { risks } from "../../event/event.ts";
import { decodeListAuditLogs } from "./decode.ts";
import { encodeListAuditLogs } from "./encode.ts";
import { listAuditLogsAction } from "./list-audit-logs.ts";
import { logTypes } from "./log-types.ts";

const page = readFileSync(new URL("../../../docs/dialects/ark.md", import.meta.url), "utf8");
const rows = page
  .split("\n")
  .filter((line) => line.startsWith("|"))
  .map((line) =>
    line
      .split("|")
      .map((cell) => cell.trim())
      .slice(1, -1),
  );
const named = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name!);
const required = { ResourceId: "ep-1", ResourceType: "endpoint" };
const decode = (values: object) =>
  decodeListAuditLogs({ form: "json", values: values as Record<string, unknown> }, "1");
const rowOf = (name: string): string[] => rows.find(([cell]) => named(cell ?? "").includes(name)) ?? assert.fail(name);

/** An object that remembers which of its members were asked for. */
function watched(values: Record<string, unknown>, prefix: string, asked: Set<string>): Record<string, unknown> {
  return new Proxy(values, {
    get: (target, name) => {
      if (typeof name === "string") asked.add(prefix + name);
      return Reflect.get(target, name);
    },
  });
}

test("the page lists every parameter the code reads, and no other", () => {
  const asked = new Set<string>();
  const filter = watched({}, "Filter.", asked);
  decode(watched({ ...required, Filter: filter }, "", asked));
  asked.delete("Filter");
  const listed = rows.flatMap(([name, type]) => (/^(?:string|integer|array)/.test(type ?? "") ? named(name!) : []));
  assert.deepEqual(listed.sort(), [...asked].sort());
});

test("the page states the limits and defaults that hold", () => {
  for (const [name, most, fallback, values] of [
    ["PageNumber", 2 ** 31 - 1, 1, (n: number) => ({ ...required, PageNumber: n })],
    ["PageSize", 100, 10, (n: number) => ({ ...required, PageSize: n })],
  ] as const) {
    assert.equal(rowOf(name)[2], `1 to ${most.toLocaleString("en-US")}; default ${fallback}`);
    decode(values(most));
    assert.throws(() => decode(values(most + 1)), TaishiError);
    assert.throws(() => decode(values(0)), TaishiError);
  }
  const { pageNumber, pageSize } = decode(required);
  assert.deepEqual([pageNumber, pageSize], [1, 10]);
  assert.match(rowOf("ResourceId")[2]!, /up to 256 characters/);
  decode({ ...required, ResourceId: "x".repeat(256) });
  assert.throws(() => decode({ ...required, ResourceId: "x".repeat(257) }), TaishiError);
  const { maxBodyBytes } = listAuditLogsAction({ list: () => assert.fail() });
  assert.ok(page.includes(`${maxBodyBytes / 1024} KiB`));
});

test("the page lists the values of every enumeration", () => {
  assert.deepEqual(named(rowOf("Filter.LogType")[2]!), [...logTypes]);
  assert.deepEqual(named(rowOf("Filter.RiskLevels")[2]!), [...risks]);
  for (const name of ["ResourceType", "SortBy", "SortOrder"])
    for (const value of named(rowOf(name)[2]!)) decode({ ...required, [name]: value });
});

test("the page lists the members of an item in both forms", () => {
  const event = {
    contents: [],
    kind: "security",
    resource: { id: "ep-1", type: "endpoint" },
    risk: "Info",
    time: 0,
    type: "SshLogin",
  } as const;
  const entries = [{ seq: 0, received: 0, v: 1, event }] as const;
  for (const [form, filter] of [
    ["today's", {}],
    ["July 2024", { LogTypes: ["SshLogin"] }],
  ] as const) {
    const { Items } = encodeListAuditLogs(
      { total: 1, size: 1, entries },
      decode({ ...required, Filter: filter }),
      "zh",
    );
    const row = rows.find(([cell]) => cell === form);
    assert.deepEqual(named(row?.[2] ?? ""), Object.keys(Items[0]!), form);
  }
});

test("the page lists every error a call of this action can get, with its status and number", () => {
  /** Of other calls: appends, identity, links. */
  const elsewhere: readonly ErrorCode[] = [
    "not-found",
    "gone",
    "wrong-password",
    "link-void",
    "idempotency-conflict",
    "already-exists",
  ];
  const reached = (Object.keys(errorTable) as ErrorCode[])
    .filter((code) => !elsewhere.includes(code))
    .map((code) => new TaishiError(code, undefined, code.endsWith("-parameter") ? { field: "X" } : {}))
    .concat(new TaishiError("missing-parameter", undefined, { field: "Action" }))
    .map((error) => {
      const { status, body } = errorResponse(error, { requestId: "r" });
      const { Code, CodeN } = (
        JSON.parse(String(body)) as { ResponseMetadata: { Error: { Code: string; CodeN?: number } } }
      ).ResponseMetadata.Error;
      return `${status} ${Code} ${CodeN ?? "–"}`;
    });
  const listed = rows.flatMap(([status, code, number]) =>
    /^\d{3}$/.test(status ?? "") ? [`${status} ${named(code!)[0]} ${number}`] : [],
  );
  assert.deepEqual([...new Set(listed)].sort(), [...new Set(reached)].sort());
});
