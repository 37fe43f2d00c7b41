// Gathers the statements of every instance into audit log files and closes them by size, age or policy. Owns nothing that
// lasts: a file is its closing, a system entry, and what is still open is found again from the ledger (I4) at the next
// start. Never holds a file's content, only its sums. Closings of an instance are appended strictly one after another, so
// that what is closed is always a beginning of its statements.
import type { Clock } from "../clock.ts";
import type { DatabaseEvent, Event, SystemEvent } from "../event/event.ts";
import type { Queries } from "../query/query.ts";
import type { FileNames } from "./file-names.ts";
import { type InstanceRecord, type PolicyRecord, readPolicy, readRecord, systemTypes } from "./instance-record.ts";
import { type AuditPolicy, defaultPolicy, type InstanceRef } from "./port.ts";
import { recordBytes } from "./record-text.ts";
import { admits } from "./statement-types.ts";

export interface FileKeeperOptions {
  readonly queries: Pick<Queries, "list" | "walk">;
  /** Resolves when the entry is fsynced (I1); a rejection means it is not in the log, and is tried again at a later tick. */
  readonly append: (account: string, event: SystemEvent) => Promise<void>;
  readonly names: FileNames;
  readonly clock: Clock;
  /** Told of what failed and will be tried again; a Fatal among it is for the caller to act on. */
  readonly onFailure: (thrown: unknown) => void;
  /** A statement that would make a file larger goes into the next. Default 104,857,600. */
  readonly maxBytes?: number;
  /** A file closes this long after its first statement was received. Default 30 minutes. */
  readonly maxAgeMs?: number;
  /** Bytes of statements that may wait, over all instances, while their files are found again. Default 32 MiB. */
  readonly mostWaitingBytes?: number;
}

export const defaultMaxBytes = 104_857_600;
export const defaultMaxAgeMs = 30 * 60_000;

/** Instances remembered while nothing of theirs is open. */
const mostIdle = 10_000;

/** Sums over the statements of one file. */
interface FileSums {
  readonly openedAt: number;
  readonly types: readonly string[];
  readonly firstSeq: number;
  lastSeq: number;
  begin: number;
  end: number;
  bytes: number;
  count: number;
}

interface Instance extends InstanceRef {
  open: FileSums | undefined;
  /** Files to be closed, oldest first, each with its id once one was chosen. */
  readonly closing: { readonly sums: FileSums; event: SystemEvent | undefined }[];
  appending: boolean;
  /** How many files of our own making the instance has had. */
  number: number;
  policy: AuditPolicy;
  /** Policies whose turn has not come, by seq. */
  readonly coming: PolicyRecord[];
  /** Every statement below this number was looked at. */
  next: number;
  /** The highest number told of. */
  told: number;
  /** Whether statements are taken as they come; else they wait until those before them were found. */
  live: boolean;
  finding: boolean;
  waiting: { readonly seq: number; readonly event: DatabaseEvent; readonly at: number }[];
  waitingBytes: number;
  /** More came than may wait: what is missing is in the ledger. */
  missed: boolean;
}

export class FileKeeper {
  readonly #options: FileKeeperOptions;
  readonly #maxBytes: number;
  readonly #maxAgeMs: number;
  readonly #mostWaitingBytes: number;
  readonly #instances = new Map<string, Instance>();
  readonly #work = new Set<Promise<void>>();
  /** Instances are found again one at a time. */
  #finding: Promise<void> = Promise.resolve();
  #waitingBytes = 0;
  #closed = false;

  constructor(options: FileKeeperOptions) {
    this.#options = options;
    this.#maxBytes = options.maxBytes ?? defaultMaxBytes;
    this.#maxAgeMs = options.maxAgeMs ?? defaultMaxAgeMs;
    this.#mostWaitingBytes = options.mostWaitingBytes ?? 32 * 1024 * 1024;
  }

  /** Finds what is open of these instances: called at the start with all that are known. Resolves at once. */
  watch(refs: Iterable<InstanceRef>): void {
    for (const { account, instance } of refs) this.#instance(account, instance);
  }

  /**
   * Consecutive entries first, first+1, … that were committed. Must be told of every database event, and of every system
   * event of this folder, once, in the order of the log and before anyone else learns of it; others may be left out.
   */
  committed(account: string, first: number, events: readonly Event[]): void {
    if (this.#closed) return;
    events.forEach((event, i) => {
      if (event.kind === "database" && event.file === undefined) this.#tell(account, first + i, event);
      else if (event.kind === "system") this.committedSystem(account, first + i, event);
    });
  }

  /** A system entry that was committed; those that set no policy change nothing. */
  committedSystem(account: string, seq: number, event: SystemEvent): void {
    if (this.#closed || event.type !== systemTypes.policy) return;
    const instance = this.#instances.get(key(account, event.resource.id));
    // An instance that is not remembered has nothing open; its policies are read when it is.
    if (instance === undefined) return;
    addPolicy(instance, { seq, policy: readPolicy(event, seq) });
    instance.told = Math.max(instance.told, seq);
    if (instance.live) this.#passPolicies(instance, seq + 1);
  }

  /** To be called about once a second: closes what is old enough and tries again what failed. */
  tick(): void {
    if (this.#closed) return;
    const now = this.#options.clock.now();
    let idle = 0;
    for (const instance of this.#instances.values()) {
      if (!instance.live) this.#find(instance);
      else if (instance.open !== undefined && now >= instance.open.openedAt + this.#maxAgeMs) this.#close(instance);
      this.#appendClosings(instance);
      if (isIdle(instance)) idle++;
    }
    for (const [name, instance] of this.#instances) {
      if (idle <= mostIdle) break;
      if (!isIdle(instance)) continue;
      this.#instances.delete(name);
      idle--;
    }
  }

  /** Resolves when nothing is being found or appended. */
  async settled(): Promise<void> {
    while (this.#work.size > 0) await Promise.all(this.#work);
  }

  /** Ends; what is open stays open in the ledger's sense and is found at the next start. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.settled();
  }

  #instance(account: string, id: string): Instance {
    const name = key(account, id);
    const known = this.#instances.get(name);
    if (known !== undefined) return known;
    const instance: Instance = {
      account,
      instance: id,
      open: undefined,
      closing: [],
      appending: false,
      number: 0,
      policy: defaultPolicy,
      coming: [],
      next: 0,
      told: -1,
      live: false,
      finding: false,
      waiting: [],
      waitingBytes: 0,
      missed: false,
    };
    this.#instances.set(name, instance);
    this.#find(instance);
    return instance;
  }

  #tell(account: string, seq: number, event: DatabaseEvent): void {
    const instance = this.#instance(account, event.instance);
    const at = this.#options.clock.now();
    instance.told = Math.max(instance.told, seq);
    if (instance.live) {
      this.#take(instance, seq, event, at);
      return;
    }
    if (instance.missed) return;
    const bytes = 512 + 2 * (event.sql?.length ?? 0);
    if (this.#waitingBytes + bytes > this.#mostWaitingBytes) {
      this.#dropWaiting(instance);
      instance.missed = true;
      return;
    }
    this.#waitingBytes += bytes;
    instance.waitingBytes += bytes;
    instance.waiting.push({ seq, event, at });
  }

  #dropWaiting(instance: Instance): void {
    this.#waitingBytes -= instance.waitingBytes;
    instance.waitingBytes = 0;
    instance.waiting = [];
  }

  /** The next statement of an instance, received at `at`; one that was taken before changes nothing. */
  #take(instance: Instance, seq: number, event: DatabaseEvent, at: number): void {
    if (seq < instance.next) return;
    this.#passPolicies(instance, seq);
    instance.next = seq + 1;
    const { policy } = instance;
    if (policy.keepDays === 0 || !admits(policy.types, event)) return;
    const bytes = recordBytes(event);
    const open = instance.open;
    if (open !== undefined && (open.bytes + bytes > this.#maxBytes || at >= open.openedAt + this.#maxAgeMs))
      this.#close(instance);
    const sums = instance.open;
    if (sums === undefined) {
      const { time } = event;
      const { types } = policy;
      instance.open = { openedAt: at, types, firstSeq: seq, lastSeq: seq, begin: time, end: time, bytes, count: 1 };
      return;
    }
    sums.lastSeq = seq;
    sums.begin = Math.min(sums.begin, event.time);
    sums.end = Math.max(sums.end, event.time);
    sums.bytes += bytes;
    sums.count++;
  }

  /** Applies the policies set by entries before `seq`. One that is off, or of other types, ends the open file. */
  #passPolicies(instance: Instance, seq: number): void {
    while (instance.coming[0] !== undefined && instance.coming[0].seq < seq) {
      const { policy, seq: at } = instance.coming.shift()!;
      instance.next = Math.max(instance.next, at + 1);
      if (policy.keepDays === 0 || !sameTypes(policy.types, instance.policy.types)) this.#close(instance);
      instance.policy = policy;
    }
  }

  #close(instance: Instance): void {
    if (instance.open === undefined) return;
    instance.closing.push({ sums: instance.open, event: undefined });
    instance.open = undefined;
    // While statements are still being found their closings wait: a failure then finds the same again.
    if (instance.live) this.#appendClosings(instance);
  }

  #appendClosings(instance: Instance): void {
    if (instance.appending || !instance.live || instance.closing.length === 0 || this.#closed) return;
    instance.appending = true;
    void this.#run(
      async () => {
        for (let next = instance.closing[0]; next !== undefined && !this.#closed; next = instance.closing[0]) {
          // Tried again with the same id, so that an append whose outcome was not seen makes no second file.
          next.event ??= this.#closingEvent(instance, next.sums);
          await this.#options.append(instance.account, next.event);
          instance.closing.shift();
        }
      },
      () => {
        instance.appending = false;
      },
    );
  }

  #closingEvent(instance: Instance, { openedAt: _, ...sums }: FileSums): SystemEvent {
    const { id, name } = this.#options.names.next(instance.instance, ++instance.number);
    return {
      kind: "system",
      time: this.#options.clock.now(),
      type: systemTypes.closed,
      resource: { type: "instance", id: instance.instance },
      data: { id, name, ...sums },
    };
  }

  #find(instance: Instance): void {
    if (instance.finding || instance.live || this.#closed) return;
    instance.finding = true;
    const turn = this.#finding;
    this.#finding = this.#run(
      async () => {
        await turn;
        if (!this.#closed) await this.#findOpen(instance);
      },
      () => {
        instance.finding = false;
        this.#appendClosings(instance);
      },
    );
  }

  /** Walks what no closing covers, then what came meanwhile, until nothing is between it and the statements to come. */
  async #findOpen(instance: Instance): Promise<void> {
    // Begun anew at each attempt: nothing was closed while statements were being found.
    instance.open = undefined;
    instance.closing.length = 0;
    instance.next = 0;
    instance.coming.length = 0;
    let begun = false;
    do {
      instance.missed = false;
      const { account, instance: id } = instance;
      const filter = { account, kinds: ["database"], resourceType: "instance", resourceId: id } as const;
      const request = { filter, order: "asc", window: { offset: 0, limit: 1 } } as const;
      const { size, total } = await this.#options.queries.list(request);
      // Read after the size, so that it holds every policy below it.
      const record = await readRecord(this.#options.queries, instance);
      for (const policy of record.policies) addPolicy(instance, policy);
      if (!begun) this.#begin(instance, record, total, size);
      begun = true;
      const lastSeq = lastAdmitted(instance, size);
      if (instance.next <= lastSeq)
        for await (const entries of this.#options.queries.walk({ filter, firstSeq: instance.next, lastSeq })) {
          if (this.#closed) return;
          for (const { seq, event, received } of entries)
            if (event.kind === "database" && event.file === undefined) this.#take(instance, seq, event, received);
        }
      this.#passPolicies(instance, size);
      instance.next = Math.max(instance.next, size);
    } while (instance.missed);
    for (const { seq, event, at } of instance.waiting) this.#take(instance, seq, event, at);
    this.#dropWaiting(instance);
    // A policy that was read but not yet told of has its turn when it is: statements before it may still come.
    this.#passPolicies(instance, instance.told + 1);
    instance.live = true;
  }

  /** Puts an instance to where its last closing left it. */
  #begin(instance: Instance, record: InstanceRecord, total: number, size: number): void {
    const files = record.files.filter(({ seq }) => seq < size);
    const own = files.filter((file) => !file.imported);
    const covered = files.reduce((sum, file) => sum + file.count, 0);
    const after = own.reduce((last, file) => Math.max(last, file.lastSeq), -1) + 1;
    instance.number = own.length;
    // No statement is in two files, so equal counts mean that none is in none.
    const from = covered === total ? size : after;
    instance.policy = defaultPolicy;
    instance.next = from;
    this.#passPolicies(instance, from);
    if (instance.policy.keepDays > 0) return;
    // Off: nothing belongs to a file before it is on again.
    const on = instance.coming.find(({ policy }) => policy.keepDays > 0);
    this.#passPolicies(instance, Math.min(on === undefined ? size : on.seq + 1, size));
    if (instance.policy.keepDays === 0) instance.next = Math.max(instance.next, size);
  }

  /** Work that is waited for at the end; a failure is told and left to the next tick. */
  #run(work: () => Promise<void>, finish: () => void): Promise<void> {
    const running = work()
      .catch((thrown: unknown) => this.#options.onFailure(thrown))
      .finally(() => {
        this.#work.delete(running);
        finish();
      });
    this.#work.add(running);
    return running;
  }
}

function key(account: string, instance: string): string {
  return `${account}\0${instance}`;
}

function isIdle({ open, closing, live, coming }: Instance): boolean {
  return live && open === undefined && closing.length === 0 && coming.length === 0;
}

/** Adds a policy whose turn has not come, unless it is known. */
function addPolicy({ coming, next }: Instance, policy: PolicyRecord): void {
  if (policy.seq < next || coming.some(({ seq }) => seq === policy.seq)) return;
  coming.push(policy);
  coming.sort((a, b) => a.seq - b.seq);
}

/** The last number below `size` that a file may hold: none from where the policy was turned off for good. */
function lastAdmitted({ policy, coming }: Instance, size: number): number {
  let on = policy.keepDays > 0;
  let last = -1;
  for (const { seq, policy: next } of coming) {
    if (seq >= size) break;
    if (on && next.keepDays === 0) last = seq - 1;
    on = next.keepDays > 0;
  }
  return on ? size - 1 : last;
}

function sameTypes(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && new Set([...a, ...b]).size === new Set(a).size;
}
