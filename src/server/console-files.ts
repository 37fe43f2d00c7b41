// The web console's files below /console/. They are read once, by who starts the server; every page gets a nonce of its own
// for the styles that its components make, and a policy under which nothing from elsewhere is loaded or asked.
import { hash, randomBytes } from "node:crypto";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import type { Response } from "../exchange.ts";

/** Stands in index.html where the nonce goes. */
const noncePlace = "__NONCE__";

const types: Readonly<Record<string, string>> = {
  css: "text/css; charset=utf-8",
  html: "text/html; charset=utf-8",
  ico: "image/x-icon",
  js: "text/javascript; charset=utf-8",
  json: "application/json",
  png: "image/png",
  svg: "image/svg+xml",
  woff2: "font/woff2",
};

interface Kept {
  readonly bytes: Uint8Array;
  readonly type: string;
  readonly tag: string;
  brotli?: Uint8Array;
  gzip?: Uint8Array;
}

export class ConsoleFiles {
  readonly path = "/console/*";
  readonly #files: ReadonlyMap<string, Kept>;

  /** @param files by their path below the console's folder, index.html among them; empty where it was not built */
  constructor(files: ReadonlyMap<string, Uint8Array>) {
    this.#files = new Map(
      [...files].map(([name, bytes]) => [
        name,
        {
          bytes,
          type: types[name.slice(name.lastIndexOf(".") + 1)] ?? "application/octet-stream",
          tag: `"${hash("sha256", bytes, "base64url").slice(0, 22)}"`,
        },
      ]),
    );
  }

  /** @param path below /console/; what names no file is a place within the console */
  answer(path: string, headers: { readonly acceptEncoding: string; readonly ifNoneMatch: string }): Response {
    const file = this.#files.get(path);
    if (file !== undefined && path !== "index.html") return asset(file, headers);
    const index = this.#files.get("index.html");
    if (index === undefined)
      return {
        status: 503,
        headers: { "content-type": "text/plain; charset=utf-8" },
        body: "The console was not built. Run: npm run build --workspace console\n",
      };
    if (path.startsWith("assets/"))
      return {
        status: 404,
        headers: { "content-type": "text/plain; charset=utf-8" },
        body: "There is nothing here.\n",
      };
    const nonce = randomBytes(18).toString("base64");
    return {
      status: 200,
      headers: { ...policy(nonce), "content-type": index.type, "cache-control": "no-store" },
      body: Buffer.from(index.bytes).toString("utf8").replaceAll(noncePlace, nonce),
    };
  }
}

function asset(file: Kept, { acceptEncoding, ifNoneMatch }: { acceptEncoding: string; ifNoneMatch: string }): Response {
  // Their names have a hash of their content in them.
  const headers = {
    "content-type": file.type,
    "cache-control": "public, max-age=31536000, immutable",
    etag: file.tag,
    vary: "accept-encoding",
  };
  if (ifNoneMatch === file.tag) return { status: 304, headers, body: "" };
  if (/^(image\/png|font)/.test(file.type)) return { status: 200, headers, body: file.bytes };
  if (/\bbr\b/.test(acceptEncoding)) {
    file.brotli ??= brotliCompressSync(file.bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 8 } });
    return { status: 200, headers: { ...headers, "content-encoding": "br" }, body: file.brotli };
  }
  if (/\bgzip\b/.test(acceptEncoding)) {
    file.gzip ??= gzipSync(file.bytes, { level: 9 });
    return { status: 200, headers: { ...headers, "content-encoding": "gzip" }, body: file.gzip };
  }
  return { status: 200, headers, body: file.bytes };
}

function policy(nonce: string): Readonly<Record<string, string>> {
  const rules = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": `'self' 'nonce-${nonce}'`,
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "worker-src": "'self'",
    "manifest-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
  };
  return {
    "content-security-policy": Object.entries(rules)
      .map(([name, value]) => `${name} ${value}`)
      .join("; "),
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
  };
}
