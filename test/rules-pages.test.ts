// docs/rules.md and docs/resources.md as their readers take them: what stands there as YAML is read as it stands, and their
// tables of examples are what it gives.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ResourceConfig, ResourceMap } from "../src/agent/resources.ts";
import { readYaml } from "../src/agent/yaml-file.ts";
import { type Labels, labelNames } from "../src/event/labels.ts";
import { defaultRules } from "../src/rules/default-rules.ts";
import { readRules } from "../src/rules/read-rules.ts";
import { textOf } from "./repository.ts";

const rulesPage = textOf("docs/rules.md");
const resourcesPage = textOf("docs/resources.md");

function yamlOf(page: string): readonly string[] {
  return [...page.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, text]) => text!);
}

/** The rows of the table that begins with these headings, as texts without Markdown's escapes. */
function tableOf(page: string, ...headings: readonly string[]): readonly (readonly string[])[] {
  const lines = page.slice(page.indexOf(`| ${headings.join(" | ")} |\n`)).split("\n");
  const rows = lines.slice(
    2,
    lines.findIndex((line) => !line.startsWith("|")),
  );
  assert.ok(rows.length > 0, headings.join(", "));
  return rows.map((row) =>
    row
      .slice(1, -1)
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim().replaceAll("\\|", "|")),
  );
}

function labelsOf(text: string): Labels {
  return Object.fromEntries(
    [...text.matchAll(/([a-z.-]+)=(.*?)(?= [a-z.-]+=|$)/g)].map(([, label, value]) => [label!, value!]),
  );
}

test("the files of the rules' page are rules, and its last one grades as its table says", () => {
  const files = yamlOf(rulesPage).map((text) => readRules(text, "docs/rules.md"));
  assert.equal(files.length, 2);
  const rules = files[1]!;
  const memory = rules.memory();
  const rows = tableOf(rulesPage, "type", "labels", "risk", "rule", "tags");
  const graded = rows.map(([type = "", labels = ""], i) => {
    const time = Date.UTC(2026, 10, 21, 12, 0, i);
    const { risk, rule, tags } = rules.judge(
      { kind: "security", type, time, labels: labelsOf(labels), tags: [] },
      memory,
    );
    return [type, labels, risk, rule ?? "", tags.join(",")];
  });
  assert.deepEqual(graded, rows);
  assert.ok(
    rows.some(([, labels]) => labels!.includes("curl http")),
    "spaces are read",
  );
});

test("the page lists the built-in rules with their risks and tags, in order", () => {
  const listed = tableOf(rulesPage, "id", "risk", "tags", "when").map((row) => row.slice(0, 3));
  const rules = readRules(defaultRules, "built-in").all;
  assert.deepEqual(
    listed,
    rules.map(({ id, risk, tags }) => [`\`${id}\``, risk ?? "–", tags.join(",")]),
  );
});

test("the page names every label", () => {
  for (const label of labelNames) assert.ok(rulesPage.includes(`\`${label}\``), label);
});

test("the page's conditions are conditions", () => {
  const conditions = tableOf(rulesPage, "condition", "holds where the value")
    .flatMap(([cell]) => [...cell!.matchAll(/`([^`]+)`/g)].map(([, text]) => text!))
    .filter((text) => !text.includes("…") && text !== "false");
  assert.ok(conditions.length >= 8);
  for (const text of conditions) {
    const rule = `rules: [{ id: a, when: { user: ${text.replace(/^user: /, "")} }, risk: Low }]`;
    readRules(`lists: { trusted-users: [a] }\n${rule}`, text);
  }
});

test("the mapping of the resources' page maps as its table says", () => {
  const [text = ""] = yamlOf(resourcesPage);
  const map = new ResourceMap(readYaml(text, ResourceConfig, "docs/resources.md"));
  for (const [kind, labels, expected] of tableOf(resourcesPage, "kind", "labels", "resource")) {
    const { resource, mapped } = map.map(kind as "security", labelsOf(labels!));
    const project = resource.project === undefined ? "" : ` of ${resource.project}`;
    assert.equal(`${resource.type}/${resource.id}${project}${mapped ? "" : " (unmapped)"}`, expected);
  }
});
