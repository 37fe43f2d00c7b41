import assert from "node:assert/strict";
import { test } from "node:test";
import type { Event } from "../event/event.ts";
import { eventDialects } from "./event-dialects.ts";

const shown = (event: Event, acceptLanguage = "en"): Readonly<Record<string, unknown>> =>
  eventDialects({ event, received: 1, v: 1, seq: 7 }, "2100000001", {
    origin: (account) => `o/${account}`,
    acceptLanguage,
  });
const time = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

test("a security event is an item of Ark's list in both of its forms, if Ark lists its type and resource", () => {
  const event: Event = {
    kind: "security",
    time,
    type: "Connection",
    risk: "High",
    resource: { type: "endpoint", id: "ep-1" },
    contents: [{ key: "DestinationIP", value: "192.0.2.1" }],
    detail: "d",
  };
  const common = { ResourceId: "ep-1", ResourceType: "endpoint", LogDetail: "d", Timestamp: "2026-01-02T03:04:05Z" };
  const [[name, today], [older, before]] = Object.entries(shown(event)) as [[string, object], [string, object]];
  assert.deepEqual(
    [name, older],
    ["ark ListAuditLogs 2024-01-01", "ark ListAuditLogs 2024-01-01, the form of 2024-07"],
  );
  assert.deepEqual(today, {
    ...common,
    LogType: "Connection",
    LogContents: [{ Key: "DestinationIP", Value: "192.0.2.1" }],
    RiskLevel: "High",
  });
  assert.deepEqual(before, { ...common, LogType: "AbnormalConnection" });
  assert.deepEqual(shown({ ...event, type: "Other" }), {});
  assert.deepEqual(shown({ ...event, resource: { type: "node", id: "n" } }), {});
});

test("a trail event is an item of LookupEvents with the EventID it has there", () => {
  const answer = shown({ kind: "trail", time, type: "GetUser", source: "iam", sourceIp: "192.0.2.1" });
  const item = answer["cloudtrail LookupEvents 2021-09-01"] as Record<string, string>;
  assert.deepEqual([item.EventName, item.EventSource, item.SourceIPAddress], ["GetUser", "iam", "192.0.2.1"]);
  assert.match(item.EventID!, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
});

test("a database event is a line of an audit file, and the service's own events are nobody's", () => {
  const answer = shown({ kind: "database", time, name: "Query", instance: "i", sql: 'SELECT "1"' });
  assert.match(String(answer["taurusdb audit-log file"]), /"SELECT ""1"""/);
  assert.deepEqual(shown({ kind: "system", time, type: "X", resource: { type: "a", id: "b" }, data: {} }), {});
});
