import assert from "node:assert/strict";
import { test } from "node:test";
import { allAuditLogAction } from "../../audit-files/statement-types.ts";
import { TaishiError } from "../../errors.ts";
import { createHouse, instance, project, ref } from "./memory-files.test-support.ts";

test("a policy comes back as it was set, with every type there is", async () => {
  const { ask } = createHouse();
  const shown = async (path: string) => (await ask(path)).body;
  assert.deepEqual(await shown("audit-log-policy"), {
    keep_days: 7,
    audit_types: [],
    all_audit_log_action: allAuditLogAction,
  });
  const set = { keep_days: 732, reserve_audit_logs: true, audit_types: ["SELECT", "BEGIN/COMMIT/ROLLBACK", "SELECT"] };
  const { status, body } = await ask("audit-log-policy", { method: "PUT", token: "admin@1", body: set });
  assert.equal(status, 200);
  assert.deepEqual(body, { result: "COMPLETED" });
  const policy = await shown("audit-log-policy");
  assert.equal(policy.keep_days, 732);
  assert.deepEqual(policy.audit_types, ["SELECT", "BEGIN/COMMIT/ROLLBACK"]);
  assert.deepEqual(await shown("auditlog-policy"), policy);
});

test("a policy keeps what is stored unless it says not to, in the island's own spelling", async () => {
  for (const [path, name, outcome] of [
    ["audit-log-policy", "reserve_audit_logs", { result: "COMPLETED" }],
    ["auditlog-policy", "reserve_auditlogs", { status: "COMPLETED" }],
  ] as const) {
    const { ask, files } = createHouse();
    const put = async (body: unknown) => (await ask(path, { method: "PUT", token: "admin@1", body })).body;
    assert.deepEqual(await put({ keep_days: 0 }), outcome);
    assert.deepEqual(await files.policy(ref), { keepDays: 0, reserve: true, types: [], fullSql: false });
    await put({ keep_days: 0, [name]: false });
    assert.equal((await files.policy(ref)).reserve, false);
    await put({ keep_days: 1, [name]: null, audit_types: null });
    assert.deepEqual(await files.policy(ref), { keepDays: 1, reserve: true, types: [], fullSql: false });
  }
});

for (const [body, code, field] of [
  [undefined, "DBS.200006", ""],
  [{}, "DBS.200006", ""],
  [{ audit_types: [] }, "DBS.280001", "keep_days"],
  [{ keep_days: null }, "DBS.280001", "keep_days"],
  [{ keep_days: -1 }, "DBS.280001", "keep_days"],
  [{ keep_days: 733 }, "DBS.280001", "keep_days"],
  [{ keep_days: 1.5 }, "DBS.280001", "keep_days"],
  [{ keep_days: "7" }, "DBS.280001", "keep_days"],
  [{ keep_days: 7, reserve_audit_logs: "true" }, "DBS.280001", "reserve_audit_logs"],
  [{ keep_days: 7, audit_types: "SELECT" }, "DBS.280001", "audit_types"],
  [{ keep_days: 7, audit_types: ["select"] }, "DBS.280001", "audit_types"],
  [{ keep_days: 7, audit_types: ["SELECT", "NONSENSE"] }, "DBS.280001", "audit_types"],
  [{ keep_days: 7, audit_types: [1] }, "DBS.280001", "audit_types"],
  ["[]", "DBS.280001", ""],
  ["{", "DBS.280001", ""],
] as const)
  test(`a policy of ${JSON.stringify(body)} is refused and changes nothing`, async () => {
    const { ask, files } = createHouse();
    const before = await files.policy(ref);
    const { status, body: told } = await ask("audit-log-policy", { method: "PUT", token: "admin@1", body });
    assert.equal(status, 400);
    assert.equal(told.error_code, code);
    assert.ok(told.error_msg.includes(field), told.error_msg);
    assert.deepEqual(await files.policy(ref), before);
  });

test("the switch of full SQL and a policy set at the same time both hold", async () => {
  const { ask, files } = createHouse();
  const full = `/v3/${project}/instance/${instance}`;
  const token = "admin@1";
  const answers = await Promise.all([
    ask("audit-log-policy", { method: "PUT", token, body: { keep_days: 30 } }),
    ask(`${full}/audit-log/switch`, { method: "POST", token, body: { switch_status: "ON" } }),
    ask("auditlog-policy", { method: "PUT", token, body: { keep_days: 31, audit_types: ["GRANT"] } }),
  ]);
  assert.deepEqual(
    answers.map(({ body }) => body),
    [{ result: "COMPLETED" }, { result: "COMPLETED" }, { status: "COMPLETED" }],
  );
  assert.deepEqual(await files.policy(ref), { keepDays: 31, reserve: true, types: ["GRANT"], fullSql: true });
  assert.deepEqual((await ask(`${full}/audit-log/switch-status`)).body, { switch_status: "ON" });
});

test("a policy that could not be stored is no success, and the next one is", async () => {
  const { ask, files } = createHouse();
  const put = () => ask("audit-log-policy", { method: "PUT", token: "admin@1", body: { keep_days: 3 } });
  files.failure = new TaishiError("disk-full", undefined, { retryAfter: 30 });
  const refused = await put();
  assert.equal(refused.status, 503);
  assert.equal(refused.response.headers["retry-after"], "30");
  files.failure = undefined;
  assert.equal((await put()).status, 200);
});

for (const body of [{}, { switch_status: null }, { switch_status: "on" }, { switch_status: true }])
  test(`a switch of ${JSON.stringify(body)} is refused`, async () => {
    const { ask, files } = createHouse();
    const target = `/v3/${project}/instance/${instance}/audit-log/switch`;
    const { status } = await ask(target, { method: "POST", token: "admin@1", body });
    assert.equal(status, 400);
    assert.equal((await files.policy(ref)).fullSql, false);
  });
