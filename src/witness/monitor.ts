// Follows a log from outside: checks each new checkpoint against the last one that was verified, and every new entry
// against the tree. Trusts the log's keys, a policy where there is one, and what it remembered; nothing else that the log
// says. Pure: what is fetched, remembered and told is injected. C2SP tlog-tiles, RFC 6962.
import type { Clock } from "../clock.ts";
import { type Checkpoint, parseCheckpoint } from "../merkle/checkpoint.ts";
import { equalBytes, type Note, parseNote, type VerifierKey } from "../merkle/note.ts";
import { consistencyProof, ProofError, verifyConsistency } from "../merkle/proof.ts";
import { cosignatureBy, isSignedBy, sha256 } from "./ed25519.ts";
import { readNewEntries } from "./new-entries.ts";
import { GapError, type LogFiles, TileReader, UnreachableError } from "./tile-reader.ts";

export type AlarmKind =
  /** What is served is not a checkpoint signed by the log's key, or by one that another has taken the place of. */
  | "signature"
  /** Smaller than what was verified before. */
  | "rollback"
  /** Two roots of one size under one key: two histories. */
  | "fork"
  /** Tiles do not show that the log continues what was verified before. */
  | "inconsistent"
  /** Entries or hashes that do not make the signed tree. */
  | "tree"
  /** Something that the checkpoint covers is not there. */
  | "gap"
  /** The newest checkpoint is too old. */
  | "stale"
  /** Not enough witnesses have cosigned it. */
  | "quorum"
  | "unreachable";

export interface Alarm {
  readonly kind: AlarmKind;
  readonly message: string;
  /** The signed note it is about, and the one it contradicts: kept, they are evidence that needs nobody's word. */
  readonly note?: string;
  readonly remembered?: string;
}

export interface MonitorOptions {
  readonly files: LogFiles;
  /**
   * The log's, one or more, oldest first: each has taken the place of the one before it. The last must have signed what is
   * served, since nothing is signed by an old key alone once there is another; the others count for what is remembered.
   */
  readonly keys: readonly VerifierKey[];
  /** Whose timestamped lines tell the checkpoint's age. Without it the age is what the log claims. */
  readonly clockKey: VerifierKey | undefined;
  /** Witnesses, and which of them are enough. */
  readonly policy:
    | {
        readonly witnesses: readonly { readonly name: string; readonly key: VerifierKey }[];
        readonly isQuorum: (names: ReadonlySet<string>) => boolean;
      }
    | undefined;
  /** Oldest age of a checkpoint in milliseconds; undefined: any. */
  readonly maxAgeMs: number | undefined;
  /** Whether entries are read; else only hashes are. */
  readonly entries: boolean;
  readonly clock: Clock;
  readonly progress?: (done: number, all: number) => void;
}

export interface Findings {
  /** The note that is now verified in full, to be remembered; undefined where nothing new is. */
  readonly verified: string | undefined;
  readonly size: number | undefined;
  /** Epoch milliseconds of its newest time, as far as it has one. */
  readonly time: number | undefined;
  /** New entries that were read and are in the tree, and those that the log has pruned: only their hashes are. */
  readonly checked: number;
  readonly pruned: number;
  readonly alarms: readonly Alarm[];
}

/** @param remembered the signed note that was verified last; undefined at the very first time */
export async function checkLog(options: MonitorOptions, remembered: string | undefined): Promise<Findings> {
  const alarms: Alarm[] = [];
  const none = { verified: undefined, size: undefined, time: undefined, checked: 0, pruned: 0, alarms };
  let text: string;
  try {
    text = await options.files.checkpoint();
  } catch (thrown) {
    if (!(thrown instanceof UnreachableError || thrown instanceof GapError)) throw thrown;
    alarms.push({ kind: thrown instanceof GapError ? "gap" : "unreachable", message: thrown.message });
    // Who cannot be reached says nothing new.
    if (remembered !== undefined) checkAge(parseNote(remembered), options, alarms);
    return none;
  }
  let now: VerifiedNote;
  try {
    now = verified(text, options.keys);
  } catch (thrown) {
    if (!(thrown instanceof SyntaxError)) throw thrown;
    alarms.push({ kind: "signature", message: thrown.message, note: text.slice(0, 10_000) });
    return none;
  }
  const { note, checkpoint } = now;
  if (now.by < options.keys.length - 1) {
    const message = `what is served is signed only by a key of ${checkpoint.origin} that another has taken the place of`;
    alarms.push({ kind: "signature", message, note: text, ...(remembered === undefined ? {} : { remembered }) });
    return none;
  }
  const { size } = checkpoint;
  const time = checkAge(note, options, alarms);
  checkQuorum(text, note, options, alarms);
  const about = { note: text, ...(remembered === undefined ? {} : { remembered }) };
  const found = { ...none, size, time };
  try {
    const before = remembered === undefined ? undefined : verified(remembered, options.keys).checkpoint;
    const alarm = before === undefined ? undefined : await continues(before, checkpoint, options.files);
    if (alarm !== undefined) {
      alarms.push({ ...alarm, ...about });
      return found;
    }
    const { checked, pruned, alarm: wrong } = await readNewEntries(before, checkpoint, options);
    if (wrong !== undefined) {
      alarms.push({ ...wrong, ...about });
      return found;
    }
    // Followed on, it shows none: retention takes what is old.
    if (pruned > 0 && before !== undefined)
      alarms.push({
        kind: "gap",
        message: `${pruned} of the ${now.checkpoint.size - before.size} new entries are withheld as past their retention`,
        ...about,
      });
    return { ...found, verified: text, checked, pruned };
  } catch (thrown) {
    if (thrown instanceof GapError) alarms.push({ kind: "gap", message: thrown.message, ...about });
    else if (thrown instanceof UnreachableError) alarms.push({ kind: "unreachable", message: thrown.message });
    else throw thrown;
    return found;
  }
}

export interface VerifiedNote {
  readonly note: Note;
  readonly checkpoint: Checkpoint;
  /** The newest of the keys that signed it, by its place among them. */
  readonly by: number;
}

/**
 * @param keys the log's, oldest first
 * @throws SyntaxError where it is not a checkpoint of their log, signed by one of them
 */
export function verified(text: string, keys: readonly VerifierKey[]): VerifiedNote {
  const note = parseNote(text);
  const by = keys.findLastIndex((key) => isSignedBy(note, key));
  const origin = keys[0]?.name ?? "no key";
  if (by < 0) throw new SyntaxError(`what is served is not signed by ${origin}`);
  const checkpoint = parseCheckpoint(note.text);
  if (checkpoint.origin !== origin) throw new SyntaxError(`a checkpoint of ${checkpoint.origin}, not of ${origin}`);
  return { note, checkpoint, by };
}

async function continues(before: Checkpoint, now: Checkpoint, files: LogFiles): Promise<Alarm | undefined> {
  if (now.size < before.size)
    return {
      kind: "rollback",
      message: `the log shows ${now.size} entries, after ${before.size} were verified`,
    };
  if (now.size === before.size)
    return equalBytes(now.root, before.root)
      ? undefined
      : { kind: "fork", message: `the log has signed two trees of ${now.size} entries` };
  const proof = await consistencyProof(sha256, new TileReader(files, now.size), before.size, now.size);
  try {
    verifyConsistency(sha256, {
      oldSize: before.size,
      oldRoot: before.root,
      newSize: now.size,
      newRoot: now.root,
      proof,
    });
    return undefined;
  } catch (thrown) {
    if (!(thrown instanceof ProofError)) throw thrown;
    return {
      kind: "inconsistent",
      message: `the log of ${now.size} entries is not shown to continue that of ${before.size}: ${thrown.message}`,
    };
  }
}

/** @returns the checkpoint's newest time */
function checkAge(
  note: Note,
  { clockKey, policy, maxAgeMs, clock }: MonitorOptions,
  alarms: Alarm[],
): number | undefined {
  const keys = [...(clockKey === undefined ? [] : [clockKey]), ...(policy?.witnesses ?? []).map(({ key }) => key)];
  const times = keys.flatMap((key) => cosignatureBy(note, key)?.time ?? []);
  if (clockKey === undefined) times.push(...claimedTimes(note));
  const time = times.length === 0 ? undefined : Math.max(...times) * 1000;
  if (maxAgeMs === undefined) return time;
  const told = (message: string) => alarms.push({ kind: "stale", message });
  if (time === undefined) told("the checkpoint carries no time that can be verified");
  else if (clock.now() - time > maxAgeMs)
    told(
      `the newest checkpoint is of ${new Date(time).toISOString()}, ${Math.round((clock.now() - time) / 1000)} s ago`,
    );
  return time;
}

/** Times in lines named like a service's clock, which nobody has checked. */
function claimedTimes({ signatures }: Note): readonly number[] {
  return signatures.flatMap(({ name, signature }) => {
    if (!name.endsWith("/clock") || signature.length !== 8 + 64) return [];
    const time = Number(new DataView(signature.buffer, signature.byteOffset).getBigUint64(0));
    return Number.isSafeInteger(time * 1000) ? [time] : [];
  });
}

function checkQuorum(text: string, note: Note, { policy }: MonitorOptions, alarms: Alarm[]): void {
  if (policy === undefined) return;
  const present = policy.witnesses.filter(({ key }) => cosignatureBy(note, key) !== undefined).map(({ name }) => name);
  if (policy.isQuorum(new Set(present))) return;
  const by = present.length === 0 ? "none" : present.join(", ");
  alarms.push({
    kind: "quorum",
    message: `not enough witnesses have cosigned the checkpoint; valid: ${by}`,
    note: text,
  });
}
