// What the database sources share: drafts without empty members, within the lengths an event may have; whose address a
// client's host is; which class a statement is of where the log does not say.

import type { Labels } from "../event/labels.ts";
import { timeLimit } from "../event/time.ts";
import type { DatabaseDraft, Outcome, RawRecord, Unparsed } from "./source.ts";

type Texts = { readonly [Key in Exclude<keyof DatabaseDraft, "kind" | "time">]?: string | undefined };

/** What a log says of one event; empty texts are as absent. */
export interface DatabaseFacts extends Texts {
  readonly time: number;
  readonly name: string;
  /** Labels beside, or instead of, those that follow from the rest: `user`, `database`, `source.ip`, `operation`, `outcome`. */
  readonly labels?: { readonly [Name in keyof Labels]: string | undefined };
}

const longestName = 64;
const longestText = 1024;

/** The event of these facts, or why they are none. */
export function databaseOutcome(facts: DatabaseFacts, records: readonly RawRecord[], incomplete?: string): Outcome {
  const { time, name, sql, labels, ...rest } = facts;
  if (!(time >= 0 && time < timeLimit)) return malformed("its time is before 1970", records);
  if (name === "" || name.length > longestName)
    return malformed(`its name is empty, or has more than ${longestName} characters`, records);
  const draft: Record<string, string | number> = { kind: "database", time, name };
  for (const key in rest) {
    const text = rest[key as keyof typeof rest];
    if (text === undefined || text === "") continue;
    if (text.length > longestText) return malformed(`a field has more than ${longestText} characters`, records);
    draft[key] = text;
  }
  if (sql !== undefined && sql !== "") draft.sql = sql;
  const all: Record<string, string> = { operation: facts.commandClass || name.toLowerCase() };
  if (facts.user) all.user = facts.user;
  if (facts.database) all.database = facts.database;
  if (facts.ip) all["source.ip"] = facts.ip;
  if (facts.status) all.outcome = facts.status === "0" ? "success" : "failure";
  for (const key in labels) {
    const text = labels[key as keyof Labels];
    if (text !== undefined && text !== "") all[key] = text;
    else if (key === "user") delete all.user;
  }
  return {
    draft: draft as unknown as DatabaseDraft,
    labels: all,
    records,
    ...(incomplete === undefined ? {} : { incomplete }),
  };
}

/** @param reason goes on after "not parsed: " */
export function malformed(reason: string, records: readonly RawRecord[]): Unparsed {
  return { why: "malformed", reason, records };
}

/** A good record that tells nothing of interest. */
export function noEvent(reason: string, records: readonly RawRecord[]): Unparsed {
  return { why: "no-event", reason, records };
}

const ipv4 = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/;

/** Whether a text is an address and not a name. */
export function isAddress(text: string): boolean {
  return ipv4.test(text) || isIpv6(text);
}

/** Eight groups, or fewer around one "::"; the last two may be an IPv4 address; a zone may follow. */
export function isIpv6(text: string): boolean {
  if (text.length > 64 || !text.includes(":")) return false;
  const [address, zone, more] = text.split("%");
  if (more !== undefined || zone === "") return false;
  const dotted = address!.lastIndexOf(":") + 1;
  const short = address!.slice(dotted).includes(".")
    ? ipv4.test(address!.slice(dotted))
      ? `${address!.slice(0, dotted)}0:0`
      : undefined
    : address;
  if (short === undefined) return false;
  const halves = short.split("::");
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === "" ? [] : half.split(":")));
  return (
    (halves.length === 2 ? groups.length < 8 : groups.length === 8) && groups.every((g) => /^[0-9a-fA-F]{1,4}$/.test(g))
  );
}

/** A client's host as `ip` where it is an address, else as `host`. */
export function clientOf(host: string): { readonly host?: string; readonly ip?: string } {
  return host === "" ? {} : isAddress(host) ? { ip: host } : { host };
}

/**
 * The name that was given at login, of MySQL's "account[name] @ host [ip]"; undefined where brackets in it leave more than
 * one reading.
 */
export function userNameOf(user: string | undefined): string | undefined {
  if (user === undefined || !user.includes("[")) return user;
  return /^[^[\]]*\[([^[\]]*)\] @ [^[\]]*\[[^[\]]*\]$/.exec(user)?.[1];
}

/** Where the words of a statement are looked for: as far as this many characters. */
const looked = 4096;
const beforeWords = /^(?:[\s(;]|\/\*(?!!)[\s\S]*?\*\/|(?:--[ \t]|#)[^\n]*(?:\n|$))*(?:\/\*!\d*\s*)?/;

/** Statements whose class is their first word's. */
const byWord: Readonly<Record<string, string>> = {
  alter: "alter",
  begin: "begin",
  call: "call_procedure",
  commit: "commit",
  copy: "copy",
  create: "create",
  deallocate: "dealloc_sql",
  delete: "delete",
  do: "do",
  drop: "drop",
  execute: "execute_sql",
  explain: "explain",
  grant: "grant",
  insert: "insert",
  kill: "kill",
  load: "load",
  lock: "lock_tables",
  prepare: "prepare_sql",
  rename: "rename_table",
  replace: "replace",
  reset: "reset",
  revoke: "revoke",
  rollback: "rollback",
  savepoint: "savepoint",
  select: "select",
  set: "set_option",
  show: "show",
  truncate: "truncate",
  unlock: "unlock_tables",
  update: "update",
  use: "change_db",
};

/** What CREATE, ALTER and DROP can be of, and the name it has in classes. */
const objects: Readonly<Record<string, string>> = {
  database: "db",
  event: "event",
  extension: "extension",
  function: "function",
  index: "index",
  policy: "policy",
  procedure: "procedure",
  role: "role",
  schema: "schema",
  sequence: "sequence",
  server: "server",
  table: "table",
  trigger: "trigger",
  type: "type",
  user: "user",
  view: "view",
};

/**
 * A statement's class as MySQL's audit logs name them, from its first words: "select", "create_table", "set_option";
 * undefined where these say nothing, e.g. of "WITH …". Comments before them are skipped.
 */
export function commandClassOf(statement: string): string | undefined {
  const rest = statement.slice(0, looked).replace(beforeWords, "");
  const first = /^[A-Za-z]+/.exec(rest)?.[0].toLowerCase();
  if (first === undefined) return undefined;
  const second = /^[A-Za-z]+\s+([A-Za-z]+)/.exec(rest)?.[1]?.toLowerCase();
  if (first === "start") return second === "transaction" ? "begin" : undefined;
  if (first === "begin" && second === "not") return undefined; // a block of statements, no transaction
  if (first === "rename" && second === "user") return "rename_user";
  if (first === "create" || first === "alter" || first === "drop") {
    // CREATE OR REPLACE DEFINER=`a`@`b` VIEW, DROP TEMPORARY TABLE: the object is the first such word that follows.
    for (const [word] of rest.slice(first.length, 400).matchAll(/(?<![\w`"'.@])[A-Za-z]+(?![\w`"'.@])/g)) {
      const object = word.toLowerCase();
      if (Object.hasOwn(objects, object)) return `${first}_${objects[object]}`;
    }
  }
  return Object.hasOwn(byWord, first) ? byWord[first] : undefined;
}
