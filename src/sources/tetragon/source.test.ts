import assert from "node:assert/strict";
import { test } from "node:test";
import { optionsOf, outcomesOf, payloadsOf, testSource } from "../source.contract.ts";
import { isParsed, type Outcome, type RawRecord } from "../source.ts";
import { tetragon } from "./source.ts";

testSource(tetragon, import.meta.dirname);

function type(outcome: Outcome | undefined): string {
  assert.ok(outcome !== undefined);
  return isParsed(outcome) ? (outcome.draft as { readonly type: string }).type : outcome.why;
}

function exec(process: object, parent: object | undefined): RawRecord {
  const event = { process_exec: { process: { pid: 7, ...process }, parent }, time: "2026-11-21T08:00:00Z" };
  return { text: JSON.stringify(event), read: 0 };
}

test("a shell is a login only where it came into a running container from outside, and was told nothing to run", () => {
  const contained = { pod: { namespace: "shop", name: "web-0" }, docker: "7be1d3c94a0f52e" };
  const entered = { ...contained, in_init_tree: false };
  const outside = { binary: "/usr/sbin/runc", arguments: "--root /run exec --process /tmp/p 7be1" };
  const of = (process: object, parent: object | undefined): string =>
    type(outcomesOf(tetragon, optionsOf(tetragon), [exec(process, parent)])[0]);
  assert.equal(of({ binary: "/bin/bash", ...entered }, outside), "ContainerLogin");
  assert.equal(of({ binary: "/bin/sh", arguments: "-i --norc", ...entered }, outside), "ContainerLogin");
  assert.equal(of({ binary: "/bin/sh", ...contained }, outside), "ContainerLogin");
  assert.equal(of({ binary: "/bin/sh", arguments: "-ec true", ...entered }, outside), "ProcessExec");
  assert.equal(of({ binary: "/bin/sh", arguments: "/srv/run.sh", ...entered }, outside), "ProcessExec");
  assert.equal(of({ binary: "/usr/bin/top", ...entered }, outside), "ProcessExec");
  assert.equal(of({ binary: "/bin/bash", ...entered }, { binary: "/bin/sh", ...entered }), "ProcessExec");
  assert.equal(of({ binary: "/bin/bash", ...contained, in_init_tree: true }, outside), "ProcessExec");
  assert.equal(of({ binary: "/bin/bash", ...entered }, undefined), "ProcessExec");
  assert.equal(of({ binary: "/bin/bash", in_init_tree: false }, outside), "ProcessExec");
});

test("a policy of another's name is not taken for one of the options", () => {
  const text = `{"process_lsm":{"process":{"binary":"/bin/a"},"policy_name":"constructor"},"time":"2026-11-21T08:00:00Z"}`;
  assert.equal(type(outcomesOf(tetragon, optionsOf(tetragon), [{ text, read: 0 }])[0]), "no-event");
});

test("parts of a line wait for its end, a minute at most", () => {
  const parser = tetragon.parser(optionsOf(tetragon) as never);
  assert.deepEqual(parser.take({ text: '2026-11-21T08:00:00.1Z stdout P {"process', read: 1_000 }), []);
  assert.equal(parser.waiting().length, 1);
  assert.deepEqual(parser.expire(60_999), []);
  assert.deepEqual(parser.expire(61_000).map(type), ["malformed"]);
  const rest = parser.take({ text: '2026-11-21T08:00:00.1Z stdout F _exit":{}}', read: 62_000 });
  assert.deepEqual(rest.map(type), ["other-program"]);
});

test("no secret of a command line, the environment or a hook's argument is in what is kept", () => {
  let seen = 0;
  for (const { options, records } of payloadsOf(tetragon, import.meta.dirname))
    for (const outcome of outcomesOf(tetragon, options, records)) {
      if (!outcome.records.some(({ text }) => text.includes("hunter2"))) continue;
      seen++;
      assert.ok(outcome.redacted !== undefined);
      assert.doesNotMatch(JSON.stringify({ ...outcome, records: [] }), /hunter2/);
    }
  assert.equal(seen, 4);
});
