import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { TaishiError } from "../../errors.ts";
import { type LinkedPlace, Links } from "./links.ts";

const now = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const origin = "https://audit.example";
const key = new Uint8Array(32).fill(1);
const links = new Links(key);
const place: LinkedPlace = {
  account: "2100000001",
  instance: "3d39c18788b54a919bab633874c159dfin01",
  file: "fa163ea0e2bet11e9d832166a2cf894c5br01",
  kind: "sql-audit",
};

function targetOf(made: LinkedPlace, at = now): string {
  return links.make(origin, made, at).url.slice(origin.length);
}

function isVoid(thrown: unknown): boolean {
  return thrown instanceof TaishiError && thrown.code === "link-void" && thrown.status === 403;
}

test("a link leads to its file for five minutes and then no more", () => {
  const { url, expires } = links.make(origin, place, now);
  assert.equal(expires, Math.floor(now / 1000) * 1000 + 300_000);
  assert.match(
    url,
    /^https:\/\/audit\.example\/download\/audit-logs\/2100000001\/3d39c18788b54a919bab633874c159dfin01\/fa163ea0e2bet11e9d832166a2cf894c5br01\?expires=\d{10}&kind=sql-audit&signature=[0-9a-f]{64}$/,
  );
  const target = url.slice(origin.length);
  assert.deepEqual(links.read(target, now), place);
  assert.deepEqual(links.read(target, expires - 1), place);
  assert.throws(() => links.read(target, expires), isVoid);
});

test("a link altered in any one character is void", () => {
  const target = targetOf(place);
  for (let at = 0; at < target.length; at++) {
    for (const other of ["0", "1", "a", "F", "/", "%", "&", "", "é"]) {
      const altered = target.slice(0, at) + other + target.slice(at + 1);
      if (altered !== target) assert.throws(() => links.read(altered, now), isVoid, altered);
    }
  }
});

test("a link with anything added, left out or moved is void", () => {
  const target = targetOf(place);
  const [path, query] = target.split("?") as [string, string];
  const [expires, kind, signature] = query.split("&") as [string, string, string];
  for (const altered of [
    `${target}&x=1`,
    `${target}#x`,
    `${target}\n`,
    ` ${target}`,
    `${path}?${kind}&${expires}&${signature}`,
    `${path}?${expires}&${signature}`,
    `${path}?${expires}&${kind}`,
    `${path}?${expires}&${expires}&${kind}&${signature}`,
    `${path}/?${query}`,
    path,
    "",
    "/",
    target.replace("kind=sql-audit", "kind=full-sql"),
    target.replace(signature, signature.toUpperCase()),
    target.replace("/2100000001/", "/2100000001%2F3/"),
    target.replace("/2100000001/", "/%E9/"),
  ])
    assert.throws(() => links.read(altered, now), isVoid, altered);
});

test("a link made with another key is void", () => {
  const other = new Links(new Uint8Array(32).fill(2));
  assert.throws(() => other.read(targetOf(place), now), isVoid);
});

test("a key that could be guessed is refused", () => {
  assert.throws(() => new Links(new Uint8Array(31)), RangeError);
});

test("the caller's copy of the key may be wiped", () => {
  const mine = new Uint8Array(32).fill(1);
  const made = new Links(mine);
  mine.fill(0);
  assert.deepEqual(made.read(targetOf(place), now), place);
});

test("ids of any characters survive a link, and no place has the link of another", () => {
  const part = fc.string({ minLength: 1, unit: "grapheme" });
  const parts = {
    account: part,
    instance: part,
    file: part,
    kind: fc.constantFrom("sql-audit" as const, "full-sql" as const),
  };
  const anyPlace = fc.record(parts, { noNullPrototype: true });
  fc.assert(
    fc.property(anyPlace, anyPlace, (one, two) => {
      assert.deepEqual(links.read(targetOf(one), now), one);
      if (targetOf(one) === targetOf(two)) assert.deepEqual(one, two);
    }),
  );
});
