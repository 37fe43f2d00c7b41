import assert from "node:assert/strict";
import { test } from "node:test";
import {
  createHouse,
  createHouseOf,
  foreignInstance,
  foreignProject,
  instance,
  otherProject,
  project,
  siblingInstance,
  start,
  whole,
} from "./memory-files.test-support.ts";

test("an instance id of another shape is refused as such", async () => {
  const { ask } = createHouse();
  for (const id of [
    "x",
    instance.slice(1),
    `${instance}0`,
    instance.replace("in", "no"),
    `${instance.slice(0, 35)}x`,
    "%F0%9F%98%80",
    `${instance.slice(0, 31)}%2Fin01`,
  ]) {
    const { status, body } = await ask(`/v3/${project}/instances/${id}/audit-logs?${whole}`);
    assert.equal(status, 400, id);
    assert.equal(body.error_code, "DBS.280404");
  }
});

test("an instance of another account, or project, is as one that does not exist", async () => {
  const { ask, files } = createHouse();
  files.add({ account: "2", instance: foreignInstance }, 1, { id: "f1", begin: start, end: start + 1 });
  const answers = [];
  for (const id of [foreignInstance, siblingInstance, "9d39c18788b54a919bab633874c159dfin07"]) {
    const { status, body } = await ask(`/v3/${project}/instances/${id}/audit-logs?${whole}`);
    assert.equal(body.request_id.length, 32);
    answers.push({ status, ...body, request_id: "" });
  }
  assert.deepEqual(answers[0], {
    error_code: "DBS.200002",
    error_msg: "The DB instance does not exist.",
    request_id: "",
    status: 404,
  });
  assert.deepEqual(answers[1], answers[0]);
  assert.deepEqual(answers[2], answers[0]);
  assert.equal((await ask(`/v3/${otherProject}/instances/${siblingInstance}/audit-logs?${whole}`)).status, 200);
});

test("another account's project is as one that does not exist, whatever X-Project-Id says", async () => {
  const { ask } = createHouse();
  const answers = [];
  for (const id of [foreignProject, "9".repeat(32)]) {
    const headers = { "x-project-id": project };
    const { status, body } = await ask(`/v3/${id}/instances/${foreignInstance}/audit-logs?${whole}`, { headers });
    answers.push({ status, ...body, request_id: "" });
  }
  assert.deepEqual(answers[0], answers[1]);
  assert.equal(answers[0]?.status, 403);
  assert.equal(answers[0]?.error_code, "DBS.200010");
});

const policyBody = { keep_days: 7 };
const idsBody = { ids: ["f00"] };
const everything = [
  ["ListAuditLogs", "GET", "instances", `audit-logs?${whole}`, undefined],
  ["SetAuditLogPolicy", "PUT", "instances", "audit-log-policy", policyBody],
  ["ShowAuditLogPolicy", "GET", "instances", "audit-log-policy", undefined],
  ["ShowAuditLogDownloadLink", "POST", "instances", "audit-log-link", idsBody],
  ["ShowAuditLog", "GET", "instance", "audit-log/switch-status", undefined],
  ["UpdateAuditLog", "POST", "instance", "audit-log/switch", { switch_status: "ON" }],
  ["ListAuditLogDownloadLink", "GET", "instance", `auditlog/download-link?${whole}`, undefined],
  ["ListAuditlogs", "GET", "instances", `auditlog?${whole}`, undefined],
  ["SetAuditlogPolicy", "PUT", "instances", "auditlog-policy", policyBody],
  ["ShowAuditlogPolicy", "GET", "instances", "auditlog-policy", undefined],
  ["ShowAuditlogDownloadLink", "POST", "instances", "auditlog-links", idsBody],
] as const;

test("every operation answers those whose role goes that far, refuses the rest, and is on record", async () => {
  for (const [name, method, collection, place, body] of everything) {
    const target = `/v3/${project}/${collection}/${instance}/${place}`;
    const changes = /^(Set|Update)/.test(name);
    for (const [token, allowed] of [
      ["admin@1", true],
      ["auditor@1", !changes],
      ["writer@1", false],
    ] as const) {
      const { ask, calls } = createHouseOf(1);
      const answer = await ask(target, { method, token, body });
      assert.equal(answer.status, allowed ? 200 : 403, `${name} ${token} ${JSON.stringify(answer.body)}`);
      if (!allowed) assert.equal(answer.body.error_code, "DBS.200010");
      const [call] = calls;
      assert.equal(call?.name, name);
      assert.equal(call?.source, name.includes("Auditlog") ? "rds" : "gaussdb");
      assert.equal(call?.readOnly, !changes);
      assert.equal(call?.errorCode, allowed ? undefined : "DBS.200010");
    }
    const nobody = await createHouseOf(1).ask(target, { method, token: "", body });
    assert.equal(nobody.status, 401, name);
  }
});
