// `taishi monitor`: follows a log from outside and alarms. Needs nothing of the service but what it serves to any reader.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { systemClock } from "../clock.ts";
import { Fatal, TaishiError } from "../errors.ts";
import { formatSeconds } from "../event/time.ts";
import { remoteLog } from "../flow/remote-log.ts";
import { ed25519, ed25519Cosignature, parseVerifierKey, type VerifierKey } from "../merkle/note.ts";
import { parsePolicy } from "../merkle/policy.ts";
import { sha256 } from "../witness/ed25519.ts";
import { checkLog, type Findings, type MonitorOptions } from "../witness/monitor.ts";
import { MonitorState } from "../witness/monitor-state.ts";
import { printable, type Terminal } from "./terminal.ts";
import { type Definition, jsonFlag } from "./verb.ts";

interface MonitorFlags {
  readonly key: readonly string[];
  readonly clockKey?: string;
  readonly state?: string;
  readonly token?: string;
  readonly policy?: string;
  readonly interval: string;
  readonly maxAge: string;
  readonly once?: boolean;
  readonly hashes?: boolean;
  readonly json?: boolean;
}

export const monitor: Definition = (command, terminal) => {
  command
    .argument("<url>", "prefix of the log: https://HOST/log/ACCOUNT, or where an export of it is served")
    .requiredOption(
      "--key <vkey>",
      "the log's verifier key; after a rotation again, the older first",
      (value: string, before: readonly string[] | undefined) => [...(before ?? []), value],
    )
    .option("--clock-key <vkey>", "the service's clock key; without it a checkpoint's age is what the log claims")
    .option("--state <file>", "where the last verified checkpoint is kept; without it nothing outlasts the process")
    .option("--token <token>", "bearer token of a reader [TAISHI_TOKEN]")
    .option("--policy <file>", "tlog-policy: the witnesses that must have cosigned")
    .option("--interval <seconds>", "time between two looks", "60")
    .option("--max-age <seconds>", "alarm where the newest checkpoint is older; 0: any age", "180")
    .option("--hashes", "check the tree only, without reading entries")
    .option("--once", "look once; exit code 1 on an alarm")
    .option(...jsonFlag)
    .action(async (url: string, flags: MonitorFlags) => follow(url, flags, terminal));
};

async function follow(url: string, flags: MonitorFlags, terminal: Terminal): Promise<void> {
  if (!/^https?:\/\/[^?#\s]+$/.test(url)) throw refuse("URL", "must be http(s)://HOST/…, the prefix of the log");
  const keys = flags.key.map((key) => readKey("--key", key, ed25519));
  const origin = keys[0]!.name;
  const stranger = keys.find(({ name }) => name !== origin);
  if (stranger !== undefined) throw refuse("--key", `one is of ${origin}, another of ${stranger.name}`);
  const seconds = (name: "interval" | "maxAge", flag: string): number => {
    if (!/^\d{1,8}$/.test(flags[name])) throw refuse(flag, "must be a whole number of seconds");
    return Number(flags[name]);
  };
  const maxAge = seconds("maxAge", "--max-age");
  const options: MonitorOptions = {
    files: remoteLog(url, flags.token ?? process.env.TAISHI_TOKEN),
    keys,
    clockKey: flags.clockKey === undefined ? undefined : readKey("--clock-key", flags.clockKey, ed25519Cosignature),
    policy: flags.policy === undefined ? undefined : readPolicy(flags.policy, origin),
    maxAgeMs: maxAge === 0 ? undefined : maxAge * 1000,
    entries: flags.hashes !== true,
    clock: systemClock,
    progress: (done, all) => terminal.progress(`${done} of ${all} new entries`),
  };
  const pause = Math.max(1, seconds("interval", "--interval")) * 1000;
  const state = new MonitorState(flags.state === undefined ? undefined : resolve(flags.state), keys);
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => process.exit(0));
  for (;;) {
    const found = await checkLog(options, state.note);
    if (found.verified !== undefined) state.remember(found.verified);
    terminal.progress("");
    tell(origin, found, flags, terminal);
    if (flags.once === true) {
      process.exitCode = found.alarms.length === 0 ? 0 : 1;
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

function tell(origin: string, found: Findings, { json, once }: MonitorFlags, terminal: Terminal): void {
  const { size = null, checked, pruned, alarms } = found;
  const time = found.time === undefined ? null : formatSeconds(found.time);
  const verified = found.verified !== undefined;
  if (json === true) terminal.out(JSON.stringify({ origin, size, time, verified, checked, pruned, alarms }));
  else if (verified && (once === true || checked + pruned > 0)) {
    const gone = pruned === 0 ? "" : `, ${pruned} of them pruned`;
    terminal.out(`${origin}: ${size} entries, ${checked + pruned} new${gone}; signed ${time ?? "at no known time"}`);
  }
  for (const { kind, message } of alarms) terminal.err(`ALARM ${kind} ${origin}: ${printable(message)}`);
}

function readKey(flag: string, text: string, type: number): VerifierKey {
  try {
    const key = parseVerifierKey(sha256, text);
    if (key.type !== type) throw new SyntaxError(`a key of type ${key.type}, not ${type}`);
    return key;
  } catch (cause) {
    throw refuse(flag, `not such a key: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}

function readPolicy(path: string, origin: string) {
  try {
    const policy = parsePolicy(sha256, readFileSync(path, "utf8"));
    if (policy.logs.length > 0 && !policy.logs.some((log) => log.key.name === origin))
      throw new SyntaxError(`it does not name the log ${origin}`);
    return policy;
  } catch (cause) {
    throw new Fatal(`the policy ${path} cannot be used`, { cause });
  }
}

function refuse(flag: string, why: string): TaishiError {
  return new TaishiError("invalid-parameter", `${flag}: ${why}`, { field: flag });
}
