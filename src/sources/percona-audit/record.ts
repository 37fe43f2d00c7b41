// What a record of Percona's audit_log plugin says in any of its forms, by the names of its JSON form, and what it becomes.
import { parseRfc3339 } from "../../event/time.ts";
import { databaseOutcome, malformed, userNameOf } from "../database-draft.ts";
import type { Outcome, RawRecord } from "../source.ts";

export type AuditRecord = ReadonlyMap<string, string>;

export function recordOutcome(record: AuditRecord, records: readonly RawRecord[]): Outcome {
  const name = record.get("name");
  const timestamp = record.get("timestamp");
  if (name === undefined || timestamp === undefined) return malformed("it has no name or no timestamp", records);
  const time = parseRfc3339(timestamp.replace(/ UTC$/, "Z"));
  if (time === undefined) return malformed("its time cannot be read", records);
  const user = record.get("user");
  // Records of connections have the name as it was given, and an account's beside it; anyone may give any name.
  const isConnection = record.has("priv_user") || record.has("os_login");
  return databaseOutcome(
    {
      time,
      name,
      recordId: record.get("record"),
      connectionId: record.get("connection_id"),
      status: record.get("status"),
      commandClass: record.get("command_class"),
      sql: record.get("sqltext"),
      user,
      host: record.get("host"),
      externalUser: record.get("os_user") ?? record.get("os_login"),
      ip: record.get("ip"),
      database: record.get("db"),
      labels: { user: isConnection ? user : userNameOf(user), operation: operationOf(name, record) },
    },
    records,
  );
}

/** Of a statement its class, else the record's name. */
function operationOf(name: string, record: AuditRecord): string {
  return record.get("command_class") || name.toLowerCase();
}
