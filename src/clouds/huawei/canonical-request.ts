// The text that Huawei's SDK-HMAC-SHA256 signature covers, and the signature itself. One implementation, used by the
// verifier and the signer. Pure; knows neither keys' owners nor the time. Spec: Huawei API Gateway "AK/SK signing and
// authentication algorithm". There is no key derivation and no credential scope.
import { createHmac, hash } from "node:crypto";
import { parseQuery, percentEncode, type QueryParameter } from "./query-string.ts";

export const algorithm = "SDK-HMAC-SHA256";
export const emptyBodyHash = hash("sha256", "", "hex");

export interface CanonicalParts {
  readonly method: string;
  readonly uri: string;
  readonly query: string;
  /** "name:value", one for each signed header, in the order of `signedHeaders`. */
  readonly headers: readonly string[];
  /** Names joined with ";", exactly as the request spells them. */
  readonly signedHeaders: string;
  /** Hex SHA-256 of the body, or what X-Sdk-Content-Sha256 says instead. */
  readonly bodyHash: string;
}

export function canonicalRequest(parts: CanonicalParts): string {
  const headers = parts.headers.map((line) => `${line}\n`).join("");
  return [parts.method, parts.uri, parts.query, headers, parts.signedHeaders, parts.bodyHash].join("\n");
}

/** A path with each segment in the spelling of RFC 3986, and always with a slash at its end, which is not on the wire. */
export function canonicalUri(path: string): string {
  const uri = respelled(path);
  return uri.endsWith("/") ? uri : `${uri}/`;
}

function respelled(path: string): string {
  try {
    return path
      .split("/")
      .map((segment) => percentEncode(decodeURIComponent(segment)))
      .join("/");
  } catch {
    return path; // Not percent-encoded UTF-8: only its literal form can have been signed.
  }
}

/**
 * The canonical forms clients give one raw query, the usual first, without repetition; each is made only when asked for.
 * They differ in what a raw "+" was read as, and in whether names and values are sorted raw or encoded.
 * @throws TaishiError invalid-parameter as parseQuery
 */
export function* canonicalQueries(query: string): Generator<string> {
  const made = new Set<string>();
  for (const plus of query.includes("+") ? (["+", " "] as const) : (["+"] as const)) {
    const pairs = parseQuery(query, plus);
    for (const form of [sortedRaw(pairs), sortedEncoded(pairs)]) {
      if (made.has(form)) continue;
      made.add(form);
      yield form;
    }
  }
}

/** The form the stock SDKs sign, and ours. */
export function canonicalQuery(query: string): string {
  return sortedRaw(parseQuery(query));
}

function sortedRaw(pairs: readonly QueryParameter[]): string {
  return joined(pairs.toSorted((a, b) => order(a.name, b.name) || order(a.value, b.value)).map(encoded));
}

function sortedEncoded(pairs: readonly QueryParameter[]): string {
  return joined(pairs.map(encoded).toSorted((a, b) => order(a.name, b.name) || order(a.value, b.value)));
}

function encoded({ name, value }: QueryParameter): QueryParameter {
  return { name: percentEncode(name), value: percentEncode(value) };
}

function joined(pairs: readonly QueryParameter[]): string {
  return pairs.map(({ name, value }) => `${name}=${value}`).join("&");
}

/** The 32 bytes of the signature over a canonical request. `date` is X-Sdk-Date, yyyymmddThhmmssZ. */
export function computeSignature(secretKey: string, date: string, canonical: string): Buffer {
  const text = `${algorithm}\n${date}\n${hash("sha256", canonical, "hex")}`;
  return createHmac("sha256", secretKey).update(text, "utf8").digest();
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
