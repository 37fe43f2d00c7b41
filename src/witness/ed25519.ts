// Ed25519 and SHA-256 of the platform, in the forms that notes need: a checkpoint's signature by its log (type 0x01) and a
// timestamped cosignature (type 0x04). C2SP signed-note and tlog-cosignature. Keys stay KeyObjects; nothing here prints one.
import { createPublicKey, hash, type KeyObject, sign, verify } from "node:crypto";
import { cosignatureBlob, cosignedMessage, parseCosignatureBlob } from "../merkle/checkpoint.ts";
import {
  ed25519,
  ed25519Cosignature,
  type Note,
  type NoteSignature,
  signaturesBy,
  type VerifierKey,
  verifierKey,
} from "../merkle/note.ts";
import type { Sha256 } from "../merkle/tree.ts";

export const sha256: Sha256 = (data, into, at) => {
  into.set(hash("sha256", data, "buffer"), at);
};

/** The key others check a cosigner's lines with. @throws SyntaxError where the name holds white space or a plus sign */
export function cosignerKey(name: string, privateKey: KeyObject): VerifierKey {
  const { x } = createPublicKey(privateKey).export({ format: "jwk" });
  return verifierKey(sha256, name, ed25519Cosignature, new Uint8Array(Buffer.from(x as string, "base64url")));
}

/** @param seconds whole seconds since the epoch @param text the checkpoint's body, extension lines included */
export function cosign(key: VerifierKey, privateKey: KeyObject, text: string, seconds: number): NoteSignature {
  const signature = sign(null, Buffer.from(cosignedMessage(seconds, text)), privateKey);
  return { name: key.name, keyId: key.keyId, signature: cosignatureBlob(seconds, signature) };
}

/** Whether one of the note's lines is this log key's signature over its text. */
export function isSignedBy(note: Note, key: VerifierKey): boolean {
  if (key.type !== ed25519) return false;
  return signaturesBy(note, key).some(({ signature }) => verifies(key, note.text, signature));
}

/** The newest valid cosignature of the note by this key, with its time in seconds; undefined where there is none. */
export function cosignatureBy(
  note: Note,
  key: VerifierKey,
): { readonly line: NoteSignature; readonly time: number } | undefined {
  if (key.type !== ed25519Cosignature) return undefined;
  let newest: { readonly line: NoteSignature; readonly time: number } | undefined;
  for (const line of signaturesBy(note, key)) {
    if (line.signature.length !== 8 + 64) continue;
    const { time, signature } = parseCosignatureBlob(line.signature);
    if (!Number.isSafeInteger(time) || (newest !== undefined && newest.time >= time)) continue;
    if (verifies(key, cosignedMessage(time, note.text), signature)) newest = { line, time };
  }
  return newest;
}

function verifies({ publicKey }: VerifierKey, message: string, signature: Uint8Array): boolean {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  const x = Buffer.from(publicKey).toString("base64url");
  const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
  return verify(null, Buffer.from(message), key, signature);
}
