// Command lines in audit records: arguments from EXECVE, which may span records, and titles from PROCTITLE; and the records
// without the secrets in them.

import { argumentsWithoutSecrets, withoutSecrets } from "../secrets.ts";
import type { RawRecord } from "../source.ts";
import { type AuditRecord, chosen, chosenBytes, fieldsOf, readAuditRecord, written } from "./record.ts";

export interface Arguments {
  readonly args: readonly string[];
  /** All that the first record announces are there. */
  readonly whole: boolean;
}

const argument = /^a(\d{1,7})(?:\[(\d{1,7})\])?$/;

/** @param records of type EXECVE, of one event. A long argument is cut into parts `a1[0]`, `a1[1]`, each encoded by itself. */
export function argumentsOf(records: readonly AuditRecord[]): Arguments {
  const parts = new Map<number, [part: number, bytes: Buffer][]>();
  let announced: number | undefined;
  for (const { body } of records)
    for (const [name, value] of fieldsOf(body)) {
      if (name === "argc") announced ??= Number(value);
      const match = argument.exec(name);
      if (match === null) continue;
      const index = Number(match[1]);
      const own = parts.get(index) ?? [];
      own.push([Number(match[2] ?? 0), chosenBytes(value) ?? Buffer.from(value)]);
      parts.set(index, own);
    }
  const ordered = [...parts].sort(([a], [b]) => a - b);
  const args = ordered.map(([, own]) =>
    Buffer.concat(own.sort(([a], [b]) => a - b).map(([, bytes]) => bytes)).toString("utf8"),
  );
  return { args, whole: args.length === announced };
}

/** A process's title: its arguments as far as 128 bytes go. */
export function titleOf({ body }: AuditRecord): readonly string[] {
  const title = chosen(fieldsOf(body).get("proctitle"));
  return title === undefined ? [] : title.replace(/\0+$/, "").split("\0");
}

export function commandLine(args: readonly string[]): string {
  return argumentsWithoutSecrets(args).join(" ");
}

/** What is kept of the records, where a command line in them holds a secret. */
export function redactedOf(records: readonly RawRecord[]): { readonly redacted?: string } {
  const read = records.map(({ text }) => ({ text, record: recordIn(text) }));
  const execve = read.flatMap(({ record }) => (record?.type === "EXECVE" ? [record] : []));
  const { args } = argumentsOf(execve);
  const indexes = indexesOf(execve);
  const clean = argumentsWithoutSecrets(args);
  const changed = new Map(args.flatMap((arg, i) => (arg === clean[i] ? [] : [[indexes[i]!, clean[i]!] as const])));
  const texts = read.map(({ text, record }) => {
    if (record?.type === "EXECVE") return changed.size === 0 ? text : withArguments(text, changed);
    if (record?.type === "PROCTITLE") return withTitle(text, titleOf(record));
    return record?.type === "USER_CMD" ? withCommand(text) : text;
  });
  return texts.every((text, i) => text === records[i]!.text) ? {} : { redacted: texts.join("\n") };
}

/** Only records that hold command lines are read again. */
function recordIn(text: string): AuditRecord | undefined {
  const at = text.search(/(?:node=\S+ )?type=(?:EXECVE|PROCTITLE|USER_CMD|1309|1327|1123) /);
  return at === -1 ? undefined : readAuditRecord(text.slice(at));
}

function indexesOf(records: readonly AuditRecord[]): readonly number[] {
  const names = records.flatMap(({ body }) => [...fieldsOf(body).keys()]);
  const indexes = names.flatMap((name) => argument.exec(name)?.[1] ?? []).map(Number);
  return [...new Set(indexes)].sort((a, b) => a - b);
}

/** The first part of a changed argument takes all that is left of it. */
function withArguments(text: string, changed: ReadonlyMap<number, string>): string {
  return text.replace(
    /(?<![\w"])a(\d{1,7})(?:\[(\d{1,7})\])?=("[^"]*"|\S*)/g,
    (whole, index: string, part?: string) => {
      const clean = changed.get(Number(index));
      if (clean === undefined) return whole;
      return `a${index}${part === undefined ? "" : `[${part}]`}=${Number(part ?? 0) === 0 ? written(clean) : '""'}`;
    },
  );
}

function withTitle(text: string, title: readonly string[]): string {
  const clean = argumentsWithoutSecrets(title).join("\0");
  if (clean === title.join("\0")) return text;
  return text.replace(/(?<!\w)proctitle=\S*/, () => `proctitle=${written(clean)}`);
}

function withCommand(text: string): string {
  return text.replace(/(?<!\w)cmd=("[^"]*"|\S*)/, (whole, value: string) => {
    const command = chosen(value) ?? "";
    const clean = withoutSecrets(command);
    return clean === command ? whole : `cmd=${written(clean)}`;
  });
}
