// Tetragon's JSON export: executions, connections and attempts to leave a container, each with the processes it comes from.
// Every event is told by one line; what a kernel function was called with is taken as it is, whether it succeeded is not.
import { type Static, Type } from "typebox";
import type { LabelName, Labels } from "../../event/labels.ts";
import { type Line, LineParser, redactedLine } from "../cri-lines.ts";
import { rewriteStrings } from "../json-record.ts";
import { orderedContents } from "../ordered-contents.ts";
import { removed, withoutSecrets } from "../secrets.ts";
import type { Outcome, SecurityDraft, Source } from "../source.ts";
import { baseName, isContained, type Meaning, meaningOf } from "./meaning.ts";
import { argumentTexts, type Ends, endsOf, type Process, parseTetragonEvent, type TetragonEvent } from "./parse.ts";

const closed = { additionalProperties: false } as const;
const Options = Type.Object(
  {
    policies: Type.Record(
      Type.String({ minLength: 1, maxLength: 256 }),
      Type.Object(
        {
          type: Type.String({ pattern: "^[A-Z][A-Za-z0-9]{0,63}$", description: "The type its events become." }),
          tag: Type.String({ maxLength: 256, default: "", description: "Tags they get, comma-separated." }),
        },
        closed,
      ),
      { default: {}, description: "What the events of a tracing policy mean, by the policy's name." },
    ),
    "metadata-servers": Type.Array(Type.String({ minLength: 2, maxLength: 45 }), {
      default: ["169.254.169.254", "fd00:ec2::254"],
      description: "Addresses of metadata servers: connections from containers to them are ContainerBreakout.",
    }),
  },
  closed,
);
type Options = Static<typeof Options>;

export const tetragon: Source = {
  name: "tetragon",
  version: "1",
  options: Options,
  parser: (options: Options) => new LineParser((line) => outcomeOf(line, options)),
};

function outcomeOf(line: Line, options: Options): Outcome {
  const { records } = line;
  const event = parseTetragonEvent(line.text);
  if ("other" in event) return { why: event.other ? "other-program" : "malformed", reason: event.reason, records };
  const redacted = redactedLine(line, cleanText(line.text, event));
  const meaning = meaningOf(event, options);
  if ("why" in meaning) return { ...meaning, records, ...redacted };
  return { draft: draftOf(event, meaning), labels: labelsOf(event), records, ...redacted };
}

function draftOf(event: TetragonEvent, { type, tag }: Meaning): SecurityDraft {
  const { process } = event;
  const ends = endsOf(event.args);
  const isExec = event.kind === "process_exec";
  return {
    kind: "security",
    time: event.time,
    type,
    contents: orderedContents(type, [
      ["Tag", tag],
      ...(type === "ContainerLogin" ? ([["Arguments", commandOf(process)]] as const) : []),
      ["SourceIP", ends?.sourceIp],
      ["SourcePort", ends?.sourcePort],
      ["DestinationIP", ends?.destinationIp],
      ["DestinationPort", ends?.destinationPort],
      ["Command", commandOf(process)],
      ["Username", process.user],
      ["ProcessID", process.pid],
      ["Process", process.binary],
      ["Function", event.hook],
      ["Parameters", isExec ? undefined : argumentTexts(event.args).map(withoutSecrets).join(" ")],
      ["Action", event.action === "POST" ? undefined : event.action],
      ["Policy", event.policy],
      ["Message", event.message],
      ["PolicyTags", event.tags.join(",")],
      ["Protocol", ends?.protocol],
      ["UID", process.uid],
      ["LoginUID", process.loginUid],
      ["Directory", process.cwd],
      ["Ancestry", event.ancestors.map(commandOf).join(" < ")],
      ["Cluster", event.cluster],
      ["Node", event.node],
      ["Namespace", process.namespace],
      ["Pod", process.pod],
      ["Workload", process.workload],
      ["Container", process.containerName],
      ["ContainerID", process.containerId],
      ["Image", process.image],
      ["ExecID", process.execId],
    ]),
  };
}

function labelsOf(event: TetragonEvent): Labels {
  const { process } = event;
  const ends: Partial<Ends> = endsOf(event.args) ?? {};
  const named: Partial<Record<LabelName, string | undefined>> = {
    host: event.node,
    cluster: event.cluster,
    user: process.user,
    pid: process.pid,
    process: process.binary,
    command: commandOf(process),
    "container.id": process.containerId,
    "container.name": process.containerName,
    image: process.image,
    pod: process.pod,
    "pod.uid": process.podUid,
    namespace: process.namespace,
    "source.ip": ends.sourceIp,
    "source.port": ends.sourcePort,
    "destination.ip": ends.destinationIp,
    "destination.port": ends.destinationPort,
    operation: event.hook ?? (event.kind === "process_exec" ? "exec" : undefined),
    policy: event.policy,
    outcome: isStopped(event) ? "failure" : undefined,
  };
  return Object.fromEntries([
    ...Object.entries(named).filter(([, value]) => value !== undefined && value !== ""),
    ...(isContained(process) ? process.podLabels : []).map(([name, value]) => [`label.${name}`, value]),
  ]) as Labels;
}

/** The policy had the process killed, or the call fail. */
function isStopped({ action }: TetragonEvent): boolean {
  return action === "SIGKILL" || action === "OVERRIDE";
}

function commandOf(process: Process): string {
  const given = cleanArguments(process);
  return [process.binary ?? "", given].filter((part) => part !== "").join(" ");
}

/** The arguments without their secrets, which may depend on the program. */
function cleanArguments({ binary, arguments: given = "" }: Process): string {
  const program = baseName(binary);
  const line = withoutSecrets(`${program} ${given}`);
  return line.startsWith(`${program} `) ? line.slice(program.length + 1) : withoutSecrets(given);
}

function cleanText(text: string, { process, ancestors }: TetragonEvent): string {
  const clean = new Map<string, string>();
  for (const known of [process, ...ancestors]) {
    const given = known.arguments;
    if (given !== undefined && (clean.get(given) ?? given) === given) clean.set(given, cleanArguments(known));
  }
  return rewriteStrings(text, (value, path) => {
    const name = path.at(-1)!;
    if (name === "arguments") return clean.get(value) ?? withoutSecrets(value);
    if (name === "string_arg") return withoutSecrets(value);
    return name === "value" && path.includes("environment_variables") ? removed : undefined;
  });
}
