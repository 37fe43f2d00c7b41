// Records that syslog senders push, over UDP, TCP, TLS or a Unix stream socket: each message as it was received, its
// priority included. A lane is a sender's address. Syslog has no acknowledgement: what a sender handed to its kernel when
// this process was killed is lost, and what was read here before a clean stop is still handed over.
import type { Clock } from "../../clock.ts";
import { TaishiError } from "../../errors.ts";
import { CertificateFiles } from "../certificate-files.ts";
import type { Batch, Input, InputState } from "../input.ts";
import { Intake } from "../intake.ts";
import { Troubles } from "../troubles.ts";
import { DatagramListener } from "./datagram-listener.ts";
import { StreamListener } from "./stream-listener.ts";
import { type Listen, listenOf, listenText, type SyslogOptions } from "./syslog-options.ts";

/** In memory before senders are to wait. */
const mostBytes = 16 * 1024 * 1024;
const mostLanes = 1_000;
const laneIdleMs = 600_000;

export class SyslogInput implements Input {
  readonly #options: SyslogOptions;
  readonly #listen: Listen;
  readonly #certificate: CertificateFiles | undefined;
  readonly #clock: Clock;
  readonly #troubles: Troubles;
  #listener: StreamListener | DatagramListener | undefined;
  #intake: Intake | undefined;

  /** @throws TaishiError invalid-parameter */
  constructor(options: SyslogOptions, clock: Clock) {
    this.#options = options;
    this.#listen = listenOf(options);
    const { cert, key, "client-ca": clientCa } = options;
    if (cert !== undefined && key !== undefined)
      this.#certificate = new CertificateFiles({ cert, key, ...(clientCa === undefined ? {} : { clientCa }) });
    this.#clock = clock;
    this.#troubles = new Troubles(clock);
  }

  /** The port listened at, where it is a port; undefined while it is not listening. */
  get port(): number | undefined {
    return this.#listener?.port;
  }

  get state(): InputState {
    const listener = this.#listener;
    const where = listenText(this.#listen);
    const problems = [this.#certificate?.problem ?? null, this.#troubles.text].filter((text) => text !== null);
    let text = `not listening on ${where}`;
    if (listener instanceof StreamListener) text = `listening on ${where}, ${listener.connections} connections`;
    else if (listener !== undefined) text = `listening on ${where}, ${listener.lost} datagrams lost`;
    return {
      text,
      behind: this.#intake?.records ?? 0,
      problem: problems.length === 0 ? null : problems.join("; "),
    };
  }

  async run(handOver: (batch: Batch) => Promise<void>, resume: unknown, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const clock = this.#clock;
    const intake = new Intake({ clock, mostBytes, mostLanes, laneIdleMs });
    const listener = this.#newListener(intake);
    const failure = Promise.withResolvers<never>();
    const stopped = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    try {
      await listener.open(failure.reject);
    } catch (cause) {
      const why = `cannot listen on ${listenText(this.#listen)}: ${(cause as Error).message}`;
      throw new TaishiError("invalid-parameter", why, { field: "listen", cause });
    }
    this.#listener = listener;
    this.#intake = intake;
    const handedOver = intake.run(handOver, resume);
    try {
      await Promise.race([stopped, failure.promise, handedOver]);
    } finally {
      this.#listener = undefined;
      await listener.close();
      intake.close();
      await handedOver;
    }
  }

  #newListener(intake: Intake): StreamListener | DatagramListener {
    const listen = this.#listen;
    const common = { intake, clock: this.#clock, troubles: this.#troubles };
    if (listen.transport === "udp") return new DatagramListener({ ...common, listen });
    return new StreamListener({
      ...common,
      listen,
      certificate: this.#certificate,
      mutual: this.#options["client-ca"] !== undefined,
      connections: this.#options.connections,
      messageSize: this.#options["message-size"],
      idleMs: this.#options["idle-timeout"] * 1000,
    });
  }
}
