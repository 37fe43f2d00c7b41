// A record of Huawei Cloud's audit log files (RDS for MySQL, TaurusDB): 12 fields in quotes, separated by a comma and a
// space, nothing escaped; or the form Taishi writes itself, in which quotes are doubled and line breaks escaped. The fields
// of a connection may lack the command class and the statement. Reads as Taishi's own import does.
import { parseRfc3339 } from "../../event/time.ts";
import { databaseOutcome, malformed, userNameOf } from "../database-draft.ts";
import type { Outcome, RawRecord } from "../source.ts";

const quoted = '"(?:[^"\\r\\n]|""){0,8192}"';
const begins = new RegExp(
  `^${quoted}, ${quoted}, ${quoted}, ${quoted}, "\\d{4}-\\d\\d-\\d\\d[T ]\\d\\d:\\d\\d:\\d\\d(?:\\.\\d{1,9})?(?: UTC|Z)?"`,
);
/** Enough to hold the first five fields of any record. */
const headLength = 36 * 1024;

/** Whether a line begins a record: with five fields, of which the fifth is a time. Not every record has a number. */
export function beginsRecord(line: string): boolean {
  return line.startsWith('"') && begins.test(line.slice(0, headLength));
}

export function recordOutcome(text: string, records: readonly RawRecord[], incomplete?: string): Outcome {
  const fields = columns(strictFields(text) ?? looseFields(text));
  if (fields === undefined) return malformed("it has not the 12 fields, nor the 10 of a connection", records);
  const [recordId, connectionId, status, name, timestamp, commandClass, sql, user, host, externalUser, ip, database] =
    isEscaped(text) ? fields.map(unescaped) : fields;
  const time = parseRfc3339(timestamp!.replace(/( UTC|Z)?$/, "Z"));
  if (time === undefined) return malformed("its time does not exist", records);
  return databaseOutcome(
    {
      time,
      name: name!,
      recordId,
      connectionId,
      status,
      commandClass,
      sql,
      user,
      host,
      externalUser,
      ip,
      database,
      labels: { user: userNameOf(user) },
    },
    records,
    incomplete,
  );
}

/** Fields whose quotes are doubled; undefined where the record is of another form. */
function strictFields(text: string): readonly string[] | undefined {
  const fields: string[] = [];
  for (let at = 0; ; ) {
    if (text[at] !== '"') return undefined;
    let end = text.indexOf('"', at + 1);
    while (end !== -1 && text[end + 1] === '"') end = text.indexOf('"', end + 2);
    if (end === -1) return undefined;
    fields.push(text.slice(at + 1, end).replaceAll('""', '"'));
    if (end + 1 === text.length) break;
    if (!text.startsWith(", ", end + 1)) return undefined;
    at = end + 3;
  }
  return fields.length >= 10 && fields.length <= 12 ? fields : undefined;
}

/** Fields whose quotes are as they were: what is too much belongs to the statement. */
function looseFields(text: string): readonly string[] | undefined {
  if (text.length < 2 || !text.startsWith('"') || !text.endsWith('"')) return undefined;
  const parts = text.slice(1, -1).split('", "');
  if (parts.length < 10) return undefined;
  if (parts.length <= 12) return parts;
  return [...parts.slice(0, 6), parts.slice(6, -5).join('", "'), ...parts.slice(-5)];
}

function columns(fields: readonly string[] | undefined): readonly string[] | undefined {
  if (fields?.length === 12) return fields;
  if (fields?.length === 11) return [...fields.slice(0, 6), "", ...fields.slice(6)];
  if (fields?.length === 10) return [...fields.slice(0, 5), "", "", ...fields.slice(5)];
  return undefined;
}

/** Whether a record is as Taishi writes it: on one line, and every backslash begins an escape. */
function isEscaped(text: string): boolean {
  return !text.includes("\n") && !text.includes("\r") && !/\\[^\\rn]|\\$/.test(text.replaceAll("\\\\", ""));
}

function unescaped(text: string): string {
  return text.includes("\\")
    ? text.replace(/\\([\\rn])/g, (_, letter) => (letter === "r" ? "\r" : letter === "n" ? "\n" : "\\"))
    : text;
}
