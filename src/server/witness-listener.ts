// The HTTP side of a witness: small texts in, small texts out, on the same bare listener as the service, with its limits and
// its orderly stop. It is given the witness as a function and knows nothing of checkpoints. RFC 9112.
import type { IncomingMessage, ServerResponse } from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { asTaishiError, Fatal, type TaishiError } from "../errors.ts";
import type { Response } from "../exchange.ts";
import type { Log } from "../log.ts";
import { announcesBody, BodyBudget, readWire } from "./body.ts";
import { defaultLimits, type Limits } from "./limits.ts";
import { Connections, listener, refuseMalformed, type TlsFiles } from "./listener.ts";
import { lingering } from "./unread-body.ts";

export interface TextExchange {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly body: string;
}

export interface WitnessListenerOptions {
  readonly answer: (request: TextExchange) => Response;
  readonly failure: (error: TaishiError) => Response;
  readonly tls?: TlsFiles;
  readonly limits?: Partial<Limits>;
  readonly log: Log;
  readonly onFatal: (fatal: Fatal) => void;
}

/** 63 hashes and a checkpoint with a handful of signatures, post-quantum ones too, are below 20 KiB. */
const witnessLimits: Limits = {
  ...defaultLimits,
  wireBytes: 64 * 1024,
  bufferedBytes: 16 * 1024 * 1024,
  headerBytes: 16 * 1024,
  connections: 1_000,
  requestTimeout: 30_000,
  bodyIdleTimeout: 10_000,
  silenceTimeout: 90_000,
  lingerBytes: 1024 * 1024,
  lingerTimeout: 2_000,
  closeGrace: 5_000,
};

export class WitnessListener {
  readonly #options: WitnessListenerOptions;
  readonly #limits: Limits;
  readonly #budget: BodyBudget;
  readonly #connections = new Connections();
  readonly #server: ReturnType<typeof listener>;

  /** @throws Error where `tls` is no certificate and key */
  constructor(options: WitnessListenerOptions) {
    this.#options = options;
    this.#limits = { ...witnessLimits, ...options.limits };
    this.#budget = new BodyBudget(this.#limits.bufferedBytes);
    this.#server = listener(options.tls, this.#limits, this.#connections, (request, response) => {
      void this.#serve(request, response);
    });
    this.#server.on("clientError", refuseMalformed);
  }

  /** @returns where it listens; port 0 picks one */
  async listen(host: string, port: number): Promise<AddressInfo> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject).listen(port, host, () => {
        this.#server.off("error", reject);
        resolve();
      });
    });
    return this.#server.address() as AddressInfo;
  }

  /** For new connections. @throws where the files are no certificate and key; the old ones stay */
  reloadTls({ cert, key }: TlsFiles): void {
    if (this.#server instanceof https.Server) this.#server.setSecureContext({ cert, key });
  }

  /** Takes no new connection, lets what is in flight end (bounded), then closes every connection. */
  async close(): Promise<void> {
    this.#connections.closing = true;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    await this.#connections.quiet(this.#limits.closeGrace);
    this.#connections.destroy();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const lease = this.#budget.lease();
    let answer: Response;
    try {
      const { wireBytes: limit, bodyIdleTimeout: idleTimeout } = this.#limits;
      const wire = announcesBody(request) ? await readWire(request, { limit, idleTimeout, lease }) : Buffer.alloc(0);
      const path = (request.url ?? "/").replace(/\?.*$/s, "");
      answer = this.#options.answer({ method: request.method ?? "", path, body: wire.toString("utf8") });
    } catch (thrown) {
      const error = asTaishiError(thrown);
      if (error.code === "internal") this.#options.log.error({ err: error.cause }, "a request failed");
      if (thrown instanceof Fatal) this.#options.onFatal(thrown);
      answer = this.#options.failure(error);
    } finally {
      lease.release();
    }
    const body = Buffer.from(answer.body);
    const rest = lingering(request, body, this.#limits);
    response.writeHead(answer.status, {
      "x-content-type-options": "nosniff",
      "cache-control": "no-store",
      "content-length": String(body.length),
      ...answer.headers,
      ...(rest !== undefined || this.#connections.closing ? { connection: "close" } : {}),
    });
    if (request.method === "HEAD") response.end();
    else if (rest === undefined) response.end(body);
    else rest.on("error", () => response.destroy()).pipe(response);
  }
}
