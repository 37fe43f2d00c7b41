// The control socket: how a command reaches the server that owns a data directory. HTTP over a Unix socket that only its
// owner may open (0600): POST / {"name", "input"} → {"result"} or {"error"}. Whoever can open it is the operator.
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, request, type Server } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { asTaishiError, type ErrorCode, type ErrorDetails, Fatal, TaishiError } from "../errors.ts";
import type { Log } from "../log.ts";
import { type Offered, operationNames } from "./operation-names.ts";
import type { Operations } from "./operations.ts";

/** Longest path a Unix socket can have on the systems we run on. */
const longestSocketPath = 100;
/** How long a command under way has to finish when the service stops. */
const closeGraceMs = 5_000;
const mostBodyBytes = 64 * 1024 * 1024;

type Answer =
  | { readonly result: unknown }
  | { readonly error: { readonly code: ErrorCode; readonly message: string; readonly details: ErrorDetails } };

/** Where the socket of a data directory goes: inside it, or in a private temporary directory where that is too long. */
export function controlSocketPath(dataDirectory: string): string {
  const path = join(dataDirectory, "control.sock");
  return path.length <= longestSocketPath ? path : join(mkdtempSync(join(tmpdir(), "taishi-")), "control.sock");
}

export class ControlServer {
  readonly #server: Server;
  readonly #path: string;
  readonly #dataDirectory: string;

  private constructor(server: Server, path: string, dataDirectory: string) {
    this.#server = server;
    this.#path = path;
    this.#dataDirectory = dataDirectory;
  }

  static async start(
    path: string,
    dataDirectory: string,
    operations: Operations,
    { log, onFatal }: { readonly log: Log; readonly onFatal: (error: Fatal) => void },
  ): Promise<ControlServer> {
    rmSync(path, { force: true }); // we own the directory, so a socket there is a dead one's
    const server = createServer(async (incoming, outgoing) => {
      let answer: Answer;
      try {
        const chunks: Buffer[] = [];
        let bytes = 0;
        for await (const chunk of incoming as AsyncIterable<Buffer>) {
          bytes += chunk.length;
          if (bytes > mostBodyBytes) throw new TaishiError("too-large");
          chunks.push(chunk);
        }
        answer = { result: await run(operations, JSON.parse(Buffer.concat(chunks).toString("utf8"))) };
      } catch (thrown) {
        const error = asTaishiError(thrown);
        if (error.code === "internal") log.error({ err: thrown }, "a control call failed");
        if (thrown instanceof Fatal) onFatal(thrown);
        const { cause: _cause, ...details } = error.details;
        answer = { error: { code: error.code, message: error.message, details } };
      }
      outgoing.writeHead(200, { "content-type": "application/json" });
      outgoing.end(JSON.stringify(answer));
    });
    await new Promise<void>((resolve, reject) => server.once("error", reject).listen(path, resolve));
    chmodSync(path, 0o600); // main.ts's umask has kept others out until here
    return new ControlServer(server, path, dataDirectory);
  }

  async close(): Promise<void> {
    this.#server.closeIdleConnections();
    const grace = setTimeout(() => this.#server.closeAllConnections(), closeGraceMs);
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    clearTimeout(grace);
    const directory = dirname(this.#path);
    if (directory === this.#dataDirectory) rmSync(this.#path, { force: true });
    else rmSync(directory, { recursive: true, force: true });
  }
}

async function run(operations: Operations, call: unknown): Promise<unknown> {
  const { name, input } = call as { name: (typeof operationNames)[number]; input: never };
  if (!operationNames.includes(name))
    throw new TaishiError("unknown-action", `the running server knows no operation ${String(name)}`);
  return operations[name](input);
}

/** Operations over the socket, in the same form as in place. */
export function remoteOperations(socketPath: string): Offered {
  const call = (name: string) => (input: unknown) => post(socketPath, JSON.stringify({ name, input }));
  return Object.fromEntries(operationNames.map((name) => [name, call(name)])) as unknown as Offered;
}

function post(socketPath: string, body: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const unreachable = (cause: unknown): void =>
      reject(
        new Fatal("the server that owns the data directory does not answer on its control socket", {
          hint: "It may just be starting or stopping; try again.",
          cause,
        }),
      );
    const outgoing = request({ socketPath, method: "POST", path: "/" }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("error", unreachable);
      incoming.on("end", () => {
        try {
          const answer = JSON.parse(Buffer.concat(chunks).toString("utf8")) as Answer;
          if ("error" in answer) reject(new TaishiError(answer.error.code, answer.error.message, answer.error.details));
          else resolve(answer.result);
        } catch (thrown) {
          unreachable(thrown);
        }
      });
    });
    outgoing.on("error", unreachable);
    outgoing.end(body);
  });
}
