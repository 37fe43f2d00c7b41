// The statements of an instance as the log has them, in files or not.
import { Button, Flex, Grid, Input, Table, Tag, Typography } from "antd";
import { useState } from "react";
import { ask, type EventPage, type StoredEvent } from "../api.ts";
import { Shown, useAsked } from "../parts/asked.tsx";
import { When } from "../parts/event.tsx";
import { RangePicker, readRange, useQuery } from "../parts/range.tsx";
import { Nothing } from "../parts/rows.tsx";
import { useWords } from "../settings.tsx";

interface Statement extends StoredEvent {
  readonly connectionId?: string;
  readonly status?: string | number;
  readonly database?: string;
}

const atOnce = 20;

export function Statements({ id }: { readonly id: string }) {
  const words = useWords();
  const say = words.files;
  const { query, change } = useQuery();
  const wide = Grid.useBreakpoint().md === true;
  const [bar, setBar] = useState(query.get("q") ?? "");
  const q = query.get("q") ?? undefined;
  const page = Number(query.get("page") ?? 1);
  const cursor = query.get("cursor") ?? undefined;
  const asked = {
    ...readRange(query),
    kind: "database",
    resourceType: "instance",
    resourceId: id,
    limit: atOnce,
    q,
    // A search goes on by a cursor; what is counted is paged by number.
    ...(q === undefined ? { page } : { cursor }),
  };
  const { asked: state, again } = useAsked(JSON.stringify(asked), (signal) =>
    ask<EventPage>("/api/v1/events", { query: asked, signal }),
  );
  const open = (seq: number) => change({ event: String(seq) });
  return (
    <Flex vertical gap={12}>
      <RangePicker />
      <Input.Search
        aria-label={words.search}
        placeholder="DROP TABLE"
        style={{ maxWidth: 480 }}
        allowClear
        value={bar}
        onChange={({ target }) => setBar(target.value)}
        onSearch={(text) => change({ q: text.trim(), page: undefined, cursor: undefined })}
      />
      <Shown asked={state} again={again}>
        {({ events, total, next }) => (
          <Table<Statement>
            size="small"
            rowKey="seq"
            dataSource={[...events] as Statement[]}
            {...(wide ? { scroll: { x: "max-content" as const } } : {})}
            locale={{ emptyText: <Nothing title={words.noEvents} /> }}
            title={() => (
              <strong data-testid="total">
                {total === null ? words.atLeast(String(events.length)) : words.total(total.toLocaleString())}
              </strong>
            )}
            pagination={
              q === undefined && total !== null && total > atOnce
                ? {
                    total,
                    current: page,
                    pageSize: atOnce,
                    showSizeChanger: false,
                    showQuickJumper: true,
                    onChange: (to) => change({ page: to === 1 ? undefined : String(to) }),
                  }
                : false
            }
            {...(q !== undefined && next !== null
              ? { footer: () => <Button onClick={() => change({ cursor: next })}>{words.calls.more}</Button> }
              : {})}
            onRow={({ seq }) => ({
              tabIndex: 0,
              style: { cursor: "pointer" },
              onClick: () => open(seq),
              onKeyDown: ({ key }) => {
                if (key === "Enter") open(seq);
              },
            })}
            columns={[
              { title: words.time, responsive: ["md"], render: (_, { time }) => <When time={time} /> },
              { title: words.type, responsive: ["md"], render: (_, { name }) => <Tag>{name}</Tag> },
              {
                title: say.statement,
                render: (_, { time, name, sql, user, ip, host }) =>
                  wide ? (
                    <Typography.Text className="mono" ellipsis style={{ maxWidth: 420, display: "block" }}>
                      {sql}
                    </Typography.Text>
                  ) : (
                    <>
                      <When time={time} /> {sql === undefined && <Tag>{name}</Tag>}
                      <Typography.Paragraph className="mono" ellipsis={{ rows: 3 }} style={{ marginBottom: 0 }}>
                        {sql}
                      </Typography.Paragraph>
                      {[user, ip ?? host].filter(Boolean).join(" @ ")}
                    </>
                  ),
              },
              { title: say.user, responsive: ["md"], dataIndex: "user" },
              {
                title: say.address,
                responsive: ["md"],
                render: (_, { ip, host }) => <span className="mono">{ip ?? host}</span>,
              },
              { title: say.database, responsive: ["md"], dataIndex: "database" },
              {
                title: say.result,
                responsive: ["md"],
                render: (_, { status }) =>
                  status === undefined || String(status) === "0" ? status : <Tag color="red">{status}</Tag>,
              },
              {
                title: say.connection,
                responsive: ["md"],
                render: (_, { connectionId }) => <span className="mono">{connectionId}</span>,
              },
            ]}
          />
        )}
      </Shown>
    </Flex>
  );
}
