// What of Fastify's requests and refusals is told in our words.
import type { FastifyRequest } from "fastify";
import { asTaishiError, TaishiError } from "../errors.ts";
import { queryOf, targetOf } from "./wire-request.ts";

/** Fastify's own refusals in our words. */
export function fromFramework(thrown: unknown): TaishiError {
  const { code, statusCode } = (thrown ?? {}) as { code?: string; statusCode?: number };
  if (thrown instanceof TaishiError || statusCode === undefined || statusCode >= 500) return asTaishiError(thrown);
  if (statusCode === 415)
    return new TaishiError("unsupported-media-type", "the Content-Type cannot be read", { field: "Content-Type" });
  if (code === "FST_ERR_BAD_URL") return new TaishiError("not-found", "the path is not valid percent-encoding");
  if (statusCode === 404 || statusCode === 414) return new TaishiError("not-found");
  return new TaishiError("malformed-body", "the request cannot be read");
}

/** A person's browser at the root path. */
export function asksForNoAction(request: FastifyRequest): boolean {
  return request.method === "GET" && !new URLSearchParams(queryOf(targetOf(request))).has("Action");
}

export function wantsPage(request: FastifyRequest): boolean {
  return /(?:^|,)\s*text\/html\s*(?:[;,]|$)/i.test(request.headers.accept ?? "");
}

/** RFC 9112 §3.2.2: a server must take the absolute form of a target too. */
export function originForm(target: string): string {
  const authority = /^https?:\/\/[^/?#]*/i.exec(target)?.[0];
  if (authority === undefined) return target;
  const rest = target.slice(authority.length);
  return rest.startsWith("/") ? rest : `/${rest}`;
}

export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
