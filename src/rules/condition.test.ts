import assert from "node:assert/strict";
import { test } from "node:test";
import { fitsGlob, readCondition } from "./condition.ts";

const lists = new Map([
  ["offices", ["10.0.0.0/8", "2001:db8::/32"]],
  ["none", []],
  ["people", ["alice", "bob"]],
]);

function condition(given: unknown) {
  return readCondition(given, ["c"], {
    lists,
    fail: (path, why) => {
      throw new SyntaxError(`${path.join(".")}: ${why}`);
    },
  });
}

function holds(given: unknown, ...values: readonly string[]): boolean {
  return condition(given).holds(values);
}

test("each operator holds for what it asks and for nothing else", () => {
  const rows: readonly (readonly [given: unknown, yes: readonly string[], no: readonly string[]])[] = [
    ["root", ["root"], ["Root", "root ", ""]],
    [22, ["22"], ["2222"]],
    [["a", "b"], ["a", "b"], ["ab"]],
    [{ equals: "a*" }, ["a*"], ["ab"]],
    [{ in: ["$people", "carol"] }, ["alice", "bob", "carol"], ["$people"]],
    [{ equals: "$people" }, ["$people"], ["alice"]],
    [{ in: "$$people" }, ["$people"], ["alice"]],
    [{ in: "$none" }, [], ["", "none", "$none"]],
    [{ glob: "web-*" }, ["web-", "web-1/x"], ["aweb-1", "web"]],
    [{ glob: ["*/curl", "wget"] }, ["/usr/bin/curl", "wget"], ["curl", "/usr/bin/wget"]],
    [{ regex: "^a+$" }, ["aa"], ["aab"]],
    [{ regex: ["x", "y"] }, ["axb", "ayb"], ["ab"]],
    [{ cidr: "$offices" }, ["10.1.2.3", "2001:db8::9"], ["192.0.2.1", "alice"]],
    [{ port: "1-1023" }, ["1", "22", "1023"], ["0", "1024", "", "22a", "-1", "1e2"]],
    [{ port: [443, "8000-8999"] }, ["443", "8080"], ["444"]],
    [{ present: true }, ["x"], []],
    [{ not: "a" }, ["b"], ["a"]],
    [{ not: { cidr: "10.0.0.0/8" } }, ["192.0.2.1", "nonsense"], ["10.0.0.1"]],
    [{ not: { not: "a" } }, ["a"], ["b"]],
  ];
  for (const [given, yes, no] of rows) {
    for (const value of yes) assert.equal(holds(given, value), true, `${JSON.stringify(given)} for ${value}`);
    for (const value of no) assert.equal(holds(given, value), false, `${JSON.stringify(given)} for ${value}`);
  }
});

test("what is not known is nothing but absent, and not what it is asked not to be", () => {
  for (const given of [
    "a",
    { glob: "*" },
    { regex: ".*" },
    { cidr: "0.0.0.0/0" },
    { port: "0-65535" },
    { present: true },
  ])
    assert.equal(holds(given), false, JSON.stringify(given));
  assert.equal(holds({ present: false }), true);
  assert.equal(holds({ not: "a" }), true);
});

test("of several values one is enough, and for not none may be", () => {
  assert.equal(holds("a", "b", "a"), true);
  assert.equal(holds({ not: "a" }, "b", "a"), false);
  assert.equal(holds({ not: "a" }, "b", "c"), true);
});

test("a mistake is told with its place", () => {
  const rows: readonly (readonly [given: unknown, told: RegExp])[] = [
    ["", /^c: must be a text that is not empty$/],
    [null, /^c: must be a text/],
    [true, /^c: must be a text/],
    [1.5, /^c: must be a text/],
    [[], /^c: must not be an empty list$/],
    [["a", ["b"]], /^c\.1: must be a text/],
    [{}, /^c: must have one operator/],
    [{ glob: "a", in: "b" }, /^c: must have one operator/],
    [{ like: "a" }, /^c\.like: is not an operator/],
    [{ constructor: "a" }, /^c\.constructor: is not an operator/],
    [{ in: "$nobody" }, /^c\.in: there is no list nobody$/],
    [{ cidr: "10.0.0.0/40" }, /^c\.cidr: "10\.0\.0\.0\/40" is neither/],
    [{ regex: "(a" }, /^c\.regex: holds a group that is not closed/],
    [{ port: "9-1" }, /^c\.port: "9-1" is neither/],
    [{ port: "65536" }, /^c\.port/],
    [{ present: "yes" }, /^c\.present: must be true or false$/],
    [{ not: { in: [] } }, /^c\.not\.in: must not be an empty list$/],
  ];
  for (const [given, message] of rows) assert.throws(() => condition(given), { message }, JSON.stringify(given));
});

test("a glob ends in reasonable time", () => {
  assert.equal(fitsGlob(`${"*a".repeat(50)}b`, "a".repeat(100_000)), false);
  assert.equal(fitsGlob("a?c", "abc"), true);
  assert.equal(fitsGlob("**", ""), true);
  assert.equal(fitsGlob("?", ""), false);
});
