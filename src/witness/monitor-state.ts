// What a monitor remembers between its looks: the last checkpoint it verified in full, of one log, fsynced. If the file is
// lost: the log is verified anew from its first entry, but a rollback or a fork from before is not noticed. If an attacker
// writes it: a false alarm, or none; keep it where the log's operator cannot write.
import { readIfPresent, writeFileDurably } from "../durable/files.ts";
import { Fatal } from "../errors.ts";
import { formatVerifierKey, type VerifierKey } from "../merkle/note.ts";
import { verified } from "./monitor.ts";

export class MonitorState {
  readonly #path: string | undefined;
  readonly #key: VerifierKey;
  #note: string | undefined;

  /**
   * @param path of the file; undefined: nothing outlasts the process
   * @throws Fatal where the file is not this log's state
   */
  constructor(path: string | undefined, key: VerifierKey) {
    this.#path = path;
    this.#key = key;
    const text = path === undefined ? undefined : readIfPresent(path);
    if (text === undefined) return;
    try {
      const { format, vkey, checkpoint } = JSON.parse(text) as Record<string, unknown>;
      if (format !== 1 || typeof checkpoint !== "string") throw new SyntaxError("not a monitor's state of format 1");
      if (vkey !== formatVerifierKey(key)) throw new SyntaxError(`it is of the key ${String(vkey)}`);
      verified(checkpoint, key);
      this.#note = checkpoint;
    } catch (cause) {
      throw new Fatal(`the state file ${path} is not of this log`, {
        hint: "Give each log a state file of its own. One that was altered is a matter for whoever keeps it.",
        cause,
      });
    }
  }

  /** The signed note that was verified last. */
  get note(): string | undefined {
    return this.#note;
  }

  /** Durable when it returns. */
  remember(note: string): void {
    if (note === this.#note) return;
    if (this.#path !== undefined) {
      const state = { format: 1, vkey: formatVerifierKey(this.#key), checkpoint: note };
      writeFileDurably(this.#path, `${JSON.stringify(state, null, 1)}\n`, 0o600);
    }
    this.#note = note;
  }
}
