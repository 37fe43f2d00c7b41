// The rules for the pages are only as good as the reading of the pages.
import assert from "node:assert/strict";
import { test } from "node:test";
import { commandsIn, filesNamedIn, linksIn, scriptsIn } from "./page.ts";

test("relative links are found and links elsewhere are left out", () => {
  const page = `[a](docs/a.md) ![b](b.png "title") [c](https://example.com) [d](#e) [f](mailto:x@y.z) \`[g](h)\``;
  assert.deepEqual(linksIn(page), ["docs/a.md", "b.png", "#e"]);
});

test("files are named as code: by any end of a path, or from one of our folders", () => {
  const page = "`src/errors.ts` `errors.md` `docs/` `./test/run.ts` `a b.ts` `*.ts` `DATA/x.json` `.ci/run` plain.ts";
  assert.deepEqual(filesNamedIn(page), ["src/errors.ts", "errors.md", "docs/", "test/run.ts", ".ci/run"]);
});

test("npm scripts are found in blocks and spans", () => {
  assert.deepEqual(scriptsIn("```sh\nnpm ci && npm test\nnpm run test:crash -- --kills 3\n```\n`npm start`"), [
    "test",
    "test:crash",
    "start",
  ]);
});

test("commands are found with their second word, and output is none", () => {
  const page =
    "```sh\n./taishi account create --name N\n$ taishi fsck\ntaishi listening on http://x\n```\n`taishi serve`";
  assert.deepEqual(commandsIn(page), ["account create", "fsck", "serve"]);
});

test("a value after a verb is no second word", () => {
  assert.deepEqual(commandsIn("`./taishi append events.ndjson`"), ["append"]);
});
