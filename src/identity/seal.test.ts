import assert from "node:assert/strict";
import { createSecretKey, randomBytes } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { Fatal } from "../errors.ts";
import { seal, unseal } from "./seal.ts";

const key = createSecretKey(randomBytes(32));

test("any secret comes back from its seal, and no seal is like another", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "binary" }).filter((text) => text.isWellFormed()),
      fc.string(),
      (secret, accessKey) => {
        const sealed = seal(key, accessKey, secret);
        assert.equal(unseal(key, accessKey, sealed), secret);
        assert.notDeepEqual(seal(key, accessKey, secret), sealed);
      },
    ),
    { numRuns: 100 },
  );
});

test("a seal begins with version 1 and is 29 bytes longer than its secret, which it does not show", () => {
  const sealed = seal(key, "AK", "a secret");
  assert.equal(sealed[0], 1);
  assert.equal(sealed.length, 1 + 12 + 8 + 16);
  assert.equal(sealed.includes("secret"), false);
});

test("every flipped bit and every cut is noticed", () => {
  const sealed = seal(key, "AK", "s");
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const changed = Buffer.from(sealed);
    changed[bit >> 3]! ^= 1 << (bit & 7);
    assert.throws(() => unseal(key, "AK", changed), Fatal);
  }
  for (let length = 0; length < sealed.length; length++)
    assert.throws(() => unseal(key, "AK", sealed.subarray(0, length)), Fatal);
});

test("another key and another access key are refused, without a word of the secret", () => {
  const sealed = seal(key, "AK", "hidden");
  const refusals = [() => unseal(createSecretKey(randomBytes(32)), "AK", sealed), () => unseal(key, "AK2", sealed)];
  for (const refused of refusals)
    assert.throws(refused, (thrown) => {
      assert.ok(thrown instanceof Fatal);
      assert.match(thrown.message, /cannot be unsealed/);
      assert.ok(thrown.hint !== undefined);
      assert.equal(`${thrown.stack}`.includes("hidden"), false);
      return true;
    });
});

test("a seal of a later version is told apart from a damaged one", () => {
  const sealed = seal(key, "AK", "s");
  sealed[0] = 2;
  assert.throws(() => unseal(key, "AK", sealed), /unknown form/);
});
