// A request's body, counted while it arrives and while it is expanded: never more memory than allowed, for one request and
// for all of them together. RFC 1952.
import type { IncomingMessage } from "node:http";
import { gunzip } from "node:zlib";
import { TaishiError } from "../../errors.ts";

export class BodyReader {
  readonly #limit: number;
  readonly #budget: number;
  #held = 0;
  /** One body is expanded at a time: what it comes to is known only then. */
  #turn: Promise<unknown> = Promise.resolve();

  /** @param limit bytes of one body @param budget bytes of all that are being read */
  constructor(limit: number, budget: number) {
    this.#limit = limit;
    this.#budget = budget;
  }

  /**
   * Reads the body as sent, has `use` work with it, and gives its memory back.
   * @throws TaishiError too-large | rate-limited | malformed-body, or what `use` throws
   */
  async read<Result>(request: IncomingMessage, use: (body: Buffer) => Promise<Result>): Promise<Result> {
    const pieces: Buffer[] = [];
    let size = 0;
    if (Number(request.headers["content-length"] ?? 0) > this.#limit) throw this.#tooLarge();
    try {
      for await (const piece of request.iterator({ destroyOnReturn: false })) {
        const bytes = piece as Buffer;
        size += bytes.length;
        this.#held += bytes.length;
        if (size > this.#limit) throw this.#tooLarge();
        if (this.#held > this.#budget) throw new TaishiError("rate-limited", undefined, { retryAfter: 1 });
        pieces.push(bytes);
      }
    } catch (thrown) {
      this.#held -= size;
      if (thrown instanceof TaishiError) throw thrown;
      throw new TaishiError("malformed-body", "the body ended before its announced length", { cause: thrown });
    }
    try {
      return await use(Buffer.concat(pieces, size));
    } finally {
      this.#held -= size;
    }
  }

  /** @throws TaishiError too-large | malformed-body */
  expand(body: Buffer): Promise<Buffer> {
    const expanded = this.#turn.then(() => this.#gunzip(body));
    this.#turn = expanded.catch(() => undefined);
    return expanded;
  }

  #gunzip(body: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      gunzip(body, { maxOutputLength: this.#limit }, (error, expanded) => {
        if (error === null) return resolve(expanded);
        const tooLarge = (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE";
        reject(tooLarge ? this.#tooLarge() : new TaishiError("malformed-body", "the body is damaged gzip"));
      });
    });
  }

  #tooLarge(): TaishiError {
    return new TaishiError("too-large", `the body is above the limit of ${this.#limit} bytes`);
  }
}
