import assert from "node:assert/strict";
import { test } from "node:test";
import { optionsOf, outcomesOf, payloadsOf, readAt, recordOf, testSource } from "../source.contract.ts";
import { isParsed, type Outcome, type Parser } from "../source.ts";
import { pgaudit } from "./source.ts";

const folder = import.meta.dirname;
const start = "2026-11-21 08:46:50.149 UTC [811] ";

testSource(pgaudit, folder);

function parser(options: object = {}): Parser {
  return pgaudit.parser(optionsOf(pgaudit, options) as never);
}

function take(to: Parser, text: string, read = readAt): readonly Outcome[] {
  return to.take(recordOf(Buffer.from(text), read));
}

function sqlOf(outcome: Outcome | undefined): string | undefined {
  assert.ok(outcome !== undefined && isParsed(outcome) && outcome.draft.kind === "database");
  return outcome.draft.sql;
}

test("the three forms of one server's log, written side by side, become the same events", () => {
  // One run of PostgreSQL 15 with pgaudit 1.7 wrote these; stderr's lines were taken with the prefix that says most.
  const [csv, json, stderr] = ["csvlog-26", "jsonlog", "stderr-sessions"].map((name) => {
    const payload = payloadsOf(pgaudit, folder).find((each) => each.name === `${name}.log`)!;
    return outcomesOf(pgaudit, payload.options, payload.records)
      .filter(isParsed)
      .map(({ draft, labels }) => ({ draft, labels: { ...labels, application: undefined } }));
  });
  assert.equal(csv!.length, 35);
  assert.deepEqual(stderr, csv);
  assert.deepEqual(json!.slice(0, 35), csv); // one line more was added by hand
});

test("on stderr a message is told after a while, if no line comes after it", () => {
  const lane = parser();
  assert.deepEqual(take(lane, `${start}LOG:  AUDIT: SESSION,1,1,READ,SELECT,,,"select`), []);
  assert.deepEqual(take(lane, '\t1",<none>', readAt + 1), []);
  assert.deepEqual(lane.expire(readAt + 2_999), []);
  assert.equal(sqlOf(lane.expire(readAt + 3_000)[0]), "select\n1");
  assert.deepEqual(lane.waiting(), []);
});

test("a message of more lines than may wait is told incomplete, and what it goes on with is kept", () => {
  const lane = parser();
  const outcomes = [
    ...take(lane, `${start}ERROR:  x`),
    ...take(lane, `${start}STATEMENT:  select`),
    ...Array.from({ length: 1_500 }, (_, n) => take(lane, `\t${n}`)).flat(),
  ];
  assert.ok(lane.waiting().length <= 1_000);
  outcomes.push(...lane.end());
  assert.ok(isParsed(outcomes[0]!));
  assert.equal(outcomes[0].incomplete, "its last lines: there are too many");
  assert.equal(new Set(outcomes.flatMap(({ records }) => records)).size, 1_502);
});

test("a record of csvlog of more lines than may wait is given up, and each of its lines is kept", () => {
  const lane = parser({ form: "csvlog" });
  const head =
    '2026-11-21 08:46:50.161 UTC,"a","b",1,"[local]",6.7,7,"SELECT",2026-11-21 08:46:50 UTC,3/6,0,LOG,00000,"x';
  const outcomes = [...take(lane, head), ...Array.from({ length: 1_500 }, (_, n) => take(lane, `${n}`)).flat()];
  assert.ok(lane.waiting().length <= 1_000);
  outcomes.push(...lane.end());
  assert.ok(outcomes.every((outcome) => !isParsed(outcome) && outcome.why === "malformed"));
  assert.equal(new Set(outcomes.flatMap(({ records }) => records)).size, 1_501);
});

test("a statement of megabytes in many lines is read in one go", () => {
  const lines = Array.from({ length: 900 }, (_, n) => `${"x".repeat(4_000)}${n}`);
  const lane = parser({ form: "csvlog" });
  const head =
    '2026-11-21 08:46:50.161 UTC,"a","b",1,"[local]",6.7,7,"SELECT",2026-11-21 08:46:50 UTC,3/6,0,LOG,00000,';
  take(lane, `${head}"AUDIT: SESSION,5,1,READ,SELECT,,,""select`);
  for (const line of lines) assert.deepEqual(take(lane, line), []);
  const [outcome] = take(lane, '"",<none>",,,,,,,,,"psql","client backend",,0');
  assert.equal(sqlOf(outcome), `select\n${lines.join("\n")}\n`);
});

test("a prefix is refused that says no time, or has escapes that are not known", () => {
  for (const prefix of ["[%p] ", "%m %Z", "%m %"])
    assert.throws(() => parser({ prefix }), { code: "invalid-parameter", details: { field: "prefix" } });
  assert.throws(() => parser({ zone: "Mars/Base" }), { code: "invalid-parameter" });
});

test("times of a zone that is named by letters are not guessed", () => {
  const line = "2026-11-21 08:46:50.149 CET [811] LOG:  AUDIT: SESSION,1,1,READ,SELECT,,,select 1,<none>";
  const reasonOf = (options: object): unknown => {
    const lane = parser(options);
    const [outcome] = [...take(lane, line), ...lane.end()];
    return outcome !== undefined && isParsed(outcome) ? new Date(outcome.draft.time).toISOString() : outcome?.why;
  };
  assert.equal(reasonOf({}), "malformed");
  assert.equal(reasonOf({ zone: "Europe/Berlin" }), "2026-11-21T07:46:50.149Z");
});
