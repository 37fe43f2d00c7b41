// Rotates the log's signing key, across its files and the ledger: a new key on disk, all logs linked to it, the old one
// replaced. Whatever stops it, the next start of the house goes on where it was (openHouse).
import type { Clock } from "../clock.ts";
import { Fatal, TaishiError } from "../errors.ts";
import type { RotatedLog } from "../ledger/key-rotation.ts";
import type { LedgerClient } from "./ledger-client.ts";
import type { LogKeyFiles } from "./log-key-files.ts";

/** What a rotation did to one log. */
export interface KeyChange {
  readonly account: string;
  readonly oldKey: string;
  readonly newKey: string;
  /** The number of the entry that says so. */
  readonly seq: number;
  /** The checkpoint that both keys signed. */
  readonly note: string;
}

export interface LogKeyRotationOptions {
  readonly files: LogKeyFiles;
  readonly ledger: LedgerClient;
  readonly clock: Clock;
  /** What was finished at the start on behalf of a command that is given again: its answer. */
  readonly resumed: readonly RotatedLog[] | undefined;
  /** Told when the new key is the only one. */
  readonly onRotated: () => void;
}

export class LogKeyRotation {
  readonly #options: LogKeyRotationOptions;
  #resumed: readonly KeyChange[] | undefined;
  #running = false;

  constructor(options: LogKeyRotationOptions) {
    this.#options = options;
    this.#resumed = options.resumed?.map(changeOf);
  }

  /**
   * Resolves when the new key is the only one that signs.
   * @throws TaishiError disk-full, or already-exists while another is under way; Fatal where only the next start can finish it
   */
  async rotate(): Promise<readonly KeyChange[]> {
    if (this.#running) throw new TaishiError("already-exists", "the log key is being rotated already");
    const resumed = this.#resumed;
    this.#resumed = undefined;
    if (resumed !== undefined) return resumed;
    this.#running = true;
    try {
      const { ledger, onRotated } = this.#options;
      ledger.checkAppends();
      const logs = await ledger.rotateLogKey(this.#begin());
      this.#finish();
      onRotated();
      return logs.map(changeOf);
    } finally {
      this.#running = false;
    }
  }

  #begin() {
    try {
      return this.#options.files.begin();
    } catch (thrown) {
      if (thrown instanceof Fatal) throw new TaishiError("internal", thrown.message, { cause: thrown });
      throw new TaishiError("internal", `the new key cannot be written: ${(thrown as Error).message}`, {
        cause: thrown,
      });
    }
  }

  #finish(): void {
    try {
      this.#options.files.finish(this.#options.clock.now());
    } catch (cause) {
      throw new Fatal("the new log key signs, but cannot take the place of the old one in its file", {
        hint: "Make the directory of the secrets writable, then start again: the rotation is finished then.",
        cause,
      });
    }
  }
}

function changeOf({ account, oldKey, newKey, seq, note }: RotatedLog): KeyChange {
  return { account, oldKey, newKey, seq, note };
}
