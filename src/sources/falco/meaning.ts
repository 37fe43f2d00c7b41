// What Falco's rules mean: a table of the rules that the project itself has published, by their names through the years; an
// operator's own rules are added by the options. A rule that is not listed becomes a FalcoAlert.
import type { Risk } from "../../event/event.ts";

export interface Meaning {
  readonly type: string;
  readonly tag: string;
}

const login = (tag: string): Meaning => ({ type: "ContainerLogin", tag });
const breakout = (tag: string): Meaning => ({ type: "ContainerBreakout", tag });
const connection: Meaning = { type: "Connection", tag: "" };

/** A Connection goes out; some of these rules look at what comes in, too. */
const incoming: ReadonlySet<string> = new Set(["accept", "accept4", "listen", "recvfrom", "recvmsg"]);

/** @param call that the rule was about, where the alert says it */
export function meaningOf(table: ReadonlyMap<string, Meaning>, rule: string, call: string | undefined): Meaning {
  const meaning = table.get(rule) ?? unlisted;
  return meaning.type === "Connection" && call !== undefined && incoming.has(call)
    ? { ...unlisted, tag: meaning.tag }
    : meaning;
}

const unlisted: Meaning = { type: "FalcoAlert", tag: "" };

/** docs/sources/falco.md shows this table; a test compares. */
export const ruleMeanings: ReadonlyMap<string, Meaning> = new Map([
  ["Terminal shell in container", login("Terminal")],
  ["Attach/Exec Pod", login("Kubernetes")],
  ["Contact cloud metadata service from container", breakout("MetadataServer")],
  ["Contact EC2 Instance Metadata Service From Container", breakout("MetadataServer")],
  ["Detect release_agent File Container Escapes", breakout("ReleaseAgent")],
  ["Debugfs Launched in Privileged Container", breakout("Debugfs")],
  ["Mount Launched in Privileged Container", breakout("HostMount")],
  ["Change thread namespace", breakout("Setns")],
  ["Change namespace privileges via unshare", breakout("Unshare")],
  ["Network Connection outside Local Subnet", connection],
  ["Outbound Connection to C2 Servers", { type: "Connection", tag: "C2" }],
  ["Unexpected outbound connection destination", connection],
  ["Contact K8S API Server From Container", { type: "Connection", tag: "KubernetesApi" }],
  ["Detect outbound connections to common miner pool ports", { type: "Connection", tag: "MinerPool" }],
]);

const risks: ReadonlyMap<string, Risk> = new Map<string, Risk>([
  ["emergency", "Critical"],
  ["alert", "Critical"],
  ["critical", "Critical"],
  ["error", "High"],
  ["warning", "Medium"],
  ["notice", "Low"],
  ["informational", "Info"],
  ["info", "Info"],
  ["debug", "Info"],
]);

export function riskOf(priority: string | undefined): Risk | undefined {
  return priority === undefined ? undefined : risks.get(priority.toLowerCase());
}
