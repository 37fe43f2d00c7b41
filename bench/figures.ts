// Every figure the bench makes: its words, unit and, where one is set, the mark it must reach. Owns the collected values of
// all rounds; knows nothing of how they were measured.
import { median } from "./statistics.ts";

export type System = "taishi" | "postgres";

export interface FigureRow {
  readonly id: string;
  readonly label: string;
  readonly unit: string;
  /** Decimal places printed. */
  readonly digits: number;
  /** Which way is better; the ratio to the peer is made so that above 1 is better. */
  readonly better: "more" | "less";
  readonly target?:
    | { readonly atMost: number }
    | { readonly atLeast: number }
    /** Of the ratio to the peer. */
    | { readonly ratioAtLeast: number };
}

export const places = ["first", "middle", "last"] as const;
export type Place = (typeof places)[number];
export const pageSizes = [10, 100] as const;
export const pageKinds = ["ark", "own"] as const;
export type PageKind = (typeof pageKinds)[number];
export const pageParts = ["p50", "p99", "max"] as const;

export function pageFigure(kind: PageKind, place: Place, size: number, part: (typeof pageParts)[number]): string {
  return `page.${kind}.${place}.${size}.${part}`;
}

/** Of the median of the last page to that of the first. */
export function pageRatio(kind: PageKind, size: number): string {
  return `page.${kind}.ratio.${size}`;
}

export const pageWords: Record<PageKind, string> = {
  ark: "ListAuditLogs, busiest resource",
  own: "/api/v1/events, whole account",
};
/** Milliseconds that 99 % of the pages of a size may take. */
const pageLimits: Readonly<Record<number, number>> = { 10: 10, 100: 25 };

/** Printed in a table of their own. */
export const pageRows: readonly FigureRow[] = pageKinds.flatMap((kind) =>
  pageSizes.flatMap((size) => [
    ...places.flatMap((place) =>
      pageParts.map((part): FigureRow => {
        const label = `${pageWords[kind]}: ${place} page of ${size}, ${part}`;
        const row = { id: pageFigure(kind, place, size, part), label, unit: "ms", digits: 1, better: "less" } as const;
        return part === "p99" ? { ...row, target: { atMost: pageLimits[size]! } } : row;
      }),
    ),
    {
      id: pageRatio(kind, size),
      label: `${pageWords[kind]}: last page ÷ first page of ${size}, p50`,
      unit: "×",
      digits: 2,
      better: "less",
      target: { atMost: 2 },
    } satisfies FigureRow,
  ]),
);

const questions: readonly FigureRow[] = (
  [
    ["Q1", "newest 10 of one resource and type"],
    ["Q2", "count of one resource"],
    ["Q3", "count of one type over the account"],
    ["Q4", "10 in the middle of everything, newest first"],
  ] as const
).flatMap(([id, words]) =>
  (["p50", "p99"] as const).map(
    (part): FigureRow => ({
      id: `${id}.${part}`,
      label: `${id}, ${words}, exact total, ${part}`,
      unit: "ms",
      digits: 2,
      better: "less",
    }),
  ),
);

/** All others. */
export const figureRows: readonly FigureRow[] = [
  {
    id: "appends",
    label: "durable appends",
    unit: "events/s",
    digits: 0,
    better: "more",
    target: { ratioAtLeast: 1.5 },
  },
  { id: "ack.p50", label: "acknowledgement of a batch of 500, p50", unit: "ms", digits: 1, better: "less" },
  { id: "ack.p99", label: "acknowledgement of a batch of 500, p99", unit: "ms", digits: 1, better: "less" },
  { id: "bytes", label: "disk, everything", unit: "B/event", digits: 1, better: "less", target: { atMost: 100 } },
  { id: "bytes.ledger", label: "of this the ledger", unit: "B/event", digits: 1, better: "less" },
  { id: "bytes.index", label: "of this the index", unit: "B/event", digits: 1, better: "less" },
  ...questions,
  {
    id: "lookup.p50",
    label: "LookupEvents by RequestID among as many trail events, p50",
    unit: "ms",
    digits: 2,
    better: "less",
  },
  {
    id: "lookup.p99",
    label: "LookupEvents by RequestID among as many trail events, p99",
    unit: "ms",
    digits: 2,
    better: "less",
    target: { atMost: 10 },
  },
  {
    id: "rss.loaded",
    label: "resident memory after the load",
    unit: "MB",
    digits: 0,
    better: "less",
    target: { atMost: 400 },
  },
  {
    id: "rss.peak",
    label: "peak resident memory of the load",
    unit: "MB",
    digits: 0,
    better: "less",
    target: { atMost: 400 },
  },
  {
    id: "rss.queried",
    label: "resident memory after the queries",
    unit: "MB",
    digits: 0,
    better: "less",
    target: { atMost: 400 },
  },
  { id: "checkpoint.p50", label: "append until a checkpoint covers it, p50", unit: "s", digits: 2, better: "less" },
  {
    id: "checkpoint.max",
    label: "append until a checkpoint covers it, longest",
    unit: "s",
    digits: 2,
    better: "less",
    target: { atMost: 1 },
  },
  { id: "ready", label: "start until ready, after a clean stop", unit: "s", digits: 2, better: "less" },
  {
    id: "parse.sshd",
    label: "parsing sshd's lines on one core, the slowest of their forms",
    unit: "lines/s",
    digits: 0,
    better: "more",
    target: { atLeast: 100_000 },
  },
  {
    id: "parse.mariadb",
    label: "parsing server_audit's lines on one core",
    unit: "lines/s",
    digits: 0,
    better: "more",
    target: { atLeast: 100_000 },
  },
  { id: "reindex", label: "rebuild of the index", unit: "events/s", digits: 0, better: "more" },
];

export class Figures {
  readonly #values = new Map<string, number[]>();

  add(system: System, id: string, value: number): void {
    if (![...figureRows, ...pageRows].some((row) => row.id === id)) throw new RangeError(`no figure is called ${id}`);
    const key = `${system} ${id}`;
    this.#values.set(key, [...(this.#values.get(key) ?? []), value]);
  }

  /** One value a round. */
  of(system: System, id: string): readonly number[] {
    return this.#values.get(`${system} ${id}`) ?? [];
  }

  /** How many times better than the peer by the medians; undefined where one of them has no value. */
  ratio({ id, better }: FigureRow): number | undefined {
    const ours = this.of("taishi", id);
    const theirs = this.of("postgres", id);
    if (ours.length === 0 || theirs.length === 0) return undefined;
    return better === "more" ? median(ours) / median(theirs) : median(theirs) / median(ours);
  }

  /** Whether the mark is reached by the median; undefined where there is no mark or nothing to hold against it. */
  met(row: FigureRow): boolean | undefined {
    const ours = this.of("taishi", row.id);
    if (row.target === undefined || ours.length === 0) return undefined;
    if ("atMost" in row.target) return median(ours) <= row.target.atMost;
    if ("atLeast" in row.target) return median(ours) >= row.target.atLeast;
    const ratio = this.ratio(row);
    return ratio === undefined ? undefined : ratio >= row.target.ratioAtLeast;
  }
}
