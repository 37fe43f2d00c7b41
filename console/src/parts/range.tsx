// The time range that all pages share: it stands in the address, so that what is seen can be shared.
import { DatePicker, Segmented, Space } from "antd";
import dayjs, { type Dayjs } from "dayjs";
import { useMemo } from "react";
import { useLocation, useSearch } from "wouter";
import { useWords } from "../settings.tsx";

export interface Range {
  /** RFC 3339, inclusive; undefined: from the beginning. */
  readonly from: string | undefined;
  /** Exclusive; undefined: no end. */
  readonly to: string | undefined;
}

/** Values of the address's query, and how to change some of them; undefined takes one out. */
export function useQuery(): {
  readonly query: URLSearchParams;
  change(values: Readonly<Record<string, string | undefined>>, replace?: boolean): void;
} {
  const text = useSearch();
  const [place, go] = useLocation();
  const query = useMemo(() => new URLSearchParams(text), [text]);
  return {
    query,
    change: (values, replace = false) => {
      const next = new URLSearchParams(query);
      for (const [name, value] of Object.entries(values)) {
        if (value === undefined || value === "") next.delete(name);
        else next.set(name, value);
      }
      go(next.size === 0 ? place : `${place}?${next}`, { replace });
    },
  };
}

const hours = { last24h: 24, last7d: 7 * 24, last30d: 30 * 24 } as const;
type Preset = keyof typeof hours | "everything";

/** The range of the address; `last` is kept as it was said, so that a shared address goes on with the time. */
export function readRange(query: URLSearchParams): Range {
  const last = query.get("last");
  if (last !== null && last in hours) {
    // By the minute: what is drawn again asks for the same again.
    const now = Math.floor(Date.now() / 60_000) * 60_000;
    return { from: new Date(now - hours[last as keyof typeof hours] * 3_600_000).toISOString(), to: undefined };
  }
  return { from: query.get("from") ?? undefined, to: query.get("to") ?? undefined };
}

export function RangePicker() {
  const words = useWords();
  const { query, change } = useQuery();
  const range = readRange(query);
  const last = query.get("last");
  const preset: Preset | "custom" =
    last !== null && last in hours
      ? (last as Preset)
      : range.from === undefined && range.to === undefined
        ? "everything"
        : "custom";
  const dates: [Dayjs | null, Dayjs | null] = [
    range.from === undefined ? null : dayjs(range.from),
    range.to === undefined ? null : dayjs(range.to),
  ];
  return (
    <Space wrap size={8}>
      <Segmented<Preset | "custom">
        value={preset}
        onChange={(chosen) => {
          if (chosen === "custom") return;
          change({
            last: chosen === "everything" ? undefined : chosen,
            from: undefined,
            to: undefined,
            page: undefined,
          });
        }}
        options={(["last24h", "last7d", "last30d", "everything"] as const).map((value) => ({
          value,
          label: words[value],
        }))}
      />
      <DatePicker.RangePicker
        showTime
        allowEmpty={[true, true]}
        value={dates}
        placeholder={[words.from, words.to]}
        onChange={(chosen) =>
          change({
            last: undefined,
            page: undefined,
            from: chosen?.[0]?.toISOString(),
            to: chosen?.[1]?.toISOString(),
          })
        }
      />
    </Space>
  );
}
