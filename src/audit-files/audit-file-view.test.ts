import assert from "node:assert/strict";
import { test } from "node:test";
import { Fatal, TaishiError } from "../errors.ts";
import type { SystemEvent } from "../event/event.ts";
import { AuditFileView } from "./audit-file-view.ts";
import { MemoryLog, statement } from "./memory-log.test-support.ts";
import { defaultPolicy } from "./port.ts";
import { recordBytes, renderRecord } from "./record-text.ts";

const account = "2100000001";
const ref = { account, instance: "in1" };
const day = 86_400_000;
const all = { from: 0, to: 1e15, offset: 0, limit: 100 };

function open(options: { mostInstances?: number; mostFiles?: number } = {}): { log: MemoryLog; view: AuditFileView } {
  const log = new MemoryLog();
  const view = new AuditFileView({ queries: log, append: log.appendSystem, clock: log.clock, ...options });
  log.followers.add((to, first, events) => {
    events.forEach((event, i) => {
      if (event.kind === "system") view.committedSystem(to, first + i, event);
    });
  });
  return { log, view };
}

function closing(log: MemoryLog, id: string, data: Record<string, unknown> = {}, instance = "in1"): SystemEvent {
  return {
    kind: "system",
    time: log.now,
    type: "AuditFileClosed",
    resource: { type: "instance", id: instance },
    data: { id, name: id, begin: 10, end: 20, firstSeq: 0, lastSeq: 0, bytes: 1, count: 1, types: [], ...data },
  };
}

async function ids(view: AuditFileView, query = {}): Promise<readonly string[]> {
  return (await view.list(ref, { ...all, ...query })).files.map(({ id }) => id);
}

test("files that overlap the range are listed by begin then id, with an exact total whatever the window", async () => {
  const { log, view } = open();
  await log.append(account, [
    closing(log, "c", { begin: 30, end: 40 }),
    closing(log, "b", { begin: 10, end: 20 }),
    closing(log, "a", { begin: 30, end: 30 }),
    closing(log, "elsewhere", {}, "in2"),
  ]);
  assert.deepEqual(await ids(view), ["b", "a", "c"]);
  assert.deepEqual(await ids(view, { from: 20, to: 29 }), ["b"]);
  assert.deepEqual(await ids(view, { from: 21, to: 29 }), []);
  assert.deepEqual(await ids(view, { from: 31, to: 99 }), ["c"]);
  assert.deepEqual(await ids(view, { from: 0, to: 30 }), ["b", "a", "c"]);
  const { files, total } = await view.list(ref, { ...all, offset: 1, limit: 1 });
  assert.deepEqual([files.map(({ id }) => id), total], [["a"], 3]);
  assert.deepEqual(files[0], { id: "a", name: "a", instance: "in1", bytes: 1, begin: 30, end: 30, closed: log.now });
  assert.deepEqual(await view.list(ref, { ...all, offset: 7 }), { files: [], total: 3 });
});

test("another account sees nothing of it (I7)", async () => {
  const { log, view } = open();
  await log.append(account, [closing(log, "a")]);
  const foreign = { account: "2100000002", instance: "in1" };
  assert.equal((await view.list(foreign, all)).total, 0);
  assert.equal(await view.file(foreign, "a"), undefined);
});

test("a file closed after the first look is in the next one, and a closing appended twice is one file", async () => {
  const { log, view } = open();
  assert.deepEqual(await ids(view), []);
  await log.append(account, [closing(log, "a"), closing(log, "a", { begin: 11 })]);
  const lists = log.lists;
  assert.deepEqual(await ids(view), ["a"]);
  assert.equal((await view.file(ref, "a"))?.begin, 10);
  assert.equal(log.lists, lists);
});

test("more entries than one answer holds are all found", async () => {
  const { log, view } = open();
  await log.append(
    account,
    Array.from({ length: 2500 }, (_, i) => closing(log, `f${i}`)),
  );
  assert.equal((await view.list(ref, all)).total, 2500);
});

test("keep_days counts from the closing, to the millisecond", async () => {
  const { log, view } = open();
  await log.append(account, [closing(log, "a")]);
  log.now += 7 * day - 1;
  assert.notEqual(await view.file(ref, "a"), undefined);
  log.now += 1;
  assert.equal(await view.file(ref, "a"), undefined);
  assert.equal((await view.list(ref, all)).total, 0);
  await view.setPolicy(ref, { ...defaultPolicy, keepDays: 8 });
  assert.deepEqual(await ids(view), ["a"]);
});

test("a policy that is off keeps files until their own time, or drops them for good", async () => {
  const { log, view } = open();
  await view.setPolicy(ref, { ...defaultPolicy, keepDays: 2 });
  await log.append(account, [statement()]);
  await log.append(account, [closing(log, "a", { firstSeq: 1, lastSeq: 1 })]);
  await view.setPolicy(ref, { ...defaultPolicy, keepDays: 0, reserve: true });
  assert.deepEqual(await ids(view), ["a"]);
  log.now += 2 * day;
  assert.deepEqual(await ids(view), []);
  log.now -= day;
  await view.setPolicy(ref, { ...defaultPolicy, keepDays: 0, reserve: false });
  assert.deepEqual(await ids(view), []);
  await view.setPolicy(ref, { ...defaultPolicy, keepDays: 700 });
  assert.deepEqual(await ids(view), []);
  const { first } = await log.append(account, [statement()]);
  await log.append(account, [closing(log, "b", { firstSeq: first, lastSeq: first })]);
  assert.deepEqual(await ids(view), ["b"]);
});

test("the newest policy wins, is an entry of the log, and survives the cache", async () => {
  const { log, view } = open();
  assert.deepEqual(await view.policy(ref), defaultPolicy);
  const policy = { keepDays: 30, reserve: true, types: ["SELECT", "GRANT"], fullSql: true };
  await view.setPolicy(ref, { ...defaultPolicy, keepDays: 5 });
  log.now -= 1000;
  await view.setPolicy(ref, policy);
  assert.deepEqual(await view.policy(ref), policy);
  const fresh = new AuditFileView({ queries: log, append: log.appendSystem, clock: log.clock });
  assert.deepEqual(await fresh.policy(ref), policy);
  assert.deepEqual(log.log(account)[1]?.event, {
    kind: "system",
    time: log.now,
    type: "AuditPolicySet",
    resource: { type: "instance", id: "in1" },
    data: policy,
  });
});

test("a policy that cannot be meant is refused by its field, and nothing is appended", async () => {
  const { log, view } = open();
  const fails = (policy: object, field: string): Promise<void> =>
    assert.rejects(view.setPolicy(ref, { ...defaultPolicy, ...policy }), (thrown) => {
      assert.ok(thrown instanceof TaishiError);
      assert.deepEqual([thrown.code, thrown.details.field], ["invalid-parameter", field]);
      return true;
    });
  await fails({ keepDays: 733 }, "keepDays");
  await fails({ keepDays: -1 }, "keepDays");
  await fails({ keepDays: 1.5 }, "keepDays");
  await fails({ types: ["SELECT", "DANCE"] }, "types");
  assert.equal(log.log(account).length, 0);
});

test("content is the statements of the file and nothing else, the same each time", async () => {
  const { log, view } = open();
  const wanted = [statement({ sql: "a", time: 15 }), statement({ sql: "x".repeat(70_000), time: 10 })];
  const events = [wanted[0]!, statement({ file: "f" }), statement({ commandClass: "insert" }), wanted[1]!, statement()];
  await log.append(account, events);
  const bytes = wanted.reduce((sum, event) => sum + recordBytes(event), 0);
  await log.append(account, [closing(log, "a", { begin: 10, end: 15, lastSeq: 3, bytes, types: ["SELECT"] })]);
  const file = (await view.file(ref, "a"))!;
  for (let i = 0; i < 2; i++) {
    const content = Buffer.concat(await Array.fromAsync(view.content(ref, file)));
    assert.equal(content.toString(), wanted.map(renderRecord).join(""));
    assert.equal(content.length, file.bytes);
  }
  await assert.rejects(Array.fromAsync(view.content(ref, { ...file, id: "none" })), { code: "not-found" });
});

test("content that is not as long as its closing says stops the service, never going beyond it", async () => {
  const { log, view } = open();
  await log.append(account, [statement({ time: 10 }), statement({ time: 10 })]);
  const each = recordBytes(statement());
  await log.append(account, [
    closing(log, "short", { lastSeq: 1, bytes: 2 * each - 1 }),
    closing(log, "long", { lastSeq: 1, bytes: 2 * each + 1 }),
  ]);
  for (const id of ["short", "long"]) {
    const file = (await view.file(ref, id))!;
    await assert.rejects(Array.fromAsync(view.content(ref, file)), Fatal);
  }
});

test("the cache forgets what was used least, and a query that failed is asked again", async () => {
  const { log, view } = open({ mostInstances: 2 });
  const look = (instance: string): Promise<unknown> => view.policy({ account, instance });
  log.failure = new TaishiError("index-behind");
  await assert.rejects(look("in1"), { code: "index-behind" });
  log.failure = undefined;
  await look("in1");
  await look("in2");
  await look("in1");
  await look("in3");
  const lists = log.lists;
  await look("in1");
  assert.equal(log.lists, lists);
  await look("in2");
  assert.equal(log.lists, lists + 1);
});
