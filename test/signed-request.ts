// Signs requests as Volcengine's signature method describes it (HMAC-SHA256 over method, path, query, host, body hash and
// date), for clients of tests and the bench. Written apart from the product's verifier and sharing nothing with it, so
// that each checks the other.
import { createHmac, hash } from "node:crypto";

export interface Signer {
  readonly accessKey: string;
  readonly secretKey: string;
  /** E.g. "ark". */
  readonly service: string;
  readonly region: string;
}

export interface Unsigned {
  readonly method: string;
  /** Host and port as in the Host header. */
  readonly host: string;
  /** Path and query as on the request line; the query already percent-encoded. */
  readonly target: string;
  readonly body: string | Uint8Array;
  /** Milliseconds since the epoch. */
  readonly time: number;
}

/** The headers to add to the request: X-Date, X-Content-Sha256, Authorization. Host must be sent as given. */
export function signatureHeaders(signer: Signer, request: Unsigned): Record<string, string> {
  const date = `${new Date(request.time).toISOString().slice(0, 19).replace(/[-:]/g, "")}Z`;
  const digest = hash("sha256", request.body);
  const [path = "/", query = ""] = request.target.split("?") as [string, string?];
  const headers = { host: request.host, "x-content-sha256": digest, "x-date": date };
  const names = Object.keys(headers).join(";");
  const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`);
  const canonical = [request.method, path, canonicalQuery(query), lines.join(""), names, digest].join("\n");
  const scope = `${date.slice(0, 8)}/${signer.region}/${signer.service}/request`;
  const toSign = ["HMAC-SHA256", date, scope, hash("sha256", canonical)].join("\n");
  const key = [date.slice(0, 8), signer.region, signer.service, "request"].reduce<string | Buffer>(
    (secret, part) => createHmac("sha256", secret).update(part).digest(),
    signer.secretKey,
  );
  const signature = createHmac("sha256", key).update(toSign).digest("hex");
  return {
    "x-date": date,
    "x-content-sha256": digest,
    authorization: `HMAC-SHA256 Credential=${signer.accessKey}/${scope}, SignedHeaders=${names}, Signature=${signature}`,
  };
}

function canonicalQuery(query: string): string {
  const encode = (text: string): string =>
    encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
  return [...new URLSearchParams(query)]
    .map(([name, value]) => ({ name, pair: `${encode(name)}=${encode(value)}` }))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
    .map(({ pair }) => pair)
    .join("&");
}
