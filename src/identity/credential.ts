// What keys are made of: new access keys, secrets and tokens, and the usable pair that a verifier gets. Owns their forms:
//   access key  AKTS + 32 of [A-Za-z0-9]  (as Volcengine's AKLT…)
//   secret key  44 of [A-Za-z0-9]: 261 bits; used as given, never decoded
//   token       tst_ + base64url of 32 random bytes; kept as SHA-256 only, which suffices for what cannot be guessed
//   user token  ust_ + the same, of one who signed in with a password
//   session     tss_ + the same, the console's cookie;  first link  tfl_ + the same, what the first console user is made with
// A secret must never show where such an object is printed, logged or serialised.
import { hash, randomBytes, randomInt } from "node:crypto";
import type { Caller } from "./caller.ts";

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** A caller with the secret that proves it; the secret is reached by name alone. */
export class Credential {
  readonly caller: Caller;
  readonly #secretKey: string;

  constructor(caller: Caller, secretKey: string) {
    this.caller = Object.freeze({ ...caller });
    this.#secretKey = secretKey;
  }

  get secretKey(): string {
    return this.#secretKey;
  }
}

export function newAccessKey(): string {
  return `AKTS${randomText(32)}`;
}

export function newSecretKey(): string {
  return randomText(44);
}

export function newToken(): string {
  return `tst_${randomBytes(32).toString("base64url")}`;
}

export function newUserToken(): string {
  return `ust_${randomBytes(32).toString("base64url")}`;
}

export function newSessionSecret(): string {
  return `tss_${randomBytes(32).toString("base64url")}`;
}

export function newFirstLink(): string {
  return `tfl_${randomBytes(32).toString("base64url")}`;
}

/** 32 lower-case hex digits, the form of the clouds' project and user ids. */
export function newHexId(): string {
  return randomBytes(16).toString("hex");
}

/** What is kept of a token: SHA-256 of its text, in hex. Looking it up tells nothing of how near a guess was. */
export function tokenDigest(token: string): string {
  return hash("sha256", token, "hex");
}

/** A new account's number, ten digits as the clouds' have. */
export function newAccountId(): string {
  return `21${String(randomInt(100_000_000)).padStart(8, "0")}`;
}

function randomText(length: number): string {
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join("");
}
