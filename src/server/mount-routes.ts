// How a route of the own API is served: its caller is admitted before anything of a body is read, its outcome is told to the
// service's own audit, and what changed something is answered when that is on disk. Knows no route by name.
import { Readable } from "node:stream";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Clock } from "../clock.ts";
import { asTaishiError, errorTable, TaishiError } from "../errors.ts";
import type { OnCall, Response } from "../exchange.ts";
import { networkOf } from "../identity/address-brake.ts";
import type { Caller } from "../identity/caller.ts";
import { type Authenticated, authenticate, type Credentials, readBody } from "./authenticate.ts";
import { announcesBody, type BodyBudget, type BodyLease, readWire } from "./body.ts";
import { callRecord } from "./call-record.ts";
import type { Limits } from "./limits.ts";
import type { Answer, AnyRoute, OpenRoute, Route, ToldOfCall } from "./route.ts";
import { requireSameOrigin, setCookie } from "./session-cookie.ts";
import { headersOf, queryOf, targetOf } from "./wire-request.ts";

export interface MountRoutesOptions {
  readonly app: FastifyInstance;
  readonly credentials: Credentials;
  readonly limits: Limits;
  readonly budget: BodyBudget;
  readonly clock: Clock;
  readonly onCall: OnCall;
  /** Fires when the service begins to stop. */
  readonly stopping: AbortSignal;
  readonly send: (request: FastifyRequest, reply: FastifyReply, response: Response) => FastifyReply;
}

const jsonType = { "content-type": "application/json; charset=utf-8" } as const;

export function mountRoutes(routes: readonly AnyRoute[], options: MountRoutesOptions): void {
  for (const route of routes)
    options.app.route({
      method: route.method,
      url: route.path.replaceAll(/\{(\w+)\}/g, ":$1"),
      handler: (request, reply) => serve(route, request, reply, options),
    });
}

async function serve(
  route: AnyRoute,
  request: FastifyRequest,
  reply: FastifyReply,
  options: MountRoutesOptions,
): Promise<FastifyReply> {
  const lease = options.budget.lease();
  const told = new ToldCall(route, request, options);
  try {
    const admitted = (caller: Caller): void => {
      told.caller = caller;
    };
    const shared = {
      headers: headersOf(request),
      path: request.params as Record<string, string>,
      query: new URLSearchParams(queryOf(targetOf(request))),
      lease,
      tell: (facts: ToldOfCall) => told.tell(facts),
      gone: goneOf(reply, options.stopping),
    };
    const answer = await ("open" in route
      ? handleOpen(route, { request, options, shared, lease, admitted })
      : handleKnown(route, { request, options, shared, lease, admitted }));
    const written = told.done(undefined);
    if (route.audited?.readOnly === false) await written;
    return sendAnswer(answer, request, reply, options);
  } catch (thrown) {
    const { code } = asTaishiError(thrown);
    // Appends are not audited, but who tries them without a valid key is.
    if (route.audited !== undefined || errorTable[code].status === 401) void told.done(code);
    throw thrown;
  } finally {
    lease.release();
  }
}

interface Handling {
  readonly request: FastifyRequest;
  readonly options: MountRoutesOptions;
  readonly shared: Pick<Parameters<Route["handle"]>[0], "headers" | "path" | "query" | "lease" | "tell" | "gone">;
  readonly lease: BodyLease;
  readonly admitted: (caller: Caller) => void;
}

async function handleKnown(route: Route, { request, options, shared, lease, admitted }: Handling): Promise<Answer> {
  const { bodyLimit, act, passive } = route;
  const { credentials, limits } = options;
  const context = {
    credentials,
    limits,
    lease,
    bodyLimit,
    ...(act === undefined ? {} : { act }),
    ...(passive === undefined ? {} : { passive }),
  };
  const authenticated: Authenticated = await authenticate(request, context);
  admitted(authenticated.caller);
  route.precheck?.(shared.headers);
  return route.handle({ ...authenticated, ...shared, body: async () => readBody(request, authenticated, context) });
}

async function handleOpen(route: OpenRoute, { request, options, shared, lease, admitted }: Handling): Promise<Answer> {
  const { credentials, limits } = options;
  // Who they are is not known yet: their address has the allowance of a key.
  const wait = credentials.rateLimit.take(`address ${networkOf(request.ip)}`);
  if (wait !== true) throw new TaishiError("rate-limited", undefined, { retryAfter: wait });
  // Another site must not sign a browser in as somebody else.
  requireSameOrigin(request, false);
  route.precheck?.(shared.headers);
  return route.handle({
    ...shared,
    address: request.ip,
    admitted,
    sessionCookie: (secret) => setCookie(request, secret),
    body: async () =>
      announcesBody(request.raw)
        ? readWire(request.raw, { limit: route.bodyLimit, idleTimeout: limits.bodyIdleTimeout, lease })
        : Buffer.alloc(0),
  });
}

/** What the service's own audit is told of one call: once, when its outcome is known. */
class ToldCall {
  caller: Caller | undefined;
  #said: ToldOfCall = {};
  readonly #route: AnyRoute;
  readonly #request: FastifyRequest;
  readonly #options: MountRoutesOptions;

  constructor(route: AnyRoute, request: FastifyRequest, options: MountRoutesOptions) {
    this.#route = route;
    this.#request = request;
    this.#options = options;
  }

  tell(facts: ToldOfCall): void {
    this.#said = { ...this.#said, ...facts };
  }

  async done(errorCode: string | undefined): Promise<void> {
    const { audited } = this.#route;
    if (audited === undefined && errorCode === undefined) return;
    if (this.#said.silent === true && errorCode === undefined) return;
    const name = audited ?? { name: "AppendEvents", readOnly: false };
    const { clock, onCall } = this.#options;
    const record = callRecord(this.#request, { ...name, ...this.#said }, clock.now(), this.caller, errorCode);
    const others = errorCode === undefined ? (this.#said.concerns ?? []) : [];
    const accounts = new Set([record.account, ...others]);
    await Promise.all([...accounts].map(async (account) => onCall({ ...record, account })));
  }
}

function sendAnswer(
  answer: Answer,
  request: FastifyRequest,
  reply: FastifyReply,
  { send }: MountRoutesOptions,
): FastifyReply {
  if (typeof answer === "string") return send(request, reply, { status: 200, headers: jsonType, body: answer });
  if ("body" in answer)
    return send(request, reply, { status: 200, headers: { ...jsonType, ...answer.headers }, body: answer.body });
  reply.headers({ "x-content-type-options": "nosniff", "cache-control": "no-store", "x-request-id": request.id });
  reply.headers(answer.headers);
  // What fails on the way ends the connection: the client sees an answer that was cut, never one that looks whole (I5).
  return reply.send(Readable.from(answer.stream, { objectMode: false, highWaterMark: 64 * 1024 }));
}

function goneOf(reply: FastifyReply, stopping: AbortSignal): () => AbortSignal {
  let signal: AbortSignal | undefined;
  return () => {
    if (signal !== undefined) return signal;
    const left = new AbortController();
    if (reply.raw.destroyed || reply.raw.closed) left.abort();
    else reply.raw.once("close", () => left.abort());
    signal = AbortSignal.any([left.signal, stopping]);
    return signal;
  };
}
