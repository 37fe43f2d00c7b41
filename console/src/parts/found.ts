// What a question finds: a page of the list with its exact total, or a search that reads a bounded number of events at a time and
// goes on from where it stopped, adding to what it has found.
import { useEffect, useRef, useState } from "react";
import { ask, type EventPage, type StoredEvent } from "../api.ts";
import type { Asked } from "./asked.tsx";
import { isSearch, type Parameters } from "./filter.ts";

export interface Found {
  readonly events: readonly StoredEvent[];
  /** Exact; null for a search that has not looked at everything. */
  readonly total: number | null;
  /** Entries of the log that the first answer covers. */
  readonly size: number;
  /** Undefined where it is no search. */
  readonly searched:
    | { readonly looked: number; readonly to: string | undefined; readonly next: string | null }
    | undefined;
}

export interface Question {
  readonly parameters: Parameters;
  readonly order: "asc" | "desc";
  readonly limit: number;
  readonly page: number;
}

export interface Finding {
  readonly asked: Asked<Found>;
  readonly busy: boolean;
  /** Whether it is going on with a search, which can be stopped. */
  readonly goingOn: boolean;
  again(): void;
  /** Goes on with a search until it has found another page, or looked at everything, or is stopped. */
  further(): void;
  stop(): void;
}

export function useFound(question: Question): Finding {
  const key = JSON.stringify(question);
  const [asked, setAsked] = useState<Asked<Found>>({ state: "loading" });
  const [busy, setBusy] = useState(true);
  const [goingOn, setGoingOn] = useState(false);
  const [turn, setTurn] = useState(0);
  const going = useRef<AbortController>(undefined);

  // biome-ignore lint/correctness/useExhaustiveDependencies: another turn asks the same again
  useEffect(() => {
    const { parameters, order, limit, page } = JSON.parse(key) as Question;
    const search = isSearch(parameters);
    const stop = new AbortController();
    going.current?.abort();
    going.current = undefined;
    setBusy(true);
    setGoingOn(false);
    ask<EventPage>("/api/v1/events", {
      query: { ...parameters, order, limit, ...(search ? {} : { page }) },
      signal: stop.signal,
    }).then(
      (answer) => {
        if (stop.signal.aborted) return;
        setAsked({ state: "there", answer: foundOf(answer, search) });
        setBusy(false);
      },
      (error: Error) => {
        if (stop.signal.aborted) return;
        setAsked({ state: "failed", error });
        setBusy(false);
      },
    );
    return () => {
      stop.abort();
      going.current?.abort();
    };
  }, [key, turn]);

  const further = async () => {
    if (asked.state !== "there") return;
    const stop = new AbortController();
    going.current = stop;
    setBusy(true);
    setGoingOn(true);
    const { parameters, order, limit } = question;
    let found = asked.answer;
    const wanted = found.events.length + limit;
    try {
      while (found.searched !== undefined && found.searched.next !== null && found.events.length < wanted) {
        const cursor = found.searched.next;
        const answer = await ask<EventPage>("/api/v1/events", {
          query: { ...parameters, order, limit, cursor },
          signal: stop.signal,
        });
        found = together(found, foundOf(answer, true));
        if (stop.signal.aborted) return;
        setAsked({ state: "there", answer: found });
      }
    } catch (thrown) {
      if (!stop.signal.aborted) setAsked({ state: "failed", error: thrown as Error });
    } finally {
      // Stopped by the reader it is over; by another question, that one is under way.
      if (going.current === stop) {
        going.current = undefined;
        setBusy(false);
        setGoingOn(false);
      }
    }
  };

  return {
    asked,
    busy,
    goingOn,
    again: () => setTurn((n) => n + 1),
    further: () => void further(),
    stop: () => going.current?.abort(),
  };
}

function foundOf({ events, total, size, scannedTo, scanned, next }: EventPage, search: boolean): Found {
  return {
    events,
    total,
    size,
    searched: search ? { looked: scanned ?? 0, to: scannedTo?.time, next } : undefined,
  };
}

function together(before: Found, more: Found): Found {
  const events = [...before.events, ...more.events];
  const { next = null, to, looked = 0 } = more.searched ?? {};
  return {
    events,
    // Where nothing is left to look at, what was found is all there is.
    total: next === null ? events.length : null,
    size: before.size,
    searched: { next, to, looked: looked + (before.searched?.looked ?? 0) },
  };
}
