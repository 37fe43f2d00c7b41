// The door every Volcengine-shaped call comes through: finds the action, finds out who is asking, calls the action, and
// puts what comes out, or goes wrong, into the envelope. Knows no action itself and no HTTP server.
// Checks come in this order: method; Action and Version; credentials (the head's before the body's); whether the action
// exists; its method; then the action's own. So nobody unauthenticated learns more than that the door is here.
import type { Clock } from "../../clock.ts";
import { asTaishiError, TaishiError } from "../../errors.ts";
import type { OnCall, Request, Response } from "../../exchange.ts";
import type { Caller, Keyring } from "../../identity/caller.ts";
import { recordedParameters } from "../../redact.ts";
import { type Credential, header, type RequestHead, readCredential } from "./credential.ts";
import { type EnvelopeError, failureResponse, type Metadata, newRequestId, successResponse } from "./envelope.ts";
import { errorResponse } from "./gateway-errors.ts";
import { type ParameterSource, readParameters } from "./parameters.ts";
import { parseTarget, type QueryParameter } from "./query-string.ts";
import { verifyCredential } from "./signature.ts";

/** An authenticated call, as an action gets it. */
export interface Call extends ParameterSource {
  readonly caller: Caller;
  readonly requestId: string;
  /** From the credential's scope. */
  readonly region: string;
  readonly address: string;
  readonly acceptLanguage: string | undefined;
}

export interface Action {
  readonly action: string;
  readonly version: string;
  /** Echoed in answers; the credential's scope may name any service. */
  readonly service: string;
  readonly methods: readonly ("GET" | "POST")[];
  readonly maxBodyBytes: number;
  /** Resolves to the Result. What it throws is answered in Volcengine's form. */
  handle(call: Call): Promise<unknown>;
  /**
   * The form of an error of an authenticated call in this service's own table; undefined leaves it to the gateway's.
   * Not asked about what is refused before the action is called.
   */
  errorForm?(
    error: TaishiError,
    metadata: Metadata,
  ): { readonly status: number; readonly error: EnvelopeError } | undefined;
}

export interface GatewayOptions {
  readonly actions: readonly Action[];
  readonly keyring: Keyring;
  readonly clock: Clock;
  /** Asked once a call with the authenticated key: true, or after how many seconds to try again. */
  readonly rateLimit?: { take(accessKey: string): true | number };
  /** Told of every call once its outcome is known; awaited before an answer that changed something. */
  readonly onCall?: OnCall;
  readonly newRequestId?: (now: number) => string;
  /** Told of every failure of ours before it is answered, for the log. */
  readonly onFault?: (error: unknown, requestId: string) => void;
}

/** Whether a request may go on to have its body read, and how many bytes of it. */
export type Admission = { readonly maxBodyBytes: number } | { readonly refusal: Response };

export interface Gateway {
  (request: Request): Promise<Response>;
  /** Everything that can be refused by the head alone. The call itself checks it again. */
  admit(head: RequestHead, address: string): Admission;
}

/** Echoed where no credential scope names a region: bearer tokens, and failures before a scope is read. */
const defaultRegion = "cn-beijing";
/** For actions that do not exist: enough for the signature of a small body to be checked before saying so. */
const unknownActionBytes = 64 * 1024;
const longestName = 128;

/** What is found out about a request so far; an error is answered with as much of it as there is. */
type Findings = { -readonly [Key in keyof Metadata]: Metadata[Key] };

interface Inspected {
  readonly query: readonly QueryParameter[];
  readonly method: "GET" | "POST";
  readonly identity: { readonly credential: Credential } | { readonly caller: Caller };
  readonly action: Action | undefined;
}

export function createGateway(options: GatewayOptions): Gateway {
  const actions = new Map<string, Action>();
  for (const action of options.actions) {
    const key = `${action.action} ${action.version}`;
    if (actions.has(key)) throw new RangeError(`two actions are called ${key}`);
    actions.set(key, action);
  }

  const begin = (): { now: number; findings: Findings } => {
    const now = options.clock.now();
    const requestId = (options.newRequestId ?? newRequestId)(now);
    return { now, findings: { requestId, region: defaultRegion } };
  };

  const refuse = (thrown: unknown, findings: Findings, called?: Action): Response => {
    const error = asTaishiError(thrown);
    if (error.code === "internal") options.onFault?.(error.details.cause ?? error, findings.requestId);
    const own = called?.errorForm?.(error, findings);
    return own === undefined ? errorResponse(error, findings) : failureResponse(own.status, own.error, findings);
  };

  const inspect = (head: RequestHead, now: number, findings: Findings): Inspected => {
    const method = head.method;
    if (method !== "GET" && method !== "POST")
      throw new TaishiError("method-not-allowed", undefined, { subject: method });
    const { query } = parseTarget(head.target);
    findings.action = single(query, "Action");
    findings.version = single(query, "Version");
    const action = actions.get(`${findings.action} ${findings.version}`);
    findings.service = action?.service;
    const token = bearerToken(head);
    if (token !== undefined) {
      const caller = options.keyring.byToken(token);
      if (caller === undefined) throw new TaishiError("invalid-token");
      return { query, method, identity: { caller }, action };
    }
    const credential = readCredential(head, options.keyring, now);
    findings.region = credential.scope.region;
    findings.service ??= credential.scope.service;
    return { query, method, identity: { credential }, action };
  };

  /** The call for the service's own audit; `caller` is absent where nobody was authenticated. */
  const record = async (request: Request, findings: Findings, now: number, caller?: Caller, code?: string) => {
    const readOnly = readingAction.test(findings.action ?? "");
    const told = options.onCall?.({
      time: now,
      account: caller?.account,
      accessKey: caller?.accessKey ?? claimedKey(request),
      userName: caller?.userName,
      source: findings.service ?? "",
      name: findings.action ?? "",
      version: findings.version,
      region: findings.region,
      requestId: findings.requestId,
      address: request.address,
      userAgent: header(request, "user-agent"),
      readOnly,
      // Of the unauthenticated nothing is kept that they could fill our log with.
      parameters: caller === undefined ? undefined : parametersText(request),
      errorCode: code,
    });
    if (!readOnly) await told;
  };

  const handle = async (request: Request): Promise<Response> => {
    const { now, findings } = begin();
    let known: Caller | undefined;
    let called: Action | undefined;
    try {
      const { query, method, identity, action } = inspect(request, now, findings);
      const tooLarge = request.body.length > (action?.maxBodyBytes ?? unknownActionBytes);
      if (tooLarge) throw new TaishiError("too-large");
      const caller =
        "caller" in identity ? identity.caller : verifyCredential(request, identity.credential, options.keyring).caller;
      known = caller;
      const wait = options.rateLimit?.take(caller.accessKey) ?? true;
      if (wait !== true) throw new TaishiError("rate-limited", undefined, { retryAfter: wait });
      if (action === undefined) throw new TaishiError("unknown-action");
      if (!action.methods.includes(method)) throw new TaishiError("method-not-allowed", undefined, { subject: method });
      called = action;
      const result = await action.handle({
        caller,
        requestId: findings.requestId,
        region: findings.region ?? defaultRegion,
        address: request.address,
        method,
        query,
        acceptLanguage: header(request, "accept-language"),
        contentType: header(request, "content-type"),
        contentEncoding: header(request, "content-encoding"),
        body: request.body,
      });
      await record(request, findings, now, caller);
      return successResponse(result, findings);
    } catch (thrown) {
      const response = refuse(thrown, findings, called);
      await record(request, findings, now, known, errorCodeOf(response));
      return response;
    }
  };

  const admit = (head: RequestHead, address: string): Admission => {
    const { now, findings } = begin();
    try {
      return { maxBodyBytes: inspect(head, now, findings).action?.maxBodyBytes ?? unknownActionBytes };
    } catch (thrown) {
      const refusal = refuse(thrown, findings);
      void record(
        { ...head, body: new Uint8Array(), address, hosts: [] },
        findings,
        now,
        undefined,
        errorCodeOf(refusal),
      );
      return { refusal };
    }
  };

  return Object.assign(handle, { admit });
}

/** Names of actions that only read, as the clouds name them. */
const readingAction = /^(Describe|Get|List|Lookup)/;

/** What a call asked for, secrets removed; undefined where it cannot be read. */
function parametersText(request: Request): string | undefined {
  try {
    const { values } = readParameters({
      method: request.body.length === 0 ? "GET" : "POST",
      query: parseTarget(request.target).query.filter(({ name }) => !/^(Action|Version|X-.*)$/i.test(name)),
      contentType: header(request, "content-type"),
      contentEncoding: header(request, "content-encoding"),
      body: request.body,
    });
    return recordedParameters(values);
  } catch (thrown) {
    if (thrown instanceof TaishiError) return undefined;
    throw thrown;
  }
}

/** The access key a request claims, whether or not it is one. */
function claimedKey(head: RequestHead): string | undefined {
  const claim = `${header(head, "authorization") ?? ""} ${head.target}`;
  return /Credential=([A-Za-z0-9_-]{1,128})(?:\/|%2F)/i.exec(claim)?.[1];
}

function errorCodeOf(response: Response): string {
  const { ResponseMetadata } = JSON.parse(String(response.body)) as { ResponseMetadata: { Error: { Code: string } } };
  return ResponseMetadata.Error.Code;
}

function single(query: readonly QueryParameter[], name: string): string {
  const values = query.filter((parameter) => parameter.name === name).map(({ value }) => value);
  const [value = ""] = values;
  if (value === "") throw new TaishiError("missing-parameter", undefined, { field: name });
  if (values.length > 1) throw new TaishiError("invalid-parameter", "It may occur only once.", { field: name });
  if (value.length > longestName) throw new TaishiError("invalid-parameter", "It is too long.", { field: name });
  return value;
}

/** The token of an Authorization header of the Bearer scheme, ours beside the cloud's; undefined where it is another. */
function bearerToken(head: RequestHead): string | undefined {
  const match = /^bearer(?:[ \t]+(.*))?$/i.exec(header(head, "authorization")?.trim() ?? "");
  return match === null ? undefined : (match[1] ?? "").trim();
}
