// Reading request bodies: counted while they arrive, held within one budget for all connections, and expanded without
// ever making more than allowed. Never trusts a declared length, and never ends the connection: what is left of a
// refused body is unread-body.ts's business. RFC 1952 (gzip members), RFC 8878 and RFC 9659 (zstd frames, 8 MiB window).
import type { IncomingMessage } from "node:http";
import { constants, createGunzip, createZstdDecompress, type Gunzip, type ZstdDecompress } from "node:zlib";
import { TaishiError } from "../errors.ts";

/** The bytes of bodies that all requests together may hold. */
export class BodyBudget {
  readonly #limit: number;
  #held = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get held(): number {
    return this.#held;
  }

  /** A share that grows piece by piece and is given back as a whole. */
  lease(): BodyLease {
    let mine = 0;
    return {
      take: (bytes) => {
        if (this.#held + bytes > this.#limit)
          throw new TaishiError("overloaded", "too many request bodies are being received", { retryAfter: 1 });
        this.#held += bytes;
        mine += bytes;
      },
      release: () => {
        this.#held -= mine;
        mine = 0;
      },
    };
  }
}

export interface BodyLease {
  /** @throws TaishiError overloaded */
  take(bytes: number): void;
  release(): void;
}

export interface ReadOptions {
  /** Most bytes accepted. */
  readonly limit: number;
  /** Milliseconds that may pass without a byte. */
  readonly idleTimeout: number;
  readonly lease: BodyLease;
}

/** Whether a request says that it has a body. */
export function announcesBody(request: IncomingMessage): boolean {
  const { "content-length": length, "transfer-encoding": coding } = request.headers;
  return coding !== undefined || (length !== undefined && length !== "0");
}

/**
 * The bytes of a body as they are on the wire.
 * @throws TaishiError too-large (before the first byte where the declared length says so) | overloaded | malformed-body
 */
export function readWire(request: IncomingMessage, { limit, idleTimeout, lease }: ReadOptions): Promise<Buffer> {
  const tooLarge = (): TaishiError => new TaishiError("too-large", `the body is above the limit of ${limit} bytes`);
  if (Number(request.headers["content-length"] ?? 0) > limit) return Promise.reject(tooLarge());
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let size = 0;
    const settle = (error: TaishiError | undefined): void => {
      clearTimeout(idle);
      request.off("data", take).off("end", done).off("error", broken).off("close", broken);
      // An error after this one must not be an unhandled event.
      request.on("error", () => {});
      if (error === undefined) resolve(pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces, size));
      else {
        request.pause();
        reject(error);
      }
    };
    const take = (piece: Buffer): void => {
      idle.refresh();
      size += piece.length;
      try {
        if (size > limit) throw tooLarge();
        lease.take(piece.length);
        pieces.push(piece);
      } catch (thrown) {
        settle(thrown as TaishiError);
      }
    };
    const done = (): void => settle(undefined);
    const broken = (): void => settle(new TaishiError("malformed-body", "the body ended before its announced length"));
    const idle = setTimeout(
      () => settle(new TaishiError("malformed-body", "the body did not arrive in time")),
      idleTimeout,
    );
    if (request.destroyed && !request.readableEnded) return broken();
    if (request.readableEnded) return done();
    request.on("data", take).on("end", done).on("error", broken).on("close", broken);
  });
}

export type Encoding = "identity" | "gzip" | "zstd";

/** @throws TaishiError unsupported-media-type */
export function readEncoding(header: string | undefined): Encoding {
  const name = header?.trim().toLowerCase() ?? "";
  if (name === "" || name === "identity") return "identity";
  if (name === "gzip" || name === "x-gzip") return "gzip";
  if (name === "zstd") return "zstd";
  throw new TaishiError("unsupported-media-type", "Content-Encoding must be gzip, zstd or identity", {
    field: "Content-Encoding",
  });
}

/** A frame costs time whatever it holds; nobody needs more of them than events. */
const maxFrames = 10_000;
const outputBytes = 64 * 1024;

/**
 * A body without its compression: all gzip members or all zstd frames of it, one after the other.
 * @throws TaishiError too-large as soon as more than `limit` bytes came out | overloaded | malformed-body
 */
export async function expand(wire: Buffer, encoding: Encoding, limit: number, lease: BodyLease): Promise<Buffer> {
  if (encoding === "identity") {
    if (wire.length > limit) throw expandsTooFar(limit);
    return wire;
  }
  const pieces: Buffer[] = [];
  let size = 0;
  const take = (piece: Buffer): void => {
    size += piece.length;
    if (size > limit) throw expandsTooFar(limit);
    lease.take(piece.length);
    pieces.push(piece);
  };
  let read = 0;
  let frames = 0;
  do {
    if (++frames > maxFrames) throw new TaishiError("too-large", `the body has more than ${maxFrames} zstd frames`);
    // Node's gunzip goes through all members by itself, up to zeros; its zstd stream ends after one frame. What is left
    // must be another one.
    const stream =
      encoding === "gzip"
        ? createGunzip({ chunkSize: outputBytes })
        : createZstdDecompress({ chunkSize: outputBytes, params: { [constants.ZSTD_d_windowLogMax]: 23 } });
    read += await pump(stream, wire.subarray(read), take);
  } while (read < wire.length);
  return Buffer.concat(pieces, size);
}

/** Feeds bytes to a decompressor and resolves to how many of them it used. */
function pump(stream: Gunzip | ZstdDecompress, bytes: Buffer, take: (piece: Buffer) => void): Promise<number> {
  return new Promise((resolve, reject) => {
    stream.on("data", (piece: Buffer) => {
      try {
        take(piece);
      } catch (thrown) {
        stream.removeAllListeners("data");
        stream.destroy();
        reject(thrown);
      }
    });
    stream.on("end", () => resolve(stream.bytesWritten));
    stream.on("error", (error: NodeJS.ErrnoException) => reject(asRefusal(error)));
    stream.end(bytes);
  });
}

function asRefusal(error: NodeJS.ErrnoException): TaishiError {
  if (error.code === "ZSTD_error_frameParameter_windowTooLarge")
    return new TaishiError("too-large", "the zstd window is above 8 MiB, the most that RFC 9659 allows");
  const why = error.code === "Z_BUF_ERROR" ? "ends too early" : "is damaged";
  return new TaishiError("malformed-body", `the compressed body ${why}`, { cause: error });
}

function expandsTooFar(limit: number): TaishiError {
  return new TaishiError("too-large", `the body expands beyond the limit of ${limit} bytes`);
}
