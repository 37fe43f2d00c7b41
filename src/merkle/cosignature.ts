// Whose signatures a note carries: a log's own (type 0x01) and timestamped cosignatures (type 0x04, C2SP tlog-cosignature).
// Lines of other types and by other keys are not looked at. Pure.
import { cosignedMessage, parseCosignatureBlob } from "./checkpoint.ts";
import {
  ed25519,
  ed25519Cosignature,
  equalBytes,
  type Note,
  type NoteSignature,
  signaturesBy,
  toHex,
  type VerifierKey,
} from "./note.ts";
import type { Primitives } from "./primitives.ts";

const utf8 = new TextEncoder();

/** Whether one of the note's lines is this log key's signature over its text. */
export function isSignedBy(primitives: Primitives, note: Note, key: VerifierKey): boolean {
  if (key.type !== ed25519) return false;
  const message = utf8.encode(note.text);
  return signaturesBy(note, key).some(({ signature }) => primitives.ed25519(key.publicKey, message, signature));
}

export interface Cosignature {
  readonly line: NoteSignature;
  /** Whole seconds since the epoch. */
  readonly time: number;
}

/** The newest valid cosignature of the note by this key; undefined where there is none. */
export function cosignatureBy(primitives: Primitives, note: Note, key: VerifierKey): Cosignature | undefined {
  if (key.type !== ed25519Cosignature) return undefined;
  let newest: Cosignature | undefined;
  for (const line of signaturesBy(note, key)) {
    if (line.signature.length !== 8 + 64) continue;
    const { time, signature } = parseCosignatureBlob(line.signature);
    if (!Number.isSafeInteger(time) || (newest !== undefined && newest.time >= time)) continue;
    if (primitives.ed25519(key.publicKey, utf8.encode(cosignedMessage(time, note.text)), signature))
      newest = { line, time };
  }
  return newest;
}

/** What the lines of a note say by the keys that are known, as `checkSignatures` found them. */
export interface CheckedSignatures {
  /** Log keys (type 0x01) whose signature the note carries. */
  readonly signed: ReadonlySet<VerifierKey>;
  /** The newest time by each cosigner (type 0x04): whole seconds since the epoch. */
  readonly times: ReadonlyMap<VerifierKey, number>;
  /** The first line by a known key that does not verify; a note with such a line is good for nothing. */
  readonly problem: SignatureProblem | undefined;
}

export interface SignatureProblem {
  /** Of the note, the first being 1. */
  readonly line: number;
  readonly what: string;
}

/** @param note what the note is called */
export function describeProblem({ line, what }: SignatureProblem, note: string): string {
  return `line ${line} of ${note}: ${what}`;
}

/**
 * Verifies every line whose name and key id are those of a known key; all others are ignored, as signed-note asks. Stricter
 * than isSignedBy and cosignatureBy, which look for one good line: here a bad one is told, so that damage shows.
 */
export function checkSignatures(primitives: Primitives, note: Note, keys: readonly VerifierKey[]): CheckedSignatures {
  const signed = new Set<VerifierKey>();
  const times = new Map<VerifierKey, number>();
  let problem: SignatureProblem | undefined;
  const text = utf8.encode(note.text);
  const holds = (key: VerifierKey, { signature }: NoteSignature): boolean => {
    if (key.type === ed25519) {
      if (!primitives.ed25519(key.publicKey, text, signature)) return false;
      signed.add(key);
      return true;
    }
    if (signature.length !== 8 + 64) return false;
    const { time, signature: over } = parseCosignatureBlob(signature);
    if (!Number.isSafeInteger(time)) return false;
    if (!primitives.ed25519(key.publicKey, utf8.encode(cosignedMessage(time, note.text)), over)) return false;
    times.set(key, Math.max(time, times.get(key) ?? 0));
    return true;
  };
  const firstLine = note.text.split("\n").length + 1;
  for (const [i, line] of note.signatures.entries()) {
    const known = keys.filter(
      ({ name, keyId, type }) =>
        (type === ed25519 || type === ed25519Cosignature) && name === line.name && equalBytes(keyId, line.keyId),
    );
    // Each is tried, and not only up to the first that fits: one key may be known twice, by the policy and by itself.
    if (known.length > 0 && known.filter((key) => holds(key, line)).length === 0)
      problem ??= {
        line: firstLine + i,
        what: `the signature by ${line.name} ${toHex(line.keyId)} does not fit: the text above or this line was changed`,
      };
  }
  return { signed, times, problem };
}
