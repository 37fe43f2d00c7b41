// `taishi rules` with a source of its own: "KIND ADDRESS USER", one event a line.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Command } from "commander";
import { Type } from "typebox";
import { TaishiError } from "../errors.ts";
import { defaultRules } from "../rules/default-rules.ts";
import type { Outcome, RawRecord, Source } from "../sources/source.ts";
import { defineRules } from "./rules.ts";

const directory = mkdtempSync(join(tmpdir(), "taishi-rules-"));
after(() => rmSync(directory, { recursive: true }));

const tiny: Source = {
  name: "tiny",
  version: "1",
  options: Type.Object({ tag: Type.String({ default: "" }) }, { additionalProperties: false }),
  parser: ({ tag }: { tag: string }) => ({
    take: (record) => [told(record, tag)],
    expire: () => [],
    end: () => [],
    waiting: () => [],
  }),
};

function told(record: RawRecord, tag: string): Outcome {
  const [word = "", ip = "", user = ""] = record.text.split(" ");
  if (word === "noise") return { why: "no-event", reason: "noise", records: [record] };
  const contents = [
    { key: "Tag", value: tag },
    { key: "User", value: user },
  ];
  const type = word === "odd" ? "x".repeat(500) : "SshLogin";
  return {
    draft: { kind: "security", time: Date.UTC(2026, 10, 21, 12), type, contents },
    labels: { outcome: word === "fail" ? "failure" : "success", "source.ip": ip, user },
    records: [record],
  };
}

function file(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

function run(...args: readonly string[]): readonly string[] {
  const out: string[] = [];
  const command = new Command("rules");
  const terminal = {
    isTerminal: false,
    out: (line: string) => void out.push(line),
    err: assert.fail,
    progress: () => {},
  };
  defineRules(new Map([["tiny", tiny]]))(command, terminal);
  command.parse(args, { from: "user" });
  return out;
}

const lines = file(
  "lines.log",
  `${"fail 198.51.100.23 root\n".repeat(5)}ok 198.51.100.23 root\r\nnoise\nodd 192.0.2.1 a\u001b[2J`,
);

test("show prints the built-in rules", () => {
  assert.equal(`${run("show").join("\n")}\n`, defaultRules);
});

test("each line is told with its grade, and with the rule that gave it", () => {
  const events = run("test", lines, "--source", "tiny", "--json").map(
    (line) =>
      JSON.parse(line) as { lines: number[]; risk?: string; rule?: string; why?: string; event: { kind: string } },
  );
  assert.deepEqual(
    events.map(({ lines: numbers, risk, rule, why, event }) => [numbers[0], event.kind, risk ?? why, rule]),
    [
      [1, "security", "Low", "ssh-login-failed"],
      [2, "security", "Low", "ssh-login-failed"],
      [3, "security", "Low", "ssh-login-failed"],
      [4, "security", "Low", "ssh-login-failed"],
      [5, "security", "High", "ssh-brute-force"],
      [6, "security", "Critical", "ssh-login-after-brute-force"],
      [7, "unparsed", "no-event", undefined],
      [8, "unparsed", "Info", undefined], // its type is too long for an event
    ],
  );
});

test("for people it says why each rule holds or not, what the event says, and lets nothing escape to the terminal", () => {
  const text = run("test", lines, "--source", "tiny").join("\n");
  assert.ok(text.includes("line 6: SshLogin at 2026-11-21T12:00:00.000Z, Critical by ssh-login-after-brute-force"));
  assert.ok(
    text.includes("  endpoint/unmapped, which no mapping gave: the default\n    Tag: Unknown\n    User: root\n"),
  );
  assert.ok(
    text.includes(
      "    yes ssh-login-after-brute-force: ssh-brute-force held for source.ip 198.51.100.23 within 1h – this one decides\n",
    ),
  );
  assert.ok(text.includes("    no  ssh-brute-force: outcome is success; asked is failure\n"));
  assert.ok(text.includes("line 7: no-event, kept as a record that is no event: noise"));
  assert.match(text, /line 8: refused, kept as a record that is no event: its event would be refused: /);
  assert.equal(text.includes("\u001b"), false);
});

test("a configuration gives the source's options, the resources, the rules and what is ignored", () => {
  const config = file(
    "agent.yaml",
    `
agent: node-1
sources:
  - name: auth
    source: tiny
    input: { files: [/var/log/auth.log] }
    options: { tag: Own }
    ignore: [no-event]
resources:
  map: [{ when: { host: node-1, label.source: auth }, id: "ep-\${user}" }]
rules: rules.yaml
`,
  );
  file("rules.yaml", "rules: [{ id: own, when: { tag: Own, user: root }, risk: Low, tags: Mine }]");
  const one = file("one.log", "ok 192.0.2.1 root\nnoise\n");
  for (const source of ["auth", "tiny"]) {
    const text = run("test", one, "--source", source, "--config", config).join("\n");
    assert.ok(text.includes("Low by own\n  endpoint/ep-root, by mapping 1\n    Tag: Mine,Own\n"), text);
    assert.ok(text.includes("line 2: no-event, counted only: noise"), text);
  }
  const other = file("other.yaml", "rules: [{ id: other, when: { type: SshLogin }, risk: High }]");
  assert.ok(
    run("test", one, "--source", "auth", "--config", config, "--rules", other).join("\n").includes("High by other"),
  );
});

test("what cannot be read is told", () => {
  const fails = (message: RegExp, ...args: readonly string[]) =>
    assert.throws(
      () => run("test", ...args),
      (thrown: unknown) => thrown instanceof TaishiError && message.test(thrown.message),
      args.join(" "),
    );
  fails(/there is no source other; there are tiny/, lines, "--source", "other");
  fails(/cannot be read/, join(directory, "none.log"), "--source", "tiny");
  fails(/cannot be read/, lines, "--source", "tiny", "--rules", join(directory, "none.yaml"));
  fails(/line 1: rules: must be a list/, lines, "--source", "tiny", "--rules", file("bad.yaml", "rules: 1"));
});
