import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { bundleWidth, decodeBundle, encodeBundle, encodeEntries, entryInFrame, frameOf, openBundle } from "./bundle.ts";

const entries = (seed: string): Uint8Array[] =>
  Array.from({ length: bundleWidth }, (_, i) => Buffer.from(`{"event":{"seed":"${seed}","n":${i}},"v":1}`));

test("256 entries of any bytes and lengths come back, all at once and one by one", () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: bundleWidth, maxLength: bundleWidth }),
      (all) => {
        const row = encodeBundle(all);
        assert.deepEqual(decodeBundle(row).map(hex), all.map(hex));
        const source = openBundle(row);
        for (const seq of [0, 63, 64, 255, 256 + 100])
          assert.equal(hex(entryInFrame(source.frame(frameOf(seq)), seq)), hex(all[seq % bundleWidth]!));
      },
    ),
    { numRuns: 20 },
  );
});

test("entries of the largest size fit", () => {
  const all = Array.from({ length: bundleWidth }, (_, i) => Buffer.alloc(65_535, i));
  assert.equal(hex(decodeBundle(encodeBundle(all))[200]!), hex(all[200]!));
});

test("the content is the C2SP entry bundle: a big-endian length before each entry", () => {
  assert.equal(encodeEntries([Buffer.from("ab"), Buffer.alloc(0)]).toString("hex"), "000261620000");
});

test("a damaged row is told, never guessed at", () => {
  const row = Buffer.from(encodeBundle(entries("x")));
  for (let at = 0; at < row.length; at++) {
    const damaged = Buffer.from(row);
    damaged[at]! ^= 0x10;
    assert.throws(() => decodeBundle(damaged), { name: "Fatal" }, `byte ${at}`);
  }
  assert.throws(() => decodeBundle(row.subarray(0, 10)), { name: "Fatal" });
});

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
