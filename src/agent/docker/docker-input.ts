// The event stream of a Docker engine: records are its JSON objects as they came. The engine remembers only its last events
// (256 of all kinds, none over its own restart), and does not wait for slow readers: what it can tell no more is lost, and
// that some may be is told. Docker Engine API, GET /events.
import http, { type IncomingMessage } from "node:http";
import https from "node:https";
import type { Clock } from "../../clock.ts";
import { Backoff } from "../backoff.ts";
import { textIn } from "../certificate-files.ts";
import type { Batch, Input, InputState } from "../input.ts";
import { type Numbered, numberingOf, placed } from "../numbering.ts";
import type { Arrival } from "../received.ts";
import { Troubles } from "../troubles.ts";
import { type DockerOptions, type Engine, engineOf, eventsPath } from "./docker-options.ts";
import { EngineError, ObjectSplitter } from "./object-splitter.ts";
import { type Seen, SeenEvents, timeOf } from "./seen-events.ts";

type HandOver = (batch: Batch) => Promise<void>;

const lane = "docker";
const connectMs = 15_000;
/** The engine tells what it remembers at once; after this long nothing of it is still to come. */
const replayMs = 5_000;
/** The engine's buffer for a reader is worth some seconds. */
const slowMs = 10_000;
const forgotten =
  "events may be missing: the engine has forgotten the last ones read, by a restart or because too many came since";
const slow = "events may be missing: storing them took longer than the engine waits for a reader";

export class DockerInput implements Input {
  readonly #options: DockerOptions;
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #troubles: Troubles;
  #connected = false;
  #failure: string | null = null;

  /** @throws TaishiError invalid-parameter */
  constructor(options: DockerOptions, clock: Clock) {
    this.#options = options;
    this.#engine = engineOf(options);
    this.#clock = clock;
    this.#troubles = new Troubles(clock);
  }

  get state(): InputState {
    const problems = [this.#failure, this.#troubles.text].filter((text) => text !== null);
    return {
      text: `${this.#connected ? "following" : "not connected to"} the engine at ${this.#options.socket}`,
      behind: null,
      problem: problems.length === 0 ? null : problems.join("; "),
    };
  }

  async run(handOver: HandOver, resume: unknown, signal: AbortSignal): Promise<void> {
    const kept = resume as (Numbered & Seen) | undefined;
    const seen = new SeenEvents(kept);
    const place = { last: numberingOf(kept) };
    if (kept === undefined && this.#options.from === "now") {
      seen.beginAt(BigInt(this.#clock.now()) * 1_000_000n);
      await handOver({ lane, stream: place.last.stream, records: [], resume: { ...place.last, ...seen.kept } });
    }
    const backoff = new Backoff();
    while (!signal.aborted) {
      try {
        const response = await this.#connect(eventsPath(this.#options, seen.reconnect()), signal);
        backoff.wentWell();
        this.#failure = null;
        this.#connected = true;
        await this.#read(response, seen, place, handOver, signal);
        this.#failure = "the engine ended the stream";
      } catch (thrown) {
        // Of handOver's making: not ours to try again.
        if (!(thrown instanceof EngineError)) throw thrown;
        this.#failure = thrown.message;
      } finally {
        this.#connected = false;
      }
      await backoff.wait(signal);
    }
  }

  #connect(path: string, signal: AbortSignal): Promise<IncomingMessage> {
    const engine = this.#engine;
    const { socket, ca, cert, key } = this.#options;
    const failed = (thrown: Error): EngineError => new EngineError(`the engine at ${socket}: ${thrown.message}`);
    return new Promise((resolve, reject) => {
      const common = { path, signal, headers: { Host: "docker" }, agent: false } as const;
      const request =
        "path" in engine
          ? http.request({ ...common, socketPath: engine.path })
          : https.request({ ...common, ...engine, ca: textIn(ca!), cert: textIn(cert!), key: textIn(key!) });
      const timer = setTimeout(() => request.destroy(new Error("no connection in time")), connectMs);
      request.once("socket", (connection) => {
        connection.setKeepAlive(true, 60_000);
        connection.once("path" in engine ? "connect" : "secureConnect", () => clearTimeout(timer));
      });
      request.once("close", () => clearTimeout(timer));
      request.on("error", (thrown) => reject(failed(thrown)));
      request.once("response", (response) => {
        if (response.statusCode === 200) return resolve(response);
        response.destroy();
        reject(failed(new Error(`it answered with status ${response.statusCode}`)));
      });
      request.end();
    });
  }

  async #read(
    response: IncomingMessage,
    seen: SeenEvents,
    place: { last: Numbered },
    handOver: HandOver,
    signal: AbortSignal,
  ): Promise<void> {
    const splitter = new ObjectSplitter();
    const judge = (): void => {
      if (seen.awaits) this.#troubles.meet(forgotten);
      clearTimeout(judging);
    };
    const judging = setTimeout(judge, replayMs);
    let wasJudged = false;
    try {
      for await (const piece of fromEngine(response)) {
        const events: Arrival[] = [];
        for (const event of splitter.take(piece, this.#clock.now())) {
          const { text } = event.record;
          const time = timeOf(text);
          if (seen.isKnown(text, time)) continue;
          seen.add(text, time);
          events.push(event);
        }
        if (events.length > 0 && !wasJudged) {
          wasJudged = true;
          judge();
        }
        // One batch: what is seen of it is kept with it.
        if (events.length > 0 && !signal.aborted) await this.#handOver(events, seen, place, handOver);
      }
    } finally {
      clearTimeout(judging);
    }
  }

  async #handOver(
    events: readonly Arrival[],
    seen: SeenEvents,
    place: { last: Numbered },
    handOver: HandOver,
  ): Promise<void> {
    const { records, after } = placed(events, place.last);
    const began = this.#clock.now();
    await handOver({ lane, stream: after.stream, records, resume: { ...after, ...seen.kept } });
    if (this.#clock.now() - began > slowMs) this.#troubles.meet(slow);
    place.last = after;
  }
}

async function* fromEngine(response: IncomingMessage): AsyncGenerator<Buffer> {
  const pieces = response[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  try {
    for (;;) {
      const next = await pieces.next().catch((thrown: Error) => {
        throw new EngineError(`the connection to the engine broke: ${thrown.message}`);
      });
      if (next.done) return;
      yield next.value;
    }
  } finally {
    response.destroy();
  }
}
