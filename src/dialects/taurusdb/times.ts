// Times as TaurusDB's clients write and read them. In: every form seen on the wire, never a date that does not exist, never
// a guess at a zone. Out: whole seconds at +0800, without a colon in the offset. Pure.
import { parseRfc3339 } from "../../event/time.ts";

export interface Instant {
  /** Epoch milliseconds; digits beyond are cut. */
  readonly millis: number;
  /** The last millisecond meant: without a fraction a second reaches to its end. */
  readonly last: number;
}

// Between date and time: "T", or a space, which a form encodes as "+". Before the offset: "+" stays one where the query's
// decoder keeps it; some clients turn it into a space before they sign, so a space there is a "+".
const written = /^(\d{4}-\d\d-\d\d)[Tt +](\d\d:\d\d:\d\d)(\.\d{1,9})?(?:([Zz])|([-+ ])(\d\d):?(\d\d))$/;

/** Undefined where it is no such time, names no offset, or the date does not exist. */
export function parseInstant(text: string): Instant | undefined {
  const match = written.exec(text);
  if (match === null) return undefined;
  const [, date, time, fraction, zulu, sign, hours, minutes] = match;
  const offset = zulu === undefined ? `${sign === "-" ? "-" : "+"}${hours}:${minutes}` : "Z";
  const millis = parseRfc3339(`${date}T${time}${fraction ?? ""}${offset}`);
  if (millis === undefined) return undefined;
  return { millis, last: fraction === undefined ? millis + 999 : millis };
}

/** The offset of every time in an answer, whatever offset was asked with. */
const offsetMillis = 8 * 3_600_000;

/** E.g. "2019-11-06T09:03:34+0800", cut to whole seconds. */
export function formatInstant(millis: number): string {
  return `${new Date(millis + offsetMillis).toISOString().slice(0, 19)}+0800`;
}
