// The one table of everything that can go wrong and be told to a caller. Owns the codes; never words of a dialect:
// each dialect maps every code to its own form, and its map's type makes a missing one a compile error.
// docs/errors.md lists the same codes; a test compares the two, both ways.

/** How an error is meant: a refusal is the caller's fault or our load; a fault is ours, with the state known. */
export type ErrorKind = "refusal" | "fault";

type Row = { readonly kind: ErrorKind; readonly status: number; readonly title: string };

export const errorTable = {
  // Who is asking
  "missing-credentials": { kind: "refusal", status: 401, title: "The request carries no credentials" },
  "malformed-authorization": { kind: "refusal", status: 400, title: "The Authorization header cannot be parsed" },
  "malformed-credential": { kind: "refusal", status: 400, title: "The credential scope cannot be parsed" },
  "missing-date": { kind: "refusal", status: 400, title: "The signed request carries no date" },
  "stale-signature": { kind: "refusal", status: 400, title: "The signature is expired or from the future" },
  "unknown-key": { kind: "refusal", status: 401, title: "The access key is unknown, disabled or expired" },
  "invalid-token": { kind: "refusal", status: 401, title: "The bearer token is unknown, disabled or expired" },
  "signature-mismatch": { kind: "refusal", status: 401, title: "The signature does not match the request" },
  "unsupported-session-token": { kind: "refusal", status: 401, title: "Session tokens are not offered" },
  "wrong-password": { kind: "refusal", status: 401, title: "The user name or password is wrong" },
  "link-void": { kind: "refusal", status: 403, title: "The link is expired or altered" },
  forbidden: { kind: "refusal", status: 403, title: "The key's role does not allow this" },
  // What is asked
  "not-found": { kind: "refusal", status: 404, title: "There is nothing here" },
  gone: { kind: "refusal", status: 410, title: "It was here and is past its retention" },
  "unknown-action": { kind: "refusal", status: 404, title: "The action or its version is unknown" },
  "method-not-allowed": { kind: "refusal", status: 405, title: "The method is not allowed here" },
  "missing-parameter": { kind: "refusal", status: 400, title: "A required parameter is missing" },
  "invalid-parameter": { kind: "refusal", status: 400, title: "A parameter is invalid" },
  "malformed-body": { kind: "refusal", status: 400, title: "The body cannot be read" },
  "unsupported-media-type": { kind: "refusal", status: 415, title: "The content type or encoding is not supported" },
  "page-too-large": { kind: "refusal", status: 400, title: "The events of the page do not fit into one answer" },
  "too-large": { kind: "refusal", status: 413, title: "The request is too large" },
  "idempotency-conflict": { kind: "refusal", status: 409, title: "The idempotency key was used with another body" },
  "already-exists": { kind: "refusal", status: 409, title: "It exists already" },
  // Our load and our limits
  "rate-limited": { kind: "refusal", status: 429, title: "Too many requests with this key" },
  overloaded: { kind: "refusal", status: 503, title: "The ledger's writer is behind" },
  "index-behind": { kind: "refusal", status: 503, title: "The index has not caught up with the ledger" },
  "disk-full": { kind: "refusal", status: 503, title: "Too little free disk to accept appends" },
  "shutting-down": { kind: "refusal", status: 503, title: "The service is shutting down" },
  // Ours
  internal: { kind: "fault", status: 500, title: "The request failed for a reason of ours" },
} as const satisfies Record<string, Row>;

export type ErrorCode = keyof typeof errorTable;

/** What a refusal or fault may say beside its code. `field` names the offending parameter, in the caller's words. */
export interface ErrorDetails {
  readonly field?: string;
  /** Zero-based position of the offending event in a batch. */
  readonly index?: number;
  /** Seconds after which trying again makes sense. */
  readonly retryAfter?: number;
  /** How many of the events that were asked for fit into an answer. */
  readonly fits?: number;
  /** Values a dialect puts into its message, e.g. the access key that is unknown. */
  readonly subject?: string;
  readonly cause?: unknown;
}

/**
 * An expected error with a code of the table. Thrown where found, caught once at the edge (a dialect, the own API, the
 * command line), which puts it into its own form. `message` is for the caller: it says what is wrong and never holds a secret.
 */
export class TaishiError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message?: string, details: ErrorDetails = {}) {
    super(message ?? errorTable[code].title, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "TaishiError";
    this.code = code;
    this.details = details;
  }

  get status(): number {
    return errorTable[this.code].status;
  }
}

/** State is unknown: the process must stop with a non-zero code and recover at its next start. */
export class Fatal extends Error {
  /** What an operator should do, as a sentence. */
  readonly hint: string | undefined;

  constructor(message: string, options: { readonly hint?: string; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "Fatal";
    this.hint = options.hint;
  }
}

/** Any thrown value as a TaishiError; what is not one becomes `internal`, its cause kept for the log. */
export function asTaishiError(thrown: unknown): TaishiError {
  return thrown instanceof TaishiError ? thrown : new TaishiError("internal", undefined, { cause: thrown });
}
