// What happens to a body that nobody wants when its request has been answered. A client that is still sending reads the
// answer only if the connection is not reset under it, so the rest is read and thrown away: all of a small one, and the
// connection lives on; a bounded part of a large one, and the connection ends. RFC 9112 §9.6, RFC 9110 §10.1.1.
import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { announcesBody } from "./body.ts";
import type { Limits } from "./limits.ts";

/** A declared rest of this size is not worth a new connection. */
const smallBytes = 64 * 1024;

/**
 * Decides about an answer that is about to be sent. Returns undefined where it can go out as it is; otherwise a stream
 * that says the same and ends when enough of the body has gone by. The caller adds Content-Length and Connection: close.
 */
export function lingering(request: IncomingMessage, answer: Buffer, limits: Limits): Readable | undefined {
  if (request.complete || !announcesBody(request)) return undefined;
  const declared = Number(request.headers["content-length"] ?? Number.POSITIVE_INFINITY);
  if (declared <= smallBytes) {
    request.resume();
    return undefined;
  }
  return Readable.from(answerThenDrain(request, answer, limits), { objectMode: false });
}

async function* answerThenDrain(request: IncomingMessage, answer: Buffer, limits: Limits): AsyncGenerator<Buffer> {
  yield answer;
  await drain(request, limits);
}

function drain(request: IncomingMessage, { lingerBytes, lingerTimeout }: Limits): Promise<void> {
  return new Promise((resolve) => {
    let left = lingerBytes;
    const stop = (): void => {
      clearTimeout(timer);
      request.off("data", count).off("end", stop).off("close", stop).pause();
      resolve();
    };
    const count = (piece: Buffer): void => {
      left -= piece.length;
      if (left < 0) stop();
    };
    const timer = setTimeout(stop, lingerTimeout);
    if (request.complete || request.destroyed) stop();
    else
      request
        .on("error", () => {})
        .on("data", count)
        .on("end", stop)
        .on("close", stop);
    request.resume();
  });
}

/**
 * For a request with "Expect: 100-continue": invites the body when somebody begins to read it, so that a refusal by
 * headers alone costs the client nothing.
 */
export function continueWhenRead(request: IncomingMessage, response: ServerResponse): void {
  request.once("resume", () => {
    if (!response.headersSent && !response.writableEnded) response.writeContinue();
  });
}
