// What accounts, keys, projects, instances and users may be called and hold: refusals that name the field. Pure; knows what a value may look like,
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
const projectId = /^[0-9a-f]{32}$/;
const projectName = /^[A-Za-z0-9_-]{1,64}$/;
const instanceId = /^[0-9a-zA-Z]{32}in\d{2}$/;
/** Lone surrogates would all be hashed as one character. */
const password = /^[^\p{Cc}\p{Cs}]{8,128}$/u;
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

export function checkStatus(value: unknown): void {
  if (value !== "enabled" && value !== "disabled") throw refusal("status", "must be enabled or disabled");
}

export function checkProjectId(value: unknown): void {
  if (typeof value !== "string" || !projectId.test(value)) throw refusal("id", "must be 32 lower-case hex digits");
}

export function checkProjectName(value: unknown): void {
  if (typeof value !== "string" || !projectName.test(value))
    throw refusal("name", "must be 1 to 64 characters of A-Z, a-z, 0-9, _ and -, like a region");
}

export function checkInstanceId(value: unknown): void {
  if (typeof value !== "string" || !instanceId.test(value))
    throw refusal("id", 'must be 32 letters or digits, then "in" and two digits');
}

/** The refusal never repeats the value. */
export function checkPassword(value: unknown): void {
  if (typeof value !== "string" || !password.test(value.normalize("NFC")))
    throw refusal("password", "must be 8 to 128 characters without control characters");
}

export function checkExpiry(value: unknown, now: number): void {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value >= expiryLimit)
    throw refusal("expires", "must be epoch milliseconds, an integer, before the year 10000");
  if (value <= now) throw refusal("expires", "must be in the future");
}

export function refusal(field: string, why: string): TaishiError {
  return new TaishiError("invalid-parameter", `${field}: ${why}`, { field });
}

export function alreadyExists(field: string, message: string, subject: string): TaishiError {
  return new TaishiError("already-exists", message, { field, subject });
}
