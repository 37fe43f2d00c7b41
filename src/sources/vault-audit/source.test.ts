import assert from "node:assert/strict";
import { test } from "node:test";
import { optionsOf, testSource } from "../source.contract.ts";
import { isParsed, type RawRecord } from "../source.ts";
import { keyUseOf, parseVaultEntry } from "./parse.ts";
import { vaultAudit } from "./source.ts";

testSource(vaultAudit, import.meta.dirname);

function entry(type: string, id: string, read: number, request: object = {}): RawRecord {
  const whole = { mount_type: "transit", operation: "update", path: "transit/decrypt/shop", id, ...request };
  return { text: JSON.stringify({ time: "2026-11-21T08:43:20.5Z", type, request: whole }), read };
}

test("a request without a response is told after the wait, and the late response for itself", () => {
  const parser = vaultAudit.parser(optionsOf(vaultAudit, { wait: 10 }) as never);
  const told = (outcomes: ReturnType<typeof parser.take>): unknown =>
    outcomes.map((outcome) => (isParsed(outcome) ? [outcome.incomplete, outcome.records.length] : outcome.why));
  assert.deepEqual(parser.take(entry("request", "a", 0)), []);
  assert.deepEqual(parser.take(entry("request", "b", 5_000)), []);
  assert.deepEqual(parser.expire(9_999), []);
  assert.deepEqual(told(parser.take(entry("response", "b", 10_000))), [
    [undefined, 2],
    ["no response", 1],
  ]);
  assert.deepEqual(told(parser.take(entry("response", "a", 11_000))), [["no request", 1]]);
  assert.deepEqual(parser.end(), []);
});

test("the mount, the operation and the key are told apart wherever the engine is mounted", () => {
  const use = (path: string, mountPoint?: string): unknown => {
    const parsed = parseVaultEntry(entry("request", "a", 0, { path, mount_point: mountPoint }).text, "");
    assert.ok(!("other" in parsed));
    const found = keyUseOf(parsed, ["transit"]);
    return found === undefined ? undefined : [found.mount, found.operation, found.key];
  };
  assert.deepEqual(use("transit/decrypt/shop"), ["transit", "decrypt", "shop"]);
  assert.deepEqual(use("a/b/c/sign/shop/sha2-256"), ["a/b/c", "sign", "shop"]);
  assert.deepEqual(use("sign/verify/hmac"), ["sign", "verify", "hmac"]);
  assert.deepEqual(use("sign/sign/verify/hmac"), ["sign", "sign", "verify"], "without a mount the first is taken");
  assert.deepEqual(use("sign/sign/verify/hmac", "sign/sign/"), ["sign/sign", "verify", "hmac"]);
  assert.deepEqual(use("transit/datakey/wrapped/shop"), ["transit", "datakey", "shop"]);
  assert.equal(use("transit/datakey/wrapped"), undefined);
  assert.equal(use("transit/keys/decrypt", "transit/"), undefined);
  assert.equal(use("transit/decrypt", "transit/"), undefined);
  assert.equal(use("transit/decrypt//shop", "transit/"), undefined);
});

test("where no version says an engine's type, the operator does", () => {
  const parsed = parseVaultEntry(
    entry("request", "a", 0, { path: "eu/keys/decrypt/shop", mount_type: undefined }).text,
    "",
  );
  assert.ok(!("other" in parsed));
  assert.equal(keyUseOf(parsed, ["transit"]), undefined);
  assert.deepEqual(keyUseOf(parsed, ["transit", "eu/keys"]), { mount: "eu/keys", operation: "decrypt", key: "shop" });
});
