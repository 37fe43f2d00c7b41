// From entries to the Result of LookupEvents. Pure. Members in the order of the published example; what an event does not
// say is "". The display names and RelatedResources, which that example lacks, stand only where there is something to say.
import type { TrailEvent } from "../../event/event.ts";
import { formatSeconds } from "../../event/time.ts";
import { shownDetail } from "../../event/trail-event.ts";
import { type Language, nameDisplay, sourceDisplay } from "./display.ts";

export interface RelatedResource {
  readonly IntegratedTrn: string;
  readonly ResourceID: string;
  readonly ResourceType: string;
  readonly ResourceTypeDisplay: string;
  readonly ServiceCode: string;
  readonly SourceType: string;
}

export interface TrailItem {
  readonly EventID: string;
  /** RFC 3339 in UTC, whole seconds. */
  readonly EventTime: string;
  readonly EventName: string;
  readonly EventNameDisplay?: string;
  readonly RequestID: string;
  readonly SourceIPAddress: string;
  readonly EventSource: string;
  readonly EventSourceDisplay?: string;
  readonly UserName: string;
  readonly AccessKeyID: string;
  readonly Region: string;
  readonly ErrorCode: string;
  /** JSON text. */
  readonly EventDetail: string;
  readonly RelatedResources?: readonly RelatedResource[];
}

export interface LookupEventsResult {
  /** "" on the last page. */
  readonly NextToken: string;
  /** Never absent, because clients iterate over it. */
  readonly Trails: readonly TrailItem[];
}

/** @param eventId the event's own, or the derived one */
export function encodeTrail(event: TrailEvent, eventId: string, account: string, language: Language): TrailItem {
  const EventNameDisplay = nameDisplay(event.source, event.type, language);
  const EventSourceDisplay = sourceDisplay(event.source, language);
  return {
    EventID: eventId,
    EventTime: formatSeconds(event.time),
    EventName: event.type,
    ...(EventNameDisplay !== undefined && { EventNameDisplay }),
    RequestID: event.requestId ?? "",
    SourceIPAddress: event.sourceIp ?? "",
    EventSource: event.source,
    ...(EventSourceDisplay !== undefined && { EventSourceDisplay }),
    UserName: event.userName ?? "",
    AccessKeyID: event.accessKeyId ?? "",
    Region: event.region ?? "",
    ErrorCode: event.errorCode ?? "",
    EventDetail: event.detail === undefined ? builtDetail(event, eventId, account) : shownDetail(event, eventId),
    ...(event.resources !== undefined &&
      event.resources.length > 0 && { RelatedResources: event.resources.map((one) => related(one, event.source)) }),
  };
}

function related({ type, id }: { readonly type: string; readonly id: string }, source: string): RelatedResource {
  return {
    IntegratedTrn: id.startsWith("trn:") ? id : "",
    ResourceID: id,
    ResourceType: type,
    ResourceTypeDisplay: "",
    ServiceCode: source,
    // The cloud says "from request or response" here; which of the two is not known.
    SourceType: "",
  };
}

/**
 * A whole EventDetail for an event that was sent without: the published example's members in its order, with "" for what
 * is not known, then what else the event says.
 */
function builtDetail(event: TrailEvent, eventId: string, account: string): string {
  const { identityType = "", userName, errorCode, readOnly, extraIndex } = event;
  const root = identityType === "Root";
  return JSON.stringify({
    EventVersion: "v1.0",
    EventID: eventId,
    RequestID: event.requestId ?? "",
    EventTime: formatSeconds(event.time),
    EventType: "ApiCall",
    UserIdentity: {
      AccountID: account,
      Type: identityType,
      // Only of the account itself are these known without being told.
      PrincipalID: root ? account : "",
      TRN: root ? `trn:iam::${account}:root` : "",
      AccessKeyID: event.accessKeyId ?? "",
      ...(userName !== undefined && { UserName: userName }),
    },
    EventSource: event.source,
    EventName: event.type,
    Region: event.region ?? "",
    SourceIPAddress: event.sourceIp ?? "",
    UserAgent: "",
    RequestParameters: "",
    ResponseElements: "",
    ApiVersion: event.apiVersion ?? "",
    ...(errorCode !== undefined && { ErrorCode: errorCode }),
    ...(readOnly !== undefined && { ReadOnly: readOnly }),
    ...(extraIndex !== undefined && { ExtraIndex: extraIndex }),
  });
}
