// vArmor's violations: what a policy stopped, and what it only noted. `Action` is vArmor's own word for which it was, and every
// event has it, so that nobody tells of an interception that was none.
import { type Static, Type } from "typebox";
import type { LabelName, Labels } from "../../event/labels.ts";
import { rewriteStrings } from "../json-record.ts";
import { orderedContents } from "../ordered-contents.ts";
import { withoutSecrets } from "../secrets.ts";
import type { Outcome, Parser, RawRecord, Source } from "../source.ts";
import { type Facts, factsOf, parseViolation, type Violation } from "./parse.ts";

const Options = Type.Object(
  {
    foreign: Type.Union([Type.Literal("keep"), Type.Literal("skip")], {
      default: "keep",
      description:
        "Records of profiles that are not vArmor's and of no pod: events of a type of their own (keep), or none (skip).",
    }),
  },
  { additionalProperties: false },
);
type Options = Static<typeof Options>;

export const varmor: Source = {
  name: "varmor",
  version: "1",
  options: Options,
  parser: (options: Options) => new VarmorParser(options),
};

class VarmorParser implements Parser {
  readonly #keepsForeign: boolean;

  constructor({ foreign }: Options) {
    this.#keepsForeign = foreign === "keep";
  }

  take(record: RawRecord): readonly Outcome[] {
    const records = [record];
    const violation = parseViolation(record.text);
    if ("other" in violation)
      return [{ why: violation.other ? "other-program" : "malformed", reason: violation.reason, records }];
    const foreign = isForeign(violation);
    if (foreign && violation.pod === undefined && !this.#keepsForeign)
      return [{ why: "no-event", reason: "a record of a profile that is not vArmor's", records }];
    return [outcomeOf(violation, foreign, record)];
  }

  expire(): readonly Outcome[] {
    return [];
  }

  end(): readonly Outcome[] {
    return [];
  }

  waiting(): readonly RawRecord[] {
    return [];
  }
}

/** vArmor writes down what the kernel says of any profile, of the host's and of other containers', too. */
function isForeign({ enforcer, profile, pod }: Violation): boolean {
  if (enforcer !== "AppArmor" && enforcer !== "Seccomp") return false;
  return profile === undefined ? pod === undefined : !profile.startsWith("varmor-");
}

function outcomeOf(violation: Violation, foreign: boolean, record: RawRecord): Outcome {
  const isProxy = violation.enforcer === "NetworkProxy";
  const clean = isProxy ? cleanText(record.text) : record.text;
  const facts = factsOf(violation).map(
    ([key, value]) => [key, isProxy && key === "Path" && value !== undefined ? withoutSecrets(value) : value] as const,
  );
  // Not vArmor's doing is told as what it is, in a type that no sentence about vArmor is rendered for.
  const type = isProxy ? "Connection" : foreign ? `${violation.enforcer}Defence` : "VarmorDefence";
  const cluster = clusterOf(violation);
  return {
    draft: {
      kind: "security",
      time: violation.time,
      type,
      contents: orderedContents(type, [
        ["ProcessID", violation.pid],
        ...(isProxy ? ([["Tag", proxyTag(violation)]] as const) : []),
        ...facts.filter(([key]) => ends.has(key) || own.has(key)),
        ["Action", violation.action],
        ["Enforcer", violation.enforcer],
        ["Profile", violation.profile],
        ["Policy", violation.policyName],
        ["PolicyKind", violation.policyKind],
        ["PolicyNamespace", violation.policyNamespace],
        ...facts,
        ["Cluster", cluster],
        ["Node", violation.node],
        ["Namespace", violation.namespace],
        ["Pod", violation.pod],
        ["Container", violation.containerName],
        ["ContainerID", violation.containerId],
        ["Image", violation.image],
      ]),
    },
    labels: labelsOf(violation, facts, cluster),
    records: [record],
    ...(clean === record.text ? {} : { redacted: clean }),
  };
}

const own: ReadonlySet<string> = new Set(["Command", "Operation", "Process"]);
const ends: ReadonlySet<string> = new Set(["SourceIP", "SourcePort", "DestinationIP", "DestinationPort"]);

/** What is known of how a connection went: that it was refused, or that its destination has answered. */
function proxyTag({ action, event }: Violation): string {
  if (action === "DENIED") return "ConnectionFailed";
  return event.reason === "via_upstream" ? "ConnectionSucceed" : "";
}

function clusterOf({ metadata }: Violation): string | undefined {
  const named = new Map(metadata);
  return named.get("clusterName") ?? named.get("clusterID");
}

function labelsOf(violation: Violation, facts: Facts, cluster: string | undefined): Labels {
  const fact = new Map(facts);
  const named: Partial<Record<LabelName, string | undefined>> = {
    host: violation.node,
    cluster,
    pid: violation.pid,
    process: fact.get("Process"),
    command: fact.get("Command"),
    "container.id": violation.containerId,
    "container.name": violation.containerName,
    image: violation.image,
    pod: violation.pod,
    "pod.uid": violation.podUid,
    namespace: violation.namespace,
    "source.ip": fact.get("SourceIP"),
    "source.port": fact.get("SourcePort"),
    "destination.ip": fact.get("DestinationIP"),
    "destination.port": fact.get("DestinationPort"),
    operation: fact.get("Operation") ?? fact.get("Method") ?? fact.get("Layer"),
    policy: violation.policyName ?? violation.profile,
    outcome: violation.action === "DENIED" ? "failure" : undefined,
  };
  return Object.fromEntries([
    ...Object.entries(named).filter(([, value]) => value !== undefined && value !== ""),
    ...violation.metadata.map(([name, value]) => [`label.${name}`, value]),
  ]) as Labels;
}

/** A request's path may have a token in its query. */
function cleanText(text: string): string {
  return rewriteStrings(text, (value, path) =>
    path.length === 3 && path[1] === "event" && path[2] === "path" ? withoutSecrets(value) : undefined,
  );
}
