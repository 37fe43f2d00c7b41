// The two primitives that verification needs, handed in where a platform has faster ones (Node's crypto), and here in
// plain JavaScript by kept libraries: they work in any browser, also over plain http, where WebCrypto is absent.
import { ed25519 } from "@noble/curves/ed25519.js";
import { sha256 } from "@noble/hashes/sha2.js";
import type { Sha256 } from "./tree.ts";

export interface Primitives {
  readonly sha256: Sha256;
  /** Whether the 64 bytes are the key's Ed25519 signature (RFC 8032) over the message; false for bytes that are no key. */
  readonly ed25519: (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean;
}

/** Runs anywhere; about 3 ms a signature. */
export const portable: Primitives = {
  sha256: (data, into, at) => into.set(sha256(data), at),
  ed25519: (publicKey, message, signature) => {
    if (publicKey.length !== 32 || signature.length !== 64) return false;
    try {
      // RFC 8032, as Node does it: the library's default, ZIP 215, takes keys of small order, for which a signature of
      // nobody's fits every message.
      return ed25519.verify(signature, message, publicKey, { zip215: false });
    } catch {
      return false; // a public key that is no point of the curve signs nothing
    }
  },
};
