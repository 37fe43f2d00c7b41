import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { canonicalJson, isCanonical, maxDepth } from "./canonical.ts";

test("whatever value: its canonical text is canonical, and any other text of it is not", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = canonicalJson(value);
      const parsed: unknown = JSON.parse(text);
      assert.ok(isCanonical(text, parsed));
      const plain = JSON.stringify(value);
      assert.equal(isCanonical(plain, JSON.parse(plain)), plain === text);
      assert.ok(!isCanonical(`${text} `, parsed));
    }),
    { numRuns: 500 },
  );
});

test("order, repetition, spelling and white space are told apart", () => {
  const cases: readonly [string, boolean][] = [
    ['{"a":1,"b":2}', true],
    ['{"b":1,"a":2}', false],
    ['{"10":1,"2":2}', true],
    ['{"2":1,"10":2}', false],
    ['{"a":1,"a":2}', false],
    ['{"a":[{"c":1,"b":1}]}', false],
    ['{"a": 1}', false],
    ['{"a":1.0}', false],
    ['{"a":"\\u0041"}', false],
    ['{"a":"\\\\ud"}', true],
    ['"\\u001f\\n"', true],
  ];
  for (const [text, expected] of cases) assert.equal(isCanonical(text, JSON.parse(text)), expected, text);
});

test("what canonical JSON cannot hold is refused, not called canonical", () => {
  assert.throws(() => isCanonical('"\\ud800"', JSON.parse('"\\ud800"')), TypeError);
  const deep = "[".repeat(maxDepth + 2) + "]".repeat(maxDepth + 2);
  assert.throws(() => isCanonical(deep, JSON.parse(deep)), TypeError);
});
