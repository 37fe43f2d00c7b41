// What happened, at a glance: over time by risk, by type, where, the newest that matter, and how the log is.
import { Card, Col, Descriptions, Empty, Flex, Grid, List, Row, Space, Tag, Typography } from "antd";
import { lazy, Suspense } from "react";
import { Link } from "wouter";
import { ask, type EventPage, type Risk, risks } from "../api.ts";
import { Shown, useAsked } from "../parts/asked.tsx";
import { RiskTag, resourceOf, summary, When } from "../parts/event.tsx";
import { RangePicker, readRange, useQuery } from "../parts/range.tsx";
import { useWords } from "../settings.tsx";

// Asked for at once, and drawn when both it and its numbers are there.
const timeline = import("../parts/timeline.tsx");
const Timeline = lazy(() => timeline.then(({ Timeline: part }) => ({ default: part })));

export interface Stats {
  readonly from: string | null;
  readonly to: string | null;
  /** Milliseconds of a bucket. */
  readonly width: number;
  readonly total: number;
  readonly buckets: number;
  readonly series: readonly { readonly key: string; readonly total: number; readonly counts: readonly number[] }[];
}

interface Top {
  readonly items: readonly {
    readonly type?: string;
    readonly resource?: { readonly type: string; readonly id: string };
    readonly count: number;
  }[];
}

interface Status {
  readonly ready: boolean;
  readonly log: {
    readonly stored: number;
    readonly signed: number;
    readonly witnessed: number | null;
    readonly checkpoint: string | null;
  };
  readonly index: { readonly behind: number };
  readonly disk: { readonly free: number; readonly below: boolean };
}

const gib = 2 ** 30;

export function Overview() {
  const words = useWords();
  const { query, change } = useQuery();
  const range = readRange(query);
  const key = JSON.stringify(range);
  // What the service says of itself, this page's own questions among it, is not what one comes to see.
  const kind = "security,trail,database,unparsed";
  const stats = useAsked(`stats ${key}`, (signal) =>
    ask<Stats>("/api/v1/stats", { query: { ...range, kind, by: "risk", buckets: 60 }, signal }),
  );
  const types = useAsked(`types ${key}`, (signal) =>
    ask<Top>("/api/v1/stats/top", { query: { ...range, kind, by: "type", limit: 8 }, signal }),
  );
  const resources = useAsked(`resources ${key}`, (signal) =>
    ask<Top>("/api/v1/stats/top", { query: { ...range, kind, by: "resource", limit: 8 }, signal }),
  );
  const newest = useAsked(`newest ${key}`, (signal) =>
    ask<EventPage>("/api/v1/events", { query: { ...range, risk: "High,Critical", limit: 8 }, signal }),
  );
  const status = useAsked("status", (signal) => ask<Status>("/api/v1/status", { signal }));
  const wide = Grid.useBreakpoint().md === true;
  const rangeText = query.toString();
  const within = (more: string): string => `/events?${rangeText === "" ? "" : `${rangeText}&`}${more}`;

  return (
    <Space orientation="vertical" size={16} style={{ width: "100%" }}>
      <RangePicker />
      <Card
        size="small"
        title={<h2 style={{ fontSize: 16, margin: 0 }}>{words.eventsOverTime}</h2>}
        extra={wide && <Typography.Text type="secondary">{words.eventsOverTimeHint}</Typography.Text>}
      >
        <Shown {...stats}>
          {(answer) =>
            answer.total === 0 ? (
              <Empty description={words.noEventsHint} />
            ) : (
              <>
                <Flex gap={12} wrap style={{ marginBottom: 8 }}>
                  <Typography.Text strong data-testid="total">
                    {words.total(answer.total.toLocaleString())}
                  </Typography.Text>
                  {risks.map((risk) => {
                    const total = answer.series.find((series) => series.key === risk)?.total ?? 0;
                    return total === 0 ? null : (
                      <span key={risk}>
                        <RiskTag risk={risk as Risk} /> {total.toLocaleString()}
                      </span>
                    );
                  })}
                </Flex>
                <Suspense fallback={<div style={{ height: 244 }} />}>
                  <Timeline stats={answer} onRange={(from, to) => change({ from, to, last: undefined })} />
                </Suspense>
              </>
            )
          }
        </Shown>
      </Card>
      <Row gutter={[16, 16]}>
        <Col xs={24} lg={8}>
          <Card size="small" title={<h2 style={{ fontSize: 16, margin: 0 }}>{words.byType}</h2>}>
            <Shown {...types}>
              {({ items }) => (
                <Bars
                  items={items.map(({ type = "", count }) => ({ label: type, count, to: within(`q=type:${type}`) }))}
                />
              )}
            </Shown>
          </Card>
        </Col>
        <Col xs={24} lg={8}>
          <Card size="small" title={<h2 style={{ fontSize: 16, margin: 0 }}>{words.topResources}</h2>}>
            <Shown {...resources}>
              {({ items }) => (
                <Bars
                  items={items.flatMap(({ resource, count }) =>
                    resource === undefined
                      ? []
                      : [
                          {
                            label: `${resource.type}/${resource.id}`,
                            count,
                            to: within(`q=resource:${resource.id}+resourceType:${resource.type}`),
                          },
                        ],
                  )}
                />
              )}
            </Shown>
          </Card>
        </Col>
        <Col xs={24} lg={8}>
          <Card size="small" title={<h2 style={{ fontSize: 16, margin: 0 }}>{words.health}</h2>}>
            <Shown {...status}>
              {({ log: { stored, signed, witnessed, checkpoint }, index, disk, ready }) => (
                <Descriptions
                  size="small"
                  column={1}
                  items={[
                    { key: "stored", label: words.stored, children: stored.toLocaleString() },
                    { key: "signed", label: words.signed, children: signed.toLocaleString() },
                    {
                      key: "witnessed",
                      label: words.witnessed,
                      children: witnessed?.toLocaleString() ?? words.noWitnesses,
                    },
                    {
                      key: "checkpoint",
                      label: words.checkpoint,
                      children: checkpoint === null ? "–" : <When time={checkpoint} />,
                    },
                    { key: "lag", label: words.lag, children: index.behind.toLocaleString() },
                    {
                      key: "disk",
                      label: words.disk,
                      children: (
                        <Typography.Text {...(disk.below ? { type: "danger" } : {})}>
                          {`${(disk.free / gib).toFixed(1)} GiB`}
                        </Typography.Text>
                      ),
                    },
                    {
                      key: "ready",
                      label: words.service,
                      children: ready ? (
                        words.isReady
                      ) : (
                        <Typography.Text type="danger">{words.notReady}</Typography.Text>
                      ),
                    },
                  ]}
                />
              )}
            </Shown>
          </Card>
        </Col>
      </Row>
      <Card size="small" title={<h2 style={{ fontSize: 16, margin: 0 }}>{words.newestHigh}</h2>}>
        <Shown {...newest}>
          {({ events }) => (
            <List
              size="small"
              dataSource={[...events]}
              locale={{ emptyText: words.noEvents }}
              renderItem={(event) => (
                <List.Item>
                  <Space wrap size={8}>
                    <When time={event.time} />
                    <RiskTag risk={event.risk} />
                    <Tag>{event.type}</Tag>
                    <span className="mono">{resourceOf(event)}</span>
                    <Link href={within(`event=${event.seq}`)}>{summary(event)}</Link>
                  </Space>
                </List.Item>
              )}
            />
          )}
        </Shown>
      </Card>
    </Space>
  );
}

function Bars({
  items,
}: {
  readonly items: readonly { readonly label: string; readonly count: number; readonly to: string }[];
}) {
  const most = Math.max(1, ...items.map(({ count }) => count));
  if (items.length === 0) return <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} />;
  return (
    <ul style={{ listStyle: "none", margin: 0, padding: 0 }}>
      {items.map(({ label, count, to }) => (
        <li key={label} style={{ marginBottom: 6 }}>
          <Flex justify="space-between" gap={8}>
            <Link href={to} className="mono">
              {label}
            </Link>
            <span>{count.toLocaleString()}</span>
          </Flex>
          <div
            aria-hidden="true"
            style={{ height: 4, borderRadius: 2, background: "#5b8fd9", width: `${(count / most) * 100}%` }}
          />
        </li>
      ))}
    </ul>
  );
}
