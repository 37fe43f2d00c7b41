import assert from "node:assert/strict";
import { test } from "node:test";
import { TaishiError } from "../errors.ts";
import { AddressBrake, networkOf } from "./address-brake.ts";
import { StillClock } from "./identity-house.test-support.ts";

/** Seconds to wait, or 0. */
function wait(brake: AddressBrake, network: string): number {
  try {
    brake.check(network);
    return 0;
  } catch (thrown) {
    assert.ok(thrown instanceof TaishiError && thrown.code === "rate-limited", String(thrown));
    return thrown.details.retryAfter!;
  }
}

test("five failures are free, then each doubles the wait up to five minutes", () => {
  const clock = new StillClock();
  const brake = new AddressBrake({ clock });
  const waits = Array.from({ length: 16 }, () => {
    brake.failed("a");
    const seconds = wait(brake, "a");
    clock.time += seconds * 1_000;
    assert.equal(wait(brake, "a"), 0, "waiting as long as told suffices");
    return seconds;
  });
  assert.deepEqual(waits, [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
  assert.equal(wait(brake, "b"), 0);
});

test("five failures over more than 15 minutes slow nobody down", () => {
  const clock = new StillClock();
  const brake = new AddressBrake({ clock });
  for (let i = 0; i < 50; i++) {
    brake.failed("a");
    assert.equal(wait(brake, "a"), 0);
    clock.time += (15 * 60_000) / 4;
  }
  brake.failed("a");
  clock.time -= 1;
  brake.failed("a");
  assert.equal(wait(brake, "a"), 1);
});

test("15 minutes without a failure and all is forgotten", () => {
  const clock = new StillClock();
  const brake = new AddressBrake({ clock });
  for (let i = 0; i < 20; i++) brake.failed("a");
  clock.time += 15 * 60_000;
  brake.failed("a");
  assert.equal(wait(brake, "a"), 0);
  clock.time += 15 * 60_000;
  brake.failed("b");
  assert.equal(brake.size, 1, "what has been forgotten takes no memory");
});

test("memory is bounded; who failed longest ago is forgotten first", () => {
  const brake = new AddressBrake({ clock: new StillClock(), maxAddresses: 3 });
  for (const network of ["a", "b", "c", "a", "d"]) for (let i = 0; i < 5; i++) brake.failed(network);
  assert.equal(brake.size, 3);
  assert.deepEqual(
    ["a", "b", "c", "d"].map((network) => wait(brake, network) > 0),
    [true, false, true, true],
  );
});

test("a clock set back keeps nobody waiting longer than was meant", () => {
  const clock = new StillClock();
  const brake = new AddressBrake({ clock });
  for (let i = 0; i < 7; i++) brake.failed("a");
  clock.time -= 24 * 60 * 60_000;
  assert.equal(wait(brake, "a"), 4);
  clock.time += 4_000;
  assert.equal(wait(brake, "a"), 0);
});

test("an IPv4 address counts alone, however it is written, an IPv6 address with its /64", () => {
  assert.equal(networkOf("::ffff:192.0.2.1"), networkOf("192.0.2.1"));
  assert.notEqual(networkOf("192.0.2.1"), networkOf("192.0.2.2"));
  assert.equal(networkOf("2001:db8:0:1::1"), networkOf("2001:DB8:0:1:ffff::2"));
  assert.notEqual(networkOf("2001:db8:0:1::1"), networkOf("2001:db8:0:2::1"));
  assert.notEqual(networkOf("::1"), networkOf("fe80::1%eth0"));
  assert.equal(networkOf(""), "");
  assert.equal(networkOf("x".repeat(10_000)).length, 64);
});
