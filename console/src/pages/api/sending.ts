// A request under way and its answer as it comes: status, headers, time, and as much of the body as can be looked at. What
// streams without end can be stopped, and stops when its page is left.
import { useCallback, useEffect, useRef, useState } from "react";

/** Characters of a body that are shown. */
export const shownOfBody = 100_000;
/** Bytes after which reading ends by itself. */
const readAtMost = 16 * 1024 * 1024;
/** Between two looks at what streams in. */
const lookEveryMs = 150;

export interface Answer {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** At most `shownOfBody` of it. */
  readonly text: string;
  readonly bytes: number;
  /** Until the head was there, and until the end or now. */
  readonly headMs: number;
  readonly ms: number;
  readonly running: boolean;
  /** Whether there is more than is shown. */
  readonly cut: boolean;
  /** Why reading ended before the body did. */
  readonly ended?: "stopped" | "large";
}

export type Sending =
  | { readonly state: "idle" }
  | { readonly state: "asked" }
  | { readonly state: "failed"; readonly why: string }
  | { readonly state: "there"; readonly answer: Answer };

const headersThatMatter = [
  "content-type",
  "content-disposition",
  "retry-after",
  "allow",
  "www-authenticate",
  "x-request-id",
  "x-subject-token",
];

export function useSending(): {
  readonly sending: Sending;
  send(make: (signal: AbortSignal) => Promise<Response>): Promise<void>;
  stop(): void;
} {
  const [sending, setSending] = useState<Sending>({ state: "idle" });
  const under = useRef<AbortController>(undefined);
  useEffect(() => () => under.current?.abort(), []);

  const send = useCallback(async (make: (signal: AbortSignal) => Promise<Response>) => {
    under.current?.abort();
    const stop = new AbortController();
    under.current = stop;
    const show = (state: Sending) => {
      if (under.current === stop) setSending(state);
    };
    show({ state: "asked" });
    const begun = performance.now();
    const since = () => performance.now() - begun;
    try {
      const response = await make(stop.signal);
      const headMs = since();
      let text = "";
      let bytes = 0;
      let looked = 0;
      let ended: Answer["ended"];
      const told = (running: boolean): Sending => ({
        state: "there",
        answer: {
          status: response.status,
          headers: headersThatMatter.flatMap((name) => {
            const value = response.headers.get(name);
            return value === null ? [] : [[name, value] as const];
          }),
          text: text.slice(0, shownOfBody),
          bytes,
          headMs,
          ms: since(),
          running,
          cut: text.length > shownOfBody || ended === "large",
          ...(ended === undefined ? {} : { ended }),
        },
      });
      show(told(true));
      const decoder = new TextDecoder();
      const reader = response.body?.getReader();
      try {
        for (;;) {
          const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
          if (done) break;
          bytes += value.length;
          if (text.length <= shownOfBody) text += decoder.decode(value, { stream: true });
          if (bytes > readAtMost) {
            ended = "large";
            stop.abort();
            break;
          }
          if (since() - looked > lookEveryMs) {
            looked = since();
            show(told(true));
          }
        }
      } catch (thrown) {
        if (!stop.signal.aborted) throw thrown;
        ended = "stopped";
      }
      show(told(false));
    } catch (thrown) {
      show(stop.signal.aborted ? { state: "idle" } : { state: "failed", why: (thrown as Error).message });
    }
  }, []);
  return { sending, send, stop: useCallback(() => under.current?.abort(), []) };
}
