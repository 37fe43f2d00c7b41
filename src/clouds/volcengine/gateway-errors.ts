// Every error code of ours in Volcengine's form: Code, CodeN, HTTP status, message. The type makes a missing one a compile
// error. Spec: Volcengine "common error codes" (docs 6369/68677); what the cloud has no code for is chosen here and says so.
import { asTaishiError, type ErrorCode, errorTable, type TaishiError } from "../../errors.ts";
import type { Response } from "../../exchange.ts";
import { type EnvelopeError, failureResponse, type Metadata } from "./envelope.ts";

/** The gateway's own errors, with its sentences; %s is filled in the order of the arguments. */
export const gatewayErrors = {
  MissingParameter: { CodeN: 100002, status: 400, message: "The request is missing %s parameter." },
  MissingAuthenticationToken: { CodeN: 100003, status: 401, message: "Request is missing Authentication Token." },
  MissingRequestInfo: { CodeN: 100004, status: 400, message: "The request is missing %s information." },
  InvalidTimestamp: { CodeN: 100006, status: 400, message: "The Signature of the request is expired." },
  InvalidActionOrVersion: { CodeN: 100008, status: 404, message: "Could not find operation %s for version %s." },
  InvalidAccessKey: { CodeN: 100009, status: 401, message: "The accesskey [%s] included in the request is invalid." },
  SignatureDoesNotMatch: {
    CodeN: 100010,
    status: 401,
    message:
      "The request signature we calculated does not match the signature you provided. Check your Secret Access Key and signing method. Consult the service documentation for details.",
  },
  AccessDenied: { CodeN: 100013, status: 403, message: "User is not authorized to perform: %s on resource: %s." },
  InternalError: {
    CodeN: 100014,
    status: 500,
    message: "Service has some internal Error. Pls Contact With Admin.",
  },
  FlowLimitExceeded: {
    CodeN: 100018,
    status: 429,
    message: "Request was rejected because the request speed of this openAPI is beyond the current flow control limit.",
  },
  MethodNotAllowed: { CodeN: 100020, status: 405, message: "The method %s is not allowed." },
  InvalidAuthorization: {
    CodeN: 100024,
    status: 400,
    message: "Invalid 'Authorization' header, Pls check authorization header.",
  },
  InvalidCredential: {
    CodeN: 100025,
    status: 400,
    message: "Invalid credential in 'Authorization', Pls check your authorization header.",
  },
  InvalidSecretToken: { CodeN: 100026, status: 401, message: "Invalid secret token, msg: %s." },
  ServiceOverloadTemp: { CodeN: 100035, status: 503, message: "Service is busy, please try again later." },
} as const satisfies Record<string, { CodeN: number; status: number; message: string }>;

type Form = { readonly status: number; readonly error: EnvelopeError };
type Context = { readonly error: TaishiError; readonly metadata: Metadata };

/** The gateway's error; our own sentence, where the thrower had one to add, follows the cloud's. */
function gateway(code: keyof typeof gatewayErrors, ...fill: readonly string[]): (context: Context) => Form {
  const { CodeN, status, message } = gatewayErrors[code];
  return ({ error }) => ({ status, error: { CodeN, Code: code, Message: explain(filled(message, fill), error) } });
}

/** An error of the action itself: no number. The parameter's name is part of the code. */
function business(status: number, code: string, sentence: string): (context: Context) => Form {
  return ({ error }) => {
    const { field } = error.details;
    return {
      status,
      error: {
        Code: field === undefined ? code : `${code}.${field}`,
        Message: explain(filled(sentence, [field === undefined ? "" : ` ${field}`]), error),
      },
    };
  };
}

const forms: Readonly<Record<ErrorCode, (context: Context) => Form>> = {
  "missing-credentials": gateway("MissingAuthenticationToken"),
  "malformed-authorization": gateway("InvalidAuthorization"),
  "malformed-credential": gateway("InvalidCredential"),
  "missing-date": gateway("MissingRequestInfo", "timestamp"),
  "stale-signature": gateway("InvalidTimestamp"),
  "unknown-key": (context) => gateway("InvalidAccessKey", context.error.details.subject ?? "")(context),
  // The cloud has no bearer tokens; its code for a bad session token says the same.
  "invalid-token": gateway("InvalidSecretToken", "the bearer token is unknown, disabled or expired"),
  // Passwords and download links are not this cloud's; kept so that no code is without a form.
  "wrong-password": gateway("InvalidSecretToken", "the user name or password is wrong"),
  "link-void": gateway("AccessDenied"),
  "signature-mismatch": gateway("SignatureDoesNotMatch"),
  "unsupported-session-token": gateway("InvalidSecretToken", "session tokens are not offered"),
  forbidden: (context) => gateway("AccessDenied", context.error.details.subject ?? operation(context), "")(context),
  // No counterpart in the cloud's tables: nothing it lists is past its retention and still asked for by name.
  gone: business(410, "Gone", "The specified%s is past its retention."),
  "not-found": business(404, "NotFound", "The specified%s is not found."),
  "unknown-action": (context) => {
    const { action = "", version = "" } = context.metadata;
    return gateway("InvalidActionOrVersion", action, version)(context);
  },
  "method-not-allowed": (context) => gateway("MethodNotAllowed", context.error.details.subject ?? "")(context),
  "missing-parameter": (context) => {
    const { field } = context.error.details;
    // These two are looked for by the gateway, all others by the action.
    return field === "Action" || field === "Version"
      ? gateway("MissingParameter", field)(context)
      : business(400, "MissingParameter", "The required parameter%s is missing.")(context);
  },
  "invalid-parameter": business(400, "InvalidParameter", "The specified parameter%s is invalid."),
  // The cloud has no such limit; the page size is what can be changed.
  "page-too-large": business(400, "InvalidParameter.PageSize", "The specified parameter PageSize is invalid."),
  // No counterpart in the cloud's tables: the body as a whole is the parameter that is wrong.
  "malformed-body": business(400, "InvalidParameter.Body", "The specified parameter Body is invalid."),
  // The following four have no counterpart in the cloud's tables.
  "unsupported-media-type": business(415, "UnsupportedMediaType", "The content type or encoding is not supported."),
  "too-large": business(413, "RequestTooLarge", "The request is too large."),
  "idempotency-conflict": business(409, "IdempotencyConflict", "The idempotency key was used with another request."),
  "already-exists": business(409, "AlreadyExists", "The specified%s already exists."),
  "rate-limited": gateway("FlowLimitExceeded"),
  // SDKs retry a 503; which of our limits was hit is in the operator's log and, as a hint, in the message.
  overloaded: gateway("ServiceOverloadTemp"),
  "index-behind": gateway("ServiceOverloadTemp"),
  "disk-full": gateway("ServiceOverloadTemp"),
  "shutting-down": gateway("ServiceOverloadTemp"),
  internal: gateway("InternalError"),
};

/**
 * Any thrown value as a Volcengine answer, also for what fails before the gateway is asked (a body too large, a rate
 * limit, an unknown path). What is not a TaishiError becomes InternalError and tells the caller nothing.
 */
export function errorResponse(thrown: unknown, metadata: Metadata): Response {
  const error = asTaishiError(thrown);
  const form = forms[error.code]({ error, metadata });
  const { retryAfter } = error.details;
  return failureResponse(form.status, form.error, metadata, {
    ...(retryAfter !== undefined && { "retry-after": String(Math.max(1, Math.ceil(retryAfter))) }),
    ...(error.code === "method-not-allowed" && { allow: "GET, POST" }),
  });
}

function operation({ metadata }: Context): string {
  return metadata.service === undefined ? (metadata.action ?? "") : `${metadata.service}:${metadata.action ?? ""}`;
}

function explain(sentence: string, error: TaishiError): string {
  if (error.code === "internal" || error.message === errorTable[error.code].title) return sentence;
  return `${sentence} ${error.message}`;
}

function filled(message: string, fill: readonly string[]): string {
  let next = 0;
  return message.replaceAll("%s", () => fill[next++] ?? "");
}
