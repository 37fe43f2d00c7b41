// The logs as their readers see them: the PublishedLogs port over the writer's thread, which signs and hands out, and the
// index's, which reads. Checkpoints that are handed out are kept for ever, so one is handed out again until a newer one is
// wanted: many readers cost the writer no more than one does.
import { setTimeout as delay } from "node:timers/promises";
import type { Clock } from "../clock.ts";
import { TaishiError } from "../errors.ts";
import type { LogKeys } from "../ledger/log-keys.ts";
import { logLinks } from "../ledger/log-links.ts";
import type { AbsenceEvidence, LogLink, LogState, PublishedLogs, SignedCheckpoint } from "../ledger/port.ts";
import type { CheckpointSigner } from "../ledger/signer.ts";
import { parseCheckpoint } from "../merkle/checkpoint.ts";
import { parseNote, signaturesBy } from "../merkle/note.ts";
import type { Tile } from "../merkle/tile.ts";
import type { IndexClient } from "./index-client.ts";
import type { LedgerClient } from "./ledger-client.ts";

/** How long a checkpoint is handed out again without a look for a newer one, where the log has grown past it. */
const staleMs = 100;
/** The same where it covers the whole log: a newer one would only carry a later time or more signatures. */
const wholeMs = 1_000;
/** How long an entry that no checkpoint covers yet is waited for, and how often it is looked. */
const coverMs = 2_000;
const lookMs = 100;
/** How far the newest checkpoint that a quorum cosigned may be behind before the newest signed one is shown instead. */
export const witnessedMs = 120_000;

/** What witnesses have cosigned. */
export interface WitnessedLogs {
  /** The newest checkpoint of the log that a quorum cosigned, with the cosignatures. */
  newest(account: string): Promise<SignedCheckpoint | undefined>;
}

export interface LogClientOptions {
  readonly ledger: Pick<LedgerClient, "checkpoint" | "size" | "minimum">;
  readonly reads: Pick<IndexClient, "tile" | "proof" | "consistency" | "absence" | "linkingCheckpoints">;
  /** Of the key in use. */
  readonly keys: Pick<CheckpointSigner, "verifier" | "vkey" | "clockVkey">;
  /** The public halves of all keys that ever signed. */
  readonly publicKeys: () => LogKeys;
  readonly clock: Clock;
}

export class LogClient implements PublishedLogs {
  readonly #options: LogClientOptions;
  readonly #handedOut = new Map<string, { readonly checkpoint: SignedCheckpoint; readonly at: number }>();
  readonly #asking = new Map<string, Promise<SignedCheckpoint>>();
  #witnesses: WitnessedLogs | undefined;
  /** The largest size that was shown of a log since the start. */
  readonly #shown = new Map<string, number>();
  readonly #links = new Map<string, Promise<readonly LogLink[]>>();

  constructor(options: LogClientOptions) {
    this.#options = options;
  }

  async checkpoint(account: string): Promise<SignedCheckpoint> {
    const known = this.#handedOut.get(account);
    if (known !== undefined) {
      const age = this.#options.clock.now() - known.at;
      const whole = known.checkpoint.size === this.#options.ledger.size(account);
      if (age >= 0 && age < (whole ? wholeMs : staleMs)) return known.checkpoint;
    }
    const asking = this.#asking.get(account) ?? this.#ask(account);
    this.#asking.set(account, asking);
    return asking;
  }

  /** From now on what is shown and proven is what witnesses cosigned, as far as they keep up. */
  witnessedBy(witnesses: WitnessedLogs): void {
    this.#witnesses = witnesses;
  }

  async published(account: string): Promise<SignedCheckpoint> {
    const newest = await this.checkpoint(account);
    if (this.#witnesses === undefined) return newest;
    const witnessed = await this.#witnesses.newest(account);
    // Never a smaller one than before, also where the one before was shown by an earlier process.
    const shown = this.#shown.get(account) ?? newest.size;
    const keepsUp =
      witnessed !== undefined && newest.time - witnessed.time < witnessedMs && this.#isByKeyInUse(witnessed);
    const checkpoint = keepsUp && witnessed.size >= shown ? witnessed : newest;
    this.#shown.set(account, Math.max(shown, checkpoint.size));
    return checkpoint;
  }

  /** Another key signs from now on: what the old one signed is handed out no more. */
  renewed(): void {
    this.#handedOut.clear();
    this.#links.clear();
  }

  tile(account: string, tile: Tile): Promise<Uint8Array> {
    return this.#options.reads.tile(account, tile);
  }

  async proof(account: string, seq: number): Promise<string> {
    if (seq >= this.#options.ledger.size(account))
      throw new TaishiError("not-found", `the log has no event ${seq}`, { field: "seq" });
    const { note } = (await this.#witnessed(account, seq + 1)) ?? (await this.#covering(account, seq + 1));
    return this.#options.reads.proof(account, seq, note);
  }

  async consistency(account: string, from: number, to: number): Promise<readonly Uint8Array[]> {
    const stored = this.#options.ledger.size(account);
    if (to > stored) throw new TaishiError("invalid-parameter", `to: the log has ${stored} entries`, { field: "to" });
    await this.#covering(account, to);
    return this.#options.reads.consistency(account, from, to);
  }

  async absence(account: string, from: number, to: number): Promise<AbsenceEvidence> {
    // What is handed out is kept, and only what is kept is evidence.
    await this.checkpoint(account);
    return this.#options.reads.absence(account, from, to);
  }

  /** They change with a rotation only, and finding them goes through all files. */
  links(account: string): Promise<readonly LogLink[]> {
    const known = this.#links.get(account);
    if (known !== undefined) return known;
    const links = this.#findLinks(account);
    this.#links.set(account, links);
    links.catch(() => {
      if (this.#links.get(account) === links) this.#links.delete(account);
    });
    return links;
  }

  async state(account: string): Promise<LogState> {
    const { size: signed, note: checkpoint } = await this.checkpoint(account);
    const origin = originOf(checkpoint);
    return {
      account,
      origin,
      vkey: this.#options.keys.vkey(origin),
      clockVkey: this.#options.keys.clockVkey(origin),
      stored: this.#options.ledger.size(account),
      signed,
      witnessed: this.#witnesses === undefined ? null : ((await this.#witnesses.newest(account))?.size ?? 0),
      minimumIndex: this.#options.ledger.minimum(account),
      checkpoint,
    };
  }

  async #findLinks(account: string): Promise<readonly LogLink[]> {
    const checkpoints = await this.#options.reads.linkingCheckpoints(account);
    const [first] = checkpoints;
    return first === undefined ? [] : logLinks(originOf(first.note), checkpoints, this.#options.publicKeys());
  }

  async #ask(account: string): Promise<SignedCheckpoint> {
    try {
      const checkpoint = await this.#options.ledger.checkpoint(account);
      this.#handedOut.set(account, { checkpoint, at: this.#options.clock.now() });
      return checkpoint;
    } finally {
      this.#asking.delete(account);
    }
  }

  /** The newest cosigned checkpoint, waited for where it does not cover so much yet; undefined where it does not come. */
  async #witnessed(account: string, size: number): Promise<SignedCheckpoint | undefined> {
    for (let waited = 0; this.#witnesses !== undefined && waited <= coverMs; waited += lookMs) {
      const witnessed = await this.#witnesses.newest(account);
      if (witnessed !== undefined && witnessed.size >= size && this.#isByKeyInUse(witnessed)) return witnessed;
      await delay(lookMs);
    }
    return undefined;
  }

  /** What was cosigned before a rotation may be signed by the old key alone: a reader who only has the new could not verify it. */
  #isByKeyInUse({ note }: SignedCheckpoint): boolean {
    return signaturesBy(parseNote(note), this.#options.keys.verifier(originOf(note))).length > 0;
  }

  async #covering(account: string, size: number): Promise<SignedCheckpoint> {
    for (let waited = 0; ; waited += lookMs) {
      const checkpoint = await this.checkpoint(account);
      if (checkpoint.size >= size) return checkpoint;
      if (waited >= coverMs)
        throw new TaishiError(
          "overloaded",
          `the newest signed checkpoint covers ${checkpoint.size} entries, not ${size} yet`,
          { retryAfter: 1 },
        );
      await delay(lookMs);
    }
  }
}

function originOf(note: string): string {
  return parseCheckpoint(parseNote(note).text).origin;
}
