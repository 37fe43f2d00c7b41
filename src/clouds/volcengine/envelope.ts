// The JSON envelope of every Volcengine OpenAPI answer, and its request ids. Knows no error codes and no action.
// Spec: Volcengine "response structure" (docs 6369/80336): Result on success or ResponseMetadata.Error on failure, never both.
import { randomBytes } from "node:crypto";
import type { Response } from "../../exchange.ts";

/** What an answer says about its request; what could not be read from the request stays out. */
export interface Metadata {
  readonly requestId: string;
  readonly action?: string | undefined;
  readonly version?: string | undefined;
  readonly service?: string | undefined;
  readonly region?: string | undefined;
}

export interface EnvelopeError {
  /** Only the gateway's own errors have a number. */
  readonly CodeN?: number;
  readonly Code: string;
  readonly Message: string;
}

const beijing = 8 * 3600 * 1000;

/**
 * 34 characters: yyyyMMddHHmmss in Beijing time and 20 random upper-case hexadecimal digits.
 * @param now milliseconds since the epoch
 */
export function newRequestId(now: number): string {
  const time = new Date(now + beijing).toISOString().slice(0, 19).replaceAll(/[-:T]/g, "");
  return time + randomBytes(10).toString("hex").toUpperCase();
}

export function successResponse(result: unknown, metadata: Metadata): Response {
  return jsonResponse(200, { ResponseMetadata: responseMetadata(metadata), Result: result }, {});
}

/** An error always stands in an envelope with an Error member: Go's SDK crashes on a failure without one. */
export function failureResponse(
  status: number,
  error: EnvelopeError,
  metadata: Metadata,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return jsonResponse(status, { ResponseMetadata: { ...responseMetadata(metadata), Error: error } }, headers);
}

function responseMetadata({ requestId, action, version, service, region }: Metadata): Record<string, string> {
  return {
    RequestId: requestId,
    ...(action !== undefined && { Action: action }),
    ...(version !== undefined && { Version: version }),
    ...(service !== undefined && { Service: service }),
    ...(region !== undefined && { Region: region }),
  };
}

function jsonResponse(status: number, body: unknown, headers: Readonly<Record<string, string>>): Response {
  return {
    status,
    headers: {
      "content-type": "application/json; charset=utf-8",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      ...headers,
    },
    body: JSON.stringify(body),
  };
}
