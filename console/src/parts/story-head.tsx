// A story in short: which lanes it came to and when, and the users and addresses in it.
import { ArrowRightOutlined } from "@ant-design/icons";
import { Flex, Typography } from "antd";
import { useMemo } from "react";
import { Link } from "wouter";
import { useSettings, useWords } from "../settings.tsx";
import { When } from "./event.tsx";
import { useQuery } from "./range.tsx";
import { type Counted, duration, type Told, whoIsIn } from "./told.ts";

/** The lanes in the order in which the story came to them. */
export function Steps({ events }: { readonly events: readonly Told[] }) {
  const { words, language } = useSettings();
  const said = words.storyPage;
  const lanes = [...new Set(events.map(({ lane }) => lane))];
  const start = Date.parse(events[0]!.event.time);
  return (
    <Flex wrap gap={10} align="center" data-testid="story-steps">
      {lanes.map((lane, i) => {
        const within = events.filter((told) => told.lane === lane);
        const { event } = within[0]!;
        return (
          <Flex key={lane} gap={10} align="center">
            {i > 0 && <ArrowRightOutlined aria-hidden />}
            <div>
              <div>
                <Typography.Text strong>{said.lanes[lane]}</Typography.Text>
                {within.length > 1 && ` ×${within.length.toLocaleString()}`}
              </div>
              <Typography.Text type="secondary">
                {i === 0 ? <When time={event.time} /> : `+${duration(Date.parse(event.time) - start, language)}`}
              </Typography.Text>
            </div>
          </Flex>
        );
      })}
    </Flex>
  );
}

/** The users and addresses in it, each with a way to its own story. */
export function Who({ events }: { readonly events: readonly Told[] }) {
  const words = useWords();
  const { query } = useQuery();
  const { users, ips } = useMemo(() => whoIsIn(events), [events]);
  const range = [...query].filter(([name]) => ["from", "to", "last"].includes(name));
  const row = (label: string, name: "user" | "ip", values: readonly Counted[]) =>
    values.length > 0 && (
      <Flex wrap gap={8}>
        <Typography.Text type="secondary">{label}</Typography.Text>
        {values.slice(0, 6).map(({ value, count }) => (
          <span key={value}>
            {query.get(name) === value ? (
              <strong className="mono">{value}</strong>
            ) : (
              <Link className="mono" href={`/story?${new URLSearchParams([[name, value], ...range])}`}>
                {value}
              </Link>
            )}
            {` ×${count.toLocaleString()}`}
          </span>
        ))}
        {values.length > 6 && <Typography.Text type="secondary">{`+${values.length - 6}`}</Typography.Text>}
      </Flex>
    );
  return (
    <div style={{ marginTop: 10 }} data-testid="story-who">
      {row(words.explorerPage.user, "user", users)}
      {row(words.explorerPage.address, "ip", ips)}
    </div>
  );
}
