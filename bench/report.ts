// The bench's words: one Markdown text, printed and, when asked, put into docs/performance.md. Pure.
import {
  type FigureRow,
  type Figures,
  figureRows,
  pageFigure,
  pageKinds,
  pageParts,
  pageRatio,
  pageRows,
  pageSizes,
  pageWords,
  places,
} from "./figures.ts";
import { median } from "./statistics.ts";

export interface Setting {
  /** As typed. */
  readonly command: string;
  readonly date: string;
  readonly machine: readonly string[];
  readonly versions: readonly string[];
  readonly workload: string;
  readonly rounds: number;
  readonly notes: readonly string[];
}

export function reportText(setting: Setting, figures: Figures): string {
  const rows = figureRows.filter(({ id }) => [...figures.of("taishi", id), ...figures.of("postgres", id)].length > 0);
  const missed = [...rows, ...pageRows].filter((row) => figures.met(row) === false);
  const peered = rows.some(({ id }) => figures.of("postgres", id).length > 0);
  const peer = peered ? " PostgreSQL | ratio |" : "";
  return [
    `Made on ${setting.date} by \`${setting.command}\`.`,
    "",
    ...setting.machine.map((line) => `- ${line}`),
    ...setting.versions.map((line) => `- ${line}`),
    `- ${setting.workload}`,
    `- ${setting.rounds === 1 ? "1 round" : `${setting.rounds} rounds`}: the median, and from the least to the most in brackets`,
    ...setting.notes.map((line) => `- ${line}`),
    "",
    `| figure | Taishi |${peer} mark | reached |`,
    `|---|---|${peered ? "---|---|" : ""}---|---|`,
    ...rows.map((row) => tableLine(row, figures, peered)),
    ...pageTable(figures),
    "",
    missed.length === 0
      ? "Every mark that could be measured is reached."
      : `Not reached: ${missed.map(({ label }) => label).join("; ")}.`,
    "",
  ].join("\n");
}

function tableLine(row: FigureRow, figures: Figures, peered: boolean): string {
  const ratio = figures.ratio(row);
  const cells = [
    row.label,
    spread(figures.of("taishi", row.id), row),
    ...(peered ? [spread(figures.of("postgres", row.id), row), ratio === undefined ? "" : `${ratio.toFixed(1)}×`] : []),
    targetText(row),
    reachedText(figures.met(row)),
  ];
  return `| ${cells.join(" | ")} |`;
}

/** Pages with their exact total, the signature of every request checked. */
function pageTable(figures: Figures): readonly string[] {
  const row = (id: string): FigureRow => pageRows.find((one) => one.id === id)!;
  const value = (id: string): string => spread(figures.of("taishi", id), row(id));
  const reached = (id: string): string => reachedText(figures.met(row(id)));
  const lines = pageKinds.flatMap((kind) =>
    pageSizes.flatMap((size) => [
      ...places.map((place) => {
        const p99 = pageFigure(kind, place, size, "p99");
        const cells = pageParts.map((part) => value(pageFigure(kind, place, size, part)));
        return `| ${pageWords[kind]}: ${place} of ${size} | ${cells.join(" | ")} | ${targetText(row(p99))} | ${reached(p99)} |`;
      }),
      `| last ÷ first of ${size} | ${value(pageRatio(kind, size))} | | | ${targetText(row(pageRatio(kind, size)))} | ${reached(pageRatio(kind, size))} |`,
    ]),
  );
  if (pageRows.every(({ id }) => figures.of("taishi", id).length === 0)) return [];
  return [
    "",
    "| signed page with its exact total | p50 | p99 | max | mark, p99 | reached |",
    "|---|---|---|---|---|---|",
    ...lines,
  ];
}

function reachedText(met: boolean | undefined): string {
  return met === undefined ? "" : met ? "yes" : "**no**";
}

function spread(values: readonly number[], { digits, unit }: FigureRow): string {
  if (values.length === 0) return "";
  const text = (value: number): string =>
    value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const middle = `${text(median(values))} ${unit}`;
  return values.length === 1 ? middle : `${middle} (${text(Math.min(...values))}–${text(Math.max(...values))})`;
}

function targetText({ target, unit }: FigureRow): string {
  if (target === undefined) return "";
  if ("atMost" in target) return `≤ ${target.atMost} ${unit}`;
  if ("atLeast" in target) return `≥ ${target.atLeast} ${unit}`;
  return `≥ ${target.ratioAtLeast}× the peer`;
}

/** What docs/performance.md says above the output. */
export const performanceHeading = `# Performance

The last output of \`npm run bench -- --write\`. Workload W is \`bench/workload.ts\`, the marks are in \`bench/figures.ts\`; compare
ratios made in one run, not figures of two machines.
`;
