// All events by filter, with their exact number, any page of them, what each is, and whether it can be proved.
import { ShareAltOutlined } from "@ant-design/icons";
import { App, Button, Card, Empty, Input, Select, Space, Table, Tag, Typography } from "antd";
import { lazy, Suspense, useEffect, useState } from "react";
import { ask, type EventPage, kinds, risks, type StoredEvent } from "../api.ts";
import { Shown, useAsked } from "../parts/asked.tsx";
import { RiskTag, resourceOf, summary, When } from "../parts/event.tsx";
import { readBar } from "../parts/filter.ts";
import { RangePicker, readRange, useQuery } from "../parts/range.tsx";
import { useWords } from "../settings.tsx";

const EventDrawer = lazy(() =>
  import("../parts/event-drawer.tsx").then(({ EventDrawer: part }) => ({ default: part })),
);

const sizes = [20, 50, 100];
const allColumns = ["time", "risk", "kind", "type", "resource", "what", "number"] as const;
type Column = (typeof allColumns)[number];

/** What the address asks for, as the list's parameters. */
function parametersOf(query: URLSearchParams): Record<string, string | undefined> {
  const { fields, text } = readBar(query.get("q") ?? "");
  const chosen = Object.fromEntries(
    ["kind", "risk"].flatMap((name) => (query.get(name) === null ? [] : [[name, query.get(name)!]])),
  );
  return { ...readRange(query), ...fields, ...chosen, q: text === "" ? undefined : text };
}

export function Explorer() {
  const words = useWords();
  const { message } = App.useApp();
  const { query, change } = useQuery();
  const [bar, setBar] = useState(query.get("q") ?? "");
  useEffect(() => setBar(query.get("q") ?? ""), [query]);
  const [columns, setColumns] = useState<readonly Column[]>(allColumns.filter((column) => column !== "kind"));

  const limit = Number(query.get("size") ?? 20);
  const page = Number(query.get("page") ?? 1);
  const order = query.get("order") === "asc" ? "asc" : "desc";
  const parameters = parametersOf(query);
  const searched =
    parameters.q !== undefined ||
    Object.keys(parameters).some((name) => name === "user" || name === "ip" || name.startsWith("content."));
  const cursor = query.get("cursor") ?? undefined;
  const asked = {
    ...parameters,
    order,
    limit,
    // A search that reads entries goes on by a cursor; whatever is counted can be paged by number.
    ...(searched ? { cursor } : { page }),
  };
  const { asked: state, again } = useAsked(JSON.stringify(asked), (signal) =>
    ask<EventPage>("/api/v1/events", { query: asked, signal }),
  );
  const chosen = query.get("event");

  return (
    <Space orientation="vertical" size={12} style={{ width: "100%" }}>
      <Card size="small">
        <Space orientation="vertical" size={10} style={{ width: "100%" }}>
          <Input.Search
            aria-label={words.search}
            placeholder={words.searchHint}
            value={bar}
            allowClear
            enterButton={words.search}
            onChange={({ target }) => setBar(target.value)}
            onSearch={(text) => change({ q: text, page: undefined, cursor: undefined })}
          />
          <Space wrap size={8}>
            <RangePicker />
            <Select
              aria-label={words.kind}
              style={{ minWidth: 120 }}
              value={query.get("kind") ?? ""}
              onChange={(kind) => change({ kind, page: undefined })}
              options={[{ value: "", label: words.anyKind }, ...kinds.map((kind) => ({ value: kind, label: kind }))]}
            />
            <Select
              aria-label={words.risk}
              mode="multiple"
              allowClear
              style={{ minWidth: 150 }}
              placeholder={words.anyRisk}
              value={query.get("risk")?.split(",") ?? []}
              onChange={(risk: string[]) => change({ risk: risk.join(","), page: undefined })}
              options={risks.map((risk) => ({ value: risk, label: risk }))}
            />
            <Select
              aria-label={words.newestFirst}
              value={order}
              onChange={(value) => change({ order: value === "asc" ? "asc" : undefined, page: undefined })}
              options={[
                { value: "desc", label: words.newestFirst },
                { value: "asc", label: words.oldestFirst },
              ]}
            />
            <Button
              icon={<ShareAltOutlined />}
              onClick={() => navigator.clipboard.writeText(location.href).then(() => message.success(words.copied))}
            >
              {words.share}
            </Button>
            <Select
              aria-label={words.columns}
              mode="multiple"
              maxTagCount={0}
              maxTagPlaceholder={words.columns}
              style={{ minWidth: 110 }}
              value={[...columns]}
              onChange={setColumns}
              options={allColumns.map((column) => ({ value: column, label: words[column] }))}
            />
          </Space>
        </Space>
      </Card>
      <Shown asked={state} again={again}>
        {({ events, total, next }) => (
          <Card size="small" styles={{ body: { padding: 0 } }}>
            <Table<StoredEvent>
              size="small"
              rowKey="seq"
              dataSource={[...events]}
              scroll={{ x: "max-content" }}
              locale={{
                emptyText: (
                  <Empty
                    description={
                      <>
                        <div>{words.noEvents}</div>
                        <Typography.Text type="secondary">{words.noEventsHint}</Typography.Text>
                      </>
                    }
                  />
                ),
              }}
              onRow={({ seq }) => ({
                tabIndex: 0,
                style: { cursor: "pointer" },
                onClick: () => change({ event: String(seq) }),
                onKeyDown: ({ key }) => {
                  if (key === "Enter") change({ event: String(seq) });
                },
              })}
              columns={columnsOf(words).filter(({ key }) => columns.includes(key))}
              title={() => (
                <Typography.Text strong data-testid="total">
                  {total === null ? words.atLeast(events.length.toLocaleString()) : words.total(total.toLocaleString())}
                </Typography.Text>
              )}
              pagination={
                total === null
                  ? false
                  : {
                      total,
                      current: page,
                      pageSize: limit,
                      pageSizeOptions: sizes,
                      showSizeChanger: true,
                      showQuickJumper: true,
                      style: { paddingInline: 12 },
                      onChange: (to, size) =>
                        change({
                          page: to === 1 ? undefined : String(to),
                          size: size === 20 ? undefined : String(size),
                        }),
                    }
              }
              {...(total === null && next !== null
                ? { footer: () => <Button onClick={() => change({ cursor: next })}>{words.search}…</Button> }
                : {})}
            />
          </Card>
        )}
      </Shown>
      {chosen !== null && (
        <Suspense>
          <EventDrawer seq={Number(chosen)} onClose={() => change({ event: undefined })} />
        </Suspense>
      )}
    </Space>
  );
}

function columnsOf(words: ReturnType<typeof useWords>) {
  const column = (key: Column, render: (event: StoredEvent) => React.ReactNode) => ({
    key,
    title: words[key],
    render: (_: unknown, event: StoredEvent) => render(event),
  });
  return [
    column("time", ({ time }) => <When time={time} />),
    column("risk", ({ risk }) => <RiskTag risk={risk} />),
    column("kind", ({ kind }) => kind),
    column("type", ({ type, name }) => <Tag>{type ?? name ?? ""}</Tag>),
    column("resource", (event) => <span className="mono">{resourceOf(event)}</span>),
    column("what", (event) => (
      <Typography.Text ellipsis={{ tooltip: false }} style={{ maxWidth: 520, display: "block" }}>
        {summary(event)}
      </Typography.Text>
    )),
    column("number", ({ seq }) => <span className="mono">{seq}</span>),
  ];
}
