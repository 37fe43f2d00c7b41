// The fuzz of source.contract.ts finds what it is for: shown on sources that do wrong.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Type } from "typebox";
import { type FuzzCounts, fuzz, type Payload } from "./source.contract.ts";
import type { Outcome, Parser, RawRecord, Source } from "./source.ts";

function sourceOf(outcomesOf: (record: RawRecord) => readonly Outcome[]): Source {
  const parser: Parser = { take: outcomesOf, expire: () => [], end: () => [], waiting: () => [] };
  return { name: "double", version: "1", options: Type.Object({}), parser: () => parser };
}

function told(record: RawRecord, value: string): Outcome {
  const contents = [{ key: "Text", value }];
  return { draft: { kind: "security", time: 0, type: "Told", contents }, labels: {}, records: [record] };
}

const text = '{"user":"ada","command":"cat /etc/shadow"}';
const payloads: readonly Payload[] = [{ name: "a.log", records: [{ text, read: 0 }], options: {}, events: [] }];
const fuzzed = (source: Source, inputs = 500): FuzzCounts => fuzz(source, payloads, { inputs, seed: 3 });

test("a source that tells what is there passes, and is counted", () => {
  const counts = fuzzed(
    sourceOf((record) =>
      record.text.startsWith('{"user"')
        ? [told(record, record.text)]
        : [{ why: "malformed", reason: "the record is none", records: [record] }],
    ),
  );
  assert.equal(counts.inputs, 500);
  assert.equal(counts.events + counts.unparsed, 500);
  assert.ok(counts.events > 100 && counts.unparsed > 20, JSON.stringify(counts));
});

test("a record that is lost, a word that is invented and a crash are found", () => {
  assert.throws(() => fuzzed(sourceOf((record) => (record.text.includes("😀") ? [] : [told(record, record.text)]))), {
    message: /records that no outcome tells/,
  });
  assert.throws(
    () => fuzzed(sourceOf((record) => [told(record, record.text.includes("shadow") ? record.text : "somebody")])),
    { message: /seed 3: "somebody" of "somebody" is in no record/ },
  );
  assert.throws(
    () => fuzzed(sourceOf((record) => [told(record, JSON.stringify(JSON.parse(record.text)))])),
    SyntaxError,
  );
});

test("the same seed gives the same inputs", () => {
  const seen: string[][] = [[], []];
  for (const list of seen)
    fuzzed(
      sourceOf((record) => {
        list.push(record.text);
        return [told(record, record.text)];
      }),
    );
  assert.deepEqual(seen[0], seen[1]);
});
