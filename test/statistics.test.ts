// The bench's arithmetic.
import assert from "node:assert/strict";
import { test } from "node:test";
import { median, percentile, timed } from "../bench/statistics.ts";

test("a percentile is the nearest rank", () => {
  const values = Array.from({ length: 300 }, (_, i) => 300 - i);
  assert.equal(percentile(values, 0.5), 150);
  assert.equal(percentile(values, 0.99), 297);
  assert.equal(percentile(values, 1), 300);
  assert.equal(percentile([7], 0.01), 7);
  assert.ok(Number.isNaN(percentile([], 0.5)));
});

test("a median is the middle one or the mean of the two in the middle", () => {
  assert.equal(median([10, 9, 1]), 9);
  assert.equal(median([4, 10, 1, 2]), 3);
  assert.ok(Number.isNaN(median([])));
});

test("calls of the warm-up are made and not counted", async () => {
  let calls = 0;
  const counted = await timed(async () => void calls++, { times: 5, warmUp: 3 });
  assert.equal(calls, 8);
  assert.equal(counted.length, 5);
});
