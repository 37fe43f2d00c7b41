// PostgreSQL's log_destination = csvlog: a record has 23 columns up to release 12, 24 in 13, 26 from 14 on, and may span
// lines. Texts are always quoted, so that a text can never look like a record of its own.
import { type CsvField, CsvRecord } from "../csv-fields.ts";
import { malformed } from "../database-draft.ts";
import type { Outcome, Parser, RawRecord } from "../source.ts";
import { Waiting } from "../waiting.ts";
import { messageOutcome } from "./log-message.ts";
import type { LogTime } from "./log-time.ts";

/** How long the rest of a record is waited for. */
const waitMs = 60_000;
const notClosed = "its quotes are not closed";
/** Columns that are no text: they have no quotes. */
const bare = new Set([0, 3, 5, 6, 8, 9, 10, 11, 12, 17, 20, 24, 25]);
const begins = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/;

export function csvlogParser(times: LogTime): Parser {
  const waiting = new Waiting<"record", CsvRecord>(waitMs);
  const givenUp = (now: number): readonly Outcome[] =>
    waiting.overdue(now).map(({ records }) => malformed(notClosed, records));

  function take(record: RawRecord): readonly Outcome[] {
    const fresh = !waiting.has("record");
    const csv = waiting.add("record", record, () => new CsvRecord(","));
    if (fresh && !begins.test(record.text)) return [malformed("it does not begin with a time", done())];
    const state = csv.push(record.text, record.crlf);
    // Age is not asked here: while more comes, the rest may be in it.
    if (state === "open") return givenUp(Number.NEGATIVE_INFINITY);
    const records = done();
    if (state === "whole") return [recordOutcome(csv.fields, records, times)];
    // The record before was cut off, and this line begins another.
    const restarts = !fresh && begins.test(record.text) && new CsvRecord(",").push(record.text) !== "broken";
    return restarts
      ? [malformed(notClosed, records.slice(0, -1)), ...take(record)]
      : [malformed("its quotes do not match", records)];
  }

  function done(): readonly RawRecord[] {
    return waiting.release("record")!.records;
  }

  return {
    take,
    expire: givenUp,
    end: () => waiting.all().map(({ records }) => malformed(notClosed, records)),
    waiting: () => waiting.records(),
  };
}

function recordOutcome(fields: readonly CsvField[], records: readonly RawRecord[], times: LogTime): Outcome {
  if (fields.length !== 23 && fields.length !== 24 && fields.length !== 26)
    return malformed("it has not 23, 24 or 26 columns", records);
  if (fields.some(({ text, quoted }, at) => text !== "" && quoted === bare.has(at)))
    return malformed("its columns are not quoted as PostgreSQL does", records);
  const [logTime, user, database, pid, from, session, , , , , , severity, state, message, , , , , context, statement] =
    fields.map(({ text }) => (text === "" ? undefined : text));
  const time = times.instant(logTime ?? "", records[0]!.read);
  if (typeof time === "string") return malformed(time, records);
  const peer = /^(.*):(\d+)$/.exec(from ?? "");
  return messageOutcome(
    {
      time,
      severity: severity ?? "",
      message: message ?? "",
      user,
      database,
      pid,
      host: peer === null ? from : peer[1],
      port: peer?.[2],
      session,
      state,
      context,
      statement,
      application: fields[22]!.text,
    },
    records,
  );
}
