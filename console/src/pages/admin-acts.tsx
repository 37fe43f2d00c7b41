// The newest acts of administration, from the log itself, each to be opened with its proof.
import { Button, Card, Table, Tag, Typography } from "antd";
import { lazy, Suspense, useState } from "react";
import { Link } from "wouter";
import { ask, type EventPage, type StoredEvent } from "../api.ts";
import { Shown, useAsked } from "../parts/asked.tsx";
import { When } from "../parts/event.tsx";
import { Nothing } from "../parts/rows.tsx";
import { useWords } from "../settings.tsx";

const EventDrawer = lazy(() =>
  import("../parts/event-drawer.tsx").then(({ EventDrawer: part }) => ({ default: part })),
);

/** A call of an API, as the list has it. */
export interface Call extends StoredEvent {
  readonly accessKeyId?: string;
  readonly errorCode?: string;
  readonly readOnly?: boolean;
  readonly region?: string;
  readonly resources?: readonly { readonly type: string; readonly id: string }[];
}

const newest = 8;

/** @param turn asks again when it changes */
export function Acts({ turn }: { readonly turn: number }) {
  const words = useWords();
  const types = Object.keys(words.admin.actOf).join(",");
  const { asked, again } = useAsked(`acts ${turn}`, (signal) =>
    ask<EventPage>("/api/v1/events", { query: { kind: "trail", type: types, limit: newest }, signal }),
  );
  const [open, setOpen] = useState<number>();
  return (
    <Card
      size="small"
      title={words.admin.acts}
      data-testid="acts"
      extra={<Link href={`/events?kind=trail&q=${encodeURIComponent(`type:${types}`)}`}>{words.admin.allActs}</Link>}
    >
      <Typography.Paragraph type="secondary">{words.admin.actsHint}</Typography.Paragraph>
      <Shown asked={asked} again={again}>
        {({ events }) => (
          <Table<Call>
            size="small"
            rowKey="seq"
            pagination={false}
            scroll={{ x: "max-content" }}
            dataSource={events as readonly Call[] as Call[]}
            locale={{ emptyText: <Nothing title={words.admin.noActs} /> }}
            columns={[
              { title: words.time, render: (_, { time }) => <When time={time} /> },
              {
                title: words.admin.act,
                render: (_, { seq, type = "", errorCode }) => (
                  <>
                    <Button type="link" size="small" style={{ padding: 0 }} onClick={() => setOpen(seq)}>
                      {words.admin.actOf[type] ?? type}
                    </Button>{" "}
                    {errorCode !== undefined && errorCode !== "" && (
                      <Tag color="red">{`${words.admin.refusedAct}: ${errorCode}`}</Tag>
                    )}
                  </>
                ),
              },
              {
                title: words.admin.who,
                render: (_, { userName, accessKeyId }) => (
                  <span className="mono">{userName || accessKeyId || "–"}</span>
                ),
              },
              {
                title: words.admin.onWhat,
                render: (_, { resources = [] }) => (
                  <span className="mono">{resources.map(({ type, id }) => `${type}/${id}`).join(" ")}</span>
                ),
              },
            ]}
          />
        )}
      </Shown>
      {open !== undefined && (
        <Suspense>
          <EventDrawer key={open} seq={open} onClose={() => setOpen(undefined)} />
        </Suspense>
      )}
    </Card>
  );
}
