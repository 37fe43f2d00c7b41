// What `taishi verify` found about one file or directory, and how it is told: in plain words, or as JSON.
import type { LogProblem } from "../merkle/log-problem.ts";
import { printable } from "./terminal.ts";

export interface Verdict {
  /** What was looked at. */
  readonly kind: string;
  /** Of all that were found, the first ones. */
  readonly problems: readonly LogProblem[];
  readonly problemCount: number;
  /** One sentence: what holds, where there is no problem. */
  readonly claim: string;
  /** Name and value, one to a line. */
  readonly facts: readonly (readonly [string, string])[];
  /** Shown after the facts as it is, but escaped. */
  readonly text?: string;
  /** What `--json` prints beside `ok`, `kind` and `problems`. */
  readonly data: Readonly<Record<string, unknown>>;
}

/** The check stopped here: without this nothing else can be said. */
export class NotVerified extends Error {
  override readonly name = "NotVerified";
  readonly problem: LogProblem;

  constructor(problem: LogProblem) {
    super(problem.what);
    this.problem = problem;
  }
}

/** The verdict on something that could not be read any further. */
export function failed(kind: string, { problem }: NotVerified): Verdict {
  return { kind, problems: [problem], problemCount: 1, claim: "", facts: [], data: {} };
}

export function toJson({ kind, problems, problemCount, data }: Verdict): string {
  return JSON.stringify({ ok: problemCount === 0, kind, ...data, problems, problemCount });
}

/** "tile/0/001: entry 263: hash 7 is …" */
export function problemLine({ path, line, entry, what }: LogProblem): string {
  const where = [
    path,
    ...(line === undefined ? [] : [`line ${line}`]),
    ...(entry === undefined ? [] : [`entry ${entry}`]),
  ];
  return printable(`${where.join(": ")}: ${what}`);
}

export function toLines({ problems, problemCount, claim, facts, text }: Verdict): readonly string[] {
  const width = Math.max(0, ...facts.map(([name]) => name.length));
  const told = facts.map(([name, value]) => printable(`  ${name.padEnd(width)}  ${value}`));
  if (problemCount > 0) {
    const rest = problemCount - problems.length;
    return [
      ...problems.map(problemLine),
      ...(rest > 0 ? [`… and ${rest} more`] : []),
      problemCount === 1 ? "NOT verified: 1 problem" : `NOT verified: ${problemCount} problems`,
    ];
  }
  const shown = text === undefined ? [] : text.split("\n").map(printable);
  return [printable(`verified: ${claim}`), ...told, ...shown];
}
