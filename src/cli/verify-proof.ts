// `taishi verify` of a `.tlog-proof`: the entry in its extra line is hashed, led up by the proof's hashes, and must arrive
// at the root that the log signed.
import { readFileSync } from "node:fs";
import { blobReferences } from "../event/entry.ts";
import { sha256 } from "../ledger/signer.ts";
import { toBase64 } from "../merkle/note.ts";
import { ProofError, verifyInclusion } from "../merkle/proof.ts";
import { parseTlogProof, type TlogProof } from "../merkle/tlog-proof.ts";
import { leafHash } from "../merkle/tree.ts";
import { openCheckpoint, signerFacts, type Trust } from "./trust.ts";
import { NotVerified, type Verdict } from "./verdict.ts";

/** @throws NotVerified naming the line */
export function verifyProofFile(path: string, trust: Trust): Verdict {
  const text = readFileSync(path, "utf8");
  let proof: TlogProof;
  try {
    proof = parseTlogProof(text);
  } catch (thrown) {
    if (thrown instanceof SyntaxError) throw new NotVerified({ path, what: thrown.message });
    throw thrown;
  }
  const { index, hashes, extra } = proof;
  const linesBefore = text.slice(0, text.length - proof.checkpoint.length).split("\n").length - 1;
  const opened = openCheckpoint(proof.checkpoint, trust, { path, linesBefore });
  const { origin, size, root } = opened.checkpoint;
  if (extra === undefined)
    throw new NotVerified({ path, line: 2, what: "carries no entry in an extra line, so there is nothing to check" });
  try {
    verifyInclusion(sha256, { index, size, leaf: leafHash(sha256, extra), proof: hashes, root });
  } catch (thrown) {
    if (!(thrown instanceof ProofError)) throw thrown;
    const last = linesBefore - 1;
    const at = hashes.length === 0 ? "" : `, and the hashes in lines ${last - hashes.length + 1} to ${last}`;
    throw new NotVerified({
      path,
      line: 2,
      what: `this entry, the index in line 3${at} do not lead to the signed root in line ${linesBefore + 3}: ${thrown.message}`,
    });
  }
  const entry = readEntry(extra);
  const references = blobReferences(entry);
  return {
    kind: "proof",
    problems: [],
    problemCount: 0,
    claim: `entry ${index} is in the log ${origin}`,
    facts: [
      ["entry", `${index}, counted from 0, of ${size}`],
      ["log", origin],
      ["root", toBase64(root)],
      ...signerFacts(opened),
      ...references.map(({ $sha256, size }) => ["beside it", `a string of ${size} bytes, SHA-256 ${$sha256}`] as const),
    ],
    text: typeof entry === "string" ? entry : JSON.stringify(entry, null, 2),
    data: {
      origin,
      index,
      size,
      root: toBase64(root),
      keyId: opened.keyId,
      cosigners: opened.cosigners,
      quorum: opened.quorum ? true : null,
      entry,
    },
  };
}

/** Another program's log may hold anything: what is no JSON text is shown in base64. */
function readEntry(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return toBase64(bytes);
  }
}
