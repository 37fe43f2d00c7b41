import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { TaishiError } from "../errors.ts";
import { canonicalJson } from "../event/canonical.ts";
import { entryTail } from "../event/entry.ts";
import { readEvent } from "../event/read.ts";
import { type BodyFormat, readBatch } from "./append.ts";
import { sampleEvent } from "./doubles.test-support.ts";

const options = { account: "1", maxEvents: 10, format: "json" as BodyFormat };

function batchOf(body: string | Uint8Array, format: BodyFormat = "json") {
  return readBatch(Buffer.from(body), { ...options, format });
}

function headsOf({ heads, ends }: { heads: Uint8Array; ends: Uint32Array }): string[] {
  const text = Buffer.from(heads);
  return [...ends].map((end, i) => text.toString("utf8", i === 0 ? 0 : ends[i - 1], end));
}

function refusal(
  body: string | Uint8Array,
  format: BodyFormat = "json",
): [string, number | undefined, string | undefined] {
  try {
    batchOf(body, format);
  } catch (thrown) {
    assert.ok(thrown instanceof TaishiError, String(thrown));
    return [thrown.code, thrown.details.index, thrown.details.field];
  }
  throw new assert.AssertionError({ message: "nothing was refused" });
}

const event = JSON.stringify(sampleEvent());

test("a batch holds the canonical head and the facts of every event, in order", () => {
  const events = [
    sampleEvent(),
    sampleEvent({ type: "容器", detail: "é \u{1f600}" }),
    sampleEvent({ time: 1727609914001 }),
  ];
  const batch = batchOf(JSON.stringify({ events }));
  assert.equal(batch.account, "1");
  assert.deepEqual(
    headsOf(batch).map((head) => head + entryTail(7)),
    events.map((sent, i) => canonicalJson({ event: readEvent(sent, i), received: 7, v: 1 })),
  );
  assert.deepEqual([...batch.facts.times], [1727609914000, 1727609914000, 1727609914001]);
  assert.equal(batch.facts.keys.length, 3);
  const { buffer, byteOffset } = batch.heads;
  assert.ok(byteOffset === 0 && buffer.byteLength !== Buffer.poolSize, "the buffer can be handed to another thread");
});

test("the JSON form and the line form of the same events give the same batch", () => {
  const texts = [event, JSON.stringify(sampleEvent({ detail: 'quotes " and \\ and ] } , {' }))];
  const json = batchOf(` {\n "events" : [ ${texts.join(" ,\t")} ] }\r\n`);
  const lines = batchOf(`\n${texts.join("\r\n\n  \n")}`, "ndjson");
  assert.deepEqual(headsOf(lines), headsOf(json));
  assert.deepEqual(lines.facts, json.facts);
});

test("events are found wherever JSON allows them to be", () => {
  const texts = fc.string({ unit: "binary" }).map((text) => text.toWellFormed());
  const contents = fc.array(
    fc.record(
      { key: texts.map((text) => `k${text}`.slice(0, 99).toWellFormed()), value: texts },
      { noNullPrototype: true },
    ),
    { maxLength: 4 },
  );
  fc.assert(
    fc.property(
      fc.array(contents, { minLength: 1, maxLength: 5 }),
      fc.constantFrom(undefined, 1, "\t"),
      (all, space) => {
        const events = all.map((contents) => sampleEvent({ contents }));
        const heads = headsOf(batchOf(JSON.stringify({ events }, null, space)));
        assert.deepEqual(
          heads.map((head) => JSON.parse(`${head}}`).event.contents),
          all,
        );
      },
    ),
    { numRuns: 200 },
  );
});

test("no bytes are accepted as JSON that JSON.parse does not accept", () => {
  const valid = `{"events":[${event},${event}]}`;
  fc.assert(
    fc.property(
      fc.nat(valid.length - 1),
      fc.constantFrom("", ",", "]", "}", "{", "[", '"', ":", " ", "\\", "x"),
      (at, put) => {
        const body = valid.slice(0, at) + put + valid.slice(at + 1);
        let accepted = true;
        try {
          batchOf(body);
        } catch (thrown) {
          assert.ok(thrown instanceof TaishiError, String(thrown));
          accepted = false;
        }
        if (accepted) assert.doesNotThrow(() => JSON.parse(body), body);
      },
    ),
    { numRuns: 2000 },
  );
});

test("every body cut short is refused", () => {
  const body = `{"events":[${event}]}`;
  for (let end = 0; end < body.length; end++)
    assert.throws(() => batchOf(body.slice(0, end)), TaishiError, String(end));
});

test("a bad event is named by its index and field, and nothing of the batch is left", () => {
  const bad = JSON.stringify(sampleEvent({ risk: "Huge" }));
  assert.deepEqual(refusal(`{"events":[${event},${bad}]}`), ["invalid-parameter", 1, "risk"]);
  assert.deepEqual(refusal(`${event}\n\n${event}\n${bad}`, "ndjson"), ["invalid-parameter", 2, "risk"]);
  assert.deepEqual(refusal(`${event}\n{"kind":`, "ndjson"), ["malformed-body", 1, undefined]);
  assert.deepEqual(refusal(`${event}${event}`, "ndjson"), ["malformed-body", 0, undefined]);
});

test("a body of the wrong form says what is missing or unknown", () => {
  assert.deepEqual(refusal("{}"), ["missing-parameter", undefined, "events"]);
  assert.deepEqual(refusal(`[${event}]`), ["invalid-parameter", undefined, "events"]);
  assert.deepEqual(refusal('{"events":{}}'), ["invalid-parameter", undefined, "events"]);
  assert.deepEqual(refusal(`{"events":[${event}],"atomic":true}`), ["invalid-parameter", undefined, "atomic"]);
  assert.deepEqual(refusal('{"events":[]}'), ["invalid-parameter", undefined, "events"]);
  assert.deepEqual(refusal(" \n\n", "ndjson"), ["invalid-parameter", undefined, "events"]);
  assert.deepEqual(refusal(""), ["malformed-body", undefined, undefined]);
  assert.deepEqual(refusal("hello"), ["malformed-body", undefined, undefined]);
  assert.deepEqual(refusal(`{"events":[${event}]}x`), ["malformed-body", undefined, undefined]);
  assert.deepEqual(refusal(`{"events":[${event},]}`), ["malformed-body", 1, undefined]);
  assert.deepEqual(refusal(`{"events":[${event}],}`), ["malformed-body", undefined, undefined]);
  assert.deepEqual(refusal('{"events":[1]}').slice(0, 2), ["invalid-parameter", 0]);
});

test("of a repeated key the last one wins", () => {
  const twice = event.replace('"type":"SshLogin"', '"type":"First","type":"Second"');
  assert.match(headsOf(batchOf(`{"events":[${twice}]}`))[0]!, /"type":"Second"/);
  const batch = batchOf(`{"events":[${event},${event}],"\\u0065vents":[${twice}]}`);
  assert.equal(batch.ends.length, 1);
  assert.equal(batch.facts.keys.length, 1);
});

test("nesting is refused before anything recursive sees it", () => {
  const deep = `${"[".repeat(200_000)}${"]".repeat(200_000)}`;
  assert.deepEqual(refusal(`{"events":[${event},${deep}]}`), ["invalid-parameter", 1, "event"]);
  const member = `{"x":${"[".repeat(64)}${"]".repeat(64)}}`;
  assert.throws(() => batchOf(`{"events":[${member}]}`), /nested deeper than 64/);
  assert.deepEqual(refusal(deep, "ndjson"), ["invalid-parameter", 0, "event"]);
  assert.deepEqual(refusal(`{"events":${'{"events":'.repeat(200_000)}`)[0], "invalid-parameter");
});

test("an event with more members than any can have is refused unparsed", () => {
  assert.deepEqual(refusal(`{"events":[{"contents":[${"{},".repeat(200_000)}{}]}]}`), [
    "invalid-parameter",
    0,
    "event",
  ]);
});

test("text that is not UTF-8, or cannot be written as UTF-8, is refused", () => {
  const broken = Buffer.from(`{"events":[${event}]}`);
  broken[broken.indexOf("SshLogin")] = 0xff;
  assert.deepEqual(refusal(broken), ["malformed-body", undefined, undefined]);
  for (const lone of ["\\ud800", "\\uDFFF", "x\\uD83D."])
    assert.deepEqual(
      refusal(`{"events":[${event.replace("SshLogin", lone)}]}`),
      ["invalid-parameter", 0, "type"],
      lone,
    );
  assert.match(headsOf(batchOf(`{"events":[${event.replace("SshLogin", "\\ud83d\\ude00")}]}`))[0]!, /"type":"😀"/u);
});

test("a byte order mark is skipped, and belongs to the body that the idempotency key stands for", () => {
  const body = Buffer.from(`\ufeff{"events":[${event}]}`);
  const batch = readBatch(body, { ...options, idempotencyKey: "k" });
  assert.equal(batch.ends.length, 1);
  assert.deepEqual(batch.idempotency, { key: "k", digest: hash("sha256", body, "hex") });
});

test("one event above the limit is too many, in both forms", () => {
  const ten = Array.from({ length: 10 }, () => event);
  assert.equal(batchOf(`{"events":[${ten}]}`).ends.length, 10);
  assert.equal(refusal(`{"events":[${ten},${event}]}`)[0], "too-large");
  assert.equal(refusal([...ten, event].join("\n"), "ndjson")[0], "too-large");
});

test("an event too long for an entry keeps its long strings apart", () => {
  const detail = "é".repeat(100_000);
  const batch = batchOf(JSON.stringify({ events: [sampleEvent({ detail }), sampleEvent()] }));
  assert.equal(batch.blobs.length, 1);
  assert.equal(Buffer.from(batch.blobs[0]!.bytes).toString(), detail);
  assert.match(headsOf(batch)[0]!, new RegExp(batch.blobs[0]!.digest));
});

test("a string above the blob limit is refused with its event's index", () => {
  const detail = "x".repeat(16 * 1024 * 1024 + 1);
  assert.deepEqual(refusal(JSON.stringify({ events: [sampleEvent(), sampleEvent({ detail })] })).slice(0, 2), [
    "too-large",
    1,
  ]);
});

test("a record and a position go into the entry; a batch has positions on all of its events or on none", () => {
  const record = { raw: "the line", parser: { name: "sshd", version: "1" } };
  const at = (offset: number, stream = "s") => ({ source: "n/auth", stream, offset });
  const sent = [
    { ...sampleEvent(), record, position: at(7) },
    { ...sampleEvent(), record: { rawBase64: "/w==" }, position: at(8, "t") },
    {
      kind: "unparsed",
      time: 1_690_000_000_000,
      resource: { type: "host", id: "n" },
      reason: "no form is known",
      position: at(9),
    },
  ];
  const batch = batchOf(JSON.stringify({ events: sent }));
  const entries = headsOf(batch).map((head) => JSON.parse(`${head}}`) as Record<string, unknown>);
  assert.deepEqual(
    entries.map(({ event: _, ...rest }) => rest),
    [{ ...record, position: at(7) }, { rawBase64: "/w==", position: at(8, "t") }, { position: at(9) }],
  );
  assert.deepEqual(entries[2]?.event, {
    kind: "unparsed",
    reason: "no form is known",
    resource: { id: "n", type: "host" },
    time: 1_690_000_000_000,
    type: "Unparsed",
  });
  assert.deepEqual(batch.positions, {
    streams: [
      { source: "n/auth", stream: "s" },
      { source: "n/auth", stream: "t" },
    ],
    of: Uint32Array.of(0, 1, 0),
    offsets: Float64Array.of(7, 8, 9),
  });
  assert.equal(batchOf(JSON.stringify({ events: [sampleEvent()] })).positions, undefined);

  const mixed = (...items: object[]) => refusal(JSON.stringify({ events: items }));
  assert.deepEqual(mixed(sent[0]!, sampleEvent()), ["invalid-parameter", 1, "position"]);
  assert.deepEqual(mixed(sampleEvent(), sent[0]!), ["invalid-parameter", 1, "position"]);
  assert.deepEqual(mixed({ ...sampleEvent(), record: { raw: "a", rawBase64: "YQ==" } }), [
    "invalid-parameter",
    0,
    "record",
  ]);
  assert.deepEqual(mixed({ ...sampleEvent(), record: { rawBase64: "YR==" } }), [
    "invalid-parameter",
    0,
    "record.rawBase64",
  ]);
  assert.deepEqual(mixed({ ...sampleEvent(), position: { ...at(1), offset: 1.5 } }), [
    "invalid-parameter",
    0,
    "position.offset",
  ]);
  assert.deepEqual(mixed({ ...sampleEvent(), record: { raw: "\ud800" } }), ["invalid-parameter", 0, "raw"]);
});
