import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Fatal } from "../errors.ts";
import { diskFloor } from "./disk-floor.ts";

const gibibyte = 1024 ** 3;
const disk = (totalBytes: number, freeBytes: number) => () => ({
  bsize: 4096,
  blocks: totalBytes / 4096,
  bavail: freeBytes / 4096,
});

test("a large disk has a floor of 1 GiB, a small one of 5 %", () => {
  assert.equal(diskFloor("/", {}, disk(100 * gibibyte, gibibyte)).check().floor, gibibyte);
  assert.equal(diskFloor("/", {}, disk(gibibyte, gibibyte)).check().floor, Math.floor(gibibyte * 0.05));
});

test("it is below only when less than the floor is free", () => {
  assert.deepEqual(diskFloor("/", {}, disk(100 * gibibyte, gibibyte)).check(), {
    free: gibibyte,
    floor: gibibyte,
    below: false,
  });
  assert.equal(diskFloor("/", {}, disk(100 * gibibyte, gibibyte - 4096)).check().below, true);
});

test("a given floor replaces the default, and 0 turns it off", () => {
  assert.equal(diskFloor("/", { minBytes: 8192 }, disk(gibibyte, 4096)).check().below, true);
  assert.equal(diskFloor("/", { minBytes: 4096 }, disk(gibibyte, 4096)).check().below, false);
  assert.equal(diskFloor("/", { minBytes: 0 }, disk(gibibyte, 0)).check().below, false);
});

test("a floor that is no number of bytes is refused", () => {
  for (const minBytes of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])
    assert.throws(() => diskFloor("/", { minBytes }), Fatal);
});

test("a real file system answers, each time anew", () => {
  const floor = diskFloor(tmpdir());
  const { free, floor: bytes } = floor.check();
  assert.ok(free > 0 && bytes > 0 && bytes <= gibibyte);
  const left = [0, 4096];
  const shrinking = diskFloor("/", { minBytes: 1 }, () => disk(gibibyte, left.pop()!)());
  assert.equal(shrinking.check().below, false);
  assert.equal(shrinking.check().below, true);
});

test("a path that is gone is fatal", () => {
  const floor = diskFloor(join(tmpdir(), "taishi-no-such-directory"));
  assert.throws(
    () => floor.check(),
    (thrown) => thrown instanceof Fatal && thrown.hint !== undefined,
  );
});
