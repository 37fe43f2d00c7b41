import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { canonicalJson } from "../event/canonical.ts";
import type { Entry } from "../event/entry.ts";
import type { Event } from "../event/event.ts";
import { entryTest, filterTest, type Match } from "./event-match.ts";

const security = (contents: Readonly<Record<string, string>>, more: object = {}): Event => ({
  kind: "security",
  time: 1000,
  type: "SshLogin",
  risk: "Info",
  resource: { type: "endpoint", id: "ep-1", project: "p" },
  contents: Object.entries(contents).map(([key, value]) => ({ key, value })),
  ...more,
});
const login = security({ SSH: "10.0.26.52 35024 10.0.0.9 12222", User: "root", Tag: 'Unknown "quoted"\n' });
const call: Event = {
  kind: "trail",
  time: 1000,
  type: "GetUser",
  source: "iam",
  userName: "alice",
  sourceIp: "2001:DB8::7",
  accessKeyId: "AK1",
  readOnly: true,
  detail: '{"UserAgent":"curl/8"}',
};
const statement: Event = {
  kind: "database",
  time: 1000,
  name: "Query",
  instance: "i",
  user: "app",
  ip: "192.0.2.1",
  sql: "SELECT 'Grüße'",
};

/** Both of the test's halves, so that the first never throws out what the second would keep. */
function matches(event: Event, match: Match, raw?: string): boolean {
  const entry: Entry = { event, received: 5, v: 1, ...(raw === undefined ? {} : { raw }) };
  const test = entryTest(match);
  const found = test.matches(entry);
  if (found) assert.ok(test.maybe(canonicalJson(entry)), "what matches is not thrown out by its bytes");
  return found && test.maybe(canonicalJson(entry));
}

test("words are found in any text of the event or its record, in any case, each by itself", () => {
  for (const words of [
    ["root"],
    ["ROOT"],
    ["sshlogin", "ep-1"],
    ["10.0.26.52 35024"],
    ['unknown "QUOTED"\n'],
    ["unknown", "root"],
  ])
    assert.ok(matches(login, { words }), JSON.stringify(words));
  for (const words of [["root", "absent"], ["kind"], ["contents"], ["1000"], ["rootx"]])
    assert.ok(!matches(login, { words }), JSON.stringify(words));
  assert.ok(matches(statement, { words: ["GRÜSSE".toLowerCase().replace("ss", "ß")] }));
  assert.ok(matches(statement, { words: ["grüße"] }));
  assert.ok(matches(login, { words: ["sshd[7]"] }, "sshd[7]: Accepted"));
  assert.ok(!matches(login, { words: ["sshd[7]"] }));
});

test("a user is an exact name, wherever an event names one", () => {
  assert.ok(
    matches(login, { user: "root" }) && matches(call, { user: "alice" }) && matches(statement, { user: "app" }),
  );
  assert.ok(matches(security({ Username: "bob" }), { user: "bob" }));
  for (const user of ["Root", "roo", "Unknown", "ep-1"]) assert.ok(!matches(login, { user }), user);
});

test("an address is found at either end, in the form it is compared in", () => {
  for (const ip of ["10.0.26.52", "10.0.0.9", "::ffff:10.0.0.9"]) assert.ok(matches(login, { ip }), ip);
  for (const ip of ["10.0.26.5", "35024", "10.0.26.521"]) assert.ok(!matches(login, { ip }), ip);
  assert.ok(matches(call, { ip: "2001:db8::7" }) && matches(call, { ip: "2001:DB8::7" }));
  assert.ok(matches(security({ SourceIP: "::ffff:192.0.2.7" }), { ip: "192.0.2.7" }));
  assert.ok(!matches(security({ Note: "192.0.2.7" }), { ip: "192.0.2.7" }), "text is no address");
});

test("attributes are exact: contents of a security event, members of another", () => {
  assert.ok(matches(login, { attributes: [["User", "root"]] }));
  assert.ok(!matches(login, { attributes: [["user", "root"]] }));
  assert.ok(!matches(login, { attributes: [["Tag", "Unknown"]] }));
  assert.ok(
    matches(call, {
      attributes: [
        ["source", "iam"],
        ["readOnly", "true"],
      ],
    }),
  );
  assert.ok(
    !matches(call, {
      attributes: [
        ["source", "iam"],
        ["readOnly", "false"],
      ],
    }),
  );
  assert.ok(
    !matches(login, { attributes: [["type", "SshLogin"]] }),
    "of a security event only contents are attributes",
  );
});

test("what is given must hold together", () => {
  assert.ok(matches(login, { words: ["unknown"], user: "root", ip: "10.0.0.9", attributes: [["User", "root"]] }));
  assert.ok(!matches(login, { words: ["unknown"], user: "alice", ip: "10.0.0.9" }));
});

test("no text is thrown out by its bytes that holds what is asked, whatever characters it has", () => {
  const text = fc.string({ unit: "grapheme", minLength: 1, maxLength: 30 }).filter((value) => value.isWellFormed());
  fc.assert(
    fc.property(text, text, text, fc.nat(30), fc.nat(30), (before, value, after, from, length) => {
      const event = security({ Key: value }, { detail: before + value + after });
      const word = value.slice(from % value.length, (from % value.length) + 1 + length);
      if (!word.isWellFormed()) return;
      assert.ok(matches(event, { words: [word] }));
      assert.ok(
        matches(event, { words: [word.toUpperCase().toLowerCase()] }) ||
          word.toUpperCase().toLowerCase() !== word.toLowerCase(),
      );
      assert.ok(matches(event, { attributes: [["Key", value]] }));
    }),
    { numRuns: 300 },
  );
});

test("a filter tells of an event what the index would", () => {
  const account = "1";
  for (const filter of [
    {},
    { kinds: ["security"] },
    { types: ["X", "SshLogin"], risks: ["Info"] },
    { resourceType: "endpoint", resourceId: "ep-1", project: "p" },
    { from: 1000, to: 1001 },
  ] as const)
    assert.ok(filterTest({ account, ...filter })(login), JSON.stringify(filter));
  for (const filter of [
    { kinds: ["trail"] },
    { types: ["X"] },
    { risks: ["High"] },
    { resourceType: "instance" },
    { resourceId: "ep-1", project: "q" },
    { from: 1001 },
    { to: 1000 },
  ] as const)
    assert.ok(!filterTest({ account, ...filter })(login), JSON.stringify(filter));
});
