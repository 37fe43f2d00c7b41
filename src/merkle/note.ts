// C2SP signed notes and the keys that sign them: a text, a blank line, and a line per signature. Pure; signing and
// checking of bytes are handed in. Unknown signatures are kept and ignored, as the spec asks.
import { digest, type Sha256 } from "./tree.ts";

/** Signature types of C2SP signed-note and tlog-cosignature. */
export const ed25519 = 0x01;
export const ed25519Cosignature = 0x04;

export interface NoteSignature {
  readonly name: string;
  /** First four bytes of SHA-256(name || 0x0A || type || public key). */
  readonly keyId: Uint8Array;
  readonly signature: Uint8Array;
}

export interface Note {
  /** Ends with a newline. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

export interface VerifierKey {
  readonly name: string;
  readonly type: number;
  readonly publicKey: Uint8Array;
  readonly keyId: Uint8Array;
}

export function verifierKey(sha256: Sha256, name: string, type: number, publicKey: Uint8Array): VerifierKey {
  checkName(name);
  const label = new TextEncoder().encode(`${name}\n`);
  const hashed = new Uint8Array(label.length + 1 + publicKey.length);
  hashed.set(label);
  hashed[label.length] = type;
  hashed.set(publicKey, label.length + 1);
  return { name, type, publicKey, keyId: digest(sha256, hashed).slice(0, 4) };
}

/** `name+hex8+base64(type || public key)` */
export function formatVerifierKey(key: VerifierKey): string {
  return `${key.name}+${toHex(key.keyId)}+${toBase64(Uint8Array.of(key.type, ...key.publicKey))}`;
}

/** @throws SyntaxError where the text is no verifier key or its id disagrees with its content */
export function parseVerifierKey(sha256: Sha256, text: string): VerifierKey {
  const match = /^([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)$/.exec(text.trim());
  if (match === null) throw new SyntaxError("not a verifier key of the form name+hash+base64");
  const material = fromBase64(match[3]!);
  if (material.length < 2) throw new SyntaxError("the verifier key holds no public key");
  const key = verifierKey(sha256, match[1]!, material[0]!, material.slice(1));
  if (toHex(key.keyId) !== match[2]) throw new SyntaxError("the verifier key's hash does not fit its name and key");
  return key;
}

export function formatNote(note: Note): string {
  return `${note.text}\n${note.signatures.map(formatSignature).join("")}`;
}

/** One line, with its newline. */
export function formatSignature({ name, keyId, signature }: NoteSignature): string {
  return `— ${name} ${toBase64(Uint8Array.of(...keyId, ...signature))}\n`;
}

/** Lines that a note may have below its text. The specification asks for 16 at least; each may cost a verification. */
const mostSignatures = 100;

/** @throws SyntaxError where the text is not a signed note, naming the line where there is one */
export function parseNote(text: string): Note {
  const split = text.lastIndexOf("\n\n");
  if (split < 0) throw new SyntaxError("a signed note has a blank line before its signatures");
  const signatures = text.slice(split + 2);
  if (!signatures.endsWith("\n")) throw new SyntaxError("a signed note ends with a newline");
  const above = text.slice(0, split + 1);
  const linesAbove = above.split("\n").length;
  const lines = signatures.slice(0, -1).split("\n");
  if (lines.length > mostSignatures) throw new SyntaxError(`a signed note has at most ${mostSignatures} signatures`);
  for (const [i, line] of above.split("\n").entries())
    if (hasControl(line)) throw new SyntaxError(`line ${i + 1} of the note holds a control character`);
  return { text: above, signatures: lines.map((line, i) => parseSignature(line, linesAbove + 1 + i)) };
}

/** @param at the line's number in its note, for the error */
function parseSignature(line: string, at: number): NoteSignature {
  const match = /^— ([^\s+]+) (\S+)$/.exec(line);
  if (match === null || hasControl(line)) throw new SyntaxError(`line ${at} of the note is no signature line`);
  let bytes: Uint8Array;
  try {
    bytes = fromBase64(match[2]!);
  } catch (thrown) {
    throw new SyntaxError(`line ${at} of the note: the signature is ${(thrown as Error).message}`);
  }
  if (bytes.length < 5) throw new SyntaxError(`line ${at} of the note: the signature is too short`);
  return { name: match[1]!, keyId: bytes.slice(0, 4), signature: bytes.slice(4) };
}

function hasControl(line: string): boolean {
  for (const character of line) if (character < " ") return true;
  return false;
}

/** The note's signatures by this key: same name and key id. */
export function signaturesBy(note: Note, key: VerifierKey): readonly NoteSignature[] {
  return note.signatures.filter(({ name, keyId }) => name === key.name && equalBytes(keyId, key.keyId));
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function toBase64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

/**
 * Base64 in its one canonical form: padded, no white space, and no bits set that stand for nothing. `atob` alone lets all
 * of these pass, and then a proof with a flipped bit would still be read as the same proof.
 * @throws SyntaxError where the text is not that
 */
export function fromBase64(text: string): Uint8Array {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw new SyntaxError("not base64");
  // The last character before the padding has two or four bits to spare.
  if (text.endsWith("=") && !/(?:[AQgw]==|[AEIMQUYcgkosw048]=)$/.test(text.slice(-3)))
    throw new SyntaxError("not base64 in its canonical form");
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

function checkName(name: string): void {
  if (name === "" || /[\s+]/.test(name)) throw new SyntaxError("a key name holds no white space and no plus sign");
}
