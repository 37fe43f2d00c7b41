// The story of a resource, a user or an address: who was it, and what did they do next, over all kinds of events. As lanes in time, and
// the same as a list; of every event it is told how it is joined, and of the whole what it may lack.
import { Alert, Button, Card, Empty, Flex, Input, Segmented, Space, Table, Tag, Typography, theme } from "antd";
import { lazy, Suspense, useEffect, useMemo, useState } from "react";
import { Link } from "wouter";
import { ask, risks } from "../api.ts";
import { Shown, useAsked } from "../parts/asked.tsx";
import { RiskTag, resourceOf, summary, When } from "../parts/event.tsx";
import { barField } from "../parts/filter.ts";
import { LaneChart } from "../parts/lane-chart.tsx";
import { RangePicker, readRange, useQuery } from "../parts/range.tsx";
import { Steps, Who } from "../parts/story-head.tsx";
import { chainOf, duration, type Story as StoryAnswer, type Told } from "../parts/told.ts";
import { useSettings, useWords } from "../settings.tsx";

const EventDrawer = lazy(() =>
  import("../parts/event-drawer.tsx").then(({ EventDrawer: part }) => ({ default: part })),
);

const wholes = ["resource", "user", "ip"] as const;
type Whose = (typeof wholes)[number];

export function Story() {
  const words = useWords();
  const said = words.storyPage;
  const { query, change } = useQuery();
  const given = wholes.find((name) => query.get(name) !== null);
  const [whose, setWhose] = useState<Whose>(given ?? "resource");
  const value = given === undefined ? "" : query.get(given)!;
  const [typed, setTyped] = useState(value);
  useEffect(() => {
    setTyped(value);
    if (given !== undefined) setWhose(given);
  }, [value, given]);
  const { from, to } = readRange(query);
  const chosen = query.get("event");
  const hints = { resource: said.resourceHint, user: said.userHint, ip: said.ipHint } as const;
  return (
    <Space orientation="vertical" size={12} style={{ width: "100%" }}>
      <Card size="small">
        <Space orientation="vertical" size={10} style={{ width: "100%" }}>
          <Flex gap={8} wrap>
            <Segmented<Whose>
              aria-label={said.value}
              value={whose}
              onChange={setWhose}
              options={wholes.map((name) => ({ value: name, label: said[name] }))}
            />
            <Input.Search
              style={{ flex: 1, minWidth: 220 }}
              aria-label={said.value}
              placeholder={hints[whose]}
              value={typed}
              allowClear
              enterButton={said.tell}
              onChange={({ target }) => setTyped(target.value)}
              onSearch={(text) =>
                change({
                  resource: undefined,
                  resourceType: undefined,
                  project: undefined,
                  user: undefined,
                  ip: undefined,
                  mark: undefined,
                  [whose]: text.trim(),
                })
              }
            />
          </Flex>
          <RangePicker />
        </Space>
      </Card>
      {given === undefined ? (
        <Start />
      ) : (
        <Telling
          key={`${given} ${value}`}
          asked={{
            resourceId: query.get("resource") ?? undefined,
            resourceType: query.get("resourceType") ?? undefined,
            project: query.get("project") ?? undefined,
            user: query.get("user") ?? undefined,
            ip: query.get("ip") ?? undefined,
            from,
            to,
          }}
        />
      )}
      {chosen !== null && (
        <Suspense>
          <EventDrawer seq={Number(chosen)} onClose={() => change({ event: undefined })} />
        </Suspense>
      )}
    </Space>
  );
}

interface Top {
  readonly items: readonly {
    readonly resource?: { readonly type: string; readonly id: string };
    readonly count: number;
  }[];
}

/** Where nobody is named yet: what can be asked, and whose story may be worth it. */
function Start() {
  const said = useWords().storyPage;
  const { asked, again } = useAsked("story start", (signal) =>
    ask<Top>("/api/v1/stats/top", { query: { by: "resource", limit: 8 }, signal }),
  );
  return (
    <Card size="small">
      <Empty
        image={Empty.PRESENTED_IMAGE_SIMPLE}
        description={
          <>
            <Typography.Title level={2} style={{ fontSize: 16 }}>
              {said.start}
            </Typography.Title>
            <Typography.Text type="secondary">{said.startHint}</Typography.Text>
          </>
        }
      />
      <Shown asked={asked} again={again}>
        {({ items }) =>
          items.length === 0 ? null : (
            <Flex wrap gap={10} justify="center" style={{ paddingBottom: 12 }}>
              <Typography.Text type="secondary">{said.startTop}</Typography.Text>
              {items.flatMap(({ resource }) =>
                resource === undefined
                  ? []
                  : [
                      <Link
                        key={`${resource.type}/${resource.id}`}
                        className="mono"
                        href={`/story?${new URLSearchParams({ resource: resource.id, resourceType: resource.type })}`}
                      >
                        {`${resource.type}/${resource.id}`}
                      </Link>,
                    ],
              )}
            </Flex>
          )
        }
      </Shown>
    </Card>
  );
}

function Telling({ asked: question }: { readonly asked: Readonly<Record<string, string | undefined>> }) {
  const { asked, again } = useAsked(`story ${JSON.stringify(question)}`, (signal) =>
    ask<StoryAnswer>("/api/v1/story", { query: question, signal }),
  );
  return (
    <Shown asked={asked} again={again}>
      {(story) => (story.events.length === 0 ? <Nothing question={question} /> : <Lanes story={story} />)}
    </Shown>
  );
}

function Nothing({ question }: { readonly question: Readonly<Record<string, string | undefined>> }) {
  const said = useWords().storyPage;
  const { query } = useQuery();
  const { resourceId, user, ip } = question;
  const q =
    resourceId !== undefined
      ? barField("resource", resourceId)
      : user !== undefined
        ? barField("user", user)
        : barField("ip", ip!);
  const range = [...query].filter(([name]) => ["from", "to", "last"].includes(name));
  return (
    <Card size="small">
      <Empty
        description={
          <>
            <div>{said.none}</div>
            <Typography.Text type="secondary">{said.noneHint}</Typography.Text>
          </>
        }
      >
        <Link href={`/events?${new URLSearchParams([["q", q], ...range])}`}>{said.lookAmongEvents}</Link>
      </Empty>
    </Card>
  );
}

function Lanes({ story }: { readonly story: StoryAnswer }) {
  const { words, language } = useSettings();
  const said = words.storyPage;
  const { query, change } = useQuery();
  const { token } = theme.useToken();
  const { events } = story;
  const mark = query.get("mark");
  const [chosen, setChosen] = useState<number | undefined>(mark === null ? undefined : Number(mark));
  const toScale = query.get("scale") === "time";
  const chain = useMemo(() => (chosen === undefined ? [] : chainOf(events, chosen)), [events, chosen]);
  const lit = useMemo(() => new Set(chain.map(({ event }) => event.seq)), [chain]);
  const open = (seq: number) => change({ event: String(seq) });
  const bySeq = useMemo(() => new Map(events.map((told) => [told.event.seq, told])), [events]);
  const how = ({ joined }: Told): React.ReactNode => {
    if (joined === null) return <Tag variant="filled">{said.asked}</Tag>;
    const other = bySeq.get(joined.with)?.event;
    const reason =
      joined.by === "resource" ? said.joinedAfter(joined.value) : said.joinedBy(said.links[joined.by], joined.value);
    const what =
      other === undefined ? `${words.number} ${joined.with}` : `${nameOf(other)} (${words.number} ${joined.with})`;
    return (
      <span>
        {reason} <Typography.Text type="secondary">{said.joinedWith(what)}</Typography.Text>
      </span>
    );
  };
  const cuts = [
    ...(story.cut.asked ? [<div key="asked">{said.cutAsked}</div>] : []),
    ...(story.cut.around && story.around !== null
      ? [
          <div key="around">
            {said.cutAround} <When time={story.around.from} />
          </div>,
        ]
      : []),
    ...(story.cut.events ? [<div key="events">{said.cutEvents(events.length.toLocaleString())}</div>] : []),
  ];
  return (
    <Space orientation="vertical" size={12} style={{ display: "flex" }}>
      <Card size="small">
        <Flex justify="space-between" gap={12}>
          <Steps events={events} />
          <Typography.Text className="nowrap" data-testid="story-count">
            {said.events(events.length.toLocaleString())}
          </Typography.Text>
        </Flex>
        <Who events={events} />
      </Card>
      {cuts.length > 0 && <Alert data-testid="story-cut" type="warning" showIcon title={cuts} />}
      <Card
        size="small"
        title={<h2 style={{ fontSize: 16, margin: 0 }}>{said.timeline}</h2>}
        extra={
          <Segmented
            size="small"
            value={toScale ? "time" : "even"}
            onChange={(scale) => change({ scale: scale === "time" ? "time" : undefined }, true)}
            options={[
              { value: "even", label: said.evenly },
              { value: "time", label: said.toScale },
            ]}
          />
        }
      >
        <LaneChart
          events={events}
          lanes={story.lanes.map(({ lane }) => lane)}
          toScale={toScale}
          chosen={chosen}
          chain={lit}
          onChoose={setChosen}
          onOpen={open}
        />
        <Flex wrap gap={14} align="center" style={{ marginTop: 8 }}>
          <Dot color={token.colorTextTertiary} round={2} label={said.asked} />
          <Dot color={token.colorTextTertiary} round={6} label={said.joined} />
          <Flex aria-hidden="true" gap={6}>
            {risks
              .filter((risk) => events.some(({ event }) => (event.risk ?? "Info") === risk))
              .map((risk) => (
                <RiskTag key={risk} risk={risk} />
              ))}
          </Flex>
        </Flex>
        <div role="status" data-testid="story-chain" style={{ minHeight: 74, marginTop: 8 }}>
          {chain.length === 0 ? (
            <Typography.Text type="secondary">{said.chartHint}</Typography.Text>
          ) : (
            <>
              <Typography.Text strong>{said.chosen}</Typography.Text>
              <ol style={{ margin: "4px 0 0", paddingInlineStart: 22 }}>
                {chain.map((told) => (
                  <li key={told.event.seq}>
                    <Space size={8} wrap>
                      <When time={told.event.time} />
                      <Typography.Text strong>{nameOf(told.event)}</Typography.Text>
                      {how(told)}
                    </Space>
                  </li>
                ))}
              </ol>
            </>
          )}
        </div>
      </Card>
      <Common common={story.common} />
      <Table<Told>
        size="small"
        title={() => <h2 style={{ fontSize: 16, margin: 0 }}>{said.asList}</h2>}
        rowKey={({ event }) => event.seq}
        dataSource={[...events]}
        pagination={false}
        scroll={{ x: "max-content" }}
        onRow={({ event: { seq } }) => ({
          tabIndex: 0,
          "data-seq": seq,
          style: { cursor: "pointer", ...(seq === chosen ? { background: token.colorFillTertiary } : {}) },
          onClick: () => open(seq),
          onMouseEnter: () => setChosen(seq),
          onFocus: () => setChosen(seq),
          onKeyDown: ({ key }) => {
            if (key === "Enter") open(seq);
          },
        })}
        columns={[
          { key: "time", title: words.time, render: (_, { event }) => <When time={event.time} /> },
          {
            key: "after",
            title: said.after,
            render: (_, { event }, i) =>
              i === 0 ? "" : `+${duration(Date.parse(event.time) - Date.parse(events[i - 1]!.event.time), language)}`,
          },
          { key: "lane", title: said.lane, render: (_, { lane }) => said.lanes[lane] },
          { key: "risk", title: words.risk, render: (_, { event }) => <RiskTag risk={event.risk} /> },
          { key: "type", title: words.type, render: (_, { event }) => <Tag>{nameOf(event)}</Tag> },
          {
            key: "resource",
            title: words.resource,
            render: (_, { event }) => <span className="mono nowrap">{resourceOf(event)}</span>,
          },
          { key: "how", title: said.how, render: (_, told) => how(told) },
          {
            key: "what",
            title: words.what,
            render: (_, { event }) => (
              <Typography.Text ellipsis style={{ maxWidth: 420, display: "block" }}>
                {summary(event)}
              </Typography.Text>
            ),
          },
        ]}
        footer={() => (
          <Typography.Text type="secondary">
            {cuts.length === 0
              ? said.whole(story.scanned.toLocaleString())
              : said.looked(story.scanned.toLocaleString())}
          </Typography.Text>
        )}
      />
    </Space>
  );
}

function Dot({ color, round, label }: { readonly color: string; readonly round: number; readonly label: string }) {
  return (
    <Flex gap={6} align="center">
      <span aria-hidden="true" style={{ width: 12, height: 12, borderRadius: round, background: color }} />
      <Typography.Text type="secondary">{label}</Typography.Text>
    </Flex>
  );
}

function nameOf(event: Told["event"]): string {
  return event.type ?? event.name ?? event.kind;
}

/** What was not followed, because everybody shares it. */
function Common({ common }: Pick<StoryAnswer, "common">) {
  const said = useWords().storyPage;
  const [all, setAll] = useState(false);
  if (common.length === 0) return null;
  const shown = all ? common : common.slice(0, 5);
  return (
    <Flex wrap gap={8} align="center" data-testid="story-common">
      <Typography.Text type="secondary">{said.common}</Typography.Text>
      {shown.map(({ by, value, events }) => (
        <Tag key={`${by} ${value}`}>{said.commonValue(said.links[by], value, events.toLocaleString())}</Tag>
      ))}
      {common.length > shown.length && (
        <Button size="small" type="link" onClick={() => setAll(true)}>{`+${common.length - shown.length}`}</Button>
      )}
    </Flex>
  );
}
