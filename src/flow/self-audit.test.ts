import assert from "node:assert/strict";
import { test } from "node:test";
import type { TrailEvent } from "../event/event.ts";
import type { CallRecord } from "../exchange.ts";
import { createLog } from "../log.ts";
import { SelfAudit, trailEventOf } from "./self-audit.ts";

const record: CallRecord = {
  time: 1_700_000_000_000,
  account: "2100000001",
  accessKey: "AK1",
  source: "ark",
  name: "ListAuditLogs",
  version: "2024-01-01",
  region: "cn-beijing",
  requestId: "r1",
  address: "192.0.2.1",
  userAgent: "agent/1",
  readOnly: true,
  parameters: '{"ResourceId":"ep-1"}',
};

function auditing(failure?: Error) {
  const written: { account: string; event: TrailEvent }[] = [];
  const audit = new SelfAudit({
    append: async (account, event) => {
      if (failure !== undefined) throw failure;
      written.push({ account, event });
    },
    isKey: (accessKey) => accessKey === "AK1",
    log: createLog("silent"),
  });
  return { audit, written };
}

const countOf = (event: TrailEvent): number => (JSON.parse(event.detail ?? "{}") as { Count?: number }).Count ?? 1;

test("a call becomes a trail event with its caller, parameters and outcome", async () => {
  const { audit, written } = auditing();
  await audit.onCall({ ...record, errorCode: "InvalidParameter.PageSize" });
  const { account, event } = written[0]!;
  assert.equal(account, "2100000001");
  assert.deepEqual(
    [event.type, event.source, event.requestId, event.accessKeyId, event.sourceIp, event.errorCode, event.readOnly],
    ["ListAuditLogs", "ark", "r1", "AK1", "192.0.2.1", "InvalidParameter.PageSize", true],
  );
  const detail = JSON.parse(event.detail ?? "") as Record<string, unknown>;
  assert.equal(detail.RequestParameters, '{"ResourceId":"ep-1"}');
  assert.equal(detail.EventTime, "2023-11-14T22:13:20Z");
  assert.equal(detail.UserAgent, "agent/1");
  assert.equal((detail.UserIdentity as Record<string, unknown>).AccountID, "2100000001");
});

test("identical reads within a minute are one event at once and one with the count of the rest", async () => {
  const { audit, written } = auditing();
  for (let i = 0; i < 5; i++) await audit.onCall({ ...record, time: record.time + i * 1000, requestId: `r${i}` });
  await audit.onCall({ ...record, parameters: "{}" });
  assert.equal(written.length, 2, "the first of each kind");
  audit.tick(record.time + 59_999);
  assert.equal(written.length, 2);
  audit.tick(record.time + 60_000);
  await Promise.resolve();
  assert.deepEqual([written.length, countOf(written[2]!.event), written[2]!.event.requestId], [3, 4, "r4"]);
  await audit.onCall({ ...record, time: record.time + 61_000 });
  assert.equal(written.length, 4, "a new minute begins with an event of its own");
});

test("changes are written each, and are on disk when the call goes on", async () => {
  const { audit, written } = auditing();
  const change = { ...record, name: "CreateTrail", readOnly: false };
  await audit.onCall(change);
  await audit.onCall(change);
  assert.equal(written.length, 2);
});

test("failed authentications go to the operator's log, one per address, key and minute, with a count", async () => {
  const { audit, written } = auditing();
  const { account: _account, ...nobody } = record;
  for (let i = 0; i < 1000; i++)
    await audit.onCall({ ...nobody, name: `N${i}`, readOnly: i % 2 === 0, errorCode: "InvalidAccessKey" });
  await audit.onCall({ ...nobody, address: "192.0.2.2" });
  assert.deepEqual(
    written.map(({ account }) => account),
    ["0", "0"],
  );
  await audit.close();
  assert.equal(countOf(written[2]!.event), 999);
});

test("what was counted is written down at the end, and what cannot be written does not fail the call", async () => {
  const { audit, written } = auditing();
  await audit.onCall(record);
  await audit.onCall(record);
  await audit.close();
  assert.equal(written.length, 2);
  const broken = auditing(new Error("disk"));
  await broken.audit.onCall({ ...record, readOnly: false });
  assert.equal(broken.written.length, 0);
});

test("different reads without end hold a bounded number of windows, and lose no count", async () => {
  const { audit, written } = auditing();
  for (let i = 0; i < 10_500; i++) {
    await audit.onCall({ ...record, parameters: `p${i}` });
    await audit.onCall({ ...record, parameters: `p${i}` });
  }
  await audit.close();
  const total = written.reduce((sum, { event }) => sum + countOf(event), 0);
  assert.equal(total, 21_000);
});

test("a call with nothing known, and with text that is no Unicode, still makes an event", () => {
  const event = trailEventOf(
    {
      time: record.time,
      source: "",
      name: "",
      requestId: "",
      address: "",
      readOnly: true,
      userAgent: "\ud800",
      accessKey: "\udc00",
    },
    1,
  );
  assert.equal(event.type, "Unknown");
  assert.ok(event.accessKeyId?.isWellFormed());
  assert.ok(event.detail?.isWellFormed());
});

test("made-up keys and addresses without end are a bounded number of events, each small", async () => {
  const { audit, written } = auditing();
  const { account: _account, ...nobody } = record;
  for (let i = 0; i < 5_000; i++)
    await audit.onCall({
      ...nobody,
      accessKey: `made-up-${i}`,
      userAgent: "x".repeat(60_000),
      errorCode: "InvalidAccessKey",
    });
  assert.equal(written.length, 1, "one address, whatever key it claims");
  assert.ok((written[0]!.event.detail?.length ?? 0) < 4_000);
  for (let i = 0; i < 3_000; i++) await audit.onCall({ ...nobody, address: `10.0.${i >> 8}.${i & 255}` });
  assert.ok(written.length <= 1_002, `${written.length} events`);
  await audit.close();
  const total = written.reduce((sum, { event }) => sum + countOf(event), 0);
  assert.equal(total, 8_000, "every call is counted");
});
