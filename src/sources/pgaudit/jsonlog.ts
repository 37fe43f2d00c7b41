// PostgreSQL's log_destination = jsonlog (from release 15 on): an object a line, without the members that are empty.
import { malformed } from "../database-draft.ts";
import type { Outcome, Parser, RawRecord } from "../source.ts";
import { messageOutcome } from "./log-message.ts";
import type { LogTime } from "./log-time.ts";

export function jsonlogParser(times: LogTime): Parser {
  return {
    take: (record) => [recordOutcome(record, times)],
    expire: () => [],
    end: () => [],
    waiting: () => [],
  };
}

function recordOutcome(record: RawRecord, times: LogTime): Outcome {
  const records = [record];
  let parsed: unknown;
  try {
    parsed = JSON.parse(record.text);
  } catch {
    return malformed("it is no JSON", records);
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed))
    return malformed("it is no JSON object", records);
  const members = parsed as Readonly<Record<string, unknown>>;
  const text = (name: string): string | undefined => {
    const value = Object.hasOwn(members, name) ? members[name] : undefined;
    if (typeof value === "number" && Number.isSafeInteger(value)) return String(value);
    return typeof value === "string" && value !== "" ? value.toWellFormed() : undefined;
  };
  if (typeof (members.message ?? "") !== "string") return malformed("its message is no text", records);
  const time = times.instant(text("timestamp") ?? "", record.read);
  if (typeof time === "string") return malformed(time, records);
  return messageOutcome(
    {
      time,
      severity: text("error_severity") ?? "",
      message: text("message") ?? "",
      user: text("user"),
      database: text("dbname"),
      pid: text("pid"),
      host: text("remote_host"),
      port: text("remote_port"),
      session: text("session_id"),
      state: text("state_code"),
      context: text("context"),
      statement: text("statement"),
      application: text("application_name"),
    },
    records,
  );
}
