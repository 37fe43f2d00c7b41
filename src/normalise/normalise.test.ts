import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { TaishiError } from "../errors.ts";
import { readEvent } from "../event/read.ts";
import type { TrailEventInput } from "../event/schema.ts";
import { awsCloudTrailEvents, looksLikeAwsCloudTrail } from "./aws-cloudtrail.ts";
import { elementTexts } from "./json-text.ts";
import { volcengineTrailEvents } from "./volcengine-trail.ts";

function fails(events: () => Iterable<unknown>, message: RegExp): void {
  assert.throws(
    () => [...events()],
    (thrown) => thrown instanceof TaishiError && thrown.code === "invalid-parameter" && message.test(thrown.message),
    String(message),
  );
}

/** Everything a converter gives is taken by the reader of sent events. */
function gives(events: Iterable<TrailEventInput>): TrailEventInput[] {
  const list = [...events];
  for (const [index, event] of list.entries()) readEvent(event, index);
  return list;
}

const detail =
  '{"EventVersion":"v1.0", "EventID":"e-1","RequestID":"r-1","EventTime":"2021-09-13T09:54:08Z","UserIdentity":{"Type":"Root","AccessKeyID":"AK"},"EventSource":"iam","EventName":"GetUser","Region":"cn-north-1","SourceIPAddress":"10.0.0.1","ReadOnly":true,"Cost":1.0}';
const expected = {
  kind: "trail",
  time: "2021-09-13T09:54:08Z",
  type: "GetUser",
  source: "iam",
  eventId: "e-1",
  requestId: "r-1",
  accessKeyId: "AK",
  identityType: "Root",
  sourceIp: "10.0.0.1",
  region: "cn-north-1",
  readOnly: true,
};

test("EventDetail objects one a line are events whose detail is the line, byte for byte", () => {
  const second = detail.replace("GetUser", "ListUsers");
  assert.deepEqual(gives(volcengineTrailEvents(`\uFEFF${detail}\r\n\n  \n${second}\n`)), [
    { ...expected, detail },
    { ...expected, type: "ListUsers", detail: second },
  ]);
  assert.deepEqual(gives(volcengineTrailEvents(detail)), [{ ...expected, detail }]);
  assert.deepEqual(gives(volcengineTrailEvents("")), []);
});

test("an answer of LookupEvents, its Result, its items alone and one a line give the same events", () => {
  const item = {
    EventID: "e-1",
    EventTime: "2021-09-13T09:54:08Z",
    EventName: "GetUser",
    RequestID: "r-1",
    SourceIPAddress: "10.0.0.1",
    EventSource: "iam",
    UserName: "",
    AccessKeyID: "AK",
    Region: "cn-north-1",
    ErrorCode: "Denied",
    EventDetail: detail,
    RelatedResources: [{ ResourceID: "u-1", ResourceType: "user" }, { ResourceID: "" }],
  };
  const event = { ...expected, errorCode: "Denied", resources: [{ type: "user", id: "u-1" }], detail };
  const Result = { NextToken: "", Trails: [item] };
  for (const form of [{ ResponseMetadata: {}, Result }, Result, [item], item])
    assert.deepEqual(gives(volcengineTrailEvents(JSON.stringify(form, undefined, 1))), [event]);
  const lines = `${JSON.stringify({ Result })}\n${JSON.stringify(item)}\n`;
  assert.deepEqual(gives(volcengineTrailEvents(lines)), [event, event]);
  const other = { ...item, EventDetail: "not JSON" };
  const [odd] = gives(volcengineTrailEvents(JSON.stringify(other)));
  assert.deepEqual([odd!.detail, odd!.identityType], ["not JSON", undefined]);
  assert.equal(gives(volcengineTrailEvents(JSON.stringify({ ...item, EventDetail: "" })))[0]!.detail, undefined);
});

test("what is no Volcengine event is refused, naming its place and member", () => {
  const of = (text: string) => () => volcengineTrailEvents(text);
  fails(of(`${detail}\n{"EventTime"`), /^line 2: is not JSON/);
  fails(of(`${detail}\n\n[5]`), /^line 3 \[0\]: must be an object/);
  fails(of("5"), /^the file: must be an object/);
  fails(of(`${detail}\n${detail.replace('"GetUser"', '""')}`), /^line 2\.EventName: is missing/);
  fails(of(detail.replace('"iam"', "7")), /^the file\.EventSource: must be a string/);
  fails(of(detail.replace('"EventTime"', '"When"')), /EventTime: is missing/);
  fails(of(detail.replace("2021-09-13T", "2021-02-30T")), /EventTime: is not an RFC 3339 date-time/);
  fails(of(detail.replace("GetUser", "x".repeat(129))), /EventName: must not be longer than 128/);
  fails(of(`{"Trails":[${detail},{"EventDetail":5}]}`), /^Trails\[1\]\.EventDetail: must be text or an object/);
  fails(of(`${detail}\n${"[".repeat(70)}${"]".repeat(70)}`), /^line 2: nests deeper than 64/);
});

const record =
  '{ "eventVersion": "1.08", "userIdentity": {"type":"AssumedRole","arn":"arn:aws:sts::1:assumed-role/Admin/li@example.com","accessKeyId":"ASIA1"}, "eventTime": "2024-01-02T03:04:05Z", "eventSource": "iam.amazonaws.com", "eventName": "CreateUser", "awsRegion": "us-east-1", "sourceIPAddress": "192.0.2.1", "errorCode": "AccessDenied", "requestParameters": {"userName":"a,]}\\"b", "size": 1.0, "id": 12345678901234567890}, "requestID": "r-1", "eventID": "e-1", "readOnly": false, "resources": [{"ARN":"arn:aws:iam::1:user/a","type":"AWS::IAM::User"},{"accountId":"1"}] }';

test("a record of AWS CloudTrail is an event whose detail is the record's text, byte for byte", () => {
  const text = `{"Records": [\n${record} ,\n ${record.replace("CreateUser", "DeleteUser")}\n]}`;
  assert.ok(looksLikeAwsCloudTrail(text));
  assert.ok(!looksLikeAwsCloudTrail(detail));
  const [first, second, ...rest] = gives(awsCloudTrailEvents(text));
  assert.deepEqual(rest, []);
  assert.deepEqual(first, {
    kind: "trail",
    time: "2024-01-02T03:04:05Z",
    type: "CreateUser",
    source: "iam.amazonaws.com",
    eventId: "e-1",
    requestId: "r-1",
    accessKeyId: "ASIA1",
    userName: "li@example.com",
    identityType: "AssumedRole",
    sourceIp: "192.0.2.1",
    region: "us-east-1",
    errorCode: "AccessDenied",
    readOnly: false,
    resources: [{ type: "AWS::IAM::User", id: "arn:aws:iam::1:user/a" }],
    detail: record,
  });
  assert.equal(second!.detail, record.replace("CreateUser", "DeleteUser"));
  assert.deepEqual(gives(awsCloudTrailEvents('\uFEFF{"Records":[]}')), []);
});

test("the user's name is told as AWS tells it", () => {
  const named = (identity: object): string | undefined => {
    const given = { eventTime: "2024-01-02T03:04:05Z", eventSource: "s", eventName: "N", userIdentity: identity };
    return gives(awsCloudTrailEvents(JSON.stringify({ Records: [given] })))[0]!.userName;
  };
  assert.equal(named({ type: "IAMUser", userName: "li" }), "li");
  assert.equal(named({ type: "Root", arn: "arn:aws:iam::1:root" }), undefined);
  assert.equal(named({ sessionContext: { sessionIssuer: { userName: "Role" } } }), "Role");
});

test("what is no AWS CloudTrail file is refused, naming the record and its member", () => {
  const of =
    (...records: string[]) =>
    () =>
      awsCloudTrailEvents(`{"Records":[${records.join(",")}]}`);
  fails(() => awsCloudTrailEvents("{"), /^the file: is not JSON/);
  fails(() => awsCloudTrailEvents("[]"), /^the file\.Records: is missing or no array/);
  fails(() => awsCloudTrailEvents('{"Records":{}}'), /^the file\.Records: is missing or no array/);
  fails(() => awsCloudTrailEvents(`{"Records":${"[".repeat(70)}${"]".repeat(70)}}`), /nests deeper than 64/);
  fails(of(record, "5"), /^Records\[1\]: must be an object/);
  fails(of(record, record.replace('"eventTime"', '"time"')), /^Records\[1\]\.eventTime: is missing/);
  fails(of(record.replace('"CreateUser"', "null")), /^Records\[0\]\.eventName: is missing/);
  fails(of(record.replace('"readOnly": false', '"readOnly": 1')), /^Records\[0\]\.readOnly: must be a boolean/);
  fails(of(record.replace("2024-01-02", "2023-02-29")), /^Records\[0\]\.eventTime: is not an RFC 3339/);
});

test("the elements of any array are cut out exactly, whatever stands around them", () => {
  fc.assert(
    fc.property(
      fc.array(fc.jsonValue({ maxDepth: 4 }), { maxLength: 6 }),
      fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 4 }),
      fc.constantFrom(undefined, 1, "\t"),
      (Records, others, indent) => {
        const { Records: _, ...around } = others;
        const text = JSON.stringify({ ...around, Records, after: { Records: [1, 2] } }, undefined, indent);
        const texts = elementTexts(text, "Records");
        assert.deepEqual(
          texts?.map((one) => JSON.parse(one) as unknown),
          JSON.parse(JSON.stringify(Records)),
        );
        for (const one of texts ?? []) assert.ok(one === one.trim() && text.includes(one));
      },
    ),
  );
});
