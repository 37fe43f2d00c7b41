import assert from "node:assert/strict";
import { test } from "node:test";
import { AgentBoard } from "./agent-routes.ts";
import { openHouse } from "./doubles.test-support.ts";

const report = {
  version: "0.1.0",
  sources: [
    { name: "auth", source: "sshd", input: "following 1 file", behind: 0, problem: null, counts: { events: 3 } },
  ],
  spool: { bytes: 0, limit: 1_000_000, events: 0 },
  sent: 3,
  duplicates: 0,
  refused: 0,
  acknowledged: 1_790_000_000_000,
  problem: null,
};

test("an agent says how it is, and the readers of its account see that", async () => {
  await using house = await openHouse();
  const { url } = house;
  const put = (name: string, body: unknown, token: string) =>
    fetch(`${url}/api/v1/agents/${name}`, {
      method: "PUT",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  const list = async (token: string) => {
    const answer = await fetch(`${url}/api/v1/agents`, { headers: { authorization: `Bearer ${token}` } });
    return { status: answer.status, body: (await answer.json()) as { agents?: { name: string; report: unknown }[] } };
  };
  assert.equal((await put("node-1", report, "writer")).status, 200);
  assert.equal((await put("node-0", { ...report, sent: 4 }, "writer")).status, 200);
  const seen = await list("auditor");
  assert.deepEqual(
    seen.body.agents?.map(({ name, report: told }) => [name, (told as typeof report).sent]),
    [
      ["node-0", 4],
      ["node-1", 3],
    ],
  );
  assert.deepEqual((await list("other")).body, { agents: [] }, "another account's");
  assert.equal((await list("writer")).status, 403);
  assert.equal((await put("node-1", report, "auditor")).status, 403);
  assert.equal((await put("node-1", { ...report, sent: -1 }, "writer")).status, 400);
  assert.equal((await put("%0A", report, "writer")).status, 400);
});

test("of more agents than are kept the one that was silent longest is forgotten", () => {
  const board = new AgentBoard({ now: () => 0 });
  for (let i = 0; i < 1_001; i++) board.put("1", `a${i}`, {});
  board.put("1", "a1", {});
  const names = board.list("1").map(({ name }) => name);
  assert.equal(names.length, 1_000);
  assert.ok(!names.includes("a0") && names.includes("a1"));
});
