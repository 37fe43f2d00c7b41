// SHA-256 and its HMAC, by WebCrypto. Browsers offer that on https and on localhost only; a service that is reached by plain
// http elsewhere gets the same bytes from a library, which is loaded only then.
const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>;

/** Absent on insecure origins, whatever the types say. */
const subtle = () => globalThis.crypto?.subtle as typeof crypto.subtle | undefined;

export async function sha256Hex(text: string): Promise<string> {
  const native = subtle();
  if (native !== undefined) return hex(new Uint8Array(await native.digest("SHA-256", bytesOf(text))));
  const { sha256 } = await import("@noble/hashes/sha2.js");
  return hex(sha256(bytesOf(text)));
}

/** @param key its UTF-8 bytes where it is a text; the empty key is allowed */
export async function hmacSha256(
  key: Uint8Array<ArrayBuffer> | string,
  text: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const secret = typeof key === "string" ? bytesOf(key) : key;
  const native = subtle();
  if (native !== undefined && secret.length > 0) {
    const imported = await native.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    return new Uint8Array(await native.sign("HMAC", imported, bytesOf(text)));
  }
  const [{ hmac }, { sha256 }] = await Promise.all([import("@noble/hashes/hmac.js"), import("@noble/hashes/sha2.js")]);
  return hmac(sha256, secret, bytesOf(text)) as Uint8Array<ArrayBuffer>;
}

export function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
