import assert from "node:assert/strict";
import { test } from "node:test";
import { optionsOf, outcomesOf, payloadsOf, testSource } from "../source.contract.ts";
import { isParsed, type Outcome } from "../source.ts";
import { varmor } from "./source.ts";

testSource(varmor, import.meta.dirname);

function contentOf(outcome: Outcome | undefined, key: string): string | undefined {
  assert.ok(outcome !== undefined && isParsed(outcome) && outcome.draft.kind === "security");
  return outcome.draft.contents.find((content) => content.key === key)?.value;
}

function taken(record: object): Outcome | undefined {
  const text = JSON.stringify({ time: "2026-11-21T08:00:00Z", event: {}, ...record });
  return outcomesOf(varmor, optionsOf(varmor), [{ text, read: 0 }])[0];
}

test("every VarmorDefence says whether it was stopped, in vArmor's word", () => {
  let seen = 0;
  for (const { options, records } of payloadsOf(varmor, import.meta.dirname))
    for (const outcome of outcomesOf(varmor, options, records)) {
      if (!isParsed(outcome) || outcome.draft.kind !== "security") continue;
      const action = contentOf(outcome, "Action")!;
      assert.match(action, /^(?:DENIED|AUDIT|ALLOWED|AUDIT\|ALLOWED)$/);
      assert.equal(outcome.labels.outcome, action === "DENIED" ? "failure" : undefined);
      seen++;
    }
  assert.ok(seen > 40, String(seen));
});

test("the action goes before the level, and what neither says is no event", () => {
  assert.equal(contentOf(taken({ enforcer: "BPF", action: "AUDIT", level: "warn" }), "Action"), "AUDIT");
  assert.equal(contentOf(taken({ eventType: "BPF", action: "DENIED", level: "debug" }), "Action"), "DENIED");
  assert.equal(contentOf(taken({ eventType: "BPF", level: "debug" }), "Action"), "AUDIT");
  for (const odd of [{ action: "BLOCKED" }, { action: null }, { action: "" }, {}, { level: "info" }]) {
    const outcome = taken({ enforcer: "BPF", ...odd });
    assert.ok(outcome !== undefined && !isParsed(outcome) && outcome.why === "malformed");
  }
});

test("the order of permissions, which is random, is not the event's", () => {
  const of = (permissions: readonly string[]): string | undefined =>
    contentOf(taken({ enforcer: "BPF", action: "DENIED", event: { operation: "File", permissions } }), "Permission");
  assert.equal(of(["write", "append", "read"]), "append,read,write");
  assert.equal(of(["read", "write", "append"]), "append,read,write");
});

test("what another's profile did is never told as vArmor's", () => {
  const type = (record: object): string => {
    const outcome = taken({ enforcer: "AppArmor", action: "DENIED", ...record });
    return outcome !== undefined && isParsed(outcome) && outcome.draft.kind === "security" ? outcome.draft.type : "";
  };
  assert.equal(type({ profileName: "varmor-shop-web" }), "VarmorDefence");
  assert.equal(type({ profileName: "varmor" }), "AppArmorDefence");
  assert.equal(type({ profileName: "cri-containerd.apparmor.d", podName: "web-0" }), "AppArmorDefence");
  assert.equal(type({ event: { profile: "varmor-shop-web//child" } }), "VarmorDefence");
  assert.equal(type({ event: { profile: "snap.web" } }), "AppArmorDefence");
  assert.equal(type({}), "AppArmorDefence");
  assert.equal(type({ podName: "web-0" }), "VarmorDefence");
});
