import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Fatal } from "../errors.ts";
import { RateLimit } from "./rate-limit.ts";

function heldClock(): { time: number; now(): number } {
  return {
    time: 1_700_000_000_000,
    now() {
      return this.time;
    },
  };
}

test("a key may burst, then is held to its rate and told when to come again", () => {
  const clock = heldClock();
  const limit = new RateLimit({ rate: 2, burst: 3, clock });
  assert.deepEqual(
    [1, 2, 3].map(() => limit.take("a")),
    [true, true, true],
  );
  assert.equal(limit.take("a"), 1);
  clock.time += 499;
  assert.equal(limit.take("a"), 1);
  clock.time += 1;
  assert.equal(limit.take("a"), true);
  assert.equal(limit.take("a"), 1);
});

test("a slow rate gives long waits in whole seconds, rounded up", () => {
  const clock = heldClock();
  const limit = new RateLimit({ rate: 0.1, burst: 1, clock });
  assert.equal(limit.take("a"), true);
  assert.equal(limit.take("a"), 10);
  clock.time += 1;
  assert.equal(limit.take("a"), 10);
  clock.time += 8_999;
  assert.equal(limit.take("a"), 1);
  clock.time += 1_000;
  assert.equal(limit.take("a"), true);
});

test("one key's haste does not slow another", () => {
  const limit = new RateLimit({ rate: 1, burst: 1, clock: heldClock() });
  assert.equal(limit.take("a"), true);
  assert.equal(limit.take("a"), 1);
  assert.equal(limit.take("b"), true);
});

test("a pause never saves up more than the burst", () => {
  const clock = heldClock();
  const limit = new RateLimit({ rate: 10, burst: 2, clock });
  limit.take("a");
  clock.time += 3_600_000;
  assert.deepEqual(
    [1, 2, 3].map(() => limit.take("a")),
    [true, true, 1],
  );
});

test("waiting as long as told always suffices, and no window grants more than burst and rate allow", () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.05, max: 500, noNaN: true }),
      fc.integer({ min: 1, max: 20 }),
      fc.array(fc.integer({ min: 0, max: 3_000 }), { maxLength: 60 }),
      (rate, burst, pauses) => {
        const clock = heldClock();
        const start = clock.time;
        const limit = new RateLimit({ rate, burst, clock });
        let granted = 0;
        for (const pause of pauses) {
          clock.time += pause;
          const answer = limit.take("a");
          if (answer === true) granted++;
          else {
            clock.time += answer * 1_000;
            assert.equal(limit.take("a"), true);
            granted++;
          }
          assert.ok(granted <= burst + ((clock.time - start) * rate) / 1_000 + 1e-3);
        }
      },
    ),
    { numRuns: 200 },
  );
});

test("a clock set back does not lock a key out for longer than its bucket takes to fill", () => {
  const clock = heldClock();
  const limit = new RateLimit({ rate: 1, burst: 2, clock });
  limit.take("a");
  clock.time -= 86_400_000;
  const answer = limit.take("a");
  assert.ok(answer === true || answer <= 2);
  clock.time += 2_000;
  assert.equal(limit.take("a"), true);
});

test("the number of buckets is bounded; the least recently used goes first", () => {
  const clock = heldClock();
  const limit = new RateLimit({ rate: 0.001, burst: 1, clock, maxBuckets: 3 });
  for (const key of ["a", "b", "c"]) limit.take(key);
  assert.equal(limit.take("a"), 1_000, "a is remembered and now the most recent");
  limit.take("d");
  assert.equal(limit.size, 3);
  assert.notEqual(limit.take("a"), true);
  assert.notEqual(limit.take("c"), true);
  assert.equal(limit.take("b"), true, "b was forgotten");
});

test("buckets that are full again are forgotten as others are used", () => {
  const clock = heldClock();
  const limit = new RateLimit({ rate: 1, burst: 1, clock });
  for (let i = 0; i < 100; i++) limit.take(`key-${i}`);
  assert.equal(limit.size, 100);
  clock.time += 60_000;
  for (let i = 0; i < 100; i++) limit.take("other");
  assert.equal(limit.size, 1);
});

test("limits that cannot be meant are refused", () => {
  for (const [rate, burst] of [
    [0, 1],
    [-1, 1],
    [Number.NaN, 1],
    [Number.POSITIVE_INFINITY, 1],
    [1, 0],
    [1, Number.NaN],
  ] as const)
    assert.throws(() => new RateLimit({ rate, burst, clock: heldClock() }), Fatal);
});
