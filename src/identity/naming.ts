// What accounts and keys may be called and hold: refusals that name the field. Pure; knows what a value may look like,
// not whether it is taken. Values come from the command line and from JSON, so nothing of their type is believed.
import { TaishiError } from "../errors.ts";
import { type Role, roles } from "./caller.ts";

/** The account of operators' acts. It exists from the start, has no keys, and its number cannot be given away. */
export const operatorAccount = "0";

/** Exclusive upper bound of an expiry, 10000-01-01T00:00:00Z, in epoch milliseconds. */
const expiryLimit = 253_402_300_800_000;

const accountId = /^[1-9]\d{0,19}$/;
/** No control characters, lone surrogates, line separators or characters that turn the direction of text. */
const displayName = /^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]{1,64}$/u;
const accessKey = /^[A-Za-z0-9_-]{1,128}$/;
const secretKey = /^[\x21-\x7e](?:[\x20-\x7e]{0,254}[\x21-\x7e])?$/;

export function checkAccountId(value: unknown): void {
  if (value === operatorAccount) throw refusal("id", "0 is reserved for operators' acts");
  if (typeof value !== "string" || !accountId.test(value))
    throw refusal("id", "must be 1 to 20 decimal digits without a leading zero");
}

export function checkName(value: unknown): void {
  if (typeof value !== "string" || !displayName.test(value) || value !== value.trim())
    throw refusal("name", "must be 1 to 64 printable characters without spaces at the ends");
}

export function checkAccessKey(value: unknown): void {
  if (typeof value !== "string" || !accessKey.test(value))
    throw refusal("accessKey", "must be 1 to 128 characters of A-Z, a-z, 0-9, _ and -");
}

/** The refusal never repeats the value. */
export function checkSecretKey(value: unknown): void {
  if (typeof value !== "string" || !secretKey.test(value))
    throw refusal("secretKey", "must be 1 to 256 printable ASCII characters without spaces at the ends");
}

export function checkRole(value: unknown): void {
  if (!roles.includes(value as Role)) throw refusal("role", `must be one of ${roles.join(", ")}`);
}

export function checkExpiry(value: unknown, now: number): void {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value >= expiryLimit)
    throw refusal("expires", "must be epoch milliseconds, an integer, before the year 10000");
  if (value <= now) throw refusal("expires", "must be in the future");
}

export function refusal(field: string, why: string): TaishiError {
  return new TaishiError("invalid-parameter", `${field}: ${why}`, { field });
}
