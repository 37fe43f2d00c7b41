// From the bytes of an append to the batch the writer takes. The hot path: one pass to find the events, then each is
// parsed, checked and encoded once. All of a body or nothing: the first bad event ends it. Touches no network and no
// ledger.
import { isUtf8 } from "node:buffer";
import { hash } from "node:crypto";
import { TaishiError } from "../errors.ts";
import { type Blob, entryHead, type Position, type SourceRecord } from "../event/entry.ts";
import type { Event } from "../event/event.ts";
import { readEvent, readOrigin, refuseLoneSurrogates } from "../event/read.ts";
import { FactList } from "../event/stream.ts";
import { type AppendBatch, type BatchPositions, isFollowed } from "../ledger/port.ts";
import { visitEvents, visitLines } from "./json-items.ts";

export type BodyFormat = "json" | "ndjson";

export interface BatchOptions {
  readonly account: string;
  readonly format: BodyFormat;
  readonly maxEvents: number;
  /** What makes a repetition of this append the same append (I8). */
  readonly idempotencyKey?: string;
}

/**
 * The batch that a body describes.
 * @param body after decompression; a UTF-8 byte order mark at its start is skipped
 * @throws TaishiError malformed-body | invalid-parameter | missing-parameter | too-large, with `index` and `field`
 *   where one event is at fault
 */
export function readBatch(body: Uint8Array, options: BatchOptions): AppendBatch {
  if (!isUtf8(body)) throw new TaishiError("malformed-body", "the body is not valid UTF-8");
  const hasMark = body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf;
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).subarray(hasMark ? 3 : 0);

  const heads = new HeadBuffer(text.length);
  let facts = new FactList();
  let blobs: Blob[] = [];
  let followed: Event[] = [];
  let positions: Position[] = [];
  const visit = (start: number, end: number, surrogates: boolean): void => {
    const index = facts.length;
    if (index >= options.maxEvents)
      throw new TaishiError("too-large", `more than ${options.maxEvents} events`, { field: "events" });
    const sent = parse(text.toString("utf8", start, end), index);
    const event = readEvent(sent, index);
    const origin = readOrigin(sent, index);
    if (surrogates) refuseLoneSurrogates(origin === undefined ? event : { ...event, ...origin }, index);
    const { position } = origin ?? {};
    if ((position === undefined) !== (positions.length === 0) && index > 0)
      throw new TaishiError("invalid-parameter", `events[${index}].position: all events of a batch have one, or none`, {
        field: "position",
        index,
      });
    if (position !== undefined) positions.push(position);
    const entry = encode(event, origin, index);
    heads.add(entry.head);
    if (entry.blobs.length > 0) blobs.push(...entry.blobs);
    if (isFollowed(event)) followed[index] = event;
    // Any other event is let go: what does not outlive its turn costs the collector nothing.
    facts.add(event);
  };
  if (options.format === "ndjson") visitLines(text, visit);
  else
    visitEvents(text, visit, () => {
      heads.clear();
      facts = new FactList();
      blobs = [];
      followed = [];
      positions = [];
    });
  if (facts.length === 0)
    throw new TaishiError("invalid-parameter", "an append needs at least one event", { field: "events" });

  const batch = {
    account: options.account,
    ...heads.finish(),
    blobs,
    facts: facts.finish(),
    ...(followed.length === 0 ? {} : { followed }),
  };
  // A position says of each event what a key says of a body, and for longer.
  if (positions.length > 0) return { ...batch, positions: packPositions(positions) };
  if (options.idempotencyKey === undefined) return batch;
  return { ...batch, idempotency: { key: options.idempotencyKey, digest: hash("sha256", body, "hex") } };
}

function packPositions(positions: readonly Position[]): BatchPositions {
  const places = new Map<string, number>();
  const streams: { source: string; stream: string }[] = [];
  const of = Uint32Array.from(positions, ({ source, stream }) => {
    const key = JSON.stringify([source, stream]);
    const known = places.get(key);
    if (known !== undefined) return known;
    places.set(key, streams.length);
    return streams.push({ source, stream }) - 1;
  });
  return { streams, of, offsets: Float64Array.from(positions, ({ offset }) => offset) };
}

function parse(text: string, index: number): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The engine's message quotes the text, which is not ours to repeat.
    throw new TaishiError("malformed-body", `events[${index}] is not JSON`, { index });
  }
}

function encode(event: Event, origin: SourceRecord | undefined, index: number): ReturnType<typeof entryHead> {
  try {
    return entryHead(event, origin);
  } catch (thrown) {
    if (!(thrown instanceof TaishiError)) throw thrown;
    throw new TaishiError(thrown.code, `events[${index}]: ${thrown.message}`, { ...thrown.details, index });
  }
}

/** Heads end to end in one buffer of its own, which may be handed to another thread as it is. */
class HeadBuffer {
  #bytes: Buffer;
  #size = 0;
  #ends: number[] = [];

  constructor(expected: number) {
    this.#bytes = Buffer.allocUnsafeSlow(Math.max(1024, expected + (expected >> 3)));
  }

  add(head: string): void {
    // A UTF-16 unit is at most three bytes of UTF-8; measured only where that might not fit.
    if (this.#size + head.length * 3 > this.#bytes.length) {
      const needed = this.#size + Buffer.byteLength(head);
      if (needed > this.#bytes.length) {
        const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
        this.#bytes.copy(larger, 0, 0, this.#size);
        this.#bytes = larger;
      }
    }
    this.#size += this.#bytes.write(head, this.#size, "utf8");
    this.#ends.push(this.#size);
  }

  clear(): void {
    this.#size = 0;
    this.#ends = [];
  }

  finish(): { heads: Uint8Array; ends: Uint32Array } {
    return { heads: this.#bytes.subarray(0, this.#size), ends: Uint32Array.from(this.#ends) };
  }
}
