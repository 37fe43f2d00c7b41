import assert from "node:assert/strict";
import { test } from "node:test";
import { readRules } from "./read-rules.ts";
import type { Facts } from "./rules.ts";

const trusting = `
extends: built-in
lists:
  trusted-networks: [10.0.0.0/8]
  trusted-users: [deploy]
  trusted-destinations: [192.0.2.0/24, "2001:db8:1::/48"]
  trusted-processes: [/usr/sbin/chronyd, "*/node"]
`;
const start = Date.UTC(2026, 10, 21, 12);

/** The last event's grade as "risk rule tags", after those before it, a second apart. */
function graded(...events: readonly (Partial<Facts> & { readonly type: string })[]): string {
  const rules = readRules(trusting, "rules.yaml");
  const memory = rules.memory();
  const [last] = events
    .map((event, i) =>
      rules.judge({ kind: "security", time: start + i * 1_000, labels: {}, tags: [], ...event }, memory),
    )
    .slice(-1);
  return [last!.risk, last!.rule ?? "-", last!.tags.join(",")].join(" ").trimEnd();
}

const ssh = (
  outcome: string,
  ip = "198.51.100.23",
  user = "root",
  operation = outcome === "success" ? "accepted" : "failed",
) => ({
  type: "SshLogin",
  labels: { outcome, operation, "source.ip": ip, user },
});

test("a login from an unknown source is Medium and tagged so, as in Ark's example; from a trusted network or by a trusted user Info", () => {
  assert.equal(graded(ssh("success")), "Medium ssh-login Unknown");
  assert.equal(graded(ssh("success", "10.0.26.52")), "Info ssh-trusted-network Whitelisted");
  assert.equal(graded(ssh("success", "198.51.100.23", "deploy")), "Info ssh-trusted-user Whitelisted");
  assert.equal(graded({ type: "SshLogin", labels: { outcome: "success" } }), "Medium ssh-login Unknown");
});

test("failed logins are Low, the fifth within ten minutes from one address High, a success after that Critical", () => {
  const five = Array.from({ length: 5 }, () => ssh("failure"));
  assert.equal(graded(ssh("failure")), "Low ssh-login-failed");
  assert.equal(graded(...five.slice(1)), "Low ssh-login-failed");
  assert.equal(graded(...five), "High ssh-brute-force");
  assert.equal(graded(...five, ssh("failure", "192.0.2.7")), "Low ssh-login-failed");
  assert.equal(graded(...five, ssh("success")), "Critical ssh-login-after-brute-force Unknown");
  assert.equal(graded(...five, ssh("success", "192.0.2.7")), "Medium ssh-login Unknown");
  assert.equal(graded(...five.slice(1), ssh("success")), "Medium ssh-login Unknown");
  const insider = Array.from({ length: 5 }, () => ssh("failure", "10.0.0.1"));
  assert.equal(graded(...insider, ssh("success", "10.0.0.1")), "Critical ssh-login-after-brute-force");
});

test("the end of a session is Info, from wherever", () => {
  const end = { type: "SshLogin", labels: { operation: "disconnected", "source.ip": "198.51.100.23" } };
  assert.equal(graded(end), "Info ssh-disconnected");
  assert.equal(graded(...Array.from({ length: 9 }, () => end), ssh("failure")), "Low ssh-login-failed");
});

test("the other types are graded as Ark's examples are", () => {
  assert.equal(graded({ type: "ContainerLogin", tags: ["Docker"] }), "High container-login");
  assert.equal(graded({ type: "KMSAccess" }), "Info kms-access");
  assert.equal(graded({ type: "TksAccess" }), "Info tks-access");
  assert.equal(graded({ type: "ContainerBreakout", tags: ["MetadataServer"] }), "Low breakout-metadata-server");
  const action = (value: string) => ({ type: "VarmorDefence", contents: [{ key: "Action", value }] });
  assert.equal(graded(action("DENIED")), "Info varmor-denied");
});

test("a connection is Info and whitelisted to a trusted destination or by a trusted process, else Medium", () => {
  const to = (ip: string, process: string) => ({ type: "Connection", labels: { "destination.ip": ip, process } });
  assert.equal(graded(to("192.0.2.9", "curl")), "Info connection-trusted-destination Whitelisted");
  assert.equal(graded(to("2001:db8:1::9", "curl")), "Info connection-trusted-destination Whitelisted");
  assert.equal(graded(to("203.0.113.9", "/opt/bin/node")), "Info connection-trusted-process Whitelisted");
  assert.equal(graded(to("203.0.113.9", "curl")), "Medium connection");
});

test("a breakout is Critical, High where it was blocked; vArmor's notices are Low", () => {
  assert.equal(graded({ type: "ContainerBreakout", tags: ["Nsenter"] }), "Critical breakout");
  assert.equal(graded({ type: "ContainerBreakout", labels: { outcome: "failure" } }), "High breakout-blocked");
  for (const value of ["AUDIT", "ALLOWED", "AUDIT|ALLOWED"])
    assert.equal(graded({ type: "VarmorDefence", contents: [{ key: "Action", value }] }), "Low varmor-not-denied");
});

test("the first use of a key by a user is Low, the next Info", () => {
  const use = (user: string, type = "KMSAccess") => ({ type, labels: { user, key: "datapipe" } });
  assert.equal(graded(use("alice")), "Low kms-first-user");
  assert.equal(graded(use("alice"), use("alice")), "Info kms-access");
  assert.equal(graded(use("alice"), use("bob")), "Low kms-first-user");
  assert.equal(graded(use("alice", "TksAccess"), use("alice", "TksAccess")), "Info tks-access");
});

test("other types keep what their origin says", () => {
  assert.equal(graded({ type: "ProcessExec", risk: "High" }), "High -");
  assert.equal(graded({ type: "ProcessExec" }), "Info -");
});
