// What an input is: it gets records from where they are made and hands them over, in order, batch by batch. What it needs
// to go on where it was comes back to it after a stop exactly as of the last batch that was handed over.
import type { RawRecord } from "../sources/source.ts";

/** A record and where it stands. */
export interface Placed {
  readonly record: RawRecord;
  /**
   * Grows from record to record of a stream; below 2^40. Of a file the byte after the record's end, else the record's number.
   * The same record of the same stream has the same offset whenever it is read (I8).
   */
  readonly offset: number;
  /**
   * The record was longer than its input takes (16 MiB, or less where it says so); its text is the first 64 KiB. The digest
   * is SHA-256 in hex.
   */
  readonly cut?: { readonly digest: string; readonly size: number };
  /** Its end never came: why, as a sentence's end. Kept unparsed, for half a record may look like a whole one. */
  readonly torn?: string;
}

export interface Batch {
  /** Records of one lane go through one parser, in order: a file with its rotations, a connection, the journal. */
  readonly lane: string;
  /** Names one content: of a file what it begins with, not what it is called. At most 128 printable ASCII characters. */
  readonly stream: string;
  readonly records: readonly Placed[];
  /** What `resume` gives at the next start, once this batch was handed over; JSON. Replaces what was given before. */
  readonly resume: unknown;
  /** The lane is over: nothing more will come on it. */
  readonly laneEnds?: true;
}

export interface InputState {
  /** A few words for people: "following 3 files". */
  readonly text: string;
  /** Bytes (of files) or records that are there and not yet handed over; null where that cannot be known. */
  readonly behind: number | null;
  /** What went wrong last, where it has not been well since. */
  readonly problem: string | null;
}

export interface Input {
  /**
   * Runs until the signal aborts or there is nothing more to come.
   * @param handOver resolves when the batch is on disk; until then the input reads no more of that lane (a full spool
   *   stops reading, nothing is discarded). May be called without records, to keep `resume` alone. One call at a time.
   * @param resume of the last batch that was handed over; undefined at the first start
   * @throws TaishiError where it cannot go on and an operator must act
   */
  run(handOver: (batch: Batch) => Promise<void>, resume: unknown, signal: AbortSignal): Promise<void>;
  readonly state: InputState;
}
