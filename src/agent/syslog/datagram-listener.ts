// Syslog over UDP, RFC 5426. UDP has no way to make a sender wait: what nobody reads in time is lost, in the kernel or
// here, and is counted and told.
import dgram, { type Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import type { Clock } from "../../clock.ts";
import type { Intake } from "../intake.ts";
import type { HostPort } from "../listen-address.ts";
import type { Troubles } from "../troubles.ts";
import { datagram } from "./framing.ts";
import { kernelDrops } from "./kernel-drops.ts";
import { costOf, laneOf } from "./stream-listener.ts";

export interface DatagramListenerOptions {
  readonly listen: HostPort;
  readonly intake: Intake;
  readonly clock: Clock;
  readonly troubles: Troubles;
}

/** Asked of the kernel, which gives at most net.core.rmem_max. */
const kernelBuffer = 8 * 1024 * 1024;
const lookEveryMs = 5_000;

export class DatagramListener {
  readonly #options: DatagramListenerOptions;
  readonly #socket: Socket;
  #timer: NodeJS.Timeout | undefined;
  #kernelDrops = 0;
  #lost = 0;

  constructor(options: DatagramListenerOptions) {
    this.#options = options;
    this.#socket = dgram.createSocket({ type: isIPv6(options.listen.host) ? "udp6" : "udp4" });
  }

  readonly connections = 0;

  get port(): number | undefined {
    return this.#socket.address().port;
  }

  /** Datagrams that are known to be lost since it was opened. */
  get lost(): number {
    return this.#lost + this.#kernelDrops;
  }

  /** @throws Error where it cannot listen */
  async open(failed: (error: Error) => void): Promise<void> {
    const { listen, intake, clock, troubles } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#socket.once("error", reject);
      this.#socket.bind(listen.port, listen.host, () => {
        this.#socket.off("error", reject);
        resolve();
      });
    });
    try {
      this.#socket.setRecvBufferSize(kernelBuffer);
    } catch {
      // A system that gives no larger buffer has the one it gives.
    }
    this.#socket.on("error", failed);
    this.#socket.on("message", (bytes, { address }) => {
      const arrival = datagram(bytes, clock.now());
      if (arrival === undefined) return;
      if (intake.isFull) {
        this.#lost++;
        troubles.meet("a datagram was lost: records come faster than they are stored");
        return;
      }
      intake.put({ lane: laneOf(address), arrivals: [arrival], bytes: costOf([arrival]) });
    });
    this.#timer = setInterval(() => this.#look(), lookEveryMs);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#socket.close();
  }

  #look(): void {
    const drops = kernelDrops(this.port!) ?? 0;
    if (drops > this.#kernelDrops)
      this.#options.troubles.meet("a datagram was lost in the kernel", drops - this.#kernelDrops);
    this.#kernelDrops = drops;
  }
}
