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

const typed = `
  import { parsePolicy, ProofError, type Trust, verifyAbsence, verifyCheckpoint, verifyProof } from "taishi/verify";
  const trust: Trust = { keys: ["key"], policy: parsePolicy("quorum none") };
  const { entry, index, checkpoint } = verifyProof("proof", trust);
  export const told: [Uint8Array, number, string, number] = [entry, index, checkpoint.origin, checkpoint.size];
  export const times: ReadonlyMap<string, number> = verifyCheckpoint("note", trust).cosigned;
  export const span: number = verifyAbsence("before", "after", "clock", trust).to;
  export const what = (thrown: unknown): string => (thrown instanceof ProofError ? thrown.message : "");
  // @ts-expect-error a number is no proof
  verifyProof(1, trust);
`;

test("its types compile in strict projects that know nothing of Node, with every declaration file looked into", async () => {
  writeFileSync(join(project, "typed.ts"), typed);
  for (const [module, moduleResolution] of [
    ["nodenext", "nodenext"],
    ["esnext", "bundler"],
  ] as const) {
    const compilerOptions = { module, moduleResolution, target: "es2022", lib: ["es2022"], types: [], strict: true };
    const config = join(project, `tsconfig.${module}.json`);
    const all = { ...compilerOptions, noEmit: true, skipLibCheck: false, exactOptionalPropertyTypes: true };
    writeFileSync(config, JSON.stringify({ compilerOptions: all, files: ["typed.ts"] }));
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const said = await run(process.execPath, [tsc, "-p", config, "--listFiles"]).catch(
      ({ stdout, stderr }: { stdout: string; stderr: string }) => assert.fail(`${module}: ${stdout}${stderr}`),
    );
    assert.match(said.stdout, /dist\/merkle\/verify\.d\.ts\n/, module);
  }
});

test("it exports nothing else, but its package.json", async () => {
  const resolved = (name: string) =>
    run(process.execPath, ["--input-type=module", "--eval", `import.meta.resolve(${JSON.stringify(name)})`], {
      cwd: project,
    });
  await resolved("taishi/verify");
  await resolved("taishi/package.json");
  for (const name of ["taishi", "taishi/dist/flow.js", "taishi/dist/merkle/verify.js"])
    await assert.rejects(resolved(name), /ERR_PACKAGE_PATH_NOT_EXPORTED/, name);
});

test("the program that the package names as its bin is in it and starts", async () => {
  const taishi = join(project, "node_modules/taishi");
  const { bin, version } = JSON.parse(readFileSync(join(taishi, "package.json"), "utf8")) as {
    bin: { taishi: string };
    version: string;
  };
  // What it imports beside its own files stands where npm would have installed it.
  symlinkSync(join(root, "node_modules"), join(taishi, "node_modules"));
  const { stdout } = await run(process.execPath, [join(taishi, bin.taishi), "--version"]);
  assert.match(stdout, new RegExp(version.replaceAll(".", "\\.")));
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
