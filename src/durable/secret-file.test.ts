import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync, sign, verify } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { inspect } from "node:util";
import { Fatal } from "../errors.ts";
import { ensurePrivateFile, openSealingKey, openSigningKey } from "./secret-file.ts";

const root = mkdtempSync(join(tmpdir(), "taishi-secret-"));
after(() => rmSync(root, { recursive: true, force: true }));

let count = 0;
const fresh = (): string => join(root, `secrets-${count++}`, "key");

function fails(work: () => unknown, message: RegExp): void {
  assert.throws(work, (thrown) => {
    assert.ok(thrown instanceof Fatal);
    assert.match(thrown.message, message);
    assert.ok(thrown.hint !== undefined && thrown.hint !== "");
    return true;
  });
}

function placed(content: string | Uint8Array, mode: number): string {
  const path = fresh();
  mkdirSync(join(path, ".."));
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

test("a sealing key is created once, for its owner alone, and read back the same", () => {
  const path = fresh();
  const key = openSealingKey(path, { create: true });
  assert.equal(key.symmetricKeySize, 32);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(statSync(join(path, "..")).mode & 0o777, 0o700);
  assert.deepEqual(readdirSync(join(path, "..")), ["key"]);
  assert.ok(key.equals(openSealingKey(path, { create: false })));
  assert.ok(key.equals(openSealingKey(path, { create: true })));
  assert.equal(key.equals(openSealingKey(fresh(), { create: true })), false);
  assert.ok(
    key.export().some((byte) => byte !== 0),
    "the bytes are the random ones, not wiped ones",
  );
});

test("a signing key is created once as PKCS#8 PEM and signs", () => {
  const path = fresh();
  const key = openSigningKey(path, { create: true });
  assert.match(readFileSync(path, "utf8"), /^-----BEGIN PRIVATE KEY-----\n/);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const again = openSigningKey(path, { create: false });
  const message = Buffer.from("checkpoint");
  assert.ok(verify(null, message, createPublicKey(again), sign(null, message, key)));
});

test("a missing key is not created unless asked for", () => {
  const path = fresh();
  fails(() => openSealingKey(path, { create: false }), /is missing/);
  fails(() => openSigningKey(path, { create: false }), /is missing/);
  assert.equal(existsSync(path), false);
});

test("a key that group or others can use in any way is refused", () => {
  for (const mode of [0o640, 0o604, 0o620, 0o602, 0o610, 0o644, 0o666]) {
    fails(() => openSealingKey(placed(Buffer.alloc(32, 7), mode), { create: false }), /can be used by others/);
    fails(() => openSigningKey(placed("x", mode), { create: true }), /can be used by others/);
  }
  assert.ok(openSealingKey(placed(Buffer.alloc(32, 7), 0o400), { create: false }));
});

test("a sealing key of another size is refused and left as it is", () => {
  for (const size of [0, 31, 33, 64, 5_000]) {
    const path = placed(Buffer.alloc(size, 1), 0o600);
    fails(() => openSealingKey(path, { create: true }), /not a key of 32 bytes|too large/);
    assert.equal(statSync(path).size, size);
  }
});

test("a signing key that is no Ed25519 private key is refused", () => {
  const pem = generateKeyPairSync("ed25519");
  const other = generateKeyPairSync("x25519").privateKey.export({ type: "pkcs8", format: "pem" });
  const open = pem.publicKey.export({ type: "spki", format: "pem" });
  const cut = String(pem.privateKey.export({ type: "pkcs8", format: "pem" })).slice(0, 60);
  for (const content of ["", "not a key", other, open, cut])
    fails(() => openSigningKey(placed(content, 0o600), { create: true }), /not an Ed25519 private key/);
});

test("a directory in the place of a key is refused", () => {
  const path = fresh();
  mkdirSync(path, { recursive: true, mode: 0o700 });
  fails(() => openSealingKey(path, { create: true }), /not a regular file/);
});

test("a key prints and serialises without its material", () => {
  const path = fresh();
  const key = openSealingKey(path, { create: true });
  const shown = inspect(key, { depth: 9, showHidden: true }) + JSON.stringify(key);
  assert.equal(shown.includes(readFileSync(path).toString("hex").slice(0, 8)), false);
});

test("a private file is made empty with mode 600, and one that exists is left alone", () => {
  const path = join(root, "store.db");
  ensurePrivateFile(path);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(statSync(path).size, 0);
  writeFileSync(path, "rows");
  ensurePrivateFile(path);
  assert.equal(readFileSync(path, "utf8"), "rows");
});
