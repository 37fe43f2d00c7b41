// Imports an existing audit log file whole: its statements become entries marked with the file's id, then one system
// entry makes them a file. Repeating an import changes nothing (I8); one that was cut off goes on where it was. Never
// leaves a file that is listed and not complete: the system entry comes last.
import { createHash, hash } from "node:crypto";
import type { Clock } from "../clock.ts";
import { TaishiError } from "../errors.ts";
import { canonicalJson } from "../event/canonical.ts";
import type { DatabaseEvent, SystemEvent } from "../event/event.ts";
import { readEvent } from "../event/read.ts";
import { timeLimit } from "../event/time.ts";
import type { Receipt } from "../ledger/port.ts";
import type { Queries } from "../query/query.ts";
import { idOfName } from "./file-names.ts";
import { type FileRecord, readRecord, systemTypes } from "./instance-record.ts";
import type { AuditFile, InstanceRef } from "./port.ts";
import { readRecords, renderRecord } from "./record-text.ts";

export interface AuditFileImporterOptions {
  readonly queries: Pick<Queries, "list">;
  /** Resolves when the batch is fsynced (I1); the same key gives the first receipt again (I8). */
  readonly appendStatements: (
    account: string,
    events: readonly DatabaseEvent[],
    idempotency: { readonly key: string; readonly digest: string },
  ) => Promise<Pick<Receipt, "first" | "last">>;
  readonly appendSystem: (account: string, event: SystemEvent) => Promise<void>;
  readonly clock: Clock;
}

export interface ImportedFile {
  /** Absent: the one that fits the name's uuid. */
  readonly id?: string;
  readonly name: string;
  /** Epoch milliseconds; absent: the times of its first and last record. */
  readonly begin?: number;
  readonly end?: number;
}

export interface ImportOutcome {
  readonly file: AuditFile;
  readonly count: number;
  /** The file was there already, with the same content. */
  readonly repeated: boolean;
}

/** A batch ends with the statement that reaches either; batches must not depend on how the bytes were cut. */
const batchEvents = 1_000;
const batchBytes = 4 * 1024 * 1024;

interface Sums {
  firstSeq: number;
  lastSeq: number;
  firstTime: number;
  lastTime: number;
  bytes: number;
  count: number;
}

export class AuditFileImporter {
  readonly #options: AuditFileImporterOptions;
  /** Imports of one instance go one after another. */
  readonly #running = new Map<string, Promise<unknown>>();

  constructor(options: AuditFileImporterOptions) {
    this.#options = options;
  }

  /**
   * @param chunks the file's bytes, cut anywhere
   * @throws TaishiError missing-parameter | invalid-parameter (`field` of ImportedFile), malformed-body | too-large with
   *   the record's `index`, already-exists where the id has another content, and what the appends throw
   */
  async import(
    ref: InstanceRef,
    described: ImportedFile,
    chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  ): Promise<ImportOutcome> {
    const id = checked(described);
    const name = `${ref.account}\0${ref.instance}`;
    const before = this.#running.get(name) ?? Promise.resolve();
    const running = before.catch(() => undefined).then(() => this.#import(ref, id, described, chunks));
    this.#running.set(name, running);
    try {
      return await running;
    } finally {
      if (this.#running.get(name) === running) this.#running.delete(name);
    }
  }

  async #import(
    ref: InstanceRef,
    id: string,
    described: ImportedFile,
    chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  ): Promise<ImportOutcome> {
    const known = (await readRecord(this.#options.queries, ref)).file(id);
    const digest = createHash("sha256");
    const sums: Sums = { firstSeq: -1, lastSeq: -1, firstTime: timeLimit, lastTime: 0, bytes: 0, count: 0 };
    let batch: DatabaseEvent[] = [];
    let held = 0;
    let number = 0;
    const flush = async (): Promise<void> => {
      if (batch.length > 0 && known === undefined) await this.#append(ref, id, number, batch, sums);
      number++;
      batch = [];
      held = 0;
    };
    for await (const record of readRecords(chunks)) {
      const event = readEvent({ ...record, instance: ref.instance }, sums.count) as DatabaseEvent;
      const line = Buffer.from(renderRecord(event));
      digest.update(line);
      sums.bytes += line.length;
      sums.count++;
      sums.firstTime = Math.min(sums.firstTime, event.time);
      sums.lastTime = Math.max(sums.lastTime, event.time);
      if (known === undefined) batch.push(inFile(event, id));
      held += line.length;
      if (batch.length >= batchEvents || held >= batchBytes) await flush();
    }
    await flush();
    if (sums.count === 0) throw new TaishiError("malformed-body", "the file holds no record");
    const content = digest.digest("hex");
    if (known !== undefined) return repetition(known, content);
    const begin = described.begin ?? sums.firstTime;
    const end = described.end ?? sums.lastTime;
    if (begin > end) throw new TaishiError("invalid-parameter", "begin: is after the end", { field: "begin" });
    const { name } = described;
    const time = this.#options.clock.now();
    await this.#options.appendSystem(ref.account, {
      kind: "system",
      time,
      type: systemTypes.imported,
      resource: { type: "instance", id: ref.instance },
      data: { id, name, begin, end, digest: content, ...sums },
    });
    const file = { id, name, instance: ref.instance, bytes: sums.bytes, begin, end, closed: time };
    return { file, count: sums.count, repeated: false };
  }

  async #append({ account, instance }: InstanceRef, id: string, number: number, batch: DatabaseEvent[], sums: Sums) {
    const digest = hash("sha256", canonicalJson(batch), "hex");
    // A control character first: no key that came with a request can be the same.
    const key = `\u0001audit-file ${hash("sha256", canonicalJson([instance, id]), "hex")} ${number}`;
    const { first, last } = await this.#options.appendStatements(account, batch, { key, digest });
    // Only an import that was cut off and goes on after its keys were forgotten could come here.
    if (first <= sums.lastSeq)
      throw new TaishiError("idempotency-conflict", "parts of this file were imported too long ago to go on with");
    if (sums.firstSeq < 0) sums.firstSeq = first;
    sums.lastSeq = last;
  }
}

/** The event with its file, members in canonical order (I3). */
function inFile(event: DatabaseEvent, file: string): DatabaseEvent {
  const members = Object.entries({ ...event, file }).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(members) as unknown as DatabaseEvent;
}

function repetition(known: FileRecord, digest: string): ImportOutcome {
  if (known.digest !== digest)
    throw new TaishiError("already-exists", `there is another audit file ${known.id}`, { field: "id" });
  const { id, name, instance, bytes, begin, end, closed } = known;
  return { file: { id, name, instance, bytes, begin, end, closed }, count: known.count, repeated: true };
}

/** The id of a file whose description can be accepted. */
function checked({ id: given, name, begin, end }: ImportedFile): string {
  const refuse = (field: string, why: string): TaishiError =>
    new TaishiError("invalid-parameter", `${field}: ${why}`, { field });
  const isText = (text: string): boolean =>
    text !== "" && text.length <= 512 && text.isWellFormed() && !/[\0-\x1f\x7f]/.test(text);
  if (!isText(name)) throw refuse("name", "must be 1 to 512 characters, none a control character");
  const id = given ?? idOfName(name);
  if (id === undefined)
    throw new TaishiError("missing-parameter", "id: is required where the name ends in no uuid", { field: "id" });
  if (!isText(id)) throw refuse("id", "must be 1 to 512 characters, none a control character");
  for (const [field, time] of Object.entries({ begin, end }))
    if (time !== undefined && (!Number.isSafeInteger(time) || time < 0 || time >= timeLimit))
      throw refuse(field, "must be epoch milliseconds before the year 10000");
  if (begin !== undefined && end !== undefined && begin > end) throw refuse("begin", "is after the end");
  return id;
}
