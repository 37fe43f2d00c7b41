// What a request says about who sends it, read from its head alone, so that what can be refused is refused before a large
// body is read: which of the three kinds of credentials it carries, and of a signature its form, date and key.
// Never looks at the signature's value, and never takes a second kind where the first fails.
// Spec: Huawei API Gateway "AK/SK signing and authentication algorithm".
import { TaishiError } from "../../errors.ts";
import { parseRfc3339 } from "../../event/time.ts";
import type { Request } from "../../exchange.ts";
import type { Keyring } from "../../identity/caller.ts";
import { algorithm } from "./canonical-request.ts";

/** What is known of a request before its body is read. */
export type RequestHead = Pick<Request, "method" | "target" | "headers"> & { readonly address?: string };

export interface Credential {
  readonly accessKey: string;
  /** X-Sdk-Date as sent: yyyymmddThhmmssZ. */
  readonly date: string;
  /** As sent: names joined with ";". */
  readonly signedHeaders: string;
  /** 64 lower-case hex digits. */
  readonly signature: string;
}

/** The kind of credentials a request carries; one kind decides, whatever else it carries. */
export type Claim =
  | { readonly kind: "signature"; readonly authorization: string }
  | { readonly kind: "bearer"; readonly token: string }
  | { readonly kind: "user-token"; readonly token: string };

/** Seconds a clock may differ from ours, either way. */
export const allowedSkew = 900;
/** More signed headers than any SDK sends; bounds the work of one verification. */
const mostSignedHeaders = 64;

// Lower-case only: one spelling per signature, so that no altered request is accepted.
const authorizationForm =
  /^SDK-HMAC-SHA256[ \t]+Access=([^,\s]+)[ \t]*,[ \t]*SignedHeaders=([^,\s]+)[ \t]*,[ \t]*Signature=([0-9a-f]{64})$/;
/** All the algorithms that Huawei's SDKs have; only the first is offered here. */
const knownAlgorithms = [algorithm, "V11-HMAC-SHA256", "SDK-HMAC-SM3", "SDK-ECDSA-P256-SHA256", "SDK-SM2-SM3"];

/** A header's value; never a member that an object merely inherits. */
export function header(head: Pick<RequestHead, "headers">, name: string): string | undefined {
  return Object.hasOwn(head.headers, name) ? head.headers[name] : undefined;
}

/**
 * Which credentials decide. An Authorization header of a scheme that is none of Huawei's nor ours leaves it to X-Auth-Token,
 * because proxies and curl add such headers.
 * @throws TaishiError missing-credentials | malformed-authorization
 */
export function readClaim(head: RequestHead): Claim {
  const authorization = header(head, "authorization")?.trim() ?? "";
  const scheme = authorization.split(/[ \t,]/, 1)[0] ?? "";
  if (knownAlgorithms.includes(scheme.toUpperCase())) return { kind: "signature", authorization };
  if (scheme.toLowerCase() === "bearer") return { kind: "bearer", token: authorization.slice(scheme.length).trim() };
  const token = header(head, "x-auth-token")?.trim() ?? "";
  if (token !== "") return { kind: "user-token", token };
  if (authorization === "") throw new TaishiError("missing-credentials");
  throw malformed("the scheme of the Authorization header is not known");
}

/**
 * Parses the credential and checks everything but the signature: form, date, and that the key is known.
 * @param now milliseconds since the epoch
 * @throws TaishiError missing-credentials | malformed-authorization | missing-date | stale-signature |
 *   unsupported-session-token | unknown-key
 */
export function readCredential(head: RequestHead, keyring: Keyring, now: number): Credential {
  const credential = parseCredential(head);
  checkDate(credential.date, now);
  // Temporary keys are never in the keyring, so this must come before the key is looked up.
  if ((header(head, "x-security-token") ?? "") !== "") throw new TaishiError("unsupported-session-token");
  if (keyring.byAccessKey(credential.accessKey) === undefined) throw unknownKey(credential.accessKey);
  return credential;
}

export function unknownKey(accessKey: string): TaishiError {
  return new TaishiError("unknown-key", `ak ${accessKey} not exist`, { subject: accessKey });
}

/**
 * The credential as written, with neither date nor key looked at.
 * @throws TaishiError missing-credentials | malformed-authorization | missing-date | stale-signature (no date at all)
 */
export function parseCredential(head: RequestHead): Credential {
  const authorization = header(head, "authorization")?.trim();
  if (authorization === undefined || authorization === "") throw new TaishiError("missing-credentials");
  if (!authorization.startsWith(`${algorithm} `) && !authorization.startsWith(`${algorithm}\t`))
    throw malformed(`only the algorithm ${algorithm} is supported`);
  const match = authorizationForm.exec(authorization);
  if (match === null) throw malformed("authorization format is incorrect");
  const [, accessKey = "", signedHeaders = "", signature = ""] = match;
  const names = signedHeaders.toLowerCase().split(";");
  if (names.length > mostSignedHeaders || names.includes("")) throw malformed("SignedHeaders cannot be read");
  if (!names.includes("x-sdk-date")) throw malformed("SignedHeaders must name x-sdk-date");
  const date = header(head, "x-sdk-date")?.trim() ?? "";
  if (date === "") throw new TaishiError("missing-date");
  if (instantOf(date) === undefined) throw new TaishiError("stale-signature", "X-Sdk-Date must be yyyymmddThhmmssZ");
  return { accessKey, date, signedHeaders, signature };
}

/** The access key a request claims, for the records of failures; undefined where none can be read. */
export function claimedAccessKey(head: RequestHead): string | undefined {
  return /^[A-Z0-9-]+[ \t]+(?:Access|Credential)=([^,/\s]{1,128})/.exec(
    header(head, "authorization")?.trim() ?? "",
  )?.[1];
}

/** yyyymmddThhmmssZ, the form of X-Sdk-Date. */
export function sdkDate(now: number): string {
  return `${new Date(now).toISOString().slice(0, 19).replaceAll(/[-:]/g, "")}Z`;
}

function malformed(why: string): TaishiError {
  return new TaishiError("malformed-authorization", why);
}

function checkDate(date: string, now: number): void {
  const signed = instantOf(date) ?? Number.NaN;
  // Written so that NaN is refused.
  if (Math.abs(now - signed) <= allowedSkew * 1000) return;
  const server = Number.isFinite(now) ? `,server time:${sdkDate(now)}` : "";
  throw new TaishiError("stale-signature", `signature expired, signature time:${date}${server}`);
}

function instantOf(date: string): number | undefined {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date);
  if (match === null) return undefined;
  const [, y, mo, d, h, mi, s] = match;
  return parseRfc3339(`${y}-${mo}-${d}T${h}:${mi}:${s}Z`);
}
