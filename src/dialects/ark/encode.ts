// From a page to the Result of ListAuditLogs, in the form that was asked. Pure. Exactly the published members, in their
// published order: seven an item, five in the 2024-07 form.
import type { Event, SecurityEvent } from "../../event/event.ts";
import { formatSeconds } from "../../event/time.ts";
import type { Page } from "../../query/query.ts";
import type { ListAuditLogs } from "./decode.ts";
import { type Language, logDetail } from "./detail.ts";

export interface Item {
  readonly ResourceId: string;
  readonly ResourceType: string;
  readonly LogType: string;
  readonly LogDetail: string;
  readonly LogContents?: readonly { readonly Key: string; readonly Value: string }[];
  readonly RiskLevel?: string;
  /** RFC 3339 in UTC, whole seconds. */
  readonly Timestamp: string;
}

export interface ListAuditLogsResult {
  /** Exact, whatever the page. */
  readonly TotalCount: number;
  readonly PageNumber: number;
  readonly PageSize: number;
  /** Empty past the end; never absent, because clients iterate over it. */
  readonly Items: readonly Item[];
}

export function encodeListAuditLogs(page: Page, asked: ListAuditLogs, language: Language): ListAuditLogsResult {
  return {
    TotalCount: page.total,
    PageNumber: asked.pageNumber,
    PageSize: asked.pageSize,
    Items: page.entries.map(({ event }) => encodeItem(securityEvent(event), asked, language)),
  };
}

function encodeItem(event: SecurityEvent, { form, connection }: ListAuditLogs, language: Language): Item {
  const ResourceId = event.resource.id;
  const ResourceType = event.resource.type;
  const LogType = event.type === "Connection" ? connection : event.type;
  const LogDetail = logDetail(event, form, language);
  const Timestamp = formatSeconds(event.time);
  if (form === "2024-07") return { ResourceId, ResourceType, LogType, LogDetail, Timestamp };
  const LogContents = event.contents.map(({ key, value }) => ({ Key: key, Value: value }));
  return { ResourceId, ResourceType, LogType, LogDetail, LogContents, RiskLevel: event.risk, Timestamp };
}

/** The filter asks for security events alone. */
function securityEvent(event: Event): SecurityEvent {
  if (event.kind !== "security") throw new TypeError(`a page of security events holds a ${event.kind} event`);
  return event;
}
