import assert from "node:assert/strict";
import { test } from "node:test";
import { RuleMemory } from "./rule-memory.ts";

test("it gives back the latest arrivals, whatever their times", () => {
  const memory = new RuleMemory(["r"]);
  for (const time of [5, 900, 1, 7]) memory.add("r", "k", time, 3);
  assert.deepEqual(memory.times("r", "k"), [900, 1, 7]);
  assert.deepEqual(memory.times("r", "other"), []);
});

test("changes are told once, and a memory made of them is the same", () => {
  const memory = new RuleMemory(["r", "s"]);
  memory.add("r", "k", 1, 4);
  memory.add("r", "k", 2, 4);
  memory.add("s", "k", 3, 4);
  const rows = memory.takeChanges();
  assert.deepEqual(rows, [
    { rule: "r", key: "k", times: [1, 2] },
    { rule: "s", key: "k", times: [3] },
  ]);
  assert.deepEqual(memory.takeChanges(), []);
  const again = new RuleMemory(["r", "s"]);
  again.load(rows);
  assert.deepEqual(again.takeChanges(), [], "what is loaded is no change");
  assert.deepEqual(again.times("r", "k"), [1, 2]);
});

test("beyond its bound the key that was longest without an event is forgotten, and that is a change", () => {
  const memory = new RuleMemory(["r"], { mostKeys: 2 });
  memory.add("r", "a", 1, 4);
  memory.add("r", "b", 2, 4);
  memory.add("r", "a", 3, 4);
  memory.takeChanges();
  memory.add("r", "c", 4, 4);
  assert.deepEqual(memory.takeChanges(), [
    { rule: "r", key: "b", times: [] },
    { rule: "r", key: "c", times: [4] },
  ]);
});

test("after a load the key with the earliest last time is forgotten first", () => {
  const memory = new RuleMemory(["r"], { mostKeys: 2 });
  memory.load([
    { rule: "r", key: "late", times: [9] },
    { rule: "r", key: "early", times: [2] },
  ]);
  memory.add("r", "new", 3, 4);
  assert.deepEqual([memory.times("r", "early"), memory.times("r", "late")], [[], [9]]);
});

test("what a rule knew that is no more is forgotten", () => {
  const memory = new RuleMemory(["r"]);
  memory.load([{ rule: "gone", key: "k", times: [1] }]);
  assert.deepEqual(memory.takeChanges(), [{ rule: "gone", key: "k", times: [] }]);
});
