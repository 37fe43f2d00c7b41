// What a source is: records in, drafts of events out. Every source is pure: no clock, no file, no network; the same
// records give the same drafts, so that what a crash undid can be done again. Its folder holds source.ts (the Source),
// parse.ts (one record's text to its facts), a join where several records tell one event, and payloads/ with the events
// they must become.
import type { TSchema } from "typebox";
import type { Content, DatabaseEvent, Risk, TrailEvent } from "../event/event.ts";
import type { Labels } from "../event/labels.ts";

/** One record as an input delivers it: a line of a file, a message, an element of a body. */
export interface RawRecord {
  /** Without the line's end; U+FFFD stands where bytes are not UTF-8. May hold NULs and control characters. */
  readonly text: string;
  /** What was received, where the text is not the bytes. */
  readonly bytes?: Uint8Array;
  /** Its line ended with CR and LF; of a record that spans lines the CR may be a part. */
  readonly crlf?: true;
  /** When it was read or received, epoch milliseconds. For what the record does not say: its year, its zone, its time. */
  readonly read: number;
}

/** A security event but for what rules and the resource mapping decide. */
export interface SecurityDraft {
  readonly kind: "security";
  readonly time: number;
  /** One of Ark's seven types, or another in the same style. */
  readonly type: string;
  /**
   * In the order of Ark's published examples for its types, then what more is known. "Tag" holds the source's own tags,
   * comma-separated, and "" where it has none: the rules' go before them.
   */
  readonly contents: readonly Content[];
  /** Only where no dialect can render a true sentence from the contents. */
  readonly detail?: string;
  /** What the origin itself graded it, for rules that ask. */
  readonly risk?: Risk;
}

export type TrailDraft = Omit<TrailEvent, "assembled">;
/** The instance follows from the resource mapping. */
export type DatabaseDraft = Omit<DatabaseEvent, "instance" | "file">;
export type Draft = SecurityDraft | TrailDraft | DatabaseDraft;

/** An event was told by these records, oldest first. */
export interface Parsed {
  readonly draft: Draft;
  readonly labels: Labels;
  readonly records: readonly RawRecord[];
  /** What is missing, where waiting for it was given up: "no exec_start". Kept in the event. */
  readonly incomplete?: string;
  /** What is kept in place of the records' texts, where these held a secret: the texts without it, joined by line feeds. */
  readonly redacted?: string;
}

/**
 * Why a record is no event. `malformed`: it should be one and cannot be read. The others are good records that tell no event
 * of this source; an operator may have them ignored by these names, else they are kept like malformed ones.
 */
export type NoEvent = "malformed" | "other-program" | "no-event" | "health-check";

/** Kept as a record of kind `unparsed`, one for each. */
export interface Unparsed {
  readonly why: NoEvent;
  /** A sentence's end after "not parsed: ", which quotes nothing of the record. */
  readonly reason: string;
  readonly records: readonly RawRecord[];
  /** As of Parsed. */
  readonly redacted?: string;
}

/** A line of a record that goes on in the next one, but for the LF between them. */
export function lineOf({ text, crlf }: RawRecord): string {
  return crlf === true ? `${text}\r` : text;
}

/** Lines as lineOf gives them put together: the last one's CR is of the line's end. */
export function linesJoined(lines: readonly string[]): string {
  return lines.join("\n").replace(/\r$/, "");
}

export type Outcome = Parsed | Unparsed;

export function isParsed(outcome: Outcome): outcome is Parsed {
  return "draft" in outcome;
}

/**
 * One lane of records (a file and its rotations, a connection) read in order. Every record given to take() is in the
 * outcomes of this or a later call, in exactly one of them or, where it tells several events, in each of these.
 */
export interface Parser {
  take(record: RawRecord): readonly Outcome[];
  /**
   * Gives up what has waited too long. Called now and then while nothing comes.
   * @param now epoch milliseconds, by the clock that `read` is of
   */
  expire(now: number): readonly Outcome[];
  /** There will be no more: gives up everything. */
  end(): readonly Outcome[];
  /**
   * Records that something waits for, in the order they were taken: a new parser that takes these, and whose outcomes of
   * that are thrown away, goes on as this one would. That is how a lane is resumed, whatever became of its files.
   * Bounded: at most 1,000 records and 4 MiB, beyond which the oldest are given up.
   */
  waiting(): readonly RawRecord[];
}

export interface Source {
  /** As configurations and entries name it, e.g. "sshd". */
  readonly name: string;
  /** Grows whenever the same records would become other events; kept in every entry. */
  readonly version: string;
  /** Of the source's options; closed objects with defaults and descriptions. */
  readonly options: TSchema;
  /** @param options checked against the schema, defaults filled in @throws TaishiError invalid-parameter with `field` */
  parser(options: never): Parser;
}
