// Any request that is no way into a container, as a trail event. Its name is the verb and what it was for, as RBAC writes that:
// "create deployments.apps/scale". Names are few, since events are kept in order by them: what anyone can make up is not in one.
import type { LabelName, Labels } from "../../event/labels.ts";
import { itemsOf, type Members, membersOf, rewriteStrings, textOf } from "../json-record.ts";
import { isSecretName, removed } from "../secrets.ts";
import type { TrailDraft } from "../source.ts";
import { uriWithoutSecrets } from "./command-line.ts";
import type { AuditEvent } from "./parse.ts";

const longestName = 128;
const readVerbs: ReadonlySet<string> = new Set(["get", "list", "watch", "head", "options", "proxy"]);
const knownPaths =
  /^\/(?:api|apis|healthz|livez|readyz|metrics|openapi|version|logs|debug|\.well-known|openid|statusz|flagz)(?=\/|$)/;

/** @param text the event's, without secrets */
export function trailOf(event: AuditEvent, text: string): TrailDraft {
  const user = userOf(event.user);
  const members: { readonly [key in keyof TrailDraft]?: TrailDraft[key] | undefined } = {
    requestId: event.auditId,
    userName: user.name,
    identityType: user.type,
    accessKeyId: credentialOf(event.user),
    sourceIp: event.sourceIps[0],
    errorCode: errorOf(event),
    apiVersion: event.version === undefined ? undefined : [event.group ?? [], event.version].flat().join("/"),
    resources: resourcesOf(event),
  };
  return {
    kind: "trail",
    time: event.received,
    type: nameOf(event),
    source: "kubernetes",
    ...(Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Partial<TrailDraft>),
    readOnly: readVerbs.has(event.verb) && event.subresource !== "proxy",
    detail: text,
  };
}

function nameOf({ verb, resource, group, subresource, path }: AuditEvent): string {
  const what =
    resource === undefined
      ? (knownPaths.exec(path)?.[0] ?? "another path")
      : `${resource}${group === undefined ? "" : `.${group}`}${subresource === undefined ? "" : `/${subresource}`}`;
  return `${verb} ${what}`.slice(0, longestName).toWellFormed();
}

function resourcesOf({ resource, namespace, name, path }: AuditEvent): TrailDraft["resources"] {
  if (resource === undefined)
    return path === "" ? undefined : [{ type: "path", id: path.slice(0, 1024).toWellFormed() }];
  const id = [namespace ?? [], name ?? []].flat().join("/");
  return id === ""
    ? undefined
    : [{ type: resource.slice(0, 256).toWellFormed(), id: id.slice(0, 1024).toWellFormed() }];
}

/** Of a response that refuses or fails, why: the API's reason, else HTTP's code. */
export function errorOf({ code, reason, stage }: AuditEvent): string | undefined {
  if (code !== undefined && code >= 400) return reason ?? String(code);
  return stage === "Panic" ? "Panic" : undefined;
}

export function userOf(user: Members): { readonly name: string | undefined; readonly type: string | undefined } {
  const name = textOf(user.username);
  if (name === undefined) return { name, type: undefined };
  if (name === "system:anonymous") return { name, type: "Anonymous" };
  if (name.startsWith("system:serviceaccount:")) return { name, type: "ServiceAccount" };
  if (name.startsWith("system:node:")) return { name, type: "Node" };
  return { name, type: "User" };
}

/** Which token or certificate it was; not the token itself. */
function credentialOf(user: Members): string | undefined {
  return textOf(itemsOf(membersOf(user.extra)["authentication.kubernetes.io/credential-id"])[0]);
}

export function labelsOf(event: AuditEvent, cluster: string, more: Labels = {}): Labels {
  const isPod = event.resource === "pods";
  const named: Partial<Record<LabelName, string | undefined>> = {
    cluster: cluster === "" ? undefined : cluster,
    namespace: event.namespace,
    pod: isPod ? event.name : undefined,
    user: textOf(event.user.username),
    "source.ip": event.sourceIps[0],
    operation: event.subresource === undefined ? event.verb : `${event.verb} ${event.subresource}`,
    outcome:
      event.code === undefined && event.stage !== "Panic"
        ? undefined
        : errorOf(event) === undefined
          ? "success"
          : "failure",
    session: event.auditId,
    application: event.userAgent,
  };
  return {
    ...(Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined)) as Labels),
    ...more,
  };
}

/**
 * The event's text without what is secret in it: in commands, in the contents of Secrets and of tokens that a policy of level
 * Request or above puts there, and under names that say secret. All else is as it came.
 */
export function textWithoutSecrets(text: string, event: AuditEvent): string {
  const isSecret = event.resource === "secrets";
  return rewriteStrings(text, (value, path) => {
    const name = path.at(-1)!;
    if (name === "requestURI" && path.length === 2) return uriWithoutSecrets(value);
    const body = path[1];
    if (body !== "requestObject" && body !== "responseObject") return undefined;
    // The annotation repeats the whole object that was applied, as JSON in a string.
    if (name === "kubectl.kubernetes.io/last-applied-configuration" && isSecret) return removed;
    if (isSecret && path.some((member) => member === "data" || member === "stringData")) return removed;
    if (event.subresource === "token" || event.resource === "tokenreviews")
      return name === "token" ? removed : undefined;
    return isSecretName(name) ? removed : undefined;
  });
}
