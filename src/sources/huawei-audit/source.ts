// Audit log files of Huawei Cloud's MySQL databases, and those that Taishi's own TaurusDB API gives out. Statements are not
// escaped in the former: a record goes on until a line begins the next, so that the last one of a file is told only when
// it ends, or after a while.
import { Type } from "typebox";
import { malformed } from "../database-draft.ts";
import { lineOf, linesJoined, type Outcome, type Parser, type RawRecord, type Source } from "../source.ts";
import { Waiting } from "../waiting.ts";
import { beginsRecord, recordOutcome } from "./record.ts";

/** How long a record may have more lines. */
const waitMs = 5_000;

function newParser(): Parser {
  const waiting = new Waiting<"record", string[]>(waitMs);
  const told = (incomplete?: string): ((released: { value: string[]; records: readonly RawRecord[] }) => Outcome) => {
    return ({ value, records }) => recordOutcome(linesJoined(value), records, incomplete);
  };
  return {
    take(record: RawRecord): readonly Outcome[] {
      const begins = beginsRecord(record.text);
      const before = begins ? waiting.all().map(told()) : [];
      if (!begins && !waiting.has("record")) return [malformed("it belongs to no record", [record])];
      waiting.add("record", record, () => []).push(lineOf(record));
      // Age is not asked here: while more comes, the rest may be in it.
      return [...before, ...waiting.overdue(Number.NEGATIVE_INFINITY).map(told("its last lines: there are too many"))];
    },
    expire: (now) => waiting.overdue(now).map(told()),
    end: () => waiting.all().map(told()),
    waiting: () => waiting.records(),
  };
}

export const huaweiAudit: Source = {
  name: "huawei-audit",
  version: "1",
  options: Type.Object({}, { additionalProperties: false }),
  parser: newParser,
};
