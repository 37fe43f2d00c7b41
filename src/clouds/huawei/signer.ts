// Signs a request with SDK-HMAC-SHA256, for our own bench and tests. Same canonical form as the verifier.
// Never keeps or logs the secret.
import { hash } from "node:crypto";
import { algorithm, canonicalQuery, canonicalRequest, canonicalUri, computeSignature } from "./canonical-request.ts";
import { sdkDate } from "./credential.ts";
import { splitTarget } from "./query-string.ts";

export interface SigningKey {
  readonly accessKey: string;
  readonly secretKey: string;
}

export interface SignableRequest {
  readonly method: string;
  /** Path and query as they will stand on the request line. */
  readonly target: string;
  /** Lower-case names; all of them are signed, so leave out what a proxy may change. `host` should be among them. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | string;
}

/**
 * The headers to send: those given, with x-sdk-date and authorization. A body hash is sent only where it was given as
 * x-sdk-content-sha256, which then stands for the body as the cloud's SDKs have it.
 * @param now milliseconds since the epoch
 */
export function signRequest(request: SignableRequest, key: SigningKey, now: number): Record<string, string> {
  const date = sdkDate(now);
  const headers: Record<string, string> = { ...request.headers, "x-sdk-date": date };
  const names = Object.keys(headers).sort();
  const { path, query } = splitTarget(request.target);
  const signedHeaders = names.join(";");
  const canonical = canonicalRequest({
    method: request.method,
    uri: canonicalUri(path),
    query: canonicalQuery(query),
    headers: names.map((name) => `${name}:${(headers[name] ?? "").trim()}`),
    signedHeaders,
    bodyHash: headers["x-sdk-content-sha256"] ?? hash("sha256", request.body, "hex"),
  });
  const signature = computeSignature(key.secretKey, date, canonical).toString("hex");
  headers.authorization = `${algorithm} Access=${key.accessKey}, SignedHeaders=${signedHeaders}, Signature=${signature}`;
  return headers;
}
