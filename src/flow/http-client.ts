// Requests to other hosts: to witnesses, and to logs that are monitored. The one place that makes any. Every answer is
// bounded in size and time; a redirect is an answer like another, so that a token never goes where it was not sent.
import { getCACertificates, setDefaultCACertificates } from "node:tls";

/** Has certificates of these authorities believed too, beside those of the system. @param pem one or several */
export function believe(pem: string): void {
  setDefaultCACertificates([...getCACertificates("default"), pem]);
}

export interface HttpReply {
  readonly status: number;
  readonly contentType: string;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

export interface HttpRequest {
  readonly method: "GET" | "POST" | "PUT";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly timeoutMs: number;
  /** Most bytes of an answer, after decompression. */
  readonly limit: number;
  /** Ends it early. */
  readonly signal?: AbortSignal;
}

/** @throws Error saying in words why no answer came */
export async function request(url: string, options: HttpRequest): Promise<HttpReply> {
  const { method, headers, body, timeoutMs, limit, signal } = options;
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(url, {
      method,
      redirect: "manual",
      signal: signal === undefined ? timeout : AbortSignal.any([timeout, signal]),
      ...(headers === undefined ? {} : { headers }),
      ...(body === undefined ? {} : { body: body as string | Uint8Array<ArrayBuffer> }),
    });
    const pieces: Uint8Array[] = [];
    let size = 0;
    for await (const piece of response.body ?? []) {
      size += piece.length;
      if (size > limit) throw new Error(`the answer is longer than ${limit} bytes`);
      pieces.push(piece);
    }
    return {
      status: response.status,
      contentType: response.headers.get("content-type") ?? "",
      headers: response.headers,
      body: Buffer.concat(pieces, size),
    };
  } catch (thrown) {
    if (timeout.aborted) throw new Error(`no answer within ${timeoutMs / 1000} s`, { cause: thrown });
    // What fetch itself says is "fetch failed"; why is in its cause.
    const cause = thrown instanceof TypeError && thrown.cause instanceof Error ? thrown.cause : undefined;
    if (cause === undefined) throw thrown;
    throw new Error(cause.message || ((cause as NodeJS.ErrnoException).code ?? "no connection"), { cause: thrown });
  }
}
