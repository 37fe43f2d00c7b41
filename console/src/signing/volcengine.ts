// Volcengine's HMAC-SHA256 signature in header form, made in the browser. The secret is an argument and nothing keeps it.
// Spec: Volcengine "signature method" (docs 6369/67269).
import { hex, hmacSha256, sha256Hex } from "./digest.ts";
import { basicDate, canonicalPath, canonicalQuery, type Signable, splitTarget } from "./request.ts";

export interface VolcengineKey {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly region: string;
  readonly service: string;
}

/**
 * The headers to send: those given, with x-date, x-content-sha256 and authorization.
 * @param now milliseconds since the epoch
 */
export async function signVolcengine(
  request: Signable,
  key: VolcengineKey,
  now: number,
): Promise<Record<string, string>> {
  const headers: Record<string, string> = {
    ...request.headers,
    "x-content-sha256": await sha256Hex(request.body),
    "x-date": basicDate(now),
  };
  const signedHeaders = Object.keys(headers).sort().join(";");
  const signature = await volcengineSignature({ ...request, headers }, key, signedHeaders);
  const scope = `${headers["x-date"]?.slice(0, 8)}/${key.region}/${key.service}/request`;
  headers.authorization = `HMAC-SHA256 Credential=${key.accessKey}/${scope}, SignedHeaders=${signedHeaders}, Signature=${signature}`;
  return headers;
}

/**
 * The 64 hexadecimal digits over a request that has its x-date.
 * @param signedHeaders names joined with ";", in the order they are signed in
 */
export async function volcengineSignature(
  { method, target, headers, body }: Signable,
  { secretKey, region, service }: VolcengineKey,
  signedHeaders: string,
): Promise<string> {
  const date = headers["x-date"] ?? "";
  const day = date.slice(0, 8);
  const { path, query } = splitTarget(target);
  const lines = signedHeaders.split(";").map((name) => `${name}:${(headers[name] ?? "").trim()}`);
  const canonical = [
    method,
    canonicalPath(path),
    canonicalQuery(query),
    `${lines.join("\n")}\n`,
    signedHeaders,
    await sha256Hex(body),
  ].join("\n");
  const text = `HMAC-SHA256\n${date}\n${day}/${region}/${service}/request\n${await sha256Hex(canonical)}`;
  let signing = await hmacSha256(secretKey, day);
  for (const part of [region, service, "request"]) signing = await hmacSha256(signing, part);
  return hex(await hmacSha256(signing, text));
}
