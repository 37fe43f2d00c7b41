// A story as the service tells it (GET /api/v1/story), and what is read off it: the chain of reasons of an event, who is in it.
import type { StoredEvent } from "../api.ts";
import { whoOf } from "./who.ts";

export type Lane = "login" | "container" | "process" | "connection" | "key" | "api" | "database" | "other";
export type Link = "resource" | "address" | "process" | "container" | "key" | "user";

export interface Told {
  readonly lane: Lane;
  /** Null: it is what was asked about. */
  readonly joined: { readonly by: Link; readonly value: string; readonly with: number } | null;
  readonly event: StoredEvent;
}

export interface Story {
  readonly size: number;
  readonly events: readonly Told[];
  readonly lanes: readonly { readonly lane: Lane; readonly count: number }[];
  readonly common: readonly { readonly by: Link; readonly value: string; readonly events: number }[];
  readonly scanned: number;
  readonly around: { readonly from: string; readonly to: string } | null;
  readonly cut: { readonly asked: boolean; readonly around: boolean; readonly events: boolean };
}

/** From what was asked about to this event, each joined to the one before it. */
export function chainOf(events: readonly Told[], seq: number): readonly Told[] {
  const bySeq = new Map(events.map((told) => [told.event.seq, told]));
  const chain: Told[] = [];
  for (let told = bySeq.get(seq); told !== undefined && !chain.includes(told); ) {
    chain.unshift(told);
    told = told.joined === null ? undefined : bySeq.get(told.joined.with);
  }
  return chain;
}

export interface Counted {
  readonly value: string;
  readonly count: number;
}

function most(values: readonly string[]): readonly Counted[] {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].map(([value, count]) => ({ value, count })).sort((a, b) => b.count - a.count);
}

/** The users and addresses that its events name, those of most events first. */
export function whoIsIn(events: readonly Told[]): {
  readonly users: readonly Counted[];
  readonly ips: readonly Counted[];
} {
  const all = events.map(({ event }) => whoOf(event));
  return { users: most(all.flatMap(({ users }) => users)), ips: most(all.flatMap(({ addresses }) => addresses)) };
}

/** "2 min", in the reader's language. */
export function duration(ms: number, language: "en" | "zh"): string {
  const units = [
    ["day", 86_400_000],
    ["hour", 3_600_000],
    ["minute", 60_000],
    ["second", 1_000],
  ] as const;
  const [unit, length] = units.find(([, length]) => ms >= length) ?? (["millisecond", 1] as const);
  return new Intl.NumberFormat(language === "zh" ? "zh-CN" : "en-GB", {
    style: "unit",
    unit,
    unitDisplay: "short",
    maximumFractionDigits: ms / length < 10 && unit !== "millisecond" ? 1 : 0,
  }).format(ms / length);
}
