// Slows down guessing by where it comes from, never by whose name is guessed: else anyone could lock anyone out. After five
// failures within 15 minutes an address waits one second, then two, four … up to five minutes between attempts; 15 minutes
// without a failure and it is forgotten. Memory is bounded: beyond that, those that failed longest ago are forgotten.
// An IPv6 address counts by its /64, which one machine has whole.
import ipaddr from "ipaddr.js";
import type { Clock } from "../clock.ts";
import { TaishiError } from "../errors.ts";

const freeFailures = 5;
const windowMs = 15 * 60_000;
const firstDelayMs = 1_000;
const mostDelayMs = 5 * 60_000;

export interface AddressBrakeOptions {
  readonly clock: Clock;
  /** Most addresses remembered, default 10,000. */
  readonly maxAddresses?: number;
}

interface Failures {
  /** Times of the latest, at most freeFailures of them. */
  readonly times: number[];
  delayMs: number;
  /** When the next attempt may be made. */
  until: number;
}

export class AddressBrake {
  readonly #clock: Clock;
  readonly #maxAddresses: number;
  /** In order of the latest failure. */
  readonly #failures = new Map<string, Failures>();

  constructor({ clock, maxAddresses = 10_000 }: AddressBrakeOptions) {
    this.#clock = clock;
    this.#maxAddresses = maxAddresses;
  }

  /** How many addresses are remembered. */
  get size(): number {
    return this.#failures.size;
  }

  /** @param network of networkOf @throws TaishiError rate-limited while the network must wait */
  check(network: string): void {
    const failures = this.#failures.get(network);
    if (failures === undefined) return;
    const now = this.#clock.now();
    // A clock that was set back must not keep anyone waiting longer than was meant.
    failures.until = Math.min(failures.until, now + failures.delayMs);
    if (now < failures.until)
      throw new TaishiError("rate-limited", "Too many wrong passwords came from this address", {
        retryAfter: Math.ceil((failures.until - now) / 1_000),
      });
  }

  failed(network: string): void {
    const now = this.#clock.now();
    const known = this.#failures.get(network);
    const failures = known === undefined || isForgotten(known, now) ? { times: [], delayMs: 0, until: 0 } : known;
    failures.times.push(now);
    if (failures.times.length > freeFailures) failures.times.shift();
    if (failures.delayMs > 0) failures.delayMs = Math.min(failures.delayMs * 2, mostDelayMs);
    else if (failures.times.length === freeFailures && now - failures.times[0]! < windowMs)
      failures.delayMs = firstDelayMs;
    failures.until = now + failures.delayMs;
    this.#failures.delete(network);
    this.#failures.set(network, failures);
    for (const [each, old] of this.#failures) {
      if (this.#failures.size <= this.#maxAddresses && !isForgotten(old, now)) break;
      this.#failures.delete(each);
    }
  }
}

function isForgotten({ times }: Failures, now: number): boolean {
  return now - times.at(-1)! >= windowMs;
}

/** What of an address counts: an IPv4 address, an IPv6 /64; what is neither, as it is, cut. */
export function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return address.slice(0, 64);
  const parsed = ipaddr.process(address);
  if (parsed.kind() === "ipv4") return parsed.toString();
  return Buffer.from(parsed.toByteArray().slice(0, 8)).toString("hex");
}
