// Linux's audit system: logins by SSH, programs that were started, connections that were opened. Several records tell one event;
// records of events that happened at once stand between each other.
import { Type } from "typebox";
import type { NoEvent, Outcome, Parser, RawRecord, Source } from "../source.ts";
import { readSyslogLine } from "../syslog-line.ts";
import { type Released, Waiting } from "../waiting.ts";
import { WallClock } from "../wall-clock.ts";
import { redactedOf } from "./command-line.ts";
import { addPart, kernelTypes, newParts, type Parts, tellCall } from "./kernel-event.ts";
import {
  endsConnection,
  type LoginState,
  loginTypes,
  newLogin,
  sshdProcess,
  tellForgotten,
  tellLogin,
} from "./login.ts";
import { type AuditRecord, readAuditRecord, userRecord } from "./record.ts";

interface Options {
  readonly programs: readonly string[];
}

/** As audit's own tools: what happened two seconds later shows that an event is over. */
const longestEventMs = 2_000;
/** While nothing comes that would show it. */
const longestReadMs = 5_000;
/** A connection's records are looked at together from when it begins until someone is logged in or gave up. */
const longestLoginMs = 10 * 60_000;

export const auditd: Source = {
  name: "auditd",
  version: "1",
  options: Type.Object(
    {
      programs: Type.Array(Type.String({ minLength: 1 }), {
        default: ["sshd", "sshd-session", "sshd-auth"],
        description: "File names of the programs whose logins are logins by SSH.",
      }),
    },
    { additionalProperties: false },
  ),
  parser: (options: Options) => new AuditParser(options),
};

/** Programs that write audit records into the system's log. */
const carriers = new Set(["audisp-syslog", "audispd", "auditd", "audit", "kernel"]);
const anyClock = new WallClock("UTC");

type Held = { readonly parts: Parts } | { readonly login: LoginState };

class AuditParser implements Parser {
  readonly #programs: ReadonlySet<string>;
  readonly #held = new Waiting<string, Held>(longestLoginMs);
  /** Kernel's events that go on: when they happened and when they were read. */
  readonly #open = new Map<string, { readonly node: string; readonly time: number; readonly read: number }>();

  constructor({ programs }: Options) {
    this.#programs = new Set(programs);
  }

  take(record: RawRecord): readonly Outcome[] {
    const read = readRecord(record);
    if (!("event" in read)) return [read];
    const over = this.#release(
      (open) => open.node === read.node && open.time + longestEventMs < read.time,
      record.read,
    );
    return [...over, ...this.#told(record, read)];
  }

  expire(now: number): readonly Outcome[] {
    return this.#release((open) => open.read <= now - longestReadMs, now);
  }

  end(): readonly Outcome[] {
    this.#open.clear();
    return this.#held.all().flatMap(told);
  }

  waiting(): readonly RawRecord[] {
    return this.#held.records();
  }

  #told(record: RawRecord, read: AuditRecord): readonly Outcome[] {
    if (kernelTypes.has(read.type)) return this.#kernel(record, read);
    if (!loginTypes.has(read.type)) return [noEvent(record, "a record of another kind")];
    const fields = userRecord(read);
    const process = sshdProcess(fields, this.#programs);
    if (process === undefined) return [noEvent(record, "told by a program that is not sshd")];
    const key = `login ${read.node} ${process}`;
    if (endsConnection(read.type)) {
      const released = this.#held.release(key);
      return [...(released === undefined ? [] : told(released)), noEvent(record, "the end of a session")];
    }
    const held = this.#held.add(key, record, () => ({ login: newLogin() })) as { readonly login: LoginState };
    return tellLogin(record, read, fields, held.login);
  }

  #kernel(record: RawRecord, read: AuditRecord): readonly Outcome[] {
    const key = `event ${read.node} ${read.event}`;
    if (read.type === "EOE" && !this.#held.has(key)) return [noEvent(record, "the end of an event")];
    const held = this.#held.add(key, record, () => {
      this.#open.set(key, { node: read.node, time: read.time, read: record.read });
      return { parts: newParts(read) };
    }) as { readonly parts: Parts };
    if (!addPart(held.parts, read)) return [];
    this.#open.delete(key);
    return told(this.#held.release(key)!);
  }

  /** What is over, and what there is no more room or time for. */
  #release(
    isOver: (open: { readonly node: string; readonly time: number; readonly read: number }) => boolean,
    now: number,
  ): readonly Outcome[] {
    const outcomes: Outcome[] = [];
    for (const [key, open] of this.#open)
      if (isOver(open)) {
        this.#open.delete(key);
        outcomes.push(...told(this.#held.release(key)!));
      }
    for (const released of this.#held.overdue(now)) {
      this.#open.delete(released.key);
      outcomes.push(...told(released));
    }
    return outcomes;
  }
}

function told({ value, records }: Released<string, Held>): readonly Outcome[] {
  return "parts" in value ? [tellCall(value.parts, records)] : tellForgotten(value.login);
}

function readRecord(record: RawRecord): AuditRecord | Outcome {
  const plain = readAuditRecord(record.text);
  if (plain !== undefined) return plain;
  const line = readSyslogLine(record, anyClock);
  if (line === undefined) return unparsed(record, "malformed", "its form is none of an audit record's");
  if (!carriers.has(line.program)) return unparsed(record, "other-program", "logged by another program");
  if (line.trusted?.uid !== undefined && line.trusted.uid !== "0")
    return unparsed(record, "other-program", "forged: the journal says that it was not root who logged it");
  const carried = readAuditRecord(line.message);
  if (carried === undefined) return unparsed(record, "no-event", "holds no audit record");
  return carried.node === "" ? { ...carried, node: line.host } : carried;
}

function noEvent(record: RawRecord, reason: string): Outcome {
  return unparsed(record, "no-event", reason);
}

function unparsed(record: RawRecord, why: NoEvent, reason: string): Outcome {
  return { why, reason, records: [record], ...redactedOf([record]) };
}
