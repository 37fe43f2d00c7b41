// What a monitor remembers between its looks: the last checkpoint it verified in full, of one log, fsynced. If the file is
// lost: the log is verified anew from its first entry, but a rollback or a fork from before is not noticed. If an attacker
// writes it: a false alarm, or none; keep it where the log's operator cannot write.
import { readIfPresent, writeFileDurably } from "../durable/files.ts";
import { Fatal } from "../errors.ts";
import { formatVerifierKey, type VerifierKey } from "../merkle/note.ts";
import { verified } from "./monitor.ts";

export class MonitorState {
  readonly #path: string | undefined;
  readonly #keys: readonly VerifierKey[];
  #note: string | undefined;

  /**
   * @param path of the file; undefined: nothing outlasts the process
   * @param keys the log's, oldest first
   * @throws Fatal where the file is not this log's state
   */
  constructor(path: string | undefined, keys: readonly VerifierKey[]) {
    this.#path = path;
    this.#keys = keys;
    const text = path === undefined ? undefined : readIfPresent(path);
    if (text === undefined) return;
    try {
      const { format, vkey, checkpoint } = JSON.parse(text) as Record<string, unknown>;
      if (format !== 1 || typeof checkpoint !== "string") throw new SyntaxError("not a monitor's state of format 1");
      if (!keys.some((key) => vkey === formatVerifierKey(key)))
        throw new SyntaxError(`it is of the key ${String(vkey)}`);
      verified(checkpoint, keys);
      this.#note = checkpoint;
    } catch (cause) {
      throw new Fatal(`the state file ${path} is not of this log`, {
        hint: "Give each log a state file of its own. Where the log's key was rotated, give the key that the state is of as well, as the first --key. A file that was altered is a matter for whoever keeps it.",
        cause,
      });
    }
  }

  /** The signed note that was verified last. */
  get note(): string | undefined {
    return this.#note;
  }

  /** Durable when it returns. @param note signed by one of the keys; the newest that did is kept beside it */
  remember(note: string): void {
    if (note === this.#note) return;
    if (this.#path !== undefined) {
      const vkey = formatVerifierKey(this.#keys[verified(note, this.#keys).by]!);
      const state = { format: 1, vkey, checkpoint: note };
      writeFileDurably(this.#path, `${JSON.stringify(state, null, 1)}\n`, 0o600);
    }
    this.#note = note;
  }
}
