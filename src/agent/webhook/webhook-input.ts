// Records that others post, over HTTP: an audit webhook, an alert's http_output. A request is answered with 200 when all of
// its records are on disk, together; whoever gets another answer, or none, must post again. A body that is posted again
// because an answer was lost is kept twice: senders of webhooks name no request.
import http, { type IncomingMessage, type Server, type ServerResponse } from "node:http";
import https from "node:https";
import type { Clock } from "../../clock.ts";
import { asTaishiError, TaishiError } from "../../errors.ts";
import { CertificateFiles } from "../certificate-files.ts";
import type { Batch, Input, InputState } from "../input.ts";
import { type Group, Intake } from "../intake.ts";
import { type HostPort, written } from "../listen-address.ts";
import { Troubles } from "../troubles.ts";
import { Authentication } from "./authentication.ts";
import { recordsIn } from "./body-records.ts";
import { BodyReader } from "./request-body.ts";
import { listenOf, type WebhookOptions } from "./webhook-options.ts";

/** In memory, posted and not yet stored, before senders are told to come later. */
const mostBytes = 64 * 1024 * 1024;
/** An object beside the text. */
const perRecord = 200;
const headersMs = 15_000;
const closeGraceMs = 2_000;
const healthPath = "/health";

export class WebhookInput implements Input {
  readonly #options: WebhookOptions;
  readonly #listen: HostPort;
  readonly #certificate: CertificateFiles | undefined;
  readonly #authentication: Authentication;
  readonly #bodies: BodyReader;
  readonly #clock: Clock;
  readonly #troubles: Troubles;
  /** Takes back what is not yet being handed over, when the input stops. */
  readonly #withdrawals = new Set<() => void>();
  #server: Server | undefined;
  #intake: Intake | undefined;

  /** @throws TaishiError invalid-parameter */
  constructor(options: WebhookOptions, clock: Clock) {
    this.#options = options;
    this.#listen = listenOf(options);
    const { cert, key, "client-ca": clientCa } = options;
    if (cert !== undefined && key !== undefined)
      this.#certificate = new CertificateFiles({ cert, key, ...(clientCa === undefined ? {} : { clientCa }) });
    this.#authentication = new Authentication(options, clock.now());
    this.#bodies = new BodyReader(options["body-size"], mostBytes);
    this.#clock = clock;
    this.#troubles = new Troubles(clock);
  }

  /** The port listened at; undefined while it is not listening. */
  get port(): number | undefined {
    const address = this.#server?.address();
    return typeof address === "object" ? address?.port : undefined;
  }

  get state(): InputState {
    const scheme = this.#certificate === undefined ? "http" : "https";
    const where = `${scheme}://${written(this.#listen)}${this.#options.path}`;
    const problems = [this.#certificate?.problem ?? null, this.#troubles.text].filter((text) => text !== null);
    return {
      text: `${this.#server === undefined ? "not listening" : "listening"} on ${where}`,
      behind: this.#intake?.records ?? 0,
      problem: problems.length === 0 ? null : problems.join("; "),
    };
  }

  async run(handOver: (batch: Batch) => Promise<void>, resume: unknown, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    // There is one lane, and it never ends: posts of one sender come over many connections.
    const limits = { mostBytes, mostLanes: 1, laneIdleMs: Number.POSITIVE_INFINITY };
    const intake = new Intake({ clock: this.#clock, ...limits });
    const server = this.#newServer((request, response) => void this.#answer(request, response, intake, signal));
    const unfollow = this.#certificate?.follow((secure) => (server as https.Server).setSecureContext(secure));
    const failure = Promise.withResolvers<never>();
    try {
      await this.#open(server);
      server.on("error", failure.reject);
      this.#server = server;
      this.#intake = intake;
      const handedOver = intake.run(handOver, resume);
      const stopped = new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
      try {
        await Promise.race([stopped, failure.promise, handedOver]);
      } finally {
        this.#server = undefined;
        for (const withdraw of [...this.#withdrawals]) withdraw();
        intake.close();
        await Promise.all([handedOver, closed(server)]);
      }
    } finally {
      unfollow?.();
    }
  }

  #newServer(handler: (request: IncomingMessage, response: ServerResponse) => void): Server {
    const { connections, "request-timeout": seconds, "client-ca": clientCa } = this.#options;
    const requestTimeout = seconds * 1000;
    const timeouts = {
      requestTimeout,
      headersTimeout: Math.min(headersMs, requestTimeout),
      connectionsCheckingInterval: Math.min(5_000, requestTimeout / 2),
    };
    const mutual = { requestCert: clientCa !== undefined, rejectUnauthorized: clientCa !== undefined };
    const server =
      this.#certificate === undefined
        ? http.createServer(timeouts, handler)
        : https.createServer(
            { ...timeouts, ...this.#certificate.options, ...mutual, handshakeTimeout: headersMs },
            handler,
          );
    server.maxConnections = connections;
    server.on("drop", () => this.#troubles.meet(`a connection was refused: there were ${connections} already`));
    server.on("tlsClientError", () => this.#troubles.meet("a client's TLS handshake failed"));
    return server;
  }

  #open(server: Server): Promise<void> {
    return new Promise((resolve, reject) => {
      const failed = (cause: Error): void => {
        const why = `cannot listen on ${written(this.#listen)}: ${cause.message}`;
        reject(new TaishiError("invalid-parameter", why, { field: "listen", cause }));
      };
      server.once("error", failed);
      server.listen(this.#listen, () => {
        server.off("error", failed);
        resolve();
      });
    });
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    intake: Intake,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      const path = request.url?.split("?", 1)[0];
      if (path === healthPath && request.method === "GET") return send(response, 200, { status: "ok" });
      const accepted = await this.#accept(path, request, response, intake, signal);
      send(response, 200, { accepted });
    } catch (thrown) {
      const error = asTaishiError(thrown);
      const { retryAfter, cause } = error.details;
      const why = error.code === "internal" && cause instanceof Error ? cause.message : error.code;
      this.#troubles.meet(`a request was refused: ${why.slice(0, 200)}`);
      if (retryAfter !== undefined) response.setHeader("Retry-After", String(retryAfter));
      if (error.code === "shutting-down") response.setHeader("Connection", "close");
      if (error.status === 401) response.setHeader("WWW-Authenticate", "Bearer");
      if (error.code === "method-not-allowed") response.setHeader("Allow", "POST");
      send(response, error.status, { error: error.code, message: error.message });
      // What is still on its way is thrown away, so that the sender gets to read the answer.
      request.resume();
    }
  }

  /** @returns how many records were stored @throws TaishiError */
  async #accept(
    path: string | undefined,
    request: IncomingMessage,
    response: ServerResponse,
    intake: Intake,
    signal: AbortSignal,
  ): Promise<number> {
    const { headers } = request;
    if (path !== this.#options.path) throw new TaishiError("not-found");
    if (request.method !== "POST") throw new TaishiError("method-not-allowed");
    this.#authentication.checkHeaders(headers, this.#clock.now());
    const coding = headers["content-encoding"]?.trim().toLowerCase() ?? "identity";
    if (coding !== "identity" && coding !== "gzip")
      throw new TaishiError("unsupported-media-type", "Content-Encoding must be gzip or identity");
    const later = (): void => {
      if (intake.isFull) throw new TaishiError("rate-limited", "more is posted than is stored", { retryAfter: 5 });
    };
    later();
    return await this.#bodies.read(request, async (body) => {
      this.#authentication.checkBody(headers, body, this.#clock.now());
      const plain = coding === "gzip" ? await this.#bodies.expand(body) : body;
      later();
      const records = recordsIn(plain, this.#clock.now());
      if (records.length > 0) {
        const arrivals = records.map((record) => ({ record }));
        const bytes = plain.length + perRecord * records.length;
        await this.#store({ lane: this.#options.path, arrivals, bytes }, intake, response, signal);
      }
      return records.length;
    });
  }

  /** Resolves when the group is on disk. @throws TaishiError shutting-down where that is not known */
  #store(group: Group, intake: Intake, response: ServerResponse, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const stopping = (cause?: Error): TaishiError =>
        new TaishiError("shutting-down", "the agent is stopping", { retryAfter: 5, ...(cause && { cause }) });
      const settled = (failure?: Error): void => {
        this.#withdrawals.delete(withdraw);
        // A stop leaves what was being handed over unknown: posting it again is right then.
        if (failure === undefined && !signal.aborted) resolve();
        else reject(stopping(failure));
      };
      const own: Group = { ...group, settled };
      const withdraw = (): void => {
        if (intake.withdraw(own)) settled(new Error("withdrawn"));
      };
      this.#withdrawals.add(withdraw);
      // Nobody waits for the answer any more: it will be posted again.
      response.once("close", withdraw);
      intake.put(own);
    });
  }
}

function send(response: ServerResponse, status: number, body: object): void {
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, {
    "Content-Type": "application/json",
    "Content-Length": Buffer.byteLength(text),
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
  });
  response.end(text);
}

/** Stops listening; resolves when requests in flight were answered, or after a grace. */
function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), closeGraceMs);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
}
