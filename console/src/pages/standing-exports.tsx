// The account's trails: what each delivers, where to, and how that goes. They are made by the cloud's own actions.
import { Badge, Grid, Table, Typography } from "antd";
import { ask } from "../api.ts";
import { Shown, useAsked } from "../parts/asked.tsx";
import { When } from "../parts/event.tsx";
import { Nothing } from "../parts/rows.tsx";
import { useWords } from "../settings.tsx";

interface Trail {
  readonly name: string;
  readonly scope: "All" | "Read" | "Write";
  readonly sources: readonly string[];
  readonly bucket: string;
  readonly prefix: string;
  readonly created: string;
  readonly logging: boolean;
  readonly loggingStarted: string | null;
  readonly loggingStopped: string | null;
  readonly delivered: string | null;
  readonly error: string | null;
}

export function StandingExports() {
  const words = useWords();
  const say = words.calls;
  const wide = Grid.useBreakpoint().md === true;
  const { asked, again } = useAsked("trails", (signal) =>
    ask<{ trails: readonly Trail[] }>("/api/v1/trails", { signal }),
  );
  const state = ({ logging, loggingStarted, loggingStopped }: Trail) => {
    const since = logging ? loggingStarted : loggingStopped;
    return (
      <>
        <Badge status={logging ? "success" : "default"} text={logging ? say.logging : say.stopped} />
        {since !== null && (
          <div style={{ opacity: 0.75 }}>
            {say.since} <When time={since} />
          </div>
        )}
      </>
    );
  };
  const selected = ({ scope, sources }: Trail): string =>
    `${say.scopeOf[scope]}, ${sources.length === 0 ? say.allSources : say.ofSources(sources.join(", "))}`;
  const folder = ({ bucket, prefix }: Trail) => (
    <span className="mono">{prefix === "" ? bucket : `${bucket}/${prefix}`}</span>
  );
  const delivery = ({ delivered, error }: Trail) => (
    <>
      {delivered === null ? say.noDelivery : <When time={delivered} />}
      {error !== null && (
        <div>
          <Typography.Text type="danger">{error}</Typography.Text>
        </div>
      )}
    </>
  );
  return (
    <Shown asked={asked} again={again}>
      {({ trails }) => (
        <>
          <Typography.Paragraph type="secondary">{say.trailsHint}</Typography.Paragraph>
          <Table<Trail>
            size="small"
            rowKey="name"
            dataSource={[...trails]}
            pagination={false}
            locale={{ emptyText: <Nothing title={say.noTrails} hint={say.noTrailsHint} /> }}
            columns={[
              {
                title: words.admin.nameOf,
                render: (_, trail) =>
                  wide ? (
                    trail.name
                  ) : (
                    <>
                      <strong>{trail.name}</strong>
                      <div>{state(trail)}</div>
                      <div>
                        {say.delivers}: {selected(trail)}
                      </div>
                      <div>
                        {say.folder}: {folder(trail)}
                      </div>
                      <div>
                        {say.lastDelivery}: {delivery(trail)}
                      </div>
                    </>
                  ),
              },
              { title: words.admin.status, responsive: ["md"], render: (_, trail) => state(trail) },
              { title: say.delivers, responsive: ["md"], render: (_, trail) => selected(trail) },
              { title: say.folder, responsive: ["md"], render: (_, trail) => folder(trail) },
              { title: say.lastDelivery, responsive: ["md"], render: (_, trail) => delivery(trail) },
              { title: words.admin.created, responsive: ["md"], render: (_, { created }) => <When time={created} /> },
            ]}
          />
        </>
      )}
    </Shown>
  );
}
