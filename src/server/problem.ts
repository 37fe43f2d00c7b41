// The own API's errors: RFC 9457 problem details. Owns their form and the headers that go with them; the codes are
// those of errors.ts and docs/errors.md. Says nothing about causes: those go to the log.
import { type Static, Type } from "typebox";
import { type ErrorCode, errorTable, type TaishiError } from "../errors.ts";
import type { Response } from "../exchange.ts";

const codes = Object.keys(errorTable) as ErrorCode[];

export const Problem = Type.Object(
  {
    type: Type.String({ description: "A stable reference to the kind of problem.", examples: ["/errors#forbidden"] }),
    title: Type.String({ description: "The kind of problem in words; the same for every occurrence." }),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    detail: Type.String({ description: "What is wrong with this request." }),
    code: Type.Union(
      codes.map((code) => Type.Literal(code)),
      { description: "The kind of problem for programs." },
    ),
    field: Type.Optional(Type.String({ description: "The parameter or member at fault, as a dotted path." })),
    index: Type.Optional(Type.Integer({ minimum: 0, description: "Zero-based position of the event at fault." })),
    requestId: Type.String({ description: "Also in X-Request-Id; names the request in the service's log." }),
  },
  { $id: "Problem", description: "RFC 9457 problem details." },
);
/** TypeBox cannot tell the members of a union that was made of a list. */
export type Problem = Omit<Static<typeof Problem>, "code"> & { readonly code: ErrorCode };

export interface ProblemContext {
  readonly requestId: string;
  /** The schemes named in WWW-Authenticate, e.g. "Bearer". */
  readonly challenges: readonly string[];
}

/** An error as the own API answers it. */
export function problemResponse(error: TaishiError, { requestId, challenges }: ProblemContext): Response {
  const { field, index, retryAfter } = error.details;
  const body: Problem = {
    type: `/errors#${error.code}`,
    title: errorTable[error.code].title,
    status: error.status,
    detail: error.message,
    code: error.code,
    ...(field === undefined ? {} : { field }),
    ...(index === undefined ? {} : { index }),
    requestId,
  };
  return {
    status: error.status,
    headers: {
      "content-type": "application/problem+json",
      ...(error.status === 401 ? { "www-authenticate": authenticateHeader(error, challenges) } : {}),
      ...retryHeader(error.status, retryAfter),
    },
    body: JSON.stringify(body),
  };
}

/** Retry-After in whole seconds, for every answer that asks to be tried again. */
export function retryHeader(status: number, retryAfter: number | undefined): Readonly<Record<string, string>> {
  if (retryAfter === undefined && status !== 429 && status !== 503) return {};
  return { "retry-after": String(Math.max(1, Math.ceil(retryAfter ?? 1))) };
}

/** RFC 9110 §11.6.1; RFC 6750 §3 for the bearer scheme. */
function authenticateHeader(error: TaishiError, challenges: readonly string[]): string {
  return challenges
    .map((scheme) =>
      scheme === "Bearer" && error.code === "invalid-token"
        ? 'Bearer realm="taishi", error="invalid_token"'
        : `${scheme} realm="taishi"`,
    )
    .join(", ");
}

/** The least that Huawei's clients understand, for paths of theirs that nothing answers. */
export function huaweiResponse(error: TaishiError): Response {
  return {
    status: error.status,
    headers: { "content-type": "application/json", ...retryHeader(error.status, error.details.retryAfter) },
    body: JSON.stringify({ error_code: `TAISHI.${error.status}`, error_msg: error.message }),
  };
}

/** In whose words an error at this path is told (DECISIONS "Ark"). */
export function errorForm(path: string): "problem" | "huawei" | "gateway" {
  if (/^\/(?:api|log)(?:\/|$)/.test(path)) return "problem";
  if (/^\/(?:healthz|readyz|metrics|openapi\.json)$/.test(path)) return "problem";
  return path.startsWith("/v3") ? "huawei" : "gateway";
}
