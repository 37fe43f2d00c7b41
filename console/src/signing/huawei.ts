// Huawei's SDK-HMAC-SHA256 signature, made in the browser. The secret is an argument and nothing keeps it.
// Spec: Huawei API Gateway "AK/SK signing and authentication algorithm". There is no key derivation and no scope.
import { hex, hmacSha256, sha256Hex } from "./digest.ts";
import { basicDate, canonicalPath, canonicalQuery, type Signable, splitTarget } from "./request.ts";

export interface HuaweiKey {
  readonly accessKey: string;
  readonly secretKey: string;
}

/**
 * The headers to send: those given, with x-sdk-date and authorization.
 * @param now milliseconds since the epoch
 */
export async function signHuawei(request: Signable, key: HuaweiKey, now: number): Promise<Record<string, string>> {
  const headers: Record<string, string> = { ...request.headers, "x-sdk-date": basicDate(now) };
  const signedHeaders = Object.keys(headers).sort().join(";");
  const signature = await huaweiSignature({ ...request, headers }, key.secretKey, signedHeaders);
  headers.authorization = `SDK-HMAC-SHA256 Access=${key.accessKey}, SignedHeaders=${signedHeaders}, Signature=${signature}`;
  return headers;
}

/**
 * The 64 hexadecimal digits over a request that has its x-sdk-date.
 * @param signedHeaders names joined with ";", in the order they are signed in
 */
export async function huaweiSignature(
  { method, target, headers, body }: Signable,
  secretKey: string,
  signedHeaders: string,
): Promise<string> {
  const { path, query } = splitTarget(target);
  const uri = canonicalPath(path);
  const canonical = [
    method,
    // Always with a slash at its end, which is not on the wire.
    uri.endsWith("/") ? uri : `${uri}/`,
    canonicalQuery(query),
    signedHeaders
      .split(";")
      .map((name) => `${name}:${(headers[name] ?? "").trim()}\n`)
      .join(""),
    signedHeaders,
    // What X-Sdk-Content-Sha256 says stands for the body where it is sent.
    headers["x-sdk-content-sha256"] ?? (await sha256Hex(body)),
  ].join("\n");
  const text = `SDK-HMAC-SHA256\n${headers["x-sdk-date"]}\n${await sha256Hex(canonical)}`;
  return hex(await hmacSha256(secretKey, text));
}
