// What a signed request says about its signer, read from its head alone: the Authorization header, or the query of a
// presigned GET. Everything that can be refused without the body is refused here, before a large body is read.
// Never looks at the signature's value. Specs: Volcengine docs 6369/67269 and 67270, and DECISIONS "Ark" for presigned GET.
import { TaishiError } from "../../errors.ts";
import { parseRfc3339 } from "../../event/time.ts";
import type { Request } from "../../exchange.ts";
import type { Keyring } from "../../identity/caller.ts";
import { algorithm, type Scope } from "./canonical-request.ts";
import { parseTarget, type QueryParameter } from "./query-string.ts";

/** What is known of a request before its body is read. */
export type RequestHead = Pick<Request, "method" | "target" | "headers">;

export interface Credential {
  readonly form: "header" | "presigned";
  readonly accessKey: string;
  readonly scope: Scope;
  /** X-Date as sent: yyyymmddThhmmssZ. */
  readonly date: string;
  /** As sent: names joined with ";", or "" (presigned only). */
  readonly signedHeaders: string;
  /** 64 lower-case hex digits. */
  readonly signature: string;
  /** Names of X-SignedQueries, presigned only. */
  readonly signedQueries: readonly string[];
  /** Seconds the signature lasts after its date. */
  readonly lifetime: number;
  readonly sessionToken: string | undefined;
}

/** Seconds a clock may differ from ours, either way; also how long a signature lasts unless it says otherwise. */
export const allowedSkew = 900;
const longestLifetime = 7 * 24 * 3600;
/** More signed headers than any SDK sends; bounds the work of one verification. */
const mostSignedHeaders = 64;

// Lower-case only: one spelling per signature, so that no altered request is accepted.
const authorizationForm =
  /^HMAC-SHA256[ \t]+Credential=([^,\s]+)[ \t]*,[ \t]*SignedHeaders=([^,\s]+)[ \t]*,[ \t]*Signature=([0-9a-f]{64})$/;
const presignable = /^(?:Describe|Get|List|Lookup)/;

/** A header's value; never a member that an object merely inherits. */
export function header(head: Pick<RequestHead, "headers">, name: string): string | undefined {
  return Object.hasOwn(head.headers, name) ? head.headers[name] : undefined;
}

/** Whether a request carries a Volcengine signature, in its header or in its query, however malformed. */
export function isSigned(head: RequestHead): boolean {
  const authorization = header(head, "authorization");
  if (authorization !== undefined) return authorization.trimStart().startsWith(algorithm);
  return isPresigned(parseTarget(head.target).query);
}

function isPresigned(query: readonly QueryParameter[]): boolean {
  return query.some(({ name }) => name === "X-Signature" || name === "X-Algorithm");
}

/**
 * Parses the credential and checks everything but the signature: form, date, presigning rules, and that the key is known.
 * @param now milliseconds since the epoch
 * @throws TaishiError missing-credentials | malformed-authorization | malformed-credential | missing-date |
 *   stale-signature | unsupported-session-token | unknown-key | invalid-parameter (X-Expires)
 */
export function readCredential(head: RequestHead, keyring: Keyring, now: number): Credential {
  const credential = parseCredential(head);
  checkDate(credential, now);
  // Temporary keys are never in the keyring, so this must come before the key is looked up.
  if (credential.sessionToken !== undefined) throw new TaishiError("unsupported-session-token");
  if (keyring.byAccessKey(credential.accessKey) === undefined) throw unknownKey(credential.accessKey);
  return credential;
}

export function unknownKey(accessKey: string): TaishiError {
  return new TaishiError("unknown-key", undefined, { subject: accessKey });
}

/**
 * The credential as written, with neither dates nor keys looked at.
 * @throws TaishiError as readCredential, for what is wrong in form
 */
export function parseCredential(head: RequestHead): Credential {
  const authorization = header(head, "authorization");
  return authorization === undefined ? parsePresigned(head) : parseHeader(head, authorization);
}

function parseHeader(head: RequestHead, authorization: string): Credential {
  const match = authorizationForm.exec(authorization.trim());
  if (match === null) throw new TaishiError("malformed-authorization");
  const [, credential = "", signedHeaders = "", signature = ""] = match;
  const { accessKey, scope } = parseScope(credential);
  checkSignedHeaders(signedHeaders);
  if (!signedHeaders.toLowerCase().split(";").includes("x-date"))
    throw new TaishiError("malformed-authorization", "SignedHeaders must name x-date.");
  return {
    form: "header",
    accessKey,
    scope,
    date: readDate(header(head, "x-date"), scope),
    signedHeaders,
    signature,
    signedQueries: [],
    lifetime: allowedSkew,
    sessionToken: header(head, "x-security-token") || undefined,
  };
}

function parsePresigned(head: RequestHead): Credential {
  const { query } = parseTarget(head.target);
  if (!isPresigned(query)) throw new TaishiError("missing-credentials");
  // The body of a presigned request is not signed, so one that may have a body cannot be presigned.
  if (head.method !== "GET")
    throw new TaishiError("missing-credentials", "Only GET requests can be presigned; sign others in a header.");
  const once = singles(query);
  if (!presignable.test(once.get("Action") ?? ""))
    throw new TaishiError("missing-credentials", "Only Describe, Get, List and Lookup actions can be presigned.");
  if (once.get("X-Algorithm") !== algorithm)
    throw new TaishiError("malformed-authorization", `X-Algorithm must be ${algorithm}.`);
  const signature = once.get("X-Signature") ?? "";
  if (!/^[0-9a-f]{64}$/.test(signature))
    throw new TaishiError("malformed-authorization", "X-Signature must be 64 lower-case hexadecimal digits.");
  const { accessKey, scope } = parseScope(once.get("X-Credential") ?? "");
  const signedHeaders = once.get("X-SignedHeaders") ?? "";
  if (signedHeaders !== "") checkSignedHeaders(signedHeaders);
  const signedQueries = (once.get("X-SignedQueries") ?? "").split(";");
  const listed = new Set([...signedQueries, "X-Signature", "X-SignedQueries", "X-Security-Token"]);
  // What is not listed is not signed, and could have been added by anyone.
  if (query.some(({ name }) => !listed.has(name)))
    throw new TaishiError("signature-mismatch", "X-SignedQueries must name every parameter.");
  return {
    form: "presigned",
    accessKey,
    scope,
    date: readDate(once.get("X-Date"), scope),
    signedHeaders,
    signature,
    signedQueries,
    lifetime: readLifetime(once.get("X-Expires")),
    sessionToken: once.get("X-Security-Token") || undefined,
  };
}

/** Action, Version and X-* of a presigned query, each of which may occur only once. */
function singles(query: readonly QueryParameter[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const { name, value } of query) {
    if (name !== "Action" && name !== "Version" && !name.startsWith("X-")) continue;
    if (found.has(name)) throw new TaishiError("malformed-authorization", `${name} may occur only once.`);
    found.set(name, value);
  }
  return found;
}

function parseScope(credential: string): { accessKey: string; scope: Scope } {
  const [accessKey = "", date = "", region = "", service = "", terminator = "", ...rest] = credential.split("/");
  if (accessKey === "" || !/^\d{8}$/.test(date) || region === "" || service === "")
    throw new TaishiError("malformed-credential");
  if (terminator !== "request" || rest.length > 0) throw new TaishiError("malformed-credential");
  return { accessKey, scope: { date, region, service } };
}

function checkSignedHeaders(signedHeaders: string): void {
  const names = signedHeaders.split(";");
  if (names.length > mostSignedHeaders || names.includes(""))
    throw new TaishiError("malformed-authorization", "SignedHeaders cannot be read.");
}

function readDate(date: string | undefined, scope: Scope): string {
  if (date === undefined || date === "") throw new TaishiError("missing-date");
  const text = date.trim();
  if (instantOf(text) === undefined) throw new TaishiError("stale-signature", "X-Date must be yyyymmddThhmmssZ.");
  if (text.slice(0, 8) !== scope.date)
    throw new TaishiError("malformed-credential", "The credential's date is not that of X-Date.");
  return text;
}

function readLifetime(expires: string | undefined): number {
  if (expires === undefined) return allowedSkew;
  const seconds = /^\d{1,7}$/.test(expires) ? Number(expires) : 0;
  if (seconds < 1 || seconds > longestLifetime)
    throw new TaishiError("invalid-parameter", `It must be a number of seconds from 1 to ${longestLifetime}.`, {
      field: "X-Expires",
    });
  return seconds;
}

function checkDate(credential: Credential, now: number): void {
  const signed = instantOf(credential.date) ?? Number.NaN;
  // Written so that NaN is refused.
  if (!(now <= signed + credential.lifetime * 1000 && signed <= now + allowedSkew * 1000))
    throw new TaishiError("stale-signature");
}

function instantOf(date: string): number | undefined {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date);
  if (match === null) return undefined;
  const [, y, mo, d, h, mi, s] = match;
  return parseRfc3339(`${y}-${mo}-${d}T${h}:${mi}:${s}Z`);
}
