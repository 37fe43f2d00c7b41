// One event of Tetragon's JSON export to its facts: gRPC's GetEventsResponse in JSON with proto names, one object with a
// member named after its kind. 64-bit values are texts there. Members that versions added may be missing.
import { parseRfc3339 } from "../../event/time.ts";
import { isMembers, itemsOf, type Members, membersOf, readObject, scalarOf, textOf } from "../json-record.ts";

export interface Process {
  readonly pid: string | undefined;
  readonly uid: string | undefined;
  readonly user: string | undefined;
  /** Who logged in, where that is set. */
  readonly loginUid: string | undefined;
  readonly binary: string | undefined;
  readonly arguments: string | undefined;
  readonly cwd: string | undefined;
  readonly execId: string | undefined;
  /** Whole where Kubernetes told it, else the 15 to 31 digits that the kernel's cgroup name has room for. */
  readonly containerId: string | undefined;
  readonly containerName: string | undefined;
  readonly image: string | undefined;
  readonly pod: string | undefined;
  readonly podUid: string | undefined;
  readonly namespace: string | undefined;
  readonly workload: string | undefined;
  readonly podLabels: readonly (readonly [string, string])[];
  /** Effective capabilities; undefined where they are not exported. */
  readonly capabilities: readonly string[] | undefined;
  /** False of what came into a container beside its first process; undefined where the version does not say. */
  readonly inInitTree: boolean | undefined;
  /** It has the command of a probe of its container. */
  readonly maybeProbe: boolean;
}

export interface TetragonEvent {
  /** "process_exec", "process_kprobe" and what else there is. */
  readonly kind: string;
  readonly time: number;
  /** What is known of how the process began: "execve", "clone", "procFS". */
  readonly flags: readonly string[];
  readonly node: string | undefined;
  readonly cluster: string | undefined;
  readonly process: Process;
  /** Parent first, then whose child that is. */
  readonly ancestors: readonly Process[];
  /** The hook: a kernel function, "subsys/event" of a tracepoint, a symbol. */
  readonly hook: string | undefined;
  readonly args: readonly Members[];
  /** Without its prefix: "POST", "SIGKILL". */
  readonly action: string | undefined;
  readonly policy: string | undefined;
  readonly message: string | undefined;
  readonly tags: readonly string[];
}

/** `other`: a record of something else. */
export type NotEvent = { readonly other: boolean; readonly reason: string };

const unsetUid = "4294967295";

export function parseTetragonEvent(text: string): TetragonEvent | NotEvent {
  if (!/^\s*\{/.test(text)) return { other: true, reason: "the line is no event" };
  const record = readObject(text);
  if (typeof record === "string") return { other: false, reason: record };
  const kind = Object.keys(record).find((name) => /^(?:process_[a-z_]+|rate_limit_info|test)$/.test(name));
  if (kind === undefined) return { other: true, reason: "the record is no event of Tetragon" };
  const time = parseRfc3339(textOf(record.time) ?? "");
  if (time === undefined || time < 0) return { other: false, reason: "the event has no time" };
  const event = membersOf(record[kind]);
  const process = processOf(membersOf(event.process));
  if (kind.startsWith("process_") && (process.binary ?? process.pid) === undefined)
    return { other: false, reason: "the event names no process" };
  return {
    kind,
    time,
    flags: (textOf(membersOf(event.process).flags) ?? "").split(" "),
    node: textOf(record.node_name),
    cluster: textOf(record.cluster_name),
    process,
    ancestors: [...(isMembers(event.parent) ? [event.parent] : []), ...itemsOf(event.ancestors)].map((ancestor) =>
      processOf(membersOf(ancestor)),
    ),
    hook: hookOf(event),
    args: itemsOf(event.args).map(membersOf),
    action: textOf(event.action)?.replace(/^[A-Z]{1,16}_ACTION_/, ""),
    policy: textOf(event.policy_name),
    message: textOf(event.message),
    tags: itemsOf(event.tags).flatMap((tag) => textOf(tag) ?? []),
  };
}

function hookOf(event: Members): string | undefined {
  const subsystem = textOf(event.subsys) ?? textOf(event.subsystem);
  return (
    textOf(event.function_name) ??
    (subsystem === undefined ? textOf(event.symbol) : `${subsystem}/${textOf(event.event) ?? ""}`)
  );
}

function processOf(process: Members): Process {
  const pod = membersOf(process.pod);
  const container = membersOf(pod.container);
  const loginUid = scalarOf(process.auid);
  return {
    pid: scalarOf(process.pid),
    uid: scalarOf(process.uid),
    user: textOf(membersOf(process.user).name),
    loginUid: loginUid === unsetUid ? undefined : loginUid,
    binary: textOf(process.binary),
    arguments: textOf(process.arguments),
    cwd: textOf(process.cwd),
    execId: textOf(process.exec_id),
    containerId: textOf(container.id)?.replace(/^[a-z-]{1,32}:\/\//, "") ?? textOf(process.docker),
    containerName: textOf(container.name),
    image: textOf(membersOf(container.image).name),
    pod: textOf(pod.name),
    podUid: textOf(pod.uid),
    namespace: textOf(pod.namespace),
    workload: textOf(pod.workload),
    podLabels: Object.entries(membersOf(pod.pod_labels)).flatMap(([name, value]) => {
      const label = textOf(value);
      return label === undefined ? [] : [[name.toWellFormed(), label] as const];
    }),
    capabilities: isMembers(process.cap)
      ? itemsOf(process.cap.effective).flatMap((name) => textOf(name) ?? [])
      : undefined,
    inInitTree: typeof process.in_init_tree === "boolean" ? process.in_init_tree : undefined,
    maybeProbe: container.maybe_exec_probe === true,
  };
}

/** Ends of a connection as far as an argument says them. */
export interface Ends {
  readonly sourceIp: string | undefined;
  readonly sourcePort: string | undefined;
  readonly destinationIp: string | undefined;
  readonly destinationPort: string | undefined;
  readonly protocol: string | undefined;
}

/** Of the socket and the address among a hook's arguments: an address that is asked for says more than an unconnected socket. */
export function endsOf(args: readonly Members[]): Ends | undefined {
  const sockets = args.flatMap(({ sock_arg, skb_arg }) => [sock_arg, skb_arg]).filter(isMembers);
  const socket: Members = sockets[0] ?? {};
  const asked = args.map(({ sockaddr_arg }) => sockaddr_arg).find(isMembers);
  const destination = asked === undefined ? addressOf(socket.daddr) : addressOf(asked.addr);
  if (destination === undefined) return undefined;
  return {
    sourceIp: addressOf(socket.saddr),
    sourcePort: portOf(socket.sport),
    destinationIp: destination,
    destinationPort: portOf(asked === undefined ? socket.dport : asked.port),
    protocol: textOf(socket.protocol)?.replace(/^IPPROTO_/, ""),
  };
}

/** The zero address is what a socket has that has none yet. */
function addressOf(value: unknown): string | undefined {
  const text = textOf(value);
  return text === undefined || text === "0.0.0.0" || text === "::" || !/^[\da-fA-F:.]{2,45}$/.test(text)
    ? undefined
    : text;
}

function portOf(value: unknown): string | undefined {
  const port = scalarOf(value) ?? "";
  return /^[1-9]\d{0,4}$/.test(port) ? port : undefined;
}

/** Texts and numbers among the arguments, in their order. */
export function argumentTexts(args: readonly Members[]): readonly string[] {
  return args.flatMap((arg) => {
    const [name = "", value] = Object.entries(arg).find(([key]) => key.endsWith("_arg")) ?? [];
    const path = /^(?:path|file|linux_binprm)_arg$/.test(name) ? textOf(membersOf(value).path) : undefined;
    return path ?? (name === "bytes_arg" ? [] : (scalarOf(value) ?? []));
  });
}
