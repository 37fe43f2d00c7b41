// How much one request, one connection and all of them together may cost. One table, printed in docs/api.md; nothing
// here is enforced, every limit is read where it bites.

export interface Limits {
  /** Events in one append. */
  readonly events: number;
  /** Bytes of one append as sent. */
  readonly wireBytes: number;
  /** Bytes of one append after decompression. */
  readonly expandedBytes: number;
  /** Bytes of all request bodies held at one moment, over all connections. */
  readonly bufferedBytes: number;
  /** Bytes of a body at the root path, where the cloud APIs are. */
  readonly gatewayBytes: number;
  /** Bytes of a request's line and headers. */
  readonly headerBytes: number;
  /** Connections open at one moment. */
  readonly connections: number;
  /** Milliseconds for the headers to arrive. */
  readonly headersTimeout: number;
  /** Milliseconds for a whole request, body included, to arrive. */
  readonly requestTimeout: number;
  /** Milliseconds that may pass between two pieces of a body. */
  readonly bodyIdleTimeout: number;
  /** Milliseconds without a byte in either direction after which a connection ends, e.g. of a client that reads no more. */
  readonly silenceTimeout: number;
  /** Milliseconds that a connection may wait for its next request. */
  readonly keepAliveTimeout: number;
  /** Bytes of a refused body that are read and thrown away, so that the client gets to read the refusal. */
  readonly lingerBytes: number;
  /** Milliseconds for the same. */
  readonly lingerTimeout: number;
  /** Milliseconds that requests in flight have to finish when the service stops. */
  readonly closeGrace: number;
}

const mebibyte = 1024 * 1024;

export const defaultLimits: Limits = {
  events: 10_000,
  wireBytes: 32 * mebibyte,
  expandedBytes: 64 * mebibyte,
  bufferedBytes: 256 * mebibyte,
  gatewayBytes: mebibyte,
  headerBytes: 64 * 1024,
  connections: 10_000,
  headersTimeout: 15_000,
  requestTimeout: 300_000,
  bodyIdleTimeout: 30_000,
  silenceTimeout: 120_000,
  keepAliveTimeout: 60_000,
  lingerBytes: 128 * mebibyte,
  lingerTimeout: 10_000,
  closeGrace: 10_000,
};
