import assert from "node:assert/strict";
import { test } from "node:test";
import { optionsOf, outcomesOf, payloadsOf, testSource } from "../source.contract.ts";
import { isParsed, type Outcome, type RawRecord } from "../source.ts";
import { uriWithoutSecrets } from "./command-line.ts";
import { kubernetesAudit } from "./source.ts";

testSource(kubernetesAudit, import.meta.dirname);

function record(stage: string, id: string, read: number, more: object = {}): RawRecord {
  const event = {
    kind: "Event",
    auditID: id,
    stage,
    verb: "create",
    requestURI: "/api/v1/namespaces/shop/pods/web-0/exec?command=sh",
    objectRef: { resource: "pods", namespace: "shop", name: "web-0", subresource: "exec" },
    requestReceivedTimestamp: "2026-11-21T08:43:20.123456Z",
    stageTimestamp: "2026-11-21T08:43:20.123456Z",
    ...more,
  };
  return { text: JSON.stringify(event), read };
}

function brief(outcomes: readonly Outcome[]): readonly unknown[] {
  return outcomes.map((outcome) =>
    isParsed(outcome)
      ? [outcome.draft.kind === "database" ? "" : outcome.draft.type, outcome.incomplete, outcome.records.length]
      : [outcome.why, outcome.records.length],
  );
}

test("a session is told when it begins, and its end is known as one for a day", () => {
  const parser = kubernetesAudit.parser(optionsOf(kubernetesAudit) as never);
  assert.deepEqual(brief(parser.take(record("ResponseStarted", "a", 0))), [["ContainerLogin", undefined, 1]]);
  assert.deepEqual(brief(parser.take(record("ResponseStarted", "b", 1_000))), [["ContainerLogin", undefined, 1]]);
  const day = 24 * 60 * 60 * 1000;
  assert.deepEqual(parser.expire(day - 1), []);
  assert.equal(parser.waiting().length, 2);
  assert.deepEqual(parser.expire(day), []);
  assert.equal(parser.waiting().length, 1);
  assert.deepEqual(brief(parser.take(record("ResponseComplete", "b", day))), [["ContainerLogout", undefined, 1]]);
});

test("a first stage that gets no response is told after the wait, as incomplete", () => {
  const parser = kubernetesAudit.parser(optionsOf(kubernetesAudit, { wait: 10 }) as never);
  assert.deepEqual(parser.take(record("RequestReceived", "a", 0)), []);
  assert.deepEqual(parser.expire(9_999), []);
  assert.deepEqual(brief(parser.expire(10_000)), [["ContainerLogin", "no response", 1]]);
  assert.deepEqual(brief(parser.take(record("ResponseComplete", "a", 11_000))), [["ContainerLogin", undefined, 1]]);
});

test("never are more than 1,000 records waited for; what was told goes first", () => {
  const parser = kubernetesAudit.parser(optionsOf(kubernetesAudit) as never);
  for (let i = 0; i < 600; i++) parser.take(record("ResponseStarted", `told-${i}`, 0));
  for (let i = 0; i < 1_000; i++) assert.deepEqual(parser.take(record("RequestReceived", `waits-${i}`, 0)), []);
  assert.equal(parser.waiting().length, 1_000);
  assert.deepEqual(brief(parser.take(record("RequestReceived", "one-more", 0))), [
    ["ContainerLogin", "no response", 1],
  ]);
});

test("no secret of a command, of a Secret or of a token is in what is kept, and the rest is as it came", () => {
  const payload = payloadsOf(kubernetesAudit, import.meta.dirname).find(({ name }) => name === "secrets.log")!;
  const outcomes = outcomesOf(kubernetesAudit, payload.options, payload.records);
  assert.equal(outcomes.length, payload.records.length);
  for (const outcome of outcomes) {
    const { text } = outcome.records[0]!;
    assert.match(text, /Kv8uQ2/);
    assert.doesNotMatch(JSON.stringify({ ...outcome, records: [] }), /Kv8uQ2/);
    assert.equal(JSON.parse(outcome.redacted!).user.uid, "u-17");
  }
  assert.equal(
    uriWithoutSecrets("/exec?command=mysql&command=-pa%20b&command=a%2Bb&container=c&stdin=true"),
    "/exec?command=mysql&command=-p*****&command=a%2Bb&container=c&stdin=true",
  );
});
