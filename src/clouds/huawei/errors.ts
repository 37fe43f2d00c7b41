// Every error code of ours in Huawei's form: APIGW.* for what the gateway refuses, DBS.* for what a database service does;
// status and message in both languages. The types make a missing one a compile error. Specs: Huawei API Gateway "error
// codes" and TaurusDB "error codes"; what the cloud has no code for is chosen here and says so. Never tells a secret or a cause.
import { asTaishiError, type ErrorCode, type ErrorDetails, errorTable, TaishiError } from "../../errors.ts";
import type { Language, Words } from "./envelope.ts";

/** An operation's service; the source under which its calls are kept. */
export type Service = "gaussdb" | "rds" | "iam";

type Row = { readonly status: number } & Words;

/** The gateway's sentences. A detail follows those that end in a colon. */
export const gatewayErrors = {
  "APIGW.0101": {
    status: 404,
    "en-us": "The API does not exist or has not been published in the environment.",
    "zh-cn": "API不存在或未发布到环境。",
  },
  "APIGW.0201": { status: 400, "en-us": "API request error.", "zh-cn": "API请求错误。" },
  "APIGW.0301": {
    status: 401,
    "en-us": "Incorrect IAM authentication information:",
    "zh-cn": "IAM认证信息错误:",
  },
  "APIGW.0302": {
    status: 403,
    "en-us": "The IAM user is not authorized to access the API.",
    "zh-cn": "该IAM用户不允许访问该API。",
  },
  "APIGW.0306": { status: 403, "en-us": "API access denied.", "zh-cn": "API访问被拒绝。" },
  "APIGW.0308": {
    status: 429,
    "en-us": "The throttling threshold has been reached.",
    "zh-cn": "超出流量控制阈值。",
  },
  "APIGW.0601": { status: 500, "en-us": "Internal server error.", "zh-cn": "系统内部错误。" },
  "APIGW.0602": { status: 400, "en-us": "Bad request.", "zh-cn": "非法请求。" },
} as const satisfies Record<string, Row>;
export type GatewayCode = keyof typeof gatewayErrors;

/** The database services' own errors, each with the code of ours that it is a case of. */
export const businessErrors = {
  "DBS.280001": { code: "invalid-parameter", status: 400, "en-us": "Parameter error.", "zh-cn": "参数错误。" },
  "DBS.200006": {
    code: "malformed-body",
    status: 400,
    "en-us": "The request is null. Enter a request parameter.",
    "zh-cn": "请求为空,请输入请求参数。",
  },
  "DBS.280271": {
    code: "invalid-parameter",
    status: 400,
    "en-us": "The parameter value is out of range.",
    "zh-cn": "参数值超出范围。",
  },
  "DBS.280404": {
    code: "invalid-parameter",
    status: 400,
    "en-us": "Invalid DB instance ID or node ID format.",
    "zh-cn": "实例ID或节点ID格式错误。",
  },
  "DBS.200010": {
    code: "forbidden",
    status: 403,
    "en-us": "The DB instance ID or user ID may be null, or the operation is not authorized.",
    "zh-cn": "实例ID或用户ID可能为空,或操作未授权。",
  },
  "DBS.200002": {
    code: "not-found",
    status: 404,
    "en-us": "The DB instance does not exist.",
    "zh-cn": "数据库实例不存在。",
  },
  "DBS.290013": { code: "not-found", status: 404, "en-us": "Resource not found.", "zh-cn": "资源不存在。" },
  "DBS.200011": {
    code: "already-exists",
    status: 409,
    "en-us": "Another operation is being performed on the DB instance or the DB instance is faulty.",
    "zh-cn": "实例上有其他操作正在执行,或实例状态异常。",
  },
  "DBS.108000": { code: "internal", status: 500, "en-us": "Server failure.", "zh-cn": "服务器异常。" },
} as const satisfies Record<string, Row & { readonly code: ErrorCode }>;
export type BusinessCode = keyof typeof businessErrors;

/** What is known about an error that one of Huawei's own codes says better than ours. */
export class BusinessError extends TaishiError {
  readonly cloudCode: BusinessCode;
  /** A second sentence for the caller, after the cloud's. */
  readonly hint: Words | undefined;

  constructor(cloudCode: BusinessCode, hint?: Words, details: ErrorDetails = {}) {
    super(businessErrors[cloudCode].code, hint?.["en-us"], details);
    this.cloudCode = cloudCode;
    this.hint = hint;
  }
}

/** @param why what is wrong with the parameter, in both languages, e.g. "must be an integer" */
export function badValue(field: string, why: Words): BusinessError {
  return new BusinessError("DBS.280001", about(field, why), { field });
}

export function outOfRange(field: string, why: Words): BusinessError {
  return new BusinessError("DBS.280271", about(field, why), { field });
}

export function malformedInstanceId(): BusinessError {
  return new BusinessError("DBS.280404", undefined, { field: "instance_id" });
}

/** Also for an instance of another project or account, so that nobody learns that it exists (I7). */
export function unknownInstance(): BusinessError {
  return new BusinessError("DBS.200002", undefined, { field: "instance_id" });
}

/** Also for a project that nobody has (I7). */
export function foreignProject(): BusinessError {
  return new BusinessError("DBS.200010", undefined, { field: "project_id" });
}

function about(field: string, why: Words): Words {
  return { "en-us": `${field} ${why["en-us"]}.`, "zh-cn": `${field}${why["zh-cn"]}。` };
}

/** An error as it is answered and, by its code, as the service's own audit keeps it. */
export interface Failure {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly headers: Readonly<Record<string, string>>;
}

type Form = { readonly code: GatewayCode | BusinessCode; readonly status: number; readonly message: Words };
type Context = { readonly error: TaishiError; readonly service: Service | undefined };

/** A gateway code; `status` where the cloud uses one code with several. */
function gateway(code: GatewayCode, options: { status?: number; detail?: string } = {}): (context: Context) => Form {
  const row = gatewayErrors[code];
  return ({ error }) => {
    const detail = ownWords(error) ?? options.detail;
    const told = (language: Language): string => (detail === undefined ? row[language] : `${row[language]} ${detail}`);
    return {
      code,
      status: options.status ?? row.status,
      // What follows a colon is the cloud's own detail and English in both; other hints of ours are for English readers.
      message: { "en-us": told("en-us"), "zh-cn": row["zh-cn"].endsWith(":") ? told("zh-cn") : row["zh-cn"] },
    };
  };
}

/** A database service's code, where a database service was asked; the gateway's elsewhere. */
function business(code: BusinessCode, otherwise: (context: Context) => Form): (context: Context) => Form {
  return (context) =>
    context.service === undefined || context.service === "iam"
      ? otherwise(context)
      : businessForm(code, withField(context.error));
}

function businessForm(code: BusinessCode, hint: Words | undefined, status?: number): Form {
  const row = businessErrors[code];
  const told = (language: Language): string =>
    hint === undefined ? row[language] : `${row[language]} ${hint[language]}`;
  return { code, status: status ?? row.status, message: { "en-us": told("en-us"), "zh-cn": told("zh-cn").trim() } };
}

/** The parameter's name is told in both languages, our sentence about it in English. */
function withField(error: TaishiError): Words | undefined {
  const { field } = error.details;
  const own = ownWords(error);
  if (field === undefined && own === undefined) return undefined;
  const english = own === undefined ? field! : field === undefined || own.includes(field) ? own : `${field}: ${own}`;
  return { "en-us": english, "zh-cn": field ?? "" };
}

const forms: Readonly<Record<ErrorCode, (context: Context) => Form>> = {
  "missing-credentials": gateway("APIGW.0301", { detail: "x-auth-token not found" }),
  "malformed-authorization": gateway("APIGW.0301", { detail: "authorization format is incorrect" }),
  // This cloud's signatures have no credential scope; kept so that no code is without a form.
  "malformed-credential": gateway("APIGW.0301", { detail: "authorization format is incorrect" }),
  "missing-date": gateway("APIGW.0301", { detail: "x-sdk-date not found" }),
  "stale-signature": gateway("APIGW.0301", { detail: "signature expired" }),
  "unknown-key": gateway("APIGW.0301", { detail: "ak not exist" }),
  "invalid-token": gateway("APIGW.0301", { detail: "decrypt token fail" }),
  "signature-mismatch": gateway("APIGW.0301", { detail: "verify aksk signature fail" }),
  "unsupported-session-token": gateway("APIGW.0301", { detail: "temporary access keys are not offered" }),
  "wrong-password": gateway("APIGW.0301", { detail: "The username or password is wrong." }),
  "link-void": gateway("APIGW.0306"),
  forbidden: gateway("APIGW.0302"),
  gone: business("DBS.290013", gateway("APIGW.0101")),
  "not-found": business("DBS.290013", gateway("APIGW.0101")),
  "unknown-action": gateway("APIGW.0101"),
  // The cloud answers 404 here; 405 says the same and names what is allowed.
  "method-not-allowed": gateway("APIGW.0101", { status: 405 }),
  "missing-parameter": business("DBS.280001", gateway("APIGW.0201")),
  "invalid-parameter": business("DBS.280001", gateway("APIGW.0201")),
  "page-too-large": business("DBS.280001", gateway("APIGW.0201")),
  "malformed-body": business("DBS.280001", gateway("APIGW.0602")),
  "unsupported-media-type": gateway("APIGW.0201", { status: 415 }),
  "too-large": gateway("APIGW.0201", { status: 413 }),
  "idempotency-conflict": business("DBS.200011", gateway("APIGW.0201", { status: 409 })),
  "already-exists": business("DBS.200011", gateway("APIGW.0201", { status: 409 })),
  "rate-limited": gateway("APIGW.0308"),
  // The cloud's "backend unavailable"; all its clients show a 503 as one that may be tried again.
  overloaded: gateway("APIGW.0201", { status: 503 }),
  "index-behind": gateway("APIGW.0201", { status: 503 }),
  "disk-full": gateway("APIGW.0201", { status: 503 }),
  "shutting-down": gateway("APIGW.0201", { status: 503 }),
  internal: business("DBS.108000", gateway("APIGW.0601")),
};

/**
 * Any thrown value in Huawei's form, also for what fails before an operation is found. What is not a TaishiError becomes
 * an internal error and tells the caller nothing.
 * @param service whose operation was asked, where one was found
 */
export function failureOf(thrown: unknown, language: Language, service?: Service): Failure {
  const error = asTaishiError(thrown);
  const form =
    error instanceof BusinessError ? businessForm(error.cloudCode, error.hint) : forms[error.code]({ error, service });
  return {
    status: form.status,
    code: form.code,
    message: form.message[language],
    headers: retryHeaders(error),
  };
}

/** Retry-After in whole seconds, for what asks to be tried again. */
export function retryHeaders(error: TaishiError): Readonly<Record<string, string>> {
  const { retryAfter } = error.details;
  if (retryAfter === undefined && error.status !== 429 && error.status !== 503) return {};
  return { "retry-after": String(Math.max(1, Math.ceil(retryAfter ?? 1))) };
}

/** What the thrower had to say beyond the code's title; never of our own failures. */
function ownWords(error: TaishiError): string | undefined {
  return error.code === "internal" || error.message === errorTable[error.code].title ? undefined : error.message;
}
