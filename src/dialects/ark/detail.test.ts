import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { SecurityEvent } from "../../event/event.ts";
import { type Language, logDetail, preferredLanguage } from "./detail.ts";
import { logTypes } from "./log-types.ts";

function detail(type: string, contents: Record<string, string>, language: Language = "zh", given?: string): string {
  const list = Object.entries(contents).map(([key, value]) => ({ key, value }));
  const resource = { type: "endpoint", id: "ep-1" };
  const event: SecurityEvent = { kind: "security", time: 0, type, resource, risk: "Info", contents: list };
  return logDetail(given === undefined ? event : { ...event, detail: given }, "current", language);
}

test("what is missing from the contents is left out of the sentence", () => {
  assert.equal(detail("SshLogin", {}), "存在通过ssh登录安全沙箱容器的行为。");
  assert.equal(detail("SshLogin", { Tag: "Unknown" }), "存在通过未知源ssh登录安全沙箱容器的行为。");
  assert.equal(
    detail("SshLogin", { Tag: "Bastion", ProcessID: "7" }),
    "存在通过ssh登录安全沙箱容器的行为。来源: Bastion;pid: 7",
  );
  assert.equal(
    detail("ContainerLogin", { SSH: "10.0.0.1" }),
    "存在从本地节点登录到安全沙箱容器的行为。源IP/端口: 10.0.0.1",
  );
  assert.equal(
    detail("Connection", { DestinationIP: "1.1.1.1" }),
    "存在从安全沙箱容器向外进行网络连接的行为。目标IP/端口: 1.1.1.1",
  );
  assert.equal(
    detail("ContainerBreakout", { Tag: "CgroupRelease" }),
    "容器上存在疑似容器逃逸的行为。类型: CgroupRelease",
  );
  assert.equal(detail("VarmorDefence", { SandboxType: "" }), "vArmor成功拦截了一次风险操作。");
  assert.equal(detail("KMSAccess", {}), "请求密钥，进行操作");
  assert.equal(
    detail("KMSAccess", { KeyName: "k", Operation: "encrypt", ModelID: "m" }),
    "请求k密钥，对模型m进行信封加密",
  );
});

test("addresses of IPv6 are told apart from their ports", () => {
  const contents = { SSH: "fe80::1 22 fe80::2 2222" };
  assert.equal(
    detail("SshLogin", contents, "en"),
    "SSH login to a security sandbox container. Source IP/port: [fe80::1]:22;Destination IP/port: [fe80::2]:2222",
  );
});

test("a failed, non-blocking connection is said to be one, and a tag inside another word is not taken for it", () => {
  const contents = { Tag: "NonBlocking, ConnectionFailed" };
  assert.equal(
    detail("Connection", contents),
    "存在从安全沙箱容器向外进行网络连接的行为。连接类型:非阻塞式;连接状态:失败",
  );
  assert.equal(
    detail("Connection", contents, "en"),
    "Network connection out of a security sandbox container. Type: non-blocking;Status: failed",
  );
});

test("the English sentences say the same facts", () => {
  const kms = {
    Operation: "decrypt",
    KmsAccountID: "21",
    KeyringName: "r",
    KeyName: "k",
    ModelID: "m",
    ModelVersion: "1",
    ModelType: "base_model",
  };
  assert.equal(
    detail("KMSAccess", kms, "en"),
    "Key r/k of account 21 was requested for envelope decryption of base model m | 1",
  );
  assert.equal(detail("KMSAccess", {}, "en"), "Key was requested for an operation");
  assert.equal(
    detail("ContainerLogin", { Tag: "Docker", Arguments: "docker exec" }, "en"),
    "Login to a security sandbox container from its own node. Login method: Docker;Login command: docker exec",
  );
});

test("a type without a template is told by its contents, or by its name", () => {
  assert.equal(detail("Other", { a: "1", b: "2" }), "a: 1;b: 2");
  assert.equal(detail("constructor", {}), "constructor");
  assert.equal(detail("TksAccess", { Method: "X" }), "Method: X");
  assert.equal(detail("TksAccess", {}), "TksAccess");
});

test("the sender's sentence is never replaced, even by nothing", () => {
  assert.equal(detail("SshLogin", { Tag: "Unknown" }, "zh", "said"), "said");
  assert.equal(detail("SshLogin", { Tag: "Unknown" }, "zh", ""), "");
});

test("any contents give a sentence, in both languages, without a trace of what is missing", () => {
  const key = fc.constantFrom(
    "Tag",
    "SSH",
    "Operation",
    "KmsAccountID",
    "Process",
    "Command",
    "method",
    "ModelType",
    "x",
  );
  const value = fc.oneof(fc.constantFrom("", "constructor", "__proto__", "a b c d"), fc.string());
  fc.assert(
    fc.property(
      fc.constantFrom(...logTypes),
      fc.dictionary(key, value, { noNullPrototype: true }),
      fc.constantFrom<Language>("zh", "en"),
      (type, contents, language) => {
        const text = detail(type, contents, language);
        assert.notEqual(text, "");
        if (!Object.values(contents).some((given) => given.includes("undefined") || given.includes("function")))
          assert.doesNotMatch(text, /undefined|function/);
      },
    ),
    { numRuns: 200 },
  );
});

test("the language is the one of ours that Accept-Language prefers, else Chinese", () => {
  const cases: readonly (readonly [string | undefined, Language])[] = [
    [undefined, "zh"],
    ["", "zh"],
    ["*", "zh"],
    ["fr-FR, de", "zh"],
    ["en", "en"],
    ["EN-us,zh;q=0.5", "en"],
    ["zh;q=0.5, en;q=0.8", "en"],
    ["en;q=0.5, zh-Hans-CN;q=0.50", "en"],
    ["fr, zh;q=0.9, en;q=0.8", "zh"],
    ["en;q=0", "zh"],
    ["en;q=9", "zh"],
    ["en; q=0.3", "en"],
  ];
  for (const [header, language] of cases) assert.equal(preferredLanguage(header), language, header);
});

test("a login that failed, an operation that was only noted, is not told as more than that", () => {
  const failed = { SSH: "10.0.0.9 40022", Result: "Failed", User: "root", ProcessID: "7" };
  assert.equal(
    detail("SshLogin", failed),
    "存在尝试通过ssh登录安全沙箱容器但未成功的行为。源IP/端口: 10.0.0.9:40022;用户: root;pid: 7",
  );
  assert.match(detail("SshLogin", { ...failed, Result: "InvalidUser" }, "en"), /^Failed attempt .* does not exist/);
  assert.match(detail("SshLogin", { ...failed, Result: "Disconnected" }), /已断开/);
  assert.equal(detail("SshLogin", { Tag: "Unknown", Result: "Accepted" }), "存在通过未知源ssh登录安全沙箱容器的行为。");
  for (const action of ["AUDIT", "ALLOWED", "AUDIT|ALLOWED"]) {
    assert.equal(
      detail("VarmorDefence", { Action: action, Command: "cat" }),
      "vArmor记录了一次风险操作,未拦截。命令: cat",
    );
    assert.match(detail("VarmorDefence", { Action: action }, "en"), /did not block/);
  }
  assert.equal(detail("VarmorDefence", { Action: "DENIED" }), "vArmor成功拦截了一次风险操作。");
  assert.match(
    detail("Connection", { DestinationIP: "1.1.1.1", Action: "BLOCKED" }, "en"),
    /Action: BLOCKED;Destination/,
  );
});
