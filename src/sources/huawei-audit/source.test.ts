import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRecord, renderRecord } from "../../audit-files/record-text.ts";
import { outcomesOf, payloadsOf, recordOf, recordsOf, testSource } from "../source.contract.ts";
import { isParsed, type Outcome } from "../source.ts";
import { huaweiAudit } from "./source.ts";

const folder = import.meta.dirname;

testSource(huaweiAudit, folder);

function draftOf(outcome: Outcome | undefined): object {
  assert.ok(outcome !== undefined && isParsed(outcome));
  return outcome.draft;
}

test("a record is read as the import of audit files reads it", () => {
  let compared = 0;
  for (const { records, options } of payloadsOf(huaweiAudit, folder))
    for (const outcome of outcomesOf(huaweiAudit, options, records)) {
      if (!isParsed(outcome)) continue;
      const text = outcome.records.map((record) => record.text).join("\n");
      assert.deepEqual(draftOf(outcome), parseRecord(text));
      compared++;
    }
  assert.ok(compared > 10);
});

test("what Taishi writes is read as it was, whatever is in it", () => {
  const statements = [
    'a "b", "c"',
    '\n"1", "2", "0", "Query", "2026-11-21T09:00:00 UTC", "x',
    "\\n\r\n\\",
    "é😀\t",
    '"',
  ];
  for (const sql of statements) {
    const event = {
      time: Date.UTC(2026, 10, 21, 9),
      name: "Query",
      recordId: "1",
      connectionId: "7",
      status: "0",
      commandClass: "select",
      sql,
      user: "ann[ann] @ localhost []",
      host: "localhost",
      database: "orders",
    };
    const [outcome, ...more] = outcomesOf(huaweiAudit, {}, recordsOf(Buffer.from(renderRecord(event))));
    assert.deepEqual(draftOf(outcome), { kind: "database", ...event });
    assert.deepEqual(more, []);
  }
});

test("the last record is told after a while", () => {
  const lane = huaweiAudit.parser({} as never);
  const record = recordOf(
    Buffer.from(renderRecord({ time: Date.UTC(2026, 10, 21), name: "Quit", recordId: "1" }).trim()),
  );
  assert.deepEqual(lane.take(record), []);
  assert.deepEqual(lane.expire(record.read + 4_999), []);
  assert.equal(lane.expire(record.read + 5_000).length, 1);
});
