// PostgreSQL's log on stderr: lines with a prefix of the operator's choice. A message goes on in lines that begin with a
// tab, and in lines "DETAIL:  …", "CONTEXT:  …", "STATEMENT:  …" of the same process; only the line after says that it is
// whole.
import { malformed } from "../database-draft.ts";
import { lineOf, linesJoined, type Outcome, type Parser, type RawRecord } from "../source.ts";
import { Waiting } from "../waiting.ts";
import type { LinePrefix, PrefixedLine } from "./line-prefix.ts";
import { messageOutcome, severities } from "./log-message.ts";
import type { LogTime } from "./log-time.ts";

/** After this a message is told as it is: PostgreSQL writes all lines of one at once. */
const waitMs = 3_000;

/** A message as its lines tell it; texts of several lines are pieces. */
interface Told {
  readonly line: PrefixedLine;
  readonly read: number;
  readonly texts: Map<string, string[]>;
  last: string[];
}

export interface StderrOptions {
  readonly prefix: LinePrefix;
  readonly times: LogTime;
}

export function stderrParser({ prefix, times }: StderrOptions): Parser {
  const waiting = new Waiting<"message", Told>(waitMs);

  function take(record: RawRecord): readonly Outcome[] {
    const told = waiting.get("message");
    if (record.text.startsWith("\t")) {
      if (told === undefined) return [malformed("what it goes on with was told before", [record])];
      told.last.push(lineOf(record).slice(1));
      waiting.add("message", record, () => told);
      return bounded();
    }
    const line = prefix.read(record.text);
    if (line === undefined) return [...whole(), malformed("it does not begin with the prefix", [record])];
    if (line === "ambiguous")
      return [
        ...whole(),
        malformed("a name in its prefix may be its text, so that it can be read in two ways", [record]),
      ];
    if (!isSeverity(line.label)) {
      if (told === undefined || !areOfOneProcess(told.line, line))
        return [...whole(), malformed("what it goes with was told before", [record])];
      told.last = [record.crlf === true ? `${line.text}\r` : line.text];
      told.texts.set(line.label, told.last);
      waiting.add("message", record, () => told);
      return bounded();
    }
    const before = whole();
    const last = [record.crlf === true ? `${line.text}\r` : line.text];
    waiting.add("message", record, () => ({ line, read: record.read, texts: new Map([[line.label, last]]), last }));
    return [...before, ...bounded()];
  }

  /** The message before, which is whole now. */
  function whole(incomplete?: string): readonly Outcome[] {
    return waiting.all().map(({ value, records }) => outcomeOf(value, records, incomplete));
  }

  function bounded(): readonly Outcome[] {
    return waiting
      .overdue(Number.NEGATIVE_INFINITY)
      .map(({ value, records }) => outcomeOf(value, records, "its last lines: there are too many"));
  }

  function outcomeOf({ line, read, texts }: Told, records: readonly RawRecord[], incomplete?: string): Outcome {
    const { fields } = line;
    const time = timeOf(fields, read);
    if (typeof time === "string") return malformed(time, records);
    const text = (label: string): string | undefined => (texts.has(label) ? linesJoined(texts.get(label)!) : undefined);
    const message = text(line.label)!;
    // With log_error_verbosity = verbose a message begins with its SQLSTATE, and the place in PostgreSQL's source follows.
    const verboseState = texts.has("LOCATION") ? /^([0-9A-Z]{5}): /.exec(message) : null;
    const remote = /^(.*)\((\d+)\)$/.exec(fields.r ?? "");
    return messageOutcome(
      {
        time,
        severity: line.label,
        message: verboseState === null ? message : message.slice(verboseState[0].length),
        user: fields.u,
        database: fields.d,
        pid: fields.p ?? pidOf(fields.c),
        host: fields.h ?? (remote === null ? fields.r : remote[1]),
        port: remote?.[2],
        session: fields.c,
        state: fields.e ?? verboseState?.[1],
        context: text("CONTEXT"),
        statement: text("STATEMENT"),
        application: fields.a,
      },
      records,
      incomplete,
    );
  }

  function timeOf(fields: PrefixedLine["fields"], read: number): number | string {
    if (fields.n === undefined) return times.instant(fields.m ?? fields.t ?? "", read);
    // Seconds and three digits: exact as milliseconds without ever being a fraction.
    const millis = Number(fields.n.replace(".", ""));
    return Number.isSafeInteger(millis) ? millis : "its time does not exist";
  }

  return {
    take,
    expire: (now) => waiting.overdue(now).map(({ value, records }) => outcomeOf(value, records)),
    end: () => whole(),
    waiting: () => waiting.records(),
  };
}

function isSeverity(label: string): boolean {
  return (severities as readonly string[]).includes(label.replace(/\d$/, ""));
}

function areOfOneProcess(a: PrefixedLine, b: PrefixedLine): boolean {
  return a.fields.p === b.fields.p && a.fields.c === b.fields.c;
}

/** The second half of a session's id. */
function pidOf(session: string | undefined): string | undefined {
  if (session === undefined) return undefined;
  const pid = Number.parseInt(session.slice(session.indexOf(".") + 1), 16);
  return Number.isSafeInteger(pid) ? String(pid) : undefined;
}
