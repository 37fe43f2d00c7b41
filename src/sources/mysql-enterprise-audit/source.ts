// MySQL Enterprise Audit's JSON file, and that of Percona's audit_log_filter, which has the same members: one array, of
// which each element is a record on one line or over several.
import { type Static, Type } from "typebox";
import { malformed, noEvent } from "../database-draft.ts";
import type { Outcome, Parser, RawRecord, Source } from "../source.ts";
import { Waiting } from "../waiting.ts";
import { auditOutcome, type StatementsFrom } from "./audit-event.ts";
import { JsonObjects } from "./json-objects.ts";

const Options = Type.Object(
  {
    statements: Type.Union([Type.Literal("general"), Type.Literal("query")], {
      default: "general",
      description: "The class of records that tells statements: general (status), or query (query_status_end).",
    }),
  },
  { additionalProperties: false },
);

/** How long the rest of an object is waited for. */
const waitMs = 60_000;
const notClosed = "its end is missing";

class ArrayReader implements Parser {
  readonly #statements: StatementsFrom;
  readonly #waiting = new Waiting<"object", JsonObjects>(waitMs);
  readonly #objects = new JsonObjects();

  constructor(statements: StatementsFrom) {
    this.#statements = statements;
  }

  take(record: RawRecord): readonly Outcome[] {
    // The object before was cut off, and this line begins another.
    const before = this.#objects.isRestart(record.text) ? this.end() : [];
    const wasOpen = this.#objects.isOpen;
    const { state, objects } = this.#objects.push(record.text);
    this.#waiting.add("object", record, () => this.#objects);
    if (state === "open" && objects.length === 0) {
      // Age is not asked here: while more comes, the rest may be in it.
      return [...before, ...this.expire(Number.NEGATIVE_INFINITY)];
    }
    const { records } = this.#waiting.release("object")!;
    const outcomes = objects.map((text, at) => auditOutcome(text, at === 0 ? records : [record], this.#statements));
    if (state === "open") {
      this.#waiting.add("object", record, () => this.#objects);
      outcomes.push(...this.expire(Number.NEGATIVE_INFINITY));
    } else if (state === "broken" && objects.length === 0)
      outcomes.push(malformed(wasOpen ? "its brackets or quotes do not match" : "it is in no object", records));
    else if (state === "broken") outcomes.push(malformed("what follows an object is none", [record]));
    else if (objects.length === 0) outcomes.push(noEvent("it only begins or ends the file", records));
    return [...before, ...outcomes];
  }

  expire(now: number): readonly Outcome[] {
    return this.#waiting.overdue(now).map(({ records }) => this.#givenUp(records));
  }

  end(): readonly Outcome[] {
    return this.#waiting.all().map(({ records }) => this.#givenUp(records));
  }

  waiting(): readonly RawRecord[] {
    return this.#waiting.records();
  }

  #givenUp(records: readonly RawRecord[]): Outcome {
    this.#objects.reset();
    return malformed(notClosed, records);
  }
}

export const mysqlEnterpriseAudit: Source = {
  name: "mysql-enterprise-audit",
  version: "1",
  options: Options,
  parser: ({ statements }: Static<typeof Options>) => new ArrayReader(statements),
};
