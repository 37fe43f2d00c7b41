// Sessions of the console: what a cookie stands for. Kept in memory by the cookie's SHA-256, so that a restart signs everybody
// out and memory read by another opens nothing. A session holds the digest of a token and is never more than that token allows:
// when its user or key is disabled, deleted or given new secrets, the token is void and so is the session, at its next use or
// at the next sweep. Bounded per holder and in all.
import type { Clock } from "../clock.ts";
import type { Caller } from "./caller.ts";
import { newSessionSecret, tokenDigest } from "./credential.ts";
import type { SignIn } from "./directory.ts";
import type { UserInfo } from "./directory-records.ts";

/** Without a request for so long a session ends. */
export const sessionIdleMs = 30 * 60_000;
/** And so long after signing in, whatever happens. */
export const sessionMostMs = 12 * 3_600_000;
/** Beyond these the one used longest ago ends. */
const mostPerHolder = 50;
const mostSessions = 10_000;
/** Reads remembered of a session, so that they are told of once. */
const mostTold = 100;

/** What sessions need of the identity store. */
export interface SessionIdentity extends Pick<SignIn, "signIn"> {
  account(id: string): { readonly name: string } | undefined;
  signInByToken(input: { readonly token: string; readonly address: string }): string;
  useFirstLink(input: {
    readonly token: string;
    readonly name: string;
    readonly password: string;
    readonly address: string;
  }): Promise<{ readonly user: UserInfo; readonly token: string }>;
  callerOf(digest: string): Caller | undefined;
  revokeDigest(digest: string): void;
}

/** A session as its holder may see it; times are epoch milliseconds. */
export interface SessionState {
  readonly caller: Caller;
  readonly opened: number;
  /** When it ends unless it is used before. */
  readonly idleUntil: number;
  /** When it ends in any case. */
  readonly expires: number;
}

export interface OpenedSession {
  /** The cookie's value, shown this once. */
  readonly secret: string;
  readonly state: SessionState;
}

interface Session {
  readonly token: string;
  /** The token was made for this session and ends with it. */
  readonly owned: boolean;
  readonly holder: string;
  readonly opened: number;
  used: number;
  readonly told: Set<string>;
}

export interface ConsoleSessionsOptions {
  readonly identity: SessionIdentity;
  readonly clock: Clock;
  readonly idleMs?: number;
  readonly mostMs?: number;
}

export class ConsoleSessions {
  readonly #identity: SessionIdentity;
  readonly #clock: Clock;
  readonly #idleMs: number;
  readonly #mostMs: number;
  /** By the cookie's digest, in the order of last use. */
  readonly #sessions = new Map<string, Session>();

  constructor({ identity, clock, idleMs = sessionIdleMs, mostMs = sessionMostMs }: ConsoleSessionsOptions) {
    this.#identity = identity;
    this.#clock = clock;
    this.#idleMs = idleMs;
    this.#mostMs = mostMs;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** @param input.account the account's number or name @throws TaishiError as SignIn.signIn does */
  async signIn(input: {
    readonly account: string;
    readonly user: string;
    readonly password: string;
    readonly address: string;
  }): Promise<OpenedSession> {
    const domain = this.#identity.account(input.account)?.name ?? input.account;
    const { user: name, password, address } = input;
    const { token } = await this.#identity.signIn({ domain, name, password, address });
    return this.#open(tokenDigest(token), true);
  }

  /** @throws TaishiError invalid-token | forbidden | rate-limited */
  signInByToken(input: { readonly token: string; readonly address: string }): OpenedSession {
    return this.#open(this.#identity.signInByToken(input), false);
  }

  /** Makes the first user and signs them in. @throws TaishiError link-void | invalid-parameter | rate-limited */
  async signInFirst(
    input: Parameters<SessionIdentity["useFirstLink"]>[0],
  ): Promise<OpenedSession & { readonly user: UserInfo }> {
    const { user, token } = await this.#identity.useFirstLink(input);
    return { user, ...this.#open(tokenDigest(token), true) };
  }

  /** The session of a cookie, as it is now; looking is no use of it. */
  find(secret: string): SessionState | undefined {
    const session = this.#alive(tokenDigest(secret));
    return session === undefined ? undefined : this.#describe(session);
  }

  /** The same, and it was used: its idle time begins anew. */
  use(secret: string): SessionState | undefined {
    const digest = tokenDigest(secret);
    const session = this.#alive(digest);
    if (session === undefined) return undefined;
    session.used = this.#clock.now();
    this.#sessions.delete(digest);
    this.#sessions.set(digest, session);
    return this.#describe(session);
  }

  /** Whether this was not told of this session before; from now on it was. */
  tellOnce(secret: string, what: string): boolean {
    const told = this.#sessions.get(tokenDigest(secret))?.told;
    if (told === undefined || told.has(what)) return false;
    if (told.size >= mostTold) told.delete(told.values().next().value!);
    told.add(what);
    return true;
  }

  /** Signs out. */
  end(secret: string): void {
    const digest = tokenDigest(secret);
    const session = this.#sessions.get(digest);
    this.#sessions.delete(digest);
    if (session?.owned === true) this.#identity.revokeDigest(session.token);
  }

  /** Ends what is over; called about once a second. */
  sweep(): void {
    for (const digest of this.#sessions.keys()) this.#alive(digest);
  }

  #open(token: string, owned: boolean): OpenedSession {
    const { account, accessKey, userName } = this.#identity.callerOf(token)!;
    const holder = JSON.stringify([account, accessKey, userName]);
    const mine = [...this.#sessions].filter(([, session]) => session.holder === holder);
    if (mine.length >= mostPerHolder) this.#sessions.delete(mine[0]![0]);
    else if (this.#sessions.size >= mostSessions) this.#sessions.delete(this.#sessions.keys().next().value!);
    const secret = newSessionSecret();
    const now = this.#clock.now();
    const session: Session = { token, owned, holder, opened: now, used: now, told: new Set() };
    this.#sessions.set(tokenDigest(secret), session);
    return { secret, state: this.#describe(session)! };
  }

  #alive(digest: string): Session | undefined {
    const session = this.#sessions.get(digest);
    if (session === undefined) return undefined;
    const now = this.#clock.now();
    const over = now >= session.used + this.#idleMs || now >= session.opened + this.#mostMs;
    if (!over && this.#identity.callerOf(session.token) !== undefined) return session;
    this.#sessions.delete(digest);
    return undefined;
  }

  #describe({ token, opened, used }: Session): SessionState | undefined {
    const caller = this.#identity.callerOf(token);
    const expires = opened + this.#mostMs;
    return caller && { caller, opened, idleUntil: Math.min(used + this.#idleMs, expires), expires };
  }
}
