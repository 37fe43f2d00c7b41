// From Fastify's request to the plain data of exchange.ts: the target and headers exactly as they were sent, the address
// and hosts as far as the peers on the way are trusted. Believes X-Forwarded-* only where Fastify's trustProxy does.
import type { FastifyRequest } from "fastify";
import type { Request } from "../exchange.ts";

/** Path and query as on the request line. */
export function targetOf(request: FastifyRequest): string {
  return request.raw.url ?? "/";
}

/** The target without its query. */
export function pathOf(target: string): string {
  const query = target.indexOf("?");
  return query === -1 ? target : target.slice(0, query);
}

/** The query part, "" where there is none. */
export function queryOf(target: string): string {
  const query = target.indexOf("?");
  return query === -1 ? "" : target.slice(query + 1);
}

export function headersOf(request: FastifyRequest): Request["headers"] {
  const headers: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(request.raw.headers))
    headers[name] = Array.isArray(value) ? value.join(", ") : value;
  return headers;
}

export function wireRequest(request: FastifyRequest, body: Uint8Array): Request {
  const hosts = new Set([request.raw.headers.host ?? "", request.host]);
  hosts.delete("");
  return {
    method: request.method,
    target: targetOf(request),
    headers: headersOf(request),
    body,
    address: request.ip,
    hosts: [...hosts],
  };
}
