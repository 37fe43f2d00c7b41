// A fixed sample for every `npm test`; `npm run test:crash` does many more.
import assert from "node:assert/strict";
import { test } from "node:test";
import { runCollectCrashes } from "./collect-run.ts";

test("200,000 lines through rotations, 15 kills of the agent and 15 of the service: each line is there once, in order", async (context) => {
  const done = await runCollectCrashes({
    lines: 200_000,
    kills: 15,
    seed: 15,
    say: (line) => context.diagnostic(line),
  });
  context.diagnostic(JSON.stringify(done));
  assert.equal(done.agentKills + done.serviceKills, 30);
  assert.ok(done.rotations >= 15, `${done.rotations} rotations`);
});
