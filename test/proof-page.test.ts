// The programs of docs/proof.md are run as they stand there, and print what stands below them. `UPDATE=1` writes what they
// print into the page.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";
import { cosignatureBlob, cosignedMessage, formatCheckpoint } from "../src/merkle/checkpoint.ts";
import { ed25519, ed25519Cosignature, formatNote, formatVerifierKey, verifierKey } from "../src/merkle/note.ts";
import { portable } from "../src/merkle/primitives.ts";
import { root, textOf } from "./repository.ts";

const page = "docs/proof.md";
const directory = mkdtempSync(join(tmpdir(), "taishi-page-"));
after(() => rmSync(directory, { recursive: true, force: true }));

/** What a program prints, with names that the page says are given. */
function printed(name: string, given: Readonly<Record<string, string>>, alter = (text: string) => text): string {
  const code = block("js", name);
  assert.ok(code !== undefined, `the page has no program ${name}`);
  const library = pathToFileURL(join(root, "src/merkle/verify.ts")).href;
  const names = Object.entries(given).map(([variable, value]) => `const ${variable} = ${JSON.stringify(value)};\n`);
  const file = join(directory, `${name}.mjs`);
  writeFileSync(file, names.join("") + alter(code).replace('"taishi/verify"', JSON.stringify(library)));
  return execFileSync(process.execPath, ["--disable-warning=ExperimentalWarning", file], {
    cwd: root,
    encoding: "utf8",
    stdio: "pipe",
  });
}

function block(language: string, name: string): string | undefined {
  return new RegExp(`\`\`\`${language} ${name}\n([\\s\\S]*?)\`\`\``).exec(textOf(page))?.[1];
}

function compare(name: string, output: string): void {
  if (process.env["UPDATE"] === "1") {
    const fence = new RegExp(`(\`\`\`text ${name}\n)[\\s\\S]*?\`\`\``);
    writeFileSync(
      join(root, page),
      textOf(page).replace(fence, (_, head: string) => `${head}${output}\`\`\``),
    );
  }
  assert.equal(block("text", name), output);
}

test("the verifier written from the page's algorithms verifies the example, step by step", () => {
  compare("from-scratch", printed("from-scratch", {}));
});

test("the page's verifier refuses the example with an entry, an index, a hash or a signature changed", () => {
  const { vkey, proof } = JSON.parse(readFileSync(join(root, "testdata/proof.json"), "utf8")) as {
    vkey: string;
    proof: string;
  };
  const lines = proof.split("\n");
  const changed = (at: number, from: RegExp, to: string): string => {
    const altered = lines.with(at, lines[at]!.replace(from, to)).join("\n");
    assert.notEqual(altered, proof);
    return altered;
  };
  const size = lines.indexOf("651");
  for (const [text, why] of [
    [changed(1, /^extra e/, "extra f"), "root"],
    [changed(2, /300/, "301"), "root"],
    [changed(2, /300/, "651"), "index"],
    [changed(5, /^./, "/"), "root"],
    [changed(size, /651/, "650"), "signature"],
    [changed(size + 3, /bzEwL[^]/, "bzEwLA"), "signature"],
  ] as const) {
    const file = join(directory, "changed.json");
    writeFileSync(file, JSON.stringify({ vkey, proof: text }));
    const alter = (code: string): string => code.replace('"testdata/proof.json"', JSON.stringify(file));
    assert.throws(() => printed("from-scratch", {}, alter), new RegExp(`Error: ${why}`), why);
  }
});

test("the library's first example prints what the page says", () => {
  compare("library", printed("library", {}));
});

test("absence and a policy, with the checkpoints of a silence", () => {
  const keyOf = (name: string, type: number) => {
    const { privateKey } = generateKeyPairSync("ed25519");
    const { x } = createPublicKey(privateKey).export({ format: "jwk" });
    const key = verifierKey(portable.sha256, name, type, new Uint8Array(Buffer.from(x as string, "base64url")));
    return { key, privateKey };
  };
  const log = keyOf("0011223344556677.taishi/1", ed25519);
  const clock = keyOf("0011223344556677.taishi/clock", ed25519Cosignature);
  const witness = keyOf("witness.example.com/north", ed25519Cosignature);
  const text = formatCheckpoint({ origin: log.key.name, size: 20_000, root: new Uint8Array(32).fill(7) });
  const cosigned = ({ key, privateKey }: typeof clock, time: number) => ({
    name: key.name,
    keyId: key.keyId,
    signature: cosignatureBlob(time, sign(null, Buffer.from(cosignedMessage(time, text)), privateKey)),
  });
  const own = { ...log.key, signature: sign(null, Buffer.from(text), log.privateKey) };
  const note = (...others: ReturnType<typeof cosigned>[]): string => formatNote({ text, signatures: [own, ...others] });
  compare(
    "absence",
    printed("absence", {
      before: note(cosigned(clock, 1_767_319_771)),
      after: note(cosigned(clock, 1_767_328_212), cosigned(witness, 1_767_328_213)),
      vkey: formatVerifierKey(log.key),
      clockVkey: formatVerifierKey(clock.key),
      witnessVkey: formatVerifierKey(witness.key),
    }),
  );
});
