// The closed audit files of an instance, the newest first, each to be downloaded as it is.
import { DownloadOutlined } from "@ant-design/icons";
import { Alert, Flex, Grid, Table, Typography } from "antd";
import { ask } from "../api.ts";
import { Shown, useAsked } from "../parts/asked.tsx";
import { When } from "../parts/event.tsx";
import { RangePicker, readRange, useQuery } from "../parts/range.tsx";
import { Nothing } from "../parts/rows.tsx";
import { useWords } from "../settings.tsx";
import type { AskedPolicy } from "./database-policy.tsx";

interface File {
  readonly id: string;
  readonly name: string;
  readonly bytes: number;
  readonly begin: string;
  readonly end: string;
  readonly closed: string;
}

const atOnce = 20;
const dayMs = 86_400_000;

export function AuditFiles({ id, policy }: { readonly id: string; readonly policy: AskedPolicy }) {
  const words = useWords();
  const say = words.files;
  const { query, change } = useQuery();
  const wide = Grid.useBreakpoint().md === true;
  const page = Number(query.get("page") ?? 1);
  const asked = { ...readRange(query), limit: atOnce, page };
  const files = useAsked(`files ${id} ${JSON.stringify(asked)}`, (signal) =>
    ask<{ files: readonly File[]; total: number }>(`/api/v1/instances/${id}/audit-files`, { query: asked, signal }),
  );
  const keepDays = policy.asked.state === "there" ? policy.asked.answer.keepDays : undefined;
  return (
    <Flex vertical gap={12}>
      <RangePicker />
      {keepDays === 0 && <Alert type="info" showIcon title={say.filesOff} />}
      <Shown asked={files.asked} again={files.again}>
        {({ files: found, total }) => (
          <Table<File>
            size="small"
            rowKey="id"
            dataSource={[...found]}
            locale={{ emptyText: <Nothing title={say.noFiles} hint={say.noFilesHint} /> }}
            title={() => <strong data-testid="total">{say.total(total.toLocaleString())}</strong>}
            pagination={
              total > atOnce
                ? {
                    total,
                    current: page,
                    pageSize: atOnce,
                    showSizeChanger: false,
                    onChange: (to) => change({ page: to === 1 ? undefined : String(to) }),
                  }
                : false
            }
            columns={[
              {
                title: say.file,
                render: (_, file) => (
                  <>
                    <Typography.Link
                      className="mono"
                      style={{ wordBreak: "break-all" }}
                      aria-label={`${say.download}: ${file.name}`}
                      download={file.name}
                      href={`/api/v1/instances/${id}/audit-files/${encodeURIComponent(file.id)}/content`}
                    >
                      <DownloadOutlined /> {file.name}
                    </Typography.Link>
                    {!wide && (
                      <>
                        <div>{bytesText(file.bytes)}</div>
                        {(["begin", "end", "closed"] as const).map((name) => (
                          <div key={name}>
                            {say[name]}: <When time={file[name]} />
                          </div>
                        ))}
                      </>
                    )}
                  </>
                ),
              },
              {
                title: say.size,
                align: "right",
                responsive: ["md"],
                render: (_, { bytes }) => <span style={{ whiteSpace: "nowrap" }}>{bytesText(bytes)}</span>,
              },
              { title: say.begin, responsive: ["md"], render: (_, { begin }) => <When time={begin} /> },
              { title: say.end, responsive: ["md"], render: (_, { end }) => <When time={end} /> },
              { title: say.closed, responsive: ["md"], render: (_, { closed }) => <When time={closed} /> },
              ...(keepDays === undefined || keepDays === 0
                ? []
                : [
                    {
                      title: say.goes,
                      responsive: ["md" as const],
                      render: (_: unknown, { closed }: File) => (
                        <When time={new Date(Date.parse(closed) + keepDays * dayMs).toISOString()} />
                      ),
                    },
                  ]),
            ]}
          />
        )}
      </Shown>
    </Flex>
  );
}

function bytesText(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB"];
  let size = bytes;
  let unit = 0;
  for (; size >= 1024 && unit < units.length - 1; unit++) size /= 1024;
  return `${unit === 0 ? size : size.toFixed(1)} ${units[unit]}`;
}
