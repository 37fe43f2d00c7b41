// One Kubernetes audit event (audit.k8s.io/v1, and v1beta1 and v1alpha1 before it) to its facts. What a request was for is in
// objectRef; proxies in front of an API server may leave that out for streams, so the path is asked then.
import { parseRfc3339 } from "../../event/time.ts";
import { itemsOf, type Members, membersOf, readObject, textOf } from "../json-record.ts";

/** A way into a container. */
export type Entrance = "exec" | "attach" | "portforward";

export interface AuditEvent {
  readonly auditId: string;
  /**
   * The same in all stages of a request, and hardly in another: a client may choose its audit id, and could take that of
   * another request to have its own taken for a part of it.
   */
  readonly request: string;
  readonly stage: "RequestReceived" | "ResponseStarted" | "ResponseComplete" | "Panic";
  readonly verb: string;
  /** When the request came in, and when this stage of it was reached. */
  readonly received: number;
  readonly reached: number;
  readonly user: Members;
  readonly impersonated: Members;
  readonly sourceIps: readonly string[];
  readonly userAgent: string | undefined;
  readonly path: string;
  /** As it is in the request, without "?". */
  readonly query: string;
  readonly resource: string | undefined;
  readonly group: string | undefined;
  readonly version: string | undefined;
  readonly subresource: string | undefined;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  /** HTTP's; undefined before the response. */
  readonly code: number | undefined;
  readonly reason: string | undefined;
}

const stages: ReadonlySet<string> = new Set(["RequestReceived", "ResponseStarted", "ResponseComplete", "Panic"]);

/** `other`: a record of something else. */
export type NotAudit = { readonly other: boolean; readonly reason: string };

export function parseAuditEvent(text: string): AuditEvent | NotAudit {
  const record = readObject(text);
  if (typeof record === "string") return { other: false, reason: record };
  const kind = textOf(record.kind);
  if (kind === "EventList") return { other: false, reason: "it is a list of events; the input is to take it apart" };
  if (kind !== undefined && kind !== "Event") return { other: true, reason: "the record is no audit event" };
  if (kind === undefined && textOf(record.auditID) === undefined)
    return { other: true, reason: "the record is no audit event" };
  const refuse = (reason: string): NotAudit => ({ other: false, reason });
  const auditId = textOf(record.auditID);
  if (auditId === undefined) return refuse("the event has no auditID");
  const stage = textOf(record.stage);
  if (stage === undefined || !stages.has(stage)) return refuse("the event has no stage that is known");
  const verb = textOf(record.verb);
  if (verb === undefined) return refuse("the event has no verb");
  const times = timesOf(record);
  if (times === undefined) return refuse("the event has no time");
  const uri = textOf(record.requestURI) ?? "";
  const mark = uri.indexOf("?");
  const path = mark === -1 ? uri : uri.slice(0, mark);
  const status = membersOf(record.responseStatus);
  const code = status.code;
  return {
    auditId,
    request: JSON.stringify([auditId, verb, uri, record.requestReceivedTimestamp ?? null]),
    stage: stage as AuditEvent["stage"],
    verb,
    ...times,
    user: membersOf(record.user),
    impersonated: membersOf(record.impersonatedUser),
    sourceIps: itemsOf(record.sourceIPs).flatMap((ip) => textOf(ip) ?? []),
    userAgent: textOf(record.userAgent),
    path,
    query: mark === -1 ? "" : uri.slice(mark + 1),
    ...objectOf(membersOf(record.objectRef), path),
    code: typeof code === "number" && Number.isInteger(code) && code > 0 && code < 1000 ? code : undefined,
    reason: textOf(status.reason),
  };
}

function timesOf(record: Members): { readonly received: number; readonly reached: number } | undefined {
  const time = (value: unknown): number | undefined => {
    const millis = parseRfc3339(textOf(value) ?? "");
    // Go writes the zero time of a missing one as the year 1.
    return millis === undefined || millis <= 0 ? undefined : millis;
  };
  const old = time(record.timestamp) ?? time(membersOf(record.metadata).creationTimestamp);
  const received = time(record.requestReceivedTimestamp) ?? old ?? time(record.stageTimestamp);
  const reached = time(record.stageTimestamp) ?? old ?? received;
  return received === undefined || reached === undefined ? undefined : { received, reached };
}

type ObjectFacts = Pick<AuditEvent, "resource" | "group" | "version" | "subresource" | "namespace" | "name">;

const entrancePath = /^\/api\/(v1)\/namespaces\/([^/]+)\/(pods)\/([^/]+)\/(exec|attach|portforward)$/;

function objectOf(reference: Members, path: string): ObjectFacts {
  const match = textOf(reference.resource) === undefined ? entrancePath.exec(path) : null;
  if (match !== null)
    return {
      resource: match[3],
      group: undefined,
      version: match[1],
      subresource: match[5],
      namespace: match[2],
      name: match[4],
    };
  return {
    resource: textOf(reference.resource),
    group: textOf(reference.apiGroup),
    version: textOf(reference.apiVersion),
    subresource: textOf(reference.subresource),
    namespace: textOf(reference.namespace),
    name: textOf(reference.name),
  };
}

/**
 * The way into a container that a request asks for, or undefined. By any verb: kubectl asks by POST ("create"), and since 1.30
 * by WebSocket, which is GET ("get").
 */
export function entranceOf({ resource, group, subresource }: AuditEvent): Entrance | undefined {
  if (resource !== "pods" || group !== undefined) return undefined;
  return subresource === "exec" || subresource === "attach" || subresource === "portforward" ? subresource : undefined;
}
