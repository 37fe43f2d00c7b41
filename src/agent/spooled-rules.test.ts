import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultRules } from "../rules/default-rules.ts";
import { readRules } from "../rules/read-rules.ts";
import { openSpool, pairs, pipelineOf, temporary } from "./agent-house.test-support.ts";
import { SpooledRules } from "./spooled-rules.ts";

const rules = readRules(defaultRules, "built-in");
const failed = (second: number, user = "root") => ({
  kind: "security" as const,
  type: "SshLogin",
  time: Date.UTC(2026, 10, 21, 12, 0, second),
  labels: { outcome: "failure", "source.ip": "198.51.100.23", user },
  tags: [],
});

test("what the rules remember goes through the spool's rows, whenever it is stopped", () => {
  const table = new Map<string, string>();
  const risks = Array.from({ length: 6 }, (_, second) => {
    const graded = new SpooledRules(
      rules,
      [...table].map(([key, value]) => ({ key, value })),
    );
    const { risk } = graded.grade(failed(second));
    for (const [key, value] of graded.takeChanges())
      if (value === undefined) table.delete(key);
      else table.set(key, value);
    return risk;
  });
  assert.deepEqual(risks, ["Low", "Low", "Low", "Low", "High", "High"]);
});

test("what is not committed is not remembered", () => {
  const graded = new SpooledRules(rules, []);
  for (let second = 0; second < 4; second++) graded.grade(failed(second));
  assert.equal(new SpooledRules(rules, []).grade(failed(5)).risk, "Low");
});

test("rows of rules that are no more are taken out of the spool", () => {
  const graded = new SpooledRules(rules, [{ key: '["gone","[\\"user\\",\\"root\\"]"]', value: "[1]" }]);
  assert.deepEqual([...graded.takeChanges()], [['["gone","[\\"user\\",\\"root\\"]"]', undefined]]);
});

test("a pipeline keeps the memory in its spool", async () => {
  const own = readRules(
    "rules: [{ id: r, when: { type: Told }, count: { by: user, within: 1d, at-least: 2 }, risk: High }]",
    "r",
  );
  const directory = temporary();
  const risks: unknown[] = [];
  for (let round = 0; round < 2; round++) {
    const spool = openSpool(directory);
    const pipeline = pipelineOf(spool, { source: pairs, grading: new SpooledRules(own, spool.memory("s")) });
    await pipeline.handOver(
      {
        lane: "l",
        stream: "f",
        records: [{ record: { text: `t${round}`, read: 1 }, offset: round + 1 }],
        resume: round,
      },
      new AbortController().signal,
    );
    risks.push((JSON.parse(Buffer.from(spool.oldest(9, 1e6).at(-1)!.bytes).toString()) as { risk: string }).risk);
    spool.close(1);
  }
  assert.deepEqual(risks, ["Info", "High"]);
});
