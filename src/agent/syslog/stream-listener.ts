// Syslog over TCP, TLS and Unix stream sockets. Each connection is read only while there is room: then the sender's own
// queue fills, and nothing is lost. RFC 6587, RFC 5425.
import { rmSync } from "node:fs";
import net, { type Server, type Socket } from "node:net";
import tls from "node:tls";
import type { Clock } from "../../clock.ts";
import type { CertificateFiles } from "../certificate-files.ts";
import type { Intake } from "../intake.ts";
import type { Arrival } from "../received.ts";
import type { Troubles } from "../troubles.ts";
import { Framing } from "./framing.ts";
import type { Listen } from "./syslog-options.ts";

export interface StreamListenerOptions {
  readonly listen: Exclude<Listen, { transport: "udp" }> | Listen;
  readonly certificate: CertificateFiles | undefined;
  readonly mutual: boolean;
  readonly connections: number;
  readonly messageSize: number;
  readonly idleMs: number;
  readonly intake: Intake;
  readonly clock: Clock;
  readonly troubles: Troubles;
}

const handshakeMs = 15_000;
const keepAliveMs = 60_000;

export class StreamListener {
  readonly #options: StreamListenerOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #serving = new Set<Promise<void>>();
  #unfollow: () => void = () => undefined;

  constructor(options: StreamListenerOptions) {
    this.#options = options;
    const { certificate, mutual, connections, troubles } = options;
    const common = { keepAlive: true, keepAliveInitialDelay: keepAliveMs };
    const accept = (socket: Socket): void => {
      const served = this.#serve(socket);
      this.#serving.add(served);
      void served.finally(() => this.#serving.delete(served));
    };
    if (certificate === undefined) this.#server = net.createServer(common, accept);
    else {
      const client = { requestCert: mutual, rejectUnauthorized: mutual };
      const server = tls.createServer(
        { ...common, ...certificate.options, ...client, handshakeTimeout: handshakeMs },
        accept,
      );
      server.on("tlsClientError", ({ code }: NodeJS.ErrnoException) =>
        troubles.meet(`a client's TLS handshake failed${code === undefined ? "" : `: ${code}`}`),
      );
      this.#unfollow = certificate.follow((secure) => server.setSecureContext(secure));
      this.#server = server;
    }
    this.#server.maxConnections = connections;
    this.#server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
      // Whoever reads it is told as well; before a TLS handshake nobody does.
      socket.on("error", () => undefined);
    });
    this.#server.on("drop", () => troubles.meet(`a connection was refused: there were ${connections} already`));
  }

  get connections(): number {
    return this.#sockets.size;
  }

  get port(): number | undefined {
    const address = this.#server.address();
    return typeof address === "object" ? address?.port : undefined;
  }

  /** @param failed called where it stops listening by itself @throws Error where it cannot listen */
  async open(failed: (error: Error) => void): Promise<void> {
    try {
      await this.#listen();
    } catch (thrown) {
      const { listen } = this.#options;
      const inUse = (thrown as NodeJS.ErrnoException).code === "EADDRINUSE";
      if (!inUse || listen.transport !== "unix-stream" || !(await isLeftOver(listen.path))) throw thrown;
      rmSync(listen.path);
      await this.#listen();
    }
    this.#server.on("error", failed);
  }

  #listen(): Promise<void> {
    const { listen } = this.#options;
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(
        listen.transport === "unix-stream" ? { path: listen.path } : { host: listen.host, port: listen.port },
        () => {
          this.#server.off("error", reject);
          resolve();
        },
      );
    });
  }

  /** Resolves when nothing more comes from it. */
  async close(): Promise<void> {
    this.#unfollow();
    if (this.#server.listening) this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    while (this.#serving.size > 0) await Promise.all(this.#serving);
  }

  async #serve(socket: Socket): Promise<void> {
    const { intake, clock, messageSize, idleMs } = this.#options;
    const lane = laneOf(socket.remoteAddress);
    const framing = new Framing(messageSize);
    const put = (arrivals: readonly Arrival[]): void => {
      if (arrivals.length > 0) intake.put({ lane, arrivals, bytes: costOf(arrivals) });
    };
    // A connection that we do not read is not idle.
    const idle = (): void => {
      if (intake.isFull) socket.setTimeout(idleMs, idle);
      else socket.destroy();
    };
    if (idleMs > 0) socket.setTimeout(idleMs, idle);
    let done = false;
    try {
      for await (const piece of socket) {
        put(framing.take(piece as Buffer, clock.now()));
        await intake.room();
      }
      done = true;
    } catch {
      // However a connection breaks, what was read of it is kept, and what was not is the sender's to send again.
    }
    put(framing.end(clock.now(), done));
  }
}

/** What is known of who sent: the address that its packets came from. */
export function laneOf(address: string | undefined): string {
  return address?.replace(/^::ffff:(?=\d+\.)/, "") ?? "unix";
}

/** An object beside the text. */
const perRecord = 200;

export function costOf(arrivals: readonly Arrival[]): number {
  return arrivals.reduce((sum, { record }) => sum + record.text.length + (record.bytes?.length ?? 0) + perRecord, 0);
}

/** Whether nobody listens at a socket that is there: its owner was killed. */
function isLeftOver(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ path });
    socket.once("connect", () => resolve(false));
    socket.once("error", ({ code }: NodeJS.ErrnoException) => resolve(code === "ECONNREFUSED"));
    socket.once("connect", () => socket.destroy());
  });
}
