// taishi/verify: checks what a log hands out, offline, without trusting its server: proofs of entries, checkpoints, that one
// checkpoint continues another, that nothing came in between. Pure: no I/O, no platform; runs in Node and in browsers.
// What each check proves and assumes is told in docs/proof.md.
// biome-ignore-all lint/performance/noBarrelFile: what a package exports is a list of names
import { type Checkpoint, parseCheckpoint } from "./checkpoint.ts";
import { checkSignatures, describeProblem } from "./cosignature.ts";
import {
  ed25519,
  ed25519Cosignature,
  equalBytes,
  type Note,
  parseNote,
  parseVerifierKey,
  toBase64,
  type VerifierKey,
} from "./note.ts";
import { judgeByPolicy, keysOf, type Policy, parsePolicy as parsePolicyWith } from "./policy.ts";
import { type Primitives, portable } from "./primitives.ts";
import { ProofError, verifyConsistency as verifyConsistencyProof, verifyInclusion } from "./proof.ts";
import { parseTlogProof } from "./tlog-proof.ts";
import { leafHash, type Sha256 } from "./tree.ts";

export { type Checkpoint, parseCheckpoint } from "./checkpoint.ts";
export {
  type CheckedSignatures,
  type Cosignature,
  checkSignatures,
  cosignatureBy,
  describeProblem,
  isSignedBy,
  type SignatureProblem,
} from "./cosignature.ts";
export {
  formatNote,
  formatVerifierKey,
  fromBase64,
  type Note,
  type NoteSignature,
  parseNote,
  toBase64,
  toHex,
  type VerifierKey,
} from "./note.ts";
export { checkPolicy, type Policy, type PolicyOutcome } from "./policy.ts";
export { type Primitives, portable } from "./primitives.ts";
export { consistencyProof, type HashReader, inclusionProof, ProofError } from "./proof.ts";
export { hasTile, parseTilePath, type Tile, tilePath, tilesOf } from "./tile.ts";
export { formatTlogProof, parseTlogProof, type TlogProof } from "./tlog-proof.ts";
export { leafHash, nodeHash, type Sha256, TreeEdge } from "./tree.ts";

/** `name+hash+base64`, as `taishi log key` prints it. @throws SyntaxError */
export function parseKey(vkey: string, sha256: Sha256 = portable.sha256): VerifierKey {
  return parseVerifierKey(sha256, vkey);
}

/** A C2SP tlog-policy. @throws SyntaxError naming the line that is wrong */
export function parsePolicy(text: string, sha256: Sha256 = portable.sha256): Policy {
  return parsePolicyWith(sha256, text);
}

export interface Trust {
  /**
   * Verifier keys, as texts or parsed. Of the log: one, or those before and after a rotation; where none is given, the logs
   * of the policy are believed. Of cosigners too (type 0x04, such as the service's clock): their times are then checked.
   */
  readonly keys: readonly (string | VerifierKey)[];
  /** Whose cosignatures a checkpoint must carry. */
  readonly policy?: Policy;
  /** Faster ones than the portable, where the platform has them. */
  readonly primitives?: Primitives;
}

export interface VerifiedCheckpoint extends Checkpoint {
  /**
   * Who cosigned it when, in whole seconds since the epoch: those of the policy by their names in it, cosigners given as
   * keys by the names of these.
   */
  readonly cosigned: ReadonlyMap<string, number>;
  readonly note: Note;
}

/**
 * Checks that a log signed its checkpoint. Lines by keys that are not known are ignored; one by a known key that does not
 * fit is an error, whether or not it is needed.
 * @throws SyntaxError where the text is no checkpoint; ProofError where no log's key signed it, a line by a known key does
 * not fit, or the policy does not hold
 */
export function verifyCheckpoint(text: string, trust: Trust): VerifiedCheckpoint {
  return openCheckpoint(text, trust, "the checkpoint").checkpoint;
}

/** @param what the checkpoint is called in an error, where there are two */
function openCheckpoint(
  text: string,
  trust: Trust,
  what: string,
): { readonly checkpoint: VerifiedCheckpoint; readonly timeOf: (key: VerifierKey) => number | undefined } {
  const primitives = trust.primitives ?? portable;
  const { policy } = trust;
  const note = named(what, () => parseNote(text));
  const checkpoint = named(what, () => parseCheckpoint(note.text));
  const given = parsedKeys(trust);
  const ofLogs = given.filter(({ type }) => type === ed25519);
  const believed = ofLogs.length > 0 ? ofLogs : (policy?.logs ?? []).map(({ key }) => key);
  const own = believed.filter(({ name }) => name === checkpoint.origin);
  if (own.length === 0)
    throw new ProofError(
      `${what} is of the log ${checkpoint.origin}, the key given is of ${believed.map(({ name }) => name).join(", ") || "none"}`,
    );
  const checked = checkSignatures(primitives, note, [...given, ...(policy === undefined ? [] : keysOf(policy))]);
  if (checked.problem !== undefined) throw new ProofError(describeProblem(checked.problem, what));
  if (!own.some((key) => checked.signed.has(key)))
    throw new ProofError(`no signature line of ${what} is one by the key of ${checkpoint.origin}`);
  const outcome = policy === undefined ? undefined : judgeByPolicy(policy, note, checked, what);
  if (outcome?.problem !== undefined) throw new ProofError(outcome.problem);
  const byKeys = given.flatMap((key) => {
    const time = checked.times.get(key);
    return time === undefined ? [] : [[key.name, time] as const];
  });
  const cosigned = new Map([...byKeys, ...(outcome?.cosigned ?? [])]);
  return { checkpoint: { ...checkpoint, cosigned, note }, timeOf: (key) => checked.times.get(key) };
}

function parsedKeys({ keys, primitives = portable }: Trust): readonly VerifierKey[] {
  return keys.map((key) => (typeof key === "string" ? parseVerifierKey(primitives.sha256, key) : key));
}

/** Has an error about reading say which of several objects it is about. */
function named<Result>(what: string, read: () => Result): Result {
  try {
    return read();
  } catch (thrown) {
    if (thrown instanceof SyntaxError) throw new SyntaxError(`${what} cannot be read: ${thrown.message}`);
    throw thrown;
  }
}

export interface VerifiedEntry {
  /** The entry's bytes, canonical JSON in UTF-8. */
  readonly entry: Uint8Array;
  readonly index: number;
  readonly checkpoint: VerifiedCheckpoint;
}

/**
 * Checks a tlog-proof that carries its entry. The signature is what binds the tree's size: the hashes alone would lead to
 * the same root under some other sizes.
 * @param entry the entry's bytes, for a proof that does not carry them
 * @throws SyntaxError where a line cannot be read; ProofError where something disagrees
 */
export function verifyProof(text: string, trust: Trust, entry?: Uint8Array): VerifiedEntry {
  const { sha256 } = trust.primitives ?? portable;
  const { index, extra, hashes, checkpoint: note } = parseTlogProof(text);
  const bytes = entry ?? extra;
  if (bytes === undefined)
    throw new ProofError("the proof carries no entry in an extra line; give the entry beside it");
  const checkpoint = verifyCheckpoint(note, trust);
  const { size, root } = checkpoint;
  verifyInclusion(sha256, { index, size, leaf: leafHash(sha256, bytes), proof: hashes, root });
  return { entry: bytes, index, checkpoint };
}

/** Checks that the newer of two checkpoints continues the older. @throws SyntaxError or ProofError */
export function verifyConsistency(
  older: string,
  newer: string,
  proof: readonly Uint8Array[],
  trust: Trust,
): { readonly older: VerifiedCheckpoint; readonly newer: VerifiedCheckpoint } {
  // What was believed before is not asked for a quorum again.
  const { policy, ...keys } = trust;
  const logs = parsedKeys(trust).some(({ type }) => type === ed25519) ? [] : (policy?.logs ?? []);
  const before = openCheckpoint(
    older,
    { ...keys, keys: [...trust.keys, ...logs.map(({ key }) => key)] },
    "the older checkpoint",
  ).checkpoint;
  const after = openCheckpoint(newer, trust, "the newer checkpoint").checkpoint;
  if (before.origin !== after.origin)
    throw new ProofError(`one checkpoint is of ${before.origin}, the other of ${after.origin}`);
  verifyConsistencyProof((trust.primitives ?? portable).sha256, {
    oldSize: before.size,
    oldRoot: before.root,
    newSize: after.size,
    newRoot: after.root,
    proof,
  });
  return { older: before, newer: after };
}

export interface VerifiedAbsence {
  readonly origin: string;
  /** Entries that the log had at both ends. */
  readonly size: number;
  /** Nothing was received between these, in whole seconds since the epoch. */
  readonly from: number;
  readonly to: number;
}

/**
 * Checks that a log received nothing between two checkpoints of one size: by the times that a cosigner put on them, the
 * service's clock (`taishi log key`) or a witness.
 * @param clockKey a verifier key of type 0x04
 * @throws SyntaxError or ProofError
 */
export function verifyAbsence(
  before: string,
  after: string,
  clockKey: string | VerifierKey,
  trust: Trust,
): VerifiedAbsence {
  const { sha256 } = trust.primitives ?? portable;
  const clock = typeof clockKey === "string" ? parseVerifierKey(sha256, clockKey) : clockKey;
  if (clock.type !== ed25519Cosignature) throw new ProofError(`the key ${clock.name} is none that signs times`);
  const timed = (text: string, what: string): { readonly checkpoint: VerifiedCheckpoint; readonly time: number } => {
    const { checkpoint, timeOf } = openCheckpoint(text, { ...trust, keys: [...trust.keys, clock] }, what);
    const time = timeOf(clock);
    if (time === undefined)
      throw new ProofError(`${what}, of size ${checkpoint.size}, carries no time by ${clock.name}`);
    return { checkpoint, time };
  };
  const first = timed(before, "the first checkpoint");
  const second = timed(after, "the second checkpoint");
  const { origin, size, root } = first.checkpoint;
  if (second.checkpoint.origin !== origin)
    throw new ProofError(`one checkpoint is of ${origin}, the other of ${second.checkpoint.origin}`);
  if (second.checkpoint.size !== size)
    throw new ProofError(`the log grew from ${size} to ${second.checkpoint.size} entries in between`);
  if (!equalBytes(second.checkpoint.root, root))
    throw new ProofError(
      `two checkpoints of ${size} entries have different roots, ${toBase64(root)} and ${toBase64(second.checkpoint.root)}`,
    );
  if (second.time < first.time) throw new ProofError("the second checkpoint is older than the first");
  return { origin, size, from: first.time, to: second.time };
}
