// What a page asks of the service: loading, an error with what to do, or the answer.
import { Alert, Button, Skeleton } from "antd";
import { type ReactNode, useCallback, useEffect, useState } from "react";
import { ApiError } from "../api.ts";
import { useWords } from "../settings.tsx";

export type Asked<Answer> =
  | { readonly state: "loading" }
  | { readonly state: "failed"; readonly error: Error }
  | { readonly state: "there"; readonly answer: Answer };

/** Asks again whenever `key` changes; an answer that is no longer wanted is thrown away. */
export function useAsked<Answer>(
  key: string,
  load: (signal: AbortSignal) => Promise<Answer>,
): { readonly asked: Asked<Answer>; readonly again: () => void } {
  const [asked, setAsked] = useState<Asked<Answer>>({ state: "loading" });
  const [turn, setTurn] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key says when what is asked for is another thing
  useEffect(() => {
    const stop = new AbortController();
    load(stop.signal).then(
      (answer) => {
        if (!stop.signal.aborted) setAsked({ state: "there", answer });
      },
      (thrown: Error) => {
        if (!stop.signal.aborted) setAsked({ state: "failed", error: thrown });
      },
    );
    return () => stop.abort();
  }, [key, turn]);
  return { asked, again: useCallback(() => setTurn((n) => n + 1), []) };
}

export function Shown<Answer>({
  asked,
  again,
  children,
}: {
  readonly asked: Asked<Answer>;
  readonly again: () => void;
  readonly children: (answer: Answer) => ReactNode;
}) {
  const words = useWords();
  if (asked.state === "loading") return <Skeleton active />;
  if (asked.state === "there") return children(asked.answer);
  const { error } = asked;
  const title = error instanceof ApiError && error.status === 403 ? words.notAllowed : words.failed;
  return (
    <Alert
      type="error"
      showIcon
      title={title}
      description={error.message}
      action={<Button onClick={again}>{words.retry}</Button>}
    />
  );
}
