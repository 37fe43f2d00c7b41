// The door every Huawei-shaped call comes through: finds the operation by its path, finds out who is asking, calls the
// operation, puts what comes out, or goes wrong, into the cloud's form, and has the call recorded. Knows no operation itself
// and no HTTP server. Checks come in this order: path and method, which are public; credentials (the head's before the
// body's); the rate limit; the project; then the operation's own. Whose a project is counts only as the path names it:
// X-Project-Id need not be signed.
import type { Clock } from "../../clock.ts";
import { asTaishiError, TaishiError } from "../../errors.ts";
import type { CallRecord, OnCall, Request, Response } from "../../exchange.ts";
import type { Caller, Keyring } from "../../identity/caller.ts";
import type { Directory, Project, SignIn, UserToken } from "../../identity/directory.ts";
import { recordedParameters } from "./call-record.ts";
import {
  type Credential,
  claimedAccessKey,
  header,
  type RequestHead,
  readClaim,
  readCredential,
} from "./credential.ts";
import { answerResponse, errorBody, type Language, languageOf, newRequestId } from "./envelope.ts";
import { failureOf, foreignProject, type Service } from "./errors.ts";
import {
  type Answer,
  type AuthenticatedCall,
  type Call,
  type JsonObject,
  type Method,
  type Operation,
  type OwnFailure,
  readJsonObject,
  routesOf,
  type Told,
} from "./operation.ts";
import { parseQuery, type QueryParameter, splitTarget } from "./query-string.ts";
import { verifyCredential } from "./signature.ts";

export interface HuaweiGatewayOptions {
  readonly operations: readonly Operation[];
  readonly keyring: Keyring;
  readonly signIn: Pick<SignIn, "byUserToken">;
  readonly directory: Pick<Directory, "project">;
  readonly clock: Clock;
  /** Asked once a call with the authenticated key or user: true, or after how many seconds to try again. */
  readonly rateLimit?: { take(key: string): true | number };
  /** Told of every failure of ours before it is answered, for the log. */
  readonly onFault?: (error: unknown, requestId: string) => void;
  readonly onCall?: OnCall;
  readonly newRequestId?: () => string;
}

/** Whether a request may go on to have its body read, and how many bytes of it. */
export type Admission = { readonly maxBodyBytes: number } | { readonly refusal: Response };

export interface HuaweiGateway {
  (request: Request): Promise<Response>;
  /** Everything that can be refused by the head alone, which is then on record. The call itself checks it again. */
  admit(head: RequestHead): Admission;
  /** An error in this cloud's form, for what fails before the gateway is asked. */
  error(thrown: unknown, head: Partial<RequestHead>): Response;
}

const apiVersion = "v3";

type Identity =
  | { readonly kind: "nobody" }
  | { readonly kind: "signed"; readonly credential: Credential }
  | { readonly kind: "known"; readonly caller: Caller; readonly userToken: UserToken | undefined };

/** What is found out about a request so far; a failure is answered and recorded with as much of it as there is. */
interface Findings {
  readonly head: RequestHead;
  readonly now: number;
  readonly requestId: string;
  readonly language: Language;
  operation: Operation | undefined;
  params: Readonly<Record<string, string>>;
  query: readonly QueryParameter[];
  caller: Caller | undefined;
  userToken: UserToken | undefined;
  project: Project | undefined;
  body: JsonObject | undefined;
  told: Told;
}

/** @throws RangeError where two operations have one place */
export function createHuaweiGateway(options: HuaweiGatewayOptions): HuaweiGateway {
  const routes = routesOf(options.operations);
  const { keyring, signIn, directory } = options;

  const begin = (head: RequestHead): Findings => ({
    head,
    now: options.clock.now(),
    requestId: (options.newRequestId ?? newRequestId)(),
    language: languageOf(head),
    operation: undefined,
    params: {},
    query: [],
    caller: undefined,
    userToken: undefined,
    project: undefined,
    body: undefined,
    told: {},
  });

  /** The head's half: the operation, and who claims to ask. */
  const inspect = (findings: Findings): { operation: Operation; identity: Identity } => {
    const { head, now } = findings;
    const { path, query } = splitTarget(head.target);
    const { operation, params } = routes.find(head.method, path);
    findings.operation = operation;
    findings.params = params;
    findings.query = parseQuery(query);
    return { operation, identity: operation.auth === "none" ? { kind: "nobody" } : identify(head, now) };
  };

  const identify = (head: RequestHead, now: number): Identity => {
    const claim = readClaim(head);
    if (claim.kind === "signature") return { kind: "signed", credential: readCredential(head, keyring, now) };
    if (claim.kind === "bearer") {
      const caller = keyring.byToken(claim.token);
      if (caller === undefined) throw new TaishiError("invalid-token");
      return { kind: "known", caller, userToken: undefined };
    }
    const userToken = signIn.byUserToken(claim.token);
    if (userToken === undefined) throw new TaishiError("invalid-token");
    return { kind: "known", caller: userToken.caller, userToken };
  };

  const perform = async (request: Request, findings: Findings): Promise<Answer> => {
    const { operation, identity } = inspect(findings);
    if (request.body.length > operation.maxBodyBytes) throw new TaishiError("too-large");
    const call = callOf(request, findings);
    if (operation.auth === "none") return await operation.handle(call);
    if (identity.kind === "signed") findings.caller = verifyCredential(request, identity.credential, keyring);
    if (identity.kind === "known") ({ caller: findings.caller, userToken: findings.userToken } = identity);
    const { caller, userToken } = findings;
    if (caller === undefined) throw new TaishiError("missing-credentials");
    const wait = options.rateLimit?.take(limitKey(caller, userToken)) ?? true;
    if (wait !== true) throw new TaishiError("rate-limited", undefined, { retryAfter: wait });
    const authenticated: AuthenticatedCall = { ...call, caller, userToken };
    if (operation.auth === "caller") return await operation.handle(authenticated);
    const project = projectOf(findings.params.project_id ?? "", caller, userToken);
    findings.project = project;
    return await operation.handle({ ...authenticated, project });
  };

  /** One refusal for all that is not the caller's (I7); a token asked for one project is good for that one. */
  const projectOf = (id: string, caller: Caller, userToken: UserToken | undefined): Project => {
    const project = directory.project(id);
    if (project === undefined || project.account !== caller.account) throw foreignProject();
    if (userToken?.project !== undefined && userToken.project.id !== project.id) throw foreignProject();
    return project;
  };

  const fail = (thrown: unknown, findings: Findings): OwnFailure => {
    const error = asTaishiError(thrown);
    if (error.code === "internal") options.onFault?.(error.details.cause ?? error, findings.requestId);
    const { operation, language, requestId } = findings;
    const authenticated = operation?.auth === "none" || findings.caller !== undefined;
    // A service's own form is for what the service says, not for what is refused at the door.
    if (authenticated && operation?.failure !== undefined) return operation.failure(error, language);
    const { status, code, message, headers } = failureOf(error, language, operation?.service);
    const allow = error.code === "method-not-allowed" ? { allow: error.details.subject ?? "" } : {};
    return { status, code, headers: { ...headers, ...allow }, body: errorBody(code, message, requestId) };
  };

  const record = async (findings: Findings, errorCode: string | undefined): Promise<void> => {
    const { operation, told } = findings;
    if (operation === undefined) return;
    // A document that is open to all was read: there is nobody to record it for.
    if (operation.auth === "none" && errorCode === undefined && told.account === undefined) return;
    await options.onCall?.(callRecord(findings, operation, errorCode));
  };

  /** For what changes nothing: it is answered whether or not, and before, it is on record. */
  const recordAside = (findings: Findings, errorCode: string | undefined): void => {
    record(findings, errorCode).catch((thrown: unknown) => options.onFault?.(thrown, findings.requestId));
  };

  const respond = (answer: Answer | OwnFailure, { requestId, head }: Findings): Response => {
    const response = answerResponse({ status: answer.status ?? 200, headers: answer.headers }, answer.body, requestId);
    return head.method === "HEAD" ? { ...response, body: "" } : response;
  };

  const handle = async (request: Request): Promise<Response> => {
    const findings = begin(request);
    try {
      const answer = await perform(request, findings);
      // What changed something is told only when it is on record.
      if (findings.operation?.readOnly === false) await record(findings, undefined);
      else recordAside(findings, undefined);
      return respond(answer, findings);
    } catch (thrown) {
      const failure = fail(thrown, findings);
      recordAside(findings, failure.code);
      return respond(failure, findings);
    }
  };

  const admit = (head: RequestHead): Admission => {
    const findings = begin(head);
    try {
      return { maxBodyBytes: inspect(findings).operation.maxBodyBytes };
    } catch (thrown) {
      const failure = fail(thrown, findings);
      recordAside(findings, failure.code);
      return { refusal: respond(failure, findings) };
    }
  };

  const error = (thrown: unknown, head: Partial<RequestHead>): Response => {
    const findings = begin({ method: "", target: "", headers: {}, ...head });
    return respond(fail(thrown, findings), findings);
  };

  return Object.assign(handle, { admit, error });
}

function callOf(request: Request, findings: Findings): Call {
  return {
    requestId: findings.requestId,
    method: request.method as Method, // one of an operation's methods: the routes found it
    target: request.target,
    params: findings.params,
    query: findings.query,
    header: (name) => header(request, name),
    json: () => {
      findings.body ??= readJsonObject(request.body, header(request, "content-encoding"));
      return findings.body;
    },
    language: findings.language,
    address: request.address,
    userAgent: header(request, "user-agent"),
    tell: (facts) => {
      findings.told = { ...findings.told, ...facts };
    },
  };
}

/** Users share no allowance with each other or with keys. */
function limitKey(caller: Caller, userToken: UserToken | undefined): string {
  return userToken === undefined ? caller.accessKey : `user:${userToken.user.id}`;
}

function callRecord(findings: Findings, operation: Operation, errorCode: string | undefined): CallRecord {
  const { head, caller, userToken, params, told } = findings;
  const source: Service = operation.service;
  // Of someone who proved nothing, nothing is kept but who they claim to be.
  const trusted = caller !== undefined || operation.auth === "none";
  const instance = params.instance_id;
  return {
    time: findings.now,
    account: told.account ?? caller?.account,
    accessKey: told.accessKey ?? (caller === undefined ? claimedAccessKey(head) : caller.accessKey || undefined),
    userName: told.userName ?? caller?.userName ?? userToken?.user.name,
    source,
    name: operation.name,
    version: apiVersion,
    region: told.region ?? findings.project?.name ?? userToken?.project?.name,
    requestId: findings.requestId,
    address: head.address ?? "",
    userAgent: header(head, "user-agent"),
    readOnly: operation.readOnly,
    parameters: trusted ? recordedParameters({ params, query: findings.query, body: findings.body }) : undefined,
    errorCode,
    resources: told.resources ?? (instance === undefined ? undefined : [{ type: "instance", id: instance }]),
  };
}
