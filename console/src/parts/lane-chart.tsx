// A story as a chart: a lane for each kind of event, time to the right, and a line from each event to the one it was joined to. Each
// event is a button, so that it is reached by keyboard, finger and readers of screens alike; the lines are drawn behind them.
import { theme } from "antd";
import { useEffect, useRef, useState } from "react";
import type { Risk } from "../api.ts";
import { useSettings } from "../settings.tsx";
import { resourceOf } from "./event.tsx";
import { duration, type Lane, type Told } from "./told.ts";

const laneHeight = 46;
const axisHeight = 34;
const margin = 28;
/** Of a mark's button; the dot within it is smaller. */
const reach = 26;
/** A pause that is worth a word. */
const pauseMs = 5 * 60_000;

export interface LaneChartProps {
  readonly events: readonly Told[];
  readonly lanes: readonly Lane[];
  /** Whether distances are times; else every event has the same room. */
  readonly toScale: boolean;
  /** The number of the event that is looked at, and those on the way to it. */
  readonly chosen: number | undefined;
  readonly chain: ReadonlySet<number>;
  readonly onChoose: (seq: number) => void;
  readonly onOpen: (seq: number) => void;
}

export function LaneChart({ events, lanes, toScale, chosen, chain, onChoose, onOpen }: LaneChartProps) {
  const { words, language } = useSettings();
  const said = words.storyPage;
  const { token } = theme.useToken();
  const frame = useRef<HTMLDivElement>(null);
  const [room, setRoom] = useState(0);
  useEffect(() => {
    const resized = new ResizeObserver(([entry]) => setRoom(Math.floor(entry!.contentRect.width)));
    resized.observe(frame.current!);
    return () => resized.disconnect();
  }, []);

  const colors: Readonly<Record<Risk, string>> = {
    Info: token.colorTextTertiary,
    Low: token.blue,
    Medium: token.gold,
    High: token.orange,
    Critical: token.red,
  };
  const times = events.map(({ event }) => Date.parse(event.time));
  const step = toScale ? 0 : Math.max(reach, Math.min(170, (room - 2 * margin) / Math.max(1, events.length - 1)));
  const width = toScale ? room : Math.max(room, 2 * margin + step * (events.length - 1));
  const first = times[0] ?? 0;
  const span = Math.max(1, (times.at(-1) ?? 0) - first);
  const at = events.map(({ event, lane }, i) => ({
    seq: event.seq,
    x: toScale ? margin + ((times[i]! - first) / span) * (width - 2 * margin) : margin + i * step,
    y: axisHeight + lanes.indexOf(lane) * laneHeight + 16,
  }));
  const place = new Map(at.map((point) => [point.seq, point]));
  const height = axisHeight + lanes.length * laneHeight;
  const clock = (time: number): string =>
    new Date(time).toLocaleTimeString(language === "zh" ? "zh-CN" : "en-GB", { hour12: false });
  const day = (time: number): string =>
    new Date(time).toLocaleDateString(language === "zh" ? "zh-CN" : "en-GB", { month: "2-digit", day: "2-digit" });

  // A label of the axis needs about seventy pixels.
  const marks = Math.max(2, Math.min(9, Math.floor(width / 120)));
  const ticks = toScale
    ? Array.from({ length: marks }, (_, i) => ({
        x: margin + (i / (marks - 1)) * (width - 2 * margin),
        time: first + (i / (marks - 1)) * span,
      }))
    : at.flatMap(({ x }, i) => (i % Math.max(1, Math.ceil(72 / step)) === 0 ? [{ x, time: times[i]! }] : []));

  const buttons = useRef(new Map<number, HTMLButtonElement>());
  const move = (to: number | undefined) => {
    const button = to === undefined ? undefined : buttons.current.get(to);
    button?.focus();
    button?.scrollIntoView({ block: "nearest", inline: "nearest" });
  };
  const onKey = (key: string, i: number): boolean => {
    const target: Readonly<Record<string, number | undefined>> = {
      ArrowRight: events[i + 1]?.event.seq,
      ArrowLeft: events[i - 1]?.event.seq,
      ArrowUp: events[i]?.joined?.with,
      ArrowDown: events.find(({ joined }) => joined?.with === events[i]?.event.seq)?.event.seq,
      Home: events[0]?.event.seq,
      End: events.at(-1)?.event.seq,
    };
    if (!(key in target)) return false;
    move(target[key]);
    return true;
  };
  const reached = chosen !== undefined && place.has(chosen) ? chosen : events[0]?.event.seq;

  return (
    <div style={{ display: "flex" }} data-testid="lane-chart">
      <div aria-hidden="true" style={{ flex: "none", paddingTop: axisHeight, paddingInlineEnd: 8 }}>
        {lanes.map((lane) => (
          <div key={lane} style={{ height: laneHeight, paddingTop: 5, boxSizing: "border-box", whiteSpace: "nowrap" }}>
            {said.lanes[lane]}
          </div>
        ))}
      </div>
      <div ref={frame} style={{ flex: 1, minWidth: 0, overflowX: "auto", overflowY: "hidden" }}>
        {/* biome-ignore lint/a11y/useSemanticElements: a fieldset is for forms */}
        <div role="group" aria-label={said.chart} style={{ position: "relative", width, height }}>
          <svg width={width} height={height} aria-hidden="true" style={{ position: "absolute", inset: 0 }}>
            {lanes.map((lane, i) => (
              <rect
                key={lane}
                x={0}
                y={axisHeight + i * laneHeight}
                width={width}
                height={laneHeight}
                fill={i % 2 === 0 ? token.colorFillQuaternary : "transparent"}
              />
            ))}
            {ticks.map(({ x, time }, i) => (
              <g key={x} fill={token.colorTextSecondary} fontSize={11} textAnchor={i === 0 ? "start" : "middle"}>
                {(i === 0 || day(time) !== day(ticks[i - 1]!.time)) && (
                  <text x={i === 0 ? 2 : x} y={12}>
                    {day(time)}
                  </text>
                )}
                <text x={i === 0 ? 2 : x} y={27}>
                  <title>{`${words.utc}: ${new Date(time).toISOString()}`}</title>
                  {clock(time)}
                </text>
              </g>
            ))}
            {!toScale &&
              at.slice(1).map(({ seq, x }, i) => {
                const pause = times[i + 1]! - times[i]!;
                if (pause < pauseMs || step < 60) return null;
                return (
                  <g key={seq}>
                    <line
                      x1={x - step / 2}
                      x2={x - step / 2}
                      y1={axisHeight}
                      y2={height}
                      stroke={token.colorBorder}
                      strokeDasharray="3 4"
                    />
                    <text
                      x={x - step / 2}
                      y={12}
                      fontSize={11}
                      textAnchor="middle"
                      fill={token.colorTextTertiary}
                    >{`+${duration(pause, language)}`}</text>
                  </g>
                );
              })}
            {/* What was asked about is one thread by itself. */}
            <path
              d={at
                .filter((_, i) => events[i]!.joined === null)
                .map((to, i, asked) => (i === 0 ? `M${to.x} ${to.y}` : curve(asked[i - 1]!, to)))
                .join(" ")}
              fill="none"
              stroke={token.colorPrimary}
              strokeWidth={1.2}
              strokeDasharray="2 5"
            />
            {/* Those that are looked at lie on top. */}
            {events
              .filter(({ joined }) => joined !== null && place.has(joined.with))
              .map(({ event, joined }) => ({ seq: event.seq, with: joined!.with, lit: chain.has(event.seq) }))
              .sort((a, b) => Number(a.lit) - Number(b.lit))
              .map(({ seq, with: other, lit }) => {
                const from = place.get(other)!;
                const to = place.get(seq)!;
                return (
                  <path
                    key={seq}
                    d={`M${from.x} ${from.y} ${curve(from, to)}`}
                    fill="none"
                    stroke={lit ? token.colorPrimary : token.colorBorder}
                    strokeWidth={lit ? 2.5 : 1.2}
                  />
                );
              })}
          </svg>
          {events.map(({ event, lane, joined }, i) => {
            const { x, y } = at[i]!;
            const name = event.type ?? event.name ?? event.kind;
            const lit = chain.has(event.seq);
            const letters = Math.floor((step - 8) / 6.5);
            return (
              <button
                key={event.seq}
                ref={(button) => {
                  if (button === null) buttons.current.delete(event.seq);
                  else buttons.current.set(event.seq, button);
                }}
                type="button"
                data-seq={event.seq}
                className="mark"
                tabIndex={event.seq === reached ? 0 : -1}
                aria-current={event.seq === chosen}
                aria-label={`${clock(times[i]!)} ${said.lanes[lane]}: ${name} ${resourceOf(event)}`}
                style={{ left: x - reach / 2, top: y - reach / 2, width: reach, height: reach }}
                onMouseEnter={() => onChoose(event.seq)}
                onFocus={() => onChoose(event.seq)}
                onClick={() => onOpen(event.seq)}
                onKeyDown={(pressed) => {
                  if (onKey(pressed.key, i)) pressed.preventDefault();
                }}
              >
                <span
                  style={{
                    display: "block",
                    width: 12,
                    height: 12,
                    margin: "auto",
                    borderRadius: joined === null ? 2 : 6,
                    background: colors[event.risk ?? "Info"],
                    outline: lit ? `2.5px solid ${token.colorPrimary}` : `2px solid ${token.colorBgContainer}`,
                  }}
                />
                {letters >= 8 && (
                  <span
                    aria-hidden="true"
                    style={{
                      position: "absolute",
                      top: reach - 5,
                      // The outermost have no room on one side.
                      ...(i === 0
                        ? { left: 0 }
                        : i === events.length - 1
                          ? { right: 0 }
                          : { left: reach / 2, transform: "translateX(-50%)" }),
                      fontSize: 11,
                      whiteSpace: "nowrap",
                      color: lit ? token.colorText : token.colorTextSecondary,
                    }}
                  >
                    {name.length > letters ? `${name.slice(0, letters - 1)}…` : name}
                  </span>
                )}
              </button>
            );
          })}
        </div>
      </div>
    </div>
  );
}

interface Point {
  readonly x: number;
  readonly y: number;
}

/** From where the pen is, leaving and coming in along the lane. */
function curve(from: Point, to: Point): string {
  const bend = (to.x - from.x) / 2;
  return `C${from.x + bend} ${from.y} ${to.x - bend} ${to.y} ${to.x} ${to.y}`;
}
