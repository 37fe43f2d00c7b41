// Events as CSV (RFC 4180): one line of names, then one event a line in the same columns, whatever its kind. A cell that a
// spreadsheet would take for a formula gets an apostrophe before it (DECISIONS "Identity and exposure"). Pure.
import { formatMillis } from "../event/time.ts";
import { factsOfEvent } from "../query/event-facts.ts";
import type { NumberedEntry } from "../query/query.ts";

const columns = [
  "seq",
  "received",
  "time",
  "kind",
  "type",
  "risk",
  "resourceType",
  "resourceId",
  "project",
  "source",
  "user",
  "address",
  "requestId",
  "errorCode",
  "detail",
  "contents",
] as const;
type Column = (typeof columns)[number];

export const csvHead = `${columns.join(",")}\r\n`;

export function csvLine(entry: NumberedEntry): string {
  const cells = cellsOf(entry);
  return `${columns.map((column) => cell(cells[column] ?? "")).join(",")}\r\n`;
}

function cellsOf({ seq, received, event }: NumberedEntry): Partial<Record<Column, string>> {
  const { users, source: address } = factsOfEvent(event);
  const common = {
    seq: String(seq),
    received: formatMillis(received),
    time: formatMillis(event.time),
    kind: event.kind,
    user: [...users].join(" "),
    address: address ?? "",
  };
  if (event.kind === "trail") {
    const { type, source, requestId = "", errorCode = "", detail = "" } = event;
    return { ...common, type, source, requestId, errorCode, detail };
  }
  if (event.kind === "database") {
    const { name: type, instance, status = "", sql = "" } = event;
    return { ...common, type, resourceType: "instance", resourceId: instance, errorCode: status, detail: sql };
  }
  const { type, resource } = event;
  const what = {
    ...common,
    type,
    resourceType: resource.type,
    resourceId: resource.id,
    project: resource.project ?? "",
  };
  if (event.kind === "unparsed") return { ...what, detail: event.reason };
  if (event.kind === "system") return { ...what, contents: JSON.stringify(event.data) };
  const contents = event.contents.length === 0 ? "" : JSON.stringify(event.contents);
  return { ...what, risk: event.risk, detail: event.detail ?? "", contents };
}

function cell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
