// Whether a request was signed with the secret of the key it names: Volcengine's HMAC-SHA256 in header form and as a
// presigned GET, with every difference between the SDKs. Pure. Decides nothing about what the caller may do.
// Differences are tried one after another; each is a spelling of the same request, so none lets another request through.

import { isUtf8 } from "node:buffer";
import { hash, timingSafeEqual } from "node:crypto";
import { TaishiError } from "../../errors.ts";
import type { Request } from "../../exchange.ts";
import type { Caller, Keyring } from "../../identity/caller.ts";
import {
  canonicalQueries,
  canonicalRequest,
  canonicalUri,
  computeSignature,
  emptyBodyHash,
  type Scope,
  signingKey,
  unique,
} from "./canonical-request.ts";
import { type Credential, header, readCredential, unknownKey } from "./credential.ts";
import { parseTarget, type QueryParameter } from "./query-string.ts";

export interface Verified {
  readonly caller: Caller;
  readonly scope: Scope;
}

/**
 * @param now milliseconds since the epoch
 * @throws TaishiError as readCredential, and signature-mismatch
 */
export function verifySignature(request: Request, keyring: Keyring, now: number): Verified {
  return verifyCredential(request, readCredential(request, keyring, now), keyring);
}

/**
 * The second half of verifySignature, for a request whose head readCredential accepted.
 * @throws TaishiError signature-mismatch | unknown-key (deleted since)
 */
export function verifyCredential(request: Request, credential: Credential, keyring: Keyring): Verified {
  const found = keyring.byAccessKey(credential.accessKey);
  if (found === undefined) throw unknownKey(credential.accessKey);
  if (!signatureMatches(request, credential, found.secretKey)) throw new TaishiError("signature-mismatch");
  return { caller: found.caller, scope: credential.scope };
}

/** Whether the signature is right for this secret. Looks at no clock and no keyring. */
export function signatureMatches(request: Request, credential: Credential, secretKey: string): boolean {
  const { path, query } = parseTarget(request.target);
  const { signedHeaders, date, scope } = credential;
  const claimed = Buffer.from(credential.signature, "hex");
  const bodyHash = hashOfBody(request, credential);
  if (claimed.length !== 32 || bodyHash === undefined) return false;
  const key = signingKey(secretKey, scope);
  for (const queryForm of queryForms(query, credential))
    for (const uri of unique([canonicalUri(path), path]))
      for (const headers of headerBlocks(request, signedHeaders)) {
        const { method } = request;
        const canonical = canonicalRequest({ method, uri, query: queryForm, headers, signedHeaders, bodyHash });
        if (timingSafeEqual(claimed, computeSignature(key, date, scope, canonical))) return true;
      }
  return false;
}

/** Of the real body, never of what a header says; undefined where X-Content-Sha256 disagrees. */
function hashOfBody(request: Request, credential: Credential): string | undefined {
  if (credential.form === "presigned") return emptyBodyHash;
  const actual = hash("sha256", request.body, "hex");
  const said = header(request, "x-content-sha256")?.trim();
  if (said === undefined) return actual;
  // Signers put the header's own spelling into the text they sign.
  return said.toLowerCase() === actual ? said : undefined;
}

function* queryForms(query: readonly QueryParameter[], credential: Credential): Generator<string> {
  if (credential.form === "header") return yield* canonicalQueries(query);
  const listed = new Set(credential.signedQueries);
  yield* canonicalQueries(query.filter(({ name }) => listed.has(name) && name !== "X-Signature"));
  // Some SDKs sign the session token without listing it.
  if (credential.sessionToken !== undefined && !listed.has("X-Security-Token"))
    yield* canonicalQueries(query.filter(({ name }) => listed.has(name) || name === "X-Security-Token"));
}

/**
 * The ways the signed headers may have been written: "name:value" each, in the order signed. None where a header that
 * was signed is not there. Hosts vary by the port some SDKs leave out, values by the whitespace some of them collapse.
 */
function* headerBlocks(request: Request, signedHeaders: string): Generator<readonly string[]> {
  if (signedHeaders === "") return yield [];
  const names = signedHeaders.split(";").map((name) => name.toLowerCase());
  const hosts = names.includes("host") ? hostForms(request) : [""];
  const made = new Set<string>();
  for (const style of valueStyles)
    for (const host of hosts) {
      const block: string[] = [];
      for (const name of names) {
        const value = name === "host" ? host : header(request, name);
        if (value === undefined) return;
        block.push(`${name}:${style(asSent(value))}`);
      }
      const text = block.join("\n");
      if (made.has(text)) continue;
      made.add(text);
      yield block;
    }
}

const valueStyles: readonly ((value: string) => string)[] = [
  (value) => value.trim(),
  (value) => value.trim().replace(/\s+/g, " "),
  // Repeated headers reach us joined with ", "; PHP signs them joined with ",".
  (value) => value.trim().replace(/,\s+/g, ","),
];

function hostForms(request: Request): readonly string[] {
  const sent = header(request, "host");
  const hosts = unique([...(sent === undefined ? [] : [sent.trim()]), ...request.hosts]).slice(0, 4);
  return unique(hosts.flatMap((host) => [host, host.replace(/:(?:80|443)$/, ""), host.replace(/:\d+$/, "")]));
}

/** A header's text. HTTP parsers hand out its bytes as Latin-1; what is UTF-8 was signed as UTF-8. */
function asSent(value: string): string {
  if (!/[\u0080-\u00ff]/.test(value) || /[^\u0000-\u00ff]/.test(value)) return value;
  const bytes = Buffer.from(value, "latin1");
  return isUtf8(bytes) ? bytes.toString("utf8") : value;
}
