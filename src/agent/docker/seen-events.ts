// Which events were handed over last: what the engine tells again after a reconnection is known by it. No event's time is
// trusted to be later than that of the one before, for events of one moment are told in any order, and clocks are put
// back: the engine is asked for everything since the oldest event that is remembered here. Pure.
import { createHash } from "node:crypto";

/** So many the engine remembers, of all kinds of objects together: it cannot tell again what is not in here. */
const remembered = 256;
/** How much older than the first event another may be and still come after it. In nanoseconds. */
const lateness = 5_000_000_000n;

/** As it is kept: nothing before `floor` (nanoseconds) is wanted; of each event "DIGEST NANOSECONDS", oldest first. */
export interface Seen {
  readonly floor: string;
  readonly seen: readonly string[];
}

export class SeenEvents {
  #floor = 0n;
  /** By digest of the text. */
  #seen: { readonly digest: string; readonly time: bigint }[] = [];
  /** How often the engine may tell each of them again: equal texts as often as they came. */
  #known = new Map<string, number>();
  #awaits = false;

  constructor(kept: Seen | undefined) {
    if (kept === undefined) return;
    this.#floor = BigInt(kept.floor);
    this.#seen = kept.seen.map((entry) => {
      const [digest = "", time = "0"] = entry.split(" ");
      return { digest, time: BigInt(time) };
    });
  }

  /** Nothing before this time is wanted. @param time nanoseconds */
  beginAt(time: bigint): void {
    this.#floor = time;
  }

  /** For a new connection. @returns the time to ask for events since, nanoseconds */
  reconnect(): bigint {
    this.#known = new Map();
    for (const { digest } of this.#seen) this.#known.set(digest, (this.#known.get(digest) ?? 0) + 1);
    this.#awaits = this.#known.size > 0;
    if (this.#seen.length === 0) return this.#floor;
    const oldest = this.#seen.reduce((least, { time }) => (time < least ? time : least), this.#seen[0]!.time);
    const since = this.#seen.length < remembered ? oldest - lateness : oldest;
    return since > this.#floor ? since : this.#floor;
  }

  /**
   * Whether the engine has told none of those again that it was asked for: then it has forgotten them, and may have
   * forgotten what came after them too.
   */
  get awaits(): boolean {
    return this.#awaits;
  }

  /**
   * Whether the event was handed over already. One that tells its nanosecond is itself wherever it is told again, even twice
   * on one connection: the engine may tell one that happens during a connection from its memory, and once more as it happens.
   * Of others there may be several with one text, and only those before this connection are known.
   */
  isKnown(text: string, time: EventTime | undefined): boolean {
    const digest = digestOf(text);
    const times = this.#known.get(digest) ?? 0;
    if (times > 0) {
      this.#awaits = false;
      this.#known.set(digest, times - 1);
      return true;
    }
    return time?.exact === true && this.#seen.some((event) => event.digest === digest);
  }

  /** @param time undefined where the event has none */
  add(text: string, time: EventTime | undefined): void {
    this.#seen.push({ digest: digestOf(text), time: time?.nanoseconds ?? this.#seen.at(-1)?.time ?? this.#floor });
    if (this.#seen.length > remembered) this.#seen.shift();
  }

  get kept(): Seen {
    return { floor: String(this.#floor), seen: this.#seen.map(({ digest, time }) => `${digest} ${time}`) };
  }
}

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("base64url").slice(0, 22);
}

/** When an event happened; `exact`: to the nanosecond, else to the second. */
export interface EventTime {
  readonly nanoseconds: bigint;
  readonly exact: boolean;
}

/**
 * The event's timeNano, else its time in seconds. Read from the text: the number is above 2^53. Attributes of these names
 * are strings, and so do not count.
 */
export function timeOf(text: string): EventTime | undefined {
  let nano: bigint | undefined;
  let seconds: bigint | undefined;
  try {
    JSON.parse(text, (key: string, value: unknown, context?: { readonly source?: string }) => {
      if (key !== "time" && key !== "timeNano") return value;
      const digits = /^\d{1,20}$/.test(context?.source ?? "") ? BigInt(context!.source!) : undefined;
      if (key === "timeNano") nano = digits;
      else seconds = digits;
      return value;
    });
  } catch {
    return undefined; // it is kept all the same, as a record that cannot be parsed
  }
  if (nano !== undefined) return { nanoseconds: nano, exact: true };
  return seconds === undefined ? undefined : { nanoseconds: seconds * 1_000_000_000n, exact: false };
}
