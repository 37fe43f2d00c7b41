// What a trail event is found by and shown as: its id where none was given, its detail assembled from an object, and the
// terms of CloudTrail's lookup. Pure.
import { hash } from "node:crypto";
import type { TaishiError } from "../errors.ts";
import { maxDepth } from "./canonical.ts";
import type { TrailEvent } from "./event.ts";
import { formatSeconds } from "./time.ts";

/** CloudTrail's LookupConditionKeys: the union of what its page and its SDKs list. */
export const lookupKeys = [
  "EventID",
  "RequestID",
  "EventSource",
  "EventName",
  "ApiVersion",
  "ReadOnly",
  "IdentityType",
  "IdentityName",
  "AccessKeyID",
  "Region",
  "ResourceType",
  "ResourceID",
  "ErrorCode",
  "ExtraIndex",
] as const;
export type LookupKey = (typeof lookupKeys)[number];

/** What an event can be looked up by: a key and its exact value in one text. */
export function term(key: LookupKey, value: string): string {
  return `${key}\u0001${value}`;
}

/** Every term of an event. A derived EventID is none: its number is in it (seqOfEventId). */
export function trailTerms(event: TrailEvent): readonly string[] {
  const terms: string[] = [];
  const add = (key: LookupKey, value: string | undefined): void => {
    if (value !== undefined && value !== "") terms.push(term(key, value));
  };
  add("EventID", event.eventId);
  add("RequestID", event.requestId);
  add("EventSource", event.source);
  add("EventName", event.type);
  add("ApiVersion", event.apiVersion);
  add("ReadOnly", event.readOnly === undefined ? undefined : String(event.readOnly));
  add("IdentityType", event.identityType);
  add("IdentityName", event.userName);
  add("AccessKeyID", event.accessKeyId);
  add("Region", event.region);
  add("ErrorCode", event.errorCode);
  add("ExtraIndex", event.extraIndex);
  for (const type of new Set(event.resources?.map((resource) => resource.type))) add("ResourceType", type);
  for (const id of new Set(event.resources?.map((resource) => resource.id))) add("ResourceID", id);
  return terms;
}

/**
 * The EventID of an entry that was given none, in UUID form (version 8): 8 digits of the origin's hash, the entry's number
 * in the last 12 and 3 of the others. It can be turned back into the number, so it needs no index.
 */
export function derivedEventId(origin: string, seq: number): string {
  const mark = hash("sha256", origin, "hex");
  const number = seq.toString(16).padStart(15, "0");
  return `${mark.slice(0, 8)}-${mark.slice(8, 12)}-8${number.slice(0, 3)}-8${mark.slice(12, 15)}-${number.slice(3)}`;
}

/** The number of the entry that has this derived EventID in the log of this origin, or undefined where it is none of it. */
export function seqOfEventId(origin: string, eventId: string): number | undefined {
  const match = /^[0-9a-f]{8}-[0-9a-f]{4}-8([0-9a-f]{3})-8[0-9a-f]{3}-([0-9a-f]{12})$/.exec(eventId);
  if (match === null) return undefined;
  const seq = Number.parseInt(match[1]! + match[2]!, 16);
  return Number.isSafeInteger(seq) && derivedEventId(origin, seq) === eventId ? seq : undefined;
}

type DetailObject = Readonly<Record<string, unknown>>;

/** What of a trail event its detail repeats, by CloudTrail's names. */
export interface DetailFacts {
  readonly eventId: string | undefined;
  readonly requestId: string | undefined;
  readonly time: number;
  readonly source: string;
  readonly name: string;
  readonly region: string | undefined;
  readonly sourceIp: string | undefined;
}

/**
 * A detail object as the text that is kept: members in the order received, those missing filled from the outer fields.
 * @param refuse makes the refusal for a member
 * @throws TaishiError where a member disagrees with the outer field, or holds what JSON text could not say exactly
 */
export function assembleDetail(
  detail: DetailObject,
  facts: DetailFacts,
  refuse: (member: string, why: string) => TaishiError,
): string {
  checkFreeForm(detail, refuse);
  const outer: Readonly<Record<string, string | undefined>> = {
    EventID: facts.eventId,
    RequestID: facts.requestId,
    EventTime: formatSeconds(facts.time),
    EventSource: facts.source,
    EventName: facts.name,
    Region: facts.region,
    SourceIPAddress: facts.sourceIp,
  };
  const filled: Record<string, unknown> = { ...detail };
  for (const [member, value] of Object.entries(outer)) {
    if (value === undefined) continue;
    const given = detail[member];
    if (given === undefined || given === null || given === "") filled[member] = value;
    else if (given !== value && !(member === "EventTime" && sameSecond(given, facts.time)))
      throw refuse(member, `disagrees with the event's own field, which is ${value}`);
  }
  return JSON.stringify(filled);
}

/** The detail to show: a derived EventID is put first into one that was assembled without. */
export function shownDetail(event: TrailEvent, eventId: string): string {
  const { detail = "", assembled } = event;
  if (assembled !== true || event.eventId !== undefined || !detail.startsWith("{")) return detail;
  const rest = detail.slice(1);
  return `{"EventID":${JSON.stringify(eventId)}${rest === "}" ? "" : ","}${rest}`;
}

function sameSecond(given: unknown, time: number): boolean {
  return typeof given === "string" && Math.floor(Date.parse(given) / 1000) === Math.floor(time / 1000);
}

/** Refuses nesting beyond 64 and integers beyond 2^53, without recursion. */
function checkFreeForm(value: unknown, refuse: (member: string, why: string) => TaishiError): void {
  const open: { value: unknown; depth: number; member: string }[] = [{ value, depth: 1, member: "" }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value: found, depth, member } = next;
    if (
      typeof found === "number" &&
      (!Number.isFinite(found) || (Number.isInteger(found) && !Number.isSafeInteger(found)))
    )
      throw refuse(member, "is an integer beyond 2^53, which JSON text does not carry exactly; give it as a string");
    if (typeof found !== "object" || found === null) continue;
    if (depth > maxDepth) throw refuse(member, `is nested deeper than ${maxDepth}`);
    for (const [key, item] of Object.entries(found))
      open.push({ value: item, depth: depth + 1, member: member === "" ? key : member });
  }
}
