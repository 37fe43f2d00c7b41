// Delivers the events of logging trails into files: DATA/exports/<account>/<bucket>/<prefix>/… Owns what happens when. Never
// writes outside an account's directory, never follows a link there, and a failure of one trail touches nothing else: it is
// the trail's LatestDeliveryError. Crash order, top to bottom in #write: what will be written is noted; the file; its
// manifest; that it is done. A stop at any line leads to the very same file being written again, never to a second one.
import { lstatSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Clock } from "../clock.ts";
import { makePrivateDirectory, writeFileDurably } from "../durable/files.ts";
import type { TrailEvent } from "../event/event.ts";
import type { NumberedEntry, Queries } from "../query/query.ts";
import type { DeliveryStates, PendingFile } from "./delivery-state.ts";
import { type BuiltFile, buildFile, exportLine, exportPath, manifestPath } from "./export-file.ts";
import type { StoredTrail, TrailStore } from "./trail-store.ts";

export interface ExporterOptions {
  /** DATA/exports; created when needed. */
  readonly exports: string;
  readonly accounts: () => readonly string[];
  readonly store: Pick<TrailStore, "stored">;
  readonly states: DeliveryStates;
  readonly queries: Pick<Queries, "list" | "entry" | "walk">;
  readonly origin: (account: string) => string;
  readonly clock: Clock;
  /** Bytes that the exports of one account may take. */
  readonly quotaBytes: number;
  /** How long the first event of a file may wait for others to join it; 0: no time. */
  readonly holdMs: number;
  /** Told of every failed attempt, for the log. */
  readonly onError: (error: unknown, account: string, trail: string) => void;
}

const mostEvents = 10_000;
const mostBytes = 16 * 1024 * 1024;
/** Files per trail and tick, so that one with much to catch up does not hold up the others. */
const mostFiles = 4;
/** Up to this many entries are read one by one: a walk looks through all of the account's trail events. */
const fewEntries = 512;
/** Progress without a file is written down every so many entries. */
const progressStep = 10_000;
const retryMs = 60_000;

class Refusal extends Error {}

type TrailEntry = NumberedEntry & { readonly event: TrailEvent };
interface Batch {
  readonly oldest: TrailEntry | undefined;
  readonly lines: readonly string[];
  /** Inclusive: how far the entries were looked at. */
  readonly lastSeq: number;
}
type Wanted = Pick<PendingFile, "scope" | "sources">;

export class Exporter {
  readonly #options: ExporterOptions;
  readonly #retryAt = new Map<string, number>();
  readonly #used = new Map<string, number>();
  #ticking: Promise<void> | undefined;
  #closed = false;

  constructor(options: ExporterOptions) {
    this.#options = options;
  }

  /** Delivers what there is to deliver; a call while one is under way waits for that one. Never rejects. */
  tick(): Promise<void> {
    if (this.#closed) return this.#ticking ?? Promise.resolve();
    this.#ticking ??= this.#tick().finally(() => {
      this.#ticking = undefined;
    });
    return this.#ticking;
  }

  /** Resolves when nothing is being written any more. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#ticking;
  }

  async #tick(): Promise<void> {
    for (const account of this.#options.accounts()) {
      if (this.#closed) return;
      try {
        await this.#deliverAccount(account);
      } catch (thrown) {
        this.#options.onError(thrown, account, "");
      }
    }
  }

  async #deliverAccount(account: string): Promise<void> {
    const trails = (await this.#options.store.stored(account)).filter(({ spans }) => spans.length > 0);
    if (trails.length === 0) return;
    const newest = { filter: { account, kinds: ["trail"] }, order: "desc", window: { offset: 0, limit: 1 } } as const;
    const { size } = await this.#options.queries.list(newest);
    for (const trail of trails) await this.#deliverTrail(account, trail, size);
  }

  async #deliverTrail(account: string, trail: StoredTrail, size: number): Promise<void> {
    const { states, clock, onError } = this.#options;
    const key = `${account} ${trail.id}`;
    if (clock.now() < (this.#retryAt.get(key) ?? 0)) return;
    try {
      if (states.read(account, trail.id).unreadable) return;
      await this.#finishPending(account, trail);
      for (let files = 0; files < mostFiles && !this.#closed; files++)
        if (!(await this.#deliverNext(account, trail, size))) break;
      this.#retryAt.delete(key);
    } catch (thrown) {
      this.#retryAt.set(key, clock.now() + retryMs);
      states.note(account, trail.id, sentence(thrown));
      onError(thrown, account, trail.name);
    }
  }

  /** Writes the file again that a crash or a failure interrupted: same events, same name. */
  async #finishPending(account: string, trail: StoredTrail): Promise<void> {
    const { pending } = this.#options.states.read(account, trail.id);
    if (pending === undefined) return;
    const all = { events: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY };
    const { lines } = await this.#gather(account, pending.firstSeq, pending.lastSeq, pending, all);
    this.#used.delete(account);
    this.#write(account, trail, pending, this.#build(account, trail, pending, lines));
  }

  /** Whether a file was written: then there may be more. */
  async #deliverNext(account: string, trail: StoredTrail, size: number): Promise<boolean> {
    const { states, clock, holdMs } = this.#options;
    const state = states.read(account, trail.id);
    const range = nextRange(trail, state.nextSeq, size);
    if (range === undefined) return false;
    const { first, last, open } = range;
    const limits = { events: mostEvents, bytes: mostBytes };
    const { oldest, lines, lastSeq } = await this.#gather(account, first, last, trail, limits);
    if (oldest === undefined) {
      const passed = { ...state, nextSeq: last + 1 };
      if (Math.floor(passed.nextSeq / progressStep) > Math.floor(state.nextSeq / progressStep))
        states.write(account, trail.id, passed);
      else states.remember(account, trail.id, passed);
      return !open;
    }
    if (open && lastSeq === last && clock.now() - oldest.received < holdMs) return false;
    const { scope, sources } = trail;
    const path = exportPath(account, trail, oldest);
    const pending: PendingFile = { firstSeq: oldest.seq, lastSeq, path, scope, sources };
    const file = this.#build(account, trail, pending, lines);
    this.#checkQuota(account, file.data.length + file.manifest.length);
    this.#write(account, trail, pending, file);
    return true;
  }

  #build(account: string, trail: StoredTrail, pending: PendingFile, lines: readonly string[]): BuiltFile {
    const { previous } = this.#options.states.read(account, trail.id);
    const { path, firstSeq, lastSeq } = pending;
    return buildFile({ account, trail: trail.name, path, lines, firstSeq, lastSeq, previous });
  }

  #write(account: string, trail: StoredTrail, pending: PendingFile, file: BuiltFile): void {
    const { exports, states, clock } = this.#options;
    const root = join(exports, account);
    refuseLinks(exports, [account, ...pending.path.split("/")]);
    // A stop before this line: nothing happened. After it, and until the last: the next start comes here again.
    const { error: _, ...state } = states.read(account, trail.id);
    states.write(account, trail.id, { ...state, pending });
    const path = join(root, ...pending.path.split("/"));
    makePrivateDirectory(dirname(path));
    writeFileDurably(path, file.data, 0o600);
    writeFileDurably(manifestPath(path), file.manifest, 0o600);
    const { pending: __, ...rest } = state;
    states.write(account, trail.id, {
      ...rest,
      nextSeq: pending.lastSeq + 1,
      previous: { file: pending.path, manifestSha256: file.manifestSha256 },
      delivered: clock.now(),
    });
    const used = this.#used.get(account);
    if (used !== undefined) this.#used.set(account, used + file.data.length + file.manifest.length);
  }

  /** The trail's events with numbers from first to last, or as many of the first as fit. */
  async #gather(
    account: string,
    first: number,
    last: number,
    wanted: Wanted,
    limits: { readonly events: number; readonly bytes: number },
  ): Promise<Batch> {
    const origin = this.#options.origin(account);
    let oldest: TrailEntry | undefined;
    const lines: string[] = [];
    let bytes = 0;
    for await (const entry of this.#read(account, first, last)) {
      if (!isWanted(entry, wanted)) continue;
      const line = exportLine(entry, origin);
      oldest ??= entry;
      lines.push(line);
      bytes += Buffer.byteLength(line);
      if (lines.length >= limits.events || bytes >= limits.bytes) return { oldest, lines, lastSeq: entry.seq };
    }
    return { oldest, lines, lastSeq: last };
  }

  async *#read(account: string, first: number, last: number): AsyncGenerator<NumberedEntry> {
    const { queries } = this.#options;
    if (last - first >= fewEntries) {
      const filter = { account, kinds: ["trail"] } as const;
      for await (const some of queries.walk({ filter, firstSeq: first, lastSeq: last })) yield* some;
      return;
    }
    for (let seq = first; seq <= last; seq++) {
      const entry = await queries.entry(account, seq);
      // Leaving it out would be a gap that nobody sees (I5).
      if (entry === undefined) throw new Error(`the entry ${seq} is not there`);
      yield entry;
    }
  }

  #checkQuota(account: string, more: number): void {
    const { exports, quotaBytes } = this.#options;
    const root = join(exports, account);
    const fits = (used: number): boolean => used + more <= quotaBytes;
    if (!this.#used.has(account) || !fits(this.#used.get(account)!)) this.#used.set(account, bytesBelow(root));
    if (!fits(this.#used.get(account)!))
      throw new Refusal(`The exports of this account would exceed their quota of ${quotaBytes} bytes.`);
  }
}

/** The next numbers a trail wants: it logs between the entries that started and stopped it. */
function nextRange(
  { spans }: StoredTrail,
  nextSeq: number,
  size: number,
): { first: number; last: number; open: boolean } | undefined {
  for (const { started, stopped } of spans) {
    const first = Math.max(nextSeq, started + 1);
    const last = Math.min(size, stopped ?? size) - 1;
    if (first <= last) return { first, last, open: stopped === undefined };
  }
  return undefined;
}

function isWanted(entry: NumberedEntry, { scope, sources }: Wanted): entry is TrailEntry {
  const { event } = entry;
  if (event.kind !== "trail" || (sources.length > 0 && !sources.includes(event.source))) return false;
  // What is not said to be reading counts as writing: it must not be missing where changes are watched.
  return scope === "All" || (event.readOnly === true) === (scope === "Read");
}

/** Whoever can put a link into the directory must not thereby choose where we write. */
function refuseLinks(top: string, parts: readonly string[]): void {
  let path = top;
  for (const part of parts) {
    path = join(path, part);
    const about = lstatSync(path, { throwIfNoEntry: false });
    if (about === undefined) return;
    if (about.isSymbolicLink()) throw new Refusal("There is a symbolic link in the path of the export.");
  }
}

function bytesBelow(directory: string): number {
  let bytes = 0;
  let items: ReturnType<typeof listing>;
  try {
    items = listing(directory);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return 0;
    throw thrown;
  }
  for (const item of items) {
    const path = join(directory, item.name);
    if (item.isDirectory()) bytes += bytesBelow(path);
    else bytes += lstatSync(path, { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}

function listing(directory: string) {
  return readdirSync(directory, { withFileTypes: true });
}

/** What the trail's owner may read of a failure: no paths of ours. */
function sentence(thrown: unknown): string {
  if (thrown instanceof Refusal) return thrown.message;
  const code = (thrown as NodeJS.ErrnoException | undefined)?.code;
  return `The events could not be delivered${typeof code === "string" ? ` (${code})` : ""}.`;
}
