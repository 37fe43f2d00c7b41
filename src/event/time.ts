// Times as they come in: RFC 3339 text or epoch milliseconds. Refuses what cannot be meant; never rolls a date over.
import { TaishiError } from "../errors.ts";

/** Exclusive upper bound of every time kept: 10000-01-01T00:00:00Z. */
export const timeLimit = 253_402_300_800_000;

const rfc3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;
const daysIn = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/**
 * Milliseconds since the epoch of an RFC 3339 date-time, or undefined where the text is none or the date does not exist.
 * Digits beyond milliseconds are cut. Leap seconds (":60") do not exist here.
 */
export function parseRfc3339(text: string): number | undefined {
  const usual = parseUsual(text);
  if (usual !== undefined) return usual;
  const match = rfc3339.exec(text);
  if (match === null) return undefined;
  const [, y, mo, d, h, mi, s, fraction, sign, oh, om] = match;
  let offset = 0;
  if (sign !== undefined) {
    if (Number(oh) > 23 || Number(om) > 59) return undefined;
    offset = (Number(oh) * 60 + Number(om)) * 60_000 * (sign === "-" ? -1 : 1);
  }
  const millis = fraction === undefined ? 0 : Number(fraction.slice(0, 3).padEnd(3, "0"));
  const utc = instantOf(Number(y), Number(mo), Number(d), Number(h), Number(mi), Number(s), millis);
  return utc === undefined ? undefined : utc - offset;
}

/**
 * The two forms nearly every sender uses, "YYYY-MM-DDThh:mm:ssZ" and the same with three digits of a fraction, read at a
 * quarter of the expression's cost; undefined for anything else.
 */
function parseUsual(text: string): number | undefined {
  const { length } = text;
  if ((length !== 20 && length !== 24) || text[length - 1] !== "Z" || (length === 24 && text[19] !== "."))
    return undefined;
  if (text[4] !== "-" || text[7] !== "-" || text[10] !== "T" || text[13] !== ":" || text[16] !== ":") return undefined;
  const millis = length === 24 ? digits(text, 20, 3) : 0;
  return millis === -1
    ? undefined
    : instantOf(
        digits(text, 0, 4),
        digits(text, 5, 2),
        digits(text, 8, 2),
        digits(text, 11, 2),
        digits(text, 14, 2),
        digits(text, 17, 2),
        millis,
      );
}

/** The number that `count` digits say, or −1 where one is none. */
function digits(text: string, at: number, count: number): number {
  let number = 0;
  for (let i = at; i < at + count; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return -1;
    number = number * 10 + digit;
  }
  return number;
}

/** In UTC; undefined where there is no such date or time of day. */
function instantOf(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
  millis: number,
): number | undefined {
  if (month < 1 || month > 12 || day < 1 || hour < 0 || hour > 23) return undefined;
  if (minute < 0 || minute > 59 || second < 0 || second > 59) return undefined;
  if (year < 100) return undefined; // Date.UTC reads 0–99 as 1900–1999
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  if (day > (month === 2 && !leap ? 28 : daysIn[month - 1]!)) return undefined;
  return Date.UTC(year, month - 1, day, hour, minute, second, millis);
}

/**
 * The time an event or a filter names: RFC 3339 text or integer epoch milliseconds.
 * @throws TaishiError invalid-parameter naming `field`; numbers below 1e11 are refused because they look like seconds.
 */
export function readTime(value: unknown, field: string): number {
  const refuse = (why: string): TaishiError => new TaishiError("invalid-parameter", `${field}: ${why}`, { field });
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value)) throw refuse("must be an integer number of milliseconds");
    if (value < 1e11) throw refuse("looks like seconds; give epoch milliseconds or RFC 3339");
    if (value >= timeLimit) throw refuse("must be before the year 10000");
    return value;
  }
  if (typeof value !== "string") throw refuse("must be RFC 3339 text or epoch milliseconds");
  const time = parseRfc3339(value);
  if (time === undefined) throw refuse("is not an RFC 3339 date-time, or the date does not exist");
  if (time < 0 || time >= timeLimit) throw refuse("must be between the years 1970 and 9999");
  return time;
}

/** RFC 3339 in UTC with milliseconds, e.g. "2024-09-29T11:38:34.000Z". */
export function formatMillis(time: number): string {
  return new Date(time).toISOString();
}

/** RFC 3339 in UTC cut to whole seconds, e.g. "2024-09-29T11:38:34Z", as the clouds print it. */
export function formatSeconds(time: number): string {
  return `${new Date(time).toISOString().slice(0, 19)}Z`;
}
