// The systemd journal, read by journalctl: records are its JSON lines as they came. First everything up to now, then what
// follows, because journalctl follows only the newest boot, whatever came before it. Where it goes on is an entry's cursor;
// what journald itself deleted meanwhile is gone, and cannot be told from what never matched.
import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import type { Clock } from "../../clock.ts";
import { TaishiError } from "../../errors.ts";
import { Backoff } from "../backoff.ts";
import type { Batch, Input, InputState, Placed } from "../input.ts";
import { type Arrival, Received } from "../received.ts";
import { cursorIn, type EntryPlace, isSameEntry, placeOf } from "./cursor.ts";
import type { JournaldOptions } from "./journald-options.ts";

interface Resume {
  readonly cursor: string;
}

type HandOver = (batch: Batch) => Promise<void>;
type Child = ChildProcessByStdio<null, Readable, Readable>;

const lane = "journal";
const longestEntry = 16 * 1024 * 1024;
const batchRecords = 1_000;
/** A journalctl that runs so long is well. */
const wellAfterMs = 5_000;
const killAfterMs = 2_000;
const longestComplaint = 300;
const nowhere: EntryPlace = { sequence: "0", number: 0 };
const lineFeed = 0x0a;
const trailers: ReadonlySet<number> = new Set([0x0d]);

export class JournaldInput implements Input {
  readonly #options: JournaldOptions;
  readonly #clock: Clock;
  readonly #backoff = new Backoff();
  #cursor: string | undefined;
  #follows = false;
  #problem: string | null = null;
  /** Whether the journalctl that runs has complained: then it is not well, however long it runs. */
  #complained = false;

  constructor(options: JournaldOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  get state(): InputState {
    const text = this.#follows ? "following the journal" : "not following the journal";
    return { text, behind: null, problem: this.#problem };
  }

  async run(handOver: HandOver, resume: unknown, signal: AbortSignal): Promise<void> {
    const { directory, from, matches } = this.#options;
    const where = directory === undefined ? [] : [`--directory=${directory}`];
    this.#cursor = (resume as Resume | undefined)?.cursor;
    if (this.#cursor === undefined && from === "now") await this.#beginNow(handOver, where, signal);
    while (!signal.aborted) {
      const begin = (): readonly string[] => (this.#cursor === undefined ? [] : [`--cursor=${this.#cursor}`]);
      await this.#read(handOver, [...where, ...begin(), "--", ...matches], signal);
      if (signal.aborted) return;
      // Without --merge it would not follow from one boot to the next, nor other machines' journals.
      const all = directory === undefined ? [] : ["--merge"];
      const follow = ["--follow", "--no-tail", ...all, ...where, ...begin(), "--", ...matches];
      this.#follows = true;
      const well = setTimeout(() => {
        if (!this.#complained) this.#problem = null;
        this.#backoff.wentWell();
      }, wellAfterMs);
      try {
        await this.#read(handOver, follow, signal);
      } finally {
        this.#follows = false;
        clearTimeout(well);
      }
      if (signal.aborted) return;
      await this.#backoff.wait(signal);
    }
  }

  /** Keeps the place of the newest entry there is, so that a stop before the next one loses nothing. */
  async #beginNow(handOver: HandOver, where: readonly string[], signal: AbortSignal): Promise<void> {
    await this.#read(
      async ({ stream, resume }) => handOver({ lane, stream, records: [], resume }),
      ["--lines=1", ...where],
      signal,
    );
  }

  /** Runs journalctl until it ends or the signal aborts, and hands over what it writes. */
  async #read(handOver: HandOver, args: readonly string[], signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const { program } = this.#options;
    // --all: without it journalctl leaves out values of more than 4096 bytes.
    const child = spawn(program, ["--output=json", "--all", ...args], { stdio: ["ignore", "pipe", "pipe"] });
    const ended = ending(child);
    const stop = (): void => {
      child.kill("SIGTERM");
      setTimeout(() => child.kill("SIGKILL"), killAfterMs).unref();
    };
    signal.addEventListener("abort", stop, { once: true });
    let complaint = "";
    this.#complained = false;
    child.stderr.on("data", (piece: Buffer) => {
      complaint = lastLine(complaint + piece.toString("utf8"));
      this.#problem = `journalctl: ${complaint}`;
      this.#complained = true;
    });
    let failure: unknown;
    try {
      await this.#handOverLines(handOver, child.stdout, signal);
    } catch (thrown) {
      failure = thrown;
      stop();
    }
    const { error, code } = await ended;
    signal.removeEventListener("abort", stop);
    if (error !== undefined) {
      const why = error.code === "ENOENT" ? "it is not installed" : error.message;
      throw new TaishiError("invalid-parameter", `${program} cannot be run: ${why}`, {
        field: "journald",
        cause: error,
      });
    }
    if (failure !== undefined) throw failure;
    if (!signal.aborted && code !== 0 && complaint === "") this.#problem = `journalctl ended with code ${code}`;
  }

  async #handOverLines(handOver: HandOver, output: Readable, signal: AbortSignal): Promise<void> {
    const received = new Received(longestEntry);
    /** The entry at the cursor comes first, unless it is gone or does not match. */
    let isFirst = true;
    for await (const chunk of output) {
      const piece = chunk as Buffer;
      const lines: Arrival[] = [];
      for (let at = 0; at < piece.length; ) {
        const end = piece.indexOf(lineFeed, at);
        received.add(piece.subarray(at, end === -1 ? piece.length : end));
        if (end === -1) break;
        const line = received.take(this.#clock.now(), trailers);
        at = end + 1;
        if (line === undefined) continue;
        if (!isFirst || !isSameEntry(cursorIn(line.record.text), this.#cursor)) lines.push(line);
        isFirst = false;
      }
      for (let at = 0; at < lines.length && !signal.aborted; )
        at += await this.#handOverSome(handOver, lines.slice(at, at + batchRecords));
      if (signal.aborted) return;
    }
    // Half a line is what a journalctl that was killed left: it is read again, from the cursor.
  }

  /** Hands over the first of the lines, as many as are of one sequence. @returns how many */
  async #handOverSome(handOver: HandOver, lines: readonly Arrival[]): Promise<number> {
    const records: Placed[] = [];
    let sequence: string | undefined;
    let cursor = this.#cursor;
    for (const line of lines) {
      const own = cursorIn(line.record.text);
      // Of a cut entry the cursor may be in what was cut off: it stands where the one before it does.
      const place = placeOf(own) ?? (line.cut && (placeOf(cursor) ?? nowhere));
      if (place === undefined) throw new Error("journalctl wrote something that is no entry");
      if (sequence !== undefined && place.sequence !== sequence) break;
      sequence = place.sequence;
      cursor = own ?? cursor;
      records.push({ ...line, offset: place.number });
    }
    await handOver({ lane, stream: `j-${sequence}`, records, resume: { cursor } });
    this.#cursor = cursor;
    this.#backoff.wentWell();
    return records.length;
  }
}

function ending(child: Child): Promise<{ readonly error?: NodeJS.ErrnoException; readonly code: number | null }> {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve({ error, code: null }));
    child.once("close", (code) => resolve({ code }));
  });
}

function lastLine(text: string): string {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return (lines.at(-1) ?? "").slice(0, longestComplaint);
}
