// Who is asking, at the own API. A bearer token is checked before a byte of the body is read; a signature covers the
// body, so its headers are checked first, then the bytes on the wire are held (bounded) and verified, and only then
// may anything expand or parse them. Knows no signature scheme: the verifier is given. Without an Authorization header the
// console's cookie counts, to requests of this very origin (session-cookie.ts).
import type { FastifyRequest } from "fastify";
import { TaishiError } from "../errors.ts";
import type { Request } from "../exchange.ts";
import { type Act, type Caller, type Keyring, may } from "../identity/caller.ts";
import type { ConsoleSessions, SessionState } from "../identity/console-sessions.ts";
import { announcesBody, type BodyLease, readWire } from "./body.ts";
import type { Limits } from "./limits.ts";
import { clearCookie, requireSameOrigin, sessionSecretOf } from "./session-cookie.ts";
import { headersOf, targetOf, wireRequest } from "./wire-request.ts";

/** Takes one request's worth of a key's allowance: true, or the seconds after which to try again. */
export interface RateLimiter {
  take(key: string): true | number;
}

export interface Credentials {
  readonly keyring: Pick<Keyring, "byToken">;
  /** Whether a request claims to be signed, in its headers or its query. */
  isSigned(headers: Request["headers"], target: string): boolean;
  /** What can be refused of a signed request before its body is there. @throws TaishiError */
  readonly precheck?: (headers: Request["headers"], target: string) => void;
  /** @throws TaishiError */
  verify(request: Request): Caller;
  readonly rateLimit: RateLimiter;
  readonly sessions: Pick<ConsoleSessions, "find" | "use" | "tellOnce">;
}

/** A body that means nothing to its route is covered by a signature all the same. */
const ignoredBytes = 64 * 1024;

/** A caller, and the body where it had to be read to know them. */
export interface Authenticated {
  readonly caller: Caller;
  /** The body's bytes on the wire, read already because the signature covers them. */
  readonly wire?: Buffer;
  /** Tells this signed request from every other one of the key. */
  readonly signature?: string;
  /** The console's, where that is what the caller came with. */
  readonly session?: CallSession;
  /** Whether the credentials still open what they opened: asked by answers that go on. */
  readonly stillValid: () => boolean;
}

export interface CallSession {
  readonly secret: string;
  readonly state: SessionState;
  /** Set-Cookie that takes it away. */
  readonly clearCookie: string;
  /** Whether this was not told of the session before. */
  readonly tellOnce: (what: string) => boolean;
}

export interface AuthenticateOptions {
  readonly credentials: Credentials;
  readonly limits: Limits;
  readonly lease: BodyLease;
  /** What the caller must be allowed to do; absent where any key will do. */
  readonly act?: Act;
  /** Most bytes of a signed body. */
  readonly bodyLimit: number;
  /** Whether asking is no use of a session. */
  readonly passive?: true;
}

/** @throws TaishiError of the 400s, 401, forbidden, rate-limited, too-large, overloaded */
export async function authenticate(request: FastifyRequest, options: AuthenticateOptions): Promise<Authenticated> {
  const { credentials, limits, lease, bodyLimit } = options;
  const headers = headersOf(request);
  const target = targetOf(request);
  const authorization = headers.authorization;
  const bearer = authorization === undefined ? null : /^bearer(?: +(.*))?$/i.exec(authorization.trim());
  if (bearer !== null) {
    const caller = credentials.keyring.byToken(bearer[1]?.trim() ?? "");
    if (caller === undefined) throw new TaishiError("invalid-token");
    admit(caller, options);
    return { caller, stillValid: () => isUsable(credentials, bearer[1]?.trim() ?? "") };
  }
  if (authorization === undefined) {
    const secret = sessionSecretOf(request);
    if (secret !== undefined && !credentials.isSigned(headers, target)) return bySession(request, secret, options);
  }
  if (!credentials.isSigned(headers, target))
    throw new TaishiError(
      "missing-credentials",
      authorization === undefined ? undefined : "The Authorization header is neither a bearer token nor a signature",
    );
  credentials.precheck?.(headers, target);
  const limit = bodyLimit === 0 ? ignoredBytes : bodyLimit;
  const wire = announcesBody(request.raw)
    ? await readWire(request.raw, { limit, idleTimeout: limits.bodyIdleTimeout, lease })
    : Buffer.alloc(0);
  const caller = credentials.verify(wireRequest(request, wire));
  admit(caller, options);
  const signature = /signature=\s*([0-9a-zA-Z+/=_-]{16,128})/i.exec(authorization ?? "")?.[1];
  // A signature is good for minutes, its key may be for years: what goes on asks for another kind of credentials.
  const stillValid = (): boolean => false;
  return signature === undefined ? { caller, wire, stillValid } : { caller, wire, stillValid, signature };
}

/** A key may be disabled while its answer goes on; a token for one project is refused before. */
function isUsable({ keyring }: Credentials, token: string): boolean {
  return keyring.byToken(token) !== undefined;
}

function bySession(request: FastifyRequest, secret: string, options: AuthenticateOptions): Authenticated {
  const { sessions } = options.credentials;
  // First, so that what another site causes is no use of the session either.
  requireSameOrigin(request, request.method === "GET" || request.method === "HEAD");
  const state = options.passive === true ? sessions.find(secret) : sessions.use(secret);
  if (state === undefined) throw new TaishiError("invalid-token", "The session is over: sign in again");
  admit(state.caller, options);
  return {
    caller: state.caller,
    session: {
      secret,
      state,
      clearCookie: clearCookie(request),
      tellOnce: (what) => sessions.tellOnce(secret, what),
    },
    stillValid: () => sessions.find(secret) !== undefined,
  };
}

function admit(caller: Caller, { credentials, act }: AuthenticateOptions): void {
  // Who signed in with a password has no key; each user has an allowance of their own.
  const holder = caller.accessKey === "" ? `user ${caller.account} ${caller.userName}` : caller.accessKey;
  const wait = credentials.rateLimit.take(holder);
  if (wait !== true) throw new TaishiError("rate-limited", undefined, { retryAfter: wait });
  if (act !== undefined && !may(caller, act))
    throw new TaishiError("forbidden", `the role ${caller.role} may not ${act}`);
}

/** The body of a request whose caller is known. */
export function readBody(
  request: FastifyRequest,
  { wire }: Authenticated,
  { limits, lease, bodyLimit }: Pick<AuthenticateOptions, "limits" | "lease" | "bodyLimit">,
): Promise<Buffer> | Buffer {
  if (wire !== undefined) return wire;
  if (!announcesBody(request.raw)) return Buffer.alloc(0);
  return readWire(request.raw, { limit: bodyLimit, idleTimeout: limits.bodyIdleTimeout, lease });
}
