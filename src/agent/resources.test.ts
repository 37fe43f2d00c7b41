import assert from "node:assert/strict";
import { test } from "node:test";
import { Value } from "typebox/value";
import { TaishiError } from "../errors.ts";
import type { Labels } from "../event/labels.ts";
import { ResourceConfig, ResourceMap } from "./resources.ts";
import { readYaml } from "./yaml-file.ts";

function mapOf(yaml: string): ResourceMap {
  return new ResourceMap(readYaml(yaml, ResourceConfig, "agent.yaml"));
}

function told(map: ResourceMap, labels: Labels, kind: "security" | "database" | "unparsed" | "trail" = "security") {
  const { resource, mapped, by } = map.map(kind, labels);
  return `${resource.type}/${resource.id}${resource.project === undefined ? "" : ` of ${resource.project}`} ${mapped ? `by ${by}` : "unmapped"}`;
}

const platform = mapOf(`
default: { type: endpoint, id: ep-none }
map:
  - kinds: [database]
    when: { host: db-1 }
    id: 0123456789abcdef0123456789abcdefin01
  - when: { namespace: "tenant-*" }
    id: never
  - when: { label.endpoint-id: { present: true } }
    id: \${label.endpoint-id}
    project: \${namespace}
  - when:
      namespace: { glob: "tenant-*" }
      pod: { regex: '^(?<app>.+)-[0-9a-f]{8,10}-[a-z0-9]{5}$' }
    id: ep-\${app}-\${1}
  - when: { pod: { regex: '^(mcj-\\d+)(-retry)?' } }
    type: modelcustomizationjob
    id: \${1}\${2}
  - when: { pod: { regex: '^mcj-' } }
    type: modelcustomizationjob
    id: \${pod}
  - when: { source.ip: { cidr: 10.0.0.0/8 }, host: [a, b] }
    id: $$\${host}
`);

test("the first mapping that fits gives type, id and project", () => {
  const rows: readonly (readonly [labels: Labels, told: string])[] = [
    [{ "label.endpoint-id": "ep-1", namespace: "tenant-a" }, "endpoint/ep-1 of tenant-a by 2"],
    [{ namespace: "tenant-a", pod: "web-6d4cf56db6-x7k2p" }, "endpoint/ep-web-web by 3"],
    [{ namespace: "tenant-*" }, "endpoint/never by 1"],
    [{ pod: "mcj-7-retry-x" }, "modelcustomizationjob/mcj-7-retry by 4"],
    [{ host: "a", "source.ip": "10.9.9.9" }, "endpoint/$a by 6"],
    [{ host: "c", "source.ip": "10.9.9.9" }, "endpoint/ep-none unmapped"],
    [{}, "endpoint/ep-none unmapped"],
  ];
  for (const [labels, expected] of rows) assert.equal(told(platform, labels), expected);
});

test("a mapping that lacks a label or a group does not fit", () => {
  assert.equal(
    told(platform, { "label.endpoint-id": "ep-1" }),
    "endpoint/ep-none unmapped",
    "no namespace for its project",
  );
  assert.equal(told(platform, { pod: "mcj-7" }), "modelcustomizationjob/mcj-7 by 5", "no second group");
  assert.equal(told(platform, { "label.endpoint-id": "", namespace: "n" }), "endpoint/ep-none unmapped");
});

test("a database event gets its instance, and mappings for databases are for no other kind", () => {
  assert.equal(told(platform, { host: "db-1" }, "database"), "instance/0123456789abcdef0123456789abcdefin01 by 0");
  assert.equal(told(platform, { host: "db-1" }), "endpoint/ep-none unmapped");
});

test("a default that stands alone is meant; without one it is endpoint/unmapped and not", () => {
  const alone = mapOf("default: { type: endpoint, id: ep-1, project: p }").map("security", {});
  assert.deepEqual(alone, { resource: { type: "endpoint", id: "ep-1", project: "p" }, mapped: true });
  for (const kind of ["security", "trail", "database", "unparsed"] as const)
    assert.deepEqual(new ResourceMap({}).map(kind, { user: "root" }), {
      resource: { type: "endpoint", id: "unmapped" },
      mapped: false,
    });
});

test("an id is never empty and never longer than 256 characters, and two long ones stay two", () => {
  const map = mapOf(`map: [{ when: {}, type: 't-\${image}', id: '\${pod}' }]`);
  const of = (pod: string) => map.map("security", { pod, image: pod }).resource;
  const [one, two] = [of(`${"x".repeat(5_000)}1`), of(`${"x".repeat(5_000)}2`)];
  assert.deepEqual([one.id.length, one.type.length], [256, 128]);
  assert.notEqual(one.id, two.id);
  assert.equal(of("x".repeat(256)).id, "x".repeat(256));
  assert.ok(of("😀".repeat(500)).id.isWellFormed());
  assert.equal(of("a\ud800").id, "a\ufffd");
  for (const empty of ["", " ", "\t\n"]) assert.equal(of(empty).id, "unmapped", JSON.stringify(empty));
});

test("labels are only those that an event has", () => {
  const map = mapOf(`map: [{ id: '\${label.toString}' }, { id: '\${label.__proto__}' }]`);
  assert.equal(map.map("security", {}).mapped, false);
});

test("a mistake names its member", () => {
  const rows: readonly (readonly [yaml: string, message: RegExp])[] = [
    ["map: [{ when: { podd: a }, id: x }]", /^resources\.map\.0\.when\.podd: is no label/],
    [
      "map: [{ when: { pod: { regex: '(a' } }, id: x }]",
      /^resources\.map\.0\.when\.pod\.regex: holds a group that is not closed/,
    ],
    ["map: [{ when: { pod: { in: $people } }, id: x }]", /there is no list people/],
    ["map: [{ when: { pod: { glob: a, in: b } }, id: x }]", /must have one operator/],
    [`map: [{ id: '\${podd}' }]`, /^resources\.map\.0\.id: \$\{podd\} is neither a label nor a group/],
    [`map: [{ id: '\${1}' }]`, /\$\{1\} is neither/],
    [`map: [{ when: { pod: { regex: (a) } }, id: '\${2}' }]`, /\$\{2\} is neither/],
    [`map: [{ when: { pod: { regex: (a) }, host: { regex: (b) } }, id: '\${1}' }]`, /\$\{1\} is neither/],
    ["map: [{ when: { pod: { regex: '(?<user>a)' } }, id: x }]", /has the name of a label/],
    ["map: [{ when: { pod: { regex: '(?<g>a)' }, host: { regex: '(?<g>b)' } }, id: x }]", /group g is there twice/],
    ["map: [{ id: 'a$b' }]", /a \$ is written/],
    [`map: [{ id: '\${pod' }]`, /a \$ is written/],
    ["map: [{ id: '' }]", /map\.0\.id/],
    ["map: [{ when: { pod: a } }]", /id is required/],
    ["map: [{ id: x, ids: y }]", /ids/],
    ["maps: []", /maps: is not a known member/],
    ["default: { type: endpoint }", /id is required/],
    ["map: [{ when: { pod: { like: a } }, id: x }]", /map\.0\.when\.pod\.like: is not an operator/],
  ];
  for (const [yaml, message] of rows)
    assert.throws(
      () => mapOf(yaml),
      (thrown: unknown) => {
        assert.ok(thrown instanceof TaishiError, yaml);
        assert.match(thrown.message, message, yaml);
        return true;
      },
    );
});

test("what the schema takes is what the mapping takes", () => {
  assert.equal(Value.Check(ResourceConfig, {}), true);
  assert.equal(
    told(mapOf("map: [{ when: { pod: { not: { glob: 'a*' } } }, id: not-a }]"), { pod: "b" }),
    "endpoint/not-a by 0",
  );
  assert.equal(
    told(mapOf("map: [{ when: { destination.port: 22 }, id: ssh }]"), { "destination.port": "22" }),
    "endpoint/ssh by 0",
  );
});
