// The text that Volcengine's HMAC-SHA256 signature covers, and the signature itself. One implementation, used by the
// verifier and the signer. Pure; knows neither keys' owners nor the time. Spec: Volcengine "signature method" (docs 6369/67269).
import { createHmac, hash } from "node:crypto";
import { percentEncode, type QueryParameter } from "./query-string.ts";

export const algorithm = "HMAC-SHA256";
export const emptyBodyHash = hash("sha256", "", "hex");

/** The part of a credential that follows the access key. */
export interface Scope {
  /** yyyymmdd */
  readonly date: string;
  readonly region: string;
  readonly service: string;
}

export interface CanonicalParts {
  readonly method: string;
  readonly uri: string;
  readonly query: string;
  /** "name:value", one for each signed header, in the order of `signedHeaders`. */
  readonly headers: readonly string[];
  /** Names joined with ";", exactly as the request spells them. */
  readonly signedHeaders: string;
  /** Hex SHA-256 of the body. */
  readonly bodyHash: string;
}

/** With no signed header the block of headers is one empty line, as some presigned requests have it. */
export function canonicalRequest(parts: CanonicalParts): string {
  const headers = `${parts.headers.join("\n")}\n`;
  return [parts.method, parts.uri, parts.query, headers, parts.signedHeaders, parts.bodyHash].join("\n");
}

/**
 * The canonical forms SDKs give one query, the usual first, without repetition; each is made only when asked for. They
 * differ in two ways: repeated names keep the request's order or are sorted by value, and names are compared raw or encoded.
 */
export function* canonicalQueries(query: readonly QueryParameter[]): Generator<string> {
  const items = query.map(({ name, value }) => ({
    name,
    encodedName: percentEncode(name),
    encodedValue: percentEncode(value),
  }));
  type Item = (typeof items)[number];
  const byName = (a: Item, b: Item): number => order(a.name, b.name);
  const byEncodedName = (a: Item, b: Item): number => order(a.encodedName, b.encodedName);
  const byValue = (a: Item, b: Item): number => order(a.encodedValue, b.encodedValue);
  const made = new Set<string>();
  for (const compare of [
    byName,
    (a: Item, b: Item) => byName(a, b) || byValue(a, b),
    byEncodedName,
    (a: Item, b: Item) => byEncodedName(a, b) || byValue(a, b),
  ]) {
    const pairs = items.toSorted(compare).map(({ encodedName, encodedValue }) => `${encodedName}=${encodedValue}`);
    const form = pairs.join("&");
    if (made.has(form)) continue;
    made.add(form);
    yield form;
  }
}

/** The form most SDKs sign, and ours. */
export function canonicalQuery(query: readonly QueryParameter[]): string {
  for (const form of canonicalQueries(query)) return form;
  return "";
}

/** A path with each segment in the spelling of RFC 3986, from one that may be spelled otherwise. */
export function canonicalUri(path: string): string {
  try {
    return path
      .split("/")
      .map((segment) => percentEncode(decodeURIComponent(segment)))
      .join("/");
  } catch {
    return path; // Not percent-encoded UTF-8: only its literal form can have been signed.
  }
}

/** The key that signs everything of one day, region and service. The secret is used as given, never decoded. */
export function signingKey(secretKey: string, scope: Scope): Buffer {
  return [scope.date, scope.region, scope.service, "request"].reduce<Buffer>(hmac, Buffer.from(secretKey, "utf8"));
}

/** The 32 bytes of the signature over a canonical request. `date` is X-Date, yyyymmddThhmmssZ. */
export function computeSignature(key: Buffer, date: string, scope: Scope, canonical: string): Buffer {
  return hmac(key, `${algorithm}\n${date}\n${scopeText(scope)}\n${hash("sha256", canonical, "hex")}`);
}

export function scopeText(scope: Scope): string {
  return `${scope.date}/${scope.region}/${scope.service}/request`;
}

export function unique(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)];
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text, "utf8").digest();
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
