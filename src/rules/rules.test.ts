import assert from "node:assert/strict";
import { test } from "node:test";
import { readRules } from "./read-rules.ts";
import type { MemoryRow, RuleMemory } from "./rule-memory.ts";
import type { Facts } from "./rules.ts";

const minute = 60_000;
const day = 24 * 60 * minute;
const start = Date.UTC(2026, 10, 21, 12);

function facts(more: Partial<Facts> = {}): Facts {
  return { kind: "security", type: "T", time: start, labels: {}, tags: [], ...more };
}

/** Judges events one after another; what became of each as "risk rule tags". */
function judge(text: string, events: readonly Partial<Facts>[], memory?: RuleMemory): readonly string[] {
  const rules = readRules(text, "rules.yaml");
  const kept = memory ?? rules.memory();
  return events.map((event) => {
    const { risk, rule, tags } = rules.judge(facts(event), kept);
    return [risk, rule ?? "-", tags.join(",")].join(" ").trimEnd();
  });
}

test("the first rule with a risk decides; rules without one add their tags, wherever they stand", () => {
  const text = `
rules:
  - { id: early, when: { user: { present: true } }, tags: [Early, Both] }
  - { id: root, when: { user: root }, risk: High, tags: [Root, Both] }
  - { id: any, when: { type: T }, risk: Low, tags: NotSaid }
  - { id: late, when: { type: T }, tags: Late }
`;
  assert.deepEqual(judge(text, [{ labels: { user: "root" } }, { labels: { user: "alice" } }, {}, { type: "Other" }]), [
    "High root Early,Both,Root,Late",
    "Low any Early,Both,NotSaid,Late",
    "Low any NotSaid,Late",
    "Info -",
  ]);
});

test("where no rule decides the origin's own grading stands, else Info", () => {
  const text = "rules: [{ id: a, when: { type: A }, risk: Low }]";
  assert.deepEqual(judge(text, [{ type: "B", risk: "High" }, { type: "B" }, { type: "A", risk: "High" }]), [
    "High -",
    "Info -",
    "Low a",
  ]);
});

test("conditions ask kind, type, tags, the origin's risk, contents and labels", () => {
  const text = `
rules:
  - { id: k, when: { kind: database }, risk: Low }
  - { id: t, when: { tag: MetadataServer }, risk: Low }
  - { id: r, when: { risk: [High, Critical] }, risk: Low }
  - { id: c, when: { content.Action: DENIED }, risk: Low }
  - { id: l, when: { label.team: red }, risk: Low }
  - { id: p, when: { destination.port: 22 }, risk: Low }
`;
  const events: readonly Partial<Facts>[] = [
    { kind: "database" },
    { tags: ["Other", "MetadataServer"] },
    { risk: "High" },
    { contents: [{ key: "Action", value: "DENIED" }] },
    { labels: { "label.team": "red" } },
    { labels: { "destination.port": "22" } },
    { contents: [{ key: "Action", value: "" }], labels: { user: "" } },
  ];
  assert.deepEqual(
    judge(text, events).map((line) => line.split(" ")[1]),
    ["k", "t", "r", "c", "l", "p", "-"],
  );
});

const counting = `
rules:
  - { id: many, when: { type: Fail }, count: { by: source.ip, within: 10m, at-least: 3 }, risk: High }
  - { id: once, when: { type: Fail }, risk: Low }
  - { id: then, when: { type: Success }, after: { rule: many, by: source.ip, within: 1h }, risk: Critical }
`;
const fail = (minutes: number, ip = "198.51.100.23"): Partial<Facts> => ({
  type: "Fail",
  time: start + minutes * minute,
  labels: { "source.ip": ip },
});
const success = (minutes: number, ip?: string): Partial<Facts> => ({ ...fail(minutes, ip), type: "Success" });

test("a count holds from the nth event within its window, for each value apart", () => {
  assert.deepEqual(
    judge(counting, [fail(0), fail(1, "192.0.2.1"), fail(4), fail(10), fail(10.1), fail(30), fail(31), fail(32)]),
    [
      "Low once",
      "Low once",
      "Low once",
      "High many", // 0, 4, 10
      "High many", // 4, 10, 10.1
      "Low once",
      "Low once",
      "High many",
    ],
  );
});

test("an event without what is counted apart is not counted", () => {
  assert.deepEqual(
    judge(
      counting,
      Array.from({ length: 4 }, () => ({ type: "Fail", labels: {} })),
    ),
    Array(4).fill("Low once"),
  );
});

test("a rule counts although another decides before it", () => {
  const text = `
rules:
  - { id: quiet, when: { type: Fail, user: test }, risk: Info }
  - { id: many, when: { type: Fail }, count: { by: source.ip, within: 10m, at-least: 3 }, risk: High }
`;
  const quiet = { ...fail(0), labels: { "source.ip": "198.51.100.23", user: "test" } };
  assert.deepEqual(judge(text, [quiet, quiet, fail(0)]), ["Info quiet", "Info quiet", "High many"]);
});

test("what comes after a rule that held is told from what comes after nothing, too late, or from elsewhere", () => {
  const events = [
    success(0),
    fail(1),
    fail(2),
    success(2),
    fail(3),
    success(4),
    success(4, "192.0.2.1"),
    success(63),
    success(64),
  ];
  assert.deepEqual(judge(counting, events), [
    "Info -",
    "Low once",
    "Low once",
    "Info -",
    "High many",
    "Critical then",
    "Info -",
    "Critical then",
    "Info -",
  ]);
});

test("times far in the future or past do not blind a count", () => {
  const year = 365 * 24 * 60;
  assert.deepEqual(judge(counting, [fail(0), fail(50 * year), fail(1), fail(-20 * year), fail(2)]).at(-1), "High many");
  // And a clock that stays wrong counts by itself.
  assert.deepEqual(judge(counting, [fail(0), fail(year), fail(year), fail(year)]).at(-1), "High many");
});

test("records that come late count with those they lie beside", () => {
  assert.deepEqual(judge(counting, [fail(5), fail(6), fail(4)]).at(-1), "High many");
});

const firsts = `
rules:
  - { id: first, when: { type: K }, first-seen: { by: [key, user], within: 30d }, risk: Low }
`;
const use = (days: number, user?: string): Partial<Facts> => ({
  type: "K",
  time: start + days * day,
  labels: { key: "k", ...(user === undefined ? {} : { user }) },
});

test("what was not seen within the window is a first", () => {
  const events = [use(0, "a"), use(1, "a"), use(1, "b"), use(30, "a"), use(60.1, "a"), use(60.2), use(59, "a")];
  assert.deepEqual(judge(firsts, events), [
    "Low first",
    "Info -",
    "Low first",
    "Info -",
    "Low first",
    "Info -",
    "Info -",
  ]);
});

test("a time far in the future does not make everything known", () => {
  assert.deepEqual(judge(firsts, [use(36_500, "a"), use(0, "a"), use(1, "a")]), ["Low first", "Low first", "Info -"]);
});

test("a memory that was kept and loaded goes on as if nothing had been", () => {
  const events = [fail(0), fail(1), success(1), fail(2), success(3), use(1, "a"), fail(4), success(90)];
  const whole = judge(counting, events);
  for (let stop = 0; stop <= events.length; stop++) {
    const rules = readRules(counting, "rules.yaml");
    const before = rules.memory();
    const table = new Map<string, MemoryRow>();
    const first = events.slice(0, stop).flatMap((event) => {
      const told = judge(counting, [event], before);
      for (const row of before.takeChanges()) table.set(`${row.rule} ${row.key}`, row);
      return told;
    });
    const rest = judge(counting, events.slice(stop), rules.memory(table.values()));
    assert.deepEqual([...first, ...rest], whole, `stopped after ${stop}`);
  }
});

test("very long values are told apart and not remembered whole", () => {
  const rules = readRules(counting, "rules.yaml");
  const memory = rules.memory();
  const long = "x".repeat(100_000);
  const told = [`${long}1`, `${long}2`, `${long}1`, `${long}1`].map(
    (ip) => rules.judge(facts(fail(0, ip)), memory).risk,
  );
  assert.deepEqual(told, ["Low", "Low", "Low", "High"]);
  assert.ok(memory.takeChanges().every(({ key }) => key.length < 1_000));
});

test("asked for it, each rule says why it holds or not; those for other types are left out", () => {
  const rules = readRules(counting, "rules.yaml");
  const memory = rules.memory();
  const explained = (event: Partial<Facts>) => rules.judge(facts(event), memory, { explain: true }).reasons;
  assert.deepEqual(explained(fail(0)), [
    { rule: "many", holds: false, why: "1 of source.ip 198.51.100.23 within 10m; asked are 3" },
    { rule: "once", holds: true, why: "all conditions hold" },
  ]);
  assert.deepEqual(explained({ type: "Fail" }), [
    { rule: "many", holds: false, why: "source.ip is not known, and events are told apart by it" },
    { rule: "once", holds: true, why: "all conditions hold" },
  ]);
  assert.deepEqual(explained(success(0)), [
    { rule: "then", holds: false, why: "many did not hold for source.ip 198.51.100.23 within 1h" },
  ]);
  const other = readRules(
    "rules: [{ id: a, when: { user: root, source.ip: { cidr: [10.0.0.0/8] } }, risk: Low }]",
    "r",
  );
  assert.deepEqual(
    other.judge(facts({ labels: { user: "root", "source.ip": "192.0.2.1" } }), other.memory(), { explain: true })
      .reasons,
    [{ rule: "a", holds: false, why: "source.ip is 192.0.2.1; asked is within 10.0.0.0/8" }],
  );
  assert.deepEqual(rules.judge(facts(fail(0)), memory).reasons, []);
});
