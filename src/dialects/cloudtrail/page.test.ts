// The dialect's page in docs/ says what the code does: every action, key, parameter limit and error code, and no code more.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { mostTrails } from "../../delivery/port.ts";
import { lookupKeys } from "../../event/trail-event.ts";
import { acts } from "./auth.ts";
import { mostConditions, mostResults } from "./decode.ts";
import { cloudTrailErrors } from "./errors.ts";
import { labelNames } from "./trail-parameters.ts";
import { generations } from "./trail-result.ts";

const page = readFileSync(new URL("../../../docs/dialects/cloudtrail.md", import.meta.url), "utf8");

test("the page names every action, version, lookup key and kept parameter", () => {
  for (const name of [...Object.keys(acts), ...generations, ...lookupKeys, ...labelNames])
    assert.ok(page.includes(`\`${name}\``), name);
});

test("the page's table of errors is the code's, status by status", () => {
  const section = page.slice(page.indexOf("## Errors"), page.indexOf("## Deviations"));
  const listed = [...section.matchAll(/^\| (\d{3}) +\| `(\w+)`/gm)].map(([, status, code]) => [code, Number(status)]);
  const ours = Object.entries(cloudTrailErrors).map(([code, { status }]) => [code, status]);
  assert.deepEqual(listed.sort(), ours.sort());
});

test("the page's limits are the code's", () => {
  assert.ok(page.includes(`1 to ${mostResults}; `));
  assert.ok(page.includes(`at most ${mostConditions} conditions`));
  assert.ok(page.includes(`An account may have ${mostTrails} trails`));
});
