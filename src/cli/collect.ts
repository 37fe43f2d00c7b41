// `taishi collect`: runs the agent until a signal, or with --once until everything that is there is acknowledged. With
// --status it says how the agent that has the spool is.
import { hostname } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { AgentStatus } from "../agent/agent.ts";
import { sources } from "../agent/catalog.ts";
import { type AgentConfig, readAgentConfig } from "../agent/config.ts";
import { systemClock } from "../clock.ts";
import { readIfPresent, replaceFile } from "../durable/files.ts";
import { TaishiError } from "../errors.ts";
import { reportAgent } from "../flow/agent-report.ts";
import { createCollector, readText } from "../flow/collector.ts";
import { httpDestination } from "../flow/event-destination.ts";
import { believe } from "../flow/http-client.ts";
import { createLog } from "../log.ts";
import { readVersion } from "../version.ts";
import { printable, shortTime, type Terminal, table } from "./terminal.ts";
import { type Definition, jsonFlag } from "./verb.ts";

interface CollectFlags {
  readonly config?: string;
  readonly source?: string;
  readonly file?: readonly string[];
  readonly server?: string;
  readonly tokenFile?: string;
  readonly spool?: string;
  readonly agent?: string;
  readonly resource?: string;
  readonly once?: boolean;
  readonly status?: boolean;
  readonly json?: boolean;
  readonly logLevel: string;
}

const statusEveryMs = 2_000;
const reportEveryMs = 10_000;
const statusFile = "status.json";

export const collect: Definition = (command, terminal) => {
  command
    .option("--config <file>", "YAML: sources, inputs, resources, rules, where it goes")
    .option("--source <name>", `in place of a file, one source: ${[...sources.keys()].join(", ")}`)
    .option("--file <path...>", "its files")
    .option("--resource <type/id>", "what its events happened to")
    .option("--server <url>", "the service")
    .option("--token-file <file>", "file with a bearer token of role writer")
    .option("--spool <dir>", "directory of what is not yet acknowledged; made where it is missing")
    .option("--agent <name>", "this agent's name (default the host's name)")
    .option("--once", "read what is there, wait until it is acknowledged, and end")
    .option("--status", "say how the agent is that has this spool, and end")
    .option("--log-level <level>", "trace, debug, info, warn, error or silent", "info")
    .option(...jsonFlag)
    .action(async (flags: CollectFlags) => {
      const { config, base } = configOf(flags);
      const spool = resolve(base, config.spool ?? missing("--spool", "the directory of what is not yet acknowledged"));
      if (flags.status === true) return showStatus(join(spool, statusFile), flags.json === true, terminal);
      await run(flags, config, base, spool, terminal);
    });
};

/** @returns the configuration, and the directory that its relative paths are meant from */
function configOf(flags: CollectFlags): { config: AgentConfig; base: string } {
  if (flags.config !== undefined) {
    const config = readAgentConfig(readText(flags.config), sources, flags.config);
    return { config: withFlags(config, flags), base: dirname(resolve(flags.config)) };
  }
  const source = flags.source ?? missing("--config or --source", "what to collect");
  const files = flags.file ?? missing("--file", "the source's files");
  const given = {
    sources: [{ name: source, source, input: { files: files.map((file) => resolve(file)) } }],
    ...(flags.resource === undefined ? {} : { resources: { default: resourceOf(flags.resource) } }),
  };
  return {
    config: withFlags(readAgentConfig(JSON.stringify(given), sources, "the flags"), flags),
    base: process.cwd(),
  };
}

function withFlags(config: AgentConfig, { server, tokenFile, spool, agent }: CollectFlags): AgentConfig {
  return {
    ...config,
    ...(server === undefined ? {} : { server }),
    ...(tokenFile === undefined ? {} : { "token-file": resolve(tokenFile) }),
    ...(spool === undefined ? {} : { spool: resolve(spool) }),
    ...(agent === undefined ? {} : { agent }),
  };
}

function resourceOf(text: string): { type: string; id: string } {
  const [, type, id] = /^([^/]+)\/(.+)$/.exec(text) ?? [];
  if (type === undefined || id === undefined)
    throw new TaishiError("invalid-parameter", "--resource: must be a type, a slash and an id", {
      field: "--resource",
    });
  return { type, id };
}

async function run(
  flags: CollectFlags,
  config: AgentConfig,
  base: string,
  spool: string,
  terminal: Terminal,
): Promise<void> {
  const server = config.server ?? missing("server", "the service's address");
  const tokenFile = resolve(base, config["token-file"] ?? missing("token-file", "a file with a bearer token"));
  checkServer(server, config["insecure-http"]);
  if (config["ca-file"] !== undefined) believe(readText(resolve(base, config["ca-file"])));
  const token = (): string => readText(tokenFile).trim();
  token();
  const log = createLog(flags.logLevel);
  const agentName = config.agent ?? (hostname().replace(/[^A-Za-z0-9._-]/g, "-") || "agent");
  const once = flags.once === true;
  const { agent, run } = createCollector({
    config,
    base,
    agentName,
    spoolDirectory: spool,
    destination: httpDestination(server, token),
    once,
    clock: systemClock,
    log,
  });

  const stop = new AbortController();
  const onSignal = (): void => {
    // A second signal means now; what is in the spool stays there.
    if (stop.signal.aborted) process.exit(130);
    stop.abort();
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  terminal.err(`taishi collect: ${agentName} sends ${config.sources.length} sources to ${server}, spool ${spool}`);

  let told = "";
  const look = (): void => {
    const { status } = agent;
    replaceFile(join(spool, statusFile), `${JSON.stringify(status)}\n`, 0o600);
    terminal.progress(statusLine(status));
    const problems = problemsOf(status).join("; ");
    if (problems !== told) {
      told = problems;
      if (problems === "") log.info("all is well again");
      else log.warn({ problems }, "something is not well");
    }
  };
  const looking = setInterval(look, statusEveryMs);
  const reporting = setInterval(() => {
    reportAgent({ server, token, status: agent.status, version: readVersion(), signal: stop.signal }).catch(
      // Only who watches agents misses it; what keeps events from going out is in the status.
      (thrown: unknown) => log.debug({ err: thrown }, "the agent could not report how it is"),
    );
  }, reportEveryMs);
  try {
    await run(stop.signal);
  } finally {
    clearInterval(looking);
    clearInterval(reporting);
    look();
    terminal.progress("");
  }
  const { sent, duplicates, refused, spool: left } = agent.status;
  if (once && stop.signal.aborted)
    throw new TaishiError("shutting-down", `stopped; ${left.events} events wait in the spool for the next start`);
  if (flags.json === true) terminal.out(JSON.stringify(agent.status));
  else
    terminal.out(
      `${sent} events acknowledged${duplicates === 0 ? "" : `, ${duplicates} of them were there already`}${refused === 0 ? "" : `, ${refused} as unparsed because they were refused`}`,
    );
}

function checkServer(server: string, insecure: boolean): void {
  const { protocol, hostname: host } = new URL(server);
  const loopback = host === "localhost" || host === "[::1]" || /^127\./.test(host);
  if (protocol === "http:" && !loopback && !insecure)
    throw new TaishiError(
      "invalid-parameter",
      "server: plain HTTP would show the token to the network; say insecure-http: true to allow it",
      { field: "server" },
    );
}

function showStatus(file: string, json: boolean, terminal: Terminal): void {
  const text = readIfPresent(file);
  if (text === undefined) throw new TaishiError("not-found", `${file} is not there: no agent has run with this spool`);
  if (json) {
    terminal.out(text.trim());
    return;
  }
  const status = JSON.parse(text) as AgentStatus;
  const { agent, time, sources: all, spool, sent, acknowledged } = status;
  terminal.out(`agent ${agent}, as of ${shortTime(time)}; last acknowledged ${shortTime(acknowledged ?? undefined)}`);
  terminal.out(`${sent} events sent since its start; ${spool.events} wait in ${spool.bytes} of ${spool.limit} bytes`);
  terminal.out(
    table(
      ["SOURCE", "INPUT", "BEHIND", "COUNTS"],
      all.map(({ name, input, behind, counts }) => [
        name,
        printable(input),
        behind === null ? "?" : String(behind),
        Object.entries(counts)
          .map(([what, n]) => `${what} ${n}`)
          .join(", "),
      ]),
    ),
  );
  for (const problem of problemsOf(status)) terminal.out(`! ${printable(problem)}`);
}

function statusLine(status: AgentStatus): string {
  const { sent, spool, sources: all } = status;
  const behind = all.reduce((sum, source) => sum + (source.behind ?? 0), 0);
  const problem = problemsOf(status)[0];
  return `${sent} sent · ${spool.events} in the spool · ${behind} behind${problem === undefined ? "" : ` · ${printable(problem).slice(0, 80)}`}`;
}

function problemsOf({ problem, sources: all }: AgentStatus): readonly string[] {
  return [
    ...(problem === null ? [] : [problem]),
    ...all.flatMap(({ name, problem: own }) => (own === null ? [] : [`${name}: ${own}`])),
  ];
}

function missing(field: string, what: string): never {
  throw new TaishiError("missing-parameter", `${field}: ${what} is missing`, { field });
}
