// How far each trail's export has come: one small file per trail, DATA/exports/<account>/.trails/<trail>.json, replaced in one
// step. Lost, the trail's files are written again under the same names; rolled back, the same; it is never the only copy
// of an event. Format 1. One that cannot be understood stops that trail alone, and says so.
import { join } from "node:path";
import { makePrivateDirectory, readIfPresent, writeFileDurably } from "../durable/files.ts";
import type { EventScope } from "./port.ts";

/** A file that is being written: enough to write the very same one after a crash. */
export interface PendingFile {
  readonly firstSeq: number;
  /** Inclusive; every entry up to here is in the file or is none of the trail's. */
  readonly lastSeq: number;
  /** Path below the account's exports, with "/" between its parts. */
  readonly path: string;
  readonly scope: EventScope;
  readonly sources: readonly string[];
}

export interface DeliveryState {
  readonly format: 1;
  /** Entries below this number are delivered, or are none of the trail's. */
  readonly nextSeq: number;
  /** The last complete file's manifest: the next one names it, so that a missing file shows. */
  readonly previous?: { readonly file: string; readonly manifestSha256: string };
  readonly pending?: PendingFile;
  /** Epoch milliseconds. */
  readonly delivered?: number;
  readonly error?: string;
  /** The file is of no form this program knows: nothing is delivered, so that nothing is delivered twice. */
  readonly unreadable?: true;
}

const fresh: DeliveryState = { format: 1, nextSeq: 0 };

export class DeliveryStates {
  readonly #exports: string;
  readonly #known = new Map<string, DeliveryState>();

  /** @param exports DATA/exports */
  constructor(exports: string) {
    this.#exports = exports;
  }

  /** @param trail the number of the entry that created it, so that a new trail of an old name starts anew */
  read(account: string, trail: number): DeliveryState {
    const path = this.#path(account, trail);
    let state = this.#known.get(path);
    if (state === undefined) {
      state = parse(readIfPresent(path));
      this.#known.set(path, state);
    }
    return state;
  }

  /** Durable when it returns. */
  write(account: string, trail: number, state: DeliveryState): void {
    makePrivateDirectory(join(this.#exports, account, ".trails"));
    const path = this.#path(account, trail);
    writeFileDurably(path, `${JSON.stringify(state)}\n`, 0o600);
    this.#known.set(path, state);
  }

  /** Remembered, not written: what is lost with the process is looked through again. */
  remember(account: string, trail: number, state: DeliveryState): void {
    this.#known.set(this.#path(account, trail), state);
  }

  /** An error is shown even where the disk does not take it. */
  note(account: string, trail: number, error: string): void {
    const state = { ...this.read(account, trail), error };
    this.remember(account, trail, state);
    try {
      this.write(account, trail, state);
    } catch {
      // The very disk that failed the delivery; the next attempt will say so again.
    }
  }

  #path(account: string, trail: number): string {
    return join(this.#exports, account, ".trails", `${trail}.json`);
  }
}

function parse(text: string | undefined): DeliveryState {
  if (text === undefined) return fresh;
  try {
    const state = JSON.parse(text) as Partial<DeliveryState> | null;
    if (state?.format === 1 && Number.isSafeInteger(state.nextSeq)) return state as DeliveryState;
  } catch {
    // Said below, like any other content that is not ours.
  }
  return { ...fresh, unreadable: true, error: "The delivery state of this trail cannot be read; see the manual." };
}
