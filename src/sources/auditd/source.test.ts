import assert from "node:assert/strict";
import { test } from "node:test";
import { optionsOf, outcomesOf, readAt, testSource } from "../source.contract.ts";
import { isParsed, type Outcome, type RawRecord } from "../source.ts";
import { argumentsOf } from "./command-line.ts";
import { readAuditRecord } from "./record.ts";
import { auditd } from "./source.ts";
import { socketAddress } from "./system-call.ts";

testSource(auditd, import.meta.dirname);

const record = (text: string, read = readAt): RawRecord => ({ text, read });
const line = (serial: number, type: string, body: string, seconds = 1795176000): string =>
  `type=${type} msg=audit(${seconds}.000:${serial}): ${body}`;
const call = (serial: number, number: number, seconds?: number): string =>
  line(
    serial,
    "SYSCALL",
    `arch=c000003e syscall=${number} success=yes exit=0 a0=3 pid=5 exe="/bin/x" comm="x"`,
    seconds,
  );
const failure = (type: string, op: string, seconds: number): string =>
  line(
    seconds,
    type,
    `pid=77 uid=0 auid=4294967295 ses=4294967295 msg='op=${op} acct="alice" exe="/usr/sbin/sshd" hostname=? addr=203.0.113.9 terminal=ssh res=failed'`,
    1795176000 + seconds,
  );

function outcomes(texts: readonly string[]): readonly Outcome[] {
  return outcomesOf(
    auditd,
    optionsOf(auditd),
    texts.map((text) => record(text)),
  );
}
const shownOf = (outcome: Outcome): string => (isParsed(outcome) ? outcome.draft.kind : outcome.reason);

test("a long argument comes in parts and records, each encoded by itself", () => {
  const hex = (text: string | Buffer): string => Buffer.from(text).toString("hex").toUpperCase();
  const bytes = Buffer.from("a b日");
  const read = [
    `argc=4 a0="tar" a1_len=${bytes.length * 2} a1[0]=${hex(bytes.subarray(0, 4))}`,
    `a1[1]=${hex(bytes.subarray(4))} a2_len=6 a2[0]="abc" a2[1]="def"`,
    `a3=""`,
  ].map((body) => readAuditRecord(line(1, "EXECVE", body))!);
  assert.deepEqual(argumentsOf(read), { args: ["tar", "a b日", "abcdef", ""], whole: true });
  assert.equal(argumentsOf(read.slice(0, 2)).whole, false);
});

test("what a secret is in goes from all records that hold it, parts of arguments too", () => {
  const password = "Sesame-Sesame";
  const title = Buffer.from(`mysql\0-p${password}`).toString("hex").toUpperCase();
  const [told] = outcomes([
    call(1, 59),
    line(1, "EXECVE", `argc=2 a0="mysql" a1_len=15 a1[0]="-p${password.slice(0, 6)}"`),
    line(1, "EXECVE", `a1[1]="${password.slice(6)}"`),
    line(1, "PROCTITLE", `proctitle=${title}`),
  ]);
  assert.ok(told !== undefined && isParsed(told) && told.redacted !== undefined);
  assert.equal(told.labels.command, "mysql -p*****");
  for (const part of [password, password.slice(0, 6), password.slice(6), Buffer.from(password).toString("hex")])
    assert.ok(!told.redacted.toLowerCase().includes(part.toLowerCase()), part);
  assert.equal(told.redacted.split("\n").length, 4);
});

test("one attempt is one event however many tell it, and the next attempt is the next event", () => {
  const tell = (seconds: number) => [
    failure("USER_AUTH", "PAM:authentication", seconds),
    failure("USER_AUTH", "password", seconds),
    failure("USER_LOGIN", "login", seconds),
  ];
  const told = outcomes([...tell(1), ...tell(2), ...tell(3)]);
  assert.equal(told.length, 9);
  assert.equal(told.filter(isParsed).length, 3);
  // Only one of them tells, as other builds of sshd do.
  for (const teller of [0, 1, 2])
    assert.equal(outcomes([1, 2, 3].map((seconds) => tell(seconds)[teller]!)).filter(isParsed).length, 3);
});

test("an event waits for its records while others come between, two seconds of their time and five of ours", () => {
  const parser = auditd.parser(optionsOf(auditd) as never);
  const take = (text: string, read = readAt) => parser.take(record(text, read)).map(shownOf);
  assert.deepEqual(take(call(1, 59)), []);
  assert.deepEqual(take(line(9, "USER_ACCT", "pid=1", 1795176002)), ["a record of another kind"]);
  assert.deepEqual(take(line(1, "EXECVE", `argc=1 a0="x"`)), []);
  assert.deepEqual(take(line(10, "USER_ACCT", "pid=1", 1795176003)), ["security", "a record of another kind"]);
  assert.deepEqual(take(call(2, 2, 1795176004)), []);
  assert.equal(parser.waiting().length, 1);
  assert.deepEqual(parser.expire(readAt + 4_999), []);
  assert.deepEqual(parser.expire(readAt + 5_000).map(shownOf), [
    "a system call that starts no program and opens no connection",
  ]);
  assert.deepEqual(parser.waiting(), []);
  assert.deepEqual(parser.end(), []);
});

test("records that wait for others that never come are bounded, and none is lost", () => {
  const parser = auditd.parser(optionsOf(auditd) as never);
  let told = 0;
  for (let serial = 0; serial < 5_000; serial++) {
    told += parser.take(record(call(serial, 59))).length;
    assert.ok(parser.waiting().length <= 1_001);
  }
  assert.equal(told + parser.end().length, 5_000);
});

test("addresses are read in the byte order of the processor that wrote them, and written as they are usually", () => {
  const six = (address: string) => socketAddress(`0A0001BB00000000${address}00000000`);
  assert.deepEqual(socketAddress("0200E31C4853E6640000000000000000"), { ip: "72.83.230.100", port: "58140" });
  assert.deepEqual(socketAddress("00020050C0000209"), { ip: "192.0.2.9", port: "80" });
  assert.deepEqual(six("20010DB8000000010000000000000001"), { ip: "2001:db8:0:1::1", port: "443" });
  assert.deepEqual(six("00000000000000000000000000000001"), { ip: "::1", port: "443" });
  assert.deepEqual(six("20010DB8000100020003000400050006"), { ip: "2001:db8:1:2:3:4:5:6", port: "443" });
  assert.deepEqual(six("FE800000000000000000000000000000"), { ip: "fe80::", port: "443" });
  assert.deepEqual(six("00000000000000000000FFFFC0000209"), { ip: "192.0.2.9", port: "443" });
  assert.equal(socketAddress("0200"), undefined);
  assert.equal(socketAddress("0A0001BB0000000020010DB8"), undefined);
  assert.equal(socketAddress("100000000000000000000000"), "other");
  assert.equal(socketAddress("02zz"), undefined);
  assert.equal(socketAddress(undefined), undefined);
});

test("a name cannot say where it comes from, nor how it ended", () => {
  const acct = Buffer.from("x' addr=192.0.2.66 res=success").toString("hex").toUpperCase();
  const [told] = outcomes([
    line(
      1,
      "USER_LOGIN",
      `pid=7 uid=0 auid=1 ses=1 msg='op=login acct=${acct} exe="/usr/sbin/sshd" hostname=? addr=203.0.113.9 terminal=sshd res=failed'`,
    ),
  ]);
  assert.ok(told !== undefined && isParsed(told));
  assert.deepEqual([told.labels["source.ip"], told.labels.outcome], ["203.0.113.9", "failure"]);
  assert.equal(told.labels.user, "x' addr=192.0.2.66 res=success");
});

test("lines of ten megabytes are told like any other", () => {
  for (const text of ["a".repeat(1e7), `a0="`.repeat(2.5e6), "a=1 ".repeat(2.5e6), `'"`.repeat(5e6)])
    assert.equal(outcomes([line(1, "EXECVE", text), line(2, "USER_LOGIN", `msg='${text}`)]).length, 2);
  const hex = "41".repeat(5e6);
  const [exec] = outcomes([
    call(1, 59),
    line(1, "EXECVE", `argc=1 a0=${hex}`),
    line(1, "PROCTITLE", `proctitle=${hex}`),
  ]);
  assert.ok(exec !== undefined && isParsed(exec));
  assert.equal(exec.labels.command?.length, 5e6);
  const [cut] = outcomes([call(1, 42), line(1, "SOCKADDR", `saddr=${"02".repeat(5e6)}`), line(1, "EOE", "")]);
  assert.ok(cut !== undefined && !isParsed(cut));
  assert.equal(cut.why, "malformed");
});
