// Cosignatures of witnesses, put into a checkpoint that is kept. Pure. The checkpoint stays the one that was signed: its
// body and its own lines are never touched (I2).
import { Fatal } from "../errors.ts";
import { equalBytes, formatNote, type NoteSignature, parseNote } from "../merkle/note.ts";
import type { SignedCheckpoint } from "./port.ts";

/** A log's checkpoint on its way to witnesses, or back from them. */
export interface Offered extends SignedCheckpoint {
  readonly account: string;
}

/** What witnesses cosigned of a log: verified lines over exactly this text. */
export interface CosignedCheckpoint {
  readonly account: string;
  readonly size: number;
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

/**
 * The note with these cosignatures behind its own lines, in the place of older ones by the same keys.
 * @throws Fatal where the note is of another text (I2)
 */
export function withCosignatures(noteText: string, { text, signatures }: CosignedCheckpoint): string {
  const note = parseNote(noteText);
  if (note.text !== text)
    throw new Fatal(`a checkpoint would be replaced by another of the same size:\n${note.text}${text}`, {
      hint: "Run `taishi fsck`.",
    });
  const replaced = ({ name, keyId }: NoteSignature): boolean =>
    signatures.some((one) => one.name === name && equalBytes(one.keyId, keyId));
  return formatNote({ text, signatures: [...note.signatures.filter((line) => !replaced(line)), ...signatures] });
}
