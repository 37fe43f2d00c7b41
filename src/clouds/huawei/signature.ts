// Whether a request was signed with the secret of the key it names: Huawei's SDK-HMAC-SHA256, with every difference between
// its clients. Pure. Decides nothing about what the caller may do. Only x-sdk-date has to be signed (Terraform signs no
// host, Go neither host nor type), so nothing may be authorised on a header. Differences are tried one after another; each is
// a spelling of the same request, so none lets another request through.
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
} from "./canonical-request.ts";
import { type Credential, header, readCredential, unknownKey } from "./credential.ts";
import { splitTarget } from "./query-string.ts";

/** What a signer may put in the place of the body's hash; the body is then not signed, as the signer chose. */
const unsignedPayload = "UNSIGNED-PAYLOAD";
/** What a refusal says of the request at most, in characters. */
const longestEcho = 4096;
/** Headers that hold secrets although they may be signed. */
const secretHeaders = /^(authorization|proxy-authorization|cookie|x-[a-z-]*token[a-z-]*):.*/i;

/**
 * @param now milliseconds since the epoch
 * @throws TaishiError as readCredential, and signature-mismatch, invalid-parameter (a query that is not UTF-8)
 */
export function verifySignature(request: Request, keyring: Keyring, now: number): Caller {
  return verifyCredential(request, readCredential(request, keyring, now), keyring);
}

/**
 * The second half of verifySignature, for a request whose head readCredential accepted.
 * @throws TaishiError signature-mismatch, its message the canonical request as we made it, secrets removed | unknown-key
 *   (deleted since) | invalid-parameter
 */
export function verifyCredential(request: Request, credential: Credential, keyring: Keyring): Caller {
  const found = keyring.byAccessKey(credential.accessKey);
  if (found === undefined) throw unknownKey(credential.accessKey);
  if (signatureMatches(request, credential, found.secretKey)) return found.caller;
  throw new TaishiError("signature-mismatch", `verify aksk signature fail, ${echo(request, credential)}`);
}

/** Whether the signature is right for this secret. Looks at no clock and no keyring. */
export function signatureMatches(request: Request, credential: Credential, secretKey: string): boolean {
  const claimed = Buffer.from(credential.signature, "hex");
  if (claimed.length !== 32) return false;
  const bodyHashes = hashesOfBody(request);
  for (const canonical of canonicalForms(request, credential, bodyHashes))
    if (timingSafeEqual(claimed, computeSignature(secretKey, credential.date, canonical))) return true;
  return false;
}

function* canonicalForms(
  request: Request,
  { signedHeaders }: Credential,
  bodyHashes: readonly string[],
): Generator<string> {
  const { path, query: rawQuery } = splitTarget(request.target);
  const uri = canonicalUri(path);
  for (const query of canonicalQueries(rawQuery))
    for (const headers of headerBlocks(request, signedHeaders))
      for (const bodyHash of bodyHashes)
        yield canonicalRequest({ method: request.method, uri, query, headers, signedHeaders, bodyHash });
}

/**
 * What may stand for the body. A hash that X-Sdk-Content-Sha256 claims counts only where it is the real one; none where it
 * is not. Python's SDK signs the hash of nothing although it sent UNSIGNED-PAYLOAD, where the body is empty.
 */
function hashesOfBody(request: Request): readonly string[] {
  const said = header(request, "x-sdk-content-sha256")?.trim();
  const actual = hash("sha256", request.body, "hex");
  if (said === undefined || said === "") return [actual];
  if (said === unsignedPayload) return request.body.length === 0 ? [said, emptyBodyHash] : [said];
  // Signers put the header's own spelling into the text they sign.
  return said.toLowerCase() === actual ? [said] : [];
}

/** The ways the signed headers may have been written; none where a header that was signed is not there. */
function* headerBlocks(request: Request, signedHeaders: string): Generator<readonly string[]> {
  const names = signedHeaders.split(";").map((name) => name.toLowerCase());
  for (const host of names.includes("host") ? hostForms(request) : [""]) {
    const block: string[] = [];
    for (const name of names) {
      const value = name === "host" ? host : header(request, name);
      if (value === undefined) return;
      block.push(`${name}:${asSent(value).trim()}`);
    }
    yield block;
  }
}

/** As received, behind a trusted proxy as it says it was received, and with or without the port that goes without saying. */
function hostForms(request: Request): readonly string[] {
  const sent = header(request, "host");
  const hosts = [...new Set([...(sent === undefined ? [] : [sent.trim()]), ...request.hosts])].slice(0, 4);
  const forms = hosts.flatMap((host) =>
    /:\d+$/.test(host) ? [host, host.replace(/:(?:80|443)$/, "")] : [host, `${host}:80`, `${host}:443`],
  );
  return [...new Set(forms)];
}

/** A header's text. HTTP parsers hand out its bytes as Latin-1; what is UTF-8 was signed as UTF-8. */
function asSent(value: string): string {
  if (!/[\u0080-\u00ff]/.test(value) || /[^\u0000-\u00ff]/.test(value)) return value;
  const bytes = Buffer.from(value, "latin1");
  return isUtf8(bytes) ? bytes.toString("utf8") : value;
}

/** Our canonical request for people who look for a difference, in the cloud's form. */
function echo(request: Request, credential: Credential): string {
  const missing = credential.signedHeaders
    .split(";")
    .find((name) => name.toLowerCase() !== "host" && header(request, name.toLowerCase()) === undefined);
  if (missing !== undefined) return `signed header ${missing} not found`;
  const bodyHashes = hashesOfBody(request);
  if (bodyHashes.length === 0) return "X-Sdk-Content-Sha256 is not the body's";
  for (const canonical of canonicalForms(request, credential, bodyHashes)) {
    const lines = canonical.split("\n").map((line) => line.replace(secretHeaders, "$1:***"));
    return `canonicalRequest:${lines.join("|").slice(0, longestEcho)}`;
  }
  return "host not found";
}
