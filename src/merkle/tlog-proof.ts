// C2SP tlog-proof@v1: one text that carries an entry's inclusion proof and the checkpoint it leads to. We put the entry
// itself into the `extra` line, so that the file alone can be checked; the line is not signed, its hash must fit. Pure.
import { fromBase64, toBase64 } from "./note.ts";

export interface TlogProof {
  /** Zero-based index of the leaf. */
  readonly index: number;
  /** Opaque and unsigned; in our proofs the entry's bytes. */
  readonly extra?: Uint8Array;
  /** From the leaf's sibling up, 32 bytes each. */
  readonly hashes: readonly Uint8Array[];
  /** The signed note, as it is. */
  readonly checkpoint: string;
}

const header = "c2sp.org/tlog-proof@v1";

export function formatTlogProof({ index, extra, hashes, checkpoint }: TlogProof): string {
  const lines = [header, ...(extra === undefined ? [] : [`extra ${toBase64(extra)}`]), `index ${index}`];
  return `${[...lines, ...hashes.map(toBase64)].join("\n")}\n\n${checkpoint}`;
}

/** @throws SyntaxError naming the line that is wrong; the checkpoint is not looked into */
export function parseTlogProof(text: string): TlogProof {
  const split = text.indexOf("\n\n");
  if (split < 0) throw new SyntaxError("a proof has a blank line before its checkpoint");
  const lines = text.slice(0, split).split("\n");
  let at = 0;
  if (lines[at++] !== header) throw new SyntaxError(`line 1 of a proof is ${header}`);
  let extra: Uint8Array | undefined;
  if (lines[at]?.startsWith("extra ") === true) extra = base64In(lines, at++, "extra ".length);
  const index = /^index (0|[1-9]\d{0,15})$/.exec(lines[at] ?? "");
  if (index === null || !Number.isSafeInteger(Number(index[1])))
    throw new SyntaxError(`line ${at + 1} of a proof is its index in decimal`);
  const hashes = lines.slice(at + 1).map((line, i) => {
    const hash = line === "" ? undefined : base64In(lines, at + 1 + i);
    if (hash?.length !== 32) throw new SyntaxError(`line ${at + 2 + i} of the proof is not a base64 hash of 32 bytes`);
    return hash;
  });
  return {
    index: Number(index[1]),
    ...(extra === undefined ? {} : { extra }),
    hashes,
    checkpoint: text.slice(split + 2),
  };
}

/** Content of a line after its first `skip` characters. @throws SyntaxError naming the line */
function base64In(lines: readonly string[], at: number, skip = 0): Uint8Array {
  try {
    return fromBase64(lines[at]!.slice(skip));
  } catch {
    throw new SyntaxError(`line ${at + 1} of the proof is not base64`);
  }
}
