// The service's numbers for Prometheus, in a registry of its own. Labels are routes, methods and statuses; never an
// account, a key or an address (I7).
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

/** A number that is read when the metrics are. */
export interface MetricsSource {
  /** With its unit, e.g. "taishi_checkpoint_age_seconds". */
  readonly name: string;
  readonly help: string;
  /** Whether it only grows while the process lives. */
  readonly counts?: boolean;
  /** Names of labels, where there are several values. */
  readonly labels?: readonly string[];
  /** undefined: there is no value now, and the metric is left out. */
  read(): number | undefined | readonly LabelledValue[];
}

export interface LabelledValue {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export class Metrics {
  readonly #registry = new Registry();
  readonly #durations: Histogram<"method" | "route" | "status">;
  readonly #events: Counter;
  readonly #bytes: Counter;

  constructor(sources: readonly MetricsSource[]) {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    this.#durations = new Histogram({
      name: "taishi_http_request_duration_seconds",
      help: "Time from a request's headers to the end of its answer.",
      labelNames: ["method", "route", "status"],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    });
    this.#events = new Counter({
      name: "taishi_appended_events_total",
      help: "Events acknowledged through the own API, repetitions not counted.",
      registers,
    });
    this.#bytes = new Counter({
      name: "taishi_appended_bytes_total",
      help: "Bytes of acknowledged appends through the own API, after decompression.",
      registers,
    });
    for (const source of sources) addSource(source, registers);
  }

  /** @param route the pattern, not the path, so that labels stay few */
  request(method: string, route: string, status: number, seconds: number): void {
    this.#durations.observe({ method, route, status: String(status) }, seconds);
  }

  appended(events: number, bytes: number): void {
    this.#events.inc(events);
    this.#bytes.inc(bytes);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  close(): void {
    this.#registry.clear();
  }
}

function addSource({ name, help, counts = false, labels = [], read }: MetricsSource, registers: Registry[]): void {
  const values = (): readonly LabelledValue[] => {
    const value = read();
    if (value === undefined) return [];
    return typeof value === "number" ? [{ labels: {}, value }] : value;
  };
  const options = { name, help, registers, labelNames: labels };
  if (counts)
    new Counter({
      ...options,
      collect() {
        this.reset();
        for (const one of values()) this.inc(one.labels, one.value);
      },
    });
  else
    new Gauge({
      ...options,
      collect() {
        this.reset();
        const found = values();
        if (found.length === 0) this.remove();
        for (const one of found) this.set(one.labels, one.value);
      },
    });
}
