// GET /log/<account>/…: a log's checkpoint, tiles and entry bundles by C2SP tlog-tiles, for monitors and verifiers. A log
// is behind a reader's key of its account unless its visibility says otherwise; without one, or with another account's,
// a private log answers exactly as one that does not exist (I7). Not audited: these are copies of what is signed.
import { promisify } from "node:util";
import { constants, gzip } from "node:zlib";
import type { FastifyRequest } from "fastify";
import { TaishiError } from "../errors.ts";
import type { Response } from "../exchange.ts";
import type { LogVisibility } from "../identity/account-settings.ts";
import { networkOf } from "../identity/address-brake.ts";
import type { PublishedLogs } from "../ledger/port.ts";
import { parseTilePath, type Tile } from "../merkle/tile.ts";
import { authenticate, type Credentials } from "./authenticate.ts";
import type { BodyLease } from "./body.ts";
import type { Limits } from "./limits.ts";
import { pathOf, targetOf } from "./wire-request.ts";

export interface LogFilesOptions extends Credentials {
  readonly logs: Pick<PublishedLogs, "published" | "tile">;
  readonly logVisibility: (account: string) => LogVisibility;
}

const compress = promisify(gzip);
/** Seconds: a checkpoint is signed about once a second, a tile never changes. */
const checkpointAge = 1;
const tileAge = 31_536_000;

export class LogFiles {
  readonly path = "/log/*";
  readonly #options: LogFilesOptions;
  readonly #limits: Limits;

  constructor(options: LogFilesOptions, limits: Limits) {
    this.#options = options;
    this.#limits = limits;
  }

  /** @throws TaishiError of the 400s and 401, forbidden, not-found, rate-limited, overloaded */
  async answer(request: FastifyRequest, lease: BodyLease): Promise<Response> {
    const match = /^\/log\/(0|[1-9]\d{0,19})\/(.+)$/.exec(pathOf(targetOf(request)));
    const account = match?.[1] ?? "";
    const file = match?.[2] === "checkpoint" ? "checkpoint" : parseTilePath(match?.[2] ?? "");
    if (file === undefined)
      throw new TaishiError("not-found", "a log has a checkpoint, tile/<L>/<N> and tile/entries/<N>");
    const open = isOpen(this.#options.logVisibility(account), file);
    if (open) this.#admitAnyone(request.ip);
    else await this.#admitReader(request, account, lease);
    const scope = open ? "public" : "private";
    return file === "checkpoint" ? this.#checkpoint(account, scope) : this.#tile(account, file, scope, request);
  }

  /** An address counts like a key. */
  #admitAnyone(address: string): void {
    const wait = this.#options.rateLimit.take(`address ${networkOf(address)}`);
    if (wait !== true) throw new TaishiError("rate-limited", undefined, { retryAfter: wait });
  }

  async #admitReader(request: FastifyRequest, account: string, lease: BodyLease): Promise<void> {
    const context = { credentials: this.#options, limits: this.#limits, lease, act: "read", bodyLimit: 0 } as const;
    const { caller } = await authenticate(request, context);
    if (caller.account !== account) throw new TaishiError("not-found", `there is no log ${account}`);
  }

  async #checkpoint(account: string, scope: string): Promise<Response> {
    const { note } = await this.#options.logs.published(account);
    return {
      status: 200,
      headers: { "content-type": "text/plain; charset=utf-8", "cache-control": `${scope}, max-age=${checkpointAge}` },
      body: note,
    };
  }

  async #tile(account: string, tile: Tile, scope: string, request: FastifyRequest): Promise<Response> {
    const bytes = await this.#options.logs.tile(account, tile);
    const headers = {
      "content-type": "application/octet-stream",
      "cache-control": `${scope}, max-age=${tileAge}, immutable`,
    };
    // Hashes do not compress.
    if (tile.level !== "entries") return { status: 200, headers, body: bytes };
    const varying = { ...headers, vary: "accept-encoding" };
    if (!acceptsGzip(request.headers["accept-encoding"])) return { status: 200, headers: varying, body: bytes };
    return {
      status: 200,
      headers: { ...varying, "content-encoding": "gzip" },
      body: await compress(bytes, { level: constants.Z_BEST_SPEED }),
    };
  }
}

function isOpen(visibility: LogVisibility, file: "checkpoint" | Tile): boolean {
  if (visibility === "private") return false;
  return visibility === "all" || file === "checkpoint" || file.level !== "entries";
}

/** RFC 9110 §12.5.3; a coding of quality 0 is refused. */
function acceptsGzip(header: string | string[] | undefined): boolean {
  const accepted = new Map<string, boolean>();
  for (const item of String(header ?? "").split(",")) {
    const [coding = "", ...parameters] = item.split(";").map((part) => part.trim().toLowerCase());
    accepted.set(coding, !parameters.some((parameter) => /^q=0(?:\.0{0,3})?$/.test(parameter)));
  }
  return accepted.get("gzip") ?? accepted.get("*") ?? false;
}
