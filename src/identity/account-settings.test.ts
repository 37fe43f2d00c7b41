import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { houses } from "./identity-house.test-support.ts";
import { operatorAccount } from "./naming.ts";

const house = houses();

test("a log is private until it is set otherwise, of one account, at once and after a restart", () => {
  const at = house();
  const [one, two] = ["one", "two"].map((name) => at.store.createAccount({ name }).id) as [string, string];
  assert.equal(at.store.logVisibility(one), "private");
  assert.equal(at.store.logVisibility("77"), "private");
  at.store.setLogVisibility(one, "hashes");
  assert.deepEqual([at.store.logVisibility(one), at.store.logVisibility(two)], ["hashes", "private"]);
  at.store.setLogVisibility(one, "all");
  assert.deepEqual([at.reopen().logVisibility(one), at.store.logVisibility(two)], ["all", "private"]);
  at.store.setLogVisibility(one, "private");
  assert.equal(at.reopen().logVisibility(one), "private");
});

test("only accounts that there are can be set, the operators' is not one, and only to what is known", () => {
  const { store } = house();
  const { id } = store.createAccount({ name: "one" });
  assert.throws(() => store.setLogVisibility("77", "all"), { code: "not-found" });
  assert.throws(() => store.setLogVisibility(operatorAccount, "all"), { code: "invalid-parameter" });
  assert.throws(() => store.setLogVisibility(id, "everyone" as "all"), { code: "invalid-parameter" });
  assert.equal(store.logVisibility(id), "private");
});

test("a file from before there were settings gets their table, and an unknown value opens nothing", () => {
  const at = house();
  const { id } = at.store.createAccount({ name: "one" });
  const old = new DatabaseSync(at.path);
  old.exec("DROP TABLE account_settings");
  old.close();
  at.reopen().setLogVisibility(id, "all");
  const raw = new DatabaseSync(at.path);
  raw.exec("UPDATE account_settings SET value = 'everyone'");
  raw.close();
  assert.equal(at.reopen().logVisibility(id), "private");
});
