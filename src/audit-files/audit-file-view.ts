// The files and policies of instances as the taurusdb dialect sees them: the AuditFiles port over queries. Keeps nothing
// but a bounded cache of what system entries say; a file's content is rendered from the ledger each time and is exactly
// as long as its closing said, or the service stops (I5).
import type { Clock } from "../clock.ts";
import { Fatal, TaishiError } from "../errors.ts";
import type { DatabaseEvent, SystemEvent } from "../event/event.ts";
import type { Queries } from "../query/query.ts";
import { type FileRecord, InstanceRecord, loadRecord, systemTypes } from "./instance-record.ts";
import type { AuditFile, AuditFiles, AuditPolicy, FileQuery, InstanceRef } from "./port.ts";
import { renderRecord } from "./record-text.ts";
import { admits, statementTypes } from "./statement-types.ts";

export interface AuditFileViewOptions {
  readonly queries: Pick<Queries, "list" | "walk">;
  /** Resolves when the entry is fsynced (I1). */
  readonly append: (account: string, event: SystemEvent) => Promise<void>;
  readonly clock: Clock;
  /** Entries of the account below this number are past their retention; none, where absent. */
  readonly minimum?: (account: string) => number;
  /** Instances and files that the cache may hold. */
  readonly mostInstances?: number;
  readonly mostFiles?: number;
}

/** Bytes of content given out at a time, about. */
const chunkBytes = 64 * 1024;
export const mostKeepDays = 732;

interface Cached {
  readonly record: InstanceRecord;
  readonly loaded: Promise<InstanceRecord>;
}

export class AuditFileView implements AuditFiles {
  /** What a policy can choose from. */
  readonly statementTypes: readonly string[] = statementTypes;
  readonly #options: AuditFileViewOptions;
  readonly #mostInstances: number;
  readonly #mostFiles: number;
  /** The least recently used first. */
  readonly #cache = new Map<string, Cached>();

  constructor(options: AuditFileViewOptions) {
    this.#options = options;
    this.#mostInstances = options.mostInstances ?? 1_000;
    this.#mostFiles = options.mostFiles ?? 200_000;
  }

  /** Must be told of every system entry that was committed, before its appender is. */
  committedSystem(account: string, seq: number, event: SystemEvent): void {
    // One that is being loaded takes it too: its answer may be older than this entry.
    this.#cache.get(key(account, event.resource.id))?.record.add(seq, event);
  }

  async list(
    ref: InstanceRef,
    { from, to, order, offset, limit }: FileQuery,
  ): Promise<{ readonly files: readonly AuditFile[]; readonly total: number }> {
    const record = await this.#record(ref);
    const hidden = this.#hidden(ref, record);
    const files = record.files.filter((file) => file.begin <= to && file.end >= from && !hidden(file));
    if (order === "desc") files.reverse();
    return { files: files.slice(offset, offset + limit).map(shown), total: files.length };
  }

  async file(ref: InstanceRef, id: string): Promise<AuditFile | undefined> {
    const record = await this.#record(ref);
    const file = record.file(id);
    return file === undefined || this.#hidden(ref, record)(file) ? undefined : shown(file);
  }

  /** Which files are not shown: those that are retired, and those of which statements are past their retention. */
  #hidden({ account }: InstanceRef, record: InstanceRecord): (file: FileRecord) => boolean {
    const retired = record.retired(this.#options.clock.now());
    const minimum = this.#options.minimum?.(account) ?? 0;
    return (file) => retired(file) || file.firstSeq < minimum;
  }

  async *content(ref: InstanceRef, { id }: AuditFile): AsyncGenerator<Uint8Array> {
    const file = (await this.#record(ref)).file(id);
    if (file === undefined) throw new TaishiError("not-found", `there is no audit file ${id}`);
    const request = {
      filter: {
        account: ref.account,
        kinds: ["database"],
        resourceType: "instance",
        resourceId: ref.instance,
        from: file.firstTime,
        to: file.lastTime + 1,
      },
      firstSeq: file.firstSeq,
      lastSeq: file.lastSeq,
    } as const;
    let given = 0;
    let lines: Buffer[] = [];
    let held = 0;
    for await (const entries of this.#options.queries.walk(request))
      for (const { event } of entries) {
        if (event.kind !== "database" || !isIn(file, event)) continue;
        const line = Buffer.from(renderRecord(event));
        held += line.length;
        if (given + held > file.bytes) throw mismatch(file);
        lines.push(line);
        if (held < chunkBytes) continue;
        yield Buffer.concat(lines);
        given += held;
        held = 0;
        lines = [];
      }
    // Statements may have gone while the file was read.
    if (file.firstSeq < (this.#options.minimum?.(ref.account) ?? 0))
      throw new TaishiError("gone", `the audit file ${id} is past its retention`);
    if (given + held !== file.bytes) throw mismatch(file);
    if (held > 0) yield Buffer.concat(lines);
  }

  async policy(ref: InstanceRef): Promise<AuditPolicy> {
    return (await this.#record(ref)).policy;
  }

  /** @throws TaishiError invalid-parameter with `field` keepDays or types, and what the append throws */
  async setPolicy(ref: InstanceRef, policy: AuditPolicy): Promise<void> {
    const { keepDays, reserve, types, fullSql } = policy;
    if (!Number.isInteger(keepDays) || keepDays < 0 || keepDays > mostKeepDays)
      throw new TaishiError("invalid-parameter", `keepDays: must be an integer from 0 to ${mostKeepDays}`, {
        field: "keepDays",
      });
    const unknown = types.find((type) => !statementTypes.some((known) => known === type));
    if (unknown !== undefined)
      throw new TaishiError("invalid-parameter", `types: ${JSON.stringify(unknown)} is no statement type`, {
        field: "types",
        subject: unknown,
      });
    try {
      await this.#options.append(ref.account, {
        kind: "system",
        time: this.#options.clock.now(),
        type: systemTypes.policy,
        resource: { type: "instance", id: ref.instance },
        data: { keepDays, reserve, types: [...new Set(types)], fullSql },
      });
    } finally {
      // Whatever became of it, the next reader asks the ledger.
      this.#cache.delete(key(ref.account, ref.instance));
    }
  }

  async #record(ref: InstanceRef): Promise<InstanceRecord> {
    const name = key(ref.account, ref.instance);
    const cached = this.#cache.get(name) ?? this.#load(ref);
    this.#cache.delete(name);
    this.#cache.set(name, cached);
    try {
      const record = await cached.loaded;
      this.#trim(name);
      return record;
    } catch (thrown) {
      if (this.#cache.get(name) === cached) this.#cache.delete(name);
      throw thrown;
    }
  }

  #load(ref: InstanceRef): Cached {
    const record = new InstanceRecord(ref.instance);
    return { record, loaded: loadRecord(this.#options.queries, ref, record).then(() => record) };
  }

  #trim(used: string): void {
    let files = 0;
    for (const { record } of this.#cache.values()) files += record.fileCount;
    for (const [name, { record }] of this.#cache) {
      if (this.#cache.size <= this.#mostInstances && files <= this.#mostFiles) return;
      if (name === used) continue;
      files -= record.fileCount;
      this.#cache.delete(name);
    }
  }
}

function key(account: string, instance: string): string {
  return `${account}\0${instance}`;
}

function isIn(file: FileRecord, event: DatabaseEvent): boolean {
  return file.imported ? event.file === file.id : event.file === undefined && admits(file.types, event);
}

function shown({ id, name, instance, bytes, begin, end, closed }: FileRecord): AuditFile {
  return { id, name, instance, bytes, begin, end, closed };
}

function mismatch({ id, bytes }: FileRecord): Fatal {
  return new Fatal(`the content of the audit file ${id} is not the ${bytes} bytes that its closing says`, {
    hint: "Run `taishi fsck`; if the ledger is sound, `taishi reindex`.",
  });
}
