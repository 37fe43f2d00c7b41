// What the server is given to stand at paths of its own: gateways of clouds, and downloads. It knows no more of them.
import type { TaishiError } from "../errors.ts";
import type { CallRecord, Request, Response } from "../exchange.ts";

/** A cloud's APIs. */
export interface Gateway {
  handle(request: Request): Promise<Response>;
  /** What its head alone says of a request: how much of its body may be read, or why none of it. */
  admit(
    head: Pick<Request, "method" | "target" | "headers">,
    address: string,
  ): { readonly maxBodyBytes: number } | { readonly refusal: Response };
  /** An error in the gateway's form; of a request that was never complete only parts are known. */
  error(error: TaishiError, request: Partial<Request>): Response;
}

/** A cloud's APIs below paths of their own. */
export interface Mount {
  /** As Fastify writes them, e.g. "/v3/*". */
  readonly paths: readonly string[];
  /** Whether errors at this path are in the gateway's form, found or not. */
  readonly owns: (path: string) => boolean;
  readonly gateway: Gateway;
}

/** A file that is sent as it is made. */
export interface Download {
  readonly headers: Readonly<Record<string, string>>;
  readonly length: number;
  readonly content: AsyncIterable<Uint8Array>;
  /** Whose it is and what: for the record of the call. */
  readonly told: Pick<CallRecord, "account" | "parameters" | "resources">;
}

/** Where downloads stand and how they are opened. */
export interface Downloads {
  readonly path: string;
  /** How the service's own audit calls it. */
  readonly source: string;
  readonly name: string;
  readonly open: (target: string) => Promise<Download>;
}
