// A C2SP tlog-policy file: the logs, the witnesses, and which of them together are enough. Pure.
import { type CheckedSignatures, checkSignatures, describeProblem } from "./cosignature.ts";
import { ed25519, ed25519Cosignature, type Note, parseVerifierKey, toBase64, type VerifierKey } from "./note.ts";
import type { Primitives } from "./primitives.ts";
import type { Sha256 } from "./tree.ts";

export interface Policy {
  /** None: the policy says nothing of logs. */
  readonly logs: readonly { readonly key: VerifierKey; readonly url: string | undefined }[];
  readonly witnesses: readonly { readonly name: string; readonly key: VerifierKey; readonly url: string | undefined }[];
  /** Whether the quorum asks for any cosignature at all. */
  readonly asks: boolean;
  /** Whether cosignatures by these witnesses, by their names in the file, are enough. */
  readonly isQuorum: (names: ReadonlySet<string>) => boolean;
}

type Member = (names: ReadonlySet<string>) => boolean;

/** @throws SyntaxError naming the line that is wrong */
export function parsePolicy(sha256: Sha256, text: string): Policy {
  const logs: { key: VerifierKey; url: string | undefined }[] = [];
  const witnesses: { name: string; key: VerifierKey; url: string | undefined }[] = [];
  const members = new Map<string, Member>();
  const grouped = new Set<string>();
  const keys = new Set<string>();
  let quorum: string | undefined;
  const key = (vkey: string): VerifierKey => {
    const parsed = parseVerifierKey(sha256, vkey);
    const material = toBase64(parsed.publicKey);
    if (keys.has(material)) throw new SyntaxError("the same key stands there twice");
    keys.add(material);
    return parsed;
  };
  const define = (name: string, member: Member): void => {
    if (name === "none" || members.has(name)) throw new SyntaxError(`${name} is defined already`);
    members.set(name, member);
  };
  const known = (name: string): Member => {
    const member = members.get(name);
    if (member === undefined) throw new SyntaxError(`${name} is not defined above`);
    return member;
  };
  const read = (words: readonly string[]): void => {
    const [kind, name, ...rest] = words;
    if (kind === "log" && name !== undefined && rest.length <= 1) {
      const log = { key: key(name), url: rest[0] };
      if (log.key.type !== ed25519)
        throw new SyntaxError(`${log.key.name} has a key of type ${log.key.type}; logs' keys of type 1 are understood`);
      logs.push(log);
    } else if (kind === "witness" && name !== undefined && (rest.length === 1 || rest.length === 2)) {
      const witness = { name, key: key(rest[0]!), url: rest[1] };
      if (witness.key.type !== ed25519Cosignature)
        throw new SyntaxError(`${name} has a key of type ${witness.key.type}; cosignatures of type 4 are understood`);
      define(name, (names) => names.has(name));
      witnesses.push(witness);
    } else if (kind === "group" && name !== undefined && rest.length >= 2) {
      const [least, ...below] = rest as [string, ...string[]];
      const parts = below.map(known);
      for (const part of below) {
        if (grouped.has(part)) throw new SyntaxError(`${part} is in a group already`);
        grouped.add(part);
      }
      const count = least === "all" ? parts.length : least === "any" ? 1 : /^[1-9]\d{0,3}$/.test(least) ? +least : 0;
      if (count < 1 || count > parts.length)
        throw new SyntaxError(`a group of ${parts.length} cannot ask for ${least}`);
      define(name, (names) => parts.filter((part) => part(names)).length >= count);
    } else if (kind === "quorum" && name !== undefined && rest.length === 0) {
      if (quorum !== undefined) throw new SyntaxError("a policy has one quorum");
      if (name !== "none") known(name);
      quorum = name;
    } else throw new SyntaxError(`not a line of a policy: ${words.join(" ")}`);
  };
  for (const [i, line] of text.split("\n").entries()) {
    const words = line.split(/[ \t]+/).filter((word) => word !== "");
    try {
      const control = controlIn(line);
      if (control !== undefined) throw new SyntaxError(`it holds the control character U+${control}`);
      if (words.length > 0 && !words[0]!.startsWith("#")) read(words);
    } catch (thrown) {
      if (thrown instanceof SyntaxError) throw new SyntaxError(`line ${i + 1}: ${thrown.message}`);
      throw thrown;
    }
  }
  if (quorum === undefined) throw new SyntaxError("the policy has no quorum line");
  const asks = quorum !== "none";
  const isQuorum = asks ? known(quorum) : () => true;
  return { logs, witnesses, asks, isQuorum };
}

/** The first control character other than the tab, in hex: the file's lines end with a newline alone. */
function controlIn(line: string): string | undefined {
  for (const character of line) {
    const code = character.charCodeAt(0);
    if ((code < 0x20 && code !== 0x09) || code === 0x7f) return code.toString(16).toUpperCase().padStart(4, "0");
  }
  return undefined;
}

/** What a policy makes of a signed checkpoint. */
export interface PolicyOutcome {
  /** Names of the witnesses whose cosignatures hold, with their times in whole seconds since the epoch. */
  readonly cosigned: ReadonlyMap<string, number>;
  readonly holds: boolean;
  /** Why it does not, as a sentence. */
  readonly problem: string | undefined;
}

/** All keys that a policy names. */
export function keysOf({ logs, witnesses }: Policy): readonly VerifierKey[] {
  return [...logs, ...witnesses].map(({ key }) => key);
}

/**
 * Whether a note is signed by a log of the policy, where it names any, and by a quorum of its witnesses. A line by one of
 * its keys that does not verify is a problem too.
 */
export function checkPolicy(primitives: Primitives, policy: Policy, note: Note): PolicyOutcome {
  return judgeByPolicy(policy, note, checkSignatures(primitives, note, keysOf(policy)));
}

/**
 * The same of signatures already checked, with the policy's keys among the known.
 * @param what the note is called in the problem
 */
export function judgeByPolicy(
  policy: Policy,
  note: Note,
  checked: CheckedSignatures,
  what = "the checkpoint",
): PolicyOutcome {
  const { signed, times } = checked;
  const cosigned = new Map<string, number>();
  for (const { name, key } of policy.witnesses) {
    const time = times.get(key);
    if (time !== undefined) cosigned.set(name, time);
  }
  // A log's key speaks for the log of its name only: one log of the policy must not sign for another.
  const origin = note.text.slice(0, note.text.indexOf("\n"));
  const byLog = policy.logs.length === 0 || policy.logs.some(({ key }) => key.name === origin && signed.has(key));
  const signers = cosigned.size === 0 ? "no witness of the policy" : [...cosigned.keys()].join(", ");
  const problem =
    (checked.problem && describeProblem(checked.problem, what)) ??
    (byLog ? undefined : `${what} is signed by no log of the policy`) ??
    (policy.isQuorum(new Set(cosigned.keys())) ? undefined : `${what} is cosigned by ${signers}, which is no quorum`);
  return { cosigned, holds: problem === undefined, problem };
}
