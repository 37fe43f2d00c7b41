// A message of PostgreSQL's server log, whatever form the log has, and what it becomes: rows of pgaudit, failed statements,
// connections. Everything else PostgreSQL logs is no event.
import { csvFields } from "../csv-fields.ts";
import {
  clientOf,
  commandClassOf,
  type DatabaseFacts,
  databaseOutcome,
  malformed,
  noEvent,
} from "../database-draft.ts";
import type { Outcome, RawRecord } from "../source.ts";

/** Members that the log's form has not, or that are empty, are absent. */
export interface LogMessage {
  readonly time: number;
  readonly severity: string;
  readonly message: string;
  readonly user?: string | undefined;
  readonly database?: string | undefined;
  readonly pid?: string | undefined;
  /** "[local]" for a Unix socket. */
  readonly host?: string | undefined;
  readonly port?: string | undefined;
  /** Of the session: when it began and its process, in hexadecimal. */
  readonly session?: string | undefined;
  /** SQLSTATE. */
  readonly state?: string | undefined;
  readonly context?: string | undefined;
  /** What the client had sent when the message was made. */
  readonly statement?: string | undefined;
  readonly application?: string | undefined;
}

export const severities = ["DEBUG", "INFO", "NOTICE", "WARNING", "LOG", "ERROR", "FATAL", "PANIC"] as const;

export function messageOutcome(message: LogMessage, records: readonly RawRecord[], incomplete?: string): Outcome {
  const outcome = (facts: Omit<DatabaseFacts, "time">): Outcome =>
    databaseOutcome(
      {
        connectionId: message.pid,
        user: message.user,
        database: message.database,
        ...clientOf(message.host ?? ""),
        ...facts,
        time: message.time,
        labels: {
          "source.port": message.port,
          application: message.application,
          session: message.session,
          pid: message.pid,
          ...facts.labels,
        },
      },
      records,
      incomplete,
    );
  const severity = message.severity.replace(/\d$/, "");
  if (!(severities as readonly string[]).includes(severity))
    return malformed("its severity is not in English", records);
  if (severity === "ERROR" || severity === "FATAL" || severity === "PANIC") {
    const failure = failed(message);
    return failure === undefined ? noEvent("it is a failure of no client", records) : outcome(failure);
  }
  if (message.message.startsWith("AUDIT: ")) {
    const row = auditRow(message);
    return typeof row === "string" ? malformed(row, records) : outcome(row);
  }
  const connection = connected(message);
  if (connection === undefined) return noEvent("it tells of no statement and no connection", records);
  return typeof connection === "string" ? malformed(connection, records) : outcome(connection);
}

/** What pgaudit writes instead of a statement. */
const unsaid = ["<previously logged>", "<not logged>"];

/** pgaudit hides its context, and connections have none; a function that raises a message of its own cannot hide it. */
function isRaised({ context }: LogMessage): boolean {
  return context !== undefined && context !== "";
}
const raised = "a function wrote it that imitates another message";

/** @returns the reason where it is no row of pgaudit */
function auditRow(logged: LogMessage): Omit<DatabaseFacts, "time"> | string {
  if (isRaised(logged)) return raised;
  const fields = csvFields(logged.message.slice("AUDIT: ".length))?.map(({ text }) => text);
  if (fields === undefined || (fields.length !== 9 && fields.length !== 10)) return "it has not the fields of pgaudit";
  const [type, statementId, substatementId, , command, , , statement] = fields;
  if ((type !== "SESSION" && type !== "OBJECT") || !/^\d+$/.test(statementId!) || !/^\d+$/.test(substatementId!))
    return "it has not the fields of pgaudit";
  return {
    name: "Query",
    recordId: `${statementId}.${substatementId}`,
    status: "0",
    commandClass: commandClassOf(command!),
    sql: unsaid.includes(statement!) ? undefined : statement!,
  };
}

/** Where the form has no SQLSTATE: how messages begin that refuse a connection. */
const refusals =
  /^(?:[\w -]+ authentication failed for user |no pg_hba\.conf entry |pg_hba\.conf rejects |(?:role|user|database) ".*" (?:does not exist|is not permitted to log in)|password authentication failed|permission denied for database |sorry, too many clients|too many connections for |remaining connection slots |the database system is |certificate authentication failed )/s;

/** The user whom a refusal names; one whose name has quotes is not looked for. */
const refusedUser = /(?: for user|, user) "([^"]*)"(?:,|$)|^role "([^"]*)" does not exist$/;

function failed({ severity, message, state, statement, user }: LogMessage): Omit<DatabaseFacts, "time"> | undefined {
  const status = state ?? severity;
  if (statement !== undefined && statement !== "")
    return { name: "Query", status, commandClass: commandClassOf(statement), sql: statement };
  if (severity === "FATAL") {
    const refused = state === undefined ? refusals.test(message) : /^(?:28|3D|53300|57P03)/.test(state);
    if (!refused) return undefined;
    const named = user === undefined ? refusedUser.exec(message) : null;
    return { name: "Connect", status, ...(named === null ? {} : { user: named[1] ?? named[2]! }) };
  }
  // Background processes fail, too; they have no user, and no statement.
  return severity === "ERROR" && user !== undefined && user !== "" ? { name: "Query", status } : undefined;
}

/** Names have at most 63 bytes; what is longer is a message of another's making. */
const longestConnection = 2048;
const authorized =
  /^(?:replication )?connection authorized: user=(.{0,128}?)(?: database=(.{0,128}?))?(?: application_name=(.{0,128}?))?(?: SSL enabled \(.*\)| GSS \(.*\))?$/s;
const disconnected =
  /^disconnection: session time: [\d:.]+ user=(.{0,128}) database=(.{0,128}) host=(\S{1,300})(?: port=(\d+))?$/s;

function connected(message: LogMessage): Omit<DatabaseFacts, "time"> | string | undefined {
  const text = message.message;
  if (text.length > longestConnection) return undefined;
  const begun = text.includes("connection authorized: ") ? authorized.exec(text) : null;
  const ended = begun === null ? disconnected.exec(text) : null;
  const match = begun ?? ended;
  if (match === null) return undefined;
  if (isRaised(message)) return raised;
  // The log's own columns are better: in the text a name may hold what separates them.
  if (message.user === undefined && / database=.* database=/s.test(text))
    return "its names hold what separates them, so that it can be read in two ways";
  const facts = {
    name: begun === null ? "Quit" : "Connect",
    status: "0",
    user: message.user ?? match[1],
    database: message.database ?? match[2],
  };
  if (begun !== null) return { ...facts, labels: { application: begun[3] ?? message.application } };
  return { ...facts, ...clientOf(match[3]!), labels: { "source.port": match[4] } };
}
