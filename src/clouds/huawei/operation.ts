// What an operation of a Huawei API is, as a dialect declares it and the gateway finds it by path. Knows no operation itself.
// Pure but for the call's own memory of its parsed body.
import { TaishiError } from "../../errors.ts";
import { maxDepth, nestsDeeperThan } from "../../event/canonical.ts";
import type { Caller } from "../../identity/caller.ts";
import type { Project, UserToken } from "../../identity/directory.ts";
import type { Language } from "./envelope.ts";
import type { Service } from "./errors.ts";
import type { QueryParameter } from "./query-string.ts";

export type Method = "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
export type JsonObject = Readonly<Record<string, unknown>>;

/** What only the operation knows of a call, for the record of it. */
export interface Told {
  /** Whose log the call belongs to, where the operation itself found out who asks. */
  readonly account?: string;
  readonly userName?: string;
  readonly accessKey?: string;
  readonly region?: string;
  readonly resources?: readonly { readonly type: string; readonly id: string }[];
}

/** A call, as an operation gets it. */
export interface Call {
  readonly requestId: string;
  readonly method: Method;
  /** As on the request line. */
  readonly target: string;
  /** The path's parameters, percent-decoded. */
  readonly params: Readonly<Record<string, string>>;
  /** In the order sent; a "+" is still a "+". */
  readonly query: readonly QueryParameter[];
  /** A header by its lower-case name. */
  header(name: string): string | undefined;
  /**
   * The body as a JSON object; `{}` where there is none.
   * @throws TaishiError malformed-body (not UTF-8, not JSON, nested deeper than 64, no object at its top) |
   *   unsupported-media-type (compressed)
   */
  json(): JsonObject;
  readonly language: Language;
  readonly address: string;
  readonly userAgent: string | undefined;
  /** Adds to the record of this call; the last word on each member counts. */
  tell(facts: Told): void;
}

/** A call whose caller is known. */
export interface AuthenticatedCall extends Call {
  readonly caller: Caller;
  /** Present where the caller came with an X-Auth-Token. */
  readonly userToken: UserToken | undefined;
}

/** A call on a project that belongs to the caller's account. */
export interface ProjectCall extends AuthenticatedCall {
  readonly project: Project;
}

export interface Answer {
  /** Default 200. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A JSON value; bytes go out as they are (with a content-type among the headers); absent: no body. */
  readonly body?: unknown;
}

/** An error as a service with a form of its own answers it. */
export interface OwnFailure {
  readonly status: number;
  /** As the record of the call has it. */
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

interface OperationBase {
  readonly service: Service;
  /** As Huawei calls it, e.g. "ListAuditLogs". */
  readonly name: string;
  readonly methods: readonly Method[];
  /** E.g. "/v3/{project_id}/instances/{instance_id}/audit-logs". A segment is either text or one parameter. */
  readonly path: string;
  /** Changes nothing, so its answer need not wait until the call is on record. */
  readonly readOnly: boolean;
  readonly maxBodyBytes: number;
  /** The service's own form of what `handle` throws; absent: the gateway's. */
  readonly failure?: (error: TaishiError, language: Language) => OwnFailure;
}

/**
 * `none`: anybody. `caller`: whoever proves who they are. `project`: also, the path's project_id is a project of the caller's
 * account; never what X-Project-Id says, which need not be signed.
 */
export type Operation = OperationBase &
  (
    | { readonly auth: "none"; handle(call: Call): Promise<Answer> }
    | { readonly auth: "caller"; handle(call: AuthenticatedCall): Promise<Answer> }
    | { readonly auth: "project"; handle(call: ProjectCall): Promise<Answer> }
  );

export interface Found {
  readonly operation: Operation;
  readonly params: Readonly<Record<string, string>>;
}

export interface Routes {
  /** @throws TaishiError unknown-action | method-not-allowed, its subject the methods that are */
  find(method: string, path: string): Found;
}

interface Template {
  readonly operation: Operation;
  readonly segments: readonly string[];
  /** How many segments are text: the more of them, the better it fits. */
  readonly texts: number;
}

/** @throws RangeError where two operations have one place */
export function routesOf(operations: readonly Operation[]): Routes {
  const bySize = new Map<number, Template[]>();
  const places = new Set<string>();
  for (const operation of operations) {
    const segments = operation.path.split("/");
    for (const method of operation.methods) {
      const place = `${method} ${segments.map((segment) => (isParameter(segment) ? "{}" : segment)).join("/")}`;
      if (places.has(place)) throw new RangeError(`two operations have the place ${place}`);
      places.add(place);
    }
    const texts = segments.filter((segment) => !isParameter(segment)).length;
    const size = bySize.get(segments.length) ?? [];
    size.push({ operation, segments, texts });
    bySize.set(segments.length, size);
  }
  for (const templates of bySize.values()) templates.sort((a, b) => b.texts - a.texts);
  return {
    find: (method, path) => {
      const segments = decodedSegments(path);
      const fitting = (bySize.get(segments.length) ?? []).filter((template) => fits(template, segments));
      const best = fitting.filter(({ texts }) => texts === fitting[0]!.texts);
      if (best.length === 0) throw new TaishiError("unknown-action");
      const chosen = best.find(({ operation }) => operation.methods.some((name) => name === method));
      if (chosen === undefined)
        throw new TaishiError("method-not-allowed", undefined, {
          subject: [...new Set(best.flatMap(({ operation }) => operation.methods))].join(", "),
        });
      const params = chosen.segments.flatMap((segment, at) =>
        isParameter(segment) ? [[segment.slice(1, -1), segments[at]!] as const] : [],
      );
      return { operation: chosen.operation, params: Object.fromEntries(params) };
    },
  };
}

function isParameter(segment: string): boolean {
  return segment.startsWith("{") && segment.endsWith("}");
}

function fits({ segments: template }: Template, segments: readonly string[]): boolean {
  return template.every((segment, at) => (isParameter(segment) ? segments[at] !== "" : segment === segments[at]));
}

/** A slash at the end means nothing: some clients join it to their endpoint. */
function decodedSegments(path: string): readonly string[] {
  const trimmed = path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
  try {
    return trimmed.split("/").map(decodeURIComponent);
  } catch {
    throw new TaishiError("unknown-action");
  }
}

/** @throws TaishiError as Call.json */
export function readJsonObject(body: Uint8Array, contentEncoding: string | undefined): JsonObject {
  // No SDK compresses requests, and what is not expanded cannot be a bomb.
  const encoding = contentEncoding?.trim().toLowerCase() ?? "";
  if (encoding !== "" && encoding !== "identity") throw new TaishiError("unsupported-media-type");
  if (body.length === 0) return {};
  if (nestsDeeperThan(body, maxDepth)) throw new TaishiError("malformed-body", `It nests deeper than ${maxDepth}.`);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch {
    throw new TaishiError("malformed-body", "It is not UTF-8.");
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new TaishiError("malformed-body", "It is not JSON.");
  }
  if (!isObject(value)) throw new TaishiError("malformed-body", "It must be a JSON object.");
  return value;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value of a parameter that may be given once; undefined where it is not. @throws TaishiError invalid-parameter */
export function single(query: readonly QueryParameter[], name: string): string | undefined {
  const values = query.filter((parameter) => parameter.name === name);
  if (values.length > 1) throw new TaishiError("invalid-parameter", "It may occur only once.", { field: name });
  return values[0]?.value;
}
