// One event with everything that is known of it, as each cloud's API tells it, and whether it can be proved.
import { CheckCircleFilled, CloseCircleFilled, DownloadOutlined, LoadingOutlined } from "@ant-design/icons";
import { Alert, Button, Descriptions, Drawer, Flex, Grid, Tabs, Tag, Typography } from "antd";
import { useEffect, useState } from "react";
import { Link } from "wouter";
import { ask, type StoredEvent } from "../api.ts";
import { type Proved, prove } from "../proof.ts";
import { useWords } from "../settings.tsx";
import { Shown, useAsked } from "./asked.tsx";
import { Dialects } from "./dialects.tsx";
import { RiskTag, resourceOf, summary, When } from "./event.tsx";
import { whoOf } from "./who.ts";

export function EventDrawer({ seq, onClose }: { readonly seq: number; readonly onClose: () => void }) {
  const words = useWords();
  const wide = Grid.useBreakpoint().md === true;
  const { asked, again } = useAsked(String(seq), (signal) => ask<StoredEvent>(`/api/v1/events/${seq}`, { signal }));
  return (
    <Drawer open onClose={onClose} title={`${words.details} · ${words.number} ${seq}`} size={wide ? 620 : "100%"}>
      <Shown asked={asked} again={again}>
        {(event) => <Details event={event} />}
      </Shown>
    </Drawer>
  );
}

function Details({ event }: { readonly event: StoredEvent }) {
  const words = useWords();
  const { contents = [] } = event;
  const known: readonly (readonly [string, React.ReactNode])[] = [
    [words.time, <When key="t" time={event.time} both />],
    [words.received, <When key="r" time={event.received} both />],
    [words.kind, event.kind],
    [words.type, <Tag key="type">{event.type ?? event.name}</Tag>],
    [words.risk, event.risk && <RiskTag key="risk" risk={event.risk} />],
    [
      words.resource,
      resourceOf(event) && (
        <span key="res" className="mono">
          {resourceOf(event)}
        </span>
      ),
    ],
    [words.rule, event.rule],
    [words.parser, event.parser && `${event.parser.name} ${event.parser.version}`],
    [
      words.position,
      event.position && (
        <span
          key="p"
          className="mono"
        >{`${event.position.source} · ${event.position.stream} · ${event.position.offset}`}</span>
      ),
    ],
  ];
  const shown = new Set([
    "seq",
    "received",
    "kind",
    "time",
    "type",
    "name",
    "resource",
    "risk",
    "rule",
    "parser",
    "position",
    "contents",
    "detail",
    "raw",
    "rawBase64",
  ]);
  const rest = Object.entries(event).filter(([name, value]) => !shown.has(name) && value !== undefined);
  const fields = (
    <>
      <Typography.Paragraph style={{ fontSize: 15 }}>{summary(event)}</Typography.Paragraph>
      <Descriptions
        size="small"
        bordered
        column={1}
        styles={{ label: { width: 150 } }}
        items={[
          ...known
            .filter(([, value]) => value !== undefined && value !== "")
            .map(([label, children]) => ({ key: label, label, children })),
          ...contents.map(({ key, value }, i) => ({
            key: `c${i}`,
            label: key,
            children: <span className="mono">{value}</span>,
          })),
          ...rest.map(([key, value]) => ({
            key,
            label: key,
            children: <span className="mono">{typeof value === "string" ? value : JSON.stringify(value)}</span>,
          })),
        ]}
      />
    </>
  );
  const record = event.raw ?? (event.rawBase64 === undefined ? undefined : `base64: ${event.rawBase64}`);
  return (
    <>
      <Proof event={event} />
      <StoryLinks event={event} />
      <Tabs
        destroyOnHidden
        items={[
          { key: "fields", label: words.fields, children: fields },
          {
            key: "raw",
            label: words.raw,
            children:
              record === undefined ? (
                <Typography.Text type="secondary">{words.noRecord}</Typography.Text>
              ) : (
                <pre className="mono" style={{ whiteSpace: "pre-wrap" }}>
                  {record}
                </pre>
              ),
          },
          { key: "dialects", label: words.dialects, children: <Dialects seq={event.seq} /> },
        ]}
      />
    </>
  );
}

/** From an event to the whole story of those it names. */
function StoryLinks({ event }: { readonly event: StoredEvent }) {
  const said = useWords().explorerPage;
  const { users, addresses } = whoOf(event);
  const { resource } = event;
  const links: (readonly [label: string, query: Readonly<Record<string, string>>])[] = [
    ...(resource === undefined ? [] : [[resource.id, { resource: resource.id, resourceType: resource.type }] as const]),
    ...(event.instance === undefined ? [] : [[event.instance, { resource: event.instance }] as const]),
    ...users.map((user) => [user, { user }] as const),
    ...addresses.map((ip) => [ip, { ip }] as const),
  ];
  if (links.length === 0) return null;
  // Around the event: what was long before or after it is another story.
  const at = Date.parse(event.time);
  const around = {
    from: new Date(at - 12 * 3_600_000).toISOString(),
    to: new Date(at + 12 * 3_600_000).toISOString(),
  };
  return (
    <Flex wrap gap={8} align="center" style={{ marginTop: 12 }} data-testid="story-links">
      <Typography.Text type="secondary">{said.storyOf}</Typography.Text>
      {links.map(([label, query]) => (
        <Link
          key={JSON.stringify(query)}
          className="mono"
          href={`/story?${new URLSearchParams({ ...query, ...around, mark: String(event.seq) })}`}
        >
          {label}
        </Link>
      ))}
    </Flex>
  );
}

type State =
  | { readonly at: "proving" }
  | { readonly at: "proved"; readonly proved: Proved }
  | { readonly at: "refused"; readonly why: string };

function Proof({ event }: { readonly event: StoredEvent }) {
  const words = useWords();
  const [state, setState] = useState<State>({ at: "proving" });
  useEffect(() => {
    let wanted = true;
    setState({ at: "proving" });
    prove(event).then(
      (proved) => wanted && setState({ at: "proved", proved }),
      (thrown: Error) => wanted && setState({ at: "refused", why: thrown.message }),
    );
    return () => {
      wanted = false;
    };
  }, [event]);
  if (state.at === "proving") return <Alert type="info" icon={<LoadingOutlined />} showIcon title={words.proving} />;
  if (state.at === "refused")
    return (
      <Alert
        data-testid="proof-refused"
        type="error"
        showIcon
        icon={<CloseCircleFilled />}
        title={words.notProved}
        description={state.why}
      />
    );
  const { size, origin, time, file, since, rotations } = state.proved;
  return (
    <Alert
      data-testid="proof-good"
      type="success"
      showIcon
      icon={<CheckCircleFilled />}
      title={words.proved}
      description={
        <>
          <div>{`${words.proofHint} ${since === undefined ? words.firstVisit : words.continues(since.size.toLocaleString())}`}</div>
          {rotations === 0 ? undefined : <div>{words.rotated(rotations)}</div>}
          <div className="mono">{`${origin}, ${words.proofSize(size.toLocaleString())}${time === undefined ? "" : `, ${new Date(time).toISOString()}`}`}</div>
        </>
      }
      action={
        <Button
          size="small"
          icon={<DownloadOutlined />}
          href={URL.createObjectURL(new Blob([file]))}
          download={`${event.seq}.tlog-proof`}
        >
          {words.downloadProof}
        </Button>
      }
    />
  );
}
