import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { streamKey } from "../event/stream.ts";
import { eventAt } from "./index-history.test-support.ts";
import { coarseText, compareKeys, selectorOf } from "./list-key.ts";

describe("the keys of lists", () => {
  it("compare as their UTF-8 bytes do", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.string({ unit: fc.constantFrom("a", "\u0001", "\ud7ff", "\ue000", "\uffff", "\u{10000}", "\u{1f600}") }),
    );
    fc.assert(
      fc.property(text, text, (a, b) => {
        assert.equal(Math.sign(compareKeys(a, b)), Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
      { numRuns: 1000 },
    );
  });

  it("lead from a resource to its own streams and no one else's", () => {
    const event = eventAt(1, { resource: { id: "a\u0001b", type: "t\u0002" } });
    const mine = selectorOf({ account: "1", resourceId: "a\u0001b", resourceType: "t\u0002", risks: ["Info"] });
    assert.ok(streamKey(event).startsWith(mine.within) && mine.matches(streamKey(event)));
    const other = selectorOf({ account: "1", resourceId: "a" });
    assert.ok(!streamKey(event).startsWith(other.within));
  });

  it("of coarse lists are the same for all resources and projects", () => {
    const a = coarseText(streamKey(eventAt(1, { resource: { id: "a", type: "t" } })));
    const b = coarseText(streamKey(eventAt(2, { resource: { id: "b\u0001", type: "t", project: "p" } })));
    assert.equal(a, b);
    assert.ok(selectorOf({ account: "1", resourceType: "t", types: ["SshLogin"] }).matches(a));
    assert.ok(!selectorOf({ account: "1", resourceType: "T" }).matches(a));
    assert.ok(!selectorOf({ account: "1", kinds: [] }).matches(a));
  });
});
