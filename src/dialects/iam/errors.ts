// What IAM's operations refuse, in IAM's own form, which is not the gateway's: {"error":{"message","code","title"}} with the
// HTTP status as an integer code. The type makes a missing code a compile error. Spec: Huawei IAM API reference, "status codes"
// and "error codes"; the sentences of the wrong password, the parameter and the body are the cloud's.
import type { Language, Words } from "../../clouds/huawei/envelope.ts";
import { retryHeaders } from "../../clouds/huawei/errors.ts";
import type { OwnFailure } from "../../clouds/huawei/operation.ts";
import { type ErrorCode, errorTable, TaishiError } from "../../errors.ts";

interface Row {
  readonly status: number;
  readonly title: string;
  readonly words: (field: string | undefined) => Words;
}

export function missing(field: string): TaishiError {
  return new TaishiError("missing-parameter", undefined, { field });
}

/** @param why a sentence for the caller, following the cloud's own; never holds what was sent */
export function invalid(field: string, why?: string): TaishiError {
  return new TaishiError("invalid-parameter", why, { field });
}

const titles = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  413: "Request Entity Too Large",
  415: "Unsupported Media Type",
  429: "Too Many Requests",
  500: "Internal Server Error",
  503: "Service Unavailable",
} as const;

function row(status: keyof typeof titles, english: string, chinese: string): Row {
  const named = (text: string, field: string | undefined): string => text.replace("%s", field ?? "");
  return {
    status,
    title: titles[status],
    words: (field) => ({ "en-us": named(english, field), "zh-cn": named(chinese, field) }),
  };
}

const unauthenticated = row(401, "The request you have made requires authentication.", "请求需要认证。");
const unavailable = row(503, "The service is currently unavailable.", "服务暂不可用。");
const badBody = row(400, "Request body is invalid.", "请求体校验失败。");
const badParameter = row(400, "Request parameter %s is invalid.", "请求参数%s校验失败。");
const conflict = row(409, "The resource already exists.", "资源已存在。");

const rows: Readonly<Record<ErrorCode, Row>> = {
  "missing-credentials": unauthenticated,
  "malformed-authorization": unauthenticated,
  "malformed-credential": unauthenticated,
  "missing-date": unauthenticated,
  "stale-signature": unauthenticated,
  "unknown-key": unauthenticated,
  "invalid-token": unauthenticated,
  "signature-mismatch": unauthenticated,
  "unsupported-session-token": unauthenticated,
  "wrong-password": row(401, "The username or password is wrong.", "用户名或密码错误。"),
  "link-void": row(403, "You are not authorized to perform the requested action.", "没有操作权限。"),
  forbidden: row(403, "You are not authorized to perform the requested action.", "没有操作权限。"),
  "not-found": row(404, "Could not find %s.", "未找到%s。"),
  gone: row(404, "Could not find %s.", "未找到%s。"),
  "unknown-action": row(404, "The API does not exist.", "API不存在。"),
  "method-not-allowed": row(405, "The method is not allowed.", "不允许使用该请求方法。"),
  "missing-parameter": row(400, "Expecting to find %s in the request.", "请求中缺少%s。"),
  "invalid-parameter": badParameter,
  "page-too-large": badParameter,
  "malformed-body": badBody,
  "unsupported-media-type": row(415, "The request body cannot be read.", "不支持的请求体格式。"),
  "too-large": row(413, "The request body is too large.", "请求体过大。"),
  "idempotency-conflict": conflict,
  "already-exists": conflict,
  "rate-limited": row(429, "Too many requests.", "请求过于频繁。"),
  overloaded: unavailable,
  "index-behind": unavailable,
  "disk-full": unavailable,
  "shutting-down": unavailable,
  internal: row(
    500,
    "An unexpected error prevented the server from fulfilling your request.",
    "服务器内部错误,无法完成请求。",
  ),
};

/** Our own sentence, where the thrower had one, follows the cloud's for English readers. */
export function iamFailure(error: TaishiError, language: Language): OwnFailure {
  const { status, title, words } = rows[error.code];
  const own = error.code === "internal" || error.message === errorTable[error.code].title ? undefined : error.message;
  const sentence = words(error.details.field)[language];
  const message =
    own === undefined || language !== "en-us" || error.code === "wrong-password" ? sentence : `${sentence} ${own}`;
  return {
    status,
    code: String(status),
    headers: retryHeaders(error),
    body: { error: { message, code: status, title } },
  };
}
