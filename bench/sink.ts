// What a load client writes to: one batch at a time per connection, each acknowledged when it is durable.
import { eventAt } from "./workload.ts";

export interface Connection {
  /** Resolves when the batch is durable. @throws Error where it was refused */
  send(body: Buffer): Promise<void>;
  close(): Promise<void>;
}

export interface Sink {
  /** The body that carries events first … first + count − 1; made before the clock starts. */
  bodyOf(first: number, count: number): Buffer;
  connect(): Promise<Connection>;
}

/** Texts of consecutive events, for bodies. */
export function eventTexts(first: number, count: number): string[] {
  return Array.from({ length: count }, (_, i) => JSON.stringify(eventAt(first + i)));
}
