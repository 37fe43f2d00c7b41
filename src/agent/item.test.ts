import assert from "node:assert/strict";
import { test } from "node:test";
import type { Outcome, RawRecord } from "../sources/source.ts";
import { itemOf } from "./item.ts";

const records: readonly RawRecord[] = [{ text: "login with hunter2", read: 1_795_250_600_000 }];
const context = {
  parser: { name: "p", version: "1" },
  position: { source: "a/b", stream: "s", offset: 1 },
  resource: { type: "endpoint", id: "ep-1" },
};

test("a record that held a secret is kept without it, whether it became an event or not", () => {
  const outcomes: readonly Outcome[] = [
    {
      draft: { kind: "security", time: 1_795_250_600_000, type: "Login", contents: [] },
      labels: {},
      records,
      redacted: "login with *****",
    },
    { why: "health-check", reason: "a health check", records, redacted: "login with *****" },
  ];
  for (const outcome of outcomes) {
    const item = itemOf(outcome, context);
    assert.doesNotMatch(item, /hunter2/);
    assert.equal((JSON.parse(item) as { record: { raw: string } }).record.raw, "login with *****");
  }
});
