// What a route of the own API is: its place, who may use it, its words in the OpenAPI document, and its handler, side by
// side. server.ts mounts a list of them and openapi.ts prints the same list, so neither can know one the other does not.
import type { TSchema } from "typebox";
import type { CallRecord, Response } from "../exchange.ts";
import type { Act, Caller } from "../identity/caller.ts";
import type { Authenticated } from "./authenticate.ts";
import type { BodyLease } from "./body.ts";

/** A request of the own API after its caller was admitted. */
export interface Call extends Authenticated, AnyCall {}

/** A request to a route that admits its caller by itself. */
export interface OpenCall extends AnyCall {
  /** Where it comes from, as far as the proxies on the way are trusted. */
  readonly address: string;
  /** Who it turned out to be: from here on the call is theirs. */
  readonly admitted: (caller: Caller) => void;
  /** Set-Cookie of a new session with this secret. */
  readonly sessionCookie: (secret: string) => string;
}

interface AnyCall {
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Path parameters, percent-decoded. */
  readonly path: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** The body as it is on the wire; counted against the lease. */
  readonly body: () => Promise<Buffer>;
  readonly lease: BodyLease;
  /** Says more of the call to the service's own audit; never a secret. What is told later replaces what was. */
  readonly tell: (facts: ToldOfCall) => void;
  /** Fires when the client goes before its answer has ended, or the service is about to stop. */
  readonly gone: () => AbortSignal;
}

export interface ToldOfCall {
  /** In place of the route's own name for the audit. */
  readonly name?: string;
  /** Beside the query, e.g. members of the body. */
  readonly parameters?: Readonly<Record<string, unknown>>;
  readonly resources?: CallRecord["resources"];
  /** Accounts that the act concerns beside the caller's: it is told in their logs too. */
  readonly concerns?: readonly string[];
  /** The call was told of before and is not told again. */
  readonly silent?: boolean;
}

export interface RouteParameter {
  readonly name: string;
  readonly in: "query" | "path" | "header";
  readonly required?: boolean;
  readonly schema: TSchema;
  readonly description?: string;
}

export interface Route extends RouteDescription {
  /** Resolves to the 200 answer. @throws TaishiError */
  handle(call: Call): Promise<Answer>;
}

/** A route for those who have no credentials yet. */
export interface OpenRoute extends RouteDescription {
  readonly open: true;
  handle(call: OpenCall): Promise<Answer>;
}

export type AnyRoute = Route | OpenRoute;

/** The text of an answer, with further headers where it has any; or what is sent as it is made. */
export type Answer =
  | string
  | Pick<Response, "headers" | "body">
  | { readonly headers: Response["headers"]; readonly stream: AsyncIterable<string | Uint8Array> };

export interface RouteDescription {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** As in OpenAPI, e.g. "/api/v1/events/{seq}". */
  readonly path: string;
  /** Absent where any key will do. */
  readonly act?: Act;
  /** Bytes of a body as sent; 0 where there is none to send. */
  readonly bodyLimit: number;
  /** Whether asking is no use of a session: what a page asks by itself. */
  readonly passive?: true;
  readonly operationId: string;
  /** How the service's own audit calls it; absent: only who fails to authenticate is told. */
  readonly audited?: { readonly name: string; readonly readOnly: boolean };
  readonly summary: string;
  readonly description?: string;
  readonly parameters?: readonly RouteParameter[];
  /** Media type to schema. */
  readonly requestBody?: Readonly<Record<string, TSchema>>;
  /** The 200 answer. */
  readonly answer: TSchema;
  /** Its media type where it is not JSON. */
  readonly media?: string;
  /** What goes wrong here, beside what can everywhere. */
  readonly errors?: readonly number[];
  /** Checked before anything of the body is read. @throws TaishiError */
  readonly precheck?: (headers: Call["headers"]) => void;
}
