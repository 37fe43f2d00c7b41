import assert from "node:assert/strict";
import { test } from "node:test";
import { optionsOf, readAt, recordOf, testSource } from "../source.contract.ts";
import { isParsed } from "../source.ts";
import { mysqlEnterpriseAudit } from "./source.ts";

testSource(mysqlEnterpriseAudit, import.meta.dirname);

test("an object that is never closed is given up after a while, and what follows is read", () => {
  const lane = mysqlEnterpriseAudit.parser(optionsOf(mysqlEnterpriseAudit) as never);
  const first = recordOf(Buffer.from('{"timestamp": "2026-11-21 09:00:01", "account": {'));
  assert.deepEqual(lane.take(first), []);
  assert.deepEqual(lane.expire(readAt + 59_999), []);
  assert.deepEqual(lane.waiting(), [first]);
  const [given] = lane.expire(readAt + 60_000);
  assert.ok(given !== undefined && !isParsed(given) && given.why === "malformed");
  const line = '{"timestamp": "2026-11-21 09:00:02", "id": 0, "class": "connection", "event": "disconnect"},';
  const [next] = lane.take(recordOf(Buffer.from(line)));
  assert.ok(next !== undefined && isParsed(next));
});

test("an object of very many lines is given up, and each of its lines is kept", () => {
  const lane = mysqlEnterpriseAudit.parser(optionsOf(mysqlEnterpriseAudit) as never);
  const outcomes = ["{", ...Array.from({ length: 3_000 }, (_, n) => `"${n}": 0,`)].flatMap((text) =>
    lane.take(recordOf(Buffer.from(text))),
  );
  assert.ok(lane.waiting().length <= 1_000);
  outcomes.push(...lane.end());
  assert.ok(outcomes.every((outcome) => !isParsed(outcome)));
  assert.equal(new Set(outcomes.flatMap(({ records }) => records)).size, 3_001);
});
