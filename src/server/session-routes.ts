// /api/v1/session: signing in to the console and out again. A password or token goes in, a cookie comes out; no answer, audit
// or message holds either. Whoever guesses is slowed down by address, as at every other sign-in (identity/sign-in.ts).
import { type TSchema, Type } from "typebox";
import { Compile } from "typebox/compile";
import { TaishiError } from "../errors.ts";
import { formatMillis } from "../event/time.ts";
import { roles } from "../identity/caller.ts";
import type { ConsoleSessions, OpenedSession, SessionState } from "../identity/console-sessions.ts";
import { jsonBodyBytes, readJson, requireJson } from "./json-body.ts";
import { refuseParameters } from "./read-routes.ts";
import type { AnyRoute, OpenCall, OpenRoute, Route } from "./route.ts";

const instant = (description: string) => Type.String({ format: "date-time", description });
const secretText = (description: string) =>
  Type.String({ minLength: 1, maxLength: 1024, description, writeOnly: true });

const SessionSchema = Type.Object(
  {
    account: Type.String(),
    accountName: Type.String(),
    role: Type.Union(roles.map((role) => Type.Literal(role))),
    operator: Type.Boolean({ description: "May create accounts and import keys; never so of a user." }),
    accessKey: Type.String({ description: "Empty where a user signed in with a password." }),
    userName: Type.Optional(Type.String()),
    opened: instant("When they signed in."),
    idleUntil: instant("When it ends unless it is used before."),
    expires: instant("When it ends in any case."),
  },
  { $id: "Session", description: "Who is signed in, and until when." },
);

const PasswordSignIn = Type.Object(
  {
    account: Type.String({ minLength: 1, maxLength: 256, description: "The account's number or name." }),
    user: Type.String({ minLength: 1, maxLength: 256 }),
    password: secretText("The user's password."),
  },
  { additionalProperties: false },
);
const TokenSignIn = Type.Object(
  { token: secretText("A key's token, or one that a user got for a password.") },
  { additionalProperties: false },
);
/** Closed, so that a misspelled member is refused by its name; which belong together is checked after. */
const EitherSignIn = Type.Object(
  { ...Type.Partial(PasswordSignIn).properties, ...Type.Partial(TokenSignIn).properties },
  { additionalProperties: false },
);
const NewSession = Type.Union([PasswordSignIn, TokenSignIn], { $id: "NewSession" });

const FirstSession = Type.Object(
  {
    token: secretText("What stands after #first= in the link that the first start printed."),
    user: Type.String({ description: "The name of the user to make: 1 to 64 printable characters." }),
    password: Type.String({ description: "8 to 128 characters, no control characters.", writeOnly: true }),
  },
  { $id: "FirstSession", additionalProperties: false },
);

export interface SessionDoor {
  readonly sessions: Pick<ConsoleSessions, "signIn" | "signInByToken" | "signInFirst" | "end">;
  readonly accountName: (account: string) => string | undefined;
}

export function sessionRoutes({ sessions, accountName }: SessionDoor): readonly AnyRoute[] {
  const eitherSignIn = Compile(EitherSignIn);
  const firstSession = Compile(FirstSession);

  const shown = ({ caller, opened, idleUntil, expires }: SessionState): string => {
    const { account, role, operator, accessKey, userName } = caller;
    return JSON.stringify({
      account,
      accountName: accountName(account) ?? account,
      role,
      operator,
      accessKey,
      userName,
      opened: formatMillis(opened),
      idleUntil: formatMillis(idleUntil),
      expires: formatMillis(expires),
    });
  };
  const opened = (call: OpenCall, { secret, state }: OpenedSession) => {
    call.admitted(state.caller);
    return { headers: { "set-cookie": call.sessionCookie(secret) }, body: shown(state) };
  };

  const signIn = door({
    method: "POST",
    path: "/api/v1/session",
    operationId: "signIn",
    audited: { name: "SignIn", readOnly: false },
    summary: "Sign in to the console",
    description:
      "With an account's user and password, or with a token. Sets the session's cookie: HttpOnly, SameSite=Strict, for this host only.",
    body: NewSession,
    errors: [],
    handle: async (call) => {
      refuseParameters(call.query);
      const { account, user, password, token } = await readJson(call, eitherSignIn);
      if (token !== undefined) {
        for (const [field, value] of Object.entries({ account, user, password }))
          if (value !== undefined)
            throw new TaishiError("invalid-parameter", `${field}: cannot be given with a token`, { field });
        return opened(call, sessions.signInByToken({ token, address: call.address }));
      }
      if (account === undefined || user === undefined || password === undefined) {
        const field = account === undefined ? "account" : user === undefined ? "user" : "password";
        throw new TaishiError("missing-parameter", `${field}: is required`, { field });
      }
      return opened(call, await sessions.signIn({ account, user, password, address: call.address }));
    },
  });

  const first = door({
    method: "POST",
    path: "/api/v1/session/first",
    operationId: "signInFirst",
    audited: { name: "CreateUser", readOnly: false },
    summary: "Make the first user with the link of the first start, and sign them in",
    description:
      "An administrator of the first account. The link is good once, for 24 hours, and only while that account has no user.",
    body: FirstSession,
    errors: [403],
    handle: async (call) => {
      refuseParameters(call.query);
      const { token, user: name, password } = await readJson(call, firstSession);
      const session = await sessions.signInFirst({ token, name, password, address: call.address });
      call.tell({ parameters: { name, role: "admin" }, resources: [{ type: "user", id: session.user.id }] });
      return opened(call, session);
    },
  });

  const get: Route = {
    method: "GET",
    path: "/api/v1/session",
    bodyLimit: 0,
    passive: true,
    operationId: "getSession",
    audited: { name: "GetSession", readOnly: true },
    summary: "Say who is signed in, and until when",
    description: "With a session's cookie only; 404 with other credentials. Asking is no use of the session.",
    answer: SessionSchema,
    errors: [404],
    handle: async ({ query, session }) => {
      refuseParameters(query);
      if (session === undefined) throw noSession();
      return shown(session.state);
    },
  };

  const signOut: Route = {
    method: "DELETE",
    path: "/api/v1/session",
    bodyLimit: 0,
    operationId: "signOut",
    audited: { name: "SignOut", readOnly: false },
    summary: "Sign out",
    description: "The answer is the session as it was.",
    answer: SessionSchema,
    errors: [404],
    handle: async ({ query, session }) => {
      refuseParameters(query);
      if (session === undefined) throw noSession();
      sessions.end(session.secret);
      return { headers: { "set-cookie": session.clearCookie }, body: shown(session.state) };
    },
  };
  return [signIn, first, get, signOut];
}

function door({
  body,
  ...route
}: Omit<OpenRoute, "open" | "bodyLimit" | "requestBody" | "precheck" | "answer"> & {
  readonly body: TSchema;
}): OpenRoute {
  return {
    ...route,
    open: true,
    bodyLimit: jsonBodyBytes,
    requestBody: { "application/json": body },
    precheck: requireJson,
    answer: SessionSchema,
    errors: [...(route.errors ?? []), 413, 415],
  };
}

function noSession(): TaishiError {
  return new TaishiError("not-found", "the request has no session: these credentials are shown each time");
}
