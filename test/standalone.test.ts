// The repository stands alone: a stranger's clone has nothing beside it, and no path of a developer's machine means
// anything there.
import assert from "node:assert/strict";
import { test } from "node:test";
import { filesBelow, textOf } from "./repository.ts";

/** Put together from pieces, so that this file does not hold what it forbids. */
const foreignPaths: readonly RegExp[] = [
  new RegExp(`\\.\\./${"shared"}(?![\\w-])`),
  new RegExp(`(^|[^\\w.>/-])/${"work"}/`, "m"),
  new RegExp(`(^|[^\\w.>/-])/${"root"}(/|["'\`\\s]|$)`, "m"),
  new RegExp(`(^|[^\\w.>/-])/${"home"}/[a-z]`, "m"),
  new RegExp(`(^|[^\\w.>/-])/${"Users"}/[A-Za-z]`, "m"),
  new RegExp(`\\b[A-Z]:\\\\\\\\?${"Users"}`),
  new RegExp(`${"bash"}_jobs`),
];

const binary = /\.(png|ico|gz|zst|db|db-wal|woff2?|pdf)$/;

test("no file mentions a path outside the repository or of somebody's machine", () => {
  const offences = filesBelow()
    .filter((path) => !binary.test(path) && path !== "package-lock.json")
    .flatMap((path) =>
      textOf(path)
        .split("\n")
        .flatMap((line, i) =>
          foreignPaths.some((pattern) => pattern.test(line)) ? [`${path}:${i + 1} ${line.trim()}`] : [],
        ),
    );
  assert.deepEqual(offences, []);
});

test("the patterns find what they are for", () => {
  const found = (line: string): boolean => foreignPaths.some((pattern) => pattern.test(line));
  for (const line of [
    `see ../${"shared"}/X.md`,
    `"/${"work"}/main"`,
    `cd /${"root"}/x`,
    `cd /${"root"}`,
    `in /${"home"}/someone/x`,
    `/${"Users"}/Someone`,
  ])
    assert.ok(found(line), line);
  for (const line of [
    "https://example.com/work/x",
    "src/work/x.ts",
    "../shared-secret",
    "https://x.test/home/page",
    "/rooted",
  ])
    assert.ok(!found(line), line);
});

test("packages come from the public registry", () => {
  const lock = JSON.parse(textOf("package-lock.json")) as {
    packages: Record<string, { resolved?: string; link?: boolean }>;
  };
  const elsewhere = Object.entries(lock.packages).filter(
    ([, { resolved, link }]) =>
      link !== true && resolved !== undefined && !resolved.startsWith("https://registry.npmjs.org/"),
  );
  assert.deepEqual(elsewhere, []);
});
