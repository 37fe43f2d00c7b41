// Secrets at rest: AES-256-GCM (NIST SP 800-38D) under the service's sealing key. A sealed secret is
//   version (1 byte, 1) · nonce (12) · ciphertext · tag (16)
// and its additional data is its access key, so that a blob moved to another key's row does not open. Nonces are random,
// which one key bears for 2^32 seals. Never logs, and never says more of a failure than that it failed.
import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from "node:crypto";
import { Fatal } from "../errors.ts";

const algorithm = "aes-256-gcm";
const version = 1;
const nonceBytes = 12;
const tagBytes = 16;

export function seal(sealingKey: KeyObject, accessKey: string, secret: string): Buffer {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv(algorithm, sealingKey, nonce, { authTagLength: tagBytes });
  cipher.setAAD(additionalData(accessKey));
  return Buffer.concat([Buffer.of(version), nonce, cipher.update(secret, "utf8"), cipher.final(), cipher.getAuthTag()]);
}

/** @throws Fatal where the key is not the one it was sealed with, or the blob or its access key was changed */
export function unseal(sealingKey: KeyObject, accessKey: string, sealed: Uint8Array): string {
  if (sealed[0] !== version)
    throw new Fatal(`the secret of access key ${accessKey} is sealed in an unknown form`, {
      hint: "Run the Taishi version that wrote it, or a newer one.",
    });
  if (sealed.length < 1 + nonceBytes + tagBytes) throw cannotOpen(accessKey);
  const end = sealed.length - tagBytes;
  const decipher = createDecipheriv(algorithm, sealingKey, sealed.subarray(1, 1 + nonceBytes), {
    authTagLength: tagBytes,
  });
  decipher.setAAD(additionalData(accessKey));
  decipher.setAuthTag(sealed.subarray(end));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(1 + nonceBytes, end)), decipher.final()]).toString("utf8");
  } catch {
    throw cannotOpen(accessKey);
  }
}

function additionalData(accessKey: string): Buffer {
  return Buffer.from(`taishi/secret/${version}\0${accessKey}`, "utf8");
}

function cannotOpen(accessKey: string): Fatal {
  return new Fatal(`the secret of access key ${accessKey} cannot be unsealed`, {
    hint: "The sealing key is not the one it was sealed with, or the identity store was altered: restore both from one backup.",
  });
}
