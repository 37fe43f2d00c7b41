// `taishi rules`: shows the built-in rules, and explains what each line of a file becomes and why. Sends nothing and keeps
// nothing: rules that remember begin with the first line.
import { readFileSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, resolve } from "node:path";
import { sources as catalog } from "../agent/catalog.ts";
import { type AgentConfig, readAgentConfig, sourceOptions } from "../agent/config.ts";
import { type Explanation, explain, recordsOf } from "../agent/explanation.ts";
import { ResourceMap } from "../agent/resources.ts";
import { systemClock } from "../clock.ts";
import { TaishiError } from "../errors.ts";
import { defaultRules, defaultRulesName } from "../rules/default-rules.ts";
import { readRules } from "../rules/read-rules.ts";
import type { Source } from "../sources/source.ts";
import { printable, type Terminal } from "./terminal.ts";
import { type Definition, jsonFlag } from "./verb.ts";

interface TestFlags {
  readonly source: string;
  readonly config?: string;
  readonly rules?: string;
  readonly json?: boolean;
}

export const rules: Definition = defineRules(catalog);

/** @param sources that `--source` and configurations can name */
export function defineRules(sources: ReadonlyMap<string, Source>): Definition {
  return (command, terminal) => {
    command
      .command("show")
      .description("print the built-in rules, to read or to begin a file of your own with")
      .action(() => terminal.out(defaultRules.trimEnd()));

    command
      .command("test")
      .description("explain for each line of a file what it becomes and why; nothing is sent")
      .argument("<file>", "records, one a line; - is standard input")
      .requiredOption("--source <name>", "what the records are, or the name of one of the configuration's sources")
      .option("--config <file>", "an agent's configuration: its options, resources and rules")
      .option("--rules <file>", "rules in place of the configuration's, or of the built-in ones")
      .option(...jsonFlag)
      .action((file: string, flags: TestFlags) => test(file, flags, sources, terminal));
  };
}

function test(file: string, flags: TestFlags, sources: ReadonlyMap<string, Source>, terminal: Terminal): void {
  const config = flags.config === undefined ? undefined : readAgentConfig(textOf(flags.config), sources, flags.config);
  const entry =
    config?.sources.find(({ name }) => name === flags.source) ??
    config?.sources.find(({ source }) => source === flags.source);
  const source = sources.get(entry?.source ?? flags.source);
  if (source === undefined)
    throw new TaishiError(
      "not-found",
      `--source: there is no source ${flags.source}; there are ${[...sources.keys()].join(", ")}`,
      { field: "--source" },
    );
  const { bytes, read } = recordsFile(file);
  const explanations = explain(recordsOf(bytes, read), {
    source,
    options: sourceOptions(source.options, entry?.options, entry?.name ?? source.name),
    rules: rulesOf(flags, config),
    resources: new ResourceMap(config?.resources ?? {}),
    ignore: new Set(entry?.ignore),
    labels: { host: config?.agent ?? hostname(), file, "label.source": entry?.name ?? source.name },
  });
  for (const explanation of explanations)
    if (flags.json === true) terminal.out(JSON.stringify(explanation));
    else for (const line of toLines(explanation)) terminal.out(printable(line));
}

function rulesOf(flags: TestFlags, config: AgentConfig | undefined) {
  if (flags.rules !== undefined) return readRules(textOf(flags.rules), flags.rules);
  if (config?.rules === undefined) return readRules(defaultRules, defaultRulesName);
  const path = resolve(dirname(flags.config!), config.rules);
  return readRules(textOf(path), config.rules);
}

/** What is missing in a line (a year) is taken from when its file was last written to. */
function recordsFile(file: string): { readonly bytes: Buffer; readonly read: number } {
  if (file === "-") return { bytes: readFileSync(0), read: systemClock.now() };
  return readable(file, () => ({ bytes: readFileSync(file), read: Math.floor(statSync(file).mtimeMs) }));
}

function textOf(file: string): string {
  return readable(file, () => readFileSync(file, "utf8"));
}

function readable<Read>(file: string, read: () => Read): Read {
  try {
    return read();
  } catch (thrown) {
    if (!(thrown instanceof Error && "syscall" in thrown)) throw thrown;
    throw new TaishiError("not-found", `${file} cannot be read: ${thrown.message}`, { field: file });
  }
}

function toLines(explanation: Explanation): readonly string[] {
  const { lines, event, why, ignored, incomplete, labels, resource, mapped, mapping, risk, rule, reasons } =
    explanation;
  const which = `${lines.length === 1 ? "line" : "lines"} ${lines.join(", ")}`;
  const at = new Date(event.time).toISOString();
  if (event.kind === "unparsed")
    return [
      `${which}: ${why ?? "refused"}, ${ignored === true ? "counted only" : "kept as a record that is no event"}: ${String(event.reason)}`,
      "",
    ];
  const by = rule === undefined ? "by no rule" : `by ${rule}`;
  return [
    `${which}: ${String(event.type ?? event.name)} at ${at}${risk === undefined ? "" : `, ${risk} ${by}`}`,
    `  ${event.kind === "trail" ? "no resource: it is a trail event" : `${resource.type}/${resource.id}${project(resource)}, ${mappedBy(mapped, mapping)}`}`,
    ...(incomplete === undefined ? [] : [`  incomplete: ${incomplete}`]),
    ...contentsOf(event).map(([key, value]) => `    ${key}: ${value}`),
    `  labels: ${Object.entries(labels)
      .map(([label, value]) => `${label}=${value}`)
      .join(" ")}`,
    ...(reasons.length === 0 ? [] : ["  rules:"]),
    ...reasons.map(
      ({ rule: id, holds, why: because }) =>
        `    ${holds ? "yes" : "no "} ${id}: ${because}${id === rule ? " – this one decides" : ""}`,
    ),
    "",
  ];
}

function project({ project: name }: { readonly project?: string }): string {
  return name === undefined ? "" : ` of project ${name}`;
}

function mappedBy(mapped: boolean, mapping: number | undefined): string {
  if (mapping !== undefined) return `by mapping ${mapping + 1}`;
  return mapped ? "the default" : "which no mapping gave: the default";
}

/** What the event says, but for what stands in the first lines. */
function contentsOf(event: Explanation["event"]): readonly (readonly [key: string, value: string])[] {
  if (Array.isArray(event.contents))
    return (event.contents as { key: string; value: string }[]).map(({ key, value }) => [key, value] as const);
  const said = ["kind", "time", "type", "name", "resource", "instance", "risk", "rule"];
  return Object.entries(event)
    .filter(([key]) => !said.includes(key))
    .map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)] as const);
}
