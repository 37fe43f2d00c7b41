// One alert of Falco in JSON (json_output: a file, http_output, a container's log) to its facts. Only output_fields are read:
// `output` is a sentence whose form rules choose. Which fields there are is up to the rule; a field that had no value is null
// or "<NA>". Times of the fields are integers beyond 2^53.
import { parseRfc3339 } from "../../event/time.ts";
import { anyText, epochMillis, isMembers, itemsOf, type Members, readObject, textOf } from "../json-record.ts";

export interface Alert {
  readonly rule: string;
  /** As it is written. */
  readonly priority: string | undefined;
  /** "syscall", "k8s_audit", a plugin; undefined in versions before sources. */
  readonly source: string | undefined;
  readonly time: number;
  readonly host: string | undefined;
  readonly tags: readonly string[];
  readonly fields: ReadonlyMap<string, string>;
}

/** `other`: a record of something else. */
export type NotAlert = { readonly other: boolean; readonly reason: string };

export function parseAlert(text: string): Alert | NotAlert {
  if (!/^\s*\{/.test(text)) return { other: true, reason: "the line is no alert" };
  const record = readObject(text, true);
  if (typeof record === "string") return { other: false, reason: record };
  const rule = textOf(record.rule);
  if (rule === undefined)
    return "output_fields" in record || "rule" in record
      ? { other: false, reason: "the alert names no rule" }
      : { other: true, reason: "the record is no alert" };
  const fields = record.output_fields ?? {};
  if (!isMembers(fields)) return { other: false, reason: "the alert's output_fields are no object" };
  const time = timeOf(record, fields);
  if (time === undefined || time < 0) return { other: false, reason: "the alert has no time" };
  return {
    rule,
    priority: textOf(record.priority),
    source: textOf(record.source),
    time,
    host: textOf(record.hostname) ?? textOf(fields["evt.hostname"]),
    tags: itemsOf(record.tags).flatMap((tag) => textOf(tag) ?? []),
    fields: new Map(
      Object.entries(fields).flatMap(([name, value]) => {
        const known = knownText(value);
        return known === undefined ? [] : [[name.toWellFormed(), known] as const];
      }),
    ),
  };
}

function timeOf(record: Members, fields: Members): number | undefined {
  const time = textOf(record.time);
  if (time !== undefined) return parseRfc3339(time);
  return epochMillis(fields["evt.time"], 9) ?? epochMillis(fields["evt.time.iso8601"], 9);
}

function knownText(value: unknown): string | undefined {
  const text = anyText(value);
  return text === undefined || text === "<NA>" || text === "N/A" ? undefined : text;
}

export interface Ends {
  readonly sourceIp: string | undefined;
  readonly sourcePort: string | undefined;
  readonly destinationIp: string | undefined;
  readonly destinationPort: string | undefined;
}

/** "CLIENT:PORT->SERVER:PORT"; an IPv6 address is written without brackets, and its port follows the last colon. */
const connection = /^([\da-fA-F:.]{2,45}):(\d{1,5})->([\da-fA-F:.]{2,45}):(\d{1,5})$/;

/** Of a connection's client and server, as the kernel's descriptor and the fields of its ends say them. */
export function endsOf(fields: ReadonlyMap<string, string>): Ends {
  const named = connection.exec(fields.get("fd.name") ?? "") ?? [];
  const ip = (...names: readonly string[]): string | undefined =>
    names.map((name) => fields.get(name) ?? "").find((value) => /^[\da-fA-F:.]{2,45}$/.test(value));
  const port = (...names: readonly string[]): string | undefined =>
    names.map((name) => fields.get(name) ?? "").find((value) => /^[1-9]\d{0,4}$/.test(value));
  return {
    sourceIp: ip("fd.cip", "fd.lip") ?? named[1],
    sourcePort: port("fd.cport", "fd.lport") ?? named[2],
    destinationIp: ip("fd.sip", "fd.rip") ?? named[3],
    destinationPort: port("fd.sport", "fd.rport") ?? named[4],
  };
}
