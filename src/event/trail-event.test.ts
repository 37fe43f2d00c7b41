import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { TaishiError } from "../errors.ts";
import { canonicalJson } from "./canonical.ts";
import { entryHead, entryTail, parseEntry } from "./entry.ts";
import type { TrailEvent } from "./event.ts";
import { readEvent } from "./read.ts";
import { factsOf, streamOf } from "./stream.ts";
import { derivedEventId, seqOfEventId, shownDetail, term, trailTerms } from "./trail-event.ts";

const sent = { kind: "trail", time: "2021-09-13T09:54:08Z", type: "GetUser", source: "iam" };

function trail(input: object): TrailEvent {
  const event = readEvent(input, 0);
  assert.ok(event.kind === "trail");
  return event;
}

function fails(input: object, field: string, why: RegExp): void {
  assert.throws(
    () => readEvent(input, 3),
    (thrown) => {
      assert.ok(thrown instanceof TaishiError, String(thrown));
      assert.deepEqual([thrown.details.field, thrown.details.index], [field, 3]);
      assert.match(thrown.message, why);
      return true;
    },
  );
}

test("a detail given as text is kept byte for byte, and tells what the outer fields leave out", () => {
  const detail =
    '{ "UserIdentity":{"Type":"Root","AccessKeyID":"AK1"}, "RequestID":"r1",\t"ReadOnly":true,"ApiVersion":"2018-01-01"}';
  const event = trail({ ...sent, detail });
  assert.equal(event.detail, detail);
  assert.deepEqual(
    [event.requestId, event.accessKeyId, event.identityType, event.readOnly, event.apiVersion],
    ["r1", "AK1", "Root", true, "2018-01-01"],
  );
  assert.equal(shownDetail(event, "e1"), detail);
  assert.equal(trail({ ...sent, detail: "no JSON at all" }).detail, "no JSON at all");
  assert.equal(trail({ ...sent, requestId: "outer", detail }).requestId, "outer");
});

test("a detail given as an object is filled from the outer fields, in the order received", () => {
  const event = trail({
    ...sent,
    requestId: "r1",
    region: "cn-north-1",
    detail: { Z: 1, EventName: "GetUser", A: [2] },
  });
  assert.equal(
    event.detail,
    '{"Z":1,"EventName":"GetUser","A":[2],"RequestID":"r1","EventTime":"2021-09-13T09:54:08Z","EventSource":"iam","Region":"cn-north-1"}',
  );
  assert.equal(event.assembled, true);
  assert.match(shownDetail(event, "e1"), /^\{"EventID":"e1","Z":1,/);
  assert.equal(shownDetail(trail({ ...sent, eventId: "given", detail: {} }), "given").match(/EventID/g)?.length, 1);
});

test("a detail that disagrees with the outer fields, or cannot be carried exactly, is refused", () => {
  fails({ ...sent, requestId: "r1", detail: { RequestID: "r2" } }, "detail.RequestID", /disagrees/);
  fails({ ...sent, detail: { EventName: "Other" } }, "detail.EventName", /disagrees/);
  fails({ ...sent, detail: { Number: 2 ** 53 } }, "detail.Number", /beyond 2\^53/);
  let deep: object = {};
  for (let i = 0; i < 70; i++) deep = { deep };
  fails({ ...sent, detail: deep }, "detail.deep", /nested deeper/);
  fails({ ...sent, readOnly: "yes" }, "readOnly", /readOnly/);
  const { source: _source, ...nowhere } = sent;
  fails(nowhere, "source", /is required/);
});

test("a derived EventID tells its number again, in its own log only", () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), (seq) => {
      const id = derivedEventId("abc.taishi/1", seq);
      assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
      assert.equal(seqOfEventId("abc.taishi/1", id), seq);
      assert.equal(seqOfEventId("abc.taishi/2", id), undefined);
    }),
  );
  assert.equal(seqOfEventId("abc.taishi/1", "2967779b-1dc8-4404-8858-a60000000000"), undefined);
});

test("every one of the fourteen keys is a term when the event has it, and none is when it has not", () => {
  const whole = trail({
    ...sent,
    eventId: "e",
    requestId: "r",
    accessKeyId: "a",
    userName: "u",
    identityType: "User",
    region: "g",
    errorCode: "x",
    apiVersion: "v",
    readOnly: false,
    extraIndex: "i",
    resources: [
      { type: "t", id: "1" },
      { type: "t", id: "2" },
    ],
  });
  const terms = trailTerms(whole);
  assert.equal(terms.length, 15);
  for (const [key, value] of [
    ["ReadOnly", "false"],
    ["IdentityName", "u"],
    ["ResourceType", "t"],
    ["ResourceID", "2"],
  ] as const)
    assert.ok(terms.includes(term(key, value)), key);
  assert.deepEqual(trailTerms(trail(sent)), [term("EventSource", "iam"), term("EventName", "GetUser")]);
  const { terms: kept } = factsOf([readEvent({ ...sent }, 0)]);
  assert.deepEqual(kept, [trailTerms(trail(sent))]);
});

test("trail and database events are entries in canonical form, and have streams of their own", () => {
  const statement = {
    kind: "database",
    time: 1_700_000_000_000,
    name: "Query",
    instance: "3d39c18788b54a919bab633874c159dfin01",
    sql: 'select "a"\n',
    user: "",
    status: "0",
  };
  for (const input of [{ ...sent, detail: { b: 1, a: "长" } }, statement]) {
    const event = readEvent(input, 0);
    const whole = entryHead(event).head + entryTail(1);
    assert.equal(canonicalJson(JSON.parse(whole)), whole);
    assert.deepEqual(parseEntry(Buffer.from(whole)).event, event);
  }
  const database = readEvent(statement, 0);
  assert.ok(database.kind === "database" && !("user" in database), "what is empty is not kept");
  assert.deepEqual(
    [streamOf(database).resourceType, streamOf(database).resourceId, streamOf(database).type],
    ["instance", statement.instance, "Query"],
  );
  assert.equal(streamOf(trail(sent)).type, "GetUser");
  fails({ ...statement, instance: "" }, "instance", /instance/);
  fails({ ...statement, file: "x" }, "file", /not a known member/);
});

test("a long statement lives apart from its entry, and what an event is found by never does", () => {
  const { head, blobs } = entryHead(
    readEvent({ kind: "database", time: 1_700_000_000_000, name: "Query", instance: "i", sql: "x".repeat(100_000) }, 0),
  );
  assert.deepEqual([blobs.length, head.length < 65_535], [1, true]);
  const long = "k".repeat(1024);
  const event = { ...sent, requestId: long, userName: long, detail: "d".repeat(70_000) };
  const kept = JSON.parse(entryHead(readEvent(event, 0)).head.concat("}")) as { event: TrailEvent };
  assert.equal(kept.event.requestId, long);
});
