// What the pages say exists, exists: links, files, npm scripts, commands. And the habits that can be seen from outside a
// file: its name, its length, its opening comment.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { posix } from "node:path";
import { test } from "node:test";
import { rows } from "./layers.ts";
import { longFiles } from "./long-files.ts";
import { commandsIn, filesNamedIn, linksIn, scriptsIn } from "./page.ts";
import { filesBelow, isTestFile, root, textOf } from "./repository.ts";

const required = [
  ".ci/run",
  "AGENTS.md",
  "ARCHITECTURE.md",
  "CHANGELOG.md",
  "CONTRIBUTING.md",
  "LICENSE",
  "README.md",
  "README.zh-CN.md",
  "SECURITY.md",
  "docs/errors.md",
  "docs/ledger-format.md",
  "docs/performance.md",
  "docs/proof.md",
];

const files = filesBelow();
const pages = files.filter((path) => /^(docs\/.*|[^/]*)\.md$/.test(path));
/** History names what is gone. */
const presentPages = pages.filter((path) => path !== "CHANGELOG.md");
const sources = files.filter((path) => /^(src|test|bench)\/.*\.ts$/.test(path));

/** Complaints about all pages, each as "page: complaint". */
function complaints(of: readonly string[], look: (text: string, page: string) => readonly string[]): readonly string[] {
  return of.flatMap((page) => look(textOf(page), page).map((complaint) => `${page}: ${complaint}`));
}

test("the pages a stranger looks for exist", () => {
  assert.deepEqual(
    required.filter((path) => !files.includes(path)),
    [],
  );
});

test("every relative link in a page leads to something", () => {
  const broken = complaints(pages, (text, page) =>
    linksIn(text).filter((target) => {
      const [path, anchor] = target.split("#") as [string, string | undefined];
      const goal = path === "" ? page : posix.join(posix.dirname(page), decodeURIComponent(path));
      if (!existsSync(`${root}/${goal}`)) return true;
      return anchor !== undefined && goal.endsWith(".md") && !anchorsOf(textOf(goal)).includes(anchor);
    }),
  );
  assert.deepEqual(broken, []);
});

test("every file a page names exists", () => {
  // A page may forbid index.ts, and name the place of a layer that is not there yet.
  const promised = rows.flatMap(({ layers }) => layers.map((layer) => `src/${layer}/`));
  const folders = new Set(files.flatMap((path) => ancestors(path)));
  const missing = complaints(presentPages, (text) =>
    filesNamedIn(text).filter((name) => {
      if (name === "index.ts" || promised.includes(name)) return false;
      if (name.endsWith("/")) return ![...folders].some((folder) => `/${folder}/`.endsWith(`/${name}`));
      return !files.some((path) => `/${path}`.endsWith(`/${name}`));
    }),
  );
  assert.deepEqual(missing, []);
});

test("every npm script a page names is one of package.json's", () => {
  const { scripts } = JSON.parse(textOf("package.json")) as { scripts: Record<string, string> };
  assert.deepEqual(
    complaints(presentPages, (text) => scriptsIn(text).filter((name) => !(name in scripts))),
    [],
  );
});

test("every taishi command a page names is one the command line offers", async () => {
  const { verbs } = (await import("../src/cli/verbs.ts")) as { verbs: readonly { readonly name: string }[] };
  const names = verbs.map(({ name }) => name);
  const offered = (command: string): boolean =>
    names.some((name) => name === command || name.startsWith(`${command} `) || command.startsWith(`${name} `));
  assert.deepEqual(
    complaints(presentPages, (text) => commandsIn(text).filter((command) => !offered(command))),
    [],
  );
});

test("AGENTS.md is at most 80 lines", () => {
  assert.ok(textOf("AGENTS.md").trimEnd().split("\n").length <= 80);
});

test("a file is named after a thing", () => {
  const nameless = /^(index|utils?|helpers?|common|types?|managers?|services?|misc)\.[a-z]+$/;
  const offences = sources.filter((path) => {
    const name = posix.basename(path);
    return nameless.test(name) || !/^[a-z0-9]+(-[a-z0-9]+)*(\.(test|contract|test-support))?\.ts$/.test(name);
  });
  assert.deepEqual(offences, []);
});

test("files above 400 lines are listed with their reason, and no others", () => {
  const long = sources.filter((path) => textOf(path).trimEnd().split("\n").length > 400);
  assert.deepEqual(long, Object.keys(longFiles).sort());
});

test("every source file opens with a comment of at least a sentence", () => {
  const mute = sources.filter((path) => {
    if (isTestFile(path)) return false; // its tests' names say what it is

    const [opening = ""] = /^(#![^\n]*\n)?((\/\/[^\n]*\n)+|\/\*[\s\S]*?\*\/)/.exec(textOf(path)) ?? [];
    return opening.length < 40;
  });
  assert.deepEqual(mute, []);
});

function ancestors(path: string): readonly string[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, i) => parts.slice(0, i + 1).join("/"));
}

/** Anchors of a page's headings as GitHub makes them. */
function anchorsOf(text: string): readonly string[] {
  return [...text.matchAll(/^#+ +(.+)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .trim()
      .replace(/\s/g, "-"),
  );
}
