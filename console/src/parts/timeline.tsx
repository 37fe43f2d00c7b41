// Events over time stacked by risk. Dragging over it narrows the range; the buttons below do the same by keyboard.
import { Button, Space } from "antd";
import { BarChart } from "echarts/charts";
import { BrushComponent, GridComponent, LegendComponent, TooltipComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { useEffect, useRef } from "react";
import { type Risk, risks } from "../api.ts";
import type { Stats } from "../pages/overview.tsx";
import { useSettings } from "../settings.tsx";

use([BarChart, BrushComponent, CanvasRenderer, GridComponent, LegendComponent, TooltipComponent]);

const colors: Readonly<Record<Risk, string>> = {
  Info: "#9aa5b1",
  Low: "#5b8fd9",
  Medium: "#d8a31f",
  High: "#e07b2c",
  Critical: "#c9302c",
};

export function Timeline({
  stats,
  onRange,
}: {
  readonly stats: Stats;
  readonly onRange: (from: string, to: string) => void;
}) {
  const { dark, words } = useSettings();
  const place = useRef<HTMLDivElement>(null);
  const start = Date.parse(stats.from ?? "");
  const instant = (bucket: number): string => new Date(start + bucket * stats.width).toISOString();
  const whenRanged = useRef(onRange);
  whenRanged.current = onRange;
  // biome-ignore lint/correctness/useExhaustiveDependencies: instant follows from the statistics
  useEffect(() => {
    const chart = init(place.current!, dark ? "dark" : undefined);
    chart.setOption({
      backgroundColor: "transparent",
      animation: false,
      grid: { left: 48, right: 12, top: 12, bottom: 28 },
      tooltip: { trigger: "axis", renderMode: "richText" },
      brush: { xAxisIndex: 0, brushMode: "single", toolbox: [], throttleType: "debounce" },
      xAxis: {
        type: "category",
        data: Array.from({ length: stats.buckets }, (_, i) => new Date(start + i * stats.width).toLocaleString()),
      },
      yAxis: { type: "value", minInterval: 1 },
      series: risks.map((risk) => ({
        name: risk,
        type: "bar",
        stack: "events",
        barCategoryGap: "10%",
        itemStyle: { color: colors[risk] },
        data: [...(stats.series.find(({ key }) => key === risk)?.counts ?? [])],
      })),
    });
    chart.dispatchAction({
      type: "takeGlobalCursor",
      key: "brush",
      brushOption: { brushType: "lineX", brushMode: "single" },
    });
    chart.on("brushEnd", (event) => {
      const range = (event as { areas?: { coordRange?: [number, number] }[] }).areas?.[0]?.coordRange;
      if (range !== undefined) whenRanged.current(instant(Math.max(0, range[0])), instant(range[1] + 1));
    });
    const resized = new ResizeObserver(() => chart.resize());
    resized.observe(place.current!);
    return () => {
      resized.disconnect();
      chart.dispose();
    };
  }, [stats, dark]);
  const third = Math.max(1, Math.floor(stats.buckets / 3));
  return (
    <>
      <div
        ref={place}
        role="img"
        aria-label={words.eventsOverTime}
        data-testid="timeline"
        style={{ height: 220, width: "100%" }}
      />
      <Space size={4}>
        {[0, 1, 2].map((part) => (
          <Button
            key={part}
            size="small"
            type="text"
            onClick={() => onRange(instant(part * third), instant((part + 1) * third))}
          >
            {`${part + 1}/3`}
          </Button>
        ))}
      </Space>
    </>
  );
}
