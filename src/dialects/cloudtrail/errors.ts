// The error table of service cloud_trail, which stands in the place of the gateway's business errors for its actions. Codes
// and sentences are the cloud's, exactly: nothing is added to them. Spec: the API explorer's description of cloud_trail and its pages (docs 7015).
import type { EnvelopeError } from "../../clouds/volcengine/envelope.ts";
import { type ErrorCode, TaishiError } from "../../errors.ts";

type Row = { readonly status: number; readonly message: string; readonly as: ErrorCode };

/** `as` is what an error counts as elsewhere; %s is filled. */
export const cloudTrailErrors = {
  ParameterMissing: { status: 400, message: "The request parameter %s is missing.", as: "missing-parameter" },
  InvalidTimeRange: {
    status: 400,
    message: "The end time must be later than the start time.",
    as: "invalid-parameter",
  },
  InvalidParameterStartTime: { status: 400, message: "The specified StartTime is invalid.", as: "invalid-parameter" },
  InvalidParameterEndTime: { status: 400, message: "The specified EndTime is invalid.", as: "invalid-parameter" },
  InvalidParameter: { status: 400, message: "The parameter '%s' is invalid.", as: "invalid-parameter" },
  BadRequest: { status: 400, message: "Bad Request", as: "malformed-body" },
  AccessDenied: { status: 403, message: "You have no permission for this action.", as: "forbidden" },
  InternalError: { status: 500, message: "The request has failed due to an unknown error.", as: "internal" },
  InvalidEventSources: {
    status: 400,
    message: "The specified event source '%s' is invalid",
    as: "invalid-parameter",
  },
  InvalidTrailConfiguration: {
    status: 400,
    message: "You must specify at least one TOS bucket or TLS project.",
    as: "invalid-parameter",
  },
  InvalidTrailName: {
    status: 400,
    message: "The specified trail name '%s' is invalid.",
    as: "invalid-parameter",
  },
  InvalidTosBucketName: {
    status: 400,
    message: "The specified TOS bucket name is invalid.",
    as: "invalid-parameter",
  },
  InvalidTosBucketPrefix: {
    status: 400,
    message: "The specified TOS bucket prefix is invalid.",
    as: "invalid-parameter",
  },
  TrailQuotaExceeded: {
    status: 400,
    message: "The number of specified trail has exceeded the quota",
    as: "invalid-parameter",
  },
  TrailAlreadyExists: { status: 409, message: "Trail '%s' already exists.", as: "already-exists" },
  TrailNotExist: { status: 404, message: "Trail '%s' does not exist.", as: "not-found" },
  ServiceFailure: { status: 500, message: "The requested service failed due to an unknown error.", as: "internal" },
} as const satisfies Record<string, Row>;

export type CloudTrailCode = keyof typeof cloudTrailErrors;

/** A refusal in the service's own words. */
export class CloudTrailError extends TaishiError {
  readonly wire: CloudTrailCode;

  constructor(wire: CloudTrailCode, fill: string) {
    const { as, message } = cloudTrailErrors[wire];
    // A function, because $ in what a caller sent means nothing here.
    super(
      as,
      message.replace("%s", () => fill),
    );
    this.wire = wire;
  }
}

/** @param fill what stands for %s: a parameter's name, or a trail's */
export function refuse(wire: CloudTrailCode, fill = ""): CloudTrailError {
  return new CloudTrailError(wire, fill);
}

/** What the house's own errors are called here; those that are not listed keep the gateway's form. */
const codes: { readonly [Code in ErrorCode]?: CloudTrailCode } = {
  "missing-parameter": "ParameterMissing",
  "invalid-parameter": "InvalidParameter",
  "malformed-body": "BadRequest",
  forbidden: "AccessDenied",
  internal: "InternalError",
};

type Form = { readonly status: number; readonly error: EnvelopeError };

/** The form of an error of LookupEvents once it was called. */
export function errorForm(error: TaishiError): Form | undefined {
  if (error instanceof CloudTrailError) return form(error.wire, error.message);
  const wire = codes[error.code];
  if (wire === undefined) return undefined;
  const { field } = error.details;
  // A sentence about a parameter needs its name: flat parameters may be unreadable without one.
  if (field === undefined && cloudTrailErrors[wire].message.includes("%s"))
    return form("BadRequest", cloudTrailErrors.BadRequest.message);
  return form(
    wire,
    cloudTrailErrors[wire].message.replace("%s", () => field ?? ""),
  );
}

/** The form of an error of the actions on trails, whose failures have another name. */
export function trailErrorForm(error: TaishiError): Form | undefined {
  return errorForm(error.code === "internal" ? refuse("ServiceFailure") : error);
}

function form(wire: CloudTrailCode, message: string): Form {
  return { status: cloudTrailErrors[wire].status, error: { Code: wire, Message: message } };
}
