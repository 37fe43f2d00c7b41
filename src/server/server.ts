// The HTTP server: assembles routes, limits, TLS and the orderly stop on Fastify, and gives every error the form of its
// path. It is given the cloud APIs as one gateway at "/" and knows no dialect. Never parses or buffers a body by itself:
// handlers ask for theirs (body.ts), after the caller was admitted.

import { randomBytes } from "node:crypto";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from "fastify";
import type { Clock } from "../clock.ts";
import { asTaishiError, Fatal, TaishiError } from "../errors.ts";
import type { CallRecord, OnCall, Request, Response } from "../exchange.ts";
import type { LogVisibility } from "../identity/account-settings.ts";
import type { Caller, Keyring } from "../identity/caller.ts";
import type { ConsoleSessions } from "../identity/console-sessions.ts";
import type { SavedSearches } from "../identity/saved-searches.ts";
import type { Appender, PublishedLogs } from "../ledger/port.ts";
import type { Log } from "../log.ts";

import type { CountQueries, Queries, SearchQueries, StoryQueries } from "../query/query.ts";
import { type AccountAdministration, accountRoutes } from "./account-routes.ts";

import { type AgentBoard, agentRoutes } from "./agent-routes.ts";
import { appendRoute } from "./append-route.ts";
import type { RateLimiter } from "./authenticate.ts";
import { announcesBody, BodyBudget, readWire } from "./body.ts";
import { callRecord } from "./call-record.ts";
import { ConsoleFiles } from "./console-files.ts";
import { type DatabaseAuditFiles, databaseRoutes } from "./database-routes.ts";
import { type AccountDirectory, instanceRoutes, projectRoutes } from "./directory-routes.ts";
import { exportRoute } from "./export-route.ts";
import { asBuffer, asksForNoAction, fromFramework, originForm, wantsPage } from "./framework.ts";
import { type HealthReport, livenessResponse, readinessResponse } from "./health.ts";
import { type KeyAdministration, keyRoutes } from "./key-routes.ts";
import { defaultLimits, type Limits } from "./limits.ts";
import { Connections, listener, refuseMalformed, type TlsFiles } from "./listener.ts";
import { LogFiles } from "./log-files.ts";
import { Metrics, type MetricsSource } from "./metrics.ts";
import type { Downloads, Gateway, Mount } from "./mount.ts";
import { mountRoutes } from "./mount-routes.ts";
import { openapiDocument } from "./openapi.ts";
import { errorForm, huaweiResponse, problemResponse } from "./problem.ts";
import { proofRoutes } from "./proof-routes.ts";
import { dialectsRoute, type EventDialects, entryRoute, listRoute } from "./read-routes.ts";
import type { AnyRoute } from "./route.ts";
import { savedSearchRoutes } from "./saved-search-routes.ts";
import { sessionRoutes } from "./session-routes.ts";
import { type ServiceStatus, statsRoutes, statusRoute } from "./stats-routes.ts";
import { storyRoute } from "./story-route.ts";
import { tailRoute } from "./tail-route.ts";
import { type TrailList, trailRoute } from "./trail-route.ts";
import { lingering } from "./unread-body.ts";
import { userRoutes } from "./user-routes.ts";
import { whoamiRoute } from "./whoami-route.ts";
import { headersOf, pathOf, targetOf, wireRequest } from "./wire-request.ts";

export interface ServerOptions {
  readonly appender: Appender;
  readonly queries: Pick<Queries, "list" | "entry"> & CountQueries & SearchQueries & StoryQueries;
  /** Entries of an account's log that are acknowledged. */
  readonly size: (account: string) => number;
  readonly status: (account: string) => ServiceStatus;
  readonly logs: PublishedLogs;
  /** "private" where there is no such account. */
  readonly logVisibility: (account: string) => LogVisibility;
  /** Projects, database instances and users, by account. */
  readonly directory: AccountDirectory;
  readonly auditFiles: DatabaseAuditFiles;
  /** Standing exports, by account. */
  readonly trails: TrailList;
  readonly accounts: AccountAdministration;
  readonly keys: KeyAdministration;
  readonly searches: Pick<SavedSearches, "list" | "create" | "change" | "delete">;
  /** An event as each cloud's API would return it, by the API's name. */
  readonly dialects: EventDialects;
  /** What agents say of themselves. */
  readonly agents: AgentBoard;
  readonly keyring: Pick<Keyring, "byToken">;
  /** The console's sessions. */
  readonly sessions: ConsoleSessions;
  readonly accountName: (account: string) => string | undefined;
  /** Verifies a signed request of the own API. @throws TaishiError */
  readonly verify: (request: Request) => Caller;
  readonly precheck?: (headers: Request["headers"], target: string) => void;
  readonly isSigned: (headers: Request["headers"], target: string) => boolean;
  /** The cloud APIs at the root path. */
  readonly gateway: Gateway;
  readonly mounts?: readonly Mount[];
  /** What GET / answers to those who ask for no action and no page. */
  readonly rootDocument?: () => Response;
  /** Signed links: who has one needs no other credentials. @throws TaishiError where it is void */
  readonly downloads?: Downloads;
  /** The web console's files, by their path below its folder. */
  readonly console?: ReadonlyMap<string, Uint8Array>;
  /** Told of every call of the own API but appends; awaited before an answer that changed something. */
  readonly onCall?: OnCall;
  readonly rateLimit: RateLimiter;
  readonly health: () => HealthReport;
  readonly metricsSources: readonly MetricsSource[];
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
  readonly limits?: Partial<Limits>;
  readonly tls?: TlsFiles;
  /** Addresses and CIDR ranges whose X-Forwarded-* is believed. */
  readonly trustedProxies: readonly string[];
  /** Schemes named in WWW-Authenticate; "Bearer" alone where absent. */
  readonly challenges?: readonly string[];
  /** Told when a handler finds that state is unknown; the process must stop. */
  readonly onFatal?: (fatal: Fatal) => void;
}

export interface Server {
  /** The routes of the own API, as mounted. */
  readonly routes: readonly AnyRoute[];
  /** @returns where it listens; port 0 picks one */
  listen(host: string, port: number): Promise<AddressInfo>;
  /** For new connections. @throws where the files are no certificate and key; the old ones stay */
  reloadTls(tls: TlsFiles): void;
  /** Refuses what is new, lets what is in flight end (bounded), then closes every connection. */
  close(): Promise<void>;
}

/** A server that is ready to listen. @throws Error on a certificate or a proxy range that cannot be read */
export async function createServer(options: ServerOptions): Promise<Server> {
  const limits: Limits = { ...defaultLimits, ...options.limits };
  const budget = new BodyBudget(limits.bufferedBytes);
  const connections = new Connections();
  const metrics = new Metrics([
    ...options.metricsSources,
    {
      name: "taishi_http_buffered_body_bytes",
      help: "Bytes of request bodies held now.",
      read: () => budget.held,
    },
    {
      name: "taishi_http_requests_in_flight",
      help: "Requests whose answer has not ended.",
      read: () => connections.inFlight,
    },
  ]);
  const challenges = options.challenges ?? ["Bearer"];
  const stopping = new AbortController();
  const routes: readonly AnyRoute[] = [
    appendRoute(options.appender, limits, (events, bytes) => metrics.appended(events, bytes)),
    listRoute(options.queries),
    entryRoute(options.queries),
    dialectsRoute(options.queries, options.dialects),
    tailRoute(options),
    exportRoute(options.queries),
    ...statsRoutes(options.queries),
    storyRoute(options.queries),
    statusRoute(options.status, options.version, options.clock),
    ...proofRoutes(options.logs),
    whoamiRoute(),
    ...sessionRoutes({ sessions: options.sessions, accountName: options.accountName }),
    ...agentRoutes(options.agents),
    ...accountRoutes(options.accounts),
    ...keyRoutes(options.keys),
    ...savedSearchRoutes(options.searches),
    ...projectRoutes(options.directory),
    ...instanceRoutes(options.directory),
    ...databaseRoutes({ files: options.auditFiles, directory: options.directory }),
    trailRoute(options.trails),
    ...userRoutes(options.directory),
  ];

  const app = fastify({
    serverFactory: (handler) => listener(options.tls, limits, connections, handler),
    trustProxy: options.trustedProxies.length === 0 ? false : [...options.trustedProxies],
    logger: false,
    genReqId: () => randomBytes(16).toString("hex"),
    return503OnClosing: false,
    clientErrorHandler: refuseMalformed,
    frameworkErrors: (error, request, reply) => fail(error, request as FastifyRequest, reply as FastifyReply),
    exposeHeadRoutes: false,
    rewriteUrl: ({ url = "/" }) => originForm(url),
    routerOptions: { maxParamLength: 256 },
  }) as unknown as FastifyInstance;

  const send = (request: FastifyRequest, reply: FastifyReply, response: Response): FastifyReply => {
    reply.code(response.status);
    // Answers are about accounts; nothing on the way may keep them.
    reply.headers({ "x-content-type-options": "nosniff", "cache-control": "no-store", "x-request-id": request.id });
    reply.headers(response.headers);
    // So that no client sends its next request into a connection that is about to be closed.
    if (connections.closing) reply.header("connection", "close");
    const body = typeof response.body === "string" ? Buffer.from(response.body) : asBuffer(response.body);
    const rest = lingering(request.raw, body, limits);
    if (rest === undefined) return reply.send(body);
    return reply.headers({ connection: "close", "content-length": String(body.length) }).send(rest);
  };

  const fail = (thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const error = fromFramework(thrown);
    if (error.code === "internal") {
      options.log.error({ requestId: request.id, method: request.method, err: error.cause }, "a request failed");
      if (error.cause instanceof Fatal) options.onFatal?.(error.cause);
    }
    const path = pathOf(targetOf(request));
    const mount = options.mounts?.find(({ owns }) => owns(path));
    if (mount !== undefined)
      return send(request, reply, mount.gateway.error(error, wireRequest(request, new Uint8Array())));
    const form = errorForm(path);
    if (form === "problem") return send(request, reply, problemResponse(error, { requestId: request.id, challenges }));
    if (form === "huawei") return send(request, reply, huaweiResponse(error));
    return send(request, reply, options.gateway.error(error, wireRequest(request, new Uint8Array())));
  };

  // Bodies are left on the wire for the handlers.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", (_request, _payload, done) => done(null));
  app.setErrorHandler((error, request, reply) => fail(error, request, reply));
  app.setNotFoundHandler((request, reply) => fail(notFound(request), request, reply));
  app.addHook("onRequest", async () => {
    if (connections.closing) throw new TaishiError("shutting-down", undefined, { retryAfter: 1 });
  });
  app.addHook("onResponse", async (request, reply) => {
    metrics.request(request.method, request.routeOptions.url ?? "other", reply.statusCode, reply.elapsedTime / 1000);
  });

  mountRoutes(routes, {
    app,
    credentials: options,
    limits,
    budget,
    clock: options.clock,
    onCall: options.onCall ?? (() => {}),
    stopping: stopping.signal,
    send,
  });

  const through =
    (gateway: Gateway) =>
    async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
      const admission = gateway.admit(wireRequest(request, new Uint8Array()), request.ip);
      if ("refusal" in admission) return send(request, reply, admission.refusal);
      const lease = budget.lease();
      try {
        const limit = Math.min(limits.gatewayBytes, admission.maxBodyBytes);
        const body = announcesBody(request.raw)
          ? await readWire(request.raw, { limit, idleTimeout: limits.bodyIdleTimeout, lease })
          : Buffer.alloc(0);
        return send(request, reply, await gateway.handle(wireRequest(request, body)));
      } finally {
        lease.release();
      }
    };
  const root = through(options.gateway);
  app.route({
    method: [...app.supportedMethods],
    url: "/",
    handler: async (request, reply) => {
      if (!asksForNoAction(request)) return root(request, reply);
      if (wantsPage(request))
        return send(request, reply, { status: 302, headers: { location: "/console/" }, body: "" });
      return options.rootDocument === undefined ? root(request, reply) : send(request, reply, options.rootDocument());
    },
  });
  for (const { paths, gateway } of options.mounts ?? [])
    for (const url of paths) app.route({ method: [...app.supportedMethods], url, handler: through(gateway) });

  const logFiles = new LogFiles(options, limits);
  app.route({
    method: ["GET", "HEAD"],
    url: logFiles.path,
    handler: async (request, reply) => {
      const lease = budget.lease();
      try {
        return send(request, reply, await logFiles.answer(request, lease));
      } finally {
        lease.release();
      }
    },
  });

  const { downloads } = options;
  if (downloads !== undefined)
    app.route({
      method: "GET",
      url: downloads.path,
      handler: async (request, reply) => {
        const told = (more: Partial<CallRecord>): void =>
          void options.onCall?.({
            ...callRecord(request, { name: downloads.name, readOnly: true }, options.clock.now(), undefined, undefined),
            source: downloads.source,
            ...more,
          });
        const download = await downloads.open(targetOf(request)).catch((thrown: unknown) => {
          told({ errorCode: asTaishiError(thrown).code });
          throw thrown;
        });
        const { headers, length, content } = download;
        told(download.told);
        reply.headers({ "x-content-type-options": "nosniff", "cache-control": "no-store", "x-request-id": request.id });
        reply.headers({ ...headers, "content-length": String(length) });
        return reply.send(Readable.from(content));
      },
    });

  const consoleFiles = new ConsoleFiles(options.console ?? new Map());
  app.route({
    method: ["GET", "HEAD"],
    url: consoleFiles.path,
    handler: async (request, reply) => {
      const { "accept-encoding": encoding, "if-none-match": tag } = headersOf(request);
      const path = pathOf(targetOf(request)).slice("/console/".length);
      return send(
        request,
        reply,
        consoleFiles.answer(path, { acceptEncoding: encoding ?? "", ifNoneMatch: tag ?? "" }),
      );
    },
  });
  app.route({
    method: "GET",
    url: "/console",
    handler: async (request, reply) =>
      send(request, reply, { status: 302, headers: { location: "/console/" }, body: "" }),
  });

  const document = JSON.stringify(openapiDocument(routes, options.version));
  const plain: Readonly<Record<string, () => Response | Promise<Response>>> = {
    "/openapi.json": () => ({ status: 200, headers: jsonType, body: document }),
    "/healthz": () => livenessResponse(options.clock),
    "/readyz": () => readinessResponse(options.health()),
    "/metrics": async () => ({
      status: 200,
      headers: { "content-type": metrics.contentType },
      body: await metrics.text(),
    }),
  };
  for (const [url, answer] of Object.entries(plain))
    app.route({ method: "GET", url, handler: async (request, reply) => send(request, reply, await answer()) });

  refuseOtherMethods(
    app,
    [
      ...routes.map(({ path, method }) => ({ path, method })),
      ...Object.keys(plain).map((path) => ({ path, method: "GET" })),
      ...["GET", "HEAD"].flatMap((method) => [logFiles.path, consoleFiles.path].map((path) => ({ path, method }))),
    ],
    fail,
  );
  await app.ready();

  return {
    routes,
    listen: async (host, port) => {
      await app.listen({ host, port });
      return app.server.address() as AddressInfo;
    },
    reloadTls: (tls) => {
      if (app.server instanceof https.Server) app.server.setSecureContext({ cert: tls.cert, key: tls.key });
    },
    close: async () => {
      connections.closing = true;
      stopping.abort();
      const closed = app.close();
      await connections.quiet(limits.closeGrace);
      connections.destroy();
      await closed;
      metrics.close();
    },
  };
}

const jsonType = { "content-type": "application/json; charset=utf-8" } as const;

/** Known paths with a method they do not have: 405 with Allow, in the form of the path. */
function refuseOtherMethods(
  app: FastifyInstance,
  known: readonly { readonly path: string; readonly method: string }[],
  fail: (error: TaishiError, request: FastifyRequest, reply: FastifyReply) => FastifyReply,
): void {
  for (const [path, places] of Map.groupBy(known, ({ path }) => path)) {
    const allowed = places.map(({ method }) => method);
    const others = app.supportedMethods.filter((method) => !allowed.includes(method));
    app.route({
      method: others,
      url: path.replaceAll(/\{(\w+)\}/g, ":$1"),
      handler: async (request, reply) => {
        reply.header("allow", allowed.join(", "));
        return fail(new TaishiError("method-not-allowed"), request, reply);
      },
    });
  }
}

function notFound(request: FastifyRequest): TaishiError {
  const path = pathOf(targetOf(request));
  return path === "/"
    ? new TaishiError("method-not-allowed")
    : new TaishiError("not-found", `no such path: ${path.slice(0, 200)}`);
}
