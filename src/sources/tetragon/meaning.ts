// What an event of Tetragon means, from what is in it alone: which type it becomes, with which tag, or why it is none. Says
// "suspected" at most: a program that could leave a container is told as an attempt only where nothing in the event rules
// that out.
import { sameAddress } from "../ip-address.ts";
import type { NoEvent } from "../source.ts";
import { argumentTexts, endsOf, type Process, type TetragonEvent } from "./parse.ts";

export interface Meaning {
  readonly type: string;
  readonly tag: string;
}
export interface NoMeaning {
  readonly why: NoEvent;
  readonly reason: string;
}

export interface Settings {
  readonly policies: Readonly<Record<string, Meaning>>;
  readonly "metadata-servers": readonly string[];
}

const breakout = (tag: string): Meaning => ({ type: "ContainerBreakout", tag });
const none = (reason: string): NoMeaning => ({ why: "no-event", reason });

export function meaningOf(event: TetragonEvent, settings: Settings): Meaning | NoMeaning {
  const mapped = event.policy === undefined ? undefined : own(settings.policies, event.policy);
  if (mapped !== undefined) return mapped;
  switch (event.kind) {
    case "process_exec":
      return execMeaning(event);
    case "process_kprobe":
      return kprobeMeaning(event, settings);
    case "process_exit":
      return none("the end of a process");
    case "rate_limit_info":
      return none("events were dropped by the export's rate limit");
    default:
      return none("an event of a kind that only a policy of the options gives a meaning");
  }
}

function own<Value>(map: Readonly<Record<string, Value>>, name: string): Value | undefined {
  return Object.hasOwn(map, name) ? map[name] : undefined;
}

function execMeaning({ process, ancestors, flags }: TetragonEvent): Meaning | NoMeaning {
  if (flags.includes("procFS")) return none("a process that was there before Tetragon");
  if (process.maybeProbe) return { why: "health-check", reason: "a probe of its container" };
  const attempt = isContained(process) && maySysAdmin(process) ? attemptOf(process) : undefined;
  if (attempt !== undefined) return breakout(attempt);
  const entered = hasEntered(process, ancestors[0]);
  if (entered && isInteractiveShell(process)) return { type: "ContainerLogin", tag: "Exec" };
  return { type: "ProcessExec", tag: entered ? "Exec" : "" };
}

export function isContained({ pod, containerId }: Process): boolean {
  return pod !== undefined || containerId !== undefined;
}

/** Without the capability the kernel refuses; where capabilities are not exported nothing is ruled out. */
function maySysAdmin({ capabilities }: Process): boolean {
  return capabilities?.includes("CAP_SYS_ADMIN") ?? true;
}

function attemptOf(process: Process): string | undefined {
  const words = (process.arguments ?? "").split(/\s+/).map((word) => word.replace(/^["']|["']$/g, ""));
  switch (baseName(process.binary)) {
    case "nsenter":
      return words.some((word) => /^(?:-t.*|--target(?:=.*)?|.*\/proc\/\d+\/ns\/.*)$/.test(word))
        ? "Nsenter"
        : undefined;
    case "unshare":
      return "Unshare";
    case "mount":
      return words.some(isOfHost) ? "HostMount" : undefined;
    default:
      return undefined;
  }
}

/** Block devices of the host, and control groups, whose release agents run on it. */
function isOfHost(word: string): boolean {
  return /^\/dev\/(?:[hsv]d[a-z]|xvd[a-z]|nvme\d|mapper\/|dm-\d|mmcblk\d|disk\/)|^cgroup2?$/.test(word);
}

/** It came from outside into a container that ran: its parent is not in it, and it is no part of what the container began with. */
function hasEntered(process: Process, parent: Process | undefined): boolean {
  if (parent === undefined || !isContained(process) || isContained(parent)) return false;
  if (process.inInitTree !== undefined) return !process.inInitTree;
  // Versions that do not say: the runtime's own command.
  return /^(?:runc|crun)$/.test(baseName(parent.binary)) && / exec /.test(parent.arguments ?? "");
}

/** A shell that was given neither a command nor a script reads what somebody types, or what is piped to it. */
function isInteractiveShell({ binary, arguments: given = "" }: Process): boolean {
  if (!/^(?:ba|da|a|z|k|mk|tc|c|fi)?sh$/.test(baseName(binary))) return false;
  const words = given.split(/\s+/).filter((word) => word !== "");
  return words.every((word) => /^--?[\w-]+$/.test(word) && !/^-\w*c/.test(word));
}

const connects: ReadonlySet<string> = new Set([
  "tcp_connect",
  "tcp_sendmsg",
  "udp_sendmsg",
  "udpv6_sendmsg",
  "socket_connect",
  "connect",
]);
const namespaces: ReadonlyMap<string, string> = new Map([
  ["setns", "Setns"],
  ["unshare", "Unshare"],
]);

function kprobeMeaning(event: TetragonEvent, settings: Settings): Meaning | NoMeaning {
  const { process } = event;
  // "__x64_sys_setns", "sys_setns" and "security_socket_connect" are told by their ends.
  const hook = (event.hook ?? "").replace(/^(?:__(?:x64|ia32|arm64|se)_)?(?:sys|security)_/, "");
  if (hook === "tcp_close") return none("the end of a connection");
  if (connects.has(hook)) {
    const ends = endsOf(event.args);
    if (ends === undefined) return none("a connection to no address of an IP network");
    const isMetadata = settings["metadata-servers"].some((server) => sameAddress(server, ends.destinationIp!));
    if (!isMetadata) return { type: "Connection", tag: "" };
    return isContained(process) ? breakout("MetadataServer") : { type: "Connection", tag: "MetadataServer" };
  }
  if (isContained(process) && maySysAdmin(process)) {
    const tag = namespaces.get(hook);
    if (tag !== undefined) return breakout(tag);
    if (/^(?:sb_)?mount$/.test(hook) && argumentTexts(event.args).some(isOfHost)) return breakout("HostMount");
  }
  return none("a function that only a policy of the options gives a meaning");
}

export function baseName(path: string | undefined): string {
  return path === undefined ? "" : path.slice(path.lastIndexOf("/") + 1);
}
