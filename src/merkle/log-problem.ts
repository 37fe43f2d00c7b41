// What a check of a log found wrong, and in which object. Pure data.
import type { Checkpoint } from "./checkpoint.ts";

export interface LogProblem {
  /** The object that is wrong, as it is named below the log's prefix. */
  readonly path: string;
  /** Zero-based number of the entry, or of the first of several. */
  readonly entry?: number;
  /** From 1, where the object is a text. */
  readonly line?: number;
  readonly what: string;
}

export interface NamedCheckpoint {
  readonly path: string;
  readonly checkpoint: Checkpoint;
}
