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
