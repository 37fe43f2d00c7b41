import assert from "node:assert/strict";
import { test } from "node:test";
import { optionsOf, outcomesOf, payloadsOf, testSource } from "../source.contract.ts";
import { isParsed, type Outcome } from "../source.ts";
import { dockerEvents } from "./source.ts";

testSource(dockerEvents, import.meta.dirname);

const container = "3f".repeat(32);

function event(action: string, read: number, attributes: object = {}, time = '"timeNano":1795247000123456789') {
  const actor = JSON.stringify({
    ID: container,
    Attributes: { name: "web", image: "shop", execID: "x1", ...attributes },
  });
  return { text: `{"Type":"container","Action":${JSON.stringify(action)},"Actor":${actor},${time}}`, read };
}

function brief(outcomes: readonly Outcome[]): readonly unknown[] {
  return outcomes.map((outcome) => {
    if (!isParsed(outcome)) return [outcome.why, outcome.records.length];
    const { draft, incomplete, records } = outcome;
    assert.ok(draft.kind === "security");
    const exitCode = draft.contents.find(({ key }) => key === "ExitCode")?.value;
    return [draft.type, exitCode, incomplete, records.length];
  });
}

test("an exec that goes on is told after the wait, and its end is an event of its own", () => {
  const parser = dockerEvents.parser(optionsOf(dockerEvents, { wait: 5 }) as never);
  assert.deepEqual(parser.take(event("exec_create: bash", 1_000)), []);
  assert.deepEqual(parser.take(event("exec_start: bash", 1_001)), []);
  assert.deepEqual(parser.expire(5_999), []);
  assert.equal(parser.waiting().length, 2);
  assert.deepEqual(brief(parser.expire(6_000)), [["ContainerLogin", undefined, undefined, 2]]);
  assert.equal(parser.waiting().length, 0);
  assert.deepEqual(brief(parser.take(event("exec_die", 90_000, { exitCode: "130" }))), [
    ["ContainerLogout", "130", undefined, 1],
  ]);
});

test("what waits too long is given up by the next record, and says what it lacks", () => {
  const parser = dockerEvents.parser(optionsOf(dockerEvents) as never);
  parser.take(event("exec_create: bash", 1_000, { execID: "x2" }));
  assert.deepEqual(brief(parser.take(event("start", 60_000))), [
    ["no-event", 1],
    ["ContainerLogin", undefined, "no exec_start", 1],
  ]);
});

test("a health check is told by pattern of command, container and image together", () => {
  const checks = [
    { command: "pg_isready*", container: "db-*" },
    { command: "*curl*ready", image: "shop" },
  ];
  const parser = dockerEvents.parser(optionsOf(dockerEvents, { "health-checks": checks }) as never);
  const why = (command: string, name: string): unknown => {
    parser.take(event(`exec_start: ${command}`, 0, { name }));
    return (brief(parser.take(event("exec_die", 0, { name, exitCode: 0 })))[0] as unknown[])[0];
  };
  assert.equal(why("pg_isready -U postgres", "db-1"), "health-check");
  assert.equal(why("pg_isready -U postgres", "web"), "ContainerLogin");
  assert.equal(why("sh -c curl http://localhost/ready", "web"), "health-check");
  assert.equal(why("sh -c curl http://localhost/ready; sh", "web"), "ContainerLogin");
  assert.equal(why("ready", "web"), "ContainerLogin");
});

test("nanoseconds above 2^53 are cut to milliseconds exactly", () => {
  const at = (time: string): number => {
    const [outcome] = dockerEvents.parser(optionsOf(dockerEvents) as never).take(event("attach", 0, {}, time));
    assert.ok(outcome !== undefined && isParsed(outcome));
    return outcome.draft.time;
  };
  assert.equal(at('"time":1795247000,"timeNano":1795247000999999999'), 1_795_247_000_999);
  assert.equal(at('"timeNano":1795247000000999999'), 1_795_247_000_000);
  assert.equal(at('"timeNano":"1795247000123000001"'), 1_795_247_000_123);
  assert.equal(at('"time":1795247000'), 1_795_247_000_000);
});

test("no secret of a command line or a label is in what is kept", () => {
  const payload = payloadsOf(dockerEvents, import.meta.dirname).find(({ name }) => name === "secrets.log")!;
  for (const outcome of outcomesOf(dockerEvents, payload.options, payload.records)) {
    assert.ok(outcome.records.some(({ text }) => text.includes("hunter2") || text.includes("abc.def")));
    assert.doesNotMatch(JSON.stringify({ ...outcome, records: [] }), /hunter2|abc\.def|xyz/);
    assert.equal(outcome.redacted?.split("\n").length, outcome.records.length);
  }
});
