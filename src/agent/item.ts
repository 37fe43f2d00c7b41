// From what a parser told to the item that is sent: the event with its resource and risk, the record it was made of, the
// parser, the position. Pure. What the server would refuse is found here, where the record can still be kept as unparsed.
import { createHash } from "node:crypto";
import { TaishiError } from "../errors.ts";
import type { Position } from "../event/entry.ts";
import type { Content, Resource, Risk } from "../event/event.ts";
import { readEvent } from "../event/read.ts";
import {
  isParsed,
  lineOf,
  linesJoined,
  type Outcome,
  type Parsed,
  type RawRecord,
  type SecurityDraft,
} from "../sources/source.ts";

/** What rules say of a security event. */
export interface Grade {
  readonly risk: Risk;
  /** To go before the event's own. */
  readonly tags: readonly string[];
  readonly rule?: string;
}

export interface ItemContext {
  readonly parser: { readonly name: string; readonly version: string };
  readonly position: Position;
  readonly resource: Resource;
  /** Of security events. */
  readonly grade?: Grade;
}

/** Above this a string is not stored (DESIGN.md: a blob has at most 16 MiB). */
const longestText = 16 * 1024 * 1024;
const keptOfLonger = 64 * 1024;
const longestField = 1024;

/** JSON of one event as POST /api/v1/events takes it. */
export function itemOf(outcome: Outcome, context: ItemContext): string {
  const { parser, position, resource } = context;
  const { kept, note } = keptRecord(outcome);
  const record = { ...kept, parser };
  const unparsed = (reason: string): string =>
    JSON.stringify({
      kind: "unparsed",
      time: outcome.records.at(-1)?.read ?? 0,
      resource,
      reason: (note === undefined ? reason : `${reason}; ${note}`).slice(0, longestField),
      record,
      position,
    });
  if (!isParsed(outcome)) return unparsed(outcome.reason);
  const event = eventOf(outcome, context, note);
  try {
    readEvent(event, 0);
  } catch (thrown) {
    if (!(thrown instanceof TaishiError)) throw thrown;
    return unparsed(`its event would be refused: ${thrown.details.field ?? "event"}`);
  }
  return JSON.stringify({ ...event, record, position });
}

/** What is sent in place of an event that the server refused for this reason. */
export function refusedItem(item: Uint8Array, reason: string): Uint8Array {
  const { time, resource, instance, record, position } = JSON.parse(Buffer.from(item).toString("utf8")) as {
    time: number;
    resource?: Resource;
    instance?: string;
    record: { raw?: string; rawBase64?: string; parser: ItemContext["parser"] };
    position: Position;
  };
  const bytes = record.raw === undefined ? Buffer.from(record.rawBase64 ?? "", "base64") : Buffer.from(record.raw);
  const kept =
    bytes.length <= keptOfLonger
      ? record
      : { rawBase64: bytes.subarray(0, keptOfLonger).toString("base64"), parser: record.parser };
  const cut = kept === record ? "" : `; ${cutNote(bytes.length, sha256(bytes))}`;
  return Buffer.from(
    JSON.stringify({
      kind: "unparsed",
      time,
      resource: resource ?? { type: "instance", id: instance ?? "unknown" },
      reason: `the server refused its event: ${reason}`.slice(0, longestField - cut.length) + cut,
      record: kept,
      position,
    }),
  );
}

/** What a cut record's reason says of the whole. */
export function cutNote(size: number, digest: string): string {
  return `the record is cut: it had ${size} bytes with SHA-256 ${digest}`;
}

function eventOf({ draft, incomplete }: Parsed, { resource, grade }: ItemContext, note: string | undefined): object {
  const lacks = [incomplete, note].filter((text) => text !== undefined).join("; ");
  if (draft.kind === "security") {
    const contents = [
      ...tagged(draft, grade?.tags ?? []),
      ...(lacks === "" ? [] : [{ key: "Incomplete", value: lacks }]),
    ];
    const { kind, time, type, detail } = draft;
    return {
      kind,
      time,
      type,
      resource,
      risk: grade?.risk ?? draft.risk ?? "Info",
      contents,
      ...(detail === undefined ? {} : { detail }),
      ...(grade?.rule === undefined ? {} : { rule: grade.rule }),
    };
  }
  // Texts that the server bounds are bounded here; the record has them whole.
  const short = Object.entries(draft).map(([key, value]) => [
    key,
    typeof value === "string" && value.length > longestField && key !== "sql" && key !== "detail"
      ? `${value.slice(0, longestField - 1).toWellFormed()}…`
      : value,
  ]);
  const fields = Object.fromEntries(short) as Record<string, unknown>;
  if (draft.kind === "database") return { ...fields, instance: resource.id };
  return lacks === "" ? fields : { ...fields, extraIndex: fields.extraIndex ?? "incomplete" };
}

/** Contents with the rules' tags ahead of the source's own. */
function tagged({ contents }: SecurityDraft, tags: readonly string[]): readonly Content[] {
  if (tags.length === 0) return contents;
  const own = contents.find(({ key }) => key === "Tag");
  if (own === undefined) return [{ key: "Tag", value: tags.join(",") }, ...contents];
  const all = [...tags, ...own.value.split(",").filter((tag) => tag !== "" && !tags.includes(tag))].join(",");
  return contents.map((content) => (content === own ? { key: "Tag", value: all } : content));
}

/** The records as they are kept: as text where they are UTF-8 and JSON does not make them much longer. */
function keptRecord(outcome: Outcome): { kept: { raw: string } | { rawBase64: string }; note?: string } {
  const { records, redacted } = outcome;
  if (redacted !== undefined) return { kept: { raw: redacted } };
  if (records.every(({ bytes }) => bytes === undefined)) {
    const text = records.length === 1 ? records[0]!.text : linesJoined(records.map(lineOf));
    if (text.length * 3 <= longestText)
      return plain(text) ? { kept: { raw: text } } : { kept: { rawBase64: Buffer.from(text).toString("base64") } };
  }
  const whole = joined(records);
  if (whole.length <= longestText) return { kept: { rawBase64: whole.toString("base64") } };
  return {
    kept: { rawBase64: whole.subarray(0, keptOfLonger).toString("base64") },
    note: cutNote(whole.length, sha256(whole)),
  };
}

/** Whether JSON makes the text not much longer: a control character becomes six bytes. */
function plain(text: string): boolean {
  if (text.length < 64 * 1024) return true;
  return (text.match(/[\0-\x08\x0b\x0c\x0e-\x1f]/g)?.length ?? 0) * 16 < text.length;
}

function joined(records: readonly RawRecord[]): Buffer {
  const parts = records.flatMap(({ bytes, text }, i) => [
    ...(i === 0 ? [] : [Buffer.from(records[i - 1]!.crlf === true ? "\r\n" : "\n")]),
    bytes === undefined ? Buffer.from(text) : Buffer.from(bytes),
  ]);
  return Buffer.concat(parts);
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
