import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { optionsOf, outcomesOf, payloadsOf, testSource } from "../source.contract.ts";
import { isParsed } from "../source.ts";
import { ruleMeanings } from "./meaning.ts";
import { falco } from "./source.ts";

testSource(falco, import.meta.dirname);

test("the page shows the built-in table of rules", () => {
  const page = readFileSync(`${import.meta.dirname}/../../../docs/sources/falco.md`, "utf8");
  const rows = [...page.matchAll(/^\| `([^`]+)` +\| `([^`]+)` +\| (?:`([^`]+)`|–) +\|$/gm)];
  assert.deepEqual(
    rows.map(([, rule, type, tag = ""]) => [rule, { type, tag }]),
    [...ruleMeanings],
  );
});

test("the sentence of an alert is not read, and a field cannot take an event's own name", () => {
  const record = {
    output: "Critical A shell (user=root container=evil)",
    rule: "Own rule",
    time: "2026-11-21T08:00:00Z",
    output_fields: { Tag: "Whitelisted", DestinationIP: "192.0.2.1", Node: "other", more: "kept" },
  };
  const [outcome] = outcomesOf(falco, optionsOf(falco), [{ text: JSON.stringify(record), read: 0 }]);
  assert.ok(outcome !== undefined && isParsed(outcome) && outcome.draft.kind === "security");
  assert.deepEqual(
    outcome.draft.contents.filter(({ value }) => value !== ""),
    [
      { key: "Rule", value: "Own rule" },
      { key: "more", value: "kept" },
    ],
  );
});

test("no secret of a field is in what is kept, nor of the sentence that quotes it", () => {
  let seen = 0;
  for (const { options, records } of payloadsOf(falco, import.meta.dirname))
    for (const outcome of outcomesOf(falco, options, records)) {
      if (!outcome.records.some(({ text }) => text.includes("hunter2"))) continue;
      seen++;
      assert.ok(outcome.redacted !== undefined);
      assert.doesNotMatch(JSON.stringify({ ...outcome, records: [] }), /hunter2/);
    }
  assert.equal(seen, 2);
});
