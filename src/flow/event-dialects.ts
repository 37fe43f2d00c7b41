// One event as each cloud's API would return it, by the dialects' own encoders. What a dialect would not return it has no answer to.

import { renderRecord } from "../audit-files/record-text.ts";
import { resourceTypes } from "../dialects/ark/decode.ts";
import { preferredLanguage } from "../dialects/ark/detail.ts";
import { encodeListAuditLogs } from "../dialects/ark/encode.ts";
import { abnormalConnection, isLogType } from "../dialects/ark/log-types.ts";
import { encodeTrail } from "../dialects/cloudtrail/encode.ts";
import { derivedEventId } from "../event/trail-event.ts";
import type { NumberedEntry } from "../query/query.ts";

/** By API: an item of its answer, or a line of its file. */
export function eventDialects(
  entry: NumberedEntry,
  account: string,
  options: { readonly origin: (account: string) => string; readonly acceptLanguage: string | undefined },
): Readonly<Record<string, unknown>> {
  const { event, seq } = entry;
  const language = preferredLanguage(options.acceptLanguage);
  if (event.kind === "trail") {
    const eventId = event.eventId ?? derivedEventId(options.origin(account), seq);
    return { "cloudtrail LookupEvents 2021-09-01": encodeTrail(event, eventId, account, language) };
  }
  if (event.kind === "database") return { "taurusdb audit-log file": renderRecord(event) };
  if (event.kind !== "security" || !isLogType(event.type)) return {};
  if (!(resourceTypes as readonly string[]).includes(event.resource.type)) return {};
  const page = { total: 1, size: seq + 1, entries: [entry] };
  const item = (form: "current" | "2024-07", connection: "Connection" | typeof abnormalConnection): unknown => {
    const request = { filter: { account }, order: "desc", window: { offset: 0, limit: 1 } } as const;
    return encodeListAuditLogs(page, { request, form, connection, pageNumber: 1, pageSize: 1 }, language).Items[0];
  };
  return {
    "ark ListAuditLogs 2024-01-01": item("current", "Connection"),
    "ark ListAuditLogs 2024-01-01, the form of 2024-07": item("2024-07", abnormalConnection),
  };
}
