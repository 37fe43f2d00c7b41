// What the records of one lane become and why: the same parsing, mapping, judging and making of events as the agent's, but
// told to a person instead of sent. Pure.
import type { Resource, Risk } from "../event/event.ts";
import type { Labels } from "../event/labels.ts";
import type { Reason, Rules } from "../rules/rules.ts";
import { isParsed, type NoEvent, type Outcome, type RawRecord, type Source } from "../sources/source.ts";
import { itemOf } from "./item.ts";
import type { ResourceMap } from "./resources.ts";

export interface Explanation {
  /** Of the records it was told by, from 1. */
  readonly lines: readonly number[];
  /** The event as it would be sent, but for its record and position. */
  readonly event: Readonly<Record<string, unknown>> & { readonly kind: string; readonly time: number };
  /** Of a record that is no event: its kind of not being one. */
  readonly why?: string;
  /** It is counted only, as the configuration says. */
  readonly ignored?: true;
  readonly incomplete?: string;
  readonly labels: Labels;
  readonly resource: Resource;
  readonly mapped: boolean;
  /** The mapping that fitted, from 0. */
  readonly mapping?: number;
  readonly risk?: Risk;
  readonly rule?: string;
  /** Of security events: what each rule for its type says. */
  readonly reasons: readonly Reason[];
}

export interface ExplainOptions {
  readonly source: Source;
  /** Checked, with defaults. */
  readonly options: unknown;
  readonly rules: Rules;
  readonly resources: ResourceMap;
  readonly ignore: ReadonlySet<NoEvent>;
  /** What the agent adds where the source says nothing. */
  readonly labels: Labels;
}

/** In the order of the outcomes; rules remember from record to record, and nothing from before. */
export function* explain(records: readonly RawRecord[], options: ExplainOptions): Generator<Explanation> {
  const parser = options.source.parser(options.options as never);
  const numbers = new Map(records.map((record, i) => [record, i + 1]));
  const memory = options.rules.memory();
  const explained = (outcome: Outcome): Explanation => explainOutcome(outcome, numbers, memory, options);
  for (const record of records) for (const outcome of parser.take(record)) yield explained(outcome);
  for (const outcome of parser.end()) yield explained(outcome);
}

function explainOutcome(
  outcome: Outcome,
  numbers: ReadonlyMap<RawRecord, number>,
  memory: ReturnType<Rules["memory"]>,
  { source, rules, resources, ignore, labels: added }: ExplainOptions,
): Explanation {
  const parsed = isParsed(outcome);
  const labels: Labels = parsed ? { ...added, ...outcome.labels } : added;
  const { resource, mapped, by } = resources.map(parsed ? outcome.draft.kind : "unparsed", labels);
  const judgement =
    parsed && outcome.draft.kind === "security"
      ? rules.judge({ ...outcome.draft, labels, tags: tagsOf(outcome.draft.contents) }, memory, { explain: true })
      : undefined;
  const item = itemOf(outcome, {
    parser: { name: source.name, version: source.version },
    position: { source: "test", stream: "test", offset: 0 },
    resource,
    ...(judgement === undefined ? {} : { grade: judgement }),
  });
  const { record: _, position: __, ...event } = JSON.parse(item) as Explanation["event"];
  return {
    lines: outcome.records.map((record) => numbers.get(record)!),
    event: event as Explanation["event"],
    ...(parsed ? {} : { why: outcome.why }),
    ...(!parsed && ignore.has(outcome.why) ? { ignored: true as const } : {}),
    ...(parsed && outcome.incomplete !== undefined ? { incomplete: outcome.incomplete } : {}),
    labels,
    resource,
    mapped,
    ...(by === undefined ? {} : { mapping: by }),
    ...(judgement === undefined ? {} : { risk: judgement.risk }),
    ...(judgement?.rule === undefined ? {} : { rule: judgement.rule }),
    reasons: judgement?.reasons ?? [],
  };
}

function tagsOf(contents: readonly { readonly key: string; readonly value: string }[]): readonly string[] {
  const tag = contents.find(({ key }) => key === "Tag")?.value ?? "";
  return tag.split(",").filter((part) => part !== "");
}

/** Lines as the agent cuts them from a file: at LF, without a CR before it. */
export function recordsOf(bytes: Buffer, read: number): readonly RawRecord[] {
  const records: RawRecord[] = [];
  for (let from = 0; from < bytes.length; ) {
    const lf = bytes.indexOf(10, from);
    const end = lf === -1 ? bytes.length : lf;
    const line = bytes.subarray(from, end > from && bytes[end - 1] === 13 ? end - 1 : end);
    const text = line.toString("utf8");
    records.push(Buffer.from(text).equals(line) ? { text, read } : { text, bytes: line, read });
    from = end + 1;
  }
  return records;
}
