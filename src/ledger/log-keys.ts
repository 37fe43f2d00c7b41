// The succession of a service's log keys, public halves only, and what it demands of one log's kept checkpoints: each is
// signed by the key of its time, and where a key follows another, both signed one checkpoint that covers the entry saying
// so. Pure; fsck hands in what it read.
import { equalBytes, formatVerifierKey, type VerifierKey } from "../merkle/note.ts";
import { logVerifier, verifyCheckpointBy } from "./signer.ts";
import type { CheckpointRow } from "./store.ts";

export interface LogKeys {
  /** 32 bytes each, the oldest first. */
  readonly retired: readonly Uint8Array[];
  readonly current: Uint8Array;
  /** Of a rotation that is under way. */
  readonly next?: Uint8Array;
}

/** What a LogKeyRotated entry says, and where it stands. */
export interface RotationEntry {
  readonly seq: number;
  readonly oldKey: unknown;
  readonly newKey: unknown;
}

export function sameKeys(a: LogKeys, b: LogKeys): boolean {
  const [all, others] = [publicKeysOf(a), publicKeysOf(b)];
  return (
    a.retired.length === b.retired.length &&
    all.length === others.length &&
    all.every((key, i) => equalBytes(key, others[i]!))
  );
}

/** All of them, the oldest first. */
export function publicKeysOf({ retired, current, next }: LogKeys): readonly Uint8Array[] {
  return [...retired, current, ...(next === undefined ? [] : [next])];
}

/** One log's checkpoints, oldest first, held against the succession of keys. */
export class CheckpointChain {
  readonly problems: string[] = [];
  /** What the valid ones claim. */
  readonly claims: { readonly size: number; readonly root: Uint8Array }[] = [];
  readonly #keys: readonly VerifierKey[];
  readonly #current: number;
  /** Sizes at which key i + 1 followed key i. */
  readonly #links = new Map<number, number[]>();
  /** Place of the key that the checkpoint before was signed with; -1 ahead of the first. */
  #place = -1;

  constructor(origin: string, keys: LogKeys) {
    // A key that is on its way out is in the list of the retired already while it still signs.
    const retired = keys.retired.filter((key) => !equalBytes(key, keys.current));
    this.#keys = publicKeysOf({ ...keys, retired }).map((key) => logVerifier(origin, key));
    this.#current = retired.length;
  }

  add({ note, size }: CheckpointRow): void {
    try {
      const { checkpoint, by } = verifyCheckpointBy(note, this.#keys);
      if (checkpoint.size !== size)
        this.problems.push(`a checkpoint row says size ${size}, its note ${checkpoint.size}`);
      this.claims.push(checkpoint);
      this.#follow(checkpoint.size, by);
    } catch (thrown) {
      this.problems.push(`the checkpoint of size ${size} is not valid: ${(thrown as Error).message}`);
    }
  }

  #follow(size: number, by: readonly number[]): void {
    const [newer, older = newer] = by as [number, number?];
    const from = this.#place;
    this.#place = Math.max(newer, from);
    if (by.length === 1) {
      if (from < 0 || newer === from) return;
      if (newer < from) this.problems.push(`the checkpoint of size ${size} was signed by a key retired before it`);
      else this.#unlinked(from, newer);
    } else if (by.length > 2 || newer !== older + 1)
      this.problems.push(`the checkpoint of size ${size} is signed by log keys that do not follow each other`);
    // A rotation that was taken up again links twice.
    else if (from < 0 || from === older || from === newer)
      this.#links.set(older, [...(this.#links.get(older) ?? []), size]);
    else this.#unlinked(from, older);
  }

  /**
   * After the last checkpoint.
   * @param entries what the log's entries say of rotations
   * @param isCopy whether it may end before the key in use came
   */
  finish(entries: readonly RotationEntry[], isCopy: boolean): void {
    if (!isCopy && this.#place >= 0 && this.#place < this.#current) this.#unlinked(this.#place, this.#current);
    for (const [older, sizes] of this.#links) {
      const [oldKey, newKey] = [formatVerifierKey(this.#keys[older]!), formatVerifierKey(this.#keys[older + 1]!)];
      const covered = entries.some(
        (entry) => entry.oldKey === oldKey && entry.newKey === newKey && sizes.some((size) => size > entry.seq),
      );
      // Until the key that follows is in use the entry may be on its way.
      if (!covered && older + 1 <= this.#current)
        this.problems.push(`no entry below the checkpoint that links ${oldKey} to ${newKey} says that it was rotated`);
    }
  }

  #unlinked(from: number, to: number): void {
    const [oldKey, newKey] = [formatVerifierKey(this.#keys[from]!), formatVerifierKey(this.#keys[to]!)];
    this.problems.push(`no checkpoint links the key ${oldKey} to ${newKey}, which signs after it`);
  }
}
