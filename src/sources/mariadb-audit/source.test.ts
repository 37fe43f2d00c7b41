import assert from "node:assert/strict";
import { test } from "node:test";
import { statementType } from "../../audit-files/statement-types.ts";
import { optionsOf, outcomesOf, payloadsOf, recordOf, testSource } from "../source.contract.ts";
import { isParsed } from "../source.ts";
import { mariadbAudit } from "./source.ts";

const folder = import.meta.dirname;

testSource(mariadbAudit, folder);

test("a statement's derived class is of the type that audit policies derive from its text", () => {
  const { records, options } = payloadsOf(mariadbAudit, folder).find(({ name }) => name.startsWith("statements"))!;
  let compared = 0;
  for (const outcome of outcomesOf(mariadbAudit, options, records)) {
    assert.ok(isParsed(outcome) && outcome.draft.kind === "database");
    const { name, commandClass, sql } = outcome.draft;
    if (commandClass === undefined || sql === undefined) continue;
    assert.equal(
      statementType({ name, commandClass }) ?? "none",
      statementType({ name, sql }) ?? "none",
      `${commandClass} of ${sql}`,
    );
    compared++;
  }
  assert.ok(compared > 80);
});

test("a statement comes out as it went in, whatever is in it", () => {
  const statements = [
    "a'b\\c\n\r\t\f",
    "\\'",
    "\\\\n",
    "',0",
    "x',1\\",
    "',9,14,QUERY,mysql,'",
    "",
    "\u0000\u001b[2J",
    "é😀",
  ];
  for (const sql of statements) {
    const escaped = sql
      .replace(/['\\]/g, "\\$&")
      .replaceAll("\n", "\\n")
      .replaceAll("\r", "\\r")
      .replaceAll("\t", "\\t")
      .replaceAll("\f", "\\f");
    const line = `20261121 09:15:04,db-1,shop,localhost,9,14,QUERY,orders,'${escaped}',0`;
    const [outcome] = outcomesOf(mariadbAudit, optionsOf(mariadbAudit), [recordOf(Buffer.from(line))]);
    assert.ok(outcome !== undefined && isParsed(outcome) && outcome.draft.kind === "database", line);
    assert.equal(outcome.draft.sql ?? "", sql);
    assert.equal(outcome.draft.user, "shop");
  }
});

test("a time that occurs twice is the one nearer to its reading", () => {
  const line = Buffer.from("20261025 02:30:00,db-1,shop,localhost,9,14,QUERY,orders,'select 1',0");
  const timeRead = (read: number): number => {
    const [outcome] = outcomesOf(mariadbAudit, optionsOf(mariadbAudit, { zone: "Europe/Berlin" }), [
      recordOf(line, read),
    ]);
    assert.ok(outcome !== undefined && isParsed(outcome));
    return outcome.draft.time;
  };
  const first = Date.UTC(2026, 9, 25, 0, 30);
  assert.equal(timeRead(first + 500), first);
  assert.equal(timeRead(first + 3_600_500), first + 3_600_000);
});

test("a line of megabytes is read, whatever its names and quotes make it look like", () => {
  const long = "a'b\\\\,1,2,QUERY,".repeat(200_000);
  for (const line of [
    `20261121 09:15:04,db-1,shop,localhost,9,14,QUERY,orders,'${long.replaceAll("'", "\\'")}',0`,
    `20261121 09:15:04,db-1,${long},0`,
    `20261121 09:15:04,db-1,shop,${"\\".repeat(3_000_000)}',0`,
    `20261121 09:15:04,db-1,shop,${"'\\".repeat(1_500_000)}',0`,
  ]) {
    const record = recordOf(Buffer.from(line));
    const outcomes = outcomesOf(mariadbAudit, optionsOf(mariadbAudit), [record]);
    assert.equal(outcomes.length, 1);
  }
});

test("a zone that does not exist is refused", () => {
  assert.throws(() => mariadbAudit.parser({ ...(optionsOf(mariadbAudit) as object), zone: "Mars/Base" } as never), {
    code: "invalid-parameter",
  });
});
