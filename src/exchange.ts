// A request and a response as plain data, so that a dialect is a function from one to the other and can be tested
// without a socket. Knows no HTTP library.

export interface Request {
  readonly method: string;
  /** Path and query exactly as on the request line, e.g. "/?Action=ListAuditLogs&Version=2024-01-01". */
  readonly target: string;
  /** Lower-case names; repeated headers joined with ", " as Node does. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The bytes on the wire, before any decompression. */
  readonly body: Uint8Array;
  /** Caller's address, after trusted proxies were taken into account. */
  readonly address: string;
  /** Hosts under which the caller may have reached us: the Host header, and X-Forwarded-Host from a trusted proxy. */
  readonly hosts: readonly string[];
}

export interface Response {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

/** One call of any of the service's APIs, as the service's own audit keeps it. */
export interface CallRecord {
  /** Epoch milliseconds. */
  readonly time: number;
  /** Whose log it belongs to; absent where nobody was authenticated. */
  readonly account?: string | undefined;
  /** As claimed, where nobody was authenticated. */
  readonly accessKey?: string | undefined;
  readonly userName?: string | undefined;
  /** "ark", "cloud_trail", "gaussdb", "rds", "iam", or "taishi" for the own API, sign-in, keys and the command line. */
  readonly source: string;
  /** The operation's name, e.g. "ListAuditLogs". */
  readonly name: string;
  readonly version?: string | undefined;
  readonly region?: string | undefined;
  readonly requestId: string;
  readonly address: string;
  readonly userAgent?: string | undefined;
  readonly readOnly: boolean;
  /** As JSON text, secrets removed; may be cut. */
  readonly parameters?: string | undefined;
  /** In the dialect's own code; absent on success. */
  readonly errorCode?: string | undefined;
  readonly resources?: readonly { readonly type: string; readonly id: string }[] | undefined;
}

/** Told of every call after its outcome is known. What it returns is awaited before an answer that changed something. */
export type OnCall = (record: CallRecord) => Promise<void> | void;
