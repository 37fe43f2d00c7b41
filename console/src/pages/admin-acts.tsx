// The newest acts of administration, from the log itself, each to be opened with its proof.
import { Button, Card, Grid, Table, Tag, Typography } from "antd";
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
  const wide = Grid.useBreakpoint().md === true;
  return (
    <Card size="small" title={words.admin.acts} data-testid="acts">
      <Typography.Paragraph type="secondary">{words.admin.actsHint}</Typography.Paragraph>
      <Typography.Paragraph>
        <Link href={`/events?kind=trail&q=${encodeURIComponent(`type:${types}`)}`}>{words.admin.allActs}</Link>
      </Typography.Paragraph>
      <Shown asked={asked} again={again}>
        {({ events }) => (
          <Table<Call>
            size="small"
            rowKey="seq"
            pagination={false}
            dataSource={events as readonly Call[] as Call[]}
            locale={{ emptyText: <Nothing title={words.admin.noActs} /> }}
            columns={[
              { title: words.time, responsive: ["md"], render: (_, { time }) => <When time={time} /> },
              {
                title: words.admin.act,
                render: (_, { seq, time, type = "", errorCode, ...call }) => (
                  <>
                    {!wide && (
                      <div>
                        <When time={time} />
                      </div>
                    )}
                    <Button type="link" size="small" style={{ padding: 0 }} onClick={() => setOpen(seq)}>
                      {words.admin.actOf[type] ?? type}
                    </Button>{" "}
                    {errorCode !== undefined && errorCode !== "" && (
                      <Tag color="red">{`${words.admin.refusedAct}: ${errorCode}`}</Tag>
                    )}
                    {!wide && <div className="mono">{`${who(call)} → ${onWhat(call)}`}</div>}
                  </>
                ),
              },
              {
                title: words.admin.who,
                responsive: ["md"],
                render: (_, call) => <span className="mono">{who(call)}</span>,
              },
              {
                title: words.admin.onWhat,
                responsive: ["md"],
                render: (_, call) => <span className="mono">{onWhat(call)}</span>,
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

function who({ userName = "", accessKeyId = "" }: Pick<Call, "userName" | "accessKeyId">): string {
  return userName || accessKeyId || "–";
}

function onWhat({ resources = [] }: Pick<Call, "resources">): string {
  return resources.map(({ type, id }) => `${type}/${id}`).join(" ") || "–";
}
