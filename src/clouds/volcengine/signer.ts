// Signs a request in header form, for our own command line, bench and tests. Same canonical form as the verifier.
// Never keeps or logs the secret.
import { hash } from "node:crypto";
import {
  algorithm,
  canonicalQuery,
  canonicalRequest,
  canonicalUri,
  computeSignature,
  scopeText,
  signingKey,
} from "./canonical-request.ts";
import { parseTarget } from "./query-string.ts";

export interface SigningKey {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly region: string;
  readonly service: string;
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
 * The headers to send: those given, with x-date, x-content-sha256 and authorization.
 * @param now milliseconds since the epoch
 */
export function signRequest(request: SignableRequest, key: SigningKey, now: number): Record<string, string> {
  const date = `${new Date(now).toISOString().slice(0, 19).replaceAll(/[-:]/g, "")}Z`;
  const bodyHash = hash("sha256", request.body, "hex");
  const headers: Record<string, string> = { ...request.headers, "x-content-sha256": bodyHash, "x-date": date };
  const names = Object.keys(headers).sort();
  const { path, query } = parseTarget(request.target);
  const scope = { date: date.slice(0, 8), region: key.region, service: key.service };
  const signedHeaders = names.join(";");
  const canonical = canonicalRequest({
    method: request.method,
    uri: canonicalUri(path),
    query: canonicalQuery(query),
    headers: names.map((name) => `${name}:${(headers[name] ?? "").trim()}`),
    signedHeaders,
    bodyHash,
  });
  const signature = computeSignature(signingKey(key.secretKey, scope), date, scope, canonical).toString("hex");
  headers.authorization = `${algorithm} Credential=${key.accessKey}/${scopeText(scope)}, SignedHeaders=${signedHeaders}, Signature=${signature}`;
  return headers;
}
