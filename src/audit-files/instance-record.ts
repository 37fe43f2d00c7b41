// What the ledger's system entries say of one instance's audit files: which were closed or imported, and which policy was
// in force when. Derived from those entries alone (I4), in any order and with repetitions; never guesses what is missing.
import { Fatal } from "../errors.ts";
import type { SystemEvent } from "../event/event.ts";
import type { Position } from "../index/port.ts";
import { listFitting, type Queries } from "../query/query.ts";
import { type AuditFile, type AuditPolicy, defaultPolicy, type InstanceRef } from "./port.ts";

export const systemTypes = {
  closed: "AuditFileClosed",
  imported: "AuditFileImported",
  policy: "AuditPolicySet",
} as const;

/** A file and where the statements stand that are its content. */
export interface FileRecord extends AuditFile {
  /** The number of the entry that closed or imported it. */
  readonly seq: number;
  readonly imported: boolean;
  /** Numbers of its first and last statement. */
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Its statements. */
  readonly count: number;
  /** Times between which all its statements lie; may differ from begin and end of an imported file. */
  readonly firstTime: number;
  readonly lastTime: number;
  /** Only statements of these types are in it; empty means all. */
  readonly types: readonly string[];
  /** SHA-256 of an imported file's content. */
  readonly digest?: string;
}

/** A policy in force for every statement after the entry `seq`. */
export interface PolicyRecord {
  readonly seq: number;
  readonly policy: AuditPolicy;
}

const dayMs = 86_400_000;

export class InstanceRecord {
  readonly instance: string;
  readonly #files = new Map<string, FileRecord>();
  readonly #policies: PolicyRecord[] = [];
  #sorted: readonly FileRecord[] | undefined;

  constructor(instance: string) {
    this.instance = instance;
  }

  get fileCount(): number {
    return this.#files.size;
  }

  /** In the order in which they were set. */
  get policies(): readonly PolicyRecord[] {
    return this.#policies;
  }

  /** By begin, then id. */
  get files(): readonly FileRecord[] {
    this.#sorted ??= [...this.#files.values()].sort((a, b) => a.begin - b.begin || (a.id < b.id ? -1 : 1));
    return this.#sorted;
  }

  file(id: string): FileRecord | undefined {
    return this.#files.get(id);
  }

  get policy(): AuditPolicy {
    return this.#policies.at(-1)?.policy ?? defaultPolicy;
  }

  /** Takes a system entry of this instance; others and those known already change nothing. */
  add(seq: number, event: SystemEvent): void {
    if (event.type === systemTypes.policy) {
      const at = this.#policies.findLastIndex((known) => known.seq <= seq);
      if (this.#policies[at]?.seq !== seq) this.#policies.splice(at + 1, 0, { seq, policy: readPolicy(event, seq) });
    } else if (event.type === systemTypes.closed || event.type === systemTypes.imported) {
      const file = readFile(event, seq, this.instance);
      // The first one stands: a closing that was appended twice is one file.
      const known = this.#files.get(file.id);
      if (known !== undefined && known.seq <= seq) return;
      this.#files.set(file.id, file);
      this.#sorted = undefined;
    }
  }

  /** Which files are retired at a time. */
  retired(now: number): (file: FileRecord) => boolean {
    const { keepDays, reserve } = this.policy;
    if (keepDays === 0 && !reserve) return () => true;
    const keptDays = this.#policies.findLast(({ policy }) => policy.keepDays > 0)?.policy.keepDays;
    const keptMs = (keptDays ?? defaultPolicy.keepDays) * dayMs;
    const dropped = this.#policies.findLast(({ policy }) => policy.keepDays === 0 && !policy.reserve)?.seq ?? -1;
    return (file) => (file.imported ? file.seq : file.lastSeq) < dropped || file.closed + keptMs <= now;
  }
}

/** Entries asked for at a time. */
const step = 1000;

/** Adds every system entry of the instance that the ledger held when asked. */
export async function loadRecord(
  queries: Pick<Queries, "list">,
  ref: InstanceRef,
  into: InstanceRecord,
): Promise<void> {
  const filter = {
    account: ref.account,
    kinds: ["system"],
    types: Object.values(systemTypes),
    resourceType: "instance",
    resourceId: ref.instance,
  } as const;
  let after: Position | undefined;
  for (;;) {
    const window = after === undefined ? { offset: 0, limit: step } : { after, limit: step };
    const { entries, cut } = await listFitting(queries, { filter, order: "asc", window });
    for (const { event, seq } of entries) if (event.kind === "system") into.add(seq, event);
    const last = entries.at(-1);
    if ((entries.length < step && !cut) || last === undefined) return;
    after = { time: last.event.time, seq: last.seq };
  }
}

export async function readRecord(queries: Pick<Queries, "list">, ref: InstanceRef): Promise<InstanceRecord> {
  const record = new InstanceRecord(ref.instance);
  await loadRecord(queries, ref, record);
  return record;
}

/** The policy that an entry of the type AuditPolicySet sets. */
export function readPolicy({ data }: SystemEvent, seq: number): AuditPolicy {
  const { keepDays, reserve, types, fullSql } = data;
  if (!Number.isSafeInteger(keepDays) || !Array.isArray(types)) throw unreadable(seq);
  return { keepDays: keepDays as number, reserve: reserve !== false, types, fullSql: fullSql === true };
}

function readFile({ data, time, type }: SystemEvent, seq: number, instance: string): FileRecord {
  const number = (name: string): number => {
    const value = data[name];
    if (typeof value !== "number" || !Number.isSafeInteger(value)) throw unreadable(seq);
    return value;
  };
  const { id, name, types = [], digest } = data;
  if (typeof id !== "string" || typeof name !== "string" || !Array.isArray(types)) throw unreadable(seq);
  const [begin, end] = [number("begin"), number("end")];
  return {
    id,
    name,
    instance,
    bytes: number("bytes"),
    begin,
    end,
    closed: time,
    seq,
    imported: type === systemTypes.imported,
    firstSeq: number("firstSeq"),
    lastSeq: number("lastSeq"),
    count: number("count"),
    firstTime: data.firstTime === undefined ? begin : number("firstTime"),
    lastTime: data.lastTime === undefined ? end : number("lastTime"),
    types,
    ...(typeof digest === "string" ? { digest } : {}),
  };
}

function unreadable(seq: number): Fatal {
  return new Fatal(`the system entry ${seq} of an audit file cannot be read`, {
    hint: "It was written by a later version, or by something else; run `taishi fsck`.",
  });
}
