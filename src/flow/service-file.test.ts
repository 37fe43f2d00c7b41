import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { expectedService, rememberService } from "./service-file.ts";

function directories(): { data: string; ledger: string; [Symbol.dispose](): void } {
  const data = mkdtempSync(join(tmpdir(), "taishi-service-file-"));
  return { data, ledger: join(data, "ledger"), [Symbol.dispose]: () => rmSync(data, { recursive: true }) };
}

const fresh = (): string => "abcdef";

function makeLedger(ledger: string): void {
  mkdirSync(ledger, { recursive: true });
  writeFileSync(join(ledger, "000001.db"), "");
}

test("a new directory gets an id, keeps it through a stop before the ledger is made, and then expects the ledger", () => {
  using made = directories();
  assert.equal(expectedService(made.data, made.ledger, fresh), "abcdef");
  assert.equal(
    expectedService(made.data, made.ledger, () => "other"),
    "abcdef",
  );
  makeLedger(made.ledger);
  rememberService(made.data, "abcdef", "abcdef");
  assert.equal(expectedService(made.data, made.ledger, fresh), "abcdef");
  rmSync(made.ledger, { recursive: true });
  assert.throws(() => expectedService(made.data, made.ledger, fresh), { name: "Fatal", message: /is gone/ });
});

test("a ledger of another service is refused", () => {
  using made = directories();
  makeLedger(made.ledger);
  assert.throws(() => rememberService(made.data, "abcdef", "fedcba"), { name: "Fatal", message: /belongs to/ });
});

test("a directory that lost the file takes over the ledger that is there", () => {
  using made = directories();
  makeLedger(made.ledger);
  assert.equal(expectedService(made.data, made.ledger, fresh), undefined);
  rememberService(made.data, undefined, "fedcba");
  assert.equal(expectedService(made.data, made.ledger, fresh), "fedcba");
});

test("a damaged file is told with what to do", () => {
  using made = directories();
  for (const text of ["{", '{"service":1}', '{"service":"a"}']) {
    writeFileSync(join(made.data, "service.json"), text);
    assert.throws(() => expectedService(made.data, made.ledger, fresh), { name: "Fatal" }, text);
  }
});
