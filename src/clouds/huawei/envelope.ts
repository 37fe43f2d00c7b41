// The form of every answer under Huawei's paths: JSON content type and X-Request-Id always (Java's SDK fails without the
// one, all SDKs read the other), errors as {error_code, error_msg, request_id}. Knows no error codes and no operation.
import { randomBytes } from "node:crypto";
import type { Response } from "../../exchange.ts";
import { header, type RequestHead } from "./credential.ts";

/** What X-Language may ask for; everything else is answered in English. */
export type Language = "en-us" | "zh-cn";

/** One sentence in both languages. */
export type Words = Readonly<Record<Language, string>>;

/** 32 lower-case hexadecimal digits. */
export function newRequestId(): string {
  return randomBytes(16).toString("hex");
}

export function languageOf(head: Pick<RequestHead, "headers">): Language {
  return header(head, "x-language")?.trim().toLowerCase() === "zh-cn" ? "zh-cn" : "en-us";
}

/** The body of an error. Both members are non-empty strings: Go ignores others, Java's SDK crashes on null. */
export function errorBody(code: string, message: string, requestId: string): Readonly<Record<string, string>> {
  return { error_code: code, error_msg: message, request_id: requestId };
}

/** @param body JSON value; bytes and undefined (no body) go out as they are */
export function answerResponse(
  answer: { readonly status: number; readonly headers?: Readonly<Record<string, string>> | undefined },
  body: unknown,
  requestId: string,
): Response {
  return {
    status: answer.status,
    headers: {
      "content-type": "application/json",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      ...answer.headers,
      "x-request-id": requestId,
    },
    body: body === undefined ? "" : body instanceof Uint8Array ? body : JSON.stringify(body),
  };
}
