import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parseQuery } from "../../clouds/huawei/query-string.ts";
import { signRequest } from "../../clouds/huawei/signer.ts";
import type { encodeTaurusList } from "./encode.ts";
import { createHouse, createHouseOf, instance, now, project, ref, start, whole } from "./memory-files.test-support.ts";
import { parseInstant } from "./times.ts";

interface Example {
  readonly query: string;
  readonly response: ReturnType<typeof encodeTaurusList>;
}
const example = JSON.parse(
  readFileSync(new URL("./examples/list-audit-logs.json", import.meta.url), "utf8"),
) as Example;
/** What 20481.835938 KB are in bytes. */
const exampleBytes = 20_973_400;
/** A window that the example's files are in; its own is of the year before. */
const exampleWindow = "start_time=2019-11-01T00:00:00%2B0800&end_time=2019-11-30T00:00:00%2B0800";

function withExample() {
  const house = createHouse();
  for (const { id, name, begin_time, end_time } of example.response.audit_logs)
    house.files.add(ref, exampleBytes, { id, name, begin: millis(begin_time), end: millis(end_time) });
  return house;
}

function millis(text: string): number {
  return parseInstant(text)!.millis;
}

test("the published example comes back field for field, sizes in whole KB", async () => {
  const { ask } = withExample();
  const { status, body, response } = await ask(`audit-logs?${exampleWindow}&offset=0&limit=10`);
  assert.equal(status, 200);
  assert.deepEqual(body, {
    ...example.response,
    audit_logs: example.response.audit_logs.map((file) => ({ ...file, size: 20481 })),
  });
  assert.match(response.headers["content-type"]!, /^application\/json/);
  assert.match(response.headers["x-request-id"]!, /^[0-9a-f]{32}$/);
});

test("the published request, its + unencoded, asks about its own two days", async () => {
  const { ask, files } = withExample();
  const { status, body } = await ask(`audit-logs?${example.query}`);
  assert.equal(status, 200);
  assert.deepEqual(body, { audit_logs: [], total_count: 0 });
  const to = Date.UTC(2018, 8, 16, 2, 40, 15, 999);
  assert.deepEqual(files.asked, [{ from: Date.UTC(2018, 8, 14, 22, 25, 43), to, offset: 0, limit: 10 }]);
});

test("RDS has the same files under its own names, sizes with their fraction", async () => {
  const { ask } = withExample();
  const { status, body } = await ask(`auditlog?${exampleWindow}`);
  assert.equal(status, 200);
  assert.deepEqual(body, { auditlogs: example.response.audit_logs, total_record: 2 });
});

test("every spelling of the offset on the wire asks the same", async () => {
  const { ask, files } = withExample();
  for (const plus of ["+", "%2B", "%2b", "%20"]) {
    const at = (text: string): string => text.replace("+", plus).replaceAll(":", "%3A");
    const query = `start_time=${at("2019-11-01T00:00:00+0800")}&end_time=${at("2019-11-30T00:00:00+08:00")}`;
    const { body } = await ask(`audit-logs?${query}`);
    assert.equal(body.total_count, 2, plus);
  }
  assert.equal(new Set(files.asked.map((query) => JSON.stringify(query))).size, 1);
});

test("a request signed by the cloud's rules over the spelling that Terraform sends is answered", async () => {
  const { gateway } = withExample();
  const target = `/v3/${project}/instances/${instance}/audit-logs?end_time=2019-11-30T00%3A00%3A00%200800&limit=50&offset=0&start_time=2019-11-01T00%3A00%3A00%200800`;
  const unsigned = { method: "GET", target, headers: { host: "audit.example" }, body: "" };
  const headers = signRequest(unsigned, { accessKey: "auditor@1", secretKey: "SK auditor@1" }, now);
  const answer = await gateway({ ...unsigned, headers, body: new Uint8Array(), address: "192.0.2.1", hosts: [] });
  assert.equal(answer.status, 200);
  assert.equal(JSON.parse(String(answer.body)).total_count, 2);
});

test("an end without a fraction reaches to the end of its second", async () => {
  const { files, ask } = createHouse();
  files.add(ref, 1, { id: "late", begin: start + 1500, end: start + 1800 });
  const total = async (end: string): Promise<unknown> =>
    (await ask(`audit-logs?start_time=2025-12-31T00:00:00Z&end_time=${end}`)).body.total_count;
  assert.equal(await total("2026-01-01T00:00:00Z"), 0);
  assert.equal(await total("2026-01-01T00:00:01Z"), 1);
  assert.equal(await total("2026-01-01T00:00:01.499Z"), 0);
  assert.equal(await total("2026-01-01T00:00:01.500Z"), 1);
});

test("pages put together are the whole, in one order, each with the exact total", async () => {
  const { ask } = createHouseOf(25);
  const ids: string[] = [];
  for (let offset = 0; offset < 28; offset += 4) {
    const { body } = await ask(`audit-logs?${whole}&offset=${offset}&limit=4`);
    assert.equal(body.total_count, 25);
    ids.push(...body.audit_logs.map(({ id }: { id: string }) => id));
  }
  assert.deepEqual(
    ids,
    Array.from({ length: 25 }, (_, at) => `f${String(at).padStart(2, "0")}`),
  );
});

test("offset and limit have their defaults, and past the end nothing is listed", async () => {
  const { ask, files } = createHouseOf(12);
  assert.equal((await ask(`audit-logs?${whole}`)).body.audit_logs.length, 10);
  assert.equal((await ask(`audit-logs?${whole}&offset=&limit=`)).body.audit_logs.length, 10);
  assert.deepEqual((await ask(`audit-logs?${whole}&offset=2147483647`)).body, { audit_logs: [], total_count: 12 });
  assert.deepEqual((await ask(`auditlog?${whole}&offset=12`)).body, { auditlogs: [], total_record: 12 });
  assert.deepEqual([files.asked[0]?.offset, files.asked[0]?.limit], [0, 10]);
});

test("TaurusDB lists up to 100 files at once and RDS up to 50", async () => {
  const { ask } = createHouseOf(1);
  for (const [place, status] of [
    ["audit-logs?limit=100", 200],
    ["audit-logs?limit=101", 400],
    ["auditlog?limit=50", 200],
    ["auditlog?limit=51", 400],
  ] as const)
    assert.equal((await ask(`${place}&${whole}`)).status, status, place);
});

test("a span of 30 days is answered, one of a second more is not", async () => {
  const { ask } = createHouse();
  const span = (end: string): string => `audit-logs?start_time=2026-01-01T00:00:00Z&end_time=${end}`;
  assert.equal((await ask(span("2026-01-31T00:00:00Z"))).status, 200);
  const { status, body } = await ask(span("2026-01-31T00:00:01Z"));
  assert.equal(status, 400);
  assert.match(body.error_msg, /end_time must be at most 30 days/);
});

const from = "start_time=2026-01-01T00:00:00Z";
const to = "end_time=2026-01-02T00:00:00Z";
for (const [query, field] of [
  ["", "start_time"],
  [from, "end_time"],
  [to, "start_time"],
  [`start_time=&${to}`, "start_time"],
  ["end_time&limit=0&offset=0&start_time", "start_time"],
  [`${from}&${to}&limit=0&offset=0`, "limit"],
  [`${from}&${to}&limit=-1`, "limit"],
  [`${from}&${to}&limit=101`, "limit"],
  [`${from}&${to}&limit=1.0`, "limit"],
  [`${from}&${to}&limit=ten`, "limit"],
  [`${from}&${to}&limit=%2010`, "limit"],
  [`${from}&${to}&limit=99999999999999999999`, "limit"],
  [`${from}&${to}&offset=-1`, "offset"],
  [`${from}&${to}&offset=2147483648`, "offset"],
  [`${from}&${to}&offset=1e3`, "offset"],
  [`${from}&${to}&offset=0&offset=1`, "offset"],
  [`${from}&${from}&${to}`, "start_time"],
  [`${from}&end_time=2026-01-01T00:00:00Z`, "end_time"],
  [`${from}&end_time=2025-12-31T23:59:59Z`, "end_time"],
  [`${from}&end_time=2026-01-01T08:00:00+0800`, "end_time"],
  [`start_time=2026-02-30T00:00:00Z&end_time=2026-03-02T00:00:00Z`, "start_time"],
  [`start_time=2026-01-01T00:00:00&${to}`, "start_time"],
  [`start_time=1767225600&${to}`, "start_time"],
  [`start_time=${"2".repeat(2000)}&${to}`, "start_time"],
] as const)
  test(`a list asked with "${query.slice(0, 90)}" is refused and names ${field}, in both languages`, async () => {
    const { ask, files } = createHouse();
    for (const path of ["audit-logs", "auditlog"]) {
      const english = await ask(`${path}?${query}`);
      const chinese = await ask(`${path}?${query}`, { headers: { "x-language": "zh-cn" } });
      assert.equal(english.status, 400);
      assert.equal(english.body.error_code, "DBS.280001");
      assert.match(english.body.error_msg, new RegExp(`^Parameter error\\. ${field} [ -~]+\\.$`));
      assert.equal(chinese.status, 400);
      assert.equal(chinese.body.error_code, "DBS.280001");
      assert.match(chinese.body.error_msg, new RegExp(`^参数错误。 ?${field}.*[\\u4e00-\\u9fff]`));
    }
    assert.deepEqual(files.asked, []);
  });

test("a language nobody knows is answered in English", async () => {
  const { ask } = createHouse();
  const { body } = await ask("audit-logs", { headers: { "x-language": "fr-fr" } });
  assert.match(body.error_msg, /^Parameter error\./);
});

test("no query that can be written makes a fault", async () => {
  const { ask } = createHouseOf(3);
  for (const query of [
    "%",
    "%FF",
    "a=%E0%A4",
    "&&&",
    "=",
    "start_time",
    "limit=%00",
    "__proto__=1",
    "x=1".repeat(600),
  ]) {
    const { status } = await ask(`audit-logs?${query}`);
    assert.equal(status, 400, query);
  }
  assert.equal(parseQuery("a=+b")[0]?.value, "+b");
});
