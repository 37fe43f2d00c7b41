import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { type ErrorCode, TaishiError } from "../errors.ts";
import { houses } from "./identity-house.test-support.ts";

const house = houses();

function refused(work: () => unknown, code: ErrorCode, field: string): void {
  assert.throws(work, (thrown) => {
    assert.ok(thrown instanceof TaishiError, String(thrown));
    assert.deepEqual([thrown.code, thrown.details.field], [code, field], thrown.message);
    return true;
  });
}

const hex = "0123456789abcdef0123456789abcdef";

test("projects and instances are found by id and listed in the order of their making, before and after a restart", () => {
  const at = house();
  const a = at.store.createAccount({ name: "a" }).id;
  const b = at.store.createAccount({ name: "b" }).id;
  const given = at.store.createProject({ account: a, name: "cn-north-4", id: hex });
  at.clock.time += 7;
  const made = at.store.createProject({ account: a, name: "a-first" });
  const other = at.store.createProject({ account: b, name: "cn-north-4" });
  const instance = at.store.createInstance({ project: hex });
  const imported = at.store.createInstance({ project: hex, id: `${"Zz09".repeat(8)}in14` });
  assert.deepEqual(given, { id: hex, account: a, name: "cn-north-4", created: at.clock.time - 7 });
  assert.match(made.id, /^[0-9a-f]{32}$/);
  assert.match(instance.id, /^[0-9a-f]{32}in07$/);
  assert.deepEqual({ ...instance, id: "" }, { id: "", project: hex, account: a, created: at.clock.time });
  for (const store of [at.store, at.reopen()]) {
    assert.deepEqual(store.projects(a), [given, made]);
    assert.deepEqual(store.projects(b), [other]);
    assert.deepEqual(store.projects("0"), []);
    assert.deepEqual(store.project(hex), given);
    assert.deepEqual(store.instances(hex), [instance, imported]);
    assert.deepEqual(store.instances(made.id), []);
    assert.deepEqual(store.instance(imported.id), imported);
    assert.equal(store.project("__proto__"), undefined);
    assert.equal(store.instance(hex), undefined);
    assert.deepEqual(store.accountByName("b")?.id, b);
    assert.equal(store.accountByName("c"), undefined);
  }
});

test("a project's name is its account's own, its id everybody's", () => {
  const { store } = house();
  const a = store.createAccount({ name: "a" }).id;
  const b = store.createAccount({ name: "b" }).id;
  store.createProject({ account: a, name: "n", id: hex });
  refused(() => store.createProject({ account: a, name: "n" }), "already-exists", "name");
  refused(() => store.createProject({ account: b, name: "m", id: hex }), "already-exists", "id");
  store.createProject({ account: a, name: "N" });
  const { id } = store.createProject({ account: b, name: "n" });
  const instance = store.createInstance({ project: hex });
  refused(() => store.createInstance({ project: id, id: instance.id }), "already-exists", "id");
});

test("what a project or an instance cannot be is refused by field, and nothing is stored", () => {
  const { store } = house();
  const account = store.createAccount({ name: "a" }).id;
  for (const name of ["", "a b", "a.b", "太", "x".repeat(65), "a\n", undefined, 7])
    refused(() => store.createProject({ account, name: name as string }), "invalid-parameter", "name");
  for (const id of ["", hex.toUpperCase(), hex.slice(1), `${hex}0`, `${hex}\n`, null, 7])
    refused(() => store.createProject({ account, name: "n", id: id as string }), "invalid-parameter", "id");
  refused(() => store.createProject({ account: "0", name: "n" }), "invalid-parameter", "account");
  refused(() => store.createProject({ account: "99", name: "n" }), "not-found", "account");
  refused(() => store.createProject({ name: "n" } as never), "not-found", "account");
  assert.deepEqual(store.projects(account), []);
  const { id: project } = store.createProject({ account, name: "x".repeat(64) });
  for (const id of ["", hex, `${hex}in7`, `${hex}in077`, `${hex}IN07`, `${"-".repeat(32)}in07`, `${hex}in07\n`, 7])
    refused(() => store.createInstance({ project, id: id as string }), "invalid-parameter", "id");
  refused(() => store.createInstance({ project: hex }), "not-found", "project");
  refused(() => store.createInstance({} as never), "not-found", "project");
  assert.deepEqual(store.instances(project), []);
});

test("what is handed out cannot change what is held", () => {
  const { store } = house();
  const account = store.createAccount({ name: "a" }).id;
  const project = store.createProject({ account, name: "n" });
  (store.projects(account) as unknown[]).pop();
  assert.throws(() => Object.assign(project, { account: "1" }), TypeError);
  assert.deepEqual(store.projects(account), [project]);
});

test("an account cannot have more projects than memory bears", () => {
  const { store } = house();
  const account = store.createAccount({ name: "a" }).id;
  for (let i = 0; i < 1_000; i++) store.createProject({ account, name: `p${i}` });
  refused(() => store.createProject({ account, name: "one-more" }), "invalid-parameter", "account");
  store.createProject({ account: store.createAccount({ name: "b" }).id, name: "one-more" });
});

test("a project or instance that the disk refuses is not there", () => {
  const at = house();
  const account = at.store.createAccount({ name: "a" }).id;
  const kept = at.store.createProject({ account, name: "kept" });
  const blocker = new DatabaseSync(at.path);
  for (const table of ["projects", "instances"])
    blocker.exec(`CREATE TRIGGER no_${table} AFTER INSERT ON ${table} BEGIN SELECT RAISE(ABORT, 'no'); END`);
  blocker.close();
  assert.throws(() => at.store.createProject({ account, name: "lost" }), /no/);
  assert.throws(() => at.store.createInstance({ project: kept.id }), /no/);
  for (const store of [at.store, at.reopen()]) {
    assert.deepEqual(store.projects(account), [kept]);
    assert.deepEqual(store.instances(kept.id), []);
  }
});
