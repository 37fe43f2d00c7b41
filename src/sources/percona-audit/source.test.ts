import assert from "node:assert/strict";
import { test } from "node:test";
import { outcomesOf, payloadsOf, testSource } from "../source.contract.ts";
import { isParsed } from "../source.ts";
import { perconaAudit } from "./source.ts";

const folder = import.meta.dirname;

testSource(perconaAudit, folder);

test("the four forms of the same records become the same events", () => {
  const [json, ...others] = ["json", "csv", "new", "old"].map((name) => {
    const { records, options } = payloadsOf(perconaAudit, folder).find((each) => each.name === `${name}.log`)!;
    return outcomesOf(perconaAudit, options, records)
      .filter(isParsed)
      .map(({ draft, labels }) => ({ draft, labels }));
  });
  assert.equal(json!.length, 9);
  for (const other of others) assert.deepEqual(other, json);
});
