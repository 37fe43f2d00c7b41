// Who may touch the world outside the process: files, databases, sockets, other processes and threads, the environment,
// the clock. Everyone else is given what they need. outside.test.ts holds src/ to this table, both ways: a permission
// that nobody uses any more must go.

export interface Permission {
  readonly what: string;
  /** Modules that are this part of the world; types of them are everyone's. */
  readonly modules: readonly string[];
  /** Expressions that are this part of the world, in code without strings and comments. */
  readonly code: readonly RegExp[];
  /** Folders ("durable/") and files ("config.ts") below src/. */
  readonly allowed: readonly string[];
  readonly why: string;
}

export const permissions: readonly Permission[] = [
  {
    what: "the file system",
    modules: ["node:fs", "node:fs/promises"],
    code: [],
    allowed: [
      "agent/files/",
      "agent/syslog/stream-listener.ts",
      "durable/",
      "ledger/",
      "index/",
      "delivery/",
      "backup/",
      "cli/",
      "flow/",
      "version.ts",
    ],
    why: "what is kept is kept in few places; the agent follows files and clears away the socket of a listener that was killed, the command line reads what it is pointed at",
  },
  {
    what: "databases",
    modules: ["node:sqlite"],
    code: [],
    allowed: ["durable/"],
    why: "one place sets the pragmas and the format number",
  },
  {
    what: "sockets and HTTP",
    modules: [
      "fastify",
      "node:dgram",
      "node:dns",
      "node:http",
      "node:http2",
      "node:https",
      "node:net",
      "node:tls",
      "undici",
    ],
    code: [/(?<![.\w])fetch\s*\(/, /(?<![.\w])new WebSocket\b/],
    allowed: [
      "server/",
      "flow/control.ts",
      "flow/http-client.ts",
      "config.ts",
      "agent/certificate-files.ts",
      "agent/syslog/",
      "agent/webhook/",
      "agent/docker/",
    ],
    why: "a dialect is a function from a request to a response; requests to others (witnesses, monitored logs) are made in one place; config.ts asks whether a text is an IP address; an agent's inputs listen to senders and follow an engine",
  },
  {
    what: "other processes",
    modules: ["node:child_process", "node:cluster"],
    code: [/\bprocess\.kill\b/],
    allowed: ["durable/owner.ts", "agent/journald/"],
    why: "one process, with no other service to run; the owner's lock asks whether another lives; the journal is read by its own journalctl",
  },
  {
    what: "threads",
    modules: ["node:worker_threads"],
    code: [],
    allowed: ["flow/"],
    why: "one thread writes, one indexes, one serves: ledger and index do not know on which they run",
  },
  {
    what: "the environment",
    modules: [],
    code: [/\bprocess\.env\b/],
    allowed: ["cli/"],
    why: "the command line hands it to config.ts, the one place that knows its names",
  },
  {
    what: "arguments, standard streams and the end of the process",
    modules: [],
    code: [/\bprocess\.(argv|stdin|stdout|stderr|exit|exitCode|on|once|umask|chdir)\b/],
    allowed: ["cli/"],
    why: "only the command line is a program; the rest is called",
  },
  {
    what: "the time of day",
    modules: [],
    code: [/\bDate\.now\b/, /\bnew Date\(\s*\)/, /\bDate\(\s*\)/, /\bperformance\.timeOrigin\b/],
    allowed: ["clock.ts"],
    why: "everything else is given a Clock, so that tests can hold time still",
  },
  {
    what: "durations",
    modules: ["node:perf_hooks"],
    code: [/\bperformance\.now\b/, /\bprocess\.hrtime\b/],
    allowed: [],
    why: "metrics are given the Clock's time",
  },
];
