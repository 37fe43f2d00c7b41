// Ids and names of audit log files, as the cloud makes them: a version-1 UUID written in two orders. Random node, no
// machine address; monotonic within a process. Knows nothing of what the files hold.
import type { Clock } from "../clock.ts";

/** Milliseconds between the UUID's epoch, 1582-10-15, and ours. */
const epochShift = 12_219_292_800_000n;

export interface FileName {
  /** 37 characters: node, "t", time high, time mid, time low, clock sequence, "br01". */
  readonly id: string;
  /** `<number>_<yyyymmddhhmmss>_<instance>_Audit_<uuid>`; the time is that of the uuid, in UTC. */
  readonly name: string;
}

export class FileNames {
  readonly #clock: Clock;
  readonly #node: string;
  readonly #sequence: string;
  #lastTicks = 0n;

  /** @param random gives that many unpredictable bytes */
  constructor(clock: Clock, random: (size: number) => Uint8Array) {
    this.#clock = clock;
    const bytes = Buffer.from(random(8));
    // RFC 9562 §6.10: a random node has the multicast bit set, so that it is no machine's address.
    bytes[0] = bytes[0]! | 0x01;
    this.#node = bytes.toString("hex", 0, 6);
    this.#sequence = ((bytes.readUInt16BE(6) & 0x3fff) | 0x8000).toString(16);
  }

  /** @param number which file of the instance it is */
  next(instance: string, number: number): FileName {
    const now = (BigInt(this.#clock.now()) + epochShift) * 10_000n;
    this.#lastTicks = now > this.#lastTicks ? now : this.#lastTicks + 1n;
    const ticks = this.#lastTicks.toString(16).padStart(15, "0");
    const [high, mid, low] = [`1${ticks.slice(0, 3)}`, ticks.slice(3, 7), ticks.slice(7)];
    const uuid = `${low}-${mid}-${high}-${this.#sequence}-${this.#node}`;
    const made = new Date(Number(this.#lastTicks / 10_000n - epochShift)).toISOString().replace(/[^0-9]/g, "");
    return { id: idOfUuid(uuid), name: `${number}_${made.slice(0, 14)}_${instance}_Audit_${uuid}` };
  }
}

const uuidAtEnd = /_Audit_([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(?:\.[0-9a-z.]+)?$/i;

/** The id that fits a file's name, or undefined where the name ends in no uuid; an extension is ignored. */
export function idOfName(name: string): string | undefined {
  const uuid = uuidAtEnd.exec(name)?.[1]?.toLowerCase();
  return uuid === undefined ? undefined : idOfUuid(uuid);
}

function idOfUuid(uuid: string): string {
  const [low, mid, high, sequence, node] = uuid.split("-");
  return `${node}t${high}${mid}${low}${sequence}br01`;
}
