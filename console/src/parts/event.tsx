// How an event looks wherever one is shown.
import { Tag, Tooltip } from "antd";
import type { Risk, StoredEvent } from "../api.ts";
import { useSettings } from "../settings.tsx";

const colors: Readonly<Record<Risk, string>> = {
  Info: "default",
  Low: "blue",
  Medium: "gold",
  High: "orange",
  Critical: "red",
};

/** On the light tags; the presets' own letters are too pale to read (WCAG 2.1 AA asks for a contrast of 4.5). */
const letters: Readonly<Record<Risk, string | undefined>> = {
  Info: undefined,
  Low: "#0b4a8f",
  Medium: "#6f4b00",
  High: "#8a3b00",
  Critical: "#a8071a",
};

export function RiskTag({ risk }: { readonly risk: Risk | undefined }) {
  const { dark } = useSettings();
  if (risk === undefined) return null;
  const color = dark ? undefined : letters[risk];
  return (
    <Tag color={colors[risk]} {...(color === undefined ? {} : { style: { color } })}>
      {risk}
    </Tag>
  );
}

/** Local time; UTC on hover and for readers of screens, or beside it. */
export function When({ time, both = false }: { readonly time: string; readonly both?: boolean }) {
  const { language, words } = useSettings();
  const date = new Date(time);
  const local = date.toLocaleString(language === "zh" ? "zh-CN" : "en-GB", {
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  });
  if (both)
    return (
      <time dateTime={time}>
        {local} <span className="mono">{`· ${words.utc} ${time}`}</span>
      </time>
    );
  return (
    <Tooltip title={`${words.utc}: ${time}`}>
      <time dateTime={time} style={{ whiteSpace: "nowrap" }}>
        {local}
      </time>
    </Tooltip>
  );
}

/** One line that says what happened. */
export function summary(event: StoredEvent): string {
  if (event.detail !== undefined && event.kind === "security") return event.detail;
  if (event.kind === "security") return (event.contents ?? []).map(({ key, value }) => `${key}: ${value}`).join(" · ");
  if (event.kind === "trail") return [event.source, event.userName, event.sourceIp].filter(Boolean).join(" · ");
  if (event.kind === "database") return event.sql ?? [event.name, event.user].filter(Boolean).join(" · ");
  if (event.kind === "unparsed") return event.reason ?? "";
  return JSON.stringify(event.data ?? {});
}

export function resourceOf(event: StoredEvent): string {
  if (event.resource !== undefined) return `${event.resource.type}/${event.resource.id}`;
  return event.instance === undefined ? "" : `instance/${event.instance}`;
}
