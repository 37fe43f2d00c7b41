// Lines as a container's runtime writes what a container prints (the CRI logging format: time, stream, P or F, text), or
// without any of that. A long line comes in parts, P before F, which are put together here; a line that is no such one goes
// through as it is. Pure but for the parts that wait.
import type { Outcome, Parser, RawRecord } from "./source.ts";
import { type Released, Waiting } from "./waiting.ts";

/** How long parts wait for the end of their line; the runtime writes them at once. */
const waitMs = 60_000;

const prefix = /^\d{4}-\d\d-\d\dT[\d:.]{8,20}(?:Z|[+-]\d\d:\d\d) (stdout|stderr) ([FP])(?::[^ ]{0,64})? /;

export interface Line {
  /** What the container printed. */
  readonly text: string;
  readonly records: readonly RawRecord[];
  /** What the runtime put before it; of a line in parts, before its last. */
  readonly before: string;
}

/** One line, whole, becomes one outcome; its parts wait for one another. */
export class LineParser implements Parser {
  readonly #outcomeOf: (line: Line) => Outcome;
  readonly #parts = new Waiting<string, string[]>(waitMs);

  constructor(outcomeOf: (line: Line) => Outcome) {
    this.#outcomeOf = outcomeOf;
  }

  take(record: RawRecord): readonly Outcome[] {
    const line = this.#lineOf(record);
    return [...(line === undefined ? [] : [this.#outcomeOf(line)]), ...this.expire(record.read)];
  }

  #lineOf(record: RawRecord): Line | undefined {
    const [before = "", stream = "", part] = prefix.exec(record.text) ?? [];
    const text = record.text.slice(before.length);
    if (part === "P") {
      this.#parts.add(stream, record, () => []).push(text);
      return undefined;
    }
    const held = part === "F" ? this.#parts.release(stream) : undefined;
    if (held === undefined) return { text, records: [record], before };
    return { text: held.value.join("") + text, records: [...held.records, record], before };
  }

  expire(now: number): readonly Outcome[] {
    return this.#parts.overdue(now).map(unfinished);
  }

  end(): readonly Outcome[] {
    return this.#parts.all().map(unfinished);
  }

  waiting(): readonly RawRecord[] {
    return this.#parts.records();
  }
}

function unfinished({ records }: Released<string, string[]>): Outcome {
  return { why: "malformed", reason: "the end of a line that was written in parts is missing", records };
}

/** What is kept in place of a line's records, where its text had secrets. */
export function redactedLine({ text, before }: Line, clean: string): { readonly redacted?: string } {
  return clean === text ? {} : { redacted: before + clean };
}
