// An agent's parts for tests: a source that is easy to foresee, an input that is a list, a service that can be away.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "node:test";
import { Type } from "typebox";
import type { Position } from "../event/entry.ts";
import { createLog } from "../log.ts";
import type { Outcome, Parser, RawRecord, Source } from "../sources/source.ts";
import { Waiting } from "../sources/waiting.ts";
import type { Batch, Input, InputState } from "./input.ts";
import { Pipeline, type PipelineOptions } from "./pipeline.ts";
import type { Delivery, Destination } from "./shipper.ts";
import { Spool } from "./spool.ts";

const directories: string[] = [];

afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

export function temporary(): string {
  const directory = mkdtempSync(join(tmpdir(), "taishi-agent-"));
  directories.push(directory);
  return directory;
}

/**
 * "begin K" and "end K" are one event together, and incomplete after a minute; "crash" makes the parser fail; "noise" is no
 * event; any other text is an event of its own.
 */
export const pairs: Source = {
  name: "pairs",
  version: "1",
  options: Type.Object({}),
  parser: () => new PairsParser(),
};

class PairsParser implements Parser {
  readonly #waiting = new Waiting<string, string>(60_000);

  take(record: RawRecord): readonly Outcome[] {
    const [word = "", key = ""] = record.text.split(" ");
    if (word === "crash") throw new Error("as asked");
    if (word === "noise") return [{ why: "no-event", reason: "noise", records: [record] }];
    if (word === "begin") {
      this.#waiting.add(key, record, () => key);
      return this.expire(record.read);
    }
    const begun = word === "end" ? this.#waiting.release(key) : undefined;
    return [told(record.text, [...(begun?.records ?? []), record]), ...this.expire(record.read)];
  }

  expire(now: number): readonly Outcome[] {
    return this.#waiting.overdue(now).map(({ key, records }) => told(`begin ${key}`, records, "no end"));
  }

  end(): readonly Outcome[] {
    return this.#waiting.all().map(({ key, records }) => told(`begin ${key}`, records, "no end"));
  }

  waiting(): readonly RawRecord[] {
    return this.#waiting.records();
  }
}

function told(text: string, records: readonly RawRecord[], incomplete?: string): Outcome {
  return {
    draft: {
      kind: "security",
      time: 1_790_000_000_000,
      type: "Told",
      contents: [
        { key: "Text", value: text },
        { key: "Tag", value: "Own" },
      ],
    },
    labels: { user: "u" },
    records,
    ...(incomplete === undefined ? {} : { incomplete }),
  };
}

export const grading: PipelineOptions["grading"] = {
  grade: ({ tags }) => ({ risk: "High", tags: ["Rule", ...tags.filter((tag) => tag === "none")], rule: "r-1" }),
  takeChanges: () => new Map(),
};

export const resources: PipelineOptions["resources"] = {
  map: (_, labels) => ({
    resource: { type: "endpoint", id: labels.user ?? "unmapped" },
    mapped: labels.user !== undefined,
  }),
};

export function openSpool(directory: string, limit = 1_000_000): Spool {
  return new Spool(directory, limit);
}

export function pipelineOf(spool: Spool, more: Partial<PipelineOptions> = {}): Pipeline {
  return new Pipeline({
    name: "s",
    positionSource: "node/s",
    host: "node",
    source: pairs,
    options: {},
    ignore: new Set(),
    grading,
    resources,
    spool,
    clock: { now: () => 1_790_000_000_000 },
    log: createLog("silent"),
    ...more,
  });
}

/** A batch of one lane and stream; record i ends at byte 10·(from + i + 1). */
export function batchOf(texts: readonly string[], from = 0, more: Partial<Batch> = {}): Batch {
  const records = texts.map((text, i) => ({ record: { text, read: 1_790_000_000_000 }, offset: 10 * (from + i + 1) }));
  return { lane: "l", stream: "f-1", records, resume: { next: from + texts.length }, ...more };
}

/** Hands over a list, a few records at a time; where it is resumes from is the number of records handed over. */
export function listInput(texts: readonly string[], batch = 7): Input {
  const state: InputState = { text: "a list", behind: 0, problem: null };
  return {
    state,
    async run(handOver, resume, signal) {
      const { next } = (resume as { next: number } | undefined) ?? { next: 0 };
      for (let at = next; at < texts.length && !signal.aborted; at += batch)
        await handOver(batchOf(texts.slice(at, at + batch), at));
    },
  };
}

export interface SentEvent {
  readonly kind: string;
  readonly contents?: readonly { readonly key: string; readonly value: string }[];
  readonly reason?: string;
  readonly risk?: string;
  readonly rule?: string;
  readonly record: { readonly raw?: string; readonly rawBase64?: string; readonly parser: object };
  readonly position: Position;
}

export function eventsOf(body: Uint8Array): readonly SentEvent[] {
  const lines = Buffer.from(body).toString("utf8").trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as SentEvent);
}

/** A service that keeps marks as the real one does, and answers otherwise where `answer` says so. */
export class MemoryService implements Destination {
  readonly events: SentEvent[] = [];
  readonly #marks = new Map<string, number>();
  answer: (events: readonly SentEvent[]) => Delivery | "lose the answer" | undefined = () => undefined;

  async send(body: Uint8Array): Promise<Delivery> {
    await new Promise(setImmediate);
    const events = eventsOf(body);
    const answer = this.answer(events);
    if (answer !== undefined && answer !== "lose the answer") return answer;
    let duplicates = 0;
    for (const event of events) {
      const { source, stream, offset } = event.position;
      const key = JSON.stringify([source, stream]);
      if (offset <= (this.#marks.get(key) ?? -1)) duplicates++;
      else {
        this.#marks.set(key, offset);
        this.events.push(event);
      }
    }
    if (answer === "lose the answer") throw new Error("connection reset");
    return { outcome: "stored", duplicates };
  }

  /** The texts of what came, in order. */
  get texts(): readonly (string | undefined)[] {
    return this.events.map(({ contents, record }) => contents?.find(({ key }) => key === "Text")?.value ?? record.raw);
  }
}
