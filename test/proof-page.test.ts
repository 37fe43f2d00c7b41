// docs/proof.md as its reader takes it: its samples are files, its programs run over them as they stand there, and print
// what it says they print. `taishi verify` accepts the samples too.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { root, textOf } from "./repository.ts";
import { taishi } from "./taishi-process.ts";

const run = promisify(execFile);
const directory = mkdtempSync(join(tmpdir(), "taishi-proof-page-"));
after(() => rmSync(directory, { recursive: true, force: true }));

const blocks = new Map(
  [...textOf("docs/proof.md").matchAll(/^```(?:text|ts) (\S+)\n([\s\S]*?)^```$/gm)].map(([, name, text]) => [
    name!,
    text!,
  ]),
);
const library = pathToFileURL(join(root, "src/merkle/verify.ts")).href;
for (const [name, text] of blocks)
  writeFileSync(join(directory, name), text.replace('"taishi/verify"', `"${library}"`));

const programs = [...blocks.keys()].filter((name) => name.endsWith(".ts"));

test("the page has programs and what they print", () => {
  assert.ok(programs.length >= 4);
  for (const name of programs) assert.ok(blocks.has(name.replace(/\.ts$/, ".out")), name);
});

for (const name of programs)
  test(`${name} of the page prints what the page says`, async () => {
    const { stdout } = await run(process.execPath, ["--disable-warning=ExperimentalWarning", name], { cwd: directory });
    assert.equal(stdout, blocks.get(name.replace(/\.ts$/, ".out")));
  });

test("the page's program that has nothing of ours refuses what was changed", async () => {
  const proof = readFileSync(join(directory, "two.tlog-proof"), "utf8");
  const changed = mkdtempSync(join(directory, "changed-"));
  for (const name of ["by-hand.ts", "log.vkey"]) writeFileSync(join(changed, name), blocks.get(name)!);
  writeFileSync(join(changed, "two.tlog-proof"), proof.replace("index 2", "index 3"));
  const { stdout } = await run(process.execPath, ["by-hand.ts"], { cwd: changed });
  assert.match(stdout, /does NOT hold/);
});

test("taishi verify accepts the page's samples under the page's key", async () => {
  const key = blocks.get("log.vkey")!.trim();
  for (const name of ["two.tlog-proof", "four.checkpoint"]) {
    const { code, stdout } = await taishi("verify", join(directory, name), "--key", key);
    assert.equal(code, 0, stdout);
  }
  const policy = join(directory, "clock.policy");
  const found = await taishi("verify", join(directory, "two.tlog-proof"), "--key", key, "--policy", policy);
  assert.match(found.stdout, /policy +its quorum holds/);
});
