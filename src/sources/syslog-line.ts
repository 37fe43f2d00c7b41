// One record of a system log, in whichever form it was written: RFC 3164 as syslogd writes it into files (no year, no zone) or
// sends it (with a priority), with an ISO time as rsyslog writes it, RFC 5424, or the journal's JSON. Pure.
import { parseRfc3339, timeLimit } from "../event/time.ts";
import type { RawRecord } from "./source.ts";
import { type WallClock, wallTime } from "./wall-clock.ts";

export interface SyslogLine {
  /** Epoch milliseconds. */
  readonly time: number;
  readonly host: string;
  /** Without its pid; "" where the line names none. */
  readonly program: string;
  readonly pid: string;
  readonly message: string;
  /** What the journal itself vouches for, which the program that logs cannot choose. Absent in every other form. */
  readonly trusted?: { readonly uid?: string; readonly comm?: string; readonly exe?: string; readonly unit?: string };
}

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const dayMs = 24 * 3_600_000;
const farthestZoneMs = 15 * 3_600_000;

// What a program's name may hold is what keeps a message with a colon in it from being taken for one.
const old = /^([A-Z][a-z]{2}) ([ \d]\d) (\d\d):(\d\d):(\d\d) /;
const iso = /^(\d{4}-\d\d-\d\d[T ]\S+) /;
const noZone = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?$/;
/** What comes over a local socket names no host. */
const named = /(?:([^\s:[\]][^\s]*) )?([^\s:[\]]+)(?:\[(\d+)\])?: ?(.*)$/sy;
const rfc5424 = /^1 (\S+) (\S+) (\S+) (\S+) \S+ /;

/** @param clock of times that name no zone @returns undefined where the record is none of the forms */
export function readSyslogLine(record: RawRecord, clock: WallClock): SyslogLine | undefined {
  const line = readAny(record, clock);
  return line === undefined || line.time < 0 || line.time >= timeLimit ? undefined : line;
}

function readAny({ text, read }: RawRecord, clock: WallClock): SyslogLine | undefined {
  if (text.charCodeAt(0) === 123) return readJournal(text);
  const priority = text.charCodeAt(0) === 60 ? (/^<\d{1,3}>/.exec(text)?.[0].length ?? 0) : 0;
  const line = priority === 0 ? text : text.slice(priority);
  const first = line.charCodeAt(0);
  if (priority > 0 && line.startsWith("1 ")) return read5424(line, read);
  const match = (first >= 65 && first <= 90 ? old : iso).exec(line);
  if (match === null) return undefined;
  named.lastIndex = match[0].length;
  const rest = named.exec(line);
  if (rest === null) return undefined;
  const time = match.length > 2 ? oldTime(match, read, clock) : isoTime(match[1]!, read, clock);
  if (time === undefined) return undefined;
  return { time, host: rest[1] ?? "", program: rest[2]!, pid: rest[3] ?? "", message: rest[4]! };
}

function oldTime(match: RegExpExecArray, read: number, clock: WallClock): number | undefined {
  const month = months.indexOf(match[1]!) + 1;
  if (month === 0) return undefined;
  const wall = (year: number) => wallTime(String(year), String(month), match[2]!, match[3]!, match[4]!, match[5]!);
  return nearest(wall, read, clock);
}

/** With a zone as RFC 3339 or, as journalctl has it, without the colon in it; or without one. */
function isoTime(text: string, read: number, clock: WallClock): number | undefined {
  const time = parseRfc3339(text) ?? parseRfc3339(text.replace(/([+-]\d\d)(\d\d)$/, "$1:$2"));
  if (time !== undefined) return time;
  const match = noZone.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction = ""] = match;
  const millis = Number(fraction.slice(0, 3).padEnd(3, "0"));
  const wall = wallTime(year!, month!, day!, hour!, minute!, second!, millis);
  return wall === undefined ? undefined : clock.instant(wall, read);
}

/**
 * The year that puts the time nearest to when it was read, at most a day after it: the last one that does not put it later.
 * Zones are asked about that year alone, since that costs more than all the rest.
 */
function nearest(wall: (year: number) => number | undefined, read: number, clock: WallClock): number | undefined {
  const year = new Date(read).getUTCFullYear();
  for (const candidate of [year + 1, year, year - 1]) {
    const local = wall(candidate);
    if (local === undefined || local - farthestZoneMs > read + dayMs) continue;
    const time = clock.instant(local, read);
    if (time <= read + dayMs) return time;
  }
  return undefined;
}

function read5424(line: string, read: number): SyslogLine | undefined {
  const match = rfc5424.exec(line);
  if (match === null) return undefined;
  const end = structuredDataEnd(line, match[0].length);
  if (end === undefined || (end < line.length && line[end] !== " ")) return undefined;
  // A sender without a clock says so.
  const time = match[1] === "-" ? read : parseRfc3339(match[1]!);
  if (time === undefined) return undefined;
  const nil = (text: string): string => (text === "-" ? "" : text);
  // rsyslog leaves the space in that stands before a message in the old form.
  const message = line.slice(end + 1).replace(/^(?:\ufeff| )/, "");
  return { time, host: nil(match[2]!), program: nil(match[3]!), pid: nil(match[4]!), message };
}

/** Where the elements end, `[id name="value"]…`; a bracket may stand in a value. A loop, as they may be millions. */
function structuredDataEnd(line: string, start: number): number | undefined {
  if (line[start] === "-") return start + 1;
  let at = start;
  while (line[at] === "[") {
    let isQuoted = false;
    for (at++; at < line.length; at++) {
      const character = line.charCodeAt(at);
      if (character === 34) isQuoted = !isQuoted;
      else if (isQuoted && character === 92) at++;
      else if (!isQuoted && character === 93) break;
    }
    if (at >= line.length) return undefined;
    at++;
  }
  return at === start ? undefined : at;
}

function readJournal(text: string): SyslogLine | undefined {
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined; // no JSON, so no record of the journal
  }
  const field = (name: string): string | undefined => {
    const value = fields[name];
    if (typeof value === "string") return value;
    // What is not UTF-8 is told as its bytes.
    if (Array.isArray(value) && value.every((byte) => Number.isInteger(byte) && byte >= 0 && byte < 256))
      return Buffer.from(value as number[]).toString("utf8");
    return undefined;
  };
  const message = field("MESSAGE");
  const micros = field("_SOURCE_REALTIME_TIMESTAMP") ?? field("__REALTIME_TIMESTAMP");
  if (message === undefined || micros === undefined || !/^\d{4,17}$/.test(micros)) return undefined;
  const [uid, comm, exe, unit] = ["_UID", "_COMM", "_EXE", "_SYSTEMD_UNIT"].map(field);
  return {
    time: Number(micros.slice(0, -3)),
    host: field("_HOSTNAME") ?? "",
    program: field("SYSLOG_IDENTIFIER") ?? comm ?? "",
    pid: field("_PID") ?? field("SYSLOG_PID") ?? "",
    message,
    trusted: {
      ...(uid === undefined ? {} : { uid }),
      ...(comm === undefined ? {} : { comm }),
      ...(exe === undefined ? {} : { exe }),
      ...(unit === undefined ? {} : { unit }),
    },
  };
}
