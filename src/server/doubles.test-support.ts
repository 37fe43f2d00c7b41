// Doubles for the server's tests: a keyring of fixed keys, a toy signature, a toy gateway, and a bare socket to say what no
// HTTP client would. Only tests import this file.
import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { connect } from "node:net";
import { TaishiError } from "../errors.ts";
import type { Request, Response } from "../exchange.ts";
import type { Caller, Keyring } from "../identity/caller.ts";
import { ConsoleSessions, type SessionIdentity } from "../identity/console-sessions.ts";
import { tokenDigest } from "../identity/credential.ts";
import { createLog } from "../log.ts";

import { AgentBoard } from "./agent-routes.ts";
import {
  MemoryAccounts,
  MemoryAuditFiles,
  MemoryTrails,
  noKeys,
  noSearches,
} from "./memory-administration.test-support.ts";

import { MemoryDirectory } from "./memory-directory.test-support.ts";
import { MemoryLedger, received } from "./memory-ledger.test-support.ts";
import { MemoryLogs } from "./memory-logs.test-support.ts";
import type { Gateway } from "./mount.ts";
import { createServer, type Server, type ServerOptions } from "./server.ts";

export const callers = {
  admin: { account: "2100000001", accessKey: "AKadmin", role: "admin", operator: true },
  writer: { account: "2100000001", accessKey: "AKwriter", role: "writer", operator: false },
  auditor: { account: "2100000001", accessKey: "AKauditor", role: "auditor", operator: false },
  other: { account: "2100000002", accessKey: "AKother", role: "admin", operator: false },
} as const satisfies Record<string, Caller>;
export type Name = keyof typeof callers;

const keyring: Pick<Keyring, "byToken"> = {
  byToken: (token) => (Object.hasOwn(callers, token) ? callers[token as Name] : undefined),
};

/** Knows the callers by their tokens; of passwords it knows none. */
const toyIdentity: SessionIdentity = {
  account: () => undefined,
  signIn: async () => Promise.reject(new TaishiError("wrong-password")),
  useFirstLink: async () => Promise.reject(new TaishiError("link-void")),
  signInByToken: ({ token }) => {
    if (!Object.hasOwn(callers, token)) throw new TaishiError("invalid-token");
    return tokenDigest(token);
  },
  callerOf: (digest) => Object.entries(callers).find(([token]) => tokenDigest(token) === digest)?.[1],
  revokeDigest: () => {},
};

/** The toy scheme: "TOY Credential=<name>, Signature=<sha256 of name, target and body>". */
export function toySignature(name: Name, target: string, body: string | Uint8Array): string {
  return `TOY Credential=${name}, Signature=${hash("sha256", Buffer.concat([Buffer.from(name + target), Buffer.from(body)]), "hex")}`;
}

function toyName(header: string | undefined): Name {
  const name = /Credential=(\w+)/.exec(header ?? "")?.[1] ?? "";
  if (!Object.hasOwn(callers, name)) throw new TaishiError("unknown-key", undefined, { subject: name });
  return name as Name;
}

/** Shapes as little as a test needs to tell whose answer it is, and tells what it was given. */
export class ToyGateway implements Gateway {
  admit(head: Pick<Request, "target">): { maxBodyBytes: number } | { refusal: Response } {
    if (!head.target.includes("Action=Refused")) return { maxBodyBytes: 1024 * 1024 };
    return { refusal: this.error(new TaishiError("missing-credentials")) };
  }

  readonly requests: Request[] = [];

  async handle(request: Request): Promise<Response> {
    this.requests.push(request);
    if (request.target.includes("Action=Fail")) throw new Error("broken");
    const { method, target, address, hosts } = request;
    return {
      status: 200,
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ method, target, address, hosts, bytes: request.body.length }),
    };
  }

  error(error: TaishiError): Response {
    return {
      status: error.status,
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ResponseMetadata: { Error: { Code: error.code } } }),
    };
  }
}

export interface House extends AsyncDisposable {
  readonly server: Server;
  readonly ledger: MemoryLedger;
  readonly logs: MemoryLogs;
  readonly directory: MemoryDirectory;
  readonly gateway: ToyGateway;
  readonly port: number;
  readonly url: string;
}

/** A server on a port of its own, closed at the end of the test. */
export async function openHouse(options: Partial<ServerOptions> = {}): Promise<House> {
  const ledger = new MemoryLedger();
  const gateway = new ToyGateway();
  const directory = new MemoryDirectory();
  const logs = new MemoryLogs();
  const server = await createServer({
    appender: ledger,
    queries: ledger,
    size: (account) => ledger.log(account).length,
    status: (account) => ({
      stored: ledger.log(account).length,
      signed: ledger.log(account).length,
      witnessed: null,
      minimumIndex: 0,
      checkpointTime: received,
      index: { covered: 3, size: 5 },
      disk: { free: 10, floor: 20, below: true },
      ready: false,
      started: received - 61_500,
    }),
    logs,
    logVisibility: (account) => logs.visibility.get(account) ?? "private",
    directory,
    auditFiles: new MemoryAuditFiles(),
    trails: new MemoryTrails(),
    accounts: new MemoryAccounts(["0", "2100000001", "2100000002"]),
    keys: noKeys,
    searches: noSearches,
    dialects: ({ seq }, account, language) => (seq === 0 ? { toy: { account, seq, language } } : {}),
    agents: new AgentBoard({ now: () => received }),
    keyring,
    sessions: new ConsoleSessions({ identity: toyIdentity, clock: { now: () => received } }),
    accountName: (account) => `name of ${account}`,
    isSigned: (headers) => headers.authorization?.startsWith("TOY ") === true,
    precheck: (headers) => void toyName(headers.authorization),
    verify: (request) => {
      const name = toyName(request.headers.authorization);
      if (request.headers.authorization !== toySignature(name, request.target, request.body))
        throw new TaishiError("signature-mismatch");
      return callers[name];
    },
    gateway,
    rateLimit: { take: () => true },
    health: () => ({ ready: true, index: { covered: 3, size: 3 } }),
    metricsSources: [],
    clock: { now: () => received },
    log: createLog("silent"),
    version: "0.0.0-test",
    trustedProxies: [],
    challenges: ["Bearer", "TOY"],
    ...options,
  });
  const { port } = await server.listen("127.0.0.1", 0);
  const scheme = options.tls === undefined ? "http" : "https";
  return {
    server,
    ledger,
    logs,
    directory,
    gateway,
    port,
    url: `${scheme}://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => server.close(),
  };
}

export function sampleEvent(members: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    kind: "security",
    time: "2024-09-29T11:38:34Z",
    resource: { type: "endpoint", id: "ep-20241107-1" },
    type: "SshLogin",
    risk: "Medium",
    contents: [{ key: "Tag", value: "Unknown" }],
    ...members,
  };
}

export interface PostOptions {
  readonly as?: Name;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An append of a body as it is, JSON unless the headers say otherwise. */
export function post(house: House, body: string | Uint8Array, { as = "writer", headers = {} }: PostOptions = {}) {
  return fetch(`${house.url}/api/v1/events`, {
    method: "POST",
    headers: { authorization: `Bearer ${as}`, "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : Buffer.from(body),
  });
}

/** A request of any method; what is given as an object is sent as JSON. */
export function send(
  house: House,
  method: string,
  target: string,
  content?: object | string | Uint8Array,
  { as = "admin", headers = {} }: PostOptions = {},
): Promise<globalThis.Response> {
  const json = { "content-type": "application/json" };
  return fetch(house.url + target, {
    method,
    headers: { authorization: `Bearer ${as}`, ...(content === undefined ? {} : json), ...headers },
    ...(content === undefined
      ? {}
      : {
          body:
            typeof content === "string" || content instanceof Uint8Array
              ? Buffer.from(content as string)
              : JSON.stringify(content),
        }),
  });
}

export function get(house: House, target: string, as: Name = "auditor"): Promise<globalThis.Response> {
  return fetch(house.url + target, { headers: { authorization: `Bearer ${as}` } });
}

/** The problem that an answer holds, after checking what all problems have in common. */
export async function problemOf(answer: globalThis.Response): Promise<Record<string, unknown>> {
  assert.equal(answer.headers.get("content-type"), "application/problem+json");
  assert.equal(answer.headers.get("x-content-type-options"), "nosniff");
  const problem = (await answer.json()) as Record<string, unknown>;
  assert.equal(problem.status, answer.status);
  assert.equal(problem.type, `/errors#${problem.code}`);
  assert.match(String(problem.requestId), /^[0-9a-f]{32}$/);
  assert.equal(problem.requestId, answer.headers.get("x-request-id"));
  return problem;
}

/** A bare connection that remembers what came. */
export class Wire {
  readonly #socket;
  #text = "";
  readonly closed: Promise<void>;

  constructor(port: number) {
    this.#socket = connect(port, "127.0.0.1");
    this.#socket.on("data", (piece) => {
      this.#text += piece.toString("latin1");
    });
    this.#socket.on("error", () => {});
    this.closed = new Promise((resolve) => this.#socket.once("close", () => resolve()));
  }

  get text(): string {
    return this.#text;
  }

  get answers(): number {
    return this.#text.split(/HTTP\/1\.1 (?!100)/).length - 1;
  }

  send(text: string | Uint8Array): void {
    this.#socket.write(text);
  }

  /** Resolves when what came matches; rejects when the connection ends before. */
  async until(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.#text)) {
      if (this.#socket.closed) throw new Error(`closed before ${pattern}: ${this.#text.slice(0, 500)}`);
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#socket.off("data", wake).off("close", wake);
          resolve();
        };
        this.#socket.on("data", wake).on("close", wake);
      });
    }
  }

  /** Sends everything before looking at any answer, as simple clients do. */
  async sendAll(pieces: Iterable<Uint8Array>): Promise<void> {
    this.#socket.pause();
    for (const piece of pieces)
      if (!this.#socket.write(piece) && !this.#socket.destroyed)
        await new Promise<void>((resolve) => {
          const wake = (): void => {
            this.#socket.off("drain", wake).off("close", wake);
            resolve();
          };
          this.#socket.on("drain", wake).on("close", wake);
        });
    this.#socket.resume();
  }

  end(): void {
    this.#socket.destroy();
  }
}
