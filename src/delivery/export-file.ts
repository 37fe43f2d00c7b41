// One file of a trail's export and its manifest: their names and their bytes. Pure. The same events under the same path give
// the same bytes, which is what makes a file that a crash interrupted harmless to write again.
import { hash } from "node:crypto";
import { gzipSync } from "node:zlib";
import type { TrailEvent } from "../event/event.ts";
import { derivedEventId } from "../event/trail-event.ts";
import type { NumberedEntry } from "../query/query.ts";
import type { DeliveryState } from "./delivery-state.ts";
import type { StoredTrail } from "./trail-store.ts";

/** An entry's line: `{"eventId","seq","received","event":{…}}`; the event as docs/ledger-format.md has it. */
export function exportLine(entry: NumberedEntry & { readonly event: TrailEvent }, origin: string): string {
  const { seq, received, event } = entry;
  return `${JSON.stringify({ eventId: event.eventId ?? derivedEventId(origin, seq), seq, received, event })}\n`;
}

/**
 * Where a file lies below the account's exports: by the day its first event was received, named after the trail and that
 * event's number, e.g. "bucket/prefix/AccountLogs/2100000001/CloudTrail/2026/01/02/2100000001_CloudTrail_main_000000000000042.json.gz".
 */
export function exportPath(account: string, trail: StoredTrail, first: NumberedEntry): string {
  const [year, month, day] = new Date(first.received).toISOString().slice(0, 10).split("-") as [string, string, string];
  const number = String(first.seq).padStart(15, "0");
  return [
    trail.bucket,
    ...(trail.prefix === "" ? [] : [trail.prefix]),
    `AccountLogs/${account}/CloudTrail/${year}/${month}/${day}`,
    `${account}_CloudTrail_${trail.name}_${number}.json.gz`,
  ].join("/");
}

export function manifestPath(path: string): string {
  return path.replace(/\.json\.gz$/, ".manifest.json");
}

export interface BuiltFile {
  readonly data: Uint8Array;
  readonly manifest: string;
  readonly manifestSha256: string;
}

export function buildFile(options: {
  readonly account: string;
  readonly trail: string;
  readonly path: string;
  readonly lines: readonly string[];
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly previous: DeliveryState["previous"];
}): BuiltFile {
  const { account, trail, path, lines, firstSeq, lastSeq, previous } = options;
  const data = gzipSync(lines.join(""));
  const manifest = `${JSON.stringify(
    {
      format: 1,
      account,
      trail,
      file: path,
      sha256: hash("sha256", data, "hex"),
      bytes: data.length,
      events: lines.length,
      // Every one of the trail's events with a number from first to last is in this file.
      firstSeq,
      lastSeq,
      previous: previous ?? null,
    },
    undefined,
    2,
  )}\n`;
  return { data, manifest, manifestSha256: hash("sha256", manifest, "hex") };
}
