// How many records one core parses a second: `node bench/parse.ts sshd`, or without a name every source in the list below. The
// bench starts it in a process of its own (parse-round.ts).
// Records are made in memory, other ones in each place, so that nothing is answered from a cache; reading and storing
// are not in the figure. The time is the processor's, so that others at work on the machine do not count.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { sources } from "../src/agent/catalog.ts";
import type { RawRecord } from "../src/sources/source.ts";
import { median } from "./statistics.ts";

const read = Date.UTC(2026, 10, 21, 12);
const perRound = 100_000;
const rounds = 20;
const warmUp = 3;

interface Workload {
  readonly source: string;
  /** What is measured, where a source has several. */
  readonly label?: string;
  readonly options?: object;
  /** The text of record number i. */
  readonly line: (i: number) => string;
}

const two = (n: number): string => String(n).padStart(2, "0");
const clock = (i: number): string => `${two(Math.floor(i / 3600) % 24)}:${two(Math.floor(i / 60) % 60)}:${two(i % 60)}`;
const address = (i: number): string => `203.0.${(i >> 8) & 255}.${i & 255}`;
const fingerprint = `SHA256:${"mK3v".repeat(11).slice(0, 43)}`;

/** Connections of four lines each, as at LogLevel VERBOSE: a key, a wrong password, a user who does not exist. */
function sshdLine(i: number, head: (i: number) => string): string {
  const connection = i >> 2;
  const from = `${address(connection)} port ${1024 + (connection % 60_000)}`;
  const say = (message: string): string => `${head(i)} web-1 sshd[${1000 + (connection % 30_000)}]: ${message}`;
  const user = `user${connection % 500}`;
  if (i % 4 === 0) return say(`Connection from ${from} on 192.0.2.10 port 22 rdomain ""`);
  if (connection % 3 === 0)
    return i % 4 === 1
      ? say(`Postponed publickey for ${user} from ${from} ssh2 [preauth]`)
      : i % 4 === 2
        ? say(`Accepted publickey for ${user} from ${from} ssh2: ED25519 ${fingerprint}`)
        : say(`pam_unix(sshd:session): session opened for user ${user}(uid=1000) by (uid=0)`);
  if (connection % 3 === 1)
    return i % 4 === 3
      ? say(`Connection closed by authenticating user ${user} ${from} [preauth]`)
      : say(`Failed password for ${user} from ${from} ssh2`);
  return i % 4 === 1
    ? say(`Invalid user ${user} from ${from}`)
    : i % 4 === 2
      ? say(`Failed password for invalid user ${user} from ${from} ssh2`)
      : say(`Connection closed by invalid user ${user} ${from} [preauth]`);
}

/** A program that is started: four records. */
function auditLine(i: number): string {
  const event = i >> 2;
  const head = `msg=audit(${1795176000 + Math.floor(event / 100)}.${String(event % 1000).padStart(3, "0")}:${event}):`;
  if (i % 4 === 0)
    return `type=SYSCALL ${head} arch=c000003e syscall=59 success=yes exit=0 a0=55d0 a1=55d1 a2=55d2 a3=8 items=2 ppid=900 pid=${event % 30_000} auid=1001 uid=1001 gid=1001 euid=1001 suid=1001 fsuid=1001 egid=1001 sgid=1001 fsgid=1001 tty=pts0 ses=7 comm="ls" exe="/usr/bin/ls" key="commands"\x1dARCH=x86_64 SYSCALL=execve AUID="alice" UID="alice"`;
  if (i % 4 === 1) return `type=EXECVE ${head} argc=3 a0="ls" a1="-l" a2="/srv/${event}"`;
  if (i % 4 === 2) return `type=CWD ${head} cwd="/srv/alice"`;
  return `type=PROCTITLE ${head} proctitle=6C73002D6C002F737276`;
}

const mariadbFile = join(import.meta.dirname, "../src/sources/mariadb-audit/payloads/file.log");
let mariadbLines: readonly string[] | undefined;

/** The payload's lines in turn, with other numbers in each. */
function mariadbLine(i: number): string {
  mariadbLines ??= readFileSync(mariadbFile, "utf8").trimEnd().split("\n");
  return mariadbLines[i % mariadbLines.length]!.replace(",9,", `,${i},`).replace(":15:", `:${10 + (i % 50)}:`);
}

const old = (i: number): string => `Nov 20 ${clock(i >> 6)}`;
const iso = (i: number): string => `2026-11-20T${clock(i >> 6)}.${String(i % 1_000_000).padStart(6, "0")}+01:00`;
const journal = (text: string, i: number): string =>
  JSON.stringify({
    __REALTIME_TIMESTAMP: String(1_795_176_000_000_000 + i * 1000),
    SYSLOG_IDENTIFIER: "sshd",
    _COMM: "sshd",
    _EXE: "/usr/sbin/sshd",
    _UID: "0",
    _PID: /\[(\d+)\]/.exec(text)![1],
    _HOSTNAME: "web-1",
    MESSAGE: text.slice(text.indexOf("]: ") + 3),
  });

const workloads: readonly Workload[] = [
  { source: "sshd", label: "RFC 3164", line: (i) => sshdLine(i, old) },
  { source: "sshd", label: "RFC 3164, Berlin", options: { zone: "Europe/Berlin" }, line: (i) => sshdLine(i, old) },
  { source: "sshd", label: "ISO time", line: (i) => sshdLine(i, iso) },
  { source: "sshd", label: "journal", line: (i) => journal(sshdLine(i, old), i) },
  { source: "auditd", line: auditLine },
  { source: "mariadb-audit", line: mariadbLine },
  { source: "mariadb-audit", label: "Berlin", options: { zone: "Europe/Berlin" }, line: mariadbLine },
];

interface Measured {
  readonly what: string;
  readonly median: number;
  readonly least: number;
}

function measure({ source: name, label, options, line }: Workload): Measured {
  const source = sources.get(name);
  if (source === undefined) throw new Error(`there is no source ${name}`);
  const records = Array.from({ length: perRound }, (_, i): RawRecord => ({ text: line(i), read }));
  const rates: number[] = [];
  for (let round = -warmUp; round < rounds; round++) {
    const parser = source.parser(optionsOf(source.options, options) as never);
    const told = new Set<RawRecord>();
    const began = process.threadCpuUsage();
    const outcomes = records.map((record) => parser.take(record));
    outcomes.push(parser.end());
    const { user, system } = process.threadCpuUsage(began);
    const seconds = (user + system) / 1e6;
    for (const some of outcomes) for (const outcome of some) for (const record of outcome.records) told.add(record);
    if (told.size !== perRound) throw new Error(`${name}: ${told.size} records told of ${perRound}`);
    if (round >= 0) rates.push(perRound / seconds);
  }
  const what = label === undefined ? name : `${name} (${label})`;
  return { what, median: Math.round(median(rates)), least: Math.round(Math.min(...rates)) };
}

/** Defaults filled in. */
function optionsOf(schema: { readonly properties?: object }, given: object = {}): object {
  const defaults = Object.entries(schema.properties ?? {}).flatMap(([key, { default: value }]) =>
    value === undefined ? [] : [[key, value] as const],
  );
  return { ...Object.fromEntries(defaults), ...given };
}

const { values, positionals: asked } = parseArgs({
  allowPositionals: true,
  options: { json: { type: "boolean", default: false } },
});
const chosen = workloads.filter(({ source }) => asked.length === 0 || asked.includes(source));
if (chosen.length === 0) throw new Error(`choose of ${[...new Set(workloads.map(({ source }) => source))].join(", ")}`);
for (const workload of chosen) {
  const measured = measure(workload);
  const { what, median: rate, least } = measured;
  const text = values.json
    ? JSON.stringify(measured)
    : `${what}: ${rate} records/s (median of ${rounds}; least ${least})`;
  process.stdout.write(`${text}\n`);
}
