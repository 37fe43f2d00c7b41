// A fixed sample of the crash run for every `npm test`; `npm run test:crash` does many more.
import assert from "node:assert/strict";
import { test } from "node:test";
import { runCrashes } from "./crash-run.ts";

test("after each of 15 kills every acknowledged event is there once, in order, and fsck passes", async (context) => {
  const done = await runCrashes({
    kills: 15,
    seed: 15,
    killsPerDirectory: 15,
    largeBatchEvents: 3_000,
    say: (line) => context.diagnostic(line),
  });
  assert.equal(done.kills, 15);
  assert.equal(done.fscks, 16);
  // A run that hit nothing has shown nothing.
  assert.ok(done.events > 1000, `${done.events} events`);
  assert.ok(done.unanswered > 0, "no kill came while a batch was on its way");
});
