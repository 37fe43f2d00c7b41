import assert from "node:assert/strict";
import { test } from "node:test";
import { Value } from "typebox/value";
import { TaishiError } from "../errors.ts";
import { compileMapping, Mapping } from "./json-mapping.ts";
import { readPath, valueAt } from "./json-path.ts";
import { isParsed } from "./source.ts";

const record = { a: { b: [{ "c.d": 1, "it's": 2, 'q"': 3 }], é: 4, "": 5 }, "a.b": 6, "@t": 7, "x-y": 8, $: 9 };

test("a path names one member", () => {
  const at = (path: string): unknown => valueAt(record, readPath(path, "path"));
  assert.equal(at("$.a.b[0]['c.d']"), 1);
  assert.equal(at('a["b"][0]["c.d"]'), 1);
  assert.equal(at("$.a.b[0]['it\\'s']"), 2);
  assert.equal(at('$.a.b[0]["q\\""]'), 3);
  assert.equal(at("$.a.é"), 4);
  assert.equal(at("$.a['']"), 5);
  assert.equal(at("['a.b']"), 6);
  assert.equal(at("@t"), 7);
  assert.equal(at("$.x-y"), 8);
  assert.equal(at("$['$']"), 9);
  assert.equal(at("$"), record);
  for (const path of ["$.b", "$.a.b.c", "$.a[0]", "$.a.b[1]", "$.a.b.length", "$.toString", "$.__proto__"])
    assert.equal(at(path), undefined, path);
});

test("what is no path is refused with its place", () => {
  for (const [path, at] of [
    ["$a", 2],
    ["a..b", 2],
    ["a.", 2],
    ["a[*]", 2],
    ["a[-1]", 2],
    ["a[01]", 2],
    ["a['b]", 2],
    ["$.a b", 4],
    ["..", 1],
  ] as const)
    refuses(() => readPath(path, "time.path"), "time.path", new RegExp(`character ${at}:`));
});

function refuses(attempt: () => unknown, field: string, message: RegExp): void {
  assert.throws(attempt, (thrown) => {
    assert.ok(thrown instanceof TaishiError, String(thrown));
    assert.equal(thrown.details.field, field);
    assert.match(thrown.message, message);
    return true;
  });
}

test("what is wrong with a mapping is named by its place", () => {
  const security = { kind: "security", type: { value: "X" } } as const;
  const wrong = (mapping: object, field: string, message: RegExp): void => {
    assert.ok(Value.Check(Mapping, mapping), JSON.stringify(mapping));
    refuses(() => compileMapping(mapping), field, message);
  };
  wrong({ kind: "security" }, "type", /is required for kind security/);
  wrong({ kind: "trail", type: "a" }, "source", /is required/);
  wrong({ kind: "database" }, "name", /is required/);
  wrong({ ...security, source: "a" }, "source", /no place in a mapping of kind security/);
  wrong({ ...security, time: "a[" }, "time", /no path/);
  wrong({ ...security, time: { path: "a[" } }, "time.path", /no path/);
  wrong({ ...security, contents: [{ key: "A", path: "a" }, { key: "B" }] }, "contents[1]", /either a path or a value/);
  wrong({ ...security, contents: [{ key: "A", path: "$x" }] }, "contents[0].path", /no path/);
  wrong({ ...security, labels: { usr: "a" } }, "labels.usr", /no label/);
  wrong({ ...security, where: [{ path: "$$" }] }, "where[0].path", /no path/);
  wrong({ kind: "database", name: "a", fields: { file: "a" } }, "fields.file", /no field of a database event/);
  wrong({ kind: "trail", type: "a", source: "b", fields: { user: "a" } }, "fields.user", /userName/);
  wrong({ kind: "trail", type: "a", source: "b", resources: [{ type: "a", id: "[" }] }, "resources[0].id", /no path/);
});

test("times of every form come out in milliseconds, cut and never rounded", () => {
  const time = (format: string, json: string): number | string => {
    const mapping = { kind: "security", type: { value: "X" }, time: { path: "t", format } } as Mapping;
    const outcome = compileMapping(mapping)({ text: `{"t":${json}}`, read: 0 });
    return isParsed(outcome) ? outcome.draft.time : outcome.reason;
  };
  assert.equal(time("rfc3339", '"2026-11-21T08:43:20.1239+08:00"'), 1_795_221_800_123);
  assert.equal(time("s", "1795250600"), 1_795_250_600_000);
  assert.equal(time("s", "1795250600.9999"), 1_795_250_600_999);
  assert.equal(time("s", '"1795250600.5"'), 1_795_250_600_500);
  assert.equal(time("ms", "1795250600123"), 1_795_250_600_123);
  assert.equal(time("us", "1795250600123999"), 1_795_250_600_123);
  assert.equal(time("ns", "1795250600123999999"), 1_795_250_600_123);
  assert.equal(time("ns", "999999"), 0);
  for (const json of ["-1", "true", "{}", '""', '"1e9"', "1e300", "999999999999999999999999"])
    assert.match(String(time("s", json)), /no time of the form s/, json);
  assert.match(String(time("s", "null")), /t is missing/);
});
