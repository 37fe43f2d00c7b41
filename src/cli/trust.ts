// Whom `taishi verify` believes: the log's key, those of cosigners, and a policy that says how many of these there must be.
// Opens a signed checkpoint with them, and says which line is wrong where it is not good.
import { TaishiError } from "../errors.ts";
import { formatSeconds } from "../event/time.ts";
import { type Checkpoint, parseCheckpoint, parseCosignatureBlob } from "../merkle/checkpoint.ts";
import { checkSignatures } from "../merkle/cosignature.ts";
import {
  ed25519,
  ed25519Cosignature,
  equalBytes,
  type Note,
  parseNote,
  signaturesBy,
  toHex,
  type VerifierKey,
} from "../merkle/note.ts";
import { judgeByPolicy, keysOf, type Policy } from "../merkle/policy.ts";
import { platform } from "../witness/ed25519.ts";
import { NotVerified } from "./verdict.ts";

export interface Trust {
  /** One of these must have signed. */
  readonly logKeys: readonly VerifierKey[];
  /** Cosigners whose times are checked. */
  readonly cosigners: readonly VerifierKey[];
  /** Whose cosignatures a checkpoint must carry. */
  readonly policy?: Policy;
}

export interface Cosigner {
  readonly name: string;
  readonly keyId: string;
  /** RFC 3339, whole seconds. */
  readonly time: string;
  /** Whether its key was given and its signature fits; false where the key is not known. */
  readonly checked: boolean;
}

export interface OpenedCheckpoint {
  readonly checkpoint: Checkpoint;
  readonly keyId: string;
  readonly cosigners: readonly Cosigner[];
  /** Whether there was a policy; where there was, its quorum holds. */
  readonly quorum: boolean;
}

/** @throws TaishiError where a key is of a kind that signs no log and cosigns none */
export function trustOf(keys: readonly VerifierKey[], policy?: Policy): Trust {
  const strange = keys.find(({ type }) => type !== ed25519 && type !== ed25519Cosignature);
  if (strange !== undefined)
    throw new TaishiError(
      "invalid-parameter",
      `--key: ${strange.name} is of type ${strange.type}, which is not known`,
      {
        field: "--key",
      },
    );
  return {
    logKeys: keys.filter(({ type }) => type === ed25519),
    cosigners: [
      ...keys.filter(({ type }) => type === ed25519Cosignature),
      ...(policy?.witnesses.map((witness) => witness.key) ?? []),
    ],
    ...(policy === undefined ? {} : { policy }),
  };
}

/**
 * @param place what the text is called in a problem, and how many lines of that object stand before it
 * @throws NotVerified naming the line
 */
export function openCheckpoint(
  text: string,
  { logKeys, cosigners, policy }: Trust,
  { path, linesBefore = 0 }: { readonly path: string; readonly linesBefore?: number },
): OpenedCheckpoint {
  const refuse = (what: string, line?: number): NotVerified =>
    new NotVerified({ path, ...(line === undefined ? {} : { line: linesBefore + line }), what });
  let note: Note;
  let checkpoint: Checkpoint;
  try {
    note = parseNote(text);
    checkpoint = parseCheckpoint(note.text);
  } catch (thrown) {
    if (thrown instanceof SyntaxError) throw refuse(`is no signed checkpoint: ${thrown.message}`);
    throw thrown;
  }
  const firstLine = note.text.split("\n").length + 1;
  const lineOf = (signature: Note["signatures"][number]): number => firstLine + note.signatures.indexOf(signature);

  const key = logKeys.find((each) => signaturesBy(note, each).length > 0);
  if (key === undefined) {
    const wanted = logKeys.map(({ name, keyId }) => `${name} ${toHex(keyId)}`).join(" or ");
    const named = note.signatures.find(({ name }) => logKeys.some((each) => each.name === name));
    if (named !== undefined)
      throw refuse(`is signed with another key, ${named.name} ${toHex(named.keyId)}, not by ${wanted}`, lineOf(named));
    throw refuse(`is of the log ${checkpoint.origin}; no line is signed by ${wanted}`, 1);
  }
  const known = [key, ...cosigners, ...(policy === undefined ? [] : keysOf(policy))];
  const checked = checkSignatures(platform, note, known);
  if (checked.problem !== undefined) throw refuse(checked.problem.what, checked.problem.line);
  if (checkpoint.origin !== key.name)
    throw refuse(`the log is ${checkpoint.origin}, but the key is that of ${key.name}`, 1);

  const outcome = policy === undefined ? undefined : judgeByPolicy(policy, note, checked, "it");
  if (outcome?.problem !== undefined) throw refuse(outcome.problem);

  const seen: Cosigner[] = [];
  for (const { name, keyId, signature } of note.signatures) {
    const isOf = (each: VerifierKey): boolean => each.name === name && equalBytes(each.keyId, keyId);
    // A cosignature is a time of eight bytes and a signature of 64; what is not is of a kind we know nothing of.
    if (isOf(key) || signature.length !== 8 + 64) continue;
    const { time } = parseCosignatureBlob(signature);
    if (time > 253_402_300_799) continue;
    seen.push({ name, keyId: toHex(keyId), time: formatSeconds(time * 1000), checked: cosigners.some(isOf) });
  }
  return { checkpoint, keyId: toHex(key.keyId), cosigners: seen, quorum: outcome !== undefined };
}

/** What is told about a checkpoint's signers, in words. */
export function signerFacts({ keyId, cosigners, quorum }: OpenedCheckpoint): readonly (readonly [string, string])[] {
  return [
    ["signed", `by the log's key ${keyId}`],
    ...cosigners.map(
      ({ name, keyId: id, time, checked }) =>
        ["cosigned", `${time} by ${name} ${id}${checked ? "" : " (not checked: its key was not given)"}`] as const,
    ),
    ...(quorum ? [["policy", "its quorum holds"] as const] : []),
  ];
}
