// The console's cookie, and what a browser must show beside it. The cookie opens nothing from another site: it is SameSite=Strict
// and HttpOnly; whoever wants to change something with it must be a page of this very origin and say a header that no form can
// send; and even a read is refused where the browser says that another origin asked for it. RFC 6265bis, Fetch Metadata.
import type { FastifyRequest } from "fastify";
import { TaishiError } from "../errors.ts";
import type { Request } from "../exchange.ts";
import { headersOf, wireRequest } from "./wire-request.ts";

/** Under TLS with the prefix that ties it to this host; a subdomain cannot plant one. */
const name = { plain: "taishi_session", secure: "__Host-taishi_session" } as const;

/** The header, of value 1, that every unsafe request of the console carries. */
export const consoleHeader = "x-taishi-console";

function isSecure(request: FastifyRequest): boolean {
  return request.protocol === "https";
}

/** The secret of the request's cookie, or undefined where it has none. */
export function sessionSecretOf(request: FastifyRequest): string | undefined {
  const wanted = isSecure(request) ? name.secure : name.plain;
  for (const pair of (request.raw.headers.cookie ?? "").split(";")) {
    const at = pair.indexOf("=");
    if (at !== -1 && pair.slice(0, at).trim() === wanted) return pair.slice(at + 1).trim();
  }
  return undefined;
}

/** Set-Cookie of a new session. Without an age: it ends with the browser, if the session does not before. */
export function setCookie(request: FastifyRequest, secret: string): string {
  const attributes = "Path=/; HttpOnly; SameSite=Strict";
  return isSecure(request)
    ? `${name.secure}=${secret}; ${attributes}; Secure`
    : `${name.plain}=${secret}; ${attributes}`;
}

/** Set-Cookie that takes it away. */
export function clearCookie(request: FastifyRequest): string {
  return `${setCookie(request, "")}; Max-Age=0`;
}

/**
 * Refuses what another origin may have caused.
 * @param safe whether the request changes nothing
 * @throws TaishiError forbidden, naming the header
 */
export function requireSameOrigin(request: FastifyRequest, safe: boolean): void {
  const headers = headersOf(request);
  const site = headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin" && !(safe && site === "none"))
    throw refuse("Sec-Fetch-Site", "must be same-origin: another site asked for this");
  const { origin } = headers;
  if (origin !== undefined && !isOwn(origin, wireRequest(request, new Uint8Array()).hosts))
    throw refuse("Origin", "must be the service's own");
  if (safe) return;
  if (site === undefined && origin === undefined)
    throw refuse("Origin", "or Sec-Fetch-Site must show that a page of this origin asks");
  if (headers[consoleHeader] !== "1") throw refuse(consoleHeader, "must be 1");
}

function isOwn(origin: string, hosts: Request["hosts"]): boolean {
  const asked = URL.parse(origin);
  if (asked === null || !/^https?:$/.test(asked.protocol)) return false;
  // By URL's rules, so that a default port may be said or not.
  return hosts.some((host) => URL.parse(`${asked.protocol}//${host}`)?.host === asked.host);
}

function refuse(field: string, why: string): TaishiError {
  return new TaishiError("forbidden", `${field}: ${why}`, { field });
}
