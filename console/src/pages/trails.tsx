// Calls of APIs as CloudTrail's LookupEvents asks for them: by exact keys, the newest first, older ones on demand. And the account's
// trails: what each delivers and how that goes.
import { CloseOutlined, PlusOutlined } from "@ant-design/icons";
import { Alert, Button, Card, Flex, Grid, Input, Segmented, Select, Space, Table, Tabs, Tag, Typography } from "antd";
import { lazy, Suspense, useEffect, useState } from "react";
import { ask, type EventPage } from "../api.ts";
import { Shown, useAsked } from "../parts/asked.tsx";
import { When } from "../parts/event.tsx";
import { RangePicker, readRange, useQuery } from "../parts/range.tsx";
import { Nothing } from "../parts/rows.tsx";
import { useWords } from "../settings.tsx";
import type { Call } from "./admin-acts.tsx";
import { StandingExports } from "./standing-exports.tsx";

const EventDrawer = lazy(() =>
  import("../parts/event-drawer.tsx").then(({ EventDrawer: part }) => ({ default: part })),
);

/** CloudTrail's lookup keys, and what asks the list the same. */
const lookupKeys = {
  EventName: "type",
  EventSource: "content.source",
  IdentityName: "user",
  AccessKeyID: "content.accessKeyId",
  Resource: "q",
  SourceIP: "ip",
  ErrorCode: "content.errorCode",
  Region: "content.region",
  IdentityType: "content.identityType",
  RequestID: "content.requestId",
  EventID: "content.eventId",
} as const;
type LookupKey = keyof typeof lookupKeys;
const keys = Object.keys(lookupKeys) as LookupKey[];

export function Trails() {
  const words = useWords();
  const { query, change } = useQuery();
  const tab = query.get("tab") === "trails" ? "trails" : "events";
  return (
    <Card size="small" styles={{ body: { paddingTop: 4 } }}>
      <Tabs
        activeKey={tab}
        onChange={(key) => change({ tab: key === "events" ? undefined : key })}
        items={[
          { key: "events", label: words.calls.events, children: tab === "events" && <Lookup /> },
          { key: "trails", label: words.calls.trails, children: tab === "trails" && <StandingExports /> },
        ]}
      />
    </Card>
  );
}

const atOnce = 50;
/** A search looks at a part of the log per answer: so many answers are asked for before the reader is. */
const mostAnswers = 5;

/** @returns a page of what the parameters mean, from several answers where one found little */
async function lookUp(
  parameters: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<EventPage> {
  let page = await ask<EventPage>("/api/v1/events", { query: { ...parameters, limit: atOnce }, signal });
  for (let n = 1; n < mostAnswers && page.next !== null && page.total === null && page.events.length < atOnce; n++) {
    const more = await ask<EventPage>("/api/v1/events", {
      query: { ...parameters, limit: atOnce - page.events.length, cursor: page.next },
      signal,
    });
    page = { ...more, events: [...page.events, ...more.events] };
  }
  return page;
}

function Lookup() {
  const words = useWords();
  const say = words.calls;
  const { query, change } = useQuery();
  const access = query.get("ReadOnly");
  const given = keys.flatMap((key) => {
    const value = query.get(key);
    return value === null || value === "" ? [] : [{ key, value }];
  });
  const parameters: Record<string, string | undefined> = {
    ...readRange(query),
    kind: "trail",
    "content.readOnly": access ?? undefined,
  };
  for (const { key, value } of given)
    parameters[lookupKeys[key]] = key === "Resource" ? `"${value.replaceAll('"', "")}"` : value;
  const asked = JSON.stringify(parameters);
  const first = useAsked(asked, (signal) => lookUp(parameters, signal));
  const open = query.get("event");

  return (
    <Flex vertical gap={12}>
      <Space wrap size={8}>
        <RangePicker />
        <Segmented
          aria-label={say.readOnly}
          value={access ?? ""}
          onChange={(value) => change({ ReadOnly: value })}
          options={[
            { value: "", label: say.all },
            { value: "false", label: say.changes },
            { value: "true", label: say.reads },
          ]}
        />
      </Space>
      <Condition onAdd={(key, value) => change({ [key]: value })} />
      {given.length > 0 && (
        <Flex gap={4} wrap>
          {given.map(({ key, value }) => (
            <Button
              key={key}
              size="small"
              icon={<CloseOutlined />}
              iconPlacement="end"
              aria-label={`${say.takeAway} ${say.keyOf[key]}: ${value}`}
              onClick={() => change({ [key]: undefined })}
            >
              {`${say.keyOf[key]}: ${value}`}
            </Button>
          ))}
        </Flex>
      )}
      <Shown asked={first.asked} again={first.again}>
        {(page) => (
          <Found key={asked} first={page} parameters={parameters} onFilter={(key, value) => change({ [key]: value })} />
        )}
      </Shown>
      {open !== null && (
        <Suspense>
          <EventDrawer key={open} seq={Number(open)} onClose={() => change({ event: undefined })} />
        </Suspense>
      )}
    </Flex>
  );
}

function Condition({ onAdd }: { readonly onAdd: (key: LookupKey, value: string) => void }) {
  const words = useWords();
  const say = words.calls;
  const [key, setKey] = useState<LookupKey>("EventName");
  const [value, setValue] = useState("");
  const add = () => {
    if (value.trim() === "") return;
    onAdd(key, value.trim());
    setValue("");
  };
  return (
    <Space wrap size={8}>
      <Select
        aria-label={say.lookup}
        style={{ width: 150 }}
        value={key}
        onChange={setKey}
        options={keys.map((each) => ({ value: each, label: say.keyOf[each] }))}
      />
      <Input
        aria-label={say.value}
        placeholder={key === "Resource" ? say.resourceHint : say.value}
        style={{ width: 240 }}
        value={value}
        onChange={({ target }) => setValue(target.value)}
        onPressEnter={add}
      />
      <Button icon={<PlusOutlined />} onClick={add}>
        {say.add}
      </Button>
    </Space>
  );
}

/** The first page and what was asked for after it. */
function Found({
  first,
  parameters,
  onFilter,
}: {
  readonly first: EventPage;
  readonly parameters: Readonly<Record<string, string | undefined>>;
  readonly onFilter: (key: LookupKey, value: string) => void;
}) {
  const words = useWords();
  const say = words.calls;
  const { change } = useQuery();
  const wide = Grid.useBreakpoint().md === true;
  const [pages, setPages] = useState<readonly EventPage[]>([first]);
  const [busy, setBusy] = useState<AbortController>();
  const [problem, setProblem] = useState<string>();
  useEffect(() => setPages([first]), [first]);
  useEffect(() => () => busy?.abort(), [busy]);
  const last = pages.at(-1) ?? first;
  const calls = pages.flatMap(({ events }) => events) as readonly Call[];
  const { scannedTo } = last;

  const more = async (cursor: string) => {
    const stop = new AbortController();
    setBusy(stop);
    setProblem(undefined);
    try {
      const page = await lookUp({ ...parameters, cursor }, stop.signal);
      setPages((before) => [...before, page]);
    } catch (thrown) {
      if (!stop.signal.aborted) setProblem((thrown as Error).message);
    } finally {
      setBusy(undefined);
    }
  };
  const narrow = (key: LookupKey, value: string | undefined) =>
    value === undefined || value === "" ? null : (
      <Button
        type="text"
        size="small"
        className="mono"
        style={{ paddingInline: 4, marginInline: -4 }}
        onClick={(event) => {
          event.stopPropagation();
          onFilter(key, value);
        }}
      >
        {value}
      </Button>
    );
  const resources = ({ resources: named = [] }: Call) => (
    <>
      {named.slice(0, 2).map(({ type, id }) => (
        <div key={`${type} ${id}`}>
          {type} {narrow("Resource", id)}
        </div>
      ))}
      {named.length > 2 && `+${named.length - 2}`}
    </>
  );
  const access = ({ readOnly }: Call) =>
    readOnly === undefined ? null : readOnly ? <Tag>{say.read}</Tag> : <Tag color="blue">{say.write}</Tag>;
  const refused = ({ errorCode }: Call) =>
    errorCode === undefined || errorCode === "" ? null : <Tag color="red">{errorCode}</Tag>;
  return (
    <>
      <Table<Call>
        size="small"
        rowKey="seq"
        dataSource={[...calls]}
        pagination={false}
        {...(wide ? { scroll: { x: "max-content" as const } } : {})}
        locale={{ emptyText: <Nothing title={say.none} hint={say.noneHint} /> }}
        title={() => (
          <strong data-testid="total">
            {first.total === null && last.next !== null
              ? say.soFar(calls.length.toLocaleString())
              : words.total((first.total ?? calls.length).toLocaleString())}
          </strong>
        )}
        columns={[
          { title: words.time, responsive: ["md"], render: (_, { time }) => <When time={time} /> },
          {
            title: say.keyOf.EventName,
            render: (_, call) => (
              <>
                <Button
                  type="link"
                  size="small"
                  style={{ padding: 0 }}
                  onClick={() => change({ event: String(call.seq) })}
                >
                  {call.type}
                </Button>
                {!wide && (
                  <>
                    {" "}
                    {access(call)} {refused(call)}
                    <div>
                      <When time={call.time} />
                    </div>
                    <Flex wrap gap={4}>
                      {narrow("IdentityName", call.userName)}
                      {narrow("EventSource", call.source)}
                      {narrow("SourceIP", call.sourceIp)}
                      {narrow("AccessKeyID", call.accessKeyId)}
                    </Flex>
                    {resources(call)}
                  </>
                )}
              </>
            ),
          },
          {
            title: say.keyOf.IdentityName,
            responsive: ["md"],
            render: (_, { userName }) => narrow("IdentityName", userName),
          },
          {
            title: say.keyOf.EventSource,
            responsive: ["md"],
            render: (_, { source }) => narrow("EventSource", source),
          },
          { title: say.keyOf.Resource, responsive: ["md"], render: (_, call) => resources(call) },
          {
            title: say.keyOf.SourceIP,
            responsive: ["md"],
            render: (_, { sourceIp }) => narrow("SourceIP", sourceIp),
          },
          { title: say.readOnly, responsive: ["md"], render: (_, call) => access(call) },
          { title: say.error, responsive: ["md"], render: (_, call) => refused(call) },
          {
            title: say.keyOf.AccessKeyID,
            responsive: ["md"],
            render: (_, { accessKeyId }) => narrow("AccessKeyID", accessKeyId),
          },
        ]}
      />
      {problem !== undefined && <Alert type="error" showIcon title={words.failed} description={problem} />}
      {last.next !== null && (
        <Flex gap={12} align="center" wrap>
          <Button loading={busy !== undefined} onClick={() => more(last.next!)}>
            {say.more}
          </Button>
          {scannedTo !== undefined && scannedTo !== null && (
            <Typography.Text type="secondary">
              {say.lookedBackTo} <When time={scannedTo.time} />
            </Typography.Text>
          )}
        </Flex>
      )}
    </>
  );
}
