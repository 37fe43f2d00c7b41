// The add-checkpoint call of C2SP tlog-witness as text and as a decision: what a log sends, and what a witness that has
// cosigned so much before must answer. Pure: what is remembered, and that remembering is durable, is the caller's.
import { type Checkpoint, parseCheckpoint } from "../merkle/checkpoint.ts";
import { equalBytes, fromBase64, type Note, parseNote, toBase64, type VerifierKey } from "../merkle/note.ts";
import { ProofError, verifyConsistency } from "../merkle/proof.ts";
import { digest } from "../merkle/tree.ts";
import { isSignedBy, sha256 } from "./ed25519.ts";

export interface Submission {
  /** What the log believes the witness cosigned last. */
  readonly oldSize: number;
  readonly proof: readonly Uint8Array[];
  /** The signed note. */
  readonly checkpoint: string;
}

/** A tree that was cosigned. */
export interface Head {
  readonly size: number;
  readonly root: Uint8Array;
}

const mostProofLines = 63;

export function formatSubmission({ oldSize, proof, checkpoint }: Submission): string {
  return `${[`old ${oldSize}`, ...proof.map(toBase64)].join("\n")}\n\n${checkpoint}`;
}

/** @throws SyntaxError naming the line that is wrong; the checkpoint is not looked into */
export function parseSubmission(body: string): Submission {
  const split = body.indexOf("\n\n");
  if (split < 0) throw new SyntaxError("an empty line stands between the proof and the checkpoint");
  const [first = "", ...lines] = body.slice(0, split).split("\n");
  const old = /^old (0|[1-9]\d{0,15})$/.exec(first);
  if (old === null || !Number.isSafeInteger(Number(old[1])))
    throw new SyntaxError("line 1 is the word old and a size in decimal");
  if (lines.length > mostProofLines) throw new SyntaxError(`a proof has at most ${mostProofLines} lines`);
  const proof = lines.map((line, i) => {
    const hash = /^[A-Za-z0-9+/]{43}=$/.test(line) ? fromBase64(line) : undefined;
    if (hash?.length !== 32) throw new SyntaxError(`line ${i + 2} is not a hash of 32 bytes in base64`);
    return hash;
  });
  return { oldSize: Number(old[1]), proof, checkpoint: body.slice(split + 2) };
}

/** What the witness has to answer. */
export type Verdict =
  /** Cosign, if what was remembered is still the same when this is. */
  | { readonly status: 200; readonly note: Note; readonly checkpoint: Checkpoint }
  | { readonly status: 400 | 403 | 404; readonly why: string }
  /** `forked`: the log has signed two trees of one size, which nobody can explain away. */
  | { readonly status: 409; readonly why: string; readonly size: number; readonly forked: boolean }
  /** A signed checkpoint without a proof that it continues: a fork of the log, or somebody who passed it on with a wrong proof. */
  | { readonly status: 422; readonly why: string };

/**
 * @param keysOf the log keys trusted for an origin; none where it is unknown
 * @param latestOf what was cosigned last for an origin; undefined where nothing was
 */
export function judge(
  body: string,
  keysOf: (origin: string) => readonly VerifierKey[],
  latestOf: (origin: string) => Head | undefined,
): Verdict {
  let submission: Submission;
  let note: Note;
  let checkpoint: Checkpoint;
  try {
    submission = parseSubmission(body);
    note = parseNote(submission.checkpoint);
    checkpoint = parseCheckpoint(note.text);
  } catch (thrown) {
    if (!(thrown instanceof SyntaxError)) throw thrown;
    return { status: 400, why: thrown.message };
  }
  const { origin, size, root } = checkpoint;
  const keys = keysOf(origin);
  if (keys.length === 0) return { status: 404, why: `this witness does not know the log ${origin}` };
  if (!keys.some((key) => isSignedBy(note, key)))
    return { status: 403, why: `no key trusted for ${origin} has signed the checkpoint` };
  const { oldSize, proof } = submission;
  if (oldSize > size) return { status: 400, why: `the old size ${oldSize} is larger than the checkpoint's ${size}` };

  const latest = latestOf(origin) ?? { size: 0, root: emptyRoot() };
  const forked = size === latest.size && !equalBytes(root, latest.root);
  if (oldSize !== latest.size)
    return {
      status: 409,
      why: `the last size cosigned is ${latest.size}, not ${oldSize}`,
      size: latest.size,
      forked,
    };
  if (forked) return { status: 409, why: `another root was cosigned for size ${size}`, size: latest.size, forked };
  try {
    verifyConsistency(sha256, { oldSize, oldRoot: latest.root, newSize: size, newRoot: root, proof });
  } catch (thrown) {
    if (!(thrown instanceof ProofError)) throw thrown;
    return { status: 422, why: thrown.message };
  }
  return { status: 200, note, checkpoint };
}

function emptyRoot(): Uint8Array {
  return digest(sha256, new Uint8Array(0));
}
