// What an object of MySQL Enterprise Audit's JSON, or of Percona's audit_log_filter, becomes. Both name events by class and
// event; where several tell one statement, only one of them is an event here.

import { parseRfc3339 } from "../../event/time.ts";
import { databaseOutcome, malformed, noEvent, userNameOf } from "../database-draft.ts";
import type { Outcome, RawRecord } from "../source.ts";

const connections: Readonly<Record<string, string>> = {
  connect: "Connect",
  disconnect: "Quit",
  change_user: "Change user",
};
const accesses: Readonly<Record<string, string>> = {
  read: "Read",
  insert: "Insert",
  update: "Update",
  delete: "Delete",
};

export type StatementsFrom = "general" | "query";

export function auditOutcome(text: string, records: readonly RawRecord[], statements: StatementsFrom): Outcome {
  let object: Members;
  try {
    object = new Members(JSON.parse(text, exactNumbers));
  } catch {
    return malformed("it is no JSON", records);
  }
  const time = timeOf(object);
  const [kind, event] = [object.text("class"), object.text("event")];
  if (time === undefined || kind === undefined)
    return malformed("it has no class, or no timestamp that exists", records);
  const [account, login] = [object.members("account"), object.members("login")];
  const id = object.text("id");
  const user = login.text("user") ?? account.text("user");
  const common = {
    time,
    recordId: id === undefined ? undefined : `${object.text("timestamp") ?? object.text("time")}/${id}`,
    connectionId: object.text("connection_id"),
    user,
    host: account.text("host"),
    externalUser: login.text("os"),
    ip: login.text("ip"),
  };
  if (kind === "audit")
    return databaseOutcome({ ...common, name: event === "shutdown" ? "NoAudit" : "Audit" }, records);
  if (kind === "connection") {
    const data = object.members("connection_data");
    const name = named(connections, event);
    if (name === undefined) return noEvent("it is a step of a connection", records);
    return databaseOutcome(
      {
        ...common,
        name,
        status: data.text("status"),
        database: data.text("db"),
        labels: { user, application: data.members("connection_attributes").text("program_name") },
      },
      records,
    );
  }
  const labels = { user: userNameOf(user) };
  if (kind === "general" && event === "status" && statements === "general") {
    const data = object.members("general_data");
    const name = data.text("command");
    if (name === undefined) return malformed("it has no command", records);
    const commandClass = data.text("sql_command");
    return databaseOutcome(
      { ...common, name, status: data.text("status"), commandClass, sql: data.text("query"), labels },
      records,
    );
  }
  if (kind === "query" && event === "query_status_end" && statements === "query") {
    const data = object.members("query_data");
    const commandClass = data.text("sql_command");
    return databaseOutcome(
      { ...common, name: "Query", status: data.text("status"), commandClass, sql: data.text("query"), labels },
      records,
    );
  }
  if (kind === "table_access") return accessOutcome(object, event, { ...common, labels }, records);
  return noEvent(
    kind === "general" || kind === "query" || kind === "command"
      ? "another record tells the statement"
      : "it tells of no statement, connection or table",
    records,
  );
}

function accessOutcome(
  object: Members,
  event: string | undefined,
  common: Omit<Parameters<typeof databaseOutcome>[0], "name">,
  records: readonly RawRecord[],
): Outcome {
  const name = named(accesses, event);
  if (name === undefined) return noEvent("it is no known access of a table", records);
  const data = object.members("table_access_data");
  const table = [data.text("db"), data.text("table")].filter((part) => part !== undefined).join(".");
  return databaseOutcome(
    {
      ...common,
      name,
      // A statement is told by a record of its own; this one is of no statement's type.
      commandClass: `table_${event}`,
      sql: data.text("query") ?? table,
      database: data.text("db"),
      labels: { ...common.labels, operation: event },
    },
    records,
  );
}

/** Integers as they stand there: some are above 2^53. */
function exactNumbers(_: string, value: unknown, context?: { readonly source?: string }): unknown {
  return typeof value === "number" && context?.source !== undefined ? context.source : value;
}

/** "2020-10-19 19:25:51", in UTC; or, where the format has Unix times only, these. */
function timeOf(object: Members): number | undefined {
  const timestamp = object.text("timestamp");
  if (timestamp !== undefined) return parseRfc3339(timestamp.endsWith("Z") ? timestamp : `${timestamp}Z`);
  const seconds = object.text("time");
  return seconds !== undefined && /^\d{1,11}$/.test(seconds) ? Number(seconds) * 1000 : undefined;
}

function named(names: Readonly<Record<string, string>>, name: string | undefined): string | undefined {
  return name !== undefined && Object.hasOwn(names, name) ? names[name] : undefined;
}

/** Members of an object that may be missing, or be something else. */
class Members {
  readonly #object: Readonly<Record<string, unknown>>;

  constructor(value: unknown) {
    this.#object = typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  }

  /** undefined where there is no such text, or an empty one. */
  text(name: string): string | undefined {
    const value = Object.hasOwn(this.#object, name) ? this.#object[name] : undefined;
    return typeof value === "string" && value !== "" ? value.toWellFormed() : undefined;
  }

  members(name: string): Members {
    return new Members(Object.hasOwn(this.#object, name) ? this.#object[name] : undefined);
  }
}
