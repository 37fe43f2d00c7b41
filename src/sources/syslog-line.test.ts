import assert from "node:assert/strict";
import { test } from "node:test";
import { readSyslogLine, type SyslogLine } from "./syslog-line.ts";
import { WallClock } from "./wall-clock.ts";

const utc = new WallClock("UTC");
const read = Date.UTC(2026, 10, 21, 12);

function line(text: string, clock = utc, at = read): SyslogLine | undefined {
  return readSyslogLine({ text, read: at }, clock);
}
function timeOf(text: string, zone = "UTC", at = read): string | undefined {
  const time = line(text, new WallClock(zone), at)?.time;
  return time === undefined ? undefined : new Date(time).toISOString();
}

test("every form gives the same line", () => {
  const expected = { time: read, host: "web-1", program: "sshd", pid: "77", message: "a: b [c]" };
  for (const text of [
    "Nov 21 12:00:00 web-1 sshd[77]: a: b [c]",
    "<86>Nov 21 12:00:00 web-1 sshd[77]: a: b [c]",
    "2026-11-21T12:00:00+00:00 web-1 sshd[77]: a: b [c]",
    "2026-11-21T13:00:00.000000+01:00 web-1 sshd[77]: a: b [c]",
    "2026-11-21T13:00:00+0100 web-1 sshd[77]: a: b [c]",
    "2026-11-21 12:00:00,000 web-1 sshd[77]: a: b [c]",
    "<86>2026-11-21T12:00:00Z web-1 sshd[77]: a: b [c]",
    "<86>1 2026-11-21T12:00:00Z web-1 sshd 77 - - a: b [c]",
    '<86>1 2026-11-21T12:00:00Z web-1 sshd 77 ID47 [x@1 k="a\\"]b"][y@1] \ufeffa: b [c]',
    "<86>1 - web-1 sshd 77 - - a: b [c]",
  ])
    assert.deepEqual(line(text), expected, text);
});

test("hosts, pids and messages may be missing", () => {
  assert.deepEqual(line("<38>Nov  1 09:08:07 sshd[9]: hello"), {
    time: Date.UTC(2026, 10, 1, 9, 8, 7),
    host: "",
    program: "sshd",
    pid: "9",
    message: "hello",
  });
  const named = (text: string) => {
    const found = line(text);
    return found === undefined ? undefined : [found.host, found.program, found.pid, found.message];
  };
  assert.deepEqual(named("Nov 21 12:00:00 web-1 kernel: x"), ["web-1", "kernel", "", "x"]);
  assert.deepEqual(named("Nov 21 12:00:00 2001:db8::1 postfix/smtpd[1]:x"), ["2001:db8::1", "postfix/smtpd", "1", "x"]);
  assert.deepEqual(named("<34>1 2026-11-21T12:00:00Z - - - - -"), ["", "", "", ""]);
  assert.deepEqual(named("Nov 21 12:00:00 web-1 a b: c"), undefined);
});

test("the program is what stands before the first colon, whatever the message imitates", () => {
  const found = line("Nov 21 12:00:00 web-1 logger[1]: Nov 21 12:00:00 web-1 sshd[2]: Accepted");
  assert.deepEqual([found?.program, found?.pid], ["logger", "1"]);
  assert.equal(line("Nov 21 12:00:00 web-1 sshd[x]: a")?.program, undefined);
});

test("a time without a year is of the year that puts it nearest, at most a day ahead", () => {
  const at = Date.UTC(2027, 0, 1, 0, 30);
  assert.equal(timeOf("Dec 31 23:59:59 h p: x", "UTC", at), "2026-12-31T23:59:59.000Z");
  assert.equal(timeOf("Jan  1 23:59:59 h p: x", "UTC", at), "2027-01-01T23:59:59.000Z");
  assert.equal(timeOf("Jan  2 01:00:00 h p: x", "UTC", at), "2026-01-02T01:00:00.000Z");
  assert.equal(timeOf("Feb 29 00:00:00 h p: x", "UTC", Date.UTC(2028, 2, 1)), "2028-02-29T00:00:00.000Z");
  assert.equal(timeOf("Feb 29 00:00:00 h p: x", "UTC", Date.UTC(2027, 2, 1)), undefined);
});

test("a time without a zone is of the operator's; one that occurs twice is nearer to when it was read", () => {
  assert.equal(timeOf("Jul  1 12:00:00 h p: x", "Asia/Shanghai"), "2026-07-01T04:00:00.000Z");
  assert.equal(timeOf("2026-07-01T12:00:00.5 h p: x", "Asia/Shanghai"), "2026-07-01T04:00:00.500Z");
  assert.equal(timeOf("2026-07-01T12:00:00Z h p: x", "Asia/Shanghai"), "2026-07-01T12:00:00.000Z");
  const twice = "Oct 25 02:30:00 h p: x";
  assert.equal(timeOf(twice, "Europe/Berlin", Date.UTC(2026, 9, 25, 0, 30)), "2026-10-25T00:30:00.000Z");
  assert.equal(timeOf(twice, "Europe/Berlin", Date.UTC(2026, 9, 25, 1, 40)), "2026-10-25T01:30:00.000Z");
});

test("dates that do not exist, or that no event can have, are no lines", () => {
  for (const text of [
    "Nov 31 12:00:00 h p: x",
    "Foo 21 12:00:00 h p: x",
    "Nov 21 24:00:00 h p: x",
    "2026-02-30T12:00:00Z h p: x",
    "1500-01-01T12:00:00Z h p: x",
    "<86>1 2026-02-30T12:00:00Z h p - - - x",
    `{"__REALTIME_TIMESTAMP":"99999999999999999999","MESSAGE":"x"}`,
    `{"__REALTIME_TIMESTAMP":1790000000000000,"MESSAGE":"x"}`,
    `{"MESSAGE":"x"}`,
    `{"__REALTIME_TIMESTAMP":"1790000000000000","MESSAGE":null}`,
    "{",
    "",
    "\0",
  ])
    assert.equal(line(text), undefined, text);
});

test("the journal's own fields are kept apart from those that a program chose", () => {
  const fields = {
    __REALTIME_TIMESTAMP: "1790000000123456",
    _HOSTNAME: "h",
    SYSLOG_IDENTIFIER: "sshd",
    SYSLOG_PID: "1",
  };
  const of = (more: object) => line(JSON.stringify({ ...fields, ...more }));
  assert.deepEqual(of({ _PID: "2", _UID: "1000", _COMM: "logger", _EXE: "/usr/bin/logger", MESSAGE: "x" }), {
    time: 1790000000123,
    host: "h",
    program: "sshd",
    pid: "2",
    message: "x",
    trusted: { uid: "1000", comm: "logger", exe: "/usr/bin/logger" },
  });
  assert.equal(of({ MESSAGE: [72, 105, 255] })?.message, "Hi\ufffd");
  assert.equal(of({ MESSAGE: [72, 300] })?.message, undefined);
  assert.equal(of({ MESSAGE: "x", _SOURCE_REALTIME_TIMESTAMP: "1789999999000000" })?.time, 1789999999000);
});

test("very long lines are read once", () => {
  const long = "x".repeat(1e7);
  assert.equal(line(`Nov 21 12:00:00 h p[1]: ${long}`)?.message.length, 1e7);
  assert.equal(line(`Nov 21 12:00:00 ${long}`), undefined);
  assert.equal(line(`<86>1 2026-11-21T12:00:00Z h p 1 - [${long}`), undefined);
  assert.equal(line(`<86>1 2026-11-21T12:00:00Z h p 1 - ${"[a]".repeat(1e6)}"`), undefined);
});
