import assert from "node:assert/strict";
import { test } from "node:test";
import { TaishiError } from "../errors.ts";
import { defaultRules } from "./default-rules.ts";
import { readRules } from "./read-rules.ts";

function refused(text: string, message: string | RegExp, field?: string): void {
  assert.throws(
    () => readRules(text, "rules.yaml"),
    (thrown: unknown) => {
      assert.ok(thrown instanceof TaishiError);
      assert.equal(thrown.code, "invalid-parameter");
      if (typeof message === "string") assert.equal(thrown.message, message);
      else assert.match(thrown.message, message);
      if (field !== undefined) assert.equal(thrown.details.field, field);
      return true;
    },
    text,
  );
}

const rule = (more: string) => `rules:\n  - id: a\n    when: { type: T }\n    ${more}\n`;

test("a mistake is told with its line and member", () => {
  refused(
    "rulez: []",
    "rules.yaml, line 1: rulez: is not a known member; those are extends, without, lists, rules",
    "rulez",
  );
  refused("- a", "rules.yaml: must have members, as NAME: VALUE");
  refused("rules:\n  - when: { type: T }\n    risk: Low", "rules.yaml, line 2: rules.0: id is required");
  refused("rules:\n  - id: a\n    risk: Low", "rules.yaml, line 2: rules.0: when is required");
  refused("rules:\n  - id: a\n    when: {}\n    risk: Low", "rules.yaml, line 3: rules.0.when: must have a condition");
  refused(
    "rules:\n  - id: a\n    when:\n      type: T\n      source.ipp: x\n",
    /^rules\.yaml, line 5: rules\.0\.when\.source\.ipp: is no label: /,
  );
  refused(
    rule("risk: low"),
    "rules.yaml, line 4: rules.0.risk: must be one of Info, Low, Medium, High, Critical",
    "rules.0.risk",
  );
  refused(rule("risks: Low"), /line 4: rules\.0\.risks: is not a known member/);
  refused(rule("tags: 'a,b'"), /rules\.0\.tags: must be 1 to 64 characters each, without commas/);
  refused(rule('tags: ["a\\u202eb"]'), /control characters/);
  refused(rule(""), "rules.yaml, line 2: rules.0: has no effect: it needs a risk, tags, or a rule that comes after it");
  refused("rules: [{ id: A b, when: { type: T }, risk: Low }]", /rules\.0\.id: must be small letters/);
  refused(
    `${rule("risk: Low")}  - id: a\n    when: { type: T }\n    risk: Low`,
    "rules.yaml, line 5: rules.1.id: a is there twice",
  );
  refused(
    "rules:\n  - id: a\n    when:\n      user: { regex: '(a' }\n    risk: Low",
    /^rules\.yaml, line 4: rules\.0\.when\.user\.regex: holds a group that is not closed, at character 1$/,
  );
  refused("rules:\n  - id: a\n    when: { user: { regex: '(?=a)' } }\n    risk: Low", /lookaround/);
  refused("rules: 5", "rules.yaml, line 1: rules: must be a list");
  refused("rules: [x]", "rules.yaml, line 1: rules.0: must have members, as NAME: VALUE");
});

test("what a rule remembers is complete, bounded and of labels there are", () => {
  const count = (text: string) => rule(`count: { ${text} }\n    risk: Low`);
  refused(count("by: user, within: 10m"), /line 4: rules\.0\.count: at-least is required/);
  refused(
    count("by: user, within: 10m, at-least: 1"),
    /rules\.0\.count\.at-least: must be a whole number from 2 to 100/,
  );
  refused(count("by: user, within: 10m, at-least: 101"), /from 2 to 100/);
  refused(count("by: user, within: 10m, at-least: '5'"), /from 2 to 100/);
  refused(count("by: user, within: 10, at-least: 5"), /rules\.0\.count\.within: must be a duration/);
  refused(count("by: user, within: 0s, at-least: 5"), /duration/);
  refused(count("by: user, within: 401d, at-least: 5"), /duration/);
  refused(count("by: usr, within: 10m, at-least: 5"), /rules\.0\.count\.by: is no label/);
  refused(count("by: [], within: 10m, at-least: 5"), /rules\.0\.count\.by: must not be an empty list/);
  refused(count("by: user, within: 10m, at-least: 5, atLeast: 5"), /atLeast: is not a known member/);
  refused(rule("first-seen: { by: user, within: 1d, at-least: 5 }\n    risk: Low"), /at-least: is not a known member/);
  refused(
    rule("count: { by: user, within: 1d, at-least: 5 }\n    first-seen: { by: user, within: 1d }\n    risk: Low"),
    /cannot stand beside count/,
  );
  refused(
    rule("after: { rule: b, by: user, within: 1d }\n    risk: Low"),
    "rules.yaml, line 4: rules.0.after.rule: there is no rule b",
  );
  refused(rule("after: { rule: a, by: user, within: 1d }\n    risk: Low"), /a rule cannot come after itself/);
});

test("YAML that is none, or means more than it says, is refused", () => {
  refused("rules: [", /^rules\.yaml, line 1: /);
  refused("lists: {}\nlists: {}", /^rules\.yaml, line 2: Map keys must be unique$/);
  refused("rules: !!js/function x", /^rules\.yaml, line 1: /);
  refused(
    "a: &a [x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]",
    /rules\.yaml/,
  );
  refused("rules: *nothing", /rules\.yaml/);
  refused("--- 1\n--- 2", /rules\.yaml/);
  refused(`# ${"x".repeat(1024 * 1024)}`, "rules.yaml: is larger than 1 MiB");
  refused("extends: other", /extends: must be built-in/);
  refused("without: [ssh-login]", /without: is for files that say extends: built-in/);
});

test("a file with nothing in it has no rules", () => {
  assert.deepEqual(readRules("", "rules.yaml").all, []);
});

const builtIn = readRules(defaultRules, "built-in").all.map(({ id }) => id);
const ids = (text: string) => readRules(text, "rules.yaml").all.map(({ id }) => id);

test("a file can extend the built-in rules: its own come first, or take the place of one, or leave one out", () => {
  assert.deepEqual(ids("extends: built-in"), builtIn);
  assert.deepEqual(ids("extends: built-in\nrules: [{ id: own, when: { type: T }, risk: Low }]"), ["own", ...builtIn]);
  assert.deepEqual(ids("extends: built-in\nrules: [{ id: ssh-login, when: { type: SshLogin }, risk: Low }]"), builtIn);
  assert.deepEqual(
    ids("extends: built-in\nwithout: [kms-first-user]"),
    builtIn.filter((id) => id !== "kms-first-user"),
  );
  refused("extends: built-in\nwithout: [nothing]", "rules.yaml, line 2: without: there is no built-in rule nothing");
  refused(
    "extends: built-in\nwithout: ssh-brute-force",
    /without: ssh-login-after-brute-force needs the rule ssh-brute-force/,
  );
});

test("a mistake in a list that a built-in rule uses is told at the list", () => {
  refused(
    "extends: built-in\nlists:\n  trusted-networks:\n    - 10.0.0.0/8\n    - 10.0.0.0/99\n",
    'rules.yaml, line 5: lists.trusted-networks.1: "10.0.0.0/99" is neither an address nor a network such as 10.0.0.0/8 or 2001:db8::/32',
  );
  refused("lists: { a: b }", /lists\.a: must be a list/);
  refused("lists: { a: [true] }", /lists\.a\.0: must be a text/);
  refused("lists: { 'a b': [c] }", /lists\.a b: must be letters/);
});
