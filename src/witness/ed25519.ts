// Ed25519 and SHA-256 of the platform, in the forms that notes need: a checkpoint's signature by its log (type 0x01) and a
// timestamped cosignature (type 0x04). C2SP signed-note and tlog-cosignature. Keys stay KeyObjects; nothing here prints one.
import { createPublicKey, hash, type KeyObject, sign, verify } from "node:crypto";
import { cosignatureBlob, cosignedMessage } from "../merkle/checkpoint.ts";
import { type Cosignature, cosignatureBy as cosignedBy, isSignedBy as verifiedBy } from "../merkle/cosignature.ts";
import { ed25519Cosignature, type Note, type NoteSignature, type VerifierKey, verifierKey } from "../merkle/note.ts";
import type { Primitives } from "../merkle/primitives.ts";
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

/** The platform's primitives, for verification. */
export const platform: Primitives = {
  sha256,
  ed25519: (publicKey, message, signature) => {
    if (publicKey.length !== 32 || signature.length !== 64) return false;
    const x = Buffer.from(publicKey).toString("base64url");
    return verify(null, message, createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" }), signature);
  },
};

/** Whether one of the note's lines is this log key's signature over its text. */
export function isSignedBy(note: Note, key: VerifierKey): boolean {
  return verifiedBy(platform, note, key);
}

/** The newest valid cosignature of the note by this key; undefined where there is none. */
export function cosignatureBy(note: Note, key: VerifierKey): Cosignature | undefined {
  return cosignedBy(platform, note, key);
}
