// MariaDB's server_audit plugin (also in MySQL and Percona Server, where it is built for them), its file and its syslog
// form: connections, statements, and the tables that statements touch.
import { type Static, Type } from "typebox";
import { clientOf, commandClassOf, databaseOutcome, isIpv6, malformed } from "../database-draft.ts";
import type { Outcome, RawRecord, Source } from "../source.ts";
import { readSyslogLine } from "../syslog-line.ts";
import { WallClock, wallTime } from "../wall-clock.ts";
import { type AuditLine, parseLine } from "./parse.ts";

const Options = Type.Object(
  {
    zone: Type.String({
      default: "UTC",
      description: "The time zone of the database's host, whose local time the log has: an IANA name.",
    }),
    ident: Type.String({ default: "mysql-server_auditing", description: "server_audit_syslog_ident." }),
    info: Type.String({ default: "", description: "server_audit_syslog_info, which stands before the server's host." }),
    ipv6Port: Type.Boolean({
      default: false,
      description: "An IPv6 client address ends with a port, as from MariaDB 12.0 on; with other hosts it is seen.",
    }),
  },
  { additionalProperties: false },
);

/** Names that Taishi and other audit logs of MySQL use; those of tables are not among them. */
const names: Readonly<Record<string, string>> = {
  QUERY: "Query",
  CONNECT: "Connect",
  FAILED_CONNECT: "Connect",
  DISCONNECT: "Quit",
  CHANGEUSER: "Change user",
  PROXY_CONNECT: "Proxy connect",
  READ: "Read",
  WRITE: "Write",
  CREATE: "Create",
  ALTER: "Alter",
  RENAME: "Rename",
  DROP: "Drop",
};

const fileTime = /^(\d{4})(\d\d)(\d\d) (\d\d):(\d\d):(\d\d),/;

class LineReader {
  readonly #options: Static<typeof Options>;
  readonly #clock: WallClock;

  constructor(options: Static<typeof Options>) {
    this.#options = options;
    this.#clock = new WallClock(options.zone);
  }

  read(record: RawRecord): Outcome {
    const records = [record];
    const { text } = record;
    const match = fileTime.exec(text);
    if (match !== null) {
      const wall = wallTime(match[1]!, match[2]!, match[3]!, match[4]!, match[5]!, match[6]!);
      if (wall === undefined) return malformed("its time does not exist", records);
      return this.#outcome(text.slice(match[0].length), this.#clock.instant(wall, record.read), records);
    }
    const prefixed = readSyslogLine(record, this.#clock);
    if (prefixed === undefined) return malformed("it begins with no time", records);
    if (prefixed.program !== this.#options.ident)
      return { why: "other-program", reason: "it is of another program", records };
    const start = `${this.#options.info} `;
    if (!prefixed.message.startsWith(start)) return malformed("the syslog info before it is another", records);
    return this.#outcome(prefixed.message.slice(start.length), prefixed.time, records);
  }

  #outcome(text: string, time: number, records: readonly RawRecord[]): Outcome {
    const line = parseLine(text);
    if (typeof line === "string") return malformed(line, records);
    const { host, port } = this.#client(line.host);
    const { operation } = line;
    const isStatement = operation === "QUERY";
    const isTable = line.code === "";
    return databaseOutcome(
      {
        time,
        name: names[operation]!,
        recordId: line.query === "0" ? undefined : line.query,
        connectionId: line.connection,
        status: line.code,
        // A table's record is no statement, though a table may be called like one: it is of no statement's type.
        commandClass: isStatement
          ? commandClassOf(line.object)
          : isTable
            ? `table_${operation.toLowerCase()}`
            : undefined,
        sql: isStatement ? line.object : isTable ? tableOf(line) : undefined,
        user: line.user,
        ...clientOf(host),
        // The account whose rights a proxied user has.
        externalUser: operation === "PROXY_CONNECT" ? line.object : undefined,
        ip: clientOf(host).ip,
        database: line.database,
        labels: {
          ...(isTable ? { operation: operation.toLowerCase() } : {}),
          "source.port": port,
          host: line.server,
          instance: line.server,
        },
      },
      records,
    );
  }

  #client(text: string): { readonly host: string; readonly port?: string } {
    const match = /^(.*):(\d{1,5}|unavailable)$/.exec(text);
    if (match === null || (isIpv6(text) && !this.#options.ipv6Port)) return { host: text };
    const [, host, port] = match;
    return Number(port) > 0 ? { host: host!, port: port! } : { host: host! };
  }
}

/** A table's record has no statement: its argument stands there, as in MySQL's general log. */
function tableOf({ database, object }: AuditLine): string {
  return database === "" ? object : `${database}.${object}`;
}

export const mariadbAudit: Source = {
  name: "mariadb-audit",
  version: "1",
  options: Options,
  parser(options: Static<typeof Options>) {
    const lines = new LineReader(options);
    return {
      take: (record) => [lines.read(record)],
      expire: () => [],
      end: () => [],
      waiting: () => [],
    };
  },
};
