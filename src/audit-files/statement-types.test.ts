import assert from "node:assert/strict";
import { test } from "node:test";
import { admits, allAuditLogAction, statementType, statementTypes, typeOfCommandClass } from "./statement-types.ts";

test("all_audit_log_action is JSON of the four groups, and its types are exactly those a policy may name", () => {
  const groups = JSON.parse(allAuditLogAction) as Record<string, string>;
  assert.deepEqual(Object.keys(groups), ["DDL", "DCL", "DML", "OTHER"]);
  assert.deepEqual(
    Object.values(groups).flatMap((types) => types.split(",")),
    statementTypes,
  );
  assert.equal(groups.DCL, "CREATE_USER,DROP_USER,RENAME_USER,GRANT,REVOKE");
  assert.equal(statementTypes.length, 17);
});

test("a command class tells the type", () => {
  const gives = (commandClass: string, type: string | undefined): void =>
    assert.equal(typeOfCommandClass(commandClass), type, commandClass);
  gives("select", "SELECT");
  gives("insert_select", "INSERT");
  gives("delete_multi", "DELETE");
  gives("update_multi", "UPDATE");
  gives("replace_select", "REPLACE");
  gives("create_table", "CREATE");
  gives("create_user", "CREATE_USER");
  gives("drop_user", "DROP_USER");
  gives("rename_user", "RENAME_USER");
  gives("rename_table", "RENAME");
  gives("revoke_all", "REVOKE");
  gives("begin", "BEGIN/COMMIT/ROLLBACK");
  gives("prepare_sql", "PREPARED_STATEMENT");
  gives("stmt_execute", "PREPARED_STATEMENT");
  gives("dealloc_sql", "PREPARED_STATEMENT");
  gives("set_option", undefined);
  gives("show_tables", undefined);
  gives("constructor", undefined);
  gives("__proto__", undefined);
});

test("where the command class is missing the first words tell the type", () => {
  const gives = (sql: string, type: string | undefined): void =>
    assert.equal(statementType({ name: "Query", sql }), type, sql);
  gives("/* app */ -- why\n (SELECT 1)", "SELECT");
  gives("create user 'a'@'b'", "CREATE_USER");
  gives("CREATE TABLE t(a int)", "CREATE");
  gives("START TRANSACTION", "BEGIN/COMMIT/ROLLBACK");
  gives("commit", "BEGIN/COMMIT/ROLLBACK");
  gives("/*!40000 ALTER TABLE t DISABLE KEYS */", "ALTER");
  gives("SET autocommit=0", undefined);
  gives("", undefined);
});

test("no types admit everything; types admit only their statements", () => {
  assert.equal(admits([], { name: "Connect" }), true);
  assert.equal(admits(["SELECT"], { name: "Connect" }), false);
  assert.equal(admits(["SELECT"], { name: "Query", commandClass: "select" }), true);
  assert.equal(admits(["SELECT"], { name: "Query", commandClass: "insert" }), false);
});
