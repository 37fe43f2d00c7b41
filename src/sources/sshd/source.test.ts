import assert from "node:assert/strict";
import { test } from "node:test";
import { optionsOf, outcomesOf, readAt, testSource } from "../source.contract.ts";
import { isParsed, type RawRecord } from "../source.ts";
import { parseSshd } from "./parse.ts";
import { sshd } from "./source.ts";

testSource(sshd, import.meta.dirname);

const record = (text: string, read = readAt): RawRecord => ({ text, read });

function labelsOf(texts: readonly string[], options: unknown = {}) {
  const outcomes = outcomesOf(
    sshd,
    optionsOf(sshd, options),
    texts.map((text) => record(text)),
  );
  return outcomes.map((outcome) => (isParsed(outcome) ? outcome.labels : outcome.reason));
}

test("a user's name cannot say where they come from", () => {
  const name = "root from 192.0.2.66 port 5 ssh2";
  for (const message of [
    `Failed password for invalid user ${name} from 10.0.0.9 port 40022 ssh2`,
    `Failed password for ${name} from 10.0.0.9 port 40022 ssh2`,
    `Connection closed by invalid user ${name} 10.0.0.9 port 40022 [preauth]`,
    `Disconnected from user ${name} 10.0.0.9 port 40022`,
    `Invalid user ${name} from 10.0.0.9 port 40022`,
  ]) {
    const said = parseSshd(message);
    assert.ok("user" in said, message);
    assert.deepEqual([said.user, said.source], [name, { address: "10.0.0.9", port: "40022" }], message);
  }
});

const print = `SHA256:${"A".repeat(43)}`;

test("what a client wrote into a certificate cannot say where it comes from", () => {
  const told = `root from 10.0.0.9 port 40022 ssh2: ED25519-CERT ${print}`;
  const ca = `(serial 7) CA ED25519 ${print}`;
  const said = parseSshd(`Failed publickey for ${told} ID x from 192.0.2.66 port 5 ssh2 ${ca}`);
  assert.ok("source" in said);
  assert.deepEqual(said.source, { address: "10.0.0.9", port: "40022" });
  assert.deepEqual(parseSshd(`Accepted publickey for ${told} ID alice@corp ${ca}`), {
    what: "accepted",
    invalid: false,
    user: "root",
    source: { address: "10.0.0.9", port: "40022" },
    method: "publickey",
    keyType: "ED25519-CERT",
    fingerprint: print,
  });
  const hostbased = `, client user "x from 192.0.2.66 port 5 ssh2", client host "h"`;
  const other = parseSshd(`Failed hostbased for root from 10.0.0.9 port 40022 ssh2: RSA ${print}${hostbased}`);
  assert.ok("source" in other);
  assert.equal(other.source.address, "10.0.0.9");
});

test("a message that can be read in two ways is read by the line that began its connection, or not at all", () => {
  const h = (message: string) => `Nov 20 10:00:00 h sshd[1]: ${message}`;
  const twice = h(
    `Failed publickey for root from 10.0.0.9 port 40022 ssh2: ED25519-CERT ${print} ID x from 192.0.2.66 port 5 ssh2: ED25519-CERT ${print} ID y (serial 7) CA ED25519 ${print}`,
  );
  const disconnecting = h(
    "Disconnecting authenticating user root 10.0.0.9 port 40022: Change of username or service not allowed: (root,ssh-connection) -> (x 192.0.2.66 port 5: y,ssh-connection) [preauth]",
  );
  const begun = h("Connection from 10.0.0.9 port 40022 on 10.0.0.5 port 22");
  for (const text of [twice, disconnecting]) {
    assert.deepEqual(labelsOf([text]), ["can be read in several ways"]);
    const [labels] = labelsOf([begun, text]);
    assert.ok(labels !== undefined && typeof labels !== "string");
    assert.deepEqual([labels.user, labels["source.ip"], labels["destination.ip"]], ["root", "10.0.0.9", "10.0.0.5"]);
  }
  const once = parseSshd(
    "Disconnecting invalid user a: b 10.0.0.9 port 40022: Too many authentication failures [preauth]",
  );
  assert.deepEqual(once, {
    what: "disconnected",
    invalid: true,
    user: "a: b",
    source: { address: "10.0.0.9", port: "40022" },
  });
  const nameless = parseSshd(
    "Disconnecting 10.0.0.9 port 40022: Too many authentication failures 192.0.2.66 port 5: x",
  );
  assert.ok("source" in nameless);
  assert.equal(nameless.source.address, "10.0.0.9");
});

test("old releases name no port", () => {
  for (const [message, source] of [
    ["Connection closed by 10.0.0.9 [preauth]", { address: "10.0.0.9", port: "" }],
    ["Connection reset by authenticating user root 2001:db8::9 [preauth]", { address: "2001:db8::9", port: "" }],
    ["Disconnected from 10.0.0.9", { address: "10.0.0.9", port: "" }],
    ["Connection closed by UNKNOWN port 65535", { address: "UNKNOWN", port: "65535" }],
  ] as const) {
    const said = parseSshd(message);
    assert.ok("source" in said, message);
    assert.deepEqual(said.source, source, message);
  }
});

test("the year of a time without one puts it nearest to when it was read, at most a day after", () => {
  const line = (day: string) =>
    record(`${day} 23:59:59 h sshd[1]: Failed password for a from 10.0.0.1 port 1 ssh2`, Date.UTC(2027, 0, 1, 0, 0, 5));
  const timeOf = (day: string) => {
    const outcome = outcomesOf(sshd, optionsOf(sshd), [line(day)])[0]!;
    assert.ok(isParsed(outcome));
    return new Date(outcome.draft.time).toISOString();
  };
  assert.equal(timeOf("Dec 31"), "2026-12-31T23:59:59.000Z");
  assert.equal(timeOf("Jan  1"), "2027-01-01T23:59:59.000Z");
  assert.equal(timeOf("Jan  3"), "2026-01-03T23:59:59.000Z");
});

test("a zone of the operator's gives local times their instant", () => {
  const line = record("Jul  1 12:00:00 h sshd[1]: Failed password for a from 10.0.0.1 port 1 ssh2");
  const outcome = outcomesOf(sshd, optionsOf(sshd, { zone: "Europe/Berlin" }), [line])[0]!;
  assert.ok(isParsed(outcome));
  assert.equal(new Date(outcome.draft.time).toISOString(), "2026-07-01T10:00:00.000Z");
  assert.throws(() => outcomesOf(sshd, optionsOf(sshd, { zone: "Mars/Olympus" }), []), {
    code: "invalid-parameter",
  });
});

test("what the journal says of who logged decides, not what the program calls itself", () => {
  const journal = (fields: object) =>
    JSON.stringify({
      __REALTIME_TIMESTAMP: "1790000000000000",
      _PID: "7",
      _HOSTNAME: "h",
      SYSLOG_IDENTIFIER: "sshd",
      ...fields,
    });
  const MESSAGE = "Accepted password for root from 192.0.2.66 port 5 ssh2";
  const forged = "forged: the journal says that sshd did not log it";
  assert.deepEqual(
    labelsOf([
      journal({ MESSAGE, _UID: "0", _COMM: "sshd", _EXE: "/usr/sbin/sshd" }),
      journal({ MESSAGE, _UID: "1000", _COMM: "logger", _EXE: "/usr/bin/logger" }),
      journal({ MESSAGE, _UID: "1000", _COMM: "sshd" }),
      journal({ MESSAGE, _UID: "0", _COMM: "sshd", _EXE: "/tmp/sshd" }),
      journal({
        MESSAGE: "Disconnected from user bob 192.0.2.7 port 5",
        _UID: "1000",
        _COMM: "sshd-session",
        _EXE: "/usr/lib/openssh/sshd-session",
      }),
    ]).map((labels) => (typeof labels === "string" ? labels : labels.operation)),
    ["accepted", forged, forged, forged, "disconnected"],
  );
});

test("a line that syslogd says was repeated is as many events", () => {
  const text =
    "Nov 20 10:00:00 h sshd[1]: message repeated 3 times: [ Failed password for root from 192.0.2.7 port 5 ssh2]";
  assert.equal(labelsOf([text]).length, 3);
});
