// Key material in files of their own: 32 random bytes for AES-256, or an Ed25519 private key as PKCS#8 PEM (RFC 8410).
// Owns their form and their permissions; a file that others can read, or that is not exactly a key, is refused, and one
// that exists is never replaced. Keys leave as KeyObjects, which print and serialise without their material.
import { createPrivateKey, createSecretKey, generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto";
import { closeSync, existsSync, fstatSync, openSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { Fatal } from "../errors.ts";
import { makePrivateDirectory, syncDirectory, writeFileDurably } from "./files.ts";

export interface SecretFileOptions {
  /**
   * Whether a missing file is created. True only where nothing yet depends on the key: a new key in the place of a lost
   * one would make what the old one sealed or signed unreadable or inconsistent.
   */
  readonly create: boolean;
}

const sealingKeyBytes = 32;
/** An Ed25519 PEM is 119 bytes; the rest is room for other line ends and comments. */
const pemLimit = 4_096;

/**
 * The AES-256 key in a file, 32 raw bytes.
 * @throws Fatal where it is missing and not to be created, open to group or others, or not 32 bytes
 */
export function openSealingKey(path: string, { create }: SecretFileOptions): KeyObject {
  const bytes = openSecret(path, create, () => randomBytes(sealingKeyBytes));
  if (bytes.length !== sealingKeyBytes)
    throw new Fatal(`${path} is not a key of ${sealingKeyBytes} bytes`, { hint: restoreHint });
  const key = createSecretKey(bytes);
  bytes.fill(0);
  return key;
}

/**
 * The Ed25519 private key in a PEM file.
 * @throws Fatal where it is missing and not to be created, open to group or others, or not such a key
 */
export function openSigningKey(path: string, { create }: SecretFileOptions): KeyObject {
  const pem = openSecret(path, create, () =>
    Buffer.from(generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" })),
  );
  let key: KeyObject | undefined;
  try {
    key = createPrivateKey({ key: pem, format: "pem" });
  } catch {
    // What the parser says of a damaged key helps nobody; the refusal below does.
  }
  pem.fill(0);
  if (key?.asymmetricKeyType !== "ed25519")
    throw new Fatal(`${path} is not an Ed25519 private key in PEM form`, { hint: restoreHint });
  return key;
}

/**
 * Creates an empty file, only for its owner, where there is none. For databases that hold secrets: SQLite gives its
 * side files the permissions of the main one, so they must be right before it is first opened.
 */
export function ensurePrivateFile(path: string): void {
  if (!existsSync(path)) writeFileDurably(path, "", 0o600);
}

const restoreHint = "Restore the file from where your secrets are kept; without it what it protects cannot be read.";

/** The checked content of a secret file. A new one is on disk before anything can come to depend on it. */
function openSecret(path: string, create: boolean, generate: () => Buffer): Buffer {
  if (!existsSync(path)) {
    if (!create) throw new Fatal(`${path} is missing`, { hint: restoreHint });
    const directory = dirname(path);
    if (!existsSync(directory)) {
      makePrivateDirectory(directory);
      syncDirectory(dirname(directory));
    }
    const fresh = generate();
    writeFileDurably(path, fresh, 0o600);
    fresh.fill(0);
  }
  return readPrivate(path);
}

function readPrivate(path: string): Buffer {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (cause) {
    throw new Fatal(`${path} cannot be read: ${(cause as Error).message}`, {
      hint: "It must belong to the user who runs this, with mode 600.",
      cause,
    });
  }
  try {
    // Asked of the open file, so that what is checked is what is read.
    const about = fstatSync(file);
    if (!about.isFile()) throw new Fatal(`${path} is not a regular file`, { hint: restoreHint });
    if ((about.mode & 0o077) !== 0)
      throw new Fatal(`${path} can be used by others (mode ${(about.mode & 0o777).toString(8)})`, {
        hint: `Run: chmod 600 ${path} – and consider the key known to whoever could read it.`,
      });
    if (about.size > pemLimit) throw new Fatal(`${path} is too large to be a key`, { hint: restoreHint });
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}
