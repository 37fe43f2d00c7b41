// What the kernel tells of one system call in several records becomes one event: a program that was started, a connection that
// was opened. Everything else that is audited is no event of ours.
import type { Content } from "../../event/event.ts";
import type { Labels } from "../../event/labels.ts";
import type { Outcome, RawRecord } from "../source.ts";
import { argumentsOf, commandLine, redactedOf, titleOf } from "./command-line.ts";
import { present } from "./login.ts";
import { type AuditRecord, chosen, type Fields, fieldsOf, given, nameOf } from "./record.ts";
import { callOf, socketAddress } from "./system-call.ts";

/** The records of one event that we read, by type. */
export interface Parts {
  readonly time: number;
  readonly node: string;
  syscall?: AuditRecord;
  sockaddr?: AuditRecord;
  title?: AuditRecord;
  directory?: AuditRecord;
  /** Of the first item: the file that was to be run. */
  path?: AuditRecord;
  readonly execve: AuditRecord[];
}

export const kernelTypes: ReadonlySet<string> = new Set([
  "SYSCALL",
  "EXECVE",
  "SOCKADDR",
  "CWD",
  "PATH",
  "PROCTITLE",
  "EOE",
]);

export function newParts({ time, node }: AuditRecord): Parts {
  return { time, node, execve: [] };
}

/** @returns whether it is the last of its event */
export function addPart(parts: Parts, record: AuditRecord): boolean {
  switch (record.type) {
    case "SYSCALL":
      parts.syscall ??= record;
      break;
    case "SOCKADDR":
      parts.sockaddr ??= record;
      break;
    case "CWD":
      parts.directory ??= record;
      break;
    case "PATH":
      if (/^item=0(?: |$)/.test(record.body)) parts.path ??= record;
      break;
    case "EXECVE":
      parts.execve.push(record);
      break;
    case "PROCTITLE":
      parts.title ??= record;
      break;
  }
  return record.type === "PROCTITLE" || record.type === "EOE";
}

export function tellCall(parts: Parts, records: readonly RawRecord[]): Outcome {
  const syscall = fieldsOf(parts.syscall?.body ?? "");
  const names = fieldsOf(parts.syscall?.names ?? "");
  const call = parts.syscall === undefined ? undefined : callOf(syscall, names);
  const redacted = redactedOf(records);
  if (call === "exec" || parts.execve.length > 0) return { ...exec(parts, syscall, names), records, ...redacted };
  const sockaddr = fieldsOf(parts.sockaddr?.body ?? "").get("saddr");
  if (call === undefined && sockaddr !== undefined)
    return { why: "malformed", reason: "the system call of an address is missing", records, ...redacted };
  if (parts.syscall !== undefined && !/^\d+$/.test(syscall.get("syscall") ?? ""))
    return { why: "malformed", reason: "the number of the system call is missing", records, ...redacted };
  if (call !== "connect")
    return {
      why: "no-event",
      reason: "a system call that starts no program and opens no connection",
      records,
      ...redacted,
    };
  const address = socketAddress(sockaddr);
  if (address === undefined)
    return { why: "malformed", reason: "the address of a connection is missing or cut", records, ...redacted };
  if (address === "other") return { why: "no-event", reason: "a connection that is not over IP", records, ...redacted };
  return { ...connection(parts, syscall, names, address.ip, address.port), records, ...redacted };
}

/** Who did it, with what, as the SYSCALL record has it. */
function actor(parts: Parts, syscall: Fields, names: Fields) {
  const user = nameOf(names, "UID");
  const login = nameOf(names, "AUID");
  const session = given(syscall.get("ses"));
  const terminal = chosen(syscall.get("tty"));
  const exe = chosen(syscall.get("exe"));
  return {
    pid: given(syscall.get("pid")),
    exe,
    user,
    contents: [
      ["UserID", given(syscall.get("uid"))],
      ["LoginUser", login],
      ["LoginUserID", given(syscall.get("auid"))],
      ["Session", session],
      ["ParentProcessID", given(syscall.get("ppid"))],
      ["Terminal", terminal === "(none)" ? undefined : terminal],
      ["Key", chosen(syscall.get("key"))?.replaceAll("\x01", ",")],
    ] as const,
    labels: [
      ["host", parts.node],
      ["pid", given(syscall.get("pid"))],
      ["process", exe],
      // Whoever logged in, even where they became another user since.
      ["user", login ?? user],
      ["session", session],
    ] as const,
  };
}

function exec(parts: Parts, syscall: Fields, names: Fields) {
  const who = actor(parts, syscall, names);
  const failed = syscall.get("success") === "no";
  const { args, whole } = argumentsOf(parts.execve);
  const hasArguments = parts.execve.length > 0;
  // A title is of the program that runs when the call is over: of the new one, unless it could not be started.
  const words = hasArguments ? args : failed || parts.title === undefined ? [] : titleOf(parts.title);
  const command = commandLine(words);
  const tried = failed ? chosen(fieldsOf(parts.path?.body ?? "").get("name")) : undefined;
  const lacks = [
    parts.syscall === undefined ? "no SYSCALL" : undefined,
    !hasArguments && !failed ? "no EXECVE" : undefined,
    hasArguments && !whole ? "not all arguments" : undefined,
  ].filter((what) => what !== undefined);
  const result = resultOf(syscall);
  const contents = pairs([
    ["Command", command],
    ["Username", who.user],
    ["ProcessID", who.pid],
    ["Process", tried ?? who.exe],
    ...who.contents,
    ["Directory", chosen(fieldsOf(parts.directory?.body ?? "").get("cwd"))],
    ["Result", result === undefined ? undefined : failed ? "Failed" : "Succeeded"],
    ["Exit", failed ? syscall.get("exit") : undefined],
  ]);
  return {
    draft: {
      kind: "security",
      time: parts.time,
      type: "ProcessExec",
      contents: [{ key: "Tag", value: "" }, ...contents],
    },
    labels: labelled([...who.labels, ["command", command], ["operation", "exec"], ["outcome", result]]),
    ...(lacks.length === 0 ? {} : { incomplete: lacks.join(", ") }),
  } as const;
}

/** EINPROGRESS: the call returned, and whether the connection will be there is not known. */
const inProgress = "-115";
/** EALREADY, EISCONN, EINTR, and the kernel's own ERESTARTSYS: they say nothing of how it ends either. */
const unclear = new Set(["-114", "-106", "-4", "-512"]);

function connection(parts: Parts, syscall: Fields, names: Fields, ip: string, port: string) {
  const who = actor(parts, syscall, names);
  const exit = syscall.get("exit") ?? "";
  const isOpen = exit === inProgress || unclear.has(exit);
  const result = isOpen ? undefined : resultOf(syscall);
  const tag =
    exit === inProgress
      ? "NonBlocking"
      : result === undefined
        ? ""
        : result === "success"
          ? "ConnectionSucceed"
          : "ConnectionFailed";
  return {
    draft: {
      kind: "security",
      time: parts.time,
      type: "Connection",
      contents: [
        { key: "ProcessID", value: who.pid ?? "" },
        { key: "SourceIP", value: "" },
        { key: "SourcePort", value: "" },
        { key: "DestinationIP", value: ip },
        { key: "DestinationPort", value: port },
        { key: "Tag", value: tag },
        { key: "Process", value: who.exe ?? "" },
        ...pairs([
          ["Command", chosen(syscall.get("comm"))],
          ["Username", who.user],
          ...who.contents,
          ["Exit", exit === "0" ? undefined : exit],
        ]),
      ],
    },
    labels: labelled([
      ...who.labels,
      ["destination.ip", ip],
      ["destination.port", port],
      ["operation", "connect"],
      ["outcome", result],
    ]),
  } as const;
}

function resultOf(syscall: Fields): "success" | "failure" | undefined {
  const success = syscall.get("success");
  return success === "yes" ? "success" : success === "no" ? "failure" : undefined;
}

type Pairs = readonly (readonly [string, string | undefined])[];

function pairs(of: Pairs): readonly Content[] {
  return present(of).map(([key, value]) => ({ key, value }));
}

function labelled(of: Pairs): Labels {
  return Object.fromEntries(present(of)) as Labels;
}
