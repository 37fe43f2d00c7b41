// Logins as sshd, and PAM within it, tell them to the audit system. One attempt is told by up to three records, and one login
// by up to five, which of them depends on how sshd was built: the first to tell it becomes the event.
import type { Content } from "../../event/event.ts";
import type { Labels } from "../../event/labels.ts";
import type { Outcome, RawRecord } from "../source.ts";
import { type AuditRecord, chosen, type Fields, fieldsOf, given, nameOf } from "./record.ts";

/** The ends of a connection: of a CRYPTO_SESSION record, they stand nowhere else. */
interface Ends {
  readonly record: RawRecord;
  readonly address: string;
  readonly sourcePort: string;
  readonly destination: string;
  readonly port: string;
}

/** What one process of sshd, that is one connection, told so far. */
export interface LoginState {
  /** Failures that each of the tellers told. */
  readonly failures: Map<string, number>;
  /** Attempts that have an event. */
  attempts: number;
  isIn: boolean;
  ends: Ends | undefined;
  /** The record of the ends is in an event. */
  areEndsTold: boolean;
}

export function newLogin(): LoginState {
  return { failures: new Map(), attempts: 0, isIn: false, ends: undefined, areEndsTold: false };
}

/** What is left to tell of a connection that is over or forgotten. */
export function tellForgotten({ ends, areEndsTold }: LoginState): readonly Outcome[] {
  return ends === undefined || areEndsTold ? [] : [noEvent(ends.record, "a connection that told no login")];
}

const tellers = new Set(["USER_LOGIN", "USER_AUTH", "USER_START"]);
const ending = new Set(["USER_END", "USER_LOGOUT"]);
export const loginTypes: ReadonlySet<string> = new Set([...tellers, ...ending, "CRYPTO_SESSION"]);

export interface UserFields {
  readonly kernel: Fields;
  readonly own: Fields;
}

/** The process of sshd that a record is of; undefined where another program sent it. */
export function sshdProcess({ kernel, own }: UserFields, programs: ReadonlySet<string>): string | undefined {
  const exe = chosen(own.get("exe"));
  if (exe === undefined || !programs.has(exe.slice(exe.lastIndexOf("/") + 1))) return undefined;
  return kernel.get("pid");
}

export function endsConnection(type: string): boolean {
  return ending.has(type);
}

/** Tells the record, and remembers in `state` that it did. The first that names both ends waits for a login to be told with. */
export function tellLogin(
  raw: RawRecord,
  record: AuditRecord,
  fields: UserFields,
  state: LoginState,
): readonly Outcome[] {
  const { own } = fields;
  if (record.type === "CRYPTO_SESSION") {
    if (state.ends !== undefined) return [noEvent(raw, step)];
    state.ends = endsOf(raw, own);
    return state.ends === undefined ? [noEvent(raw, step)] : [];
  }
  const result = own.get("res");
  if (result === "success" || result === "1") {
    if (record.type === "USER_AUTH") return [noEvent(raw, step)];
    if (state.isIn) return [noEvent(raw, "a login that another record told")];
    state.isIn = true;
    return [eventOf(raw, record, fields, "Accepted", state)];
  }
  if (result !== "failed" && result !== "0")
    return [{ why: "malformed", reason: "its result is not said", records: [raw] }];
  const teller = record.type === "USER_AUTH" && !operationOf(own).startsWith("PAM") ? "sshd" : record.type;
  const count = (state.failures.get(teller) ?? 0) + 1;
  state.failures.set(teller, count);
  if (count <= state.attempts) return [noEvent(raw, "a failed login that another record told")];
  state.attempts = count;
  const named = userOf(record, own);
  return [eventOf(raw, record, fields, named !== undefined && isNobody(named) ? "InvalidUser" : "Failed", state)];
}

const step = "a step of a login, which other records tell";

function noEvent(record: RawRecord, reason: string): Outcome {
  return { why: "no-event", reason, records: [record] };
}

function endsOf(record: RawRecord, own: Fields): Ends | undefined {
  const address = addressOf(own);
  const [sourcePort, destination, port] = ["rport", "laddr", "lport"].map((name) => own.get(name));
  if (address === undefined || !isPort(sourcePort) || !isAddress(destination) || !isPort(port)) return undefined;
  return { record, address, sourcePort, destination, port };
}

const operations = { Accepted: "accepted", Failed: "failed", InvalidUser: "invalid-user" } as const;

function eventOf(
  raw: RawRecord,
  record: AuditRecord,
  { kernel, own }: UserFields,
  result: keyof typeof operations,
  state: LoginState,
): Outcome {
  const named = userOf(record, own);
  const user = named === undefined || isNobody(named) ? undefined : named;
  const address = addressOf(own);
  const known =
    state.ends !== undefined && (address ?? state.ends.address) === state.ends.address ? state.ends : undefined;
  if (known !== undefined) state.areEndsTold = true;
  const source = address ?? known?.address;
  const pid = kernel.get("pid");
  const session = given(kernel.get("ses"));
  const exe = chosen(own.get("exe"));
  const ssh = known === undefined ? [source] : [source, known.sourcePort, known.destination, known.port];
  const terminal = chosen(own.get("terminal"));
  const more: readonly (readonly [string, string | undefined])[] = [
    ["User", user],
    ["Method", methods[operationOf(own)]],
    ["Result", result],
    ["UserID", given(own.get("id") ?? own.get("uid")?.replace(/:$/, ""))],
    ["Terminal", terminal?.startsWith("/dev/") === true ? terminal : undefined],
    ["Session", session],
  ];
  const contents: Content[] = [
    { key: "Tag", value: "" },
    { key: "SSH", value: ssh.filter((part) => part !== undefined).join(" ") },
    { key: "ProcessID", value: pid ?? "" },
    { key: "SandboxType", value: "" },
    ...present(more).map(([key, value]) => ({ key, value })),
  ];
  const labels = present([
    ["host", record.node],
    ["program", exe?.slice(exe.lastIndexOf("/") + 1)],
    ["process", exe],
    ["pid", pid],
    ["user", user],
    ["session", session],
    ["source.ip", source],
    ["source.port", known?.sourcePort],
    ["destination.ip", known?.destination],
    ["destination.port", known?.port],
    ["operation", operations[result]],
    ["outcome", result === "Accepted" ? "success" : "failure"],
  ]);
  return {
    draft: { kind: "security", time: record.time, type: "SshLogin", contents },
    labels: Object.fromEntries(labels) as Labels,
    records: known === undefined ? [raw] : [known.record, raw],
  };
}

/** What sshd calls the ways to log in, in its own records. */
const methods: Readonly<Record<string, string>> = {
  password: "password",
  key: "publickey",
  pubkey: "publickey",
  pubkey_auth: "publickey",
  hostbased: "hostbased",
  hostbased_auth: "hostbased",
  gssapi: "gssapi",
};

function operationOf(own: Fields): string {
  return own.get("op") ?? "";
}

function userOf({ names }: AuditRecord, own: Fields): string | undefined {
  return chosen(own.get("acct")) ?? nameOf(fieldsOf(names), "ID");
}

/** What sshd says in place of a name that is no user's, so that what was typed (a password, perhaps) is in no log. */
function isNobody(user: string): boolean {
  return user === "(invalid user)" || user === "(unknown user)" || user === "(unknown)";
}

function addressOf(own: Fields): string | undefined {
  return [own.get("addr"), own.get("hostname")].find(isAddress);
}

function isAddress(text: string | undefined): text is string {
  return text !== undefined && /^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F:]*:[0-9a-fA-F:.]*(?:%[\w.-]+)?)$/.test(text);
}

function isPort(text: string | undefined): text is string {
  return text !== undefined && /^\d{1,5}$/.test(text) && Number(text) > 0;
}

export function present(
  pairs: readonly (readonly [string, string | undefined])[],
): readonly (readonly [string, string])[] {
  return pairs.flatMap(([key, value]) => (value === undefined || value === "" ? [] : [[key, value] as const]));
}
