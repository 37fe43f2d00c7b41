// The commands of `taishi`. Each is put together in a file of its own, which is loaded only where that command is run: no
// command waits for what another needs. docs/cli.md names the same; a test compares the two.
import type { Definition } from "./verb.ts";

export interface Verb {
  readonly name: string;
  readonly summary: string;
  load(): Promise<Definition>;
}

export const verbs: readonly Verb[] = [
  {
    name: "serve",
    summary: "run the service",
    load: async () => (await import("./serve.ts")).serve,
  },
  {
    name: "account",
    summary: "create, list and set accounts",
    load: async () => (await import("./account.ts")).account,
  },
  {
    name: "key",
    summary: "create, list, disable, enable, expire, rotate and delete access keys",
    load: async () => (await import("./key.ts")).key,
  },
  {
    name: "user",
    summary: "create, list, disable, enable and delete users and set their passwords",
    load: async () => (await import("./user.ts")).user,
  },
  {
    name: "project",
    summary: "create and list projects",
    load: async () => (await import("./project.ts")).project,
  },
  {
    name: "instance",
    summary: "create and list database instances",
    load: async () => (await import("./instance.ts")).instance,
  },
  {
    name: "append",
    summary: "append events from an NDJSON file or standard input",
    load: async () => (await import("./append.ts")).append,
  },
  {
    name: "import",
    summary: "import cloud trail events or a database audit file",
    load: async () => (await import("./import.ts")).importFile,
  },
  {
    name: "collect",
    summary: "run the agent: follow sources and append what they tell, each record exactly once",
    load: async () => (await import("./collect.ts")).collect,
  },
  {
    name: "rules",
    summary: "show the built-in rules; explain what a record becomes and why",
    load: async () => (await import("./rules.ts")).rules,
  },
  {
    name: "list",
    summary: "list an account's events from the ledger's files",
    load: async () => (await import("./list.ts")).list,
  },
  {
    name: "fsck",
    summary: "verify the ledger from its bytes to its signatures, and the index against it; may run beside the server",
    load: async () => (await import("./fsck.ts")).fsck,
  },
  {
    name: "reindex",
    summary: "make the index anew from the ledger",
    load: async () => (await import("./reindex.ts")).reindex,
  },
  {
    name: "retention",
    summary: "set how long events are kept, and remove what is past it",
    load: async () => (await import("./retention.ts")).retention,
  },
  {
    name: "backup",
    summary:
      "copy the data directory, what changed since the last time, and verify the copy; may run beside the server",
    load: async () => (await import("./backup.ts")).backup,
  },
  {
    name: "restore",
    summary: "put a backup in the place of a data directory; what was there is moved aside",
    load: async () => (await import("./backup.ts")).restore,
  },
  {
    name: "checkpoint",
    summary: "print the newest signed checkpoint of an account's log",
    load: async () => (await import("./checkpoint.ts")).checkpoint,
  },
  {
    name: "log",
    summary: "keys, static files and proofs of an account's log, for those who check it",
    load: async () => (await import("./log.ts")).log,
  },
  {
    name: "proof",
    summary: "write the proof of one entry, with the entry in it",
    load: async () => (await import("./proof.ts")).proof,
  },
  {
    name: "verify",
    summary: "check a proof, an exported log, a backup or a checkpoint, offline, with nothing but a key",
    load: async () => (await import("./verify.ts")).verify,
  },
  {
    name: "witness",
    summary: "run a witness that cosigns the checkpoints of other hosts' logs",
    load: async () => (await import("./witness.ts")).witness,
  },
  {
    name: "monitor",
    summary: "follow a log from outside and alarm on what must not be",
    load: async () => (await import("./monitor.ts")).monitor,
  },
];
