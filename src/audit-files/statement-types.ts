// The statement types an audit policy can choose from, and which of them a statement is. Pure. The names are those of
// SetAuditLogPolicy's audit_types; a statement's type follows from MySQL's command class, or from its first words where
// the source gave none.
import type { DatabaseEvent } from "../event/event.ts";

/** Types by group, as all_audit_log_action shows them. */
const groups = {
  DDL: ["CREATE", "ALTER", "DROP", "RENAME", "TRUNCATE"],
  DCL: ["CREATE_USER", "DROP_USER", "RENAME_USER", "GRANT", "REVOKE"],
  DML: ["INSERT", "DELETE", "UPDATE", "REPLACE", "SELECT"],
  OTHER: ["BEGIN/COMMIT/ROLLBACK", "PREPARED_STATEMENT"],
} as const;

export type StatementType = (typeof groups)[keyof typeof groups][number];

export const statementTypes: readonly StatementType[] = Object.values(groups).flat();

/** The string of ShowAuditLogPolicy's all_audit_log_action: JSON of group → comma-separated types. */
export const allAuditLogAction: string = JSON.stringify(
  Object.fromEntries(Object.entries(groups).map(([group, types]) => [group, types.join(",")])),
);

/** Command classes that are a type of their own, before the rule of the first word applies. */
const exact: Readonly<Record<string, StatementType>> = {
  create_user: "CREATE_USER",
  drop_user: "DROP_USER",
  rename_user: "RENAME_USER",
  begin: "BEGIN/COMMIT/ROLLBACK",
  commit: "BEGIN/COMMIT/ROLLBACK",
  rollback: "BEGIN/COMMIT/ROLLBACK",
  start_transaction: "BEGIN/COMMIT/ROLLBACK",
  rollback_to_savepoint: "BEGIN/COMMIT/ROLLBACK",
};

const byFirstWord: Readonly<Record<string, StatementType>> = {
  create: "CREATE",
  alter: "ALTER",
  drop: "DROP",
  rename: "RENAME",
  truncate: "TRUNCATE",
  grant: "GRANT",
  revoke: "REVOKE",
  insert: "INSERT",
  delete: "DELETE",
  update: "UPDATE",
  replace: "REPLACE",
  select: "SELECT",
  prepare: "PREPARED_STATEMENT",
  execute: "PREPARED_STATEMENT",
  deallocate: "PREPARED_STATEMENT",
  dealloc: "PREPARED_STATEMENT",
  stmt: "PREPARED_STATEMENT",
};

/** The type of a command class such as "insert_select" or "create_table"; undefined where it has none, e.g. "set_option". */
export function typeOfCommandClass(commandClass: string): StatementType | undefined {
  const name = commandClass.toLowerCase();
  if (Object.hasOwn(exact, name)) return exact[name];
  const word = name.split("_", 1)[0]!;
  return Object.hasOwn(byFirstWord, word) ? byFirstWord[word] : undefined;
}

/** The type of a statement; undefined for connections and for statements of no listed type. */
export function statementType(event: Pick<DatabaseEvent, "name" | "commandClass" | "sql">): StatementType | undefined {
  if (event.commandClass !== undefined) return typeOfCommandClass(event.commandClass);
  return event.sql === undefined ? undefined : typeOfCommandClass(firstWords(event.sql));
}

/** Whether a policy with these types puts a statement into files; no types at all means everything, connections too. */
export function admits(types: readonly string[], event: Pick<DatabaseEvent, "name" | "commandClass" | "sql">): boolean {
  if (types.length === 0) return true;
  const type = statementType(event);
  return type !== undefined && types.includes(type);
}

/** Where the words of a statement that begins with comments are looked for: as far as this many characters. */
const looked = 4096;

/** The first two words of a statement in the form of a command class, comments and brackets before them skipped. */
function firstWords(sql: string): string {
  const skipped = /^(?:[\s(;]|\/\*(?!!)[\s\S]*?\*\/|(?:--[ \t]|#)[^\n]*(?:\n|$))*/;
  const rest = sql.slice(0, looked).replace(skipped, "");
  const words = /^(?:\/\*!\d*\s*)?([A-Za-z]+)(?:\s+([A-Za-z]+))?/.exec(rest);
  if (words === null) return "";
  return words[2] === undefined ? words[1]! : `${words[1]}_${words[2]}`.toLowerCase();
}
