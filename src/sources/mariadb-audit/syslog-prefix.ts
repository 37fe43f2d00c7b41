// What syslog writes before a message of server_audit: RFC 3164 with or without priority, the same with an ISO time as
// rsyslog writes it, or RFC 5424. Gives time, host and program; the message goes on behind them.
import { parseRfc3339 } from "../../event/time.ts";
import { type WallClock, wallTime } from "../wall-clock.ts";

export interface Prefixed {
  readonly time: number;
  readonly host: string;
  readonly program: string;
  readonly message: string;
}

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const traditional =
  /^(?:<\d{1,3}>)?(?:([A-Z][a-z]{2}) ([ \d]\d) (\d\d):(\d\d):(\d\d)|(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S*)) (\S+) ([^\s:[]+)(?:\[\d+\])?: ?/;
const modern = /^<\d{1,3}>1 (\S+) (\S+) (\S+) \S+ \S+ (?:-|(?:\[(?:[^\]\\"]|\\.|"(?:[^"\\]|\\.)*")*\])+) \ufeff?/;
/** Structured data beyond this is not skipped. */
const longestPrefix = 2048;
const dayMs = 24 * 60 * 60_000;

/** @param clock the zone of times that name none */
export function readPrefix(text: string, clock: WallClock, read: number): Prefixed | undefined {
  const start = text.slice(0, longestPrefix);
  const old = traditional.exec(start);
  if (old !== null) {
    const time = old[6] === undefined ? yearless(old, clock, read) : parseRfc3339(old[6]);
    return time === undefined
      ? undefined
      : { time, host: old[7]!, program: old[8]!, message: text.slice(old[0].length) };
  }
  const match = modern.exec(start);
  const time = match === null ? undefined : parseRfc3339(match[1]!);
  return time === undefined
    ? undefined
    : { time, host: match![2]!, program: match![3]!, message: text.slice(match![0].length) };
}

/** The year is the one that puts the time nearest to `read`, and at most a day after it. */
function yearless(match: RegExpExecArray, clock: WallClock, read: number): number | undefined {
  const month = months.indexOf(match[1]!) + 1;
  if (month === 0) return undefined;
  const year = new Date(read).getUTCFullYear();
  let nearest: number | undefined;
  for (const y of [year - 1, year, year + 1]) {
    const wall = wallTime(String(y), String(month), match[2]!.trim(), match[3]!, match[4]!, match[5]!);
    const time = wall === undefined ? undefined : clock.instant(wall, read);
    if (time === undefined || time > read + dayMs) continue;
    if (nearest === undefined || Math.abs(time - read) < Math.abs(nearest - read)) nearest = time;
  }
  return nearest;
}
