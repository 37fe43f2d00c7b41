// How the live tail is: watching, paused, lost and when it tries again.
import { Alert, Button, Flex } from "antd";
import { useWords } from "../settings.tsx";
import { mostFresh, type Tail } from "./tail.ts";

export function LiveStrip({
  tail,
  rangeIsPast,
  onReload,
  onStop,
}: {
  readonly tail: Tail;
  readonly rangeIsPast: boolean;
  readonly onReload: () => void;
  readonly onStop: () => void;
}) {
  const said = useWords().explorerPage;
  const { state, count, waiting } = tail;
  const title =
    state.at === "connecting"
      ? said.connecting
      : state.at === "ended"
        ? said.ended
        : state.at === "refused"
          ? state.why
          : state.at === "lost"
            ? said.lost(state.seconds)
            : waiting === undefined
              ? said.watching
              : said.waiting(waiting.toLocaleString());
  const type = state.at === "lost" ? "warning" : state.at === "ended" || state.at === "refused" ? "error" : "info";
  const more = [
    count > 0 ? said.fresh(count.toLocaleString()) : "",
    count > mostFresh ? said.newest(mostFresh.toLocaleString()) : "",
    rangeIsPast ? said.rangeIsPast : "",
  ].filter((text) => text !== "");
  return (
    <Alert
      data-testid="live"
      data-state={state.at}
      role="status"
      type={type}
      showIcon
      title={[title, ...more].join(" · ")}
      action={
        <Flex gap={6} wrap>
          {state.at === "watching" && (
            <Button size="small" onClick={() => tail.pause(waiting === undefined)}>
              {waiting === undefined ? said.pause : said.goOn}
            </Button>
          )}
          {count > 0 && (
            <Button size="small" onClick={onReload}>
              {said.reload}
            </Button>
          )}
          <Button size="small" onClick={onStop}>
            {said.liveOff}
          </Button>
        </Flex>
      }
    />
  );
}
