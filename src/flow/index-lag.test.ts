import assert from "node:assert/strict";
import { test } from "node:test";
import { IndexLag } from "./index-lag.ts";

const waitMs = 5_000;

test("an index that is rebuilt at the start keeps up once it covers what was there", () => {
  const lag = new IndexLag(waitMs);
  const states = [0, 400, 999, 1_000].map((covered, i) => {
    lag.look(i * 1_000, { covered, size: 1_000 + 10 * i });
    return lag.keepsUp;
  });
  assert.deepEqual(states, [false, false, false, true]);
});

test("under appends it keeps up though it never covers the last entry", () => {
  const lag = new IndexLag(waitMs);
  for (let i = 0; i < 60; i++) {
    lag.look(i * 1_000, { covered: Math.max(0, i - 2) * 50_000, size: i * 50_000 });
    assert.ok(lag.keepsUp, `look ${i}`);
  }
});

test("what is stuck does not keep up after as long as a query waits, and does again when it has caught up", () => {
  const lag = new IndexLag(waitMs);
  const at = (second: number, covered: number): boolean => {
    lag.look(second * 1_000, { covered, size: second * 100 });
    return lag.keepsUp;
  };
  for (let second = 0; second <= 10; second++) assert.ok(at(second, second * 100));
  assert.deepEqual(
    [11, 12, 13, 14, 15, 16, 17].map((second) => at(second, 1_000)),
    [true, true, true, true, true, false, false],
  );
  // Far behind, as during a rebuild; then where the ledger was four seconds ago.
  assert.equal(at(18, 0), false);
  assert.equal(at(19, 1_300), false);
  assert.equal(at(20, 1_600), true);
});
