// The own API as the console asks it: same origin, the session's cookie, and for whatever changes something the header that
// no other site can send.

/** An error as the service told it (RFC 9457). */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly code: string;
  readonly field: string | undefined;

  constructor(status: number, problem: { title?: string; detail?: string; code?: string; field?: string }) {
    super(problem.detail ?? problem.title ?? `status ${status}`);
    this.status = status;
    this.code = problem.code ?? String(status);
    this.field = problem.field;
  }
}

export interface AskOptions {
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

export function addressOf(path: string, query: AskOptions["query"] = {}): string {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === undefined || value === "" ? [] : [[name, String(value)] as [string, string]],
  );
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`;
}

/** Told when the service no longer knows the session. */
let onSignedOut: () => void = () => {};
export function whenSignedOut(listener: () => void): void {
  onSignedOut = listener;
}

export interface SendOptions extends AskOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** A body as it is, in place of one that is made JSON. */
  readonly text?: string;
}

/** The answer, whatever it says. */
export function send(
  path: string,
  { method = "GET", query, body, text, headers, signal }: SendOptions = {},
): Promise<Response> {
  const bytes = text ?? (body === undefined ? undefined : JSON.stringify(body));
  return fetch(addressOf(path, query), {
    method,
    credentials: "same-origin",
    headers: {
      ...(method === "GET" ? {} : { "x-taishi-console": "1" }),
      ...(bytes === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(bytes === undefined ? {} : { body: bytes }),
    ...(signal === undefined ? {} : { signal }),
  });
}

export async function askRaw(path: string, options: AskOptions = {}): Promise<Response> {
  const response = await send(path, options);
  if (response.ok) return response;
  const problem = (await response.json().catch(() => ({}))) as ConstructorParameters<typeof ApiError>[1];
  if (response.status === 401 && !path.endsWith("/session")) onSignedOut();
  throw new ApiError(response.status, problem);
}

export async function ask<Answer>(path: string, options: AskOptions = {}): Promise<Answer> {
  const response = await askRaw(path, options);
  const text = await response.text();
  return (text === "" ? undefined : JSON.parse(text)) as Answer;
}

export type Risk = "Info" | "Low" | "Medium" | "High" | "Critical";
export const risks: readonly Risk[] = ["Info", "Low", "Medium", "High", "Critical"];
export const kinds = ["security", "trail", "database", "unparsed", "system"] as const;
export type Kind = (typeof kinds)[number];

/** An event as the list gives it. */
export interface StoredEvent {
  readonly seq: number;
  readonly received: string;
  readonly kind: Kind;
  readonly time: string;
  readonly type?: string;
  readonly resource?: { readonly type: string; readonly id: string; readonly project?: string };
  readonly risk?: Risk;
  readonly contents?: readonly { readonly key: string; readonly value: string }[];
  readonly detail?: string;
  readonly rule?: string;
  readonly reason?: string;
  readonly source?: string;
  readonly instance?: string;
  readonly name?: string;
  readonly sql?: string;
  readonly user?: string;
  readonly userName?: string;
  readonly sourceIp?: string;
  readonly host?: string;
  readonly ip?: string;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly parser?: { readonly name: string; readonly version: string };
  readonly position?: { readonly source: string; readonly stream: string; readonly offset: number };
  readonly raw?: string;
  readonly rawBase64?: string;
}

export interface EventPage {
  readonly events: readonly StoredEvent[];
  readonly next: string | null;
  /** Null where a filter makes counting a search of everything. */
  readonly total: number | null;
  readonly size: number;
  /** Of a search: up to where everything that matches was given; null at the end. */
  readonly scannedTo?: { readonly time: string; readonly seq: number } | null;
  /** Of a search: how many events this answer looked at. */
  readonly scanned?: number;
}
