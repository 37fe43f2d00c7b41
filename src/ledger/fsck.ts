// Verifies a ledger from its bytes up to its signatures, trusting nothing stored: every entry is decoded, checked to be
// canonical and hashed; every stored node and every kept checkpoint is compared with the tree so made. Only reads; may run
// beside a server, and then speaks of the sizes at its start.
import { isCanonical } from "../event/canonical.ts";
import { blobReferences, type Entry, maxEntryBytes, type Position, parseEntry } from "../event/entry.ts";
import { equalBytes, toHex, type VerifierKey } from "../merkle/note.ts";
import { digest, leafHash, TreeEdge } from "../merkle/tree.ts";
import type { Anchor } from "./anchor.ts";
import { bundleWidth } from "./bundle.ts";
import { rotatedType } from "./key-rotation.ts";
import { CheckpointChain, type LogKeys, type RotationEntry, sameKeys } from "./log-keys.ts";
import { streamKeyHash } from "./marks.ts";
import { retentionType } from "./port.ts";
import { clockVerifier, cosignedTime, sha256 } from "./signer.ts";
import type { CheckpointRow, LedgerReader, LogRow } from "./store.ts";

export interface Problem {
  readonly account: string;
  /** What is wrong and where, as a sentence. */
  readonly what: string;
}

export interface FsckReport {
  readonly logs: number;
  readonly entries: number;
  readonly checkpoints: number;
  readonly blobs: number;
  readonly problems: readonly Problem[];
}

export interface FsckOptions {
  /** The keys that must have signed the logs' checkpoints; read again where a rotation may have come in between. */
  readonly keys: () => LogKeys;
  /** The public half of the clock's key, 32 bytes: the checkpoints' times are then checked. */
  readonly clockKey?: Uint8Array;
  /** What is checked is a copy, which may be from before the last rotation of the key. */
  readonly isCopy?: boolean;
  /** Heads remembered outside the ledger, by origin. */
  readonly anchor?: Pick<Anchor, "origins" | "head">;
  /** Told of every entry that can be read, log by log in order. */
  readonly onEntry?: (account: string, seq: number, entry: Entry) => void;
  readonly onProgress?: (done: number, all: number) => void;
}

export async function fsck(reader: LedgerReader, options: FsckOptions): Promise<FsckReport> {
  const problems: Problem[] = [];
  const { keys, logs, checkpoints, strays, marks } = consistent(reader, options.keys);
  problems.push(...strays);
  const all = logs.reduce((sum, { size }) => sum + size, 0);
  let entries = 0;
  let signed = 0;
  for (const log of logs) {
    const kept = checkpoints.filter((checkpoint) => checkpoint.log === log.id);
    signed += kept.length;
    const pass = new LogPass(reader, log, kept, keys, marks.get(log.id) ?? [], options);
    for (const n of pass.bundles()) {
      entries += pass.bundle(n);
      options.onProgress?.(entries, all);
      if (n % 16 === 0) await new Promise(setImmediate);
    }
    pass.finish();
    problems.push(...pass.problems);
  }
  const origins = new Set(logs.map(({ origin }) => origin));
  for (const origin of options.anchor?.origins ?? [])
    if (!origins.has(origin)) problems.push({ account: "", what: `the anchor knows the log ${origin}, which is gone` });
  const blobs = checkBlobs(reader, problems);
  return { logs: logs.length, entries, checkpoints: signed, blobs, problems };
}

/** The checkpoints, and the keys as they were when they were signed. */
function consistent(reader: LedgerReader, read: () => LogKeys) {
  for (let before = read(); ; ) {
    const snapshot = reader.snapshot();
    const keys = read();
    if (sameKeys(before, keys)) return { keys, ...snapshot };
    before = keys;
  }
}

/** One walk over one log, from its first entry to its size. */
class LogPass {
  readonly problems: Problem[] = [];
  readonly #reader: LedgerReader;
  readonly #log: LogRow;
  readonly #edge = new TreeEdge(sha256);
  /** Roots that checkpoints claim, by size. */
  readonly #claims = new Map<number, Uint8Array[]>();
  readonly #chain: CheckpointChain;
  readonly #rotations: RotationEntry[] = [];
  readonly #isCopy: boolean;
  readonly #onEntry: FsckOptions["onEntry"];
  readonly #marks: ReturnType<LedgerReader["marks"]>;
  #received = 0;
  /** The last entry that was there. */
  #seen = -1;
  /** Newest offset of each stream that the entries tell of. */
  readonly #offsets = new Map<string, number>();
  /** Up to where the log's own entries say that its events are past their retention. */
  #toldMinimum = 0;

  constructor(
    reader: LedgerReader,
    log: LogRow,
    checkpoints: readonly CheckpointRow[],
    keys: LogKeys,
    marks: ReturnType<LedgerReader["marks"]>,
    { anchor, onEntry, isCopy = false, clockKey }: FsckOptions,
  ) {
    this.#reader = reader;
    this.#log = log;
    this.#marks = marks;
    this.#onEntry = onEntry;
    this.#isCopy = isCopy;
    if (log.origin !== `${reader.service}.taishi/${log.account}`) this.#problem(`the log bears the name ${log.origin}`);
    if (checkpoints.length === 0) this.#problem("has no checkpoint at all, though every log begins with one");
    const anchored = anchor?.head(log.origin);
    if (anchored !== undefined) {
      if (anchored.size > log.size)
        this.#problem(`the anchor knows ${anchored.size} entries, but the log has ${log.size}: it was cut`);
      this.#claims.set(anchored.size, [anchored.root]);
    }
    this.#chain = new CheckpointChain(log.origin, keys);
    const clock = clockKey === undefined ? undefined : clockVerifier(log.origin, clockKey);
    for (const checkpoint of checkpoints) {
      this.#chain.add(checkpoint);
      if (clock !== undefined) this.#checkTime(checkpoint, clock);
    }
    for (const { size, root } of this.#chain.claims) {
      if (size > log.size)
        this.#problem(`a checkpoint covers ${size} entries, but the log has ${log.size}: it was cut`);
      this.#claims.set(size, [...(this.#claims.get(size) ?? []), root]);
    }
  }

  *bundles(): Generator<number> {
    for (let n = 0; n * bundleWidth < this.#log.size; n++) yield n;
  }

  /** @returns how many entries were checked */
  bundle(n: number): number {
    const first = n * bundleWidth;
    const expected = Math.min(bundleWidth, this.#log.size - first);
    if (this.#reader.isGone(this.#log.account, n)) return this.#goneBundle(n);
    let entries: readonly Uint8Array[];
    try {
      entries = this.#reader.bundle(this.#log.account, n).slice(0, expected);
    } catch (thrown) {
      this.#problem(`bundle ${n} cannot be read: ${(thrown as Error).message}`);
      return 0;
    }
    if (entries.length < expected) this.#problem(`bundle ${n} has ${entries.length} entries instead of ${expected}`);
    entries.forEach((bytes, i) => {
      this.#checkClaims();
      this.#checkEntry(bytes, first + i);
      this.#grow(leafHash(sha256, bytes));
    });
    return entries.length;
  }

  /** A bundle past its retention: its leaf hashes still make the tree, and what is left of it must be theirs. */
  #goneBundle(n: number): number {
    const leaves = this.#reader.leafHashes(this.#log.account, n);
    if (leaves.length !== bundleWidth * 32) {
      this.#problem(`the leaf hashes of bundle ${n}, which is past its retention, are missing`);
      return 0;
    }
    let remaining = 0;
    const left = new Map(this.#reader.remaining(this.#log.account, n));
    for (let i = 0; i < bundleWidth; i++) {
      const leaf = leaves.subarray(i * 32, i * 32 + 32);
      const seq = n * bundleWidth + i;
      this.#checkClaims();
      const bytes = left.get(seq);
      if (bytes !== undefined) {
        remaining++;
        this.#checkEntry(bytes, seq);
        if (!equalBytes(leafHash(sha256, bytes), leaf)) this.#problem(`entry ${seq} is not what its leaf hash says`);
      }
      this.#grow(leaf);
    }
    return remaining;
  }

  #grow(leaf: Uint8Array): void {
    for (const { level, index, hash } of this.#edge.append(leaf)) {
      const stored = this.#reader.nodes(this.#log.id, level, index, 1)[0];
      if (stored === undefined || !equalBytes(stored, hash))
        this.#problem(`the stored hash of level ${level}, index ${index} is not the hash of its entries`);
    }
  }

  finish(): void {
    this.#checkClaims();
    if (this.#log.minimum > this.#toldMinimum)
      this.#problem(
        `entries below ${this.#log.minimum} are held back, but the log tells of no retention beyond ${this.#toldMinimum}`,
      );
    if (this.#seen >= 0 && this.#seen === this.#log.size - 1 && this.#log.received !== this.#received)
      this.#problem("the log's row has another time of receipt than its newest entry");
    this.#checkMarks();
    this.#chain.finish(this.#rotations, this.#isCopy);
    for (const problem of this.#chain.problems) this.#problem(problem);
  }

  #checkClaims(): void {
    const claims = this.#claims.get(this.#edge.size);
    if (claims === undefined) return;
    this.#claims.delete(this.#edge.size);
    const root = this.#edge.root();
    for (const claim of claims)
      if (!equalBytes(claim, root))
        this.#problem(
          `the checkpoint of size ${this.#edge.size} has the root ${toHex(claim)}, the entries have ${toHex(root)}`,
        );
  }

  #checkTime({ note, size, time }: CheckpointRow, clock: VerifierKey): void {
    try {
      if (cosignedTime(note, clock) !== Math.floor(time / 1000))
        this.#problem(`the clock key did not sign the time of the checkpoint of size ${size}`);
    } catch {
      // The chain has said that it cannot be read.
    }
  }

  #checkEntry(bytes: Uint8Array, seq: number): void {
    this.#seen = seq;
    const text = Buffer.from(bytes).toString("utf8");
    if (bytes.length > maxEntryBytes) this.#problem(`entry ${seq} is longer than ${maxEntryBytes} bytes`);
    try {
      const entry = parseEntry(bytes);
      if (!isCanonical(text, entry)) this.#problem(`entry ${seq} is not canonical JSON`);
      if (!Number.isSafeInteger(entry.received) || entry.received < this.#received)
        this.#problem(`entry ${seq} was received before the one ahead of it`);
      else this.#received = entry.received;
      const { event, position } = entry;
      if ((entry.salt !== undefined) !== (this.#log.salted === 1))
        this.#problem(`entry ${seq} has ${entry.salt === undefined ? "no" : "a"} salt, unlike its log`);
      if (position !== undefined) this.#checkPosition(position, seq);
      if (event.kind === "system" && event.type === retentionType)
        this.#toldMinimum = Math.max(this.#toldMinimum, Number(event.data.minimum));
      for (const { $sha256, size } of blobReferences(entry))
        if (this.#reader.blobSize($sha256, this.#log.account, seq) !== size)
          this.#problem(`entry ${seq} lacks its blob ${$sha256}`);
      if (event.kind === "system" && event.type === rotatedType)
        this.#rotations.push({ seq, oldKey: event.data.oldKey, newKey: event.data.newKey });
      this.#onEntry?.(this.#log.account, seq, entry);
    } catch (thrown) {
      this.#problem(`entry ${seq} cannot be read: ${(thrown as Error).message}`);
    }
  }

  #checkPosition(position: Position, seq: number): void {
    const key = toHex(streamKeyHash(position));
    if (position.offset <= (this.#offsets.get(key) ?? -1))
      this.#problem(`entry ${seq} stands at an offset of ${position.source} that is there already`);
    this.#offsets.set(key, position.offset);
  }

  #checkMarks(): void {
    for (const { stream, offset } of this.#marks) {
      const newest = this.#offsets.get(toHex(stream));
      this.#offsets.delete(toHex(stream));
      // Retention takes the oldest entries first: of a stream that has none any more only the mark is left.
      if (newest === undefined && this.#log.minimum === 0)
        this.#problem(`there is a mark of ${offset} of a stream that no entry is of`);
      else if (newest !== undefined && offset !== newest)
        this.#problem(`the mark of a stream is ${offset}, its newest entry stands at ${newest}`);
    }
    if (this.#offsets.size > 0) this.#problem(`${this.#offsets.size} streams of its entries have no mark`);
  }

  #problem(what: string): void {
    this.problems.push({ account: this.#log.account, what });
  }
}

function checkBlobs(reader: LedgerReader, problems: Problem[]): number {
  let blobs = 0;
  for (const { digest: name, bytes } of reader.blobs()) {
    blobs++;
    if (toHex(digest(sha256, bytes)) !== name)
      problems.push({ account: "", what: `the blob ${name} has other content than its name says` });
  }
  return blobs;
}
