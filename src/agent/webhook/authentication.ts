// Who may post: whoever knows the token, or signs the body with the secret; where both are configured, both are asked for.
// The files are read again now and then, so that secrets can be rotated; they are never told nor logged.
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { TaishiError } from "../../errors.ts";
import { textIn } from "../certificate-files.ts";
import type { WebhookOptions } from "./webhook-options.ts";

const shortest = 16;
/** A rotated secret is known this soon. */
const keptMs = 2_000;

/** A secret in a file: its only line. */
class SecretFile {
  readonly #path: string;
  #value = "";
  #read = Number.NEGATIVE_INFINITY;

  constructor(path: string) {
    this.#path = path;
  }

  /** @throws TaishiError invalid-parameter */
  value(now: number): string {
    if (Math.abs(now - this.#read) < keptMs) return this.#value;
    const value = textIn(this.#path).trim();
    if (value.length < shortest || /\s/.test(value))
      throw new TaishiError("invalid-parameter", `${this.#path} must hold a secret of at least ${shortest} characters`);
    this.#value = value;
    this.#read = now;
    return value;
  }
}

export class Authentication {
  readonly #token: SecretFile | undefined;
  readonly #secret: SecretFile | undefined;
  readonly #header: string;

  /** @throws TaishiError invalid-parameter where a secret cannot be read */
  constructor({ "token-file": token, hmac }: WebhookOptions, now: number) {
    this.#token = token === undefined ? undefined : new SecretFile(token);
    this.#secret = hmac === undefined ? undefined : new SecretFile(hmac["secret-file"]);
    this.#header = hmac?.header ?? "";
    this.#token?.value(now);
    this.#secret?.value(now);
  }

  /** What can be told before there is a body. @throws TaishiError missing-credentials | invalid-token */
  checkHeaders(headers: Readonly<Record<string, string | string[] | undefined>>, now: number): void {
    if (this.#token !== undefined) {
      const given = headers.authorization;
      if (typeof given !== "string") throw new TaishiError("missing-credentials");
      const [, token = ""] = /^Bearer +(\S+) *$/i.exec(given) ?? [];
      if (!isSame(token, current(this.#token, now))) throw new TaishiError("invalid-token");
    }
    if (this.#secret !== undefined && typeof headers[this.#header.toLowerCase()] !== "string")
      throw new TaishiError("missing-credentials");
  }

  /** @param body as sent @throws TaishiError signature-mismatch */
  checkBody(headers: Readonly<Record<string, string | string[] | undefined>>, body: Uint8Array, now: number): void {
    if (this.#secret === undefined) return;
    const given = String(headers[this.#header.toLowerCase()])
      .trim()
      .toLowerCase()
      .replace(/^sha256=/, "");
    const right = createHmac("sha256", current(this.#secret, now)).update(body).digest("hex");
    if (!isSame(given, right)) throw new TaishiError("signature-mismatch");
  }
}

/** @throws TaishiError internal, so that who posts learns nothing of our files */
function current(secret: SecretFile, now: number): string {
  try {
    return secret.value(now);
  } catch (cause) {
    throw new TaishiError("internal", undefined, { cause });
  }
}

/** In a time that tells nothing of either. */
function isSame(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
