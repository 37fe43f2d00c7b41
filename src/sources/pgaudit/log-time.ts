// Times of PostgreSQL's log: "2026-11-21 00:17:56.331 CET", in log_timezone, whose letters name no zone for certain.
import { WallClock, wallTime } from "../wall-clock.ts";

const form =
  /^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))? (?:(UTC|GMT)|([+-])(\d\d)(?::?(\d\d))?|[A-Z][A-Za-z]{1,6})$/;

export class LogTime {
  readonly #clock: WallClock | undefined;

  /** @param zone log_timezone; undefined: times in other zones than UTC cannot be read @throws TaishiError invalid-parameter */
  constructor(zone: string | undefined) {
    this.#clock = zone === undefined ? undefined : new WallClock(zone);
  }

  /** Epoch milliseconds, or the reason why there are none. */
  instant(text: string, read: number): number | string {
    const match = form.exec(text);
    if (match === null) return "its time cannot be read";
    const [, y, mo, d, h, mi, s, fraction, utc, sign, hours, minutes] = match;
    const wall = wallTime(y!, mo!, d!, h!, mi!, s!, Number((fraction ?? "").slice(0, 3).padEnd(3, "0")));
    if (wall === undefined) return "its time does not exist";
    if (utc !== undefined) return wall;
    if (sign !== undefined)
      return wall - (Number(hours) * 60 + Number(minutes ?? 0)) * 60_000 * (sign === "-" ? -1 : 1);
    return this.#clock === undefined
      ? "its time zone is named by letters only: give the option zone"
      : this.#clock.instant(wall, read);
  }
}
