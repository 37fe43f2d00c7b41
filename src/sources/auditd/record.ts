// One record of Linux's audit system: a line of auditd's log, raw or enriched, or the same as the kernel prints it or syslog
// carries it. Values that programs choose stand in quotes, or in hexadecimal where quotes could not hold them.

export interface AuditRecord {
  /** The host that made it, where the line says so. */
  readonly node: string;
  readonly type: string;
  /** Epoch milliseconds. */
  readonly time: number;
  /** What all records of one event have in common: "1492896301.818:19955". */
  readonly event: string;
  readonly body: string;
  /** What auditd added for people: names of users, of the system call. "" where the log is not enriched. */
  readonly names: string;
}

const header =
  /^(?:node=(\S+) )?(?:(?:\[ *\d+\.\d+\] )?audit: )?type=([A-Z][A-Z0-9_]*|UNKNOWN\[\d{1,6}\]|\d{1,6}) (?:msg=)?audit\(((\d{1,12})\.(\d{3}):\d{1,20})\): ?/;

/** The kernel prints types as numbers where no auditd runs. */
const numbered: Readonly<Record<string, string>> = {
  "1100": "USER_AUTH",
  "1105": "USER_START",
  "1106": "USER_END",
  "1112": "USER_LOGIN",
  "1113": "USER_LOGOUT",
  "1123": "USER_CMD",
  "1300": "SYSCALL",
  "1302": "PATH",
  "1306": "SOCKADDR",
  "1307": "CWD",
  "1309": "EXECVE",
  "1320": "EOE",
  "1327": "PROCTITLE",
  "2407": "CRYPTO_SESSION",
};

/** 10000-01-01 in seconds. */
const endOfTime = 253_402_300_800;

/** @returns undefined where the text is no such record */
export function readAuditRecord(text: string): AuditRecord | undefined {
  const match = header.exec(text);
  if (match === null) return undefined;
  const seconds = Number(match[4]);
  if (seconds >= endOfTime) return undefined;
  const separator = text.indexOf("\x1d", match[0].length);
  return {
    node: match[1] ?? "",
    type: numbered[match[2]!] ?? match[2]!,
    time: seconds * 1000 + Number(match[5]),
    event: match[3]!,
    body: text.slice(match[0].length, separator === -1 ? undefined : separator),
    names: separator === -1 ? "" : text.slice(separator + 1),
  };
}

export type Fields = ReadonlyMap<string, string>;

// A name begins where no name goes on, so that a long word is looked at once.
const field = /(?<![\w[\]-])([A-Za-z_][\w[\]-]*)=("[^"]*"|'[^']*'|[^\s,)]*)/g;

/** Of fields of one name the first: it is the one that was written before what others could choose. */
export function fieldsOf(text: string): Fields {
  const fields = new Map<string, string>();
  for (const [, name, value] of text.matchAll(field)) if (!fields.has(name!)) fields.set(name!, value!);
  return fields;
}

/** A record that a program sent: what the kernel says of it, and what it says itself, in quotes that may hold quotes. */
export function userRecord({ body }: AuditRecord): { readonly kernel: Fields; readonly own: Fields } {
  const start = body.indexOf("msg='");
  if (start === -1) return { kernel: fieldsOf(body), own: new Map() };
  const end = body.lastIndexOf("'");
  return {
    kernel: fieldsOf(body.slice(0, start)),
    own: fieldsOf(body.slice(start + 5, end < start + 5 ? undefined : end)),
  };
}

/** A value that a program chose, decoded; undefined where there is none. */
export function chosen(value: string | undefined): string | undefined {
  const bytes = chosenBytes(value);
  return bytes === undefined || bytes.length === 0 ? undefined : bytes.toString("utf8");
}

export function chosenBytes(value: string | undefined): Buffer | undefined {
  if (value === undefined || value === "?" || value.startsWith("(")) return undefined;
  if (value.startsWith('"'))
    return Buffer.from(value.slice(1, value.length > 1 && value.endsWith('"') ? -1 : undefined));
  return Buffer.from(value, value.length % 2 === 0 && /^[0-9A-F]+$/.test(value) ? "hex" : "utf8");
}

/** The same the other way. */
export function written(text: string): string {
  return /^[!#-~]*$/.test(text) ? `"${text}"` : Buffer.from(text).toString("hex").toUpperCase();
}

/** A number that is set: the audit system writes 2^32 − 1 (or −1) where there is none. */
export function given(value: string | undefined): string | undefined {
  return value === undefined || value === "4294967295" || !/^\d{1,20}$/.test(value) ? undefined : value;
}

/** A name that an enriched log gives for a number. */
export function nameOf(names: Fields, field: string): string | undefined {
  const name = chosen(names.get(field));
  return name === undefined || name === "unset" || name.startsWith("unknown(") ? undefined : name;
}
