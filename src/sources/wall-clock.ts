// Local times of logs that name no zone, or name it by letters, as instants. Pure: zone rules are the runtime's own, the
// current time is never asked for; where a local time occurs twice, the time of reading decides.
import { TaishiError } from "../errors.ts";

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
const daysIn = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

export class WallClock {
  readonly #format: Intl.DateTimeFormat | undefined;
  /** Offsets that may hold in one quarter of an hour: zones change theirs at such times only. */
  #quarter = Number.NaN;
  #offsets: readonly number[] = [0];

  /**
   * @param zone an IANA name, e.g. "Europe/Berlin", "UTC" or "+08:00"
   * @throws TaishiError invalid-parameter
   */
  constructor(zone: string) {
    if (zone === "UTC") return;
    try {
      this.#format = new Intl.DateTimeFormat("en", { timeZone: zone, timeZoneName: "longOffset", year: "numeric" });
    } catch (cause) {
      throw new TaishiError("invalid-parameter", `zone: there is no time zone ${JSON.stringify(zone)}`, {
        field: "zone",
        cause,
      });
    }
  }

  /**
   * Epoch milliseconds of a local time, which `wallTime` made. A time that occurs twice, because clocks were set back, is
   * the one nearer to `read`; one that does not occur, because they were set forward, is as if they had not been.
   */
  instant(wall: number, read: number): number {
    if (this.#format === undefined) return wall;
    const quarter = Math.floor(wall / (15 * minuteMs));
    if (quarter !== this.#quarter) {
      this.#offsets = this.#offsetsAround(wall);
      this.#quarter = quarter;
    }
    const [first, second] = this.#offsets;
    if (second === undefined) return wall - first!;
    return Math.abs(wall - first! - read) <= Math.abs(wall - second - read) ? wall - first! : wall - second;
  }

  #offsetsAround(wall: number): readonly number[] {
    const before = this.#offsetAt(wall - dayMs);
    const after = this.#offsetAt(wall + dayMs);
    if (before === after) return [before];
    const holding = [before, after].filter((offset) => this.#offsetAt(wall - offset) === offset);
    return holding.length === 0 ? [before] : holding;
  }

  #offsetAt(instant: number): number {
    const name = this.#format!.formatToParts(instant).find(({ type }) => type === "timeZoneName")!.value;
    const match = /^GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(name);
    if (match === null) throw new TaishiError("internal", `cannot read the offset ${name}`);
    const [, sign, hours, minutes, seconds] = match;
    if (sign === undefined) return 0;
    const ms = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds ?? 0)) * 1000;
    return sign === "-" ? -ms : ms;
  }
}

/**
 * A local time as if it were UTC, in milliseconds; undefined where there is no such date or time of day. Takes what a
 * regular expression found.
 */
export function wallTime(
  year: string,
  month: string,
  day: string,
  hour: string,
  minute: string,
  second: string,
  millis = 0,
): number | undefined {
  const y = Number(year);
  const mo = Number(month);
  const d = Number(day);
  if (y < 1970 || mo < 1 || mo > 12 || d < 1 || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59)
    return undefined;
  const leap = (y % 4 === 0 && y % 100 !== 0) || y % 400 === 0;
  if (d > (mo === 2 && !leap ? 28 : daysIn[mo - 1]!)) return undefined;
  return Date.UTC(y, mo - 1, d, Number(hour), Number(minute), Number(second), millis);
}
