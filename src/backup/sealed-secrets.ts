// The secrets of a data directory in one file, sealed with a passphrase: scrypt (N 2^17, r 8, p 1) makes the key,
// AES-256-GCM seals. Layout: "TSbk" · u8 1 · 16 bytes of salt · 12 of nonce · 16 of tag · sealed JSON {name: base64}.
import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from "node:crypto";
import { TaishiError } from "../errors.ts";

const magic = Buffer.from("TSbk\u0001", "latin1");
const cost = { N: 2 ** 17, r: 8, p: 1, maxmem: 256 * 1024 * 1024 };
export const leastPassphrase = 12;

/** @param files content by name */
export function sealSecrets(files: ReadonlyMap<string, Uint8Array>, passphrase: string): Uint8Array {
  checkPassphrase(passphrase);
  const salt = randomBytes(16);
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", scryptSync(passphrase, salt, 32, cost), nonce).setAAD(magic);
  const plain = JSON.stringify(
    Object.fromEntries([...files].map(([name, bytes]) => [name, Buffer.from(bytes).toString("base64")])),
  );
  const sealed = Buffer.concat([cipher.update(plain, "utf8"), cipher.final()]);
  return Buffer.concat([magic, salt, nonce, cipher.getAuthTag(), sealed]);
}

/** @throws TaishiError invalid-parameter where the passphrase is wrong or the file altered */
export function unsealSecrets(bytes: Uint8Array, passphrase: string): ReadonlyMap<string, Uint8Array> {
  const all = Buffer.from(bytes);
  const at = magic.length;
  const refusal = (): TaishiError =>
    new TaishiError("invalid-parameter", "the passphrase is wrong, or the sealed secrets were altered", {
      field: "passphrase",
    });
  if (all.length < at + 44 || !all.subarray(0, at).equals(magic)) throw refusal();
  const key = scryptSync(passphrase, all.subarray(at, at + 16), 32, cost);
  const opener = createDecipheriv("aes-256-gcm", key, all.subarray(at + 16, at + 28))
    .setAAD(magic)
    .setAuthTag(all.subarray(at + 28, at + 44));
  let plain: string;
  try {
    plain = Buffer.concat([opener.update(all.subarray(at + 44)), opener.final()]).toString("utf8");
  } catch {
    throw refusal(); // what the cipher says helps nobody
  }
  const files = JSON.parse(plain) as Record<string, string>;
  return new Map(Object.entries(files).map(([name, text]) => [name, new Uint8Array(Buffer.from(text, "base64"))]));
}

function checkPassphrase(passphrase: string): void {
  if (passphrase.length < leastPassphrase)
    throw new TaishiError("invalid-parameter", `the passphrase must have at least ${leastPassphrase} characters`, {
      field: "passphrase",
    });
}
