// The npm package's export `taishi/verify` as strangers use it: packed, unpacked into a project of their own, imported in
// Node, and bundled for a browser in which nothing of Node exists and WebCrypto is absent.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import vm from "node:vm";
import { build } from "esbuild";
import { root } from "./repository.ts";

const run = promisify(execFile);
const base = mkdtempSync(join(tmpdir(), "taishi-package-"));
const project = join(base, "project");
after(() => rmSync(base, { recursive: true, force: true }));

/** A proof, its log's key and its entry, as `taishi proof` wrote them once; made by an implementation other than the test. */
const sample = JSON.parse(readFileSync(join(root, "testdata/proof.json"), "utf8")) as {
  vkey: string;
  proof: string;
  index: number;
};

before(async () => {
  const { stdout } = await run("npm", ["pack", "--silent", "--pack-destination", base], { cwd: root });
  const packed = join(base, stdout.trim().split("\n").at(-1)!);
  const unpacked = join(project, "node_modules/taishi");
  mkdirSync(unpacked, { recursive: true });
  await run("tar", ["-xzf", packed, "-C", unpacked, "--strip-components=1"]);
  symlinkSync(join(root, "node_modules/@noble"), join(project, "node_modules/@noble"));
  writeFileSync(join(project, "package.json"), '{"type":"module"}');
});

const program = `
  import { verifyProof } from "taishi/verify";
  const { vkey, proof } = INPUT;
  const { index, entry } = verifyProof(proof, { keys: [vkey] });
  let refused = "";
  try {
    verifyProof(proof.replace("index " + index, "index " + (index + 1)), { keys: [vkey] });
  } catch (error) {
    refused = error.name;
  }
  RESULT({ index, kind: JSON.parse(new TextDecoder().decode(entry)).event.kind, refused });
`;
const expected = { index: sample.index, kind: "security", refused: "ProofError" };

test("it is imported in Node by its name and verifies a proof", async () => {
  const file = join(project, "in-node.js");
  writeFileSync(
    file,
    program
      .replace("INPUT", JSON.stringify(sample))
      .replace("RESULT(", "console.log(JSON.stringify(")
      .replace(/\);\s*$/, "));\n"),
  );
  const { stdout } = await run(process.execPath, [file], { cwd: project });
  assert.deepEqual(JSON.parse(stdout), expected);
});

test("it has types, and exports nothing else", async () => {
  assert.match(readFileSync(join(project, "node_modules/taishi/dist/merkle/verify.d.ts"), "utf8"), /verifyProof/);
  await assert.rejects(
    run(process.execPath, ["--input-type=module", "--eval", 'await import("taishi/dist/flow.js")'], { cwd: project }),
    /ERR_PACKAGE_PATH_NOT_EXPORTED/,
  );
});

test("it bundles for a browser without Node's modules, and works where there is no WebCrypto", async () => {
  const entry = join(project, "in-browser.js");
  writeFileSync(entry, program.replace("INPUT", "globalThis.input").replace("RESULT", "globalThis.output"));
  const bundled = await build({
    entryPoints: [entry],
    bundle: true,
    platform: "browser",
    format: "iife",
    write: false,
    logLevel: "silent",
    metafile: true,
  });
  assert.deepEqual(
    Object.keys(bundled.metafile.inputs).filter((path) => path.includes("node:")),
    [],
  );
  let output: unknown;
  const browser = vm.createContext({
    TextEncoder,
    TextDecoder,
    atob,
    btoa,
    input: sample,
    output: (value: unknown) => {
      output = JSON.parse(JSON.stringify(value));
    },
  });
  vm.runInContext(bundled.outputFiles[0]!.text, browser);
  assert.deepEqual(output, expected);
});
