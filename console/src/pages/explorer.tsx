// All events by filter, with their exact number, any page of them, what each is, and whether it can be proved. Everything that is
// chosen stands in the address, so that it can be shared, saved and come back to.
import { QuestionCircleOutlined, ReloadOutlined, ShareAltOutlined, ThunderboltOutlined } from "@ant-design/icons";
import {
  App,
  Button,
  Card,
  Empty,
  Flex,
  Input,
  Pagination,
  Popover,
  Select,
  Space,
  Table,
  Tag,
  Typography,
  theme,
} from "antd";
import { lazy, Suspense, useEffect, useMemo, useState } from "react";
import { useLocation } from "wouter";
import { kinds, risks, type StoredEvent } from "../api.ts";
import { Shown } from "../parts/asked.tsx";
import { readColumns, useColumns, writeColumns } from "../parts/columns.tsx";
import { When } from "../parts/event.tsx";
import { useExport } from "../parts/export.tsx";
import { parametersOf, readBar, withoutField } from "../parts/filter.ts";
import { type Finding, type Found, useFound } from "../parts/found.ts";
import { LiveStrip } from "../parts/live-strip.tsx";
import { RangePicker, readRange, useQuery } from "../parts/range.tsx";
import { SavedSearches } from "../parts/saved-searches.tsx";
import { useTail } from "../parts/tail.ts";
import { useWords } from "../settings.tsx";

const EventDrawer = lazy(() =>
  import("../parts/event-drawer.tsx").then(({ EventDrawer: part }) => ({ default: part })),
);

const usualSize = 20;
const sizes = [20, 50, 100, 500];

function whole(text: string | null, least: number, most: number, otherwise: number): number {
  const given = Number(text ?? otherwise);
  return Number.isInteger(given) && given >= least && given <= most ? given : otherwise;
}

export function Explorer() {
  const words = useWords();
  const said = words.explorerPage;
  const { message } = App.useApp();
  const [, go] = useLocation();
  const { query, change } = useQuery();
  const bar = query.get("q") ?? "";
  const [typed, setTyped] = useState(bar);
  useEffect(() => setTyped(bar), [bar]);

  const range = readRange(query);
  const { from, to } = range;
  const parameters = useMemo(() => parametersOf(query, { from, to }), [query, from, to]);
  const order = query.get("order") === "asc" ? "asc" : "desc";
  const limit = whole(query.get("size"), 1, 1000, usualSize);
  const page = whole(query.get("page"), 1, 2 ** 31 - 1, 1);
  const finding = useFound({ parameters, order, limit, page });
  const found = finding.asked.state === "there" ? finding.asked.answer : undefined;

  const live = query.get("live") === "1";
  const tail = useTail(parameters, live && found !== undefined ? found.size - 1 : undefined);
  const exported = useExport(parameters);
  const { unknown } = readBar(bar);
  const chosenColumns = readColumns(query.get("cols"));
  const columns = useColumns(found?.events ?? [], chosenColumns);
  const chosen = query.get("event");

  /** A field chosen beside the bar replaces the same field in the bar. */
  const choose = (field: "kind" | "risk", value: string) =>
    change({ [field]: value, q: withoutField(bar, field), page: undefined });

  return (
    <Space orientation="vertical" size={12} style={{ width: "100%" }}>
      <Card size="small">
        <Space orientation="vertical" size={10} style={{ width: "100%" }}>
          <Flex gap={8}>
            <Input.Search
              aria-label={words.search}
              placeholder={said.hint}
              value={typed}
              allowClear
              enterButton={words.search}
              onChange={({ target }) => setTyped(target.value)}
              onSearch={(text) => {
                if (text.trim() === bar) finding.again();
                else change({ q: text.trim(), page: undefined });
              }}
            />
            <Popover trigger="click" placement="bottomRight" title={said.help} content={<Help />}>
              <Button icon={<QuestionCircleOutlined />} aria-label={said.help} />
            </Popover>
          </Flex>
          {unknown.length > 0 && (
            <Typography.Text type="warning" role="status">
              {said.noField(unknown.join(", "))}
            </Typography.Text>
          )}
          <Flex wrap gap={8}>
            <RangePicker />
            <Select
              aria-label={words.kind}
              style={{ minWidth: 120 }}
              value={parameters.kind ?? ""}
              onChange={(kind) => choose("kind", kind)}
              options={[{ value: "", label: words.anyKind }, ...kinds.map((kind) => ({ value: kind, label: kind }))]}
            />
            <Select
              aria-label={words.risk}
              mode="multiple"
              allowClear
              style={{ minWidth: 130 }}
              placeholder={words.anyRisk}
              value={parameters.risk?.split(",") ?? []}
              onChange={(risk: string[]) => choose("risk", risk.join(","))}
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
              icon={<ThunderboltOutlined />}
              type={live ? "primary" : "default"}
              aria-pressed={live}
              onClick={() => change({ live: live ? undefined : "1" })}
            >
              {said.live}
            </Button>
            <SavedSearches query={query} onOpen={(saved) => go(saved === "" ? "/events" : `/events?${saved}`)} />
            {exported.button}
            <Button
              icon={<ShareAltOutlined />}
              onClick={() => {
                // Where the page came without TLS there is no clipboard; the address is in its bar.
                const written =
                  navigator.clipboard?.writeText(location.href) ?? Promise.reject(new Error(location.href));
                written.then(
                  () => message.success(words.copied),
                  () => message.info(location.href),
                );
              }}
            >
              {words.share}
            </Button>
            <Select
              aria-label={words.columns}
              mode="multiple"
              maxTagCount={0}
              maxTagPlaceholder={words.columns}
              popupMatchSelectWidth={220}
              showSearch={{ optionFilterProp: "label" }}
              style={{ minWidth: 110 }}
              value={[...chosenColumns]}
              onChange={(wanted: string[]) => change({ cols: writeColumns(wanted) }, true)}
              options={columns.options}
            />
            <Button
              icon={<ReloadOutlined />}
              aria-label={said.reload}
              loading={finding.busy && found !== undefined}
              onClick={finding.again}
            />
          </Flex>
        </Space>
      </Card>
      {exported.progress}
      {live && (
        <LiveStrip
          tail={tail}
          rangeIsPast={to !== undefined && Date.parse(to) < Date.now()}
          onReload={finding.again}
          onStop={() => change({ live: undefined })}
        />
      )}
      <Shown asked={finding.asked} again={finding.again}>
        {(answer) => (
          <Answer
            found={answer}
            finding={finding}
            fresh={live ? tail.fresh : []}
            columns={columns.shown}
            limit={limit}
            page={page}
            onPage={(to, size) =>
              change({
                page: to === 1 ? undefined : String(to),
                size: size === usualSize ? undefined : String(size),
              })
            }
            onOpen={(seq) => change({ event: String(seq) })}
          />
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

function Answer({
  found: { events, total, searched },
  finding,
  fresh,
  columns,
  limit,
  page,
  onPage,
  onOpen,
}: {
  readonly found: Found;
  readonly finding: Finding;
  readonly fresh: readonly StoredEvent[];
  readonly columns: ReturnType<typeof useColumns>["shown"];
  readonly limit: number;
  readonly page: number;
  readonly onPage: (page: number, size: number) => void;
  readonly onOpen: (seq: number) => void;
}) {
  const words = useWords();
  const said = words.explorerPage;
  const { token } = theme.useToken();
  const listed = new Set(events.map(({ seq }) => seq));
  const top = fresh.filter(({ seq }) => !listed.has(seq));
  const isFresh = new Set(top.map(({ seq }) => seq));
  const marked = columns.map((column, i) =>
    i > 0
      ? column
      : {
          ...column,
          render: (_: unknown, event: StoredEvent) => (
            <>
              {isFresh.has(event.seq) && (
                <Tag variant="outlined" style={{ marginInlineEnd: 8 }}>
                  {said.freshMark}
                </Tag>
              )}
              {column.render(_, event)}
            </>
          ),
        },
  );
  const more = searched !== undefined && searched.next !== null;
  const beyond = total !== null && total > 0 && events.length === 0;
  const empty = beyond ? (
    <Empty description={said.beyond}>
      <Button onClick={() => onPage(Math.ceil(total / limit), limit)}>{said.lastPage}</Button>
    </Empty>
  ) : more ? (
    <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={said.nothingYet} />
  ) : (
    <Empty
      description={
        <>
          <div>{words.noEvents}</div>
          <Typography.Text type="secondary">{words.noEventsHint}</Typography.Text>
        </>
      }
    />
  );
  const footer =
    searched === undefined ? (
      <Pagination
        total={total ?? 0}
        current={page}
        pageSize={limit}
        pageSizeOptions={sizes}
        showSizeChanger
        showQuickJumper
        responsive
        size="small"
        align="end"
        onChange={onPage}
      />
    ) : more ? (
      <Flex gap={12} align="center" wrap>
        <Typography.Text type="secondary" role="status" data-testid="searched">
          {`${said.searchedTo(searched.looked.toLocaleString())} `}
          {searched.to !== undefined && <When time={searched.to} />}
        </Typography.Text>
        <Button type="primary" loading={finding.busy} onClick={finding.further}>
          {finding.goingOn ? said.searching : said.further}
        </Button>
        {finding.goingOn && <Button onClick={finding.stop}>{said.stop}</Button>}
      </Flex>
    ) : undefined;
  return (
    <Card size="small" styles={{ body: { padding: 0 } }}>
      <Table<StoredEvent>
        size="small"
        rowKey="seq"
        dataSource={[...top, ...events]}
        scroll={{ x: "max-content" }}
        pagination={false}
        locale={{ emptyText: empty }}
        onRow={({ seq }) => ({
          tabIndex: 0,
          "data-seq": seq,
          "data-fresh": isFresh.has(seq),
          style: { cursor: "pointer", ...(isFresh.has(seq) ? { background: token.colorInfoBg } : {}) },
          onClick: () => onOpen(seq),
          onKeyDown: ({ key }) => {
            if (key === "Enter") onOpen(seq);
          },
        })}
        columns={marked}
        title={() => (
          <Flex gap={12}>
            <Typography.Text strong data-testid="total">
              {searched === undefined
                ? words.total((total ?? 0).toLocaleString())
                : total === null
                  ? said.found(events.length.toLocaleString())
                  : said.foundAll(total.toLocaleString())}
            </Typography.Text>
            {top.length > 0 && (
              <Typography.Text type="secondary">{`+ ${said.fresh(top.length.toLocaleString())}`}</Typography.Text>
            )}
          </Flex>
        )}
        {...(footer === undefined ? {} : { footer: () => footer })}
      />
    </Card>
  );
}

function Help() {
  const said = useWords().explorerPage;
  const row = (example: string, what?: string) => (
    <div key={example} style={{ marginBottom: 4 }}>
      <Typography.Text code>{example}</Typography.Text> {what}
    </div>
  );
  return (
    <div style={{ maxWidth: "min(460px, 80vw)" }}>
      <Typography.Text strong>{said.helpFields}</Typography.Text>
      {row("type:SshLogin,Connection risk:High,Critical")}
      {row("kind:trail resource:ep-1 resourceType:endpoint project:p")}
      <Typography.Text strong>{said.helpSearch}</Typography.Text>
      {row('failed "for root"', said.helpWords)}
      {row("user:alice", said.helpUser)}
      {row("ip:10.0.26.52", said.helpIp)}
      {row("content.Tag:Unknown", said.helpContent)}
      <Typography.Text type="secondary">{said.helpMany}</Typography.Text>
    </div>
  );
}
