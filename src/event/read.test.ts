import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { TaishiError } from "../errors.ts";
import { canonicalJson, maxDepth, nestsDeeperThan } from "./canonical.ts";
import { blobReferences, type Entry, entryHead, entryTail, maxEntryBytes, parseEntry, restoreBlobs } from "./entry.ts";
import type { SecurityEvent } from "./event.ts";
import { readEvent, refuseLoneSurrogates } from "./read.ts";
import { factsOf, parseStreamKey, streamKey } from "./stream.ts";
import { formatMillis, formatSeconds, parseRfc3339, readTime } from "./time.ts";

const sent = {
  kind: "security",
  time: "2024-09-29T11:38:34Z",
  resource: { type: "endpoint", id: "ep-1" },
  type: "SshLogin",
};

function fails(input: unknown, field: string, why: RegExp): void {
  assert.throws(
    () => readEvent(input, 7),
    (thrown) => {
      assert.ok(thrown instanceof TaishiError, String(thrown));
      assert.equal(thrown.details.field, field);
      assert.equal(thrown.details.index, 7);
      assert.match(thrown.message, why);
      return true;
    },
  );
}

test("an event gets its defaults, and its members in canonical order", () => {
  const event = readEvent(sent, 0);
  assert.equal(
    JSON.stringify(event),
    '{"contents":[],"kind":"security","resource":{"id":"ep-1","type":"endpoint"},"risk":"Info","time":1727609914000,"type":"SshLogin"}',
  );
});

function security(input: unknown): SecurityEvent {
  const event = readEvent(input, 0);
  assert.ok(event.kind === "security");
  return event;
}

test("contents keep their order as an array and as an object, and come out as the array", () => {
  const list = [
    { key: "b", value: "1" },
    { key: "a", value: "" },
    { key: "b", value: "2" },
  ];
  assert.deepEqual(security({ ...sent, contents: list }).contents, list);
  assert.deepEqual(security({ ...sent, contents: { z: "1", a: "2" } }).contents, [
    { key: "z", value: "1" },
    { key: "a", value: "2" },
  ]);
  fails({ ...sent, contents: { 2: "1", 1: "2" } }, "contents", /array form/);
});

test("what is wrong is named with its field and its place in the batch", () => {
  fails({ ...sent, risk: "Terrible" }, "risk", /events\[7\]\.risk/);
  fails({ ...sent, kind: "other" }, "kind", /events\[7\]\.kind/);
  fails({ ...sent, unknown: 1 }, "unknown", /not a known member/);
  fails({ ...sent, resource: { type: "endpoint" } }, "resource.id", /is required/);
  fails({ ...sent, resource: { type: "endpoint", id: "" } }, "resource.id", /events\[7\]\.resource\.id/);
  fails({ ...sent, resource: { type: "endpoint", id: "x".repeat(257) } }, "resource.id", /resource\.id/);
  fails({ ...sent, time: 1_727_609_914 }, "time", /looks like seconds/);
  fails({ ...sent, time: "2026-02-30T00:00:00Z" }, "time", /does not exist/);
  fails({ ...sent, contents: [{ key: "a", value: 1 }] }, "contents.0.value", /contents\.0\.value/);
  const { type: _type, ...untyped } = sent;
  fails(untyped, "type", /is required/);
  for (const input of [null, 1, "x", []]) fails(input, "event", /events\[7\]/);
});

test("a lone surrogate is refused wherever it stands", () => {
  const bad: object[] = [
    { detail: "a\ud800" },
    { contents: [{ key: "\udc00", value: "" }] },
    { contents: { "\ud800": "x" } },
    { type: "\ud83d" },
  ];
  for (const more of bad) {
    const event = readEvent({ ...sent, ...more }, 0);
    assert.throws(() => refuseLoneSurrogates(event, 0), TaishiError);
  }
  refuseLoneSurrogates(readEvent({ ...sent, detail: "😀" }, 0), 0);
});

const text = fc.string({ unit: "grapheme" });
const inputs = fc.record(
  {
    kind: fc.constant("security"),
    time: fc.integer({ min: 100_000_000_000, max: 253_402_300_799_999 }),
    resource: fc.record(
      {
        type: fc.string({ minLength: 1, maxLength: 9 }),
        id: fc.string({ minLength: 1, maxLength: 20 }),
        project: fc.string({ minLength: 1, maxLength: 5 }),
      },
      { requiredKeys: ["type", "id"] },
    ),
    type: fc.string({ minLength: 1, maxLength: 9 }),
    risk: fc.constantFrom("Info", "Low", "Medium", "High", "Critical"),
    contents: fc.array(fc.record({ key: fc.string({ minLength: 1, maxLength: 9 }), value: text }), { maxLength: 9 }),
    detail: text,
  },
  { requiredKeys: ["kind", "time", "resource", "type"] },
);

test("the head and tail of any event are its RFC 8785 form, and parse to the event again", () => {
  fc.assert(
    fc.property(inputs, fc.option(fc.constant("c2FsdHNhbHRzYWx0c2FsdA=="), { nil: undefined }), (input, salt) => {
      const event = readEvent(input, 0);
      const { head } = entryHead(event);
      const whole = head + entryTail(1_700_000_000_000, salt);
      const entry = parseEntry(Buffer.from(whole));
      assert.equal(canonicalJson(entry), whole);
      assert.deepEqual(entry.event, event);
    }),
  );
});

test("with a source's record the form is canonical too", () => {
  const event = readEvent(sent, 0);
  const record = { raw: "line", parser: { version: "1", name: "sshd" } };
  const whole = entryHead(event, record).head + entryTail(1_700_000_000_000);
  assert.equal(canonicalJson(JSON.parse(whole)), whole);
});

test("an entry too long keeps its longest strings apart, raw first, and is whole again with them", () => {
  const detail = "长".repeat(30_000);
  const event = readEvent({ ...sent, detail, contents: { Short: "s".repeat(200), Long: "l".repeat(3000) } }, 0);
  const record = { raw: "r".repeat(1000), parser: { name: "p", version: "1" } };
  const { head, blobs } = entryHead(event, record);
  const bytes = Buffer.from(head + entryTail(1_700_000_000_000));
  assert.ok(bytes.length <= maxEntryBytes);
  assert.deepEqual(
    blobs.map(({ bytes: blob }) => blob.length),
    [1000, 90_000],
  );
  const entry = parseEntry(bytes);
  assert.equal(canonicalJson(entry), bytes.toString());
  assert.equal(blobReferences(entry).length, 2);
  const restored: Entry = restoreBlobs(entry, (digest) => blobs.find((blob) => blob.digest === digest)!.bytes);
  assert.deepEqual(restored.event, event);
  assert.equal(restored.raw, record.raw);
});

test("what cannot be made to fit is refused as too large", () => {
  const huge = readEvent({ ...sent, detail: "x".repeat(16 * 1024 * 1024 + 1) }, 0);
  assert.throws(() => entryHead(huge), { code: "too-large" });
  const many = readEvent(
    { ...sent, contents: Array.from({ length: 1000 }, () => ({ key: "k".repeat(100), value: "" })) },
    0,
  );
  assert.throws(() => entryHead(many), { code: "too-large" });
});

test("canonical JSON is RFC 8785's: its published example of members and numbers", () => {
  const value = JSON.parse(
    '{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/","literals":[null,true,false]}',
  );
  assert.equal(
    canonicalJson(value),
    '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
  );
  assert.equal(
    canonicalJson({ "\ufb33": 1, "\u20ac": 2, "😀": 3, "1": 4, "\r": 5 }),
    '{"\\r":5,"1":4,"€":2,"😀":3,"\ufb33":1}',
  );
  for (const bad of ["\ud800", Number.NaN, undefined, { a: () => 1 }])
    assert.throws(() => canonicalJson(bad), TypeError);
  let deep: unknown = 1;
  for (let i = 0; i <= maxDepth + 1; i++) deep = [deep];
  assert.throws(() => canonicalJson(deep), TypeError);
});

test("nesting is told from the bytes alone, brackets within strings not counted", () => {
  const nested = (depth: number): Buffer => Buffer.from("[".repeat(depth) + "]".repeat(depth));
  assert.equal(nestsDeeperThan(nested(64), 64), false);
  assert.equal(nestsDeeperThan(nested(65), 64), true);
  assert.equal(nestsDeeperThan(Buffer.from('["[[[\\"[[["]'), 1), false);
  assert.equal(nestsDeeperThan(nested(200_000), 64), true);
});

test("RFC 3339 times are read to the millisecond, and dates that do not exist are none", () => {
  assert.equal(parseRfc3339("2024-09-29T11:38:34Z"), 1_727_609_914_000);
  assert.equal(parseRfc3339("2024-09-29T19:38:34.5678+08:00"), 1_727_609_914_567);
  assert.equal(parseRfc3339("2024-09-29t03:38:34.1-08:00"), 1_727_609_914_100);
  assert.equal(parseRfc3339("2024-02-29T00:00:00Z"), Date.UTC(2024, 1, 29));
  for (const none of [
    "2023-02-29T00:00:00Z",
    "2026-02-30T00:00:00Z",
    "2024-13-01T00:00:00Z",
    "2024-00-01T00:00:00Z",
    "2024-01-01T24:00:00Z",
    "2024-01-01T00:00:60Z",
    "2024-01-01T00:00:00",
    "2024-01-01",
    "2024-01-01T00:00:00+24:00",
    "0050-01-01T00:00:00Z",
    "2024-0a-01T00:00:00Z",
    "2024-01-01T00:00:0xZ",
    "2024-01-01T00:00:00.x00Z",
    "2024-01-01T00:00:00.000000",
    "x",
  ])
    assert.equal(parseRfc3339(none), undefined, none);
});

test("every time that is printed is read again", () => {
  fc.assert(
    fc.property(fc.integer({ min: 100_000_000_000, max: 253_402_300_799_999 }), (time) => {
      assert.equal(parseRfc3339(formatMillis(time)), time);
      assert.equal(parseRfc3339(formatSeconds(time)), time - (time % 1000));
      assert.equal(readTime(time, "time"), time);
    }),
  );
  for (const bad of [1.5, 1e10, 1e16, Number.NaN, "1969-12-31T23:59:59Z", true, null])
    assert.throws(() => readTime(bad, "time"), TaishiError, String(bad));
});

test("a stream's key parses to its parts whatever they hold", () => {
  const part = fc.string({
    minLength: 1,
    maxLength: 6,
    unit: fc.constantFrom("\0", "\u0001", "\u0002", "a", "b", "c", "长"),
  });
  fc.assert(
    fc.property(part, part, part, part, (id, type, project, kind) => {
      const event = readEvent({ ...sent, type: kind, resource: { id, type, project } }, 0);
      assert.deepEqual(parseStreamKey(streamKey(event)), {
        resourceId: id,
        resourceType: type,
        project,
        kind: "security",
        type: kind,
        risk: "Info",
      });
    }),
  );
  const { times, keys } = factsOf([readEvent(sent, 0), readEvent({ ...sent, type: "X" }, 1)]);
  assert.deepEqual([...times], [1_727_609_914_000, 1_727_609_914_000]);
  assert.equal(keys.length, 2);
});
