// An agent put together from its configuration: sources with their inputs, rules and resources, the spool, where it goes.
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { Agent, type AgentSource } from "../agent/agent.ts";
import { sources as catalog } from "../agent/catalog.ts";
import { type AgentConfig, type SourceConfig, sourceOptions } from "../agent/config.ts";
import { inputKinds } from "../agent/inputs.ts";
import { Pipeline } from "../agent/pipeline.ts";
import { ResourceMap } from "../agent/resources.ts";
import { type Destination, Shipper } from "../agent/shipper.ts";
import { Spool } from "../agent/spool.ts";
import { SpooledRules } from "../agent/spooled-rules.ts";
import type { Clock } from "../clock.ts";
import { makePrivateDirectory } from "../durable/files.ts";
import { acquireOwner, type Owner } from "../durable/owner.ts";
import { TaishiError } from "../errors.ts";
import type { Log } from "../log.ts";
import { defaultRules } from "../rules/default-rules.ts";
import { readRules } from "../rules/read-rules.ts";

export interface CollectorOptions {
  readonly config: AgentConfig;
  /** What relative paths in it are meant from. */
  readonly base: string;
  readonly agentName: string;
  readonly spoolDirectory: string;
  readonly destination: Destination;
  /** Reads what is there and ends. */
  readonly once: boolean;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Collector {
  readonly agent: Agent;
  /** Runs until the signal aborts, or with `once` until everything is acknowledged; gives the spool back. */
  run(signal: AbortSignal): Promise<void>;
}

/** @throws TaishiError where the configuration is wrong; Fatal where another agent has the spool */
export function createCollector(options: CollectorOptions): Collector {
  const { config, base, agentName, spoolDirectory, destination, clock, log } = options;
  makePrivateDirectory(spoolDirectory);
  const owner: Owner = acquireOwner(spoolDirectory, { pid: process.pid, clock });
  try {
    const rules = readRules(
      config.rules === undefined ? defaultRules : readText(resolve(base, config.rules)),
      config.rules ?? "built-in rules",
    );
    const resources = new ResourceMap(config.resources ?? {});
    const spool = new Spool(spoolDirectory, config["spool-bytes"]);
    const sources: AgentSource[] = config.sources.map((entry) => {
      const source = catalog.get(entry.source)!;
      const pipeline = new Pipeline({
        name: entry.name,
        positionSource: `${agentName}/${entry.name}`,
        host: agentName,
        source,
        options: sourceOptions(source.options, entry.options, `sources.${entry.name}`),
        ignore: new Set(entry.ignore),
        grading: new SpooledRules(rules, spool.memory(entry.name)),
        resources,
        spool,
        clock,
        log,
      });
      return { name: entry.name, source: entry.source, input: inputOf(entry, options), pipeline };
    });
    const shipper = new Shipper({ spool, destination, clock });
    const agent = new Agent({
      name: agentName,
      sources,
      spool,
      spoolLimit: config["spool-bytes"],
      shipper,
      clock,
      log,
    });
    return {
      agent,
      run: async (signal) => {
        try {
          await agent.run(signal);
        } finally {
          owner.release();
        }
      },
    };
  } catch (thrown) {
    owner.release();
    throw thrown;
  }
}

function inputOf({ input, name }: SourceConfig, { base, once, clock, log }: CollectorOptions) {
  const [kind, settings] = Object.entries(input)[0]!;
  const made = inputKinds.get(kind)!;
  if (once && made.once !== true)
    throw new TaishiError("invalid-parameter", `sources.${name}: ${kind} never comes to an end, so --once cannot be`, {
      field: "--once",
    });
  return made.create(settings as never, { base, once, clock, log });
}

export function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (thrown) {
    throw new TaishiError("invalid-parameter", `${path} cannot be read: ${(thrown as Error).message}`, { field: path });
  }
}

/** Where an agent's spool is when nothing is said. */
export function defaultSpool(data: string): string {
  return join(data, "spool");
}
