import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { describe, it } from "node:test";
import { TermHasher } from "./term-hash.ts";

describe("the hash of a term", () => {
  it("is the first 53 bits of a salted SHA-256, remembered or not", () => {
    const hasher = new TermHasher("salt");
    const expected = (text: string): number =>
      Number(BigInt(`0x${hash("sha256", `salt1\u0001${text}`, "hex").slice(0, 14)}`) & (2n ** 53n - 1n));
    // More than two generations, the first term again and again.
    for (let i = 0; i < 20_000; i++) {
      const term = i % 3 === 0 ? "RequestID\u0001first" : `RequestID\u0001${i}${"x".repeat(i % 200)}`;
      assert.equal(hasher.of("1", term), expected(term));
    }
  });

  it("differs by account and by salt, wherever the account's number ends", () => {
    const hasher = new TermHasher("salt");
    const all = [hasher.of("1", "a"), hasher.of("2", "a"), hasher.of("1", "b"), new TermHasher("other").of("1", "a")];
    all.push(hasher.of("1\u0001a", "b"), hasher.of("1", "a\u0001b"));
    assert.equal(new Set(all).size, all.length);
    assert.ok(all.every((value) => Number.isSafeInteger(value) && value >= 0));
  });
});
