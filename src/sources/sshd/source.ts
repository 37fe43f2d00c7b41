// OpenSSH's server: logins that were accepted, refused or broken off become SshLogin. What sshd says of one connection stands
// in several lines of one process: where it was accepted (at LogLevel VERBOSE), that there is no such user, how it ended.
import { Type } from "typebox";
import { TaishiError } from "../../errors.ts";
import type { Content } from "../../event/event.ts";
import type { Labels } from "../../event/labels.ts";
import type { NoEvent, Outcome, Parser, RawRecord, Source } from "../source.ts";
import { readSyslogLine, type SyslogLine } from "../syslog-line.ts";
import { Waiting } from "../waiting.ts";
import { WallClock } from "../wall-clock.ts";
import { type Ends, type Login, parseSshd, type Said } from "./parse.ts";

interface Options {
  readonly zone: string;
  readonly listen?: string;
  readonly programs: readonly string[];
}

/** sshd gives a client two minutes to log in; a connection that says nothing for longer is told as it is. */
const longestLoginMs = 10 * 60_000;
const mostRepeats = 1_000;

export const sshd: Source = {
  name: "sshd",
  version: "1",
  options: Type.Object(
    {
      zone: Type.String({ default: "UTC", description: "IANA name of the zone of times that name none." }),
      listen: Type.Optional(
        Type.String({
          pattern: "^\\S+ \\d{1,5}$",
          description: 'Address and port that sshd listens on, "10.0.0.5 22", where its lines do not say so.',
        }),
      ),
      programs: Type.Array(Type.String({ minLength: 1 }), {
        default: ["sshd", "sshd-session", "sshd-auth"],
        description: "Names that sshd logs under.",
      }),
    },
    { additionalProperties: false },
  ),
  parser: (options: Options) => new SshdParser(options),
};

/** What is known of a connection before it ends. */
interface Connection {
  readonly begun?: { readonly record: RawRecord; readonly source: Ends; readonly destination: Ends };
  /** Whether some event told its beginning already. */
  told: boolean;
  /** A user that does not exist was named, and no event has told it yet. */
  unknown?: { readonly record: RawRecord; readonly line: SyslogLine; readonly said: Login } | undefined;
}

type Heard = Exclude<Said, { readonly what: "nothing" }>;

function processOf({ host, pid }: SyslogLine): string {
  return `${host} ${pid}`;
}

const results = {
  accepted: "Accepted",
  failed: "Failed",
  "invalid-user": "InvalidUser",
  disconnected: "Disconnected",
} as const;

class SshdParser implements Parser {
  readonly #clock: WallClock;
  readonly #programs: ReadonlySet<string>;
  readonly #listen: Ends | undefined;
  /** By host and process. */
  readonly #connections = new Waiting<string, Connection>(longestLoginMs);

  constructor({ zone, listen, programs }: Options) {
    this.#clock = new WallClock(zone);
    this.#programs = new Set(programs);
    const [address, port] = listen?.split(" ") ?? [];
    if (port !== undefined && Number(port) > 65_535)
      throw new TaishiError("invalid-parameter", "listen: there is no such port", { field: "listen" });
    this.#listen = address === undefined || port === undefined ? undefined : { address, port };
  }

  take(record: RawRecord): readonly Outcome[] {
    const outcomes = this.#take(record);
    const overdue = this.expire(record.read);
    return overdue.length === 0 ? outcomes : [...outcomes, ...overdue];
  }

  expire(now: number): readonly Outcome[] {
    return this.#connections.overdue(now).flatMap(({ value }) => givenUp(value, this.#listen));
  }

  end(): readonly Outcome[] {
    return this.#connections.all().flatMap(({ value }) => givenUp(value, this.#listen));
  }

  waiting(): readonly RawRecord[] {
    return this.#connections.records();
  }

  #take(record: RawRecord): readonly Outcome[] {
    const line = readSyslogLine(record, this.#clock);
    if (line === undefined) return unparsed(record, "malformed", "its form is none of a system log's");
    if (!this.#programs.has(line.program)) return unparsed(record, "other-program", "logged by another program");
    const repeated = /^message repeated (\d{1,6}) times: \[ (.*)\]$/s.exec(line.message);
    const parsed = parseSshd(repeated?.[2] ?? line.message);
    if (parsed.what === "nothing") return unparsed(record, "no-event", "tells of no login");
    if (isForged(line, parsed))
      return unparsed(record, "other-program", "forged: the journal says that sshd did not log it");
    const said = this.#meant(line, parsed);
    if (said === undefined) return unparsed(record, "malformed", "can be read in several ways");
    const times = Math.min(Math.max(1, Number(repeated?.[1] ?? 1)), mostRepeats);
    const outcomes = this.#told(record, line, said);
    for (let i = 1; i < times; i++) outcomes.push(...this.#told(record, line, said));
    return outcomes;
  }

  /** Of several readings the one that the connection's first line, which holds nothing of the client's, agrees with. */
  #meant(line: SyslogLine, said: Heard): Exclude<Heard, { readonly what: "ambiguous" }> | undefined {
    if (said.what !== "ambiguous") return said;
    const begun = this.#connections.get(processOf(line))?.begun;
    const meant = begun === undefined ? [] : said.readings.filter((reading) => same(begun.source, reading.source));
    return meant.length === 1 ? meant[0] : undefined;
  }

  #told(record: RawRecord, line: SyslogLine, said: Exclude<Heard, { readonly what: "ambiguous" }>): Outcome[] {
    const process = processOf(line);
    if (said.what === "connection") {
      // The process's number was used by another connection, whose end was not told.
      const before = this.#release(process);
      const { source: from, destination } = said;
      this.#connections.add(process, record, () => ({ begun: { record, source: from, destination }, told: false }));
      return before;
    }
    const connection = this.#connections.get(process);
    // "Invalid user" is followed by how it was tried to log in, in a line that says the user too.
    if (said.what === "invalid-user" && said.method === undefined) {
      const before = connection?.unknown === undefined ? [] : this.#release(process);
      this.#connections.add(process, record, () => ({ told: false })).unknown = { record, line, said };
      return before;
    }
    const isOver = said.what === "accepted" || said.what === "disconnected";
    // Kept with the connection's records while that goes on, so that who resumes knows that it was told.
    if (isOver) this.#connections.release(process);
    else if (connection !== undefined) this.#connections.add(process, record, () => connection);
    return tell(connection, line, said, record, this.#listen);
  }

  #release(process: string): Outcome[] {
    const released = this.#connections.release(process);
    return released === undefined ? [] : givenUp(released.value, this.#listen);
  }
}

/** The event of a line, with what its connection's earlier lines say. */
function tell(
  connection: Connection | undefined,
  line: SyslogLine,
  said: Login,
  record: RawRecord,
  listen: Ends | undefined,
): Outcome[] {
  const { begun, unknown } = connection ?? {};
  const known = begun !== undefined && same(begun.source, said.source) ? begun : undefined;
  const destination = known?.destination ?? listen;
  const first = begun === undefined ? [] : [begun.record];
  if (connection !== undefined) {
    connection.told = true;
    connection.unknown = undefined;
  }
  if (unknown === undefined) return [eventOf(line, said, destination, [...first, record])];
  if (said.what !== "disconnected") return [eventOf(line, said, destination, [...first, unknown.record, record])];
  return [
    eventOf(unknown.line, unknown.said, destination, [...first, unknown.record]),
    eventOf(line, said, destination, [record]),
  ];
}

function givenUp(connection: Connection, listen: Ends | undefined): Outcome[] {
  const { begun, unknown, told } = connection;
  if (unknown !== undefined)
    return tell({ ...connection, unknown: undefined }, unknown.line, unknown.said, unknown.record, listen);
  if (told || begun === undefined) return [];
  return [{ why: "no-event", reason: "a connection that told no login", records: [begun.record] }];
}

function eventOf(
  { time, host, pid, program }: SyslogLine,
  said: Login,
  destination: Ends | undefined,
  records: readonly RawRecord[],
): Outcome {
  const { what, source: from, user, method, keyType, fingerprint } = said;
  const ends = [from.address, from.port, ...(destination === undefined ? [] : [destination.address, destination.port])];
  const more: readonly (readonly [string, string | undefined])[] = [
    ["User", user],
    ["Method", method],
    ["Result", results[what]],
    ["KeyType", keyType],
    ["KeyFingerprint", fingerprint],
  ];
  const contents: Content[] = [
    { key: "Tag", value: "" },
    { key: "SSH", value: ends.filter((part) => part !== "").join(" ") },
    { key: "ProcessID", value: pid },
    { key: "SandboxType", value: "" },
    ...more.flatMap(([name, value]) => (value === undefined || value === "" ? [] : [{ key: name, value }])),
  ];
  const labels = {
    host,
    program,
    pid,
    user,
    "source.ip": from.address,
    "source.port": from.port,
    "destination.ip": destination?.address,
    "destination.port": destination?.port,
    operation: what,
    outcome: what === "accepted" ? "success" : what === "disconnected" ? undefined : "failure",
  };
  return {
    draft: { kind: "security", time, type: "SshLogin", contents },
    labels: Object.fromEntries(
      Object.entries(labels).filter(([, value]) => value !== undefined && value !== ""),
    ) as Labels,
    records,
  };
}

/**
 * What the journal knows of who logged: only root's sshd decides about logins. The end of a session is told by a process of
 * the user's. Where the journal says nothing, as in files, nobody can tell.
 */
function isForged({ trusted, message }: SyslogLine, said: Said): boolean {
  if (trusted === undefined) return false;
  const { uid, comm, exe } = trusted;
  if (comm !== undefined && !/^sshd(?:-session|-auth)?$/.test(comm)) return true;
  if (
    exe !== undefined &&
    !/^\/usr\/(?:local\/)?(?:s?bin|lib|libexec)\/(?:[\w.-]+\/)*sshd(?:-session|-auth)?$/.test(exe)
  )
    return true;
  const byUser = exe !== undefined && said.what === "disconnected" && message.startsWith("Disconnected from user ");
  return uid !== undefined && uid !== "0" && !byUser;
}

function same(a: Ends, b: Ends): boolean {
  return a.address === b.address && (a.port === b.port || b.port === "");
}

function unparsed(record: RawRecord, why: NoEvent, reason: string): readonly Outcome[] {
  return [{ why, reason, records: [record] }];
}
