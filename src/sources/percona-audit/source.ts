// Percona Server's audit_log plugin in its four forms. Which one a record is of is seen by its first character: an object
// (JSON), a quoted field (CSV, over several lines where a statement is), or an element (NEW, OLD, always over several).
import { Type } from "typebox";
import { type CsvField, CsvRecord } from "../csv-fields.ts";
import { malformed, noEvent } from "../database-draft.ts";
import { lineOf, linesJoined, type Outcome, type Parser, type RawRecord, type Source } from "../source.ts";
import { Waiting } from "../waiting.ts";
import { type AuditRecord, recordOutcome } from "./record.ts";
import { readXml } from "./xml-form.ts";

/** How long the rest of a record is waited for. */
const waitMs = 60_000;
const notClosed = "its end is missing";

const beginsCsv = /^"[A-Za-z ]{1,64}","\d+_\d{4}-/;
const beginsXml = /^\s*<AUDIT_RECORD[\s>]|^\s*<AUDIT_RECORD$/;
const endsXml = /(?:\/>|<\/AUDIT_RECORD>)\s*$/;
/** What stands around the records of a file. */
const aroundXml = /^\s*(?:<\?xml [^>]*\?>|<\/?AUDIT>)\s*$/;

type Open = { readonly csv: CsvRecord } | { readonly xml: string[] };

class FileReader implements Parser {
  readonly #waiting = new Waiting<"record", Open>(waitMs);

  take(record: RawRecord): readonly Outcome[] {
    const open = this.#waiting.get("record");
    if (open === undefined) return this.#begin(record);
    if ("csv" in open) return this.#goOn(open, record, open.csv.push(record.text, record.crlf), beginsCsv);
    if (beginsXml.test(record.text)) return [...this.#giveUp(), ...this.#begin(record)];
    open.xml.push(lineOf(record));
    return this.#goOn(open, record, endsXml.test(record.text) ? "whole" : "open", beginsXml);
  }

  expire(now: number): readonly Outcome[] {
    return this.#waiting.overdue(now).map(({ records }) => malformed(notClosed, records));
  }

  end(): readonly Outcome[] {
    return this.#giveUp();
  }

  waiting(): readonly RawRecord[] {
    return this.#waiting.records();
  }

  #begin(record: RawRecord): readonly Outcome[] {
    const { text } = record;
    if (text.startsWith("{")) return [jsonOutcome(record)];
    if (text.startsWith('"')) {
      const csv = new CsvRecord(",");
      return this.#goOn({ csv }, record, csv.push(text, record.crlf), beginsCsv);
    }
    if (beginsXml.test(text))
      return this.#goOn({ xml: [lineOf(record)] }, record, endsXml.test(text) ? "whole" : "open", beginsXml);
    if (aroundXml.test(text)) return [noEvent("it only begins or ends the file", [record])];
    return [malformed("it begins no record of any form", [record])];
  }

  #goOn(open: Open, record: RawRecord, state: CsvRecord["state"], begins: RegExp): readonly Outcome[] {
    const fresh = !this.#waiting.has("record");
    this.#waiting.add("record", record, () => open);
    // Age is not asked here: while more comes, the rest may be in it.
    if (state === "open") return this.expire(Number.NEGATIVE_INFINITY);
    const { records } = this.#waiting.release("record")!;
    if (state === "whole") return [wholeOutcome(open, records)];
    // The record before was cut off, and this line begins another.
    if (!fresh && begins.test(record.text)) return [malformed(notClosed, records.slice(0, -1)), ...this.#begin(record)];
    return [malformed("its quotes do not match", records)];
  }

  #giveUp(): readonly Outcome[] {
    return this.#waiting.all().map(({ records }) => malformed(notClosed, records));
  }
}

function wholeOutcome(open: Open, records: readonly RawRecord[]): Outcome {
  const record = "csv" in open ? fromCsv(open.csv.fields) : readXml(linesJoined(open.xml));
  return record === undefined
    ? malformed("it has not the fields of a record", records)
    : recordOutcome(record, records);
}

function jsonOutcome(record: RawRecord): Outcome {
  let parsed: unknown;
  try {
    parsed = JSON.parse(record.text);
  } catch {
    return malformed("it is no JSON", [record]);
  }
  const members = (parsed as Readonly<Record<string, unknown>>).audit_record;
  if (typeof members !== "object" || members === null) return malformed("it has no audit_record", [record]);
  const texts = new Map<string, string>();
  for (const [name, value] of Object.entries(members)) {
    if (typeof value === "string") texts.set(name, value.toWellFormed());
    else if (Number.isSafeInteger(value)) texts.set(name, String(value));
  }
  return recordOutcome(texts, [record]);
}

const statementColumns =
  "name record timestamp command_class connection_id status sqltext user host os_user ip db".split(" ");
const connectionColumns =
  "name record timestamp connection_id status user priv_user os_login proxy_user host ip db".split(" ");
const serverColumns = "name record timestamp mysql_version startup_options os_version".split(" ");

/** Only the status has no quotes: by its place the columns are known. */
function fromCsv(fields: readonly CsvField[]): AuditRecord | undefined {
  const columns = [statementColumns, connectionColumns, serverColumns].find(
    (each) => each.length === fields.length && fields.every(({ quoted }, at) => quoted === (each[at] !== "status")),
  );
  return columns === undefined ? undefined : new Map(columns.map((name, at) => [name, fields[at]!.text]));
}

export const perconaAudit: Source = {
  name: "percona-audit",
  version: "1",
  options: Type.Object({}, { additionalProperties: false }),
  parser: () => new FileReader(),
};
