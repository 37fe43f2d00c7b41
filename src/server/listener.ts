// The bare HTTP or HTTPS server below Fastify: timeouts, header size, TLS, the connections and the requests in flight.
// Answers by itself only what is no HTTP request. RFC 9112.
import http, { type IncomingMessage, type ServerResponse } from "node:http";
import https from "node:https";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Limits } from "./limits.ts";
import { continueWhenRead } from "./unread-body.ts";

export interface TlsFiles {
  /** PEM. */
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** @throws Error where `tls` is no certificate and key */
export function listener(
  tls: TlsFiles | undefined,
  limits: Limits,
  connections: Connections,
  handler: Handler,
): http.Server {
  const options: http.ServerOptions = {
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headersTimeout,
    requestTimeout: limits.requestTimeout,
    keepAliveTimeout: limits.keepAliveTimeout,
    connectionsCheckingInterval: Math.min(5_000, limits.headersTimeout),
  };
  const handle: Handler = (request, response) => {
    connections.begin(response);
    handler(request, response);
  };
  const server =
    tls === undefined
      ? http.createServer(options, handle)
      : https.createServer(
          { ...options, cert: tls.cert, key: tls.key, handshakeTimeout: limits.headersTimeout },
          handle,
        );
  server.maxConnections = limits.connections;
  server.timeout = limits.silenceTimeout;
  server.on("connection", (socket: Socket) => connections.add(socket));
  server.on("checkContinue", (request: IncomingMessage, response: ServerResponse) => {
    continueWhenRead(request, response);
    handle(request, response);
  });
  return server;
}

/** The open connections, and how many requests on them have no answer yet. */
export class Connections {
  readonly #sockets = new Set<Socket>();
  #inFlight = 0;
  #whenQuiet: (() => void) | undefined;
  /** Set once, when the service stops. */
  closing = false;

  get inFlight(): number {
    return this.#inFlight;
  }

  add(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
  }

  begin(response: ServerResponse): void {
    this.#inFlight++;
    response.once("close", () => {
      this.#inFlight--;
      if (this.#inFlight === 0) this.#whenQuiet?.();
    });
  }

  /** Resolves when nothing is in flight, or after `grace` milliseconds. */
  async quiet(grace: number): Promise<void> {
    if (this.#inFlight === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, grace);
      this.#whenQuiet = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  destroy(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

const statusLines: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: "431 Request Header Fields Too Large",
  HPE_CHUNK_EXTENSIONS_OVERFLOW: "413 Content Too Large",
  ERR_HTTP_REQUEST_TIMEOUT: "408 Request Timeout",
};
const refused = new WeakSet<Duplex>();

/** Answers what cannot be read as HTTP, or did not arrive in time, and closes the connection. */
export function refuseMalformed(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (refused.has(socket)) return;
  refused.add(socket);
  // Node's own mark of the answer that is being written: nothing may be put into the middle of it.
  const answering = (socket as { _httpMessage?: ServerResponse | null })._httpMessage;
  if (error.code === "ECONNRESET" || !socket.writable || answering?.headersSent === true) {
    socket.destroy();
    return;
  }
  const status = statusLines[error.code ?? ""] ?? "400 Bad Request";
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n\r\n`,
  );
  // What is still on its way is let through for a moment, so that the answer is not lost to a reset.
  setTimeout(() => socket.destroy(), 1_000).unref();
}
