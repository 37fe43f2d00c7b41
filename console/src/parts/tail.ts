// Follows what is appended (GET /api/v1/tail, Server-Sent Events). By fetch instead of EventSource, which gives up at any answer but
// 200 and does not tell the number of a heartbeat: here a connection that is lost is opened again behind the last number heard.
import { useEffect, useRef, useState } from "react";
import { ApiError, addressOf, askRaw, type StoredEvent } from "../api.ts";
import type { Parameters } from "./filter.ts";

export type TailState =
  | { readonly at: "connecting" | "watching" | "ended" }
  | { readonly at: "lost"; readonly seconds: number }
  | { readonly at: "refused"; readonly why: string };

interface Told {
  events(events: readonly StoredEvent[]): void;
  state(state: TailState): void;
}

/** A heartbeat comes every 15 s: when three are missing nobody is there any more. */
const silentMs = 45_000;
const waits = [1, 2, 4, 8, 15, 30];

/** Until the signal; `after` is the number of the last event that is known. */
export async function follow(parameters: Parameters, after: number, told: Told, signal: AbortSignal): Promise<void> {
  let last = String(after);
  for (let failures = 0; !signal.aborted; ) {
    const silence = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const heard = () => {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), silentMs);
    };
    try {
      heard();
      const response = await askRaw(addressOf("/api/v1/tail", { ...parameters, after: last }), {
        signal: AbortSignal.any([signal, silence.signal]),
      });
      told.state({ at: "watching" });
      for await (const { events, id, ended } of messages(response.body!)) {
        heard();
        failures = 0;
        if (ended) return told.state({ at: "ended" });
        if (id !== undefined) last = id;
        if (events.length > 0) told.events(events);
      }
    } catch (thrown) {
      if (signal.aborted) return;
      if (thrown instanceof ApiError && thrown.status < 500 && thrown.status !== 429)
        return told.state(thrown.status === 401 ? { at: "ended" } : { at: "refused", why: thrown.message });
    } finally {
      clearTimeout(timer);
    }
    const seconds = waits[Math.min(failures++, waits.length - 1)]!;
    for (let left = seconds; left > 0 && !signal.aborted; left--) {
      told.state({ at: "lost", seconds: left });
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
  }
}

interface Heard {
  readonly events: readonly StoredEvent[];
  /** The last number of this piece. */
  readonly id: string | undefined;
  readonly ended: boolean;
}

/** What whole messages each piece of the stream brings (WHATWG HTML §9.2, as far as the service uses it). */
async function* messages(body: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<Heard> {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (let rest = ""; ; ) {
      const { done, value } = await reader.read();
      if (done) return;
      const parts = (rest + value).split("\n\n");
      rest = parts.pop()!;
      const events: StoredEvent[] = [];
      let id: string | undefined;
      let ended = false;
      for (const part of parts) {
        const lines = new Map(
          part.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]),
        );
        id = lines.get("id") ?? id;
        if (lines.get("event") === "end") ended = true;
        else if (lines.has("data")) events.push(JSON.parse(lines.get("data")!) as StoredEvent);
      }
      yield { events, id, ended };
    }
  } finally {
    void reader.cancel().catch(() => {});
  }
}

/** Rows that a page can bear. */
export const mostFresh = 500;

export interface Tail {
  readonly state: TailState;
  /** Newest first, at most `mostFresh`. */
  readonly fresh: readonly StoredEvent[];
  /** All that came, shown or not. */
  readonly count: number;
  /** How many came since it was paused; undefined while it is not. */
  readonly waiting: number | undefined;
  pause(on: boolean): void;
}

/** @param after undefined: not now */
export function useTail(parameters: Parameters, after: number | undefined): Tail {
  const [state, setState] = useState<TailState>({ at: "connecting" });
  const [shown, setShown] = useState<{ readonly fresh: readonly StoredEvent[]; readonly count: number }>(nothing);
  const [paused, setPaused] = useState(false);
  const [arrived, setArrived] = useState(0);
  const held = useRef<{ readonly fresh: readonly StoredEvent[]; readonly count: number }>(nothing);
  const stopped = useRef(false);
  stopped.current = paused;
  const key = JSON.stringify(parameters);
  useEffect(() => {
    held.current = nothing;
    setShown(nothing);
    setArrived(0);
    setState({ at: "connecting" });
    if (after === undefined) return setPaused(false);
    const stop = new AbortController();
    let drawn: ReturnType<typeof setTimeout> | undefined;
    const told: Told = {
      state: (next) => !stop.signal.aborted && setState(next),
      events: (events) => {
        const { fresh, count } = held.current;
        held.current = {
          fresh: [...events.toReversed(), ...fresh].slice(0, mostFresh),
          count: count + events.length,
        };
        // A flood is drawn a few times a second, not at each event.
        drawn ??= setTimeout(() => {
          drawn = undefined;
          if (stop.signal.aborted) return;
          setArrived(held.current.count);
          if (!stopped.current) setShown(held.current);
        }, 150);
      },
    };
    void follow(JSON.parse(key) as Parameters, after, told, stop.signal);
    return () => {
      stop.abort();
      clearTimeout(drawn);
    };
  }, [key, after]);
  return {
    state,
    ...shown,
    waiting: paused ? arrived - shown.count : undefined,
    pause: (on) => {
      setPaused(on);
      if (!on) setShown(held.current);
    },
  };
}

const nothing = { fresh: [], count: 0 } as const;
