import assert from "node:assert/strict";
import { test } from "node:test";
import { compressionOf, liveNamesOf, oldestFirst } from "./rotated-name.ts";

const strong = (name: string): readonly string[] => liveNamesOf(name).flatMap((live) => (live.weak ? [] : [live.name]));

test("rotated names lead to the name they extend", () => {
  for (const [rotated, live] of [
    ["auth.log.1", "auth.log"],
    ["auth.log.12.gz", "auth.log"],
    ["auth.log.gz", "auth.log"],
    ["auth.log-20261121", "auth.log"],
    ["auth.log-20261121-1763719200.zst", "auth.log"],
    ["auth.log.2026-11-21T10:00:00+01:00", "auth.log"],
    ["auth.log.old", "auth.log"],
    ["messages.1.xz", "messages"],
    ["0.log.20261121-100000", "0.log"],
    ["server_audit.log.01", "server_audit.log"],
    ["audit.20261121T100000.log", "audit.log"],
    ["violations-2026-11-21T10-00-00.000.log.gz", "violations.log"],
    ["foo-20261121.log", "foo.log"],
  ] as const)
    assert.ok(strong(rotated).includes(live), `${rotated} is of ${live}: ${strong(rotated).join()}`);
});

test("other names do not", () => {
  for (const name of ["auth.log", "auth.log.audit", "auth.log.conf", "auth-other.log", "worker-1.log", ".log", "1"])
    assert.deepEqual(strong(name), [], name);
  assert.deepEqual(liveNamesOf("worker.1.log"), [{ name: "worker.log", counter: "1", weak: true }]);
});

test("compression is told by the ending", () => {
  const endings = ["a.log", "a.log.1.gz", "a.log.zst", "a.log.xz", "a.log.bz2"];
  assert.deepEqual(endings.map(compressionOf), [undefined, "gzip", "zstd", null, null]);
});

test("older is the higher number, the earlier date, else the earlier change", () => {
  const order = (...names: readonly (readonly [string, string])[]): readonly string[] =>
    oldestFirst(names.map(([path, counter], i) => ({ path, counter, changed: BigInt(i) }))).map(({ path }) => path);
  assert.deepEqual(order(["b", "1"], ["c", "10"], ["a", "2"]), ["c", "a", "b"]);
  assert.deepEqual(order(["c", "20261121"], ["b", "2026-11-20T10"], ["a", "2026112110"]), ["b", "c", "a"]);
  assert.deepEqual(order(["c", "1"], ["a", "old"], ["b", "20261121"]), ["c", "a", "b"]);
});

test("numbers that go up are told from those that go down by when the files were changed", () => {
  const order = (...files: readonly (readonly [string, number])[]): string =>
    oldestFirst(
      files.map(([path, changed]) => ({ path, counter: path.replace(/\D/g, ""), changed: BigInt(changed * 1e9) })),
    )
      .map(({ path }) => path)
      .join();
  assert.equal(order(["1", 10], ["2", 20], ["3.gz", 30]), "1,2,3.gz");
  assert.equal(order(["1", 30], ["2", 20], ["3.gz", 10]), "3.gz,2,1");
  assert.equal(order(["1.gz", 10], ["2", 20]), "1.gz,2");
  // Compressed a moment after the other was rotated away, by a tool that does not keep the time.
  assert.equal(order(["1", 30], ["2.gz", 31], ["3.gz", 20]), "3.gz,2.gz,1");
  assert.equal(order(["1", 30], ["2.gz", 31]), "2.gz,1");
  assert.equal(order(["1", 30], ["2", 30]), "2,1");
  // By a tool that keeps the time in whole seconds, or milliseconds.
  assert.equal(order(["1.gz", 30], ["2", 30.2]), "2,1.gz");
});
