// Which files a ledger has, open for reading: the newest, and of the closed ones those used last. Finds the file that
// holds an entry. Where it owns the newest it follows a writer: the file that comes after is read from then on.
import type { DatabaseSync } from "node:sqlite";
import { openReadOnly } from "../durable/database.ts";
import { Fatal } from "../errors.ts";
import { Segment } from "./segment.ts";
import { hasWriteAheadLog, ledgerFile, segmentNumbers, segmentPath, successor } from "./segments.ts";

/** Closed files kept open at a time, besides one that is gone through. */
const mostOpen = 64;

export class SegmentSet {
  readonly #directory: string | undefined;
  readonly #owned: boolean;
  #newest: Segment;
  /** Oldest first. */
  #closedNumbers: readonly number[] = [];
  /** Those of them that are open, the least recently used first. */
  readonly #open = new Map<number, Segment>();
  /** Those that somebody is going through: they stay open. */
  readonly #inUse = new Set<number>();

  /** Opens the files of a directory read-only, beside their writer. @throws Fatal where there are none */
  static open(directory: string): SegmentSet {
    const number = segmentNumbers(directory).at(-1);
    if (number === undefined)
      throw new Fatal(`there is no ledger in ${directory}`, { hint: "Give the data directory with --data." });
    return new SegmentSet(openReadOnly({ ...ledgerFile, path: segmentPath(directory, number) }), directory, true);
  }

  /**
   * @param newest the file that is written
   * @param directory where the closed ones are; undefined: there are none
   * @param owned whether close() closes the newest, and its successor is followed
   */
  constructor(newest: DatabaseSync, directory: string | undefined, owned: boolean) {
    this.#directory = directory;
    this.#owned = owned;
    const numbers = directory === undefined ? [] : segmentNumbers(directory);
    this.#newest = new Segment(numbers.at(-1) ?? 1, newest);
    this.#closedNumbers = numbers.slice(0, -1);
  }

  get newest(): Segment {
    return this.#newest;
  }

  /** Numbers of the closed files, oldest first. */
  get closedNumbers(): readonly number[] {
    return this.#closedNumbers;
  }

  /** All files, newest first. Each is open until the next is asked for, and not for longer: there may be very many. */
  *newestFirst(): Generator<Segment> {
    yield this.#newest;
    yield* this.#each(this.#closedNumbers.toReversed());
  }

  /** The same from the other end. */
  *oldestFirst(): Generator<Segment> {
    yield* this.#each(this.#closedNumbers);
    yield this.#newest;
  }

  *#each(numbers: readonly number[]): Generator<Segment> {
    for (const number of numbers) {
      const alone = !this.#inUse.has(number);
      this.#inUse.add(number);
      try {
        yield this.closed(number);
      } finally {
        if (alone) this.#inUse.delete(number);
      }
    }
  }

  /** The file that holds the log's entry, or would if it existed. */
  holding(log: number, seq: number): Segment | undefined {
    if (seq >= (this.#newest.first(log) ?? 0)) return this.#newest;
    // In older files a log is unknown, then begins at ever higher numbers.
    let low = 0;
    let high = this.#closedNumbers.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const first = this.closed(this.#closedNumbers[middle]!).first(log);
      if (first === undefined || first <= seq) low = middle + 1;
      else high = middle;
    }
    const segment = low === 0 ? undefined : this.closed(this.#closedNumbers[low - 1]!);
    return segment?.first(log) === undefined ? undefined : segment;
  }

  closed(number: number): Segment {
    let segment = this.#open.get(number);
    if (segment === undefined) {
      const path = segmentPath(this.#directory!, number);
      // Until its write-ahead log is folded in, a closed file is read like one that is written.
      const immutable = !hasWriteAheadLog(path);
      segment = new Segment(number, openReadOnly({ ...ledgerFile, path, immutable }));
    } else this.#open.delete(number);
    this.#open.set(number, segment);
    for (const [oldest, { database }] of this.#open) {
      if (this.#open.size <= mostOpen) break;
      if (oldest === number || this.#inUse.has(oldest)) continue;
      database.close();
      this.#open.delete(oldest);
    }
    return segment;
  }

  /** Goes on to the newest file where the one known has a successor. */
  follow(): void {
    while (this.#owned && this.#directory !== undefined && successor(this.#newest.database) !== undefined) {
      const numbers = segmentNumbers(this.#directory);
      const number = numbers.at(-1)!;
      if (number === this.#newest.number) return;
      const database = openReadOnly({ ...ledgerFile, path: segmentPath(this.#directory, number) });
      this.#newest.database.close();
      this.#newest = new Segment(number, database);
      this.#closedNumbers = numbers.slice(0, -1);
    }
  }

  /** Forgets what is open of a closed file, which was replaced. */
  reopen(number: number): void {
    this.#open.get(number)?.database.close();
    this.#open.delete(number);
  }

  close(): void {
    for (const { database } of this.#open.values()) database.close();
    this.#open.clear();
    if (this.#owned) this.#newest.database.close();
  }
}
