// Whose signatures a note carries: a log's own (type 0x01) and timestamped cosignatures (type 0x04, C2SP tlog-cosignature).
// Lines of other types and by other keys are not looked at. Pure.
import { cosignedMessage, parseCosignatureBlob } from "./checkpoint.ts";
import { ed25519, ed25519Cosignature, type Note, type NoteSignature, signaturesBy, type VerifierKey } from "./note.ts";
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
