// One line of vArmor's violations.log to its facts, of every generation: 0.7 with eventType and a level that says whether it was
// stopped, 0.8 with an action beside it, since 0.9 with enforcer, since 0.10.3 with the policy and the network proxy. What an
// enforcer says of the event is read by its own names.
import { parseRfc3339 } from "../../event/time.ts";
import {
  epochMillis,
  isMembers,
  itemsOf,
  type Members,
  membersOf,
  readObject,
  scalarOf,
  textOf,
} from "../json-record.ts";

export const enforcers = ["AppArmor", "BPF", "Seccomp", "NetworkProxy"] as const;
export type Enforcer = (typeof enforcers)[number];

/** vArmor's own words: only DENIED was stopped; the last is one word, of seccomp. */
const actions: ReadonlySet<string> = new Set(["DENIED", "AUDIT", "ALLOWED", "AUDIT|ALLOWED"]);

export interface Violation {
  readonly enforcer: Enforcer;
  readonly action: string;
  readonly time: number;
  readonly node: string | undefined;
  readonly pid: string | undefined;
  readonly profile: string | undefined;
  readonly policyKind: string | undefined;
  readonly policyName: string | undefined;
  readonly policyNamespace: string | undefined;
  readonly pod: string | undefined;
  readonly podUid: string | undefined;
  readonly namespace: string | undefined;
  readonly containerId: string | undefined;
  readonly containerName: string | undefined;
  readonly image: string | undefined;
  /** What the operator of vArmor had it add to every record. */
  readonly metadata: readonly (readonly [string, string])[];
  readonly event: Members;
}

/** `other`: a record of something else. */
export type NotViolation = { readonly other: boolean; readonly reason: string };

export function parseViolation(text: string): Violation | NotViolation {
  if (!/^\s*\{/.test(text)) return { other: true, reason: "the line is no violation" };
  const record = readObject(text);
  if (typeof record === "string") return { other: false, reason: record };
  if (!isMembers(record.event) || (record.message !== undefined && record.message !== "violation event"))
    return { other: true, reason: "the record is no violation" };
  const told = record.enforcer ?? record.eventType;
  const enforcer = enforcers.find((name) => name === told);
  if (enforcer === undefined) return { other: false, reason: "the violation's enforcer is not known" };
  const action = actionOf(record);
  if (action === undefined) return { other: false, reason: "the violation does not say whether it was stopped" };
  const time = timeOf(record);
  if (time === undefined || time < 0) return { other: false, reason: "the violation has no time" };
  return {
    enforcer,
    action,
    time,
    node: textOf(record.nodeName),
    pid: positive(record.pid) ?? positive(record.event.pid),
    profile: textOf(record.profileName) ?? profileOf(record.event),
    policyKind: textOf(record.policyKind),
    policyName: textOf(record.policyName),
    policyNamespace: textOf(record.policyNamespace),
    pod: textOf(record.podName),
    podUid: textOf(record.podUID),
    namespace: textOf(record.podNamespace),
    containerId: textOf(record.containerID),
    containerName: textOf(record.containerName),
    image: textOf(record.image),
    metadata: Object.entries(membersOf(record.metadata)).flatMap(([name, value]) => {
      const known = scalarOf(value);
      return known === undefined ? [] : [[name.toWellFormed(), known] as const];
    }),
    event: record.event,
  };
}

/** Where no action is written, as by 0.7, the level says it; where one is written, that alone. */
function actionOf({ action, level }: Members): string | undefined {
  if (action !== undefined) return typeof action === "string" && actions.has(action) ? action : undefined;
  if (level === "warn") return "DENIED";
  return level === "debug" ? "AUDIT" : undefined;
}

/** 0 stands where the event had no time: then it is that of writing. */
function timeOf({ eventTimestamp, time }: Members): number | undefined {
  return (
    (positive(eventTimestamp) === undefined ? undefined : epochMillis(eventTimestamp, 0)) ??
    parseRfc3339(textOf(time) ?? "")
  );
}

function positive(value: unknown): string | undefined {
  const text = scalarOf(value) ?? "";
  return /^[1-9]\d{0,15}(?:\.\d{1,9})?$/.test(text) ? text : undefined;
}

/** The kernel's name of a profile goes on after a slash with that of a child, after a space with its mode. */
function profileOf({ profile, subj }: Members): string | undefined {
  return textOf((textOf(profile) ?? textOf(subj) ?? "").split(/[/ ]/, 1)[0]);
}

/** Facts of the event under the names that the event's contents have. */
export type Facts = readonly (readonly [key: string, value: string | undefined])[];

export function factsOf({ enforcer, event }: Violation): Facts {
  switch (enforcer) {
    case "AppArmor":
      return appArmorFacts(event);
    case "BPF":
      return bpfFacts(event);
    case "Seccomp":
      return [
        ["Command", textOf(event.comm)],
        ["Operation", textOf(event.syscall)],
        ["Process", textOf(event.exe) ?? textOf(event.comm)],
        ["AuditID", textOf(event.auditID)],
      ];
    case "NetworkProxy":
      return proxyFacts(event);
  }
}

/** `name` is what was accessed; the program is known by the name of its command only. */
function appArmorFacts(event: Members): Facts {
  return [
    ["Command", textOf(event.comm)],
    ["Operation", textOf(event.operation)],
    ["Process", textOf(event.comm)],
    ["Permission", textOf(event.deniedMask) ?? textOf(event.requestedMask)],
    ["Path", textOf(event.name)],
    ["OtherPath", textOf(event.name2)],
    ["MountSource", textOf(event.srcName)],
    ["FileSystem", textOf(event.fsType)],
    ["Flags", textOf(event.flags)],
    ["SourceIP", addressOf(event.netLocalAddr)],
    ["SourcePort", positive(event.netLocalPort)],
    ["DestinationIP", addressOf(event.netForeignAddr)],
    ["DestinationPort", positive(event.netForeignPort)],
    ["Family", textOf(event.netFamily)],
    ["Protocol", textOf(event.netProtocol)],
    ["Peer", textOf(event.peer) ?? textOf(event.peerProfile)],
    ["Signal", textOf(event.signal)],
    ["Information", textOf(event.info)],
    ["SubProfile", textOf(event.profile)],
    ["AuditID", textOf(event.auditID)],
  ];
}

/** Only of what is executed the path is a program's; who did the rest is not said. */
function bpfFacts(event: Members): Facts {
  const path = textOf(event.path);
  const program = event.operation === "Bprm" ? path : undefined;
  const socket = membersOf(event.socket);
  const address = membersOf(event.address);
  return [
    ["Command", program?.slice(program.lastIndexOf("/") + 1)],
    ["Operation", textOf(event.operation)],
    ["Process", program],
    // Their order in the array is random.
    [
      "Permission",
      textOf(event.permission) ??
        itemsOf(event.permissions)
          .flatMap((item) => textOf(item) ?? [])
          .sort()
          .join(","),
    ],
    ["Path", path],
    ["Capability", textOf(event.capability)],
    ["Call", event.operation === "Network" ? textOf(event.type) : undefined],
    ["DestinationIP", addressOf(address.ip)],
    ["DestinationPort", positive(address.port)],
    ["Family", textOf(socket.domain)],
    ["SocketType", textOf(socket.type)],
    ["Protocol", textOf(socket.protocol)],
    ["FileSystem", event.operation === "Mount" ? textOf(event.type) : undefined],
    [
      "Flags",
      itemsOf(event.flags)
        .flatMap((item) => textOf(item) ?? [])
        .join(","),
    ],
    ["External", typeof event.external === "boolean" ? String(event.external) : undefined],
  ];
}

function proxyFacts(event: Members): Facts {
  const destination = textOf(event.dstAddress);
  const [, v6, v4, port] =
    /^(?:\[([\da-fA-F:.]{2,45})\]|(\d{1,3}(?:\.\d{1,3}){3})):(\d{1,5})$/.exec(destination ?? "") ?? [];
  return [
    ["DestinationIP", v6 ?? v4],
    ["DestinationPort", port],
    ["Layer", textOf(event.layer)],
    ["ServerName", textOf(event.sni)],
    ["Authority", textOf(event.authority)],
    ["Method", textOf(event.method)],
    ["Path", textOf(event.path)],
    ["ResponseCode", scalarOf(event.responseCode)],
    ["Reason", textOf(event.reason)],
    ["DurationMs", scalarOf(event.durationMs)],
    ["FilterChain", textOf(event.filterChain)],
    ["Destination", port === undefined ? destination : undefined],
  ];
}

function addressOf(value: unknown): string | undefined {
  const text = textOf(value);
  return text !== undefined && /^[\da-fA-F:.]{2,45}$/.test(text) ? text : undefined;
}
